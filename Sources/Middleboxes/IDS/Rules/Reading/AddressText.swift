import MOSCore

/// Reads one address, network or range of a rule's header.
enum AddressText {
  static func range(_ text: RuleBytes) throws(RuleFault) -> RangeSet<UInt128> {
    let whole = text.text
    if let dash = text.firstIndex(of: UInt8(ascii: "-")) {
      guard let first = IPAddress(text[..<dash].text), let last = IPAddress(text[(dash + 1)...].text),
        first.isV4 == last.isV4
      else { throw fault(whole) }
      if first > last { throw .wrong("the addresses \(quoted(whole)) end before they begin") }
      return set(first.number, last.number, isV4: first.isV4)
    }
    let parts = text.fields(at: "/")
    guard parts.count <= 2, let address = IPAddress(parts[0].text) else { throw fault(whole) }
    if parts.count == 1 { return set(address.number, address.number, isV4: address.isV4) }
    guard let length = length(parts[1], isV4: address.isV4) else {
      throw .wrong(
        "\(parts[1].shown) in \(quoted(whole)) is no prefix length, expected 0 to \(address.isV4 ? 32 : 128)")
    }
    // Bits behind the prefix count for nothing, as Suricata has it.
    let prefix = IPPrefix(address.masked(to: length), length: length)!
    return set(prefix.address.number, prefix.last.number, isV4: address.isV4)
  }

  private static func fault(_ text: String) -> RuleFault {
    .wrong(
      "\(quoted(text)) is no address, expected for example any, 10.0.0.0/8, fd00::/8, 10.0.0.1-10.0.0.9, "
        + "[10.0.0.1,!10.0.0.2] or $HOME_NET")
  }

  /// A prefix length, or for IPv4 a mask of as many bits: `255.255.0.0`.
  private static func length(_ text: RuleBytes, isV4: Bool) -> Int? {
    if let number = RuleBytes.digits(text, base: 10) { return number <= (isV4 ? 32 : 128) ? Int(number) : nil }
    guard isV4, let mask = IPAddress(text.text), mask.isV4 else { return nil }
    let bits = UInt32(truncatingIfNeeded: mask.low)
    return bits == 0 || (~bits & (~bits &+ 1)) == 0 ? bits.nonzeroBitCount : nil
  }

  /// Families apart: `::/0` does not mean the IPv4 addresses that are held in it.
  private static func set(_ first: UInt128, _ last: UInt128, isV4: Bool) -> RangeSet<UInt128> {
    let all = RangeSet(first: first, last: last)
    if isV4 { return all }
    return all.subtracting(RangeSet(first: IPAddress(v4: 0).number, last: IPAddress(v4: .max).number))
  }
}
