import Testing

@testable import MOSCore

@Suite("Timer wheel")
struct TimerWheelTests {
  private func time(_ nanoseconds: Int64) -> Timestamp { Timestamp(nanoseconds: nanoseconds) }

  @Test("a timer goes off at its nanosecond and not before")
  func exact() {
    var wheel = TimerWheel(capacity: 2)
    #expect(wheel.nextExpired(time(1_000_000_000)) == 0)
    wheel.schedule(1, at: time(301_000_000_007))
    #expect(wheel.isScheduled(1) && wheel.count == 1)
    #expect(wheel.nextExpired(time(301_000_000_006)) == 0)
    #expect(wheel.nextExpired(time(301_000_000_007)) == 1)
    #expect(!wheel.isScheduled(1) && wheel.count == 0)
    #expect(wheel.nextExpired(time(301_000_000_007)) == 0)
  }

  @Test("a deadline in the past is due at once")
  func past() {
    var wheel = TimerWheel(capacity: 2)
    _ = wheel.nextExpired(time(1000))
    wheel.schedule(1, at: time(1000))
    wheel.schedule(2, at: time(-5))
    #expect(wheel.nextExpired(time(1000)) + wheel.nextExpired(time(1000)) == 3)
    #expect(wheel.nextExpired(time(1000)) == 0)
  }

  @Test("rescheduling replaces the deadline, to earlier and to later, also of a timer already found due")
  func reschedule() {
    var wheel = TimerWheel(capacity: 3)
    wheel.schedule(1, at: time(100))
    wheel.schedule(1, at: time(5000))
    #expect(wheel.nextExpired(time(4999)) == 0)
    wheel.schedule(1, at: time(6000))
    wheel.schedule(1, at: time(5500))
    #expect(wheel.nextExpired(time(5499)) == 0)
    #expect(wheel.nextExpired(time(5500)) == 1)
    for index in 1...UInt32(3) { wheel.schedule(index, at: time(7000)) }
    let first = wheel.nextExpired(time(7000))
    let others = [1, 2, 3].filter { $0 != first }
    wheel.schedule(others[0], at: time(8000))
    wheel.cancel(others[1])
    #expect(wheel.nextExpired(time(7999)) == 0)
    #expect(wheel.nextExpired(time(8000)) == others[0])
    #expect(wheel.count == 0)
  }

  @Test("time that goes backwards is ignored")
  func backwards() {
    var wheel = TimerWheel(capacity: 2)
    #expect(wheel.nextExpired(time(1 << 40)) == 0)
    wheel.schedule(1, at: time(1 << 41))
    #expect(wheel.nextExpired(time(.min)) == 0)
    wheel.schedule(2, at: time(1 << 39))
    #expect(wheel.nextExpired(time(0)) == 2)
    #expect(wheel.nextExpired(time(1 << 41 - 1)) == 0)
    #expect(wheel.nextExpired(time(1 << 41)) == 1)
  }

  @Test("the ends of the time range", arguments: [1, 2, 1000, 1 << 23, 1 << 62, .max] as [Int64])
  func extremes(tick: Int64) {
    var wheel = TimerWheel(capacity: 4, tickNanoseconds: tick)
    wheel.schedule(1, at: time(.min))
    wheel.schedule(2, at: time(.max))
    wheel.schedule(3, at: time(0))
    #expect(wheel.nextExpired(time(.min)) == 1)
    #expect(wheel.nextExpired(time(.min)) == 0)
    #expect(wheel.nextExpired(time(-1)) == 0)
    #expect(wheel.nextExpired(time(0)) == 3)
    #expect(wheel.nextExpired(time(.max - 1)) == 0)
    #expect(wheel.nextExpired(time(.max)) == 2)
    #expect(wheel.nextExpired(time(.max)) == 0)
    wheel.schedule(4, at: time(.max))
    #expect(wheel.nextExpired(time(.max)) == 4)
  }

  /// Random operations against a dictionary of deadlines. `advance` gives the next step of time.
  private func compareWithModel(
    seed: UInt64, tick: Int64, start: Int64, spans: [UInt64], steps: Int, advance: (inout SeededGenerator) -> UInt64
  ) {
    var generator = SeededGenerator(seed: seed)
    var wheel = TimerWheel(capacity: 200, tickNanoseconds: tick)
    var model: [UInt32: Int64] = [:]
    var now = start
    var wrong = 0
    var expired = 0
    for _ in 0..<steps {
      let index = UInt32.random(in: 1...200, using: &generator)
      switch Int.random(in: 0..<12, using: &generator) {
      case 0..<7:
        let span = spans.randomElement(using: &generator)!
        let ahead = Int64(truncatingIfNeeded: UInt64.random(in: 0...span, using: &generator))
        let (sum, overflow) = now.addingReportingOverflow(ahead)
        let deadline = overflow ? .max : ahead % 16 == 0 ? now &- ahead % 1024 : sum
        wheel.schedule(index, at: time(deadline))
        model[index] = deadline
      case 7:
        wheel.cancel(index)
        model[index] = nil
      default:
        let (sum, overflow) = now.addingReportingOverflow(Int64(truncatingIfNeeded: advance(&generator)))
        now = overflow ? .max : sum
        // Sometimes only one is taken, so that the rest stays due while other things happen.
        let limit = Int.random(in: 0..<4, using: &generator) == 0 ? 1 : Int.max
        var taken = 0
        while taken < limit {
          let index = wheel.nextExpired(time(now))
          if index == 0 {
            if model.values.contains(where: { $0 <= now }) { wrong += 1 }
            break
          }
          guard let deadline = model.removeValue(forKey: index), deadline <= now else {
            wrong += 1
            break
          }
          taken += 1
          expired += 1
        }
      }
      if wheel.isScheduled(index) != (model[index] != nil) || wheel.count != model.count { wrong += 1 }
    }
    #expect(wrong == 0)
    #expect(expired > steps / 20)
  }

  @Test(
    "answers as a sorted list does, with the timeouts of a middlebox",
    arguments: [1, 2, 3] as [UInt64], [1, 1 << 10, 1 << 23, 1 << 24] as [Int64])
  func middleboxTimeouts(seed: UInt64, tick: Int64) {
    let second: UInt64 = 1_000_000_000
    compareWithModel(
      seed: seed, tick: tick, start: 1_700_000_000_000_000_000,
      spans: [10_000, second / 5, 2 * second, 60 * second, 300 * second, 7440 * second], steps: 20_000
    ) { generator in
      .random(in: 0...[1000, 1_000_000, second, 30 * second].randomElement(using: &generator)!, using: &generator)
    }
  }

  @Test("answers as a sorted list does at every scale of time", arguments: [4, 5, 6] as [UInt64], [1, 1 << 23])
  func allScales(seed: UInt64, tick: Int64) {
    for bits in stride(from: 2, through: 46, by: 4) as StrideThrough<UInt64> {
      compareWithModel(
        seed: seed &* 100 &+ bits, tick: tick, start: Int64(bits) << 20 &- 1 << 40,
        spans: [1 << bits, 1 << (bits / 2), 255, 256, 257], steps: 4000
      ) { .random(in: 0...1 << (bits - 1), using: &$0) }
    }
  }

  @Test("leaps of years", arguments: [7, 8] as [UInt64])
  func leaps(seed: UInt64) {
    for start in [Int64.min, -1, 0, 1 << 60] {
      compareWithModel(
        seed: seed, tick: 1 << 23, start: start, spans: [1 << 20, 1 << 40, 1 << 58, 1 << 62], steps: 3000
      ) { generator in
        generator.next() % 8 == 0 ? 1 << 54 : .random(in: 0...1 << 34, using: &generator)
      }
    }
  }

  @Test("a wide slot is emptied ahead of its time, four timers a call, and every timer still goes off exactly")
  func emptiedAhead() {
    let count: UInt32 = 2000
    var wheel = TimerWheel(capacity: Int(count))
    let width: Int64 = 1 << 31
    // Level 4 of the default tick has slots of 2^31 ns.
    #expect(wheel.nextExpired(time(0)) == 0)
    for index in 1...count { wheel.schedule(index, at: time(100 * width + Int64(index) * 1000)) }
    func slotLength(_ wheel: borrowing TimerWheel) -> Int {
      let head = wheel.head(level: 4, slot: TimerWheel.ordinal(time(100 * width)) >> 31)
      var length = 0
      var index = wheel.nodes[Int(head)].next
      while index != head {
        length += 1
        index = wheel.nodes[Int(index)].next
      }
      return length
    }
    #expect(wheel.nextExpired(time(99 * width - 1)) == 0)
    #expect(slotLength(wheel) == Int(count))
    for call in 1...500 {
      #expect(wheel.nextExpired(time(99 * width + Int64(call))) == 0)
      #expect(slotLength(wheel) == Int(count) - 4 * call)
    }
    // Renewed and new timers of that slot go where the others went.
    wheel.cancel(5)
    wheel.schedule(5, at: time(100 * width + 5000))
    #expect(slotLength(wheel) == 0)
    var wrong = 0
    for index in 1...count {
      if wheel.nextExpired(time(100 * width + Int64(index) * 1000 - 1)) != 0 { wrong += 1 }
      if wheel.nextExpired(time(100 * width + Int64(index) * 1000)) != index { wrong += 1 }
    }
    #expect(wrong == 0)
  }

  @Test("a leap over the whole range with all timers set takes each once")
  func leapOverAll() {
    let capacity: UInt32 = 50_000
    var wheel = TimerWheel(capacity: Int(capacity))
    var generator = SeededGenerator(seed: 9)
    _ = wheel.nextExpired(time(0))
    for index in 1...capacity { wheel.schedule(index, at: time(.random(in: 0 ... .max, using: &generator))) }
    var seen: Set<UInt32> = []
    while true {
      let index = wheel.nextExpired(time(.max))
      if index == 0 { break }
      seen.insert(index)
    }
    #expect(seen.count == Int(capacity) && wheel.count == 0)
  }
}
