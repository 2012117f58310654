import MOSCore

/// A segment that came for a connection, checked: its checksum is right, and its lengths are sane. The payload stays valid for
/// the call that it is given to.
public struct IncomingSegment: BitwiseCopyable {
  /// SEG.SEQ.
  public var sequence: SequenceNumber
  /// SEG.ACK; without meaning where the ACK bit is not set.
  public var acknowledgment: SequenceNumber
  /// Control bits.
  public var flags: TCPFlags
  /// Window field, not scaled.
  public var window: UInt16
  /// The options.
  public var options: TCPOptions
  /// The first payload byte.
  public var payload: UnsafeRawPointer?
  /// Payload bytes.
  public var payloadLength: UInt32

  /// A segment from its parts.
  public init(
    sequence: SequenceNumber, acknowledgment: SequenceNumber, flags: TCPFlags, window: UInt16,
    options: TCPOptions = TCPOptions(), payload: UnsafeRawPointer? = nil, payloadLength: UInt32 = 0
  ) {
    self.sequence = sequence
    self.acknowledgment = acknowledgment
    self.flags = flags
    self.window = window
    self.options = options
    self.payload = payload
    self.payloadLength = payloadLength
  }

  /// SEG.LEN: payload bytes, and one for each of SYN and FIN.
  public var length: UInt32 {
    payloadLength &+ (flags.contains(.syn) ? 1 : 0) &+ (flags.contains(.fin) ? 1 : 0)
  }
}
