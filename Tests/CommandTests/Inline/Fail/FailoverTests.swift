import Glibc
import Testing

@testable import mos

private let millisecond: Int64 = 1_000_000
private let second: Int64 = 1_000_000_000

@Suite("What is done when a box crashes")
struct FailoverTests {
  /// One that works, since `time`.
  private func working(_ mode: FailMode, at time: Int64 = 0) -> Failover {
    var failover = Failover(mode, at: time)
    _ = failover.begin()
    if mode == .open { _ = failover.take(.bypass(.ready), at: time) }
    _ = failover.take(.box(.wantsPorts), at: time)
    _ = failover.take(.box(.runs), at: time)
    return failover
  }

  /// Without what is said.
  private func deeds(_ actions: [Failover.Action]) -> [Failover.Action] {
    actions.filter { if case .say = $0 { false } else { true } }
  }

  @Test(
    "a first box gets the ports at once, whether there is a bypass yet or not", arguments: [FailMode.open, .closed])
  func start(mode: FailMode) {
    var failover = Failover(mode, at: 0)
    #expect(failover.begin() == (mode == .open ? [.startBox, .startBypass] : [.startBox]))
    #expect(failover.take(.box(.wantsPorts), at: 1) == [.tellBox(.go(restarts: 0, BypassCounts()))])
    #expect(failover.take(.box(.runs), at: 2) == [])
    if mode == .open { #expect(failover.take(.bypass(.ready), at: 3) == []) }
    #expect(failover.nextTime == nil)
  }

  @Test("open: the bypass has the ports from a crash until the next box wants them")
  func open() {
    var failover = working(.open)
    #expect(deeds(failover.take(.boxEnded(.signal(SIGSEGV)), at: second)) == [.tellBypass(.take)])
    #expect(deeds(failover.take(.bypass(.took), at: second + 9 * millisecond)) == [.startBox])
    #expect(failover.take(.box(.wantsPorts), at: 2 * second) == [.tellBypass(.leave)])
    let counts = BypassCounts(passed: [3, 4], lost: [0, 1])
    #expect(
      failover.take(.bypass(.left(counts)), at: 2 * second) == [.tellBox(.go(restarts: 1, counts))])
    #expect(failover.take(.box(.runs), at: 2 * second) == [.say("the box works again, 1000 ms later")])
    // What passed adds up.
    _ = failover.take(.boxEnded(.signal(SIGSEGV)), at: 20 * second)
    _ = failover.take(.bypass(.took), at: 20 * second)
    _ = failover.take(.box(.wantsPorts), at: 21 * second)
    #expect(
      failover.take(.bypass(.left(counts)), at: 21 * second)
        == [.tellBox(.go(restarts: 2, BypassCounts(passed: [6, 8], lost: [0, 2])))])
  }

  @Test("closed: the next box starts at once, and nobody else has the ports")
  func closed() {
    var failover = working(.closed)
    #expect(deeds(failover.take(.boxEnded(.signal(SIGKILL)), at: second)) == [.startBox])
    #expect(failover.take(.box(.wantsPorts), at: 2 * second) == [.tellBox(.go(restarts: 1, BypassCounts()))])
  }

  @Test("a bypass that cannot have the ports, or hangs, holds no box up")
  func noBypass() {
    var failover = working(.open)
    _ = failover.take(.boxEnded(.signal(SIGSEGV)), at: second)
    let failed = failover.take(.bypass(.failed("no such device")), at: second + 1)
    #expect(failed == [.say("packets do not pass: no such device"), .startBox])
    #expect(deeds(failover.take(.time, at: failover.nextTime ?? 0)) == [.tellBypass(.take)])

    var hung = working(.open)
    _ = hung.take(.boxEnded(.signal(SIGSEGV)), at: second)
    #expect(hung.nextTime.map { $0 < 2 * second } == true)
    #expect(hung.take(.time, at: hung.nextTime ?? 0) == [.startBox])
  }

  @Test(
    "a normal end is the end, with its exit status, and so is what a first box finds wrong", arguments: [0, 2, 3, 130])
  func normalEnds(status: Int32) {
    var failover = working(.open)
    #expect(failover.take(.boxEnded(.status(status)), at: second) == [.exit(status)])
    var first = Failover(.open, at: 0)
    _ = first.begin()
    #expect(first.take(.boxEnded(.status(status)), at: 1) == [.exit(status)])
  }

  @Test("a box that hangs is killed, and its end is that of one that crashed", arguments: [FailMode.open, .closed])
  func hang(mode: FailMode) {
    var failover = working(mode)
    #expect(
      failover.take(.boxStalled(2_000 * millisecond), at: 5 * second)
        == [.say("the box hangs: nothing has happened for 2000 ms"), .signalBox(SIGKILL)])
    let next: Failover.Action = mode == .open ? .tellBypass(.take) : .startBox
    #expect(deeds(failover.take(.boxEnded(.signal(SIGKILL)), at: 5 * second)) == [next])
    // Too late: it is not there any more.
    if mode == .open { #expect(failover.take(.boxStalled(2 * second), at: 5 * second) == []) }
  }

  @Test("one that hangs when it is to end, ends")
  func hangAtEnd() {
    var failover = working(.open)
    _ = failover.take(.signal(SIGTERM), at: second)
    #expect(deeds(failover.take(.boxStalled(2 * second), at: 4 * second)) == [.signalBox(SIGKILL)])
    #expect(failover.take(.boxEnded(.signal(SIGKILL)), at: 4 * second) == [.exit(128 + SIGKILL)])
  }

  @Test("a box that does not start again, as when a file was made wrong, is tried again")
  func wrongAfterCrash() {
    var failover = working(.closed)
    _ = failover.take(.boxEnded(.signal(SIGILL)), at: 20 * second)
    let actions = failover.take(.boxEnded(.status(2)), at: 20 * second)
    #expect(actions == [.say("the box does not start again (exit status 2)")])
    #expect(failover.nextTime == 20 * second + 100 * millisecond)
    #expect(failover.take(.time, at: 20 * second + 100 * millisecond) == [.startBox])
  }

  @Test(
    "one that crashes again and again is waited for longer each time, up to five seconds; after ten good ones it is not"
  )
  func backoff() {
    var failover = working(.closed)
    var time = second
    var delays: [Int64] = []
    for _ in 0..<9 {
      _ = failover.take(.boxEnded(.signal(SIGABRT)), at: time)
      if let next = failover.nextTime {
        delays.append((next - time) / millisecond)
        time = next
        #expect(failover.take(.time, at: time) == [.startBox])
      } else {
        delays.append(0)
      }
    }
    #expect(delays == [0, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000])
    _ = failover.take(.box(.wantsPorts), at: time)
    _ = failover.take(.box(.runs), at: time)
    #expect(deeds(failover.take(.boxEnded(.signal(SIGABRT)), at: time + 10 * second)) == [.startBox])
  }

  @Test("signals go to the box; one that ends it ends all, and none is restarted", arguments: [SIGINT, SIGTERM])
  func ending(number: Int32) {
    var failover = working(.open)
    #expect(failover.take(.signal(SIGHUP), at: second) == [.signalBox(SIGHUP)])
    #expect(failover.take(.signal(number), at: second) == [.signalBox(number)])
    #expect(failover.take(.signal(number), at: second) == [.signalBox(number)])
    var crashing = failover
    #expect(failover.take(.boxEnded(.status(0)), at: second) == [.exit(0)])
    #expect(crashing.take(.boxEnded(.signal(SIGSEGV)), at: second) == [.exit(128 + SIGSEGV)])
  }

  @Test("without a box, SIGHUP is nothing and SIGTERM the end")
  func signalsWithoutBox() {
    var failover = working(.closed)
    _ = failover.take(.boxEnded(.signal(SIGSEGV)), at: second)
    _ = failover.take(.boxEnded(.signal(SIGSEGV)), at: second)
    #expect(failover.take(.signal(SIGHUP), at: second) == [])
    #expect(deeds(failover.take(.signal(SIGTERM), at: second)) == [.exit(0)])
  }

  @Test("a bypass that crashes is started again, and takes the ports where there is no box")
  func bypassCrash() {
    var failover = working(.open)
    #expect(failover.take(.bypassEnded(.signal(SIGSEGV)), at: second) == [.startBypass])
    _ = failover.take(.boxEnded(.signal(SIGSEGV)), at: second)
    #expect(failover.take(.bypass(.ready), at: second) == [.tellBypass(.take)])
    _ = failover.take(.bypass(.took), at: second)
    _ = failover.take(.box(.wantsPorts), at: second)
    // It had the ports when it crashed: the box need not wait for it to leave them.
    let actions = failover.take(.bypassEnded(.signal(SIGSEGV)), at: 2 * second)
    #expect(actions.contains(.tellBox(.go(restarts: 1, BypassCounts()))))
  }

  @Test("whatever happens, in whatever order, the ports have one owner, and a box is there or will be")
  func oneOwner() {
    for seed in 1...400 as ClosedRange<UInt64> {
      var generator = SeededEvents(seed: seed)
      var failover = Failover(.open, at: 0)
      var world = World()
      world.see(failover.begin())
      var time: Int64 = 0
      for _ in 0..<200 {
        time += Int64(generator.next(below: 400)) * millisecond
        let event = world.next(&generator, failover.nextTime, time)
        if event == .time, let next = failover.nextTime { time = max(time, next) }
        world.happened(event)
        world.see(failover.take(event, at: time))
        if !world.hasBox { #expect(failover.nextTime != nil, "seed \(seed)") }
      }
    }
  }
}

private struct SeededEvents {
  var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next(below limit: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int(state >> 33) % limit
  }
}

/// The processes that there would be, and who of them has the ports.
private struct World {
  private enum Bypass { case none, starting, idle, taking, passing, leaving }
  private enum Box { case none, starting, waits, hasPorts, runs }
  private var box = Box.none
  private var bypass = Bypass.none

  var hasBox: Bool { box != .none }

  mutating func see(_ actions: [Failover.Action]) {
    for action in actions {
      switch action {
      case .startBox:
        #expect(box == .none)
        box = .starting
      case .startBypass:
        #expect(bypass == .none)
        bypass = .starting
      case .tellBox:
        #expect(box == .waits && [.none, .starting, .idle].contains(bypass))
        box = .hasPorts
      case .tellBypass(let message):
        #expect(message == .take ? bypass == .idle && box != .hasPorts && box != .runs : bypass == .passing)
        bypass = message == .take ? .taking : .leaving
      case .signalBox, .say: break
      case .exit: Issue.record("nobody asked for an end")
      }
    }
  }

  /// Something that can happen now.
  func next(_ generator: inout SeededEvents, _ time: Int64?, _ now: Int64) -> Failover.Event {
    var events: [Failover.Event] = time == nil ? [] : [.time]
    switch box {
    case .none: break
    case .starting: events += [.box(.wantsPorts), .boxEnded(.signal(SIGSEGV))]
    case .hasPorts: events += [.box(.runs), .boxEnded(.signal(SIGSEGV))]
    case .waits: events += [.boxEnded(.signal(SIGKILL))]
    case .runs: events += [.boxEnded(.signal(SIGKILL)), .boxStalled(2 * second)]
    }
    switch bypass {
    case .none: break
    case .starting: events += [.bypass(.ready), .bypassEnded(.status(3))]
    case .idle, .passing: events += [.bypassEnded(.signal(SIGKILL))]
    case .taking: events += [.bypass(.took), .bypass(.failed("it cannot")), .bypassEnded(.signal(SIGSEGV))]
    case .leaving: events += [.bypass(.left(BypassCounts())), .bypassEnded(.signal(SIGSEGV))]
    }
    return events.isEmpty ? .time : events[generator.next(below: events.count)]
  }

  mutating func happened(_ event: Failover.Event) {
    switch event {
    case .box(.wantsPorts): box = .waits
    case .box(.runs): box = .runs
    case .boxEnded: box = .none
    case .bypass(.took): bypass = .passing
    case .bypass: bypass = .idle
    case .bypassEnded: bypass = .none
    case .box, .boxStalled, .signal, .time: break
    }
  }
}
