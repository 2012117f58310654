import Testing

@testable import mos

@Suite("Threads that go on no more")
struct StallWatchTests {
  private let period = StallWatch.period

  @Test("the longest time without a turn counts, of any thread, and a turn ends it")
  func longest() {
    var watch = StallWatch()
    #expect(watch.look([1, 1, 0], at: 0) == 0)
    #expect(watch.look([2, 1, 0], at: period) == period)
    #expect(watch.look([2, 1, 0], at: 2 * period) == 2 * period)
    #expect(watch.look([2, 2, 0], at: 3 * period) == 2 * period)
    #expect(watch.look([3, 2, 0], at: 4 * period) == period)
    #expect(watch.look([4, 3, 0], at: 5 * period) == 0)
  }

  @Test("a thread at rest is not waited for")
  func rest() {
    var watch = StallWatch()
    for turn in 0..<100 { #expect(watch.look([0, UInt64(turn) + 1], at: Int64(turn) * period) == 0) }
    #expect(watch.look([0, 100], at: 100 * period) == period)
    #expect(watch.look([0, 0], at: 101 * period) == 0)
  }

  @Test("time in which nobody looked is not held against it, as when the machine was paused")
  func pause() {
    var watch = StallWatch()
    _ = watch.look([1], at: 0)
    #expect(watch.look([1], at: 3_600_000_000_000) == 2 * period)
    #expect(watch.look([2], at: 3_600_000_000_000 + period) == 0)
    watch.reset()
    #expect(watch.look([2], at: 7_200_000_000_000) == 0)
  }

  @Test("heartbeats are those of the thread, never 0 while it works, and the other process has the same")
  func shared() throws {
    let parent = try Heartbeats()
    let box = try Heartbeats(descriptor: parent.descriptor)
    #expect(parent.counts.allSatisfy { $0 == 0 } && parent.counts.count == 65)
    box.heart(of: 64).beat()
    let first = parent.counts
    #expect(first[64] != 0 && first.dropLast().allSatisfy { $0 == 0 })
    box.heart(of: 64).beat()
    #expect(parent.counts[64] != first[64] && parent.counts[64] != 0)
    box.heart(of: 64).rest()
    #expect(parent.counts[64] == 0)
    box.heart(of: 0).beat()
    parent.restAll()
    #expect(box.counts.allSatisfy { $0 == 0 })
    #expect(throws: ReplayFailure.self) { try Heartbeats(descriptor: -1) }
  }
}
