import MOSCore

/// Zones, groups, and what `from` and `to` say.
extension PolicyReader {
  mutating func readZones(_ node: YAMLNode, into policy: inout FirewallPolicy) throws(ConfigurationError) {
    var owners: [IPPrefix: String] = [:]
    for pair in try definitions(node, "zones", limit: FirewallPolicy.largestZoneCount) {
      let name = try name(pair.key, "zone")
      var prefixes: [IPPrefix] = []
      for element in try addressList(pair.value, name) {
        let prefix = try prefix(element, name)
        if let owner = owners[prefix], owner != name {
          throw fail(element, "\(name): \(prefix) is in zone \(quoted(owner)) already; an address is in one zone only")
        }
        owners[prefix] = name
        prefixes.append(prefix)
      }
      names[name] = .zone(policy.zones.count)
      policy.zones.append(FirewallPolicy.AddressList(name: name, prefixes: prefixes))
    }
  }

  mutating func readGroups(_ node: YAMLNode, into policy: inout FirewallPolicy) throws(ConfigurationError) {
    for pair in try definitions(node, "groups", limit: FirewallPolicy.largestGroupCount) {
      let name = try name(pair.key, "group")
      var prefixes: [IPPrefix] = []
      for element in try addressList(pair.value, name) { prefixes.append(try prefix(element, name)) }
      names[name] = .group(policy.groups.count)
      policy.groups.append(FirewallPolicy.AddressList(name: name, prefixes: prefixes))
    }
  }

  /// What a rule's `from` or `to` says.
  func addressMatch(_ node: YAMLNode, _ key: String) throws(ConfigurationError) -> FirewallPolicy.AddressMatch {
    var match = FirewallPolicy.AddressMatch()
    var any: YAMLNode?
    for element in try addressList(node, key) {
      let text = try text(element, key, expected: addressExample)
      if text == "any" {
        any = element
      } else if text.hasPrefix("not ") {
        let name = text.dropFirst(4).trimmed
        if name == "any" { throw fail(element, "\(key): \"not any\" would match nothing, expected not and a name") }
        try add(String(name), at: element, key, to: &match.excluded)
      } else {
        try add(text, at: element, key, to: &match.included)
      }
    }
    if let any, !match.included.isEmpty {
      throw fail(any, "\(key): \"any\" and others in one list; any covers them, expected it alone or with `not ...`")
    }
    return match
  }

  private func add(
    _ text: String, at node: YAMLNode, _ key: String, to terms: inout FirewallPolicy.AddressMatch.Terms
  ) throws(ConfigurationError) {
    switch names[text] {
    case .zone(let index): terms.zones |= 1 << UInt64(index)
    case .group(let index): if !terms.groups.contains(index) { terms.groups.append(index) }
    case nil:
      // A name begins with a letter; an address with a digit, or it has a colon.
      if text.utf8.contains(UInt8(ascii: ":")) || text.first?.isNumber == true {
        terms.prefixes.append(try prefix(text, at: node, key))
        return
      }
      let meant = Suggestion.text(
        for: text, among: names.keys.sorted() + ["any"],
        expected: "any, an address, or a name under zones or groups")
      throw fail(node, "\(key): there is no zone or group \(quoted(text))\(meant)")
    }
  }

  private func definitions(
    _ node: YAMLNode, _ key: String, limit: Int
  ) throws(ConfigurationError) -> [YAMLNode.Pair] {
    guard case .mapping(let pairs) = node.content else {
      throw fail(node, "\(key): found \(node.shown), expected names with their addresses, as `inside: [10.0.0.0/8]`")
    }
    if pairs.count > limit { throw fail(pairs[limit].key, "there are more than \(limit) \(key) from here on") }
    return pairs
  }

  /// The name of a zone or group that is being defined.
  private func name(_ node: YAMLNode, _ noun: String) throws(ConfigurationError) -> String {
    let rule = "letters, digits, - _ and ., the first one a letter, \(FirewallPolicy.longestName) at most"
    let text = try text(node, noun, expected: "a name: \(rule)")
    let isName = text.utf8.enumerated().allSatisfy { index, byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."): index > 0
      default: false
      }
    }
    guard isName, text.utf8.count <= FirewallPolicy.longestName else {
      throw fail(node, "\(quoted(text)) is no name for a \(noun), expected \(rule)")
    }
    if text == "any" || text == "not" {
      throw fail(node, "\(quoted(text)) has a meaning of its own, expected another name")
    }
    switch names[text] {
    case .zone: throw fail(node, "there is a zone \(quoted(text)) already, expected another name")
    case .group: throw fail(node, "there is a group \(quoted(text)) already, expected another name")
    case nil: return text
    }
  }

  /// A list of addresses, with a word about colons where YAML found a mapping.
  private func addressList(_ node: YAMLNode, _ key: String) throws(ConfigurationError) -> [YAMLNode] {
    if case .sequence(let elements) = node.content {
      for element in elements {
        guard case .mapping = element.content else { continue }
        throw fail(
          element, "\(key): found a mapping, expected \(addressExample); \(YAMLNode.colonAdvice)")
      }
    }
    // How many there are is bounded by the file's size alone: they are searched by bisection.
    return try list(node, key, limit: .max, expected: addressExample)
  }
}
