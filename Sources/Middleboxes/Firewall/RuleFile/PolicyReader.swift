/// Reads a rule file's document into a policy. Every method throws at the first error, with the place of what is wrong.
struct PolicyReader: ConfigurationReader {
  enum Name {
    case zone(Int)
    case group(Int)
  }

  let file: String
  /// Zones and groups share their names, so that a rule's `from` can be either.
  var names: [String: Name] = [:]

  init(file: String) { self.file = file }

  /// The document as a whole.
  mutating func read(_ root: YAMLNode, into policy: inout FirewallPolicy) throws(ConfigurationError) {
    let known = ["default", "zones", "groups", "syn-flood", "sources", "rules"]
    let fields = try fields(of: root, in: "a rule file", known: known)
    guard let defaultNode = fields["default"] else {
      throw fail(root, "there is no `default`, expected default: pass or default: drop")
    }
    try readDefault(defaultNode, into: &policy)
    if let node = fields["zones"] { try readZones(node, into: &policy) }
    if let node = fields["groups"] { try readGroups(node, into: &policy) }
    if let node = fields["syn-flood"] { policy.synFlood = try synFlood(node) }
    if let node = fields["sources"] { policy.sources = try sources(node) }
    if let node = fields["rules"] { try readRules(node, into: &policy) }
  }

  private func readDefault(_ node: YAMLNode, into policy: inout FirewallPolicy) throws(ConfigurationError) {
    guard case .mapping = node.content else {
      policy.defaultAction = try action(node, "default")
      return
    }
    let fields = try fields(of: node, in: "default", known: ["action", "log"])
    policy.defaultAction = try action(try required("action", fields, of: node, in: "default"), "action")
    if let node = fields["log"] { policy.logsDefault = try yesOrNo(node, "log") }
  }

  private func readRules(_ node: YAMLNode, into policy: inout FirewallPolicy) throws(ConfigurationError) {
    guard case .sequence(let elements) = node.content else {
      throw fail(node, "rules: found \(node.shown), expected a list, each rule beginning with `- name: ...`")
    }
    let limit = FirewallPolicy.largestRuleCount
    if elements.count > limit { throw fail(elements[limit], "this is rule \(limit + 1), a file may have \(limit)") }
    var lines: [String: Int] = [:]
    for element in elements {
      let (rule, place) = try rule(element)
      if let line = lines[rule.name] {
        throw fail(place, "name: \(quoted(rule.name)) is the name of the rule in line \(line) too, expected another")
      }
      lines[rule.name] = place.place.line
      policy.rules.append(rule)
    }
  }

  private func synFlood(_ node: YAMLNode) throws(ConfigurationError) -> FirewallPolicy.SynFlood {
    let fields = try fields(of: node, in: "syn-flood", known: ["per-source", "total", "action", "log"])
    var result = FirewallPolicy.SynFlood()
    guard fields["per-source"] != nil || fields["total"] != nil else {
      throw fail(node, "syn-flood: no limit is given, expected per-source, total or both")
    }
    if let node = fields["per-source"] { result.perSource = try number(node, "per-source", in: 1...1_000_000_000) }
    if let node = fields["total"] { result.total = try number(node, "total", in: 1...1_000_000_000) }
    if let node = fields["action"] { result.action = try refusal(node, "action") }
    if let node = fields["log"] { result.logs = try yesOrNo(node, "log") }
    return result
  }

  private func sources(_ node: YAMLNode) throws(ConfigurationError) -> FirewallPolicy.Sources {
    let fields = try fields(of: node, in: "sources", known: ["ipv4-prefix", "ipv6-prefix", "maximum"])
    var result = FirewallPolicy.Sources()
    if let node = fields["ipv4-prefix"] { result.v4Length = Int(try number(node, "ipv4-prefix", in: 0...32)) }
    if let node = fields["ipv6-prefix"] { result.v6Length = Int(try number(node, "ipv6-prefix", in: 0...128)) }
    if let node = fields["maximum"] {
      result.maximum = Int(try number(node, "maximum", in: 16...UInt64(FirewallPolicy.largestSourceCount)))
    }
    return result
  }
}
