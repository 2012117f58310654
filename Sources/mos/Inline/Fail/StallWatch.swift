/// Finds threads that go on no more, from their heartbeats. It knows no clock; times are nanoseconds.
struct StallWatch {
  /// How long a turn of a thread's loop may take.
  static let limit: Int64 = 2_000_000_000
  /// How often it is to look.
  static let period: Int64 = 200_000_000

  private var before: [UInt64] = []
  private var still: [Int64] = []
  private var last: Int64?

  /// Looks at the heartbeats, of which a 0 is at rest. Returns for how long the longest has been the same.
  mutating func look(_ counts: [UInt64], at now: Int64) -> Int64 {
    guard before.count == counts.count, let last else {
      self = StallWatch()
      (before, still, self.last) = (counts, counts.map { _ in 0 }, now)
      return 0
    }
    // When nobody could look, nobody could work: the machine was paused, or had too much to do.
    let passed = min(now - last, 2 * StallWatch.period)
    for index in counts.indices {
      still[index] = counts[index] == 0 || counts[index] != before[index] ? 0 : still[index] + passed
    }
    (before, self.last) = (counts, now)
    return still.max() ?? 0
  }

  /// What was seen so far counts no more.
  mutating func reset() { self = StallWatch() }
}
