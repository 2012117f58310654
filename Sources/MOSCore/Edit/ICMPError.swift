/// What an ICMP error says of the packet that it is about, over IPv4 (RFC 792, RFC 1812 4.3.3) and over IPv6 (RFC 4443).
@frozen
public struct ICMPError: BitwiseCopyable, Equatable, Sendable {
  /// A message's type and code, and the four bytes behind its checksum.
  @frozen
  public struct Message: BitwiseCopyable, Equatable, Sendable {
    /// Type.
    public var type: UInt8
    /// Code.
    public var code: UInt8
    /// The four bytes that each type uses in its own way, as a number.
    public var rest: UInt32

    /// A message from its fields.
    @inlinable public init(type: UInt8, code: UInt8, rest: UInt32 = 0) {
      self.type = type
      self.code = code
      self.rest = rest
    }
  }

  /// The message about a packet of IPv4.
  public var v4: Message
  /// The message about a packet of IPv6.
  public var v6: Message

  /// An error from its messages.
  @inlinable public init(v4: Message, v6: Message) {
    self.v4 = v4
    self.v6 = v6
  }

  /// It has made as many hops as it may.
  public static let timeExceeded = ICMPError(v4: Message(type: 11, code: 0), v6: Message(type: 3, code: 0))
  /// There is no way to its destination's network.
  public static let networkUnreachable = ICMPError(v4: Message(type: 3, code: 0), v6: Message(type: 1, code: 0))
  /// Its destination cannot be reached.
  public static let hostUnreachable = ICMPError(v4: Message(type: 3, code: 1), v6: Message(type: 1, code: 3))
  /// Its destination does not speak its protocol. IPv6 says so with a parameter problem at the next header's field.
  public static let protocolUnreachable = ICMPError(
    v4: Message(type: 3, code: 2), v6: Message(type: 4, code: 1, rest: 6))
  /// Nobody is at its port.
  public static let portUnreachable = ICMPError(v4: Message(type: 3, code: 3), v6: Message(type: 1, code: 4))
  /// It is not allowed to pass.
  public static let administrativelyProhibited = ICMPError(
    v4: Message(type: 3, code: 13), v6: Message(type: 1, code: 1))

  /// It is longer than what the next link takes, which is `mtu` bytes of IP, and may not be cut.
  public static func packetTooBig(mtu: Int) -> ICMPError {
    ICMPError(
      v4: Message(type: 3, code: 4, rest: UInt32(UInt16(clamping: mtu))),
      v6: Message(type: 2, code: 0, rest: UInt32(clamping: mtu)))
  }
}
