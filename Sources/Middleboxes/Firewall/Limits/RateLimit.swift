/// So many in a while, and how many of them at once: a token bucket's rate and size.
struct RateLimit: BitwiseCopyable, Hashable, Sendable {
  /// Tokens that come in a period: 1 to 1,000,000.
  var count: UInt64
  /// The period in nanoseconds: up to an hour.
  var period: UInt64
  /// Tokens that the bucket holds: 1 to 1,000,000.
  var burst: UInt64

  static let largestCount: UInt64 = 1_000_000
  /// Largest burst; times an hour it is still below 2^63.
  static let largestBurst: UInt64 = 1_000_000

  /// What a full bucket holds, in parts of a token of which `count` come every nanosecond.
  var capacity: UInt64 { burst &* period }
}

/// A token bucket in packet time, exact at any rate: it counts parts of a token, of which
/// `RateLimit.count` come every nanosecond and `RateLimit.period` make a token, so that nothing is ever rounded.
struct TokenBucket: BitwiseCopyable {
  private var credit: UInt64
  private var last: Int64

  /// A full bucket.
  init(_ limit: RateLimit, at now: Int64) {
    credit = limit.capacity
    last = now
  }

  /// Takes a token, and says whether there was one. Where time goes back it stands still.
  mutating func take(_ limit: RateLimit, at now: Int64) -> Bool {
    if now > last {
      // The difference of any two 64-bit times fits as an unsigned number.
      let elapsed = UInt64(bitPattern: now &- last)
      last = now
      let missing = limit.capacity &- credit
      // Compared by division: the product of two hostile times would not fit.
      credit = elapsed > missing / limit.count ? limit.capacity : credit &+ elapsed &* limit.count
    }
    if credit < limit.period { return false }
    credit &-= limit.period
    return true
  }
}
