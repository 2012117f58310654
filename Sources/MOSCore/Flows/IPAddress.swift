/// An IPv4 or IPv6 address in 16 bytes. IPv4 is held as an IPv4-mapped address, `::ffff:a.b.c.d` (RFC 4291 2.5.5.2).
@frozen
public struct IPAddress: BitwiseCopyable, Hashable, Comparable, Sendable {
  /// The first eight bytes, most significant first, as a number.
  public var high: UInt64
  /// The last eight bytes, most significant first, as a number.
  public var low: UInt64

  /// An address from its two halves in host order.
  @inlinable public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// An IPv4 address from its 32 bits in host order.
  @inlinable public init(v4 bits: UInt32) {
    high = 0
    low = 0xffff_0000_0000 | UInt64(bits)
  }

  /// Whether this is an IPv4(-mapped) address.
  @inlinable public var isV4: Bool { high == 0 && low >> 32 == 0xffff }

  /// Numerical order of the 128 bits.
  @inlinable public static func < (left: IPAddress, right: IPAddress) -> Bool {
    left.high == right.high ? left.low < right.low : left.high < right.high
  }
}
