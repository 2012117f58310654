/// A VXLAN header (RFC 7348 5), 8 bytes; an Ethernet frame follows.
@frozen
public struct VXLANHeader: BitwiseCopyable {
  /// Bytes of the header.
  @inlinable public static var length: UInt32 { 8 }
  /// The UDP port that IANA assigned.
  @inlinable public static var port: UInt16 { 4789 }
  /// The header's first byte.
  public let pointer: UnsafeRawPointer

  /// A view of the header at `pointer`; `nil` when `length` is below 8 or the flag for a valid identifier is not set.
  @inlinable public init?(_ pointer: UnsafeRawPointer, length: UInt32) {
    guard length >= Self.length, pointer.load8(at: 0) & 0x08 != 0 else { return nil }
    self.pointer = pointer
  }

  /// VXLAN network identifier, 24 bits.
  @inlinable public var networkIdentifier: UInt32 { pointer.loadBE24(at: 4) }
}
