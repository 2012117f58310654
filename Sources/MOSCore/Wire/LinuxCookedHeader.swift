/// The header of a Linux cooked capture, version 1 (16 bytes, LINKTYPE_LINUX_SLL).
@frozen
public struct LinuxCookedHeader: BitwiseCopyable {
  /// Bytes of the header.
  @inlinable public static var length: UInt32 { 16 }
  /// The header's first byte.
  public let pointer: UnsafeRawPointer

  /// A view of the header at `pointer`; `nil` when `length` is below 16.
  @inlinable public init?(_ pointer: UnsafeRawPointer, length: UInt32) {
    guard length >= Self.length else { return nil }
    self.pointer = pointer
  }

  /// Whom it was for: 0 this host, 1 broadcast, 2 multicast, 3 another host, 4 sent by this host.
  @inlinable public var packetType: UInt16 { pointer.loadBE16(at: 0) }
  /// The device's ARPHRD type.
  @inlinable public var hardwareType: UInt16 { pointer.loadBE16(at: 2) }
  /// EtherType of what follows; 4 for an LLC header.
  @inlinable public var protocolType: UInt16 { pointer.loadBE16(at: 14) }
}

/// The header of a Linux cooked capture, version 2 (20 bytes, LINKTYPE_LINUX_SLL2).
@frozen
public struct LinuxCookedV2Header: BitwiseCopyable {
  /// Bytes of the header.
  @inlinable public static var length: UInt32 { 20 }
  /// The header's first byte.
  public let pointer: UnsafeRawPointer

  /// A view of the header at `pointer`; `nil` when `length` is below 20.
  @inlinable public init?(_ pointer: UnsafeRawPointer, length: UInt32) {
    guard length >= Self.length else { return nil }
    self.pointer = pointer
  }

  /// EtherType of what follows; 4 for an LLC header.
  @inlinable public var protocolType: UInt16 { pointer.loadBE16(at: 0) }
  /// The index of the device.
  @inlinable public var interfaceIndex: UInt32 { pointer.loadBE32(at: 4) }
  /// The device's ARPHRD type.
  @inlinable public var hardwareType: UInt16 { pointer.loadBE16(at: 8) }
  /// Whom it was for: 0 this host, 1 broadcast, 2 multicast, 3 another host, 4 sent by this host.
  @inlinable public var packetType: UInt8 { pointer.load8(at: 10) }
}
