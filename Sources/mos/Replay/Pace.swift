import MOSCore

#if canImport(Glibc)
  import Glibc
#endif

/// Holds packets back until their time has come, when a trace is not played as fast as it goes.
struct Pace {
  private let factor: Double?
  private var first: Timestamp?
  private var start = ContinuousClock.now

  init(_ speed: ReplayOptions.Speed) {
    switch speed {
    case .maximum: factor = nil
    case .times(let times): factor = times
    }
  }

  /// Packets have to wait.
  var isLimited: Bool { factor != nil }

  /// Sleeps until the packet that was captured at `timestamp` is due; an interrupt ends the sleep.
  mutating func wait(for timestamp: Timestamp) {
    guard let factor else { return }
    guard let first else {
      self.first = timestamp
      start = ContinuousClock.now
      return
    }
    let due = start + .nanoseconds(Int64(Double(timestamp.since(first)) / factor))
    while !InterruptFlag.isSet {
      let left = (due - ContinuousClock.now).inSeconds
      if left <= 0 { return }
      usleep(UInt32(min(left, 0.1) * 1e6))
    }
  }
}
