/// How long to wait before something that failed is tried again: not at all the first time, and longer each time up to five
/// seconds, unless it went well for a while.
struct Backoff: Hashable, Sendable {
  static let longest: Int64 = 5_000_000_000
  /// What has worked for so long is tried again at once.
  static let goodTime: Int64 = 10_000_000_000
  private static let shortest: Int64 = 100_000_000
  private var delay: Int64 = 0

  /// The time to wait, in nanoseconds, when it failed after it had worked for `nanoseconds`.
  mutating func next(after nanoseconds: Int64) -> Int64 {
    if nanoseconds >= Backoff.goodTime { delay = 0 }
    defer { delay = min(max(2 * delay, Backoff.shortest), Backoff.longest) }
    return delay
  }
}
