import MOSCore

@testable import Middleboxes

/// A firewall as its description reads: every rule from the first on, every prefix bit by bit. Without rate limits.
struct NaiveFirewall {
  var policy: FirewallPolicy

  /// Bit `number` of an address, from the most significant on; of IPv4's 32 or IPv6's 128.
  private static func bit(_ number: Int, of address: IPAddress) -> UInt64 {
    let place = address.isV4 ? number + 96 : number
    return (place < 64 ? address.high >> UInt64(63 - place) : address.low >> UInt64(127 - place)) & 1
  }

  static func covers(_ prefix: IPPrefix, _ address: IPAddress) -> Bool {
    if prefix.address.isV4 != address.isV4 { return false }
    for number in 0..<prefix.length where bit(number, of: prefix.address) != bit(number, of: address) { return false }
    return true
  }

  /// The zone with the longest prefix that covers the address.
  func zone(_ address: IPAddress) -> Int? {
    var best: (zone: Int, length: Int)?
    for (index, zone) in policy.zones.enumerated() {
      for prefix in zone.prefixes where Self.covers(prefix, address) && prefix.length > best?.length ?? -1 {
        best = (index, prefix.length)
      }
    }
    return best?.zone
  }

  private func isOne(of terms: FirewallPolicy.AddressMatch.Terms, _ address: IPAddress) -> Bool {
    if let zone = zone(address), terms.zones >> UInt64(zone) & 1 == 1 { return true }
    let prefixes = terms.groups.flatMap { policy.groups[$0].prefixes } + terms.prefixes
    return prefixes.contains { Self.covers($0, address) }
  }

  private func matches(_ match: FirewallPolicy.AddressMatch, _ address: IPAddress) -> Bool {
    (match.included.isEmpty || isOne(of: match.included, address)) && !isOne(of: match.excluded, address)
  }

  func decide(_ query: FirewallQuery) -> (action: FirewallAction, rule: Int?) {
    let key = query.sender == .client ? query.key : query.key.reversed
    func done(_ action: FirewallAction, _ rule: Int?) -> (FirewallAction, Int?) {
      (action == .reset && key.protocolNumber != 6 ? .drop : action, rule)
    }
    for (index, rule) in policy.rules.enumerated() {
      guard rule.states & query.state.bit != 0 else { continue }
      guard rule.protocols.isEmpty || rule.protocols.contains(key.protocolNumber) else { continue }
      guard rule.ports.isEmpty || rule.ports.contains(where: { $0.contains(key.destinationPort) }) else { continue }
      guard rule.sourcePorts.isEmpty || rule.sourcePorts.contains(where: { $0.contains(key.sourcePort) }) else {
        continue
      }
      guard matches(rule.from, key.source), matches(rule.to, key.destination) else { continue }
      return done(rule.action, index)
    }
    return done(policy.defaultAction, nil)
  }
}

/// Random policies and packets that meet: few addresses, near each other and at the edges of prefixes.
struct RandomFirewall {
  var generator: SeededGenerator

  init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

  private mutating func one<Element>(of list: [Element]) -> Element { list.randomElement(using: &generator)! }
  private mutating func flip(_ chances: Int) -> Bool { generator.next() % UInt64(chances) == 0 }

  mutating func address() -> IPAddress {
    if flip(2) {
      let bases: [UInt32] = [0, 0x0a00_0000, 0x0a80_0000, 0x0a80_0100, 0xc0a8_0000, 0xffff_ff00, 0x7fff_ffff]
      return IPAddress(v4: one(of: bases) &+ UInt32(truncatingIfNeeded: generator.next() % 5) &- 2)
    }
    let highs: [UInt64] = [0, 0xfd00_0000_0000_0000, 0x2001_0db8_0000_0000, 0x2001_0db8_0000_0001, .max]
    let lows: [UInt64] = [0, 0xfffe_0000_0000, 0xffff_0000_0000 &- 3, 0x1_0000_0000_0000, .max]
    let address = IPAddress(high: one(of: highs), low: one(of: lows) &+ generator.next() % 5 &- 2)
    // An IPv4-mapped address is an IPv4 address.
    return address.isV4 ? IPAddress(high: 1, low: address.low) : address
  }

  mutating func prefix() -> IPPrefix {
    while true {
      let address = address()
      let bits = address.isV4 ? 32 : 128
      let edges = [0, 1, 8, 9, bits / 2, bits / 2 + 1, bits - 8, bits - 1, bits]
      let length = flip(2) ? one(of: edges) : Int(generator.next() % UInt64(bits + 1))
      let masked = address.masked(to: length)
      if masked.isV4 == address.isV4 { return IPPrefix(masked, length: length)! }
    }
  }

  private mutating func prefixes(_ largest: Int) -> [IPPrefix] {
    (0...Int(generator.next() % UInt64(largest))).map { _ in prefix() }
  }

  private mutating func terms(_ policy: FirewallPolicy) -> FirewallPolicy.AddressMatch.Terms {
    var terms = FirewallPolicy.AddressMatch.Terms()
    if flip(2), !policy.zones.isEmpty { terms.zones |= 1 << (generator.next() % UInt64(policy.zones.count)) }
    if flip(3), !policy.groups.isEmpty { terms.groups.append(Int(generator.next() % UInt64(policy.groups.count))) }
    if flip(3) { terms.prefixes = prefixes(3) }
    return terms
  }

  private mutating func match(_ policy: FirewallPolicy) -> FirewallPolicy.AddressMatch {
    var match = FirewallPolicy.AddressMatch()
    if !flip(3) { match.included = terms(policy) }
    if flip(3) { match.excluded = terms(policy) }
    return match
  }

  private mutating func ports() -> [ClosedRange<UInt16>] {
    (0...Int(generator.next() % 3)).map { _ in
      let first = one(of: [0, 1, 22, 80, 443, 65_534, 65_535] as [UInt16])
      return first...max(first, first &+ UInt16(generator.next() % 3))
    }
  }

  mutating func policy() -> FirewallPolicy {
    var policy = FirewallPolicy()
    policy.defaultAction = one(of: FirewallAction.allCases)
    var taken: Set<IPPrefix> = []
    for index in 0..<Int(generator.next() % 6) {
      let prefixes = prefixes(6).filter { taken.insert($0).inserted }
      if !prefixes.isEmpty { policy.zones.append(.init(name: "z\(index)", prefixes: prefixes)) }
    }
    for index in 0..<Int(generator.next() % 4) { policy.groups.append(.init(name: "g\(index)", prefixes: prefixes(9))) }
    for index in 0..<Int(generator.next() % 30) {
      var rule = FirewallPolicy.Rule(
        name: "r\(index)", states: UInt8(generator.next() % 16), action: one(of: FirewallAction.allCases))
      rule.from = match(policy)
      rule.to = match(policy)
      if flip(2) { rule.protocols = [one(of: [6, 17, 1, 58, 0, 64, 128, 255] as [UInt8]), 6] }
      if flip(3) { rule.ports = ports() }
      if flip(5) { rule.sourcePorts = ports() }
      policy.rules.append(rule)
    }
    return policy
  }

  mutating func query() -> FirewallQuery {
    let numbers: [UInt8] = [6, 6, 17, 1, 58, 0, 64, 128, 255]
    let edges: [UInt16] = [0, 1, 2, 22, 80, 82, 443, 444, 65_534, 65_535]
    let key = FlowKey(
      source: address(), sourcePort: one(of: edges), destination: address(), destinationPort: one(of: edges),
      protocolNumber: one(of: numbers))
    return FirewallQuery(
      key: key, sender: one(of: Side.allCases), state: one(of: FirewallState.allCases), time: Timestamp(nanoseconds: 0))
  }
}
