#if canImport(Glibc)
  import Glibc
#endif

/// What the parent of a box decides: events go in, and what is to be done comes out. It knows no processes and no clock;
/// times are nanoseconds.
///
/// The ports belong to the box or to the bypass, never to both: a box asks for them when it has read everything, and gets them
/// when the bypass has left them.
struct Failover {
  /// How a process ended.
  enum End: Hashable {
    case status(Int32)
    case signal(Int32)
  }

  enum Event: Hashable {
    case box(FailMessage)
    case boxEnded(End)
    /// One of its threads has stayed in one turn of its loop for so long, which is too long.
    case boxStalled(Int64)
    case bypass(FailMessage)
    case bypassEnded(End)
    /// The parent was sent a signal.
    case signal(Int32)
    /// Time has come to `nextTime`.
    case time
  }

  enum Action: Hashable {
    case startBox
    case startBypass
    case tellBox(FailMessage)
    case tellBypass(FailMessage)
    case signalBox(Int32)
    case say(String)
    /// The last one.
    case exit(Int32)
  }

  private enum Box: Hashable {
    case down(until: Int64)
    case starting
    case waitsForPorts
    case hasPorts
    case runs(since: Int64)
  }

  private enum Bypass: Hashable {
    case none
    case down(until: Int64)
    case starting
    case idle(until: Int64)
    case taking
    case passing
    case leaving
  }

  private let isOpen: Bool
  private var box = Box.starting
  private var bypass = Bypass.none
  private var boxBackoff = Backoff()
  private var bypassBackoff = Backoff()
  private var isEnding = false
  private var restarts = 0
  private var counts = BypassCounts()
  /// When the last box ended that had worked, and when packets passed again.
  private var outage: Int64?
  private var now: Int64

  init(_ mode: FailMode, at now: Int64) {
    isOpen = mode == .open
    self.now = now
  }

  /// What is to be done first.
  mutating func begin() -> [Action] {
    if isOpen { bypass = .starting }
    return [.startBox] + (isOpen ? [.startBypass] : [])
  }

  /// When it wants to hear of the time.
  var nextTime: Int64? {
    var times: [Int64] = []
    if case .down(let until) = box { times.append(until + patience) }
    switch bypass {
    case .down(let until): times.append(until)
    case .idle(let until) where wantsBypass && until > now: times.append(until)
    default: break
    }
    return times.min()
  }

  /// What is to be done about an event.
  mutating func take(_ event: Event, at now: Int64) -> [Action] {
    self.now = now
    var actions: [Action] = []
    switch event {
    case .box(let message): boxSaid(message, &actions)
    case .boxEnded(let end): boxEnded(end, &actions)
    case .boxStalled(let time) where isBoxAlive:
      actions += [.say("the box hangs: nothing has happened for \(time / 1_000_000) ms"), .signalBox(SIGKILL)]
    case .bypass(let message): bypassSaid(message, &actions)
    case .bypassEnded:
      bypass = .down(until: now + bypassBackoff.next(after: 0))
    case .signal(let number): signal(number, &actions)
    case .boxStalled, .time: break
    }
    settle(&actions)
    return actions
  }

  private var isBoxAlive: Bool {
    if case .down = box { return false }
    return true
  }

  private mutating func boxSaid(_ message: FailMessage, _ actions: inout [Action]) {
    switch message {
    case .wantsPorts: box = .waitsForPorts
    case .runs:
      box = .runs(since: now)
      if let outage { actions.append(.say("the box works again, \(milliseconds(since: outage)) later")) }
      outage = nil
    default: break
    }
  }

  private mutating func boxEnded(_ end: End, _ actions: inout [Action]) {
    var worked: Int64 = 0
    var hadWorked = false
    if case .runs(let since) = box { (worked, hadWorked) = (now - since, true) }
    switch end {
    case .status(let status) where isEnding || restarts == 0 || hadWorked: return actions.append(.exit(status))
    case .signal(let number) where isEnding: return actions.append(.exit(128 + number))
    case .status(let status): actions.append(.say("the box does not start again (exit status \(status))"))
    case .signal(let number):
      actions.append(.say("the box was ended by signal \(number) (\(String(cString: strsignal(number))))"))
    }
    if outage == nil { outage = now }
    restarts += 1
    box = .down(until: now + boxBackoff.next(after: worked))
  }

  private mutating func bypassSaid(_ message: FailMessage, _ actions: inout [Action]) {
    switch message {
    case .ready: bypass = .idle(until: now)
    case .took:
      bypass = .passing
      bypassBackoff = Backoff()
      if let outage { actions.append(.say("packets pass without handlers, \(milliseconds(since: outage)) later")) }
    case .failed(let reason):
      bypass = .idle(until: now + max(bypassBackoff.next(after: 0), 1))
      actions.append(.say("packets do not pass: \(reason)"))
    case .left(let new):
      bypass = .idle(until: now)
      counts = counts + new
    default: break
    }
  }

  private mutating func signal(_ number: Int32, _ actions: inout [Action]) {
    if number != SIGHUP { isEnding = true }
    if isBoxAlive {
      actions.append(.signalBox(number))
    } else if isEnding {
      actions += [.say("there was no box when it was to end"), .exit(0)]
    }
  }

  /// A box that worked is away, and another does not want the ports yet.
  private var wantsBypass: Bool {
    switch box {
    case .down, .starting: isOpen && restarts > 0 && !isEnding
    case .waitsForPorts, .hasPorts, .runs: false
    }
  }

  /// How long a box waits for the bypass, which works sooner where both do not start at a time.
  private var patience: Int64 { bypass == .taking ? 300_000_000 : 0 }

  private mutating func settle(_ actions: inout [Action]) {
    if case .exit? = actions.last { return }
    settleBypass(&actions)
    if case .down(let until) = box, until + patience <= now, !isEnding {
      box = .starting
      actions.append(.startBox)
    }
    guard box == .waitsForPorts else { return }
    switch bypass {
    case .taking, .passing, .leaving: break
    case .none, .down, .starting, .idle:
      box = .hasPorts
      actions.append(.tellBox(.go(restarts: restarts, counts)))
    }
  }

  private mutating func settleBypass(_ actions: inout [Action]) {
    switch bypass {
    case .down(let until) where until <= now && !isEnding:
      bypass = .starting
      actions.append(.startBypass)
    case .idle(let until) where wantsBypass && until <= now:
      bypass = .taking
      actions.append(.tellBypass(.take))
    case .passing where !wantsBypass:
      bypass = .leaving
      actions.append(.tellBypass(.leave))
    default: break
    }
  }

  private func milliseconds(since time: Int64) -> String { "\((now - time) / 1_000_000) ms" }
}
