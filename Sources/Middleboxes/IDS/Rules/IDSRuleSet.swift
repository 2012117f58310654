/// The rules of an intrusion detection system, read from files in the language of Suricata and Snort 2.
///
/// A rule that is wrong, or that needs what is not supported, is left out and listed; all others are used.
public struct IDSRuleSet: Sendable {
  /// Bytes that a file may have.
  public static let largestFile = 256 << 20

  /// Rules that are used, in the order of their files and lines.
  private(set) var rules: [IDSRule] = []
  /// The files' names as they were given.
  public private(set) var files: [String] = []
  /// What is wrong with rules that were left out.
  public private(set) var errors: [IDSRuleError] = []
  /// Rules that need what is not supported.
  public private(set) var unused: [IDSUnusedRule] = []
  /// How many rules are comments.
  public private(set) var disabledCount = 0

  private let variables: IDSVariables
  /// Places in `rules`, by gid and sid.
  private var places: [UInt64: Int] = [:]

  /// No rules so far; `variables` are what the variables in rules' headers stand for.
  public init(variables: IDSVariables = IDSVariables()) { self.variables = variables }

  /// How many rules are used.
  public var ruleCount: Int { rules.count }

  /// Adds the rules of a file. Throws where it cannot be read; rules that are wrong are in `errors`.
  public mutating func read(path: String) throws(IDSRuleError) {
    let bytes: [UInt8]
    do {
      bytes = try ConfigurationFileBytes.read(path, limit: Self.largestFile)
    } catch {
      throw IDSRuleError(file: error.file, reason: error.reason)
    }
    if bytes.count > Self.largestFile {
      throw IDSRuleError(
        file: path, reason: "is larger than \(Self.largestFile >> 20) MiB, more than a rule file may be")
    }
    read(bytes: bytes, file: path)
  }

  /// Adds the rules of a file's content; `file` is its name in errors.
  public mutating func read(bytes: [UInt8], file: String) {
    let index = UInt16(clamping: files.count)
    files.append(file)
    var reader = RuleReader(variables)
    for line in RuleLines(bytes) {
      if line.isDisabled {
        disabledCount += 1
        continue
      }
      do throws(RuleFault) {
        var rule = try reader.read(line)
        rule.file = index
        add(rule)
      } catch {
        let sid = RuleText.sid(in: line.text)
        switch error {
        case .wrong(let reason):
          errors.append(IDSRuleError(file: file, line: line.number, sid: sid, reason: reason))
        case .unsupported(let reason):
          unused.append(IDSUnusedRule(file: file, line: line.number, sid: sid, reason: reason))
        }
      }
    }
  }

  /// Of two rules with one number the later revision is used, of equal ones the first.
  private mutating func add(_ rule: IDSRule) {
    let number = rule.identifier
    guard let place = places[number] else {
      places[number] = rules.count
      rules.append(rule)
      return
    }
    let isNewer = rule.revision > rules[place].revision
    let (used, other) = isNewer ? (rule, rules[place]) : (rules[place], rule)
    rules[place] = used
    errors.append(
      IDSRuleError(
        file: files[Int(other.file)], line: Int(other.line), sid: other.sid,
        reason: "the rule at \(files[Int(used.file)]):\(used.line), rev \(used.revision), has this sid too and is used "
          + "instead of rev \(other.revision)"))
  }

  /// A rule as text, in one order and form whatever those of its file are; reading it gives the same rule.
  ///
  /// `index` is less than `ruleCount`.
  public func text(ofRule index: Int) -> [UInt8] {
    var printer = RulePrinter()
    printer.print(rules[index])
    return printer.bytes
  }
}
