/// One of the two ends of a flow.
@frozen
public enum Side: UInt8, BitwiseCopyable, Sendable, CaseIterable {
  /// The end that opened the connection (Zeek's originator).
  case client = 0
  /// The end that was addressed (Zeek's responder).
  case server = 1

  /// The other end.
  @inlinable @inline(__always) public var peer: Side {
    // The raw values are 0 and 1; a comparison would be a branch or two moves.
    unsafeBitCast(rawValue ^ 1, to: Side.self)
  }
}
