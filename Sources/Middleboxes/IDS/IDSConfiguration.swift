/// An IDS's rules and how it uses them.
public struct IDSConfiguration: Sendable {
  /// Rules ready for use.
  let rules: DetectionRules
  /// The rules as they were read, with what is wrong with those that are not used.
  public let ruleSet: IDSRuleSet
  /// Rules whose action it is drop packets.
  public var isInline = false

  /// Alerts have the bytes that were looked at, at most the last 4,096.
  public var hasPayload = false

  /// It is measured how long each rule is asked, which takes some 50 ns each time.
  public var timesRules = false

  /// Rules that were read. Throws where libhyperscan is missing.
  public init(_ ruleSet: IDSRuleSet) throws {
    self.ruleSet = ruleSet
    rules = try DetectionRules(ruleSet)
  }

  /// The rules of the files that a file in YAML names, paths being relative to it (docs/ids-example.yaml). Throws the first
  /// error in it, with line and column, a file of rules that cannot be read, and where libhyperscan is missing; rules that
  /// are wrong are in `ruleSet.errors`.
  public init(path: String) throws {
    try self.init(bytes: try ConfigurationFileBytes.read(path), file: path)
  }

  /// The same from a file's bytes. `file` is the name for error messages, and where paths begin.
  public init(bytes: [UInt8], file: String) throws {
    guard let root = try YAMLNode.document(bytes, file: file, kind: .ids), !root.isEmpty else {
      throw ConfigurationError(file: file, reason: "is empty, expected at least `rules`")
    }
    let content = try IDSConfigurationReader(file: file).read(root)
    var set = IDSRuleSet(variables: content.variables)
    let folder = file.lastIndex(of: "/").map { String(file[...$0]) } ?? ""
    for rules in content.rules { try set.read(path: rules.hasPrefix("/") ? rules : folder + rules) }
    try self.init(set)
    isInline = content.isInline
    hasPayload = content.hasPayload
    timesRules = content.timesRules
  }

  /// How many rules are in use.
  public var ruleCount: Int { rules.rules.count }

  /// Rules that are not used because they need what is not looked at, with the reason.
  public var unused: [IDSUnusedRule] {
    ruleSet.unused
      + rules.unsupported.map { place, reason in
        let rule = ruleSet.rules[place]
        return IDSUnusedRule(
          file: ruleSet.files[Int(rule.file)], line: Int(rule.line), sid: rule.sid, reason: reason)
      }
  }
}

extension ConfigurationKind {
  /// An IDS's.
  static let ids = ConfigurationKind(noun: "IDS configuration")
}
