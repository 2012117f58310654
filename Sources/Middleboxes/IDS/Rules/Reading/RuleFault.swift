/// Why a rule is not used.
enum RuleFault: Error, Equatable {
  /// What is wrong, and what was expected.
  case wrong(String)
  /// What the rule needs and there is not here.
  case unsupported(String)
}
