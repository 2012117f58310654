import MOSCore

/// A segment that a connection sends, but for its payload.
public struct OutgoingSegment: BitwiseCopyable {
  /// What its header says.
  public var header: TCPSegment
  /// Its options, padded to whole words.
  public var options: InlineArray<40, UInt8>
  /// How many bytes of options there are: 0 to 40, a multiple of four.
  public var optionsLength: UInt8
  /// How many bytes of payload follow.
  public var payloadLength: UInt32
  /// Addresses and ports, source first.
  public var key: FlowKey
}

/// Where the segments of connections go.
public protocol SegmentSink: ~Copyable {
  /// Takes a segment. Returns where its payload is to be written, `payloadLength` bytes, before the next call of any method; nil where
  /// there is no room for the segment, which is lost then, as in a network.
  mutating func begin(_ segment: OutgoingSegment) -> UnsafeMutableRawPointer?
}
