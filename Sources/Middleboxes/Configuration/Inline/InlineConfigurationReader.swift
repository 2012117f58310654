/// Reads the configuration file of `mos inline`. Every method throws at the first error, with the place of what is wrong.
struct InlineConfigurationReader: ConfigurationReader {
  let file: String

  /// A key, the option that it stands for, and what its value can be.
  struct Key: Sendable {
    enum Kind: Sendable {
      case text(example: String)
      /// Of a file, relative to this one.
      case path
      case words([String])
      case yesOrNo
      case number(ClosedRange<UInt64>)
      /// A list, or one alone.
      case list(example: String)
      /// A list, whose elements are put together with commas.
      case joined(example: String)
      /// A list of such.
      case lists(example: String)
    }

    var section: String?
    var name: String
    var option: String
    var kind: Kind

    init(_ section: String?, _ name: String, option: String? = nil, _ kind: Kind) {
      (self.section, self.name, self.option, self.kind) = (section, name, option ?? name, kind)
    }
  }

  static let keys: [Key] = [
    Key(nil, "ports", option: "port", .list(example: "net_af_packet0,iface=eth1")),
    Key(nil, "eal", .list(example: "--no-huge -m 512")),
    Key(nil, "mtu", .number(68...65_000)),
    Key(nil, "workers", .number(1...64)),
    Key(nil, "fail", .words(["open", "closed"])),
    Key(nil, "metrics", .text(example: "127.0.0.1:9464")),
    Key(nil, "addresses", .lists(example: "[192.168.0.1/24, fd00::1/64]")),
    Key(nil, "gateways", option: "gateway", .list(example: "198.51.100.254")),
    Key(nil, "rule-stats", .yesOrNo),
    Key(nil, "quiet", .yesOrNo),
    Key("records", "conn-log", .path),
    Key("records", "conn-format", .words(["json", "zeek"])),
    Key("records", "eve", .path),
    Key("records", "events", .path),
    Key("flows", "max-flows", .number(1...UInt64(Int32.max))),
    Key("flows", "idle-timeout", .text(example: "2h4m")),
    Key("flows", "half-open-timeout", .text(example: "30s")),
    Key("flows", "udp-timeout", .text(example: "60s")),
    Key("flows", "midstream", .yesOrNo),
    Key("flows", "checksum", .words(["verify", "ignore"])),
    Key("flows", "vlan-tracking", .yesOrNo),
    Key("flows", "tunnels", .joined(example: "all, none, or [gre, vxlan]")),
  ]

  func read(_ root: YAMLNode, into result: inout InlineConfiguration) throws(ConfigurationError) {
    let sections = ["records", "flows"]
    let own = Self.keys.filter { $0.section == nil }
    let fields = try fields(
      of: root, in: "the configuration", known: own.map(\.name) + ["middleboxes"] + sections)
    try read(own, fields, into: &result)
    for section in sections {
      guard let node = fields[section] else { continue }
      let keys = Self.keys.filter { $0.section == section }
      try read(keys, try self.fields(of: node, in: section, known: keys.map(\.name)), into: &result)
    }
    if let node = fields["middleboxes"] { result.middleboxes = try middleboxes(node) }
  }

  private func read(
    _ keys: [Key], _ fields: [String: YAMLNode], into result: inout InlineConfiguration
  ) throws(ConfigurationError) {
    for key in keys {
      if let node = fields[key.name] { result.set(key.option, try values(node, key)) }
    }
  }

  private func values(_ node: YAMLNode, _ key: Key) throws(ConfigurationError) -> [InlineConfiguration.Value] {
    let text: String
    switch key.kind {
    case .text(let example): text = try self.text(node, key.name, expected: "for example \(example)")
    case .path: text = try path(node, key.name)
    case .words(let words):
      let pairs = words.map { ($0, $0) }
      text = try word(node, key.name, pairs, expected: words.joined(separator: " or "), noun: "choice")
    case .yesOrNo: text = try yesOrNo(node, key.name) ? "yes" : "no"
    case .number(let range): text = "\(try number(node, key.name, in: range))"
    case .joined(let example): text = try joined(node, key.name, example)
    case .list(let example):
      var values: [InlineConfiguration.Value] = []
      for element in try list(node, key.name, expected: "for example \(example)") {
        values.append(InlineConfiguration.Value(text: element.text ?? "", place: element.place))
      }
      return values
    case .lists(let example):
      guard case .sequence(let elements) = node.content, !elements.isEmpty else {
        throw fail(
          node, "\(key.name): found \(node.shown), expected a list, of which each element is for example \(example)")
      }
      var values: [InlineConfiguration.Value] = []
      for element in elements {
        values.append(InlineConfiguration.Value(text: try joined(element, key.name, example), place: element.place))
      }
      return values
    }
    return [InlineConfiguration.Value(text: text, place: node.place)]
  }

  private func joined(_ node: YAMLNode, _ key: String, _ example: String) throws(ConfigurationError) -> String {
    try list(node, key, limit: 1_024, expected: "for example \(example)").compactMap(\.text).joined(separator: ",")
  }

  /// A path; a relative one begins at this file's folder.
  private func path(_ node: YAMLNode, _ key: String) throws(ConfigurationError) -> String {
    let path = try text(node, key, expected: "the path of a file")
    if path.hasPrefix("/") || path == "-" { return path }
    return (file.lastIndex(of: "/").map { String(file[...$0]) } ?? "") + path
  }

  private func middleboxes(_ node: YAMLNode) throws(ConfigurationError) -> [InlineConfiguration.Middlebox] {
    let expected = "a list of middleboxes, such as monitor or {name: firewall, config: firewall.yaml}"
    guard case .sequence(let elements) = node.content else {
      throw fail(node, "middleboxes: found \(node.shown), expected \(expected)")
    }
    if elements.count > longestConfigurationList {
      throw fail(
        elements[longestConfigurationList], "middleboxes: the list has more than \(longestConfigurationList) entries")
    }
    var result: [InlineConfiguration.Middlebox] = []
    for element in elements { result.append(try middlebox(element, expected)) }
    return result
  }

  private func middlebox(
    _ node: YAMLNode, _ expected: String
  ) throws(ConfigurationError) -> InlineConfiguration.Middlebox {
    guard case .mapping = node.content else {
      let name = try text(node, "middleboxes", expected: expected)
      return InlineConfiguration.Middlebox(name: .init(text: name, place: node.place))
    }
    let fields = try fields(of: node, in: "a middlebox", known: ["name", "config"])
    let name = try required("name", fields, of: node, in: "a middlebox")
    var box = InlineConfiguration.Middlebox(
      name: .init(text: try text(name, "name", expected: "the name of a middlebox"), place: name.place))
    if let config = fields["config"] {
      box.configuration = .init(text: try path(config, "config"), place: config.place)
    }
    return box
  }
}
