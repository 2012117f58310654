/// Big-endian loads from bytes of any alignment: the one place where the wire's byte order becomes the host's.
///
/// Invariant for all of them: the caller has checked that the bytes named lie inside of the buffer. Nothing is checked
/// here, and nothing else in the project loads a multi-byte field from a packet.
extension UnsafeRawPointer {
  /// The byte at `offset`.
  @inlinable @inline(__always)
  public func load8(at offset: Int) -> UInt8 {
    load(fromByteOffset: offset, as: UInt8.self)
  }

  /// The 16 bits at `offset`, from network to host order.
  @inlinable @inline(__always)
  public func loadBE16(at offset: Int) -> UInt16 {
    UInt16(bigEndian: loadUnaligned(fromByteOffset: offset, as: UInt16.self))
  }

  /// The 24 bits at `offset`, from network to host order, in the low bits of the result.
  @inlinable @inline(__always)
  public func loadBE24(at offset: Int) -> UInt32 {
    UInt32(loadBE16(at: offset)) << 8 | UInt32(load8(at: offset &+ 2))
  }

  /// The 32 bits at `offset`, from network to host order.
  @inlinable @inline(__always)
  public func loadBE32(at offset: Int) -> UInt32 {
    UInt32(bigEndian: loadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }

  /// The 64 bits at `offset`, from network to host order.
  @inlinable @inline(__always)
  public func loadBE64(at offset: Int) -> UInt64 {
    UInt64(bigEndian: loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  /// The 16 bits at `offset`, least significant byte first, as radiotap and 802.11 have them.
  @inlinable @inline(__always)
  public func loadLE16(at offset: Int) -> UInt16 {
    UInt16(littleEndian: loadUnaligned(fromByteOffset: offset, as: UInt16.self))
  }

  /// The 32 bits at `offset`, least significant byte first.
  @inlinable @inline(__always)
  public func loadLE32(at offset: Int) -> UInt32 {
    UInt32(littleEndian: loadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }

  /// The IPv6 address at `offset`.
  @inlinable @inline(__always)
  public func loadIPv6Address(at offset: Int) -> IPAddress {
    IPAddress(high: loadBE64(at: offset), low: loadBE64(at: offset &+ 8))
  }
}

/// Big-endian stores to bytes of any alignment; the same invariant as for the loads.
extension UnsafeMutableRawPointer {
  /// Writes the byte at `offset`.
  @inlinable @inline(__always)
  public func store8(_ value: UInt8, at offset: Int) {
    storeBytes(of: value, toByteOffset: offset, as: UInt8.self)
  }

  /// Writes 16 bits at `offset`, in network order.
  @inlinable @inline(__always)
  public func storeBE16(_ value: UInt16, at offset: Int) {
    storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt16.self)
  }

  /// Writes 32 bits at `offset`, in network order.
  @inlinable @inline(__always)
  public func storeBE32(_ value: UInt32, at offset: Int) {
    storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt32.self)
  }

  /// Writes 64 bits at `offset`, in network order.
  @inlinable @inline(__always)
  public func storeBE64(_ value: UInt64, at offset: Int) {
    storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt64.self)
  }
}
