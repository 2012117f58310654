import MOSCore

/// A rule.
extension PolicyReader {
  private static let ruleKeys = [
    "name", "from", "to", "protocol", "ports", "source-ports", "icmp-types", "states", "action", "log", "rate-limit",
  ]

  /// A rule, and where its name is.
  func rule(_ node: YAMLNode) throws(ConfigurationError) -> (FirewallPolicy.Rule, name: YAMLNode) {
    let fields = try fields(of: node, in: "a rule", known: Self.ruleKeys)
    let nameNode = try required("name", fields, of: node, in: "this rule")
    let name = try ruleName(nameNode)
    let actionNode = try required("action", fields, of: node, in: "rule \(quoted(name))")
    let action = try action(actionNode, "action")
    var rule = FirewallPolicy.Rule(name: name, states: Self.defaultStates(action), action: action)
    if let node = fields["from"] { rule.from = try addressMatch(node, "from") }
    if let node = fields["to"] { rule.to = try addressMatch(node, "to") }
    if let node = fields["protocol"] { rule.protocols = try protocols(node, "protocol") }
    if let node = fields["states"] { rule.states = try states(node, "states") }
    if let node = fields["log"] { rule.logs = try yesOrNo(node, "log") }
    try readPorts(fields, into: &rule)
    if let node = fields["rate-limit"] { rule.limit = try limit(node, action) }
    if action == .reset, !rule.protocols.isEmpty, !rule.protocols.contains(IPProtocol.tcp) {
      throw fail(actionNode, "action: only TCP can be reset, and this rule is for other protocols, expected drop")
    }
    return (rule, nameNode)
  }

  /// What stops packets does it in every state; what lets them pass leaves out those that no stack would take.
  private static func defaultStates(_ action: FirewallAction) -> UInt8 {
    FirewallState.allCases.reduce(0) { $0 | ($1 == .invalid && action == .pass ? 0 : $1.bit) }
  }

  private func ruleName(_ node: YAMLNode) throws(ConfigurationError) -> String {
    let longest = FirewallPolicy.longestName
    let text = try text(node, "name", expected: "a text of at most \(longest) characters")
    let scalars = text.unicodeScalars
    guard scalars.count <= longest, scalars.allSatisfy(\.isPrintable), scalars.contains(where: { $0 != " " }) else {
      throw fail(node, "name: \(quoted(text)) is no name for a rule, expected at most \(longest) printable characters")
    }
    return text
  }

  private func readPorts(
    _ fields: [String: YAMLNode], into rule: inout FirewallPolicy.Rule
  ) throws(ConfigurationError) {
    let withPorts: Set<UInt8> = [IPProtocol.tcp, IPProtocol.udp]
    for key in ["ports", "source-ports"] {
      guard let node = fields[key] else { continue }
      if rule.protocols.isEmpty || !rule.protocols.isSubset(of: withPorts) {
        throw fail(node, "\(key): only TCP and UDP have ports here, expected protocol: tcp, udp or [tcp, udp]")
      }
      let ranges = try ranges(node, key, largest: .max, noun: "port", example: "80, 8000-8080 or [80, 443]")
      if key == "ports" { rule.ports = ranges } else { rule.sourcePorts = ranges }
    }
    guard let node = fields["icmp-types"] else { return }
    if rule.protocols != [IPProtocol.icmp], rule.protocols != [IPProtocol.icmpv6] {
      throw fail(node, "icmp-types: ICMP's and ICMPv6's types differ, expected protocol: icmp or icmpv6, one of them")
    }
    rule.sourcePorts = try ranges(node, "icmp-types", largest: 255, noun: "ICMP type", example: "8, 3-5 or [0, 8]")
  }

  private func limit(
    _ node: YAMLNode, _ action: FirewallAction
  ) throws(ConfigurationError) -> FirewallPolicy.Limit {
    var over = action == .pass ? FirewallAction.drop : action
    guard case .mapping = node.content else {
      let (count, period) = try rate(node, "rate-limit")
      return FirewallPolicy.Limit(rate: RateLimit(count: count, period: period, burst: count), over: over)
    }
    let fields = try fields(of: node, in: "rate-limit", known: ["rate", "burst", "over"])
    let (count, period) = try rate(try required("rate", fields, of: node, in: "rate-limit"), "rate")
    var burst = count
    if let node = fields["burst"] { burst = try number(node, "burst", in: 1...RateLimit.largestBurst) }
    if let node = fields["over"] {
      if action != .pass {
        throw fail(node, "over: this rule takes only what is over the rate, expected `over` in rules that pass")
      }
      over = try refusal(node, "over")
    }
    return FirewallPolicy.Limit(rate: RateLimit(count: count, period: period, burst: burst), over: over)
  }
}
