import CDPDK
import Testing

private let second: Int64 = 1_000_000_000
/// What the wall shows when the steady clock shows 0.
private let start: Int64 = 1_700_000_000_000_000_000

/// A device's clock and the system's, at the same instants.
private struct Clocks {
  var clock = mos_dpdk_clock()
  /// Ticks a nanosecond, and those at the beginning.
  var frequency = 0.156_25
  var first: UInt64 = 5_000

  func ticks(at steady: Int64) -> UInt64 { first &+ UInt64((Double(steady) * frequency).rounded()) }

  mutating func compare(at steady: Int64, set offset: Int64 = 0) {
    mos_dpdk_clock_compare(&clock, ticks(at: steady), steady, start + offset + steady)
  }

  /// The time that a stamp of `steady` is given at `now`, beside what it was; nil where it is that of now.
  func error(of steady: Int64, at now: Int64, set offset: Int64 = 0) -> Int64? {
    let wall = start + offset + now
    let time = withUnsafePointer(to: clock) { mos_dpdk_clock_time($0, ticks(at: steady), wall) }
    return time == wall && steady != now ? nil : time - (start + offset + steady)
  }
}

@Suite("Time stamps of a device's own clock")
struct DeviceClockTests {
  @Test("before its rate is known, and without a comparison, a frame's time is now")
  func unknown() {
    var clocks = Clocks()
    #expect(clocks.error(of: 900, at: 1_000) == nil)
    clocks.compare(at: 0)
    #expect(clocks.error(of: 900, at: 1_000) == nil)
  }

  @Test("at any rate, a stamp is the time at which the frame came", arguments: [0.025, 0.156_25, 1, 2.6])
  func rates(frequency: Double) {
    var clocks = Clocks(frequency: frequency)
    for turn in 0...3_600 { clocks.compare(at: Int64(turn) * second) }
    let base = 3_600 * second
    for age in [0, 1_000, 999_999, 40_000_000] as [Int64] {
      let error = clocks.error(of: base + 500_000_000 - age, at: base + 500_000_001)
      // A tick, and what a double leaves.
      #expect(error.map { abs($0) <= Int64(1 / frequency) + 2 } == true, "\(String(describing: error))")
    }
    // From before the comparison too.
    #expect(clocks.error(of: base - 5_000_000, at: base + 1).map { abs($0) <= Int64(1 / frequency) + 2 } == true)
  }

  @Test("a clock that drifts is followed: a second later it is right again")
  func drift() {
    var clocks = Clocks(frequency: 1)
    clocks.compare(at: 0)
    clocks.compare(at: second)
    var worst: Int64 = 0
    for turn in 2...200 {
      // 100 in a million faster than at first, and slower again.
      let rate = 1 + (turn < 100 ? 1e-6 : -1e-6) * Double(turn < 100 ? turn : turn - 100)
      let before = clocks.ticks(at: Int64(turn - 1) * second)
      clocks.frequency = rate
      clocks.first = before &- UInt64((Double(turn - 1) * 1e9 * rate).rounded())
      let error = clocks.error(of: Int64(turn) * second - 1_000, at: Int64(turn) * second + 500_000) ?? .max
      worst = max(worst, abs(error))
      clocks.compare(at: Int64(turn) * second)
    }
    // What it changes by in the second between two comparisons, and not the sum of it.
    #expect(worst > 0 && worst <= 110_000, "\(worst)")
  }

  @Test("ticks that wrap at 64 bits go on; a clock that wraps sooner is one that was set")
  func wrap() {
    var clocks = Clocks(frequency: 1, first: .max - 1_500_000_000)
    for turn in 0...3 {
      clocks.compare(at: Int64(turn) * second)
      guard turn > 0 else { continue }
      #expect(clocks.error(of: Int64(turn) * second + 400_000_000, at: Int64(turn) * second + 600_000_000) == 0)
    }
    clocks.first &-= 1 << 32
    clocks.compare(at: 4 * second)
    #expect(clocks.error(of: 4 * second + 1_000, at: 4 * second + 2_000) == nil)
    clocks.compare(at: 5 * second)
    #expect(clocks.error(of: 5 * second + 1_000, at: 5 * second + 2_000) == 0)
  }

  @Test("a device's clock that was set ahead is not believed until two comparisons agree")
  func deviceStep() {
    var clocks = Clocks(frequency: 1)
    for turn in 0...2 { clocks.compare(at: Int64(turn) * second) }
    clocks.first &+= 700_000_000
    #expect(clocks.error(of: 2 * second + 1_000, at: 2 * second + 2_000) == nil, "from the future")
    clocks.compare(at: 3 * second)
    #expect(clocks.error(of: 3 * second + 1_000, at: 3 * second + 2_000) == nil)
    clocks.compare(at: 4 * second)
    #expect(clocks.error(of: 4 * second + 1_000, at: 4 * second + 2_000) == 0)
  }

  @Test("the system's clock is set: a frame's time is never ahead of it, and right after the next comparison")
  func systemStep() {
    var clocks = Clocks(frequency: 1)
    for turn in 0...2 { clocks.compare(at: Int64(turn) * second) }
    for offset in [-3_600, 3_600] as [Int64] {
      #expect(clocks.error(of: 2 * second + 1_000, at: 2 * second + 2_000, set: offset * second) == nil)
    }
    clocks.compare(at: 3 * second, set: -3_600 * second)
    #expect(clocks.error(of: 3 * second + 1_000, at: 3 * second + 2_000, set: -3_600 * second) == 0)
  }

  @Test("a clock that stands still is none, and neither is a stamp of another time")
  func standstill() {
    var clocks = Clocks(frequency: 0)
    for turn in 0...3 { clocks.compare(at: Int64(turn) * second) }
    #expect(clocks.error(of: 3 * second, at: 3 * second + 1_000) == nil)
    clocks = Clocks(frequency: 1)
    for turn in 0...20 { clocks.compare(at: Int64(turn) * second) }
    #expect(clocks.error(of: second, at: 20 * second) == nil)
    let now = start + 20 * second
    for stamp in [0, .max, 1 << 63] as [UInt64] where stamp != 0 {
      #expect(withUnsafePointer(to: clocks.clock) { mos_dpdk_clock_time($0, stamp, now) } == now)
    }
  }
}
