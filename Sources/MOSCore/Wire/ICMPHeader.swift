/// An ICMP or ICMPv6 header (RFC 792; RFC 4443 2.1), 8 bytes: those that all messages have, and the first four that each
/// type uses in its own way.
@frozen
public struct ICMPHeader: BitwiseCopyable {
  /// Bytes of the header.
  @inlinable public static var length: UInt32 { 8 }
  /// The header's first byte.
  public let pointer: UnsafeRawPointer

  /// A view of the header at `pointer`; `nil` when `length` is below 8.
  @inlinable public init?(_ pointer: UnsafeRawPointer, length: UInt32) {
    guard length >= Self.length else { return nil }
    self.pointer = pointer
  }

  /// Message type.
  @inlinable public var type: UInt8 { pointer.load8(at: 0) }
  /// Code.
  @inlinable public var code: UInt8 { pointer.load8(at: 1) }
  /// Checksum.
  @inlinable public var checksum: UInt16 { pointer.loadBE16(at: 2) }
  /// Identifier of an echo message.
  @inlinable public var identifier: UInt16 { pointer.loadBE16(at: 4) }
  /// Sequence number of an echo message.
  @inlinable public var sequence: UInt16 { pointer.loadBE16(at: 6) }

  /// The type of the ICMP message that answers `type`, or that it answers; `nil` for messages that go one way only.
  @inlinable public static func counterpart(of type: UInt8) -> UInt8? {
    switch type {
    case 8: 0  // Echo.
    case 0: 8
    case 10: 9  // Router solicitation and advertisement (RFC 1256).
    case 9: 10
    case 13: 14  // Timestamp.
    case 14: 13
    case 15: 16  // Information.
    case 16: 15
    case 17: 18  // Address mask (RFC 950).
    case 18: 17
    default: nil
    }
  }

  /// Whether messages of a type have an identifier: queries and their replies (RFC 792, RFC 950; RFC 4443 4).
  @inlinable public static func hasIdentifier(_ type: UInt8, isV6: Bool) -> Bool {
    if isV6 { return type == 128 || type == 129 }
    return type == 0 || type == 8 || (type >= 13 && type <= 18)
  }

  /// The same for ICMPv6, whose types are numbered anew.
  @inlinable public static func counterpart(ofV6 type: UInt8) -> UInt8? {
    switch type {
    case 128: 129  // Echo.
    case 129: 128
    case 130: 131  // Multicast listener query and report (RFC 2710).
    case 131: 130
    case 133: 134  // Router solicitation and advertisement (RFC 4861).
    case 134: 133
    case 135: 136  // Neighbor solicitation and advertisement.
    case 136: 135
    case 139: 140  // Node information (RFC 4620).
    case 140: 139
    case 144: 145  // Home agent address discovery (RFC 6275).
    case 145: 144
    default: nil
    }
  }
}
