/// An ICMP header (RFC 792), 8 bytes.
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

  /// The type of the message that answers `type`, or that it answers; `nil` for messages that go one way only.
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
}
