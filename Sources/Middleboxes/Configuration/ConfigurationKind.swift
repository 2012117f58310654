/// What a file is, in the words of its errors.
struct ConfigurationKind: Sendable {
  /// What it is called, without an article.
  var noun: String
  /// What is said behind "are not taken" to who used an anchor or alias.
  var aliasAdvice = ""

  /// A firewall's rules, and what has no kind of its own.
  static let rules = ConfigurationKind(
    noun: "rule file", aliasAdvice: "; name what is used twice under groups")
}
