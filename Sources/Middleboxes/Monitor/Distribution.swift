/// A distribution of times, from which quantiles are read: counts in buckets whose width is 1/64 of their lower bound,
/// so that what is read is within 1 % of a value that was there. It takes at most 7 KB, and less where times are short.
struct Distribution: Equatable {
  private static let bits = 6
  private static let linear = 1 << bits

  private var buckets: [UInt32] = []
  /// How many values.
  private(set) var count: UInt64 = 0

  init() {}

  /// Takes a value.
  mutating func add(_ value: UInt32) {
    let bucket = Distribution.bucket(of: value)
    if bucket >= buckets.count { buckets += repeatElement(0, count: bucket + 1 - buckets.count) }
    buckets[bucket] &+= 1
    count &+= 1
  }

  /// Takes all values of another.
  mutating func add(_ other: Distribution) {
    if other.buckets.count > buckets.count {
      buckets += repeatElement(0, count: other.buckets.count - buckets.count)
    }
    for (bucket, number) in other.buckets.enumerated() { buckets[bucket] &+= number }
    count &+= other.count
  }

  /// The least value that at least `share` (0 to 1) of all values are not above; nil without any.
  func quantile(_ share: Double) -> UInt64? {
    guard count > 0 else { return nil }
    let rank = max(1, UInt64((share * Double(count)).rounded(.up)))
    var seen: UInt64 = 0
    for (bucket, number) in buckets.enumerated() {
      seen &+= UInt64(number)
      if seen >= rank { return Distribution.value(of: bucket) }
    }
    return nil
  }

  private static func bucket(of value: UInt32) -> Int {
    if value < linear { return Int(value) }
    let shift = 31 - value.leadingZeroBitCount - bits
    return (shift << bits) + Int(value >> UInt32(shift))
  }

  /// The middle of a bucket.
  private static func value(of bucket: Int) -> UInt64 {
    if bucket < 2 * linear { return UInt64(bucket) }
    let shift = bucket >> bits - 1
    let first = UInt64(bucket - shift << bits) << UInt64(shift)
    return first + (1 << UInt64(shift)) / 2
  }
}
