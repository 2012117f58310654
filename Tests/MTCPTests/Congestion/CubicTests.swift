import MOSCore
import Testing

@testable import MTCP

@Suite("CUBIC, RFC 9438")
struct CubicTests {
  private var loop = CongestionLoop<Cubic>(roundTrip: 0.1)

  /// Slow start up to `window` segments, and a loss.
  private mutating func lose(at window: Double) {
    while loop.window < window { loop.acknowledge() }
    loop.lose()
  }

  @Test(
    "5.1: the mean window over the rate of losses is the RFC's table for 0.1 s",
    arguments: [(1_000, 38), (10_000, 187), (100_000, 1_054)] as [(Int, Double)])
  mutating func table(interval: Int, expected: Double) {
    let mean = loop.meanWindow(interval: interval, losses: 8, start: expected)
    #expect(abs(mean / expected - 1) < 0.08, "\(mean) instead of \(expected)")
  }

  @Test("4.6: seven tenths of what was under way are left, and two segments at least")
  mutating func decrease() {
    lose(at: 100)
    #expect(loop.window == 70)
    loop.control.reduce(.congestionExperienced, flightSize: 1)
    #expect(loop.window == 2)
  }

  @Test("4.2: the old window is reached again after K = cbrt(W_max (1 - beta) / C) seconds, and flat there")
  mutating func plateau() {
    lose(at: 1_000)
    // cbrt(300 / 0.4)
    let k = 9.0856
    let start = loop.time
    var before = 0.0
    while Double(loop.time.since(start)) / 1e9 < k {
      before = loop.window
      loop.acknowledgeWindow()
    }
    #expect(abs(loop.window - 1_000) < 2)
    #expect(loop.window - before < 0.1)
    while Double(loop.time.since(start)) / 1e9 < 2 * k { loop.acknowledgeWindow() }
    // Behind it the curve is the one before it, turned round: 100 segments a second there.
    #expect(abs(loop.window - 1_300) < 15)
  }

  @Test("4.3: where Reno would be faster, the window is Reno's: half a segment in a round trip at first, then one")
  mutating func renoFriendly() {
    loop = CongestionLoop(roundTrip: 0.001)
    lose(at: 20)
    let start = loop.window
    for _ in 0..<8 { loop.acknowledgeWindow() }
    #expect(abs(loop.window - start - 8 * 0.529) < 0.5)
    for _ in 0..<10 { loop.acknowledgeWindow() }
    let later = loop.window
    #expect(later > 20)
    for _ in 0..<5 { loop.acknowledgeWindow() }
    #expect(abs(loop.window - later - 5) < 0.7)
  }

  @Test("4.7: a flow that does not reach the old window makes room for others")
  mutating func fastConvergence() {
    lose(at: 1_000)
    for _ in 0..<3 { loop.acknowledgeWindow() }
    let window = loop.window
    #expect(window < 990)
    loop.lose()
    // The plateau lies at 0.85 of the window at the loss.
    let start = loop.time
    while Double(loop.time.since(start)) / 1e9 < 20 {
      let before = loop.window
      loop.acknowledgeWindow()
      if loop.window - before < 0.3 { break }
    }
    #expect(abs(loop.window - 0.85 * window) < 0.02 * window)
  }

  @Test("4.8: a time-out leaves one segment; behind slow start the window grows from its threshold as from a plateau")
  mutating func timeOut() {
    lose(at: 100)
    loop.control.timeOut(flightSize: loop.control.window, isFirst: true)
    #expect(loop.window == 1)
    #expect(loop.control.slowStartThreshold == 49_000)
    loop.control.timeOut(flightSize: 1_000, isFirst: false)
    #expect(loop.control.slowStartThreshold == 49_000)
    while loop.control.window < 49_000 { loop.acknowledge() }
    let start = loop.window
    for _ in 0..<4 { loop.acknowledgeWindow() }
    #expect(loop.window - start < 4 * 0.6)
  }

  @Test("4.9: a mistaken reduction is taken back as a whole")
  mutating func undo() {
    lose(at: 500)
    for _ in 0..<5 { loop.acknowledgeWindow() }
    var untouched = loop
    loop.lose()
    loop.control.undo()
    #expect(loop.window == untouched.window)
    for _ in 0..<20 {
      loop.acknowledgeWindow()
      untouched.acknowledgeWindow()
    }
    #expect(loop.window == untouched.window)
  }

  @Test("Time in which the application had nothing to send does not count")
  mutating func applicationLimited() {
    lose(at: 500)
    for _ in 0..<5 { loop.acknowledgeWindow() }
    let before = loop.window
    loop.time = loop.time.advanced(by: 3_600_000_000_000)
    loop.acknowledge(isWindowLimited: false)
    #expect(loop.window == before)
    loop.acknowledgeWindow()
    #expect(loop.window < before + 10)
  }

  @Test(
    "A clock that stands still, goes back or jumps, and acknowledgments of any size, leave a window between one segment and 2^30"
  )
  mutating func hostileTime() {
    var random = SeededGenerator(seed: 9_438)
    for _ in 0..<20_000 {
      loop.time = Timestamp(nanoseconds: Int64.random(in: 0 ... .max, using: &random))
      switch Int.random(in: 0..<8, using: &random) {
      case 0: loop.control.reduce(.loss, flightSize: .random(in: 0...1 << 30, using: &random))
      case 1:
        loop.control.timeOut(flightSize: .random(in: 0...1 << 30, using: &random), isFirst: .random(using: &random))
      case 2: loop.control.undo()
      case 3: loop.control.restart(afterIdle: .random(in: 0 ... .max, using: &random))
      default:
        loop.control.acknowledge(
          AcknowledgedData(
            bytes: .random(in: 0 ... .max, using: &random), time: loop.time,
            smoothedRoundTrip: .random(in: 0 ... .max, using: &random), isWindowLimited: .random(using: &random)))
      }
      #expect(loop.control.window >= 1_000 && loop.control.window <= 1 << 30)
      if loop.control.window < 1_000 { return }
    }
  }
}
