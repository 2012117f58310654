import MOSCore

/// The addresses that share their first bits: a network in CIDR notation (RFC 4632, RFC 4291 2.3).
struct IPPrefix: Hashable, Sendable {
  /// The lowest address.
  let address: IPAddress
  /// Bits that count: to 32 for IPv4, to 128 for IPv6.
  let length: Int

  /// Nil when the length is none, or bits behind it are set.
  init?(_ address: IPAddress, length: Int) {
    let bits = address.isV4 ? 32 : 128
    guard length >= 0, length <= bits, address.masked(to: length) == address else { return nil }
    self.address = address
    self.length = length
  }

  var isV4: Bool { address.isV4 }

  /// The highest address.
  var last: IPAddress {
    let free = (isV4 ? 32 : 128) - length
    return IPAddress(address.number | (free == 128 ? .max : (UInt128(1) << free) &- 1))
  }
}

extension IPPrefix: CustomStringConvertible {
  /// `10.0.0.0/8`; a single address without a length.
  var description: String { length == (isV4 ? 32 : 128) ? "\(address)" : "\(address)/\(length)" }
}

extension IPAddress {
  /// The 128 bits as a number.
  var number: UInt128 { UInt128(high) << 64 | UInt128(low) }

  init(_ number: UInt128) {
    self.init(high: UInt64(truncatingIfNeeded: number >> 64), low: UInt64(truncatingIfNeeded: number))
  }

  /// The address with all bits behind the first `length` zero; for IPv4 these are counted in its 32.
  func masked(to length: Int) -> IPAddress {
    let bits = (isV4 ? 96 : 0) + length
    if bits >= 128 { return self }
    // IPv4 keeps the 96 bits that make it IPv4, so only a shift by all 128 has to be told apart.
    return bits == 0 ? IPAddress(high: 0, low: 0) : IPAddress(number & (UInt128.max << (128 - bits)))
  }
}
