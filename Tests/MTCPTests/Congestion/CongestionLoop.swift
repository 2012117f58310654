import MOSCore

@testable import MTCP

/// A connection of one segment size and round trip, with one loss in so many segments: all that congestion control sees of it.
struct CongestionLoop<Control: CongestionControl> {
  static var size: UInt32 { 1_000 }
  var control = Control(maximumSegmentSize: size)
  var time = Timestamp(nanoseconds: 1_700_000_000_000_000_000)
  let roundTrip: Double

  init(roundTrip: Double) { self.roundTrip = roundTrip }

  /// cwnd in segments.
  var window: Double { Double(control.window) / Double(Self.size) }

  /// One segment is acknowledged, behind the last one by its part of a round trip.
  mutating func acknowledge(isWindowLimited: Bool = true) {
    time = time.advanced(by: Int64(roundTrip * 1_000_000_000 / window))
    control.acknowledge(
      AcknowledgedData(
        bytes: Self.size, time: time, smoothedRoundTrip: UInt32(roundTrip * 1_000_000),
        isWindowLimited: isWindowLimited))
  }

  /// A whole window is.
  mutating func acknowledgeWindow() {
    for _ in 0..<Int(window) { acknowledge() }
  }

  mutating func lose() { control.reduce(.loss, flightSize: control.window) }

  /// The window's mean over time, where one segment in `interval` is lost, `losses` times after as many that settle it. Slow
  /// start ends at `start` segments.
  mutating func meanWindow(interval: Int, losses: Int, start: Double) -> Double {
    while window < start { acknowledge() }
    lose()
    var sum = 0.0
    var duration = 0.0
    for loss in 0..<2 * losses {
      for _ in 0..<interval {
        let window = window
        acknowledge()
        if loss >= losses {
          // A segment takes one part in `window` of a round trip.
          sum += 1
          duration += 1 / window
        }
      }
      lose()
    }
    return sum / duration
  }
}
