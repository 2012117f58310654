import EventDSL
import Middleboxes

/// What was found in the configuration of a middlebox.
struct MiddleboxCheck {
  /// What is in it, in a few words.
  var summary: String
  /// What is wrong, a line each, with which the middlebox works all the same.
  var problems: [String] = []
}

extension MiddleboxCheck {
  /// The rules of an IDS.
  static func ids(_ settings: MiddleboxSettings) throws -> MiddleboxCheck {
    let configuration = try IDSConfiguration(settings)
    _ = try IDS(configuration)
    let unused = configuration.unused.count
    return MiddleboxCheck(
      summary: "\(configuration.ruleCount) rules" + (unused == 0 ? "" : ", \(unused) more are not supported"),
      problems: configuration.ruleSet.errors.map(\.description))
  }

  /// The rules of a firewall.
  static func firewall(_ settings: MiddleboxSettings) throws -> MiddleboxCheck {
    let policy = try FirewallPolicy(path: settings.file("a file with rules"))
    return MiddleboxCheck(summary: "\(policy.ruleCount) rules")
  }
}
