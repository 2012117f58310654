/// Reads an IDS's configuration file. Every method throws at the first error, with the place of what is wrong.
struct IDSConfigurationReader: ConfigurationReader {
  let file: String

  struct Content {
    var rules: [String] = []
    var variables = IDSVariables()
    var isInline = false
    var hasPayload = false
    var timesRules = false
  }

  private static let keys = ["rules", "addresses", "ports", "inline", "payload", "rule-stats"]

  func read(_ root: YAMLNode) throws(ConfigurationError) -> Content {
    let fields = try fields(of: root, in: "an IDS configuration", known: Self.keys)
    var result = Content()
    let rules = try required("rules", fields, of: root, in: "the configuration")
    for element in try list(rules, "rules", expected: "files of rules") {
      result.rules.append(try text(element, "rules", expected: "a file of rules"))
    }
    result.variables = IDSVariables(
      addresses: try groups(fields["addresses"], "addresses"), ports: try groups(fields["ports"], "ports"))
    if let node = fields["inline"] { result.isInline = try yesOrNo(node, "inline") }
    if let node = fields["payload"] { result.hasPayload = try yesOrNo(node, "payload") }
    if let node = fields["rule-stats"] { result.timesRules = try yesOrNo(node, "rule-stats") }
    return result
  }

  /// What variables of rules stand for, by their names.
  private func groups(_ node: YAMLNode?, _ key: String) throws(ConfigurationError) -> [String: String] {
    guard let node else { return [:] }
    guard case .mapping(let pairs) = node.content else {
      throw fail(node, "\(key): \(node.shown), expected names and what they stand for, HOME_NET: 10.0.0.0/8")
    }
    var result: [String: String] = [:]
    for pair in pairs {
      let name = try text(pair.key, key, expected: "a variable's name")
      if case .sequence(let elements) = pair.value.content {
        var parts: [String] = []
        for element in elements { parts.append(try text(element, name, expected: "an address or a port")) }
        result[name] = "[\(parts.joined(separator: ","))]"
      } else {
        result[name] = try text(pair.value, name, expected: "a list")
      }
    }
    return result
  }
}
