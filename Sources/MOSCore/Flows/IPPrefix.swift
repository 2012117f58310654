/// The addresses that share their first bits: a network in CIDR notation (RFC 4632, RFC 4291 2.3).
@frozen
public struct IPPrefix: BitwiseCopyable, Hashable, Sendable {
  /// The lowest address.
  public let address: IPAddress
  /// Bits that count: to 32 for IPv4, to 128 for IPv6.
  public let length: Int

  /// Nil when the length is none, or bits behind it are set.
  @inlinable public init?(_ address: IPAddress, length: Int) {
    let bits = address.isV4 ? 32 : 128
    guard length >= 0, length <= bits, address.masked(to: length) == address else { return nil }
    self.address = address
    self.length = length
  }

  /// A network from its text, `10.0.0.0/8` or `fd00::/8`; an address alone is the network that has only it. Nil when it is
  /// neither, and when bits behind the length are set.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let address = IPAddress(String(parts[0])) else { return nil }
    guard parts.count == 2 else {
      self.init(address, length: address.isV4 ? 32 : 128)
      return
    }
    // `Int` takes a sign and leading zeros too.
    guard let length = UInt8(parts[1]), "\(length)" == parts[1] else { return nil }
    self.init(address, length: Int(length))
  }

  /// Whether this is a network of IPv4.
  @inlinable public var isV4: Bool { address.isV4 }

  /// The highest address.
  public var last: IPAddress {
    let free = (isV4 ? 32 : 128) - length
    return IPAddress(address.number | (free == 128 ? .max : (UInt128(1) << free) &- 1))
  }

  /// Whether an address is one of the network. An IPv4 address is in no network of IPv6.
  @inlinable public func contains(_ other: IPAddress) -> Bool {
    other.isV4 == isV4 && other.masked(to: length) == address
  }
}

extension IPPrefix: CustomStringConvertible {
  /// `10.0.0.0/8`; a single address without a length.
  public var description: String { length == (isV4 ? 32 : 128) ? "\(address)" : "\(address)/\(length)" }
}

extension IPAddress {
  /// The 128 bits as a number.
  @inlinable public var number: UInt128 { UInt128(high) << 64 | UInt128(low) }

  /// An address from its 128 bits.
  @inlinable public init(_ number: UInt128) {
    self.init(high: UInt64(truncatingIfNeeded: number >> 64), low: UInt64(truncatingIfNeeded: number))
  }

  /// The address with all bits behind the first `length` zero; for IPv4 these are counted in its 32.
  @inlinable public func masked(to length: Int) -> IPAddress {
    let bits = (isV4 ? 96 : 0) + length
    if bits >= 128 { return self }
    // IPv4 keeps the 96 bits that make it IPv4, so only a shift by all 128 has to be told apart.
    return bits == 0 ? IPAddress(high: 0, low: 0) : IPAddress(number & (UInt128.max << (128 - bits)))
  }
}
