import MOSCore

/// The timers of flows and of middleboxes, in packet time.
///
/// A flow has one timer for each `FlowTimer`, so that their number is bounded whatever handlers do; they are numbered by flow.
struct EngineTimers: ~Copyable {
  private(set) var wheel: TimerWheel
  /// How many timers each flow has.
  let perFlow: Int
  /// Timers of middleboxes, whose numbers follow on those of the flows.
  let boxTimers: [Registry.IntervalTimer]
  /// Keys of the flows' timers.
  let flowTimers: [UInt32]
  private let firstBoxTimer: Int
  /// Whether timers of middleboxes that go off by themselves have been set.
  private var hasBegun: Bool

  init(_ registry: Registry, flows: Int, places: KeyPlaces) {
    flowTimers = registry.flowTimers
    boxTimers = registry.boxTimers
    perFlow = flowTimers.count
    firstBoxTimer = (flows + 1) * perFlow + 1
    wheel = TimerWheel(capacity: max(1, (perFlow == 0 ? 0 : firstBoxTimer) + boxTimers.count))
    hasBegun = boxTimers.allSatisfy { $0.interval == 0 }
    for (index, number) in flowTimers.enumerated() { places.set(number, to: index) }
    for (index, timer) in boxTimers.enumerated() { places.set(timer.number, to: index) }
  }

  /// Something may be due at `now`.
  @inline(__always) func isDue(_ now: Timestamp) -> Bool { !hasBegun || wheel.isDue(now) }

  /// Sets the timers that go off by themselves, when the first packet has come.
  mutating func begin(_ now: Timestamp) {
    hasBegun = true
    for (index, timer) in boxTimers.enumerated() where timer.interval > 0 {
      wheel.schedule(number(ofBoxTimer: index), at: now.advanced(by: timer.interval))
    }
  }

  /// A timer's number in the wheel.
  func number(ofFlowTimer place: Int, _ flow: UInt32) -> UInt32 { flow &* UInt32(perFlow) &+ UInt32(place) &+ 1 }
  /// A timer's number in the wheel.
  func number(ofBoxTimer place: Int) -> UInt32 { UInt32((perFlow == 0 ? 1 : firstBoxTimer) + place) }

  /// Which timer a number in the wheel is of.
  func timer(_ number: UInt32) -> (flow: UInt32, place: Int) {
    let first = perFlow == 0 ? 1 : firstBoxTimer
    if number >= first { return (0, Int(number) - first) }
    return ((number &- 1) / UInt32(perFlow), Int((number &- 1) % UInt32(perFlow)))
  }

  mutating func schedule(_ number: UInt32, at time: Timestamp) { wheel.schedule(number, at: time) }

  mutating func cancel(_ number: UInt32) { wheel.cancel(number) }

  mutating func nextExpired(_ now: Timestamp) -> UInt32 { wheel.nextExpired(now) }

  /// Unsets all timers of a flow.
  @inline(__always)
  mutating func cancelAll(of flow: UInt32) {
    for place in 0..<perFlow { wheel.cancel(number(ofFlowTimer: place, flow)) }
  }
}
