/// An Ethernet II or IEEE 802.3 header, 14 bytes.
@frozen
public struct EthernetHeader: BitwiseCopyable {
  /// Bytes of the header.
  @inlinable public static var length: UInt32 { 14 }
  /// The header's first byte.
  public let pointer: UnsafeRawPointer

  /// A view of the header at `pointer`; `nil` when fewer than 14 of the `length` bytes there are its own.
  @inlinable public init?(_ pointer: UnsafeRawPointer, length: UInt32) {
    guard length >= Self.length else { return nil }
    self.pointer = pointer
  }

  /// Destination MAC address, in the low 48 bits.
  @inlinable public var destination: UInt64 { UInt64(pointer.loadBE32(at: 0)) << 16 | UInt64(pointer.loadBE16(at: 4)) }
  /// Source MAC address, in the low 48 bits.
  @inlinable public var source: UInt64 { UInt64(pointer.loadBE16(at: 6)) << 32 | UInt64(pointer.loadBE32(at: 8)) }
  /// The EtherType, or, up to 1500, the length of an IEEE 802.3 frame with an LLC header.
  @inlinable public var etherType: UInt16 { pointer.loadBE16(at: 12) }
}
