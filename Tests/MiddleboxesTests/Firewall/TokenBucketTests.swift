import Testing

@testable import Middleboxes

@Suite("Token bucket")
struct TokenBucketTests {
  private static let second: Int64 = 1_000_000_000

  /// What a token bucket is by definition: over no stretch of time that begins with something passed may more pass than
  /// the burst and what the rate gives in that time.
  private struct Definition {
    var limit: RateLimit
    var passed: [Int64] = []

    mutating func take(at now: Int64) -> Bool {
      passed.append(now)
      for (index, start) in passed.enumerated() {
        let count = Int128(passed.count - index)
        let excess = (count - Int128(limit.burst)) * Int128(limit.period)
        if excess > Int128(limit.count) * (Int128(now) - Int128(start)) {
          passed.removeLast()
          return false
        }
      }
      return true
    }
  }

  @Test("passes exactly what the definition passes, whatever the rate divides into", arguments: UInt64(0)..<24)
  func definition(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let periods: [UInt64] = [1_000_000_000, 60_000_000_000, 3_600_000_000_000, 7]
    let limit = RateLimit(
      count: UInt64.random(in: 1...(seed % 2 == 0 ? 9 : 1_000_000), using: &generator),
      period: periods.randomElement(using: &generator)!, burst: UInt64.random(in: 1...12, using: &generator))
    var now = Int64.random(in: -1_000_000...1_000_000, using: &generator)
    var bucket = TokenBucket(limit, at: now)
    var definition = Definition(limit: limit)
    let interval = Int64(limit.period / limit.count)
    var wrong = 0
    var passed = 0
    for _ in 0..<400 {
      // Around the interval, so that single nanoseconds decide; and now and then a pause.
      let step =
        switch generator.next() % 8 {
        case 0: Int64(0)
        case 1: interval
        case 2: interval + 1
        case 3: max(0, interval - 1)
        case 4: Int64.random(in: 0...interval * Int64(limit.burst), using: &generator)
        default: Int64.random(in: 0...interval, using: &generator)
        }
      now += step
      let answer = bucket.take(limit, at: now)
      if answer != definition.take(at: now) { wrong += 1 }
      if answer { passed += 1 }
    }
    #expect(wrong == 0)
    #expect(passed > 0 && passed < 400)
  }

  @Test("three a second are passed at thirds of a second, and not a nanosecond sooner")
  func thirds() {
    let limit = RateLimit(count: 3, period: 1_000_000_000, burst: 2)
    var bucket = TokenBucket(limit, at: 0)
    let times: [Int64] = [0, 0, 333_333_333, 333_333_334, 666_666_666, 666_666_667, 1_000_000_000]
    let answers = times.map { bucket.take(limit, at: $0) }
    // The third of a second is not a whole number of nanoseconds: nothing that was left over is lost.
    #expect(answers == [true, true, false, true, false, true, true])
  }

  @Test("a bucket never holds more than its burst, however long nothing came")
  func burst() {
    let limit = RateLimit(count: 1_000_000, period: 1, burst: 5)
    var bucket = TokenBucket(limit, at: .min)
    var passed = 0
    for _ in 0..<20 where bucket.take(limit, at: .max) { passed += 1 }
    #expect(passed == 5)
  }

  @Test("time that goes back gives no tokens, and time that comes again gives none twice")
  func timeGoesBack() {
    let limit = RateLimit(count: 1, period: UInt64(Self.second), burst: 1)
    var bucket = TokenBucket(limit, at: 10 * Self.second)
    let times = [10, 5, 10, 0, 10, 11, 10, 11].map { $0 * Self.second }
    let answers = times.map { bucket.take(limit, at: $0) }
    #expect(answers == [true, false, false, false, false, true, false, false])
  }

  @Test("the largest rate, burst and period do not overflow")
  func largest() {
    let limit = RateLimit(
      count: RateLimit.largestCount, period: 3_600_000_000_000, burst: RateLimit.largestBurst)
    var bucket = TokenBucket(limit, at: .min)
    #expect(limit.capacity == 3_600_000_000_000_000_000)
    var passed = 0
    for _ in 0..<10 where bucket.take(limit, at: .min) { passed += 1 }
    for _ in 0..<10 where bucket.take(limit, at: .max) { passed += 1 }
    #expect(passed == 20)
  }
}
