/// The control bits of a TCP header (RFC 9293 3.1), with AE (RFC 9768) as the ninth.
@frozen
public struct TCPFlags: OptionSet, BitwiseCopyable, Hashable, Sendable {
  /// The bits as they lie in the header's 13th and 14th byte.
  public var rawValue: UInt16
  /// Flags from the header's bits.
  @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }
  /// No more data from the sender.
  public static var fin: TCPFlags { .init(rawValue: 0x01) }
  /// Synchronize sequence numbers.
  public static var syn: TCPFlags { .init(rawValue: 0x02) }
  /// Reset the connection.
  public static var rst: TCPFlags { .init(rawValue: 0x04) }
  /// Push.
  public static var psh: TCPFlags { .init(rawValue: 0x08) }
  /// The acknowledgment field is significant.
  public static var ack: TCPFlags { .init(rawValue: 0x10) }
  /// The urgent pointer is significant.
  public static var urg: TCPFlags { .init(rawValue: 0x20) }
  /// ECN echo (RFC 3168).
  public static var ece: TCPFlags { .init(rawValue: 0x40) }
  /// Congestion window reduced (RFC 3168).
  public static var cwr: TCPFlags { .init(rawValue: 0x80) }
  /// Accurate ECN (RFC 9768).
  public static var ae: TCPFlags { .init(rawValue: 0x100) }
}
