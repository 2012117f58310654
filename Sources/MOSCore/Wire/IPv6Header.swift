/// An IPv6 header (RFC 8200 3), 40 bytes.
@frozen
public struct IPv6Header: BitwiseCopyable {
  /// Bytes of the header.
  @inlinable public static var length: UInt32 { 40 }
  /// The header's first byte.
  public let pointer: UnsafeRawPointer

  /// A view of the header at `pointer`; `nil` when `length` is below 40. The version is not checked.
  @inlinable public init?(_ pointer: UnsafeRawPointer, length: UInt32) {
    guard length >= Self.length else { return nil }
    self.pointer = pointer
  }

  /// Version, 6 in a valid header.
  @inlinable public var version: UInt8 { pointer.load8(at: 0) >> 4 }
  /// Traffic class.
  @inlinable public var trafficClass: UInt8 { UInt8(truncatingIfNeeded: pointer.loadBE16(at: 0) >> 4) }
  /// Flow label, 20 bits.
  @inlinable public var flowLabel: UInt32 { pointer.loadBE32(at: 0) & 0xfffff }
  /// Bytes after this header; 0 in a jumbogram (RFC 2675).
  @inlinable public var payloadLength: UInt32 { UInt32(pointer.loadBE16(at: 4)) }
  /// Protocol of what follows: an extension header or the payload.
  @inlinable public var nextHeader: UInt8 { pointer.load8(at: 6) }
  /// Hop limit.
  @inlinable public var hopLimit: UInt8 { pointer.load8(at: 7) }
  /// Source address.
  @inlinable public var source: IPAddress { pointer.loadIPv6Address(at: 8) }
  /// Destination address.
  @inlinable public var destination: IPAddress { pointer.loadIPv6Address(at: 24) }
}
