import MOSCore

/// Rules in flat tables, as packets are compared with them. Reading them allocates nothing and counts no references; a
/// rule costs a few comparisons, and an address in a list of n networks log n more.
struct FirewallRules: ~Copyable {
  let rules: FlatTable<CompiledRule>
  let addressMatches: FlatTable<CompiledAddressMatch>
  let addresses: AddressTable
  /// Numbers of maps in `addresses`, for `CompiledAddressMatch`. Map 0 has the zones.
  let maps: FlatTable<UInt32>
  let portRanges: FlatTable<PortRange>
  let protocolSets: FlatTable<ProtocolSet>
  let limits: FlatTable<CompiledLimit>
  let hasZones: Bool
  let defaultAction: FirewallAction
  let logsDefault: Bool
  let synFlood: FirewallPolicy.SynFlood?
  /// Which load of the rules this is.
  let generation: UInt32

  var count: Int { rules.count }

  /// What one end of a flow is compared by: its address and its zone's bit. Rules that follow each other often say the
  /// same of an address, so the last answer is kept.
  private struct End {
    var address: IPAddress
    var zone: UInt64
    var match = CompiledRule.anyAddress
    var matches = true
  }

  /// Walks the rules up to the first that matches. `sources` has the buckets of the rate limits, from which a token is
  /// taken for each limit that is come to, and the half-open connections.
  func decide(_ query: FirewallQuery, _ sources: inout FirewallSources) -> FirewallDecision {
    let key = query.sender == .client ? query.key : query.key.reversed
    var client = End(address: key.source, zone: zone(key.source))
    var server = End(address: key.destination, zone: zone(key.destination))
    let number = key.protocolNumber
    let state = query.state.bit
    var decision = FirewallDecision(
      action: defaultAction, cause: .defaultAction, logs: logsDefault, generation: generation)
    var index = 0
    while index < rules.count {
      defer { index &+= 1 }
      guard rules[index].states & state != 0,
        protocolSets[Int(rules[index].protocolSet)].contains(number),
        matches(rules[index].ports, key.destinationPort), matches(rules[index].sourcePorts, key.sourcePort),
        matches(rules[index].from, &client), matches(rules[index].to, &server)
      else { continue }
      let action = rules[index].action
      decision.logs = rules[index].logs
      if rules[index].limit != CompiledRule.noLimit {
        let limit = limits[Int(rules[index].limit)]
        let isWithin = sources.takeToken(limit.number, limit.rate, from: key.source, at: query.time)
        if action != .pass && isWithin {
          decision.logs = logsDefault
          continue
        }
        decision.action = isWithin || action != .pass ? action : limit.over
        decision.cause = isWithin || action != .pass ? .rule : .rateLimit
      } else {
        decision.action = action
        decision.cause = .rule
      }
      decision.rule = UInt32(truncatingIfNeeded: index)
      break
    }
    if decision.action == .pass, query.state == .new, number == IPProtocol.tcp {
      resist(key.source, &sources, &decision)
    }
    if decision.action == .reset && number != IPProtocol.tcp { decision.action = .drop }
    return decision
  }

  /// SYN-flood protection: one more half-open connection passes only below both limits.
  private func resist(
    _ source: IPAddress, _ sources: inout FirewallSources, _ decision: inout FirewallDecision
  ) {
    guard let synFlood else { return }
    guard sources.halfOpen >= synFlood.total || sources.halfOpen(from: source) >= synFlood.perSource else { return }
    decision.action = synFlood.action
    decision.logs = synFlood.logs
    decision.cause = .synFlood
  }

  @inline(__always) private func zone(_ address: IPAddress) -> UInt64 {
    if !hasZones { return 0 }
    let value = addresses.value(of: address, in: 0)
    return value == 0 ? 0 : 1 &<< UInt64(value &- 1)
  }

  @inline(__always) private func matches(_ ports: PortMatch, _ port: UInt16) -> Bool {
    if ports.count == 0 { return true }
    var index = Int(ports.first)
    let end = index &+ Int(ports.count)
    while index < end {
      let range = portRanges[index]
      if range.first <= port && port <= range.last { return true }
      index &+= 1
    }
    return false
  }

  @inline(__always) private func matches(_ match: UInt32, _ end: inout End) -> Bool {
    if match != end.match {
      end.match = match
      end.matches = match == CompiledRule.anyAddress || matches(addressMatches[Int(match)], end)
    }
    return end.matches
  }

  private func matches(_ match: CompiledAddressMatch, _ end: End) -> Bool {
    if match.excludedZones & end.zone != 0 { return false }
    let first = Int(match.firstMap)
    let excluded = first &+ Int(match.includedMaps)
    if match.needsOne && match.zones & end.zone == 0 && !isInOne(first..<excluded, end.address) { return false }
    return !isInOne(excluded..<excluded &+ Int(match.excludedMaps), end.address)
  }

  @inline(__always) private func isInOne(_ range: Range<Int>, _ address: IPAddress) -> Bool {
    var index = range.lowerBound
    while index < range.upperBound {
      if addresses.value(of: address, in: Int(maps[index])) != 0 { return true }
      index &+= 1
    }
    return false
  }
}
