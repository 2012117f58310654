/// Writes a rule as text, in one order and form, so that reading it gives the same rule.
struct RulePrinter {
  private(set) var bytes: [UInt8] = []

  mutating func write(_ text: String) { bytes += text.utf8 }
  mutating func write(_ text: [UInt8]) { bytes += text }

  /// ` keyword;` or ` keyword:value;`
  mutating func option(_ keyword: String, _ value: String? = nil) {
    write(" " + keyword + (value.map { ":" + $0 } ?? "") + ";")
  }

  mutating func print(_ rule: IDSRule) {
    print(rule.action, rule.header)
    write(" (")
    let start = bytes.count
    if !rule.message.isEmpty { option("msg", "\"\(Self.escaped(rule.message))\"") }
    for condition in rule.conditions { print(condition) }
    for (index, buffer) in rule.buffers.enumerated() {
      if index > 0 || buffer.kind != .payload { option(buffer.kind.keyword) }
      for match in buffer.matches { print(match, variables: buffer.variables) }
    }
    for effect in rule.effects { print(effect) }
    if rule.isSilent { option("noalert") }
    printCounting(rule)
    for reference in rule.references { option("reference", "\(reference.system),\(reference.identifier)") }
    if !rule.classType.isEmpty { option("classtype", rule.classType) }
    if let priority = rule.priority { option("priority", "\(priority)") }
    if let target = rule.target { option("target", target.rawValue) }
    if !rule.metadata.isEmpty {
      option(
        "metadata", rule.metadata.map { $0.value.isEmpty ? $0.key : "\($0.key) \($0.value)" }.joined(separator: ", "))
    }
    option("sid", "\(rule.sid)")
    if rule.gid != 1 { option("gid", "\(rule.gid)") }
    if rule.revision != 0 { option("rev", "\(rule.revision)") }
    // The space before the first option.
    bytes.remove(at: start)
    write(")")
  }

  private mutating func print(_ action: IDSRule.Action, _ header: RuleHeader) {
    write("\(action.rawValue) \(header.protocolName.rawValue) \(header.source.text) \(header.sourcePorts.text) ")
    write("\(header.isBidirectional ? "<>" : "->") \(header.destination.text) \(header.destinationPorts.text)")
  }

  private mutating func printCounting(_ rule: IDSRule) {
    if let threshold = rule.threshold {
      option(
        "threshold",
        "type \(threshold.kind.rawValue), track \(threshold.track.rawValue), count \(threshold.count), "
          + "seconds \(threshold.seconds)")
    }
    if let filter = rule.detectionFilter {
      option("detection_filter", "track \(filter.track.rawValue), count \(filter.count), seconds \(filter.seconds)")
    }
    for tag in rule.tags {
      let scope = tag.scope == .session ? "session" : "host"
      let direction = tag.scope == .sourceHost ? ",src" : tag.scope == .destinationHost ? ",dst" : ""
      option("tag", "\(scope),\(tag.count),\(tag.metric.rawValue)\(direction)")
    }
  }

  private static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      if "\\\";".unicodeScalars.contains(scalar) { result += "\\" }
      result.unicodeScalars.append(scalar)
    }
    return result
  }
}
