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
  /// Before this time none is due: one comparison a packet, whether there are timers or none.
  private var due = Timestamp(nanoseconds: .min)
  /// The time up to which timers go off, or went off last.
  private var present = Timestamp(nanoseconds: .min)

  /// How often a timer goes off between two packets, at most: a leap of years must not take years.
  static let mostRepeats: Int64 = 100_000

  init(_ registry: Registry, flows: Int, places: KeyPlaces) {
    flowTimers = registry.flowTimers
    boxTimers = registry.boxTimers
    perFlow = flowTimers.count
    firstBoxTimer = (flows + 1) * perFlow + 1
    wheel = TimerWheel(capacity: max(1, (perFlow == 0 ? 0 : firstBoxTimer) + boxTimers.count))
    hasBegun = boxTimers.allSatisfy { $0.interval == 0 }
    for (index, number) in flowTimers.enumerated() { places.set(number, to: index) }
    for (index, timer) in boxTimers.enumerated() { places.set(timer.number, to: index) }
    noteDue()
  }

  /// Something may be due at `now`.
  @inline(__always) func isDue(_ now: Timestamp) -> Bool { now >= due }

  /// The wheel was changed.
  @inline(__always) private mutating func noteDue() {
    due = hasBegun ? wheel.due : Timestamp(nanoseconds: .min)
  }

  /// Timers go off up to `now`. Sets those that go off by themselves, when the first packet has come.
  mutating func begin(_ now: Timestamp) {
    if now > present { present = now }
    for index in boxTimers.indices where boxTimers[index].interval > 0 {
      let number = number(ofBoxTimer: index)
      if !hasBegun {
        wheel.schedule(number, at: Self.time(after: boxTimers[index].interval, from: now))
      } else if wheel.isScheduled(number) {
        // Behind a gap of more intervals than are gone through, the latest of them are.
        let (deadline, _) = Self.withoutMost(wheel.deadline(of: number), boxTimers[index].interval, until: now)
        wheel.schedule(number, at: deadline)
      }
    }
    hasBegun = true
    noteDue()
  }

  /// Sets a timer `delay` nanoseconds behind `time`, in place of an earlier setting. `false` when it is set from a timer's
  /// own event and would go off more than `mostRepeats` times until the present: then the first times are passed over.
  mutating func schedule(_ number: UInt32, after delay: Int64, from time: Timestamp, repeats: Bool) -> Bool {
    // A timer that goes off at once each time would never let a packet come.
    defer { noteDue() }
    let delay = max(delay, repeats ? 1 : 0)
    let first = Self.time(after: delay, from: time)
    if repeats, first <= time {
      // At the end of time it would go off without end.
      wheel.cancel(number)
      return true
    }
    let (deadline, isFirst) = repeats ? Self.withoutMost(first, delay, until: present) : (first, true)
    wheel.schedule(number, at: deadline)
    return isFirst
  }

  /// A time behind another; the end of time where it would lie beyond.
  private static func time(after delay: Int64, from time: Timestamp) -> Timestamp {
    let (sum, overflow) = time.nanoseconds.addingReportingOverflow(delay)
    return Timestamp(nanoseconds: overflow ? .max : sum)
  }

  /// The first of the times that follow on `first` every `interval` of which not more than `mostRepeats` lie before `now`;
  /// and whether that is `first`.
  private static func withoutMost(
    _ first: Timestamp, _ interval: Int64, until now: Timestamp
  ) -> (deadline: Timestamp, isFirst: Bool) {
    guard now > first else { return (first, true) }
    let steps = UInt64(bitPattern: now.nanoseconds &- first.nanoseconds) / UInt64(interval)
    guard steps > UInt64(mostRepeats) else { return (first, true) }
    let passed = (steps &- UInt64(mostRepeats)) &* UInt64(interval)
    return (Timestamp(nanoseconds: Int64(bitPattern: UInt64(bitPattern: first.nanoseconds) &+ passed)), false)
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

  mutating func schedule(_ number: UInt32, at time: Timestamp) {
    wheel.schedule(number, at: time)
    noteDue()
  }

  mutating func cancel(_ number: UInt32) {
    wheel.cancel(number)
    noteDue()
  }

  mutating func nextExpired(_ now: Timestamp) -> UInt32 {
    defer { noteDue() }
    return wheel.nextExpired(now)
  }

  /// Unsets all timers of a flow.
  @inline(__always)
  mutating func cancelAll(of flow: UInt32) {
    if perFlow == 0 { return }
    for place in 0..<perFlow { wheel.cancel(number(ofFlowTimer: place, flow)) }
    noteDue()
  }
}
