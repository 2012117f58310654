/// Frames that came in at the two ports while there was no box.
struct BypassCounts: Hashable, Sendable {
  /// Passed to the other port.
  var passed: [UInt64] = [0, 0]
  /// The other port's driver had no room for them.
  var lost: [UInt64] = [0, 0]

  static func + (left: BypassCounts, right: BypassCounts) -> BypassCounts { left.combined(with: right, &+) }
  static func - (left: BypassCounts, right: BypassCounts) -> BypassCounts { left.combined(with: right, &-) }

  private func combined(with other: BypassCounts, _ operation: (UInt64, UInt64) -> UInt64) -> BypassCounts {
    BypassCounts(
      passed: zip(passed, other.passed).map(operation), lost: zip(lost, other.lost).map(operation))
  }

  /// As numbers in a message.
  var words: [String] { (passed + lost).map { "\($0)" } }

  init(passed: [UInt64] = [0, 0], lost: [UInt64] = [0, 0]) { (self.passed, self.lost) = (passed, lost) }

  /// From the numbers of a message.
  init?(_ words: some Collection<Substring>) {
    let numbers = words.compactMap { UInt64($0) }
    guard numbers.count == 4, words.count == 4 else { return nil }
    (passed, lost) = (Array(numbers[..<2]), Array(numbers[2...]))
  }
}
