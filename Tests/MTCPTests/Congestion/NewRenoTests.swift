import MOSCore
import Testing

@testable import MTCP

@Suite("NewReno")
struct NewRenoTests {
  private var loop = CongestionLoop<NewReno>(roundTrip: 0.1)

  @Test(
    "RFC 6928: ten segments at the start, of less than 14,600 bytes or two",
    arguments: [(536, 5_360), (1_460, 14_600), (2_190, 14_600), (8_960, 17_920), (65_535, 131_070)]
      as [(UInt32, UInt32)])
  func initialWindow(size: UInt32, window: UInt32) {
    #expect(NewReno(maximumSegmentSize: size).window == window)
    #expect(Cubic(maximumSegmentSize: size).window == window)
  }

  @Test("Slow start doubles the window in a round trip, and a stretch acknowledgment counts for eight segments")
  mutating func slowStart() {
    loop.acknowledgeWindow()
    #expect(loop.window == 20)
    loop.acknowledgeWindow()
    #expect(loop.window == 40)
    loop.control.acknowledge(
      AcknowledgedData(bytes: 40_000, time: loop.time, smoothedRoundTrip: 0, isWindowLimited: true))
    #expect(loop.window == 48)
  }

  @Test("A loss halves what was under way; then a segment is added in each round trip")
  mutating func congestionAvoidance() {
    loop.acknowledgeWindow()
    loop.lose()
    #expect(loop.window == 10)
    #expect(loop.control.slowStartThreshold == 10_000)
    loop.acknowledgeWindow()
    #expect(loop.window == 11)
    loop.acknowledgeWindow()
    #expect(loop.window == 12)
  }

  @Test("No reduction leaves less than two segments")
  mutating func lowestThreshold() {
    for _ in 0..<10 { loop.lose() }
    #expect(loop.window == 2)
    loop.control.reduce(.congestionExperienced, flightSize: 0)
    #expect(loop.window == 2)
  }

  @Test("A time-out leaves one segment, and a second one for the same segment the threshold as it is")
  mutating func timeOut() {
    loop.acknowledgeWindow()
    loop.control.timeOut(flightSize: 20_000, isFirst: true)
    #expect(loop.window == 1)
    #expect(loop.control.slowStartThreshold == 10_000)
    loop.control.timeOut(flightSize: 1_000, isFirst: false)
    #expect(loop.control.slowStartThreshold == 10_000)
    for _ in 0..<4 { loop.acknowledgeWindow() }
    #expect(loop.window == 10, "1, 2, 4, 8, and up to the threshold")
  }

  @Test("A mistaken reduction, or time-out, is taken back")
  mutating func undo() {
    loop.acknowledgeWindow()
    loop.lose()
    loop.control.undo()
    #expect(loop.window == 20)
    #expect(loop.control.slowStartThreshold == .max)
    loop.control.timeOut(flightSize: 20_000, isFirst: true)
    loop.control.timeOut(flightSize: 20_000, isFirst: false)
    loop.control.undo()
    #expect(loop.window == 20)
  }

  @Test(
    "RFC 7661: a window that is not used up does not grow, and an idle connection begins with no more than at first")
  mutating func applicationLimited() {
    loop.acknowledge(isWindowLimited: false)
    #expect(loop.window == 10)
    loop.acknowledgeWindow()
    loop.control.restart(afterIdle: 2_000_000_000)
    #expect(loop.window == 10)
  }

  @Test("The window never passes what the window scale option can say, and no number wraps")
  mutating func largestWindow() {
    for _ in 0..<400_000 {
      loop.control.acknowledge(
        AcknowledgedData(bytes: .max, time: loop.time, smoothedRoundTrip: 0, isWindowLimited: true))
    }
    #expect(loop.control.window == 1 << 30)
    loop.lose()
    for _ in 0..<1_000 {
      loop.control.acknowledge(
        AcknowledgedData(bytes: .max, time: loop.time, smoothedRoundTrip: 0, isWindowLimited: true))
    }
    #expect(loop.control.window > 1 << 29)
  }

  @Test(
    "The mean window over the rate of losses is that of RFC 3649's deterministic model",
    arguments: [100, 1_000, 10_000])
  mutating func responseFunction(interval: Int) {
    let expected = 1.22 * Double(interval).squareRoot()
    let mean = loop.meanWindow(interval: interval, losses: 10, start: expected)
    #expect(abs(mean / expected - 1) < 0.08, "\(mean) instead of \(expected)")
  }
}
