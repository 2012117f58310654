import MOSCore

extension FirewallRules {
  /// Compiles a policy. `limitNumber` says under which number a rule's buckets are kept.
  init(_ policy: FirewallPolicy, generation: UInt32, limitNumber: (FirewallPolicy.Rule) -> UInt32) {
    var compiler = RuleCompiler(policy)
    var limits: [CompiledLimit] = []
    var rules: [CompiledRule] = []
    rules.reserveCapacity(policy.rules.count)
    for rule in policy.rules {
      var compiled = CompiledRule(
        states: rule.states, action: rule.action, logs: rule.logs,
        protocolSet: compiler.protocolSet(rule.protocols), ports: compiler.ports(rule.ports),
        sourcePorts: compiler.ports(rule.sourcePorts), from: compiler.addressMatch(rule.from),
        to: compiler.addressMatch(rule.to), limit: CompiledRule.noLimit)
      if let limit = rule.limit {
        compiled.limit = UInt32(limits.count)
        limits.append(CompiledLimit(rate: limit.rate, over: limit.over, number: limitNumber(rule)))
      }
      rules.append(compiled)
    }
    self.rules = FlatTable(rules)
    self.limits = FlatTable(limits)
    addressMatches = FlatTable(compiler.matches)
    addresses = AddressTable(compiler.ranges)
    maps = FlatTable(compiler.maps)
    portRanges = FlatTable(compiler.portRanges)
    protocolSets = FlatTable(compiler.protocolSets)
    hasZones = !policy.zones.isEmpty
    defaultAction = policy.defaultAction
    logsDefault = policy.logsDefault
    synFlood = policy.synFlood
    self.generation = generation
  }
}

/// Gathers what rules refer to. Equal things are there once: groups, protocol sets, lists of ports and of networks.
private struct RuleCompiler {
  /// The zones, then the groups, then networks that rules name themselves.
  var ranges: [AddressRanges]
  var maps: [UInt32] = []
  var matches: [CompiledAddressMatch] = []
  var portRanges: [PortRange] = []
  var protocolSets: [ProtocolSet] = []
  private var knownPorts: [[ClosedRange<UInt16>]: PortMatch] = [[]: PortMatch(first: 0, count: 0)]
  private var knownProtocols: [ProtocolSet: UInt32] = [:]
  private var knownPrefixes: [[IPPrefix]: UInt32] = [:]
  private var knownMatches = [FirewallPolicy.AddressMatch(): CompiledRule.anyAddress]

  init(_ policy: FirewallPolicy) {
    let zones = policy.zones.enumerated().flatMap { index, zone in
      zone.prefixes.map { (prefix: $0, value: UInt8(index + 1)) }
    }
    ranges = [AddressRanges(zones)]
    for group in policy.groups { ranges.append(AddressRanges(group.prefixes.map { ($0, 1) })) }
  }

  mutating func protocolSet(_ protocols: Set<UInt8>) -> UInt32 {
    let set = ProtocolSet(protocols)
    if let index = knownProtocols[set] { return index }
    let index = UInt32(protocolSets.count)
    protocolSets.append(set)
    knownProtocols[set] = index
    return index
  }

  mutating func ports(_ ports: [ClosedRange<UInt16>]) -> PortMatch {
    if let known = knownPorts[ports] { return known }
    let match = PortMatch(first: UInt32(portRanges.count), count: UInt32(ports.count))
    portRanges += ports.map { PortRange(first: $0.lowerBound, last: $0.upperBound) }
    knownPorts[ports] = match
    return match
  }

  mutating func addressMatch(_ match: FirewallPolicy.AddressMatch) -> UInt32 {
    if let known = knownMatches[match] { return known }
    let first = UInt32(maps.count)
    appendMaps(match.included)
    let middle = UInt32(maps.count)
    appendMaps(match.excluded)
    let index = UInt32(matches.count)
    matches.append(
      CompiledAddressMatch(
        needsOne: !match.included.isEmpty, zones: match.included.zones, excludedZones: match.excluded.zones,
        firstMap: first, includedMaps: middle - first, excludedMaps: UInt32(maps.count) - middle))
    knownMatches[match] = index
    return index
  }

  private mutating func appendMaps(_ terms: FirewallPolicy.AddressMatch.Terms) {
    for group in terms.groups { maps.append(UInt32(1 + group)) }
    if terms.prefixes.isEmpty { return }
    if let known = knownPrefixes[terms.prefixes] {
      maps.append(known)
      return
    }
    let map = UInt32(ranges.count)
    ranges.append(AddressRanges(terms.prefixes.map { ($0, 1) }))
    knownPrefixes[terms.prefixes] = map
    maps.append(map)
  }
}
