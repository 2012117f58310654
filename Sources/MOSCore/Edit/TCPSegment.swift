/// What a TCP segment says, without addresses, ports and payload: what `SegmentBuilder` is given.
@frozen
public struct TCPSegment: BitwiseCopyable, Hashable, Sendable {
  /// Sequence number.
  public var sequence: UInt32
  /// Acknowledgment number; 0 in a segment without ACK.
  public var acknowledgment: UInt32
  /// Control bits.
  public var flags: TCPFlags
  /// Window field, not scaled.
  public var window: UInt16

  /// A segment from its fields.
  @inlinable public init(sequence: UInt32, acknowledgment: UInt32, flags: TCPFlags, window: UInt16) {
    self.sequence = sequence
    self.acknowledgment = acknowledgment
    self.flags = flags
    self.window = window
  }

  /// A reset without ACK. Receivers close at once only when `sequence` is the next that they expect (RFC 5961 3.2).
  @inlinable public static func reset(sequence: UInt32) -> TCPSegment {
    TCPSegment(sequence: sequence, acknowledgment: 0, flags: .rst, window: 0)
  }

  /// A reset with ACK: what answers a SYN (RFC 9293 3.10.7.1), and what hosts send for a connection of theirs.
  @inlinable public static func reset(sequence: UInt32, acknowledgment: UInt32) -> TCPSegment {
    TCPSegment(sequence: sequence, acknowledgment: acknowledgment, flags: [.rst, .ack], window: 0)
  }

  /// An acknowledgment without text.
  @inlinable public static func acknowledgment(
    sequence: UInt32, acknowledgment: UInt32, window: UInt16
  ) -> TCPSegment {
    TCPSegment(sequence: sequence, acknowledgment: acknowledgment, flags: .ack, window: window)
  }

  /// A segment with text, pushed.
  @inlinable public static func data(sequence: UInt32, acknowledgment: UInt32, window: UInt16) -> TCPSegment {
    TCPSegment(sequence: sequence, acknowledgment: acknowledgment, flags: [.psh, .ack], window: window)
  }

  /// The end of a stream; text may come with it.
  @inlinable public static func finish(sequence: UInt32, acknowledgment: UInt32, window: UInt16) -> TCPSegment {
    TCPSegment(sequence: sequence, acknowledgment: acknowledgment, flags: [.fin, .ack], window: window)
  }
}
