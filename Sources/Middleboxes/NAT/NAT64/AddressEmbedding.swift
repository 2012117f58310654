import MOSCore

/// IPv4 addresses as IPv6 addresses of a prefix (RFC 6052 2.2).
struct AddressEmbedding: Sendable, Equatable {
  /// The lengths that a prefix may have.
  static let lengths = [32, 40, 48, 56, 64, 96]

  let prefix: IPPrefix

  /// Nil for a prefix of another length, and for one whose bits 64 to 71 are not zero.
  init?(_ prefix: IPPrefix) {
    guard !prefix.isV4, AddressEmbedding.lengths.contains(prefix.length), prefix.address.low >> 56 == 0 else {
      return nil
    }
    self.prefix = prefix
  }

  /// Bits of an address that lie before bit 64; the others begin at bit 72, or all at bit 96.
  private var bitsBefore: Int { 64 - prefix.length }

  func embed(_ address: UInt32) -> IPAddress {
    let address = UInt128(address)
    if prefix.length == 96 { return IPAddress(prefix.address.number | address) }
    let behind = 32 - bitsBefore
    let low = address & (UInt128(1) << UInt128(behind) &- 1)
    return IPAddress(prefix.address.number | (address >> UInt128(behind)) << 64 | low << UInt128(56 - behind))
  }

  /// The address in one of the prefix, whatever stands behind it; nil for others, and where bits 64 to 71 are not zero.
  func extract(_ address: IPAddress) -> UInt32? {
    guard prefix.contains(address), address.low >> 56 == 0 || prefix.length == 96 else { return nil }
    if prefix.length == 96 { return UInt32(truncatingIfNeeded: address.low) }
    let behind = 32 - bitsBefore
    let low = address.number >> UInt128(56 - behind) & (UInt128(1) << UInt128(behind) &- 1)
    return UInt32(truncatingIfNeeded: (address.number >> 64) << UInt128(behind) | low)
  }
}
