/// What a rule did.
struct RuleCounter: BitwiseCopyable {
  /// How often it was asked.
  var checks: UInt64 = 0
  /// How often it matched.
  var matches: UInt64 = 0
  /// How long it was asked, where that is measured.
  var nanoseconds: UInt64 = 0
}

extension RuleCounter {
  static func += (sum: inout RuleCounter, other: RuleCounter) {
    sum.checks &+= other.checks
    sum.matches &+= other.matches
    sum.nanoseconds &+= other.nanoseconds
  }
}
