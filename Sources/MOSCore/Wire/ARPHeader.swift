/// An ARP packet for IPv4 over Ethernet (RFC 826), 28 bytes.
@frozen
public struct ARPHeader: BitwiseCopyable {
  /// Bytes of the packet.
  @inlinable public static var length: UInt32 { 28 }
  /// The packet's first byte.
  public let pointer: UnsafeRawPointer

  /// A view of the packet at `pointer`; `nil` when `length` is below 28.
  @inlinable public init?(_ pointer: UnsafeRawPointer, length: UInt32) {
    guard length >= Self.length else { return nil }
    self.pointer = pointer
  }

  /// Whether hardware and protocol are Ethernet and IPv4; only then have the addresses a meaning.
  @inlinable public var isIPv4OverEthernet: Bool { pointer.loadBE64(at: 0) >> 16 == 0x0001_0800_0604 }
  /// 1 for a request, 2 for a reply.
  @inlinable public var operation: UInt16 { pointer.loadBE16(at: 6) }
  /// The sender's MAC address, in the low 48 bits.
  @inlinable public var senderHardware: UInt64 {
    UInt64(pointer.loadBE32(at: 8)) << 16 | UInt64(pointer.loadBE16(at: 12))
  }
  /// The sender's IPv4 address in host order.
  @inlinable public var senderAddress: UInt32 { pointer.loadBE32(at: 14) }
  /// The target's MAC address, in the low 48 bits.
  @inlinable public var targetHardware: UInt64 {
    UInt64(pointer.loadBE32(at: 18)) << 16 | UInt64(pointer.loadBE16(at: 22))
  }
  /// The target's IPv4 address in host order.
  @inlinable public var targetAddress: UInt32 { pointer.loadBE32(at: 24) }
}
