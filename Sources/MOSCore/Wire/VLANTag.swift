/// The four bytes of an IEEE 802.1Q or 802.1ad tag after its tag protocol identifier.
@frozen
public struct VLANTag: BitwiseCopyable {
  /// Bytes of the tag: control information and the EtherType that follows.
  @inlinable public static var length: UInt32 { 4 }
  /// The first byte of the tag control information.
  public let pointer: UnsafeRawPointer

  /// A view of the tag at `pointer`; `nil` when `length` is below 4.
  @inlinable public init?(_ pointer: UnsafeRawPointer, length: UInt32) {
    guard length >= Self.length else { return nil }
    self.pointer = pointer
  }

  /// VLAN identifier, 12 bits; 0 for a priority tag, which names no VLAN.
  @inlinable public var identifier: UInt16 { pointer.loadBE16(at: 0) & 0xfff }
  /// Priority code point, 3 bits.
  @inlinable public var priority: UInt8 { pointer.load8(at: 0) >> 5 }
  /// EtherType of what follows.
  @inlinable public var etherType: UInt16 { pointer.loadBE16(at: 2) }

  /// Whether `etherType` announces a tag: 802.1Q, 802.1ad, or the 0x9100 of older QinQ.
  @inlinable public static func isTag(_ etherType: UInt16) -> Bool {
    etherType == EtherType.vlan || etherType == EtherType.serviceVLAN || etherType == EtherType.legacyQinQ
  }
}
