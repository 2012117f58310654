// Unsafe: owns a follower of flows in memory of its own, which `passage` works on too. Invariant: it is there from `init` to
// `deinit` if it was given.
import EventDSL
import MOSCore
import Records

#if canImport(Glibc)
  import Glibc
#endif

/// One worker of a bridge: takes frames from a queue of each port to the other's, through its own middleboxes.
struct InlineWorker<Port: InlinePort & ~Copyable>: ~Copyable {
  /// Time between two looks at timers while no packet comes, and between two writings of records, in nanoseconds.
  private static var timerPeriod: Int64 { 1_000_000 }
  private static var recordPeriod: Int64 { 1_000_000_000 }

  private(set) var first: Port
  private(set) var second: Port
  private(set) var intake: PacketIntake
  /// Follows flows; nil where nobody wants to know of them.
  private let flows: UnsafeMutablePointer<FlowWorker>?
  private let passage: InlinePassage
  /// Decides where packets leave; nil where that is the other port.
  private let router: InlineRouter?
  private let records: InlineRecords
  /// Time is that of the clock; else that of the packets, which come from a capture.
  private let isLive: Bool
  private var hasBegun = false
  private var idle: IdleWait
  private var lastTimers: Int64 = 0
  private var lastRecords: Int64 = 0
  private var rounds: UInt32 = 0

  init(
    _ first: consuming Port, _ second: consuming Port, flows: consuming FlowWorker?, intake: consuming PacketIntake,
    records: InlineRecords, isLive: Bool, router: InlineRouter?, sharesCore: Bool = false
  ) {
    idle = IdleWait(sharesCore: sharesCore)
    self.first = first
    self.second = second
    self.intake = intake
    self.records = records
    self.isLive = isLive
    self.router = router
    passage = InlinePassage()
    if let flows = consume flows {
      // The frames lie in the ports' memory, and are looked at by nobody afterwards.
      flows.path.allowChangesInPlace()
      self.flows = .allocate(capacity: 1)
      self.flows!.initialize(to: flows)
    } else {
      self.flows = nil
    }
  }

  deinit {
    flows?.deinitialize(count: 1)
    flows?.deallocate()
    passage.deallocate()
  }

  /// Works until `isEnding`, then takes what has come in by then, and ends all flows.
  mutating func run(until isEnding: () -> Bool, betweenBursts: () -> Void) {
    while !isEnding() {
      betweenBursts()
      if breathe() > 0 {
        idle.note()
        rounds &+= 1
        // Under load the clock is looked at now and then.
        if rounds & 255 == 0 { keepTime(IdleWait.now) }
      } else {
        keepTime(idle.wait())
      }
    }
    // No more than what can have been waiting: a sender that never rests must not keep it from ending.
    for _ in 0..<1_024 where breathe() == 0 { break }
    finish()
  }

  /// Takes one burst from each port. Returns how many frames there were.
  @discardableResult
  mutating func breathe() -> Int {
    guard let flows else { return forward(&first, &second, burst: FlowWorker.burst) }
    // Each port is sent to after it was last received from and before it is received from again, as `PacketPort` asks for.
    if let router { return breathe(flows, router) }
    let fromFirst = first.receive(into: passage.frames, capacity: room)
    if fromFirst > 0 {
      process(flows, fromFirst, ingress: 0)
      passage.send(fromFirst, flows, from: &first, to: &second)
      if !isLive, isEpochOver {
        flows.pointee.advance(to: intake.clock)
        passage.sendOutput(flows, from: &first, to: &second)
        records.write(&flows.pointee, isLive: false)
      }
    }
    let fromSecond = second.receive(into: passage.frames, capacity: room)
    if fromSecond > 0 {
      process(flows, fromSecond, ingress: 1)
      passage.send(fromSecond, flows, from: &second, to: &first)
      if !isLive, isEpochOver {
        flows.pointee.advance(to: intake.clock)
        passage.sendOutput(flows, from: &second, to: &first)
        records.write(&flows.pointee, isLive: false)
      }
    }
    return fromFirst + fromSecond
  }

  /// The same between the ports of a router.
  private mutating func breathe(_ flows: UnsafeMutablePointer<FlowWorker>, _ router: InlineRouter) -> Int {
    let fromFirst = first.receive(into: passage.frames, capacity: room)
    if fromFirst > 0 { route(flows, router, fromFirst, ingress: 0) }
    let fromSecond = second.receive(into: passage.frames, capacity: room)
    if fromSecond > 0 { route(flows, router, fromSecond, ingress: 1) }
    return fromFirst + fromSecond
  }

  private mutating func route(
    _ flows: UnsafeMutablePointer<FlowWorker>, _ router: InlineRouter, _ count: Int, ingress: UInt8
  ) {
    let arrived = router.arrive(passage.frames, count: count, at: Int(ingress))
    if !arrived.made.isEmpty { passage.send(arrived.made, first: &first, second: &second) }
    guard arrived.left > 0 else { return }
    process(flows, arrived.left, ingress: ingress)
    sendOutput(flows)
    if !isLive, isEpochOver {
      flows.pointee.advance(to: intake.clock)
      sendOutput(flows)
      records.write(&flows.pointee, isLive: false)
    }
  }

  /// Sends what left the middleboxes; without a router, that of packets that came in at the first port, or of timers.
  private mutating func sendOutput(_ flows: UnsafeMutablePointer<FlowWorker>) {
    if let router {
      passage.routeOutput(flows, router, first: &first, second: &second)
    } else {
      passage.sendOutput(flows, from: &first, to: &second)
    }
  }

  /// Frames up to the end of an epoch, at which records are written where time is that of a capture: as in a replay.
  private var room: Int {
    Int(min(UInt64(FlowWorker.burst), ReplayEngine.epoch - intake.number % ReplayEngine.epoch))
  }

  private var isEpochOver: Bool { intake.number % ReplayEngine.epoch == 0 }

  private mutating func process(_ flows: UnsafeMutablePointer<FlowWorker>, _ count: Int, ingress: UInt8) {
    do { try intake.decode(passage.frames, count: count, into: passage.packets) } catch {
      preconditionFailure("there is no filter that could fail")
    }
    if !hasBegun {
      records.begin(opened: passage.packets[0].timestamp)
      hasBegun = true
    }
    flows.pointee.path.comesIn(at: ingress)
    flows.pointee.process(passage.packets, count: count)
  }

  /// What time brings: timers, and records from time to time.
  private mutating func keepTime(_ now: Int64) {
    guard isLive, let flows, now &- lastTimers >= Self.timerPeriod else { return }
    lastTimers = now
    flows.pointee.path.comesIn(at: 0)
    flows.pointee.advance(to: Self.timeOfDay)
    sendOutput(flows)
    guard now &- lastRecords >= Self.recordPeriod else { return }
    lastRecords = now
    records.write(&flows.pointee, isLive: true)
  }

  private mutating func finish() {
    defer {
      first.flush()
      second.flush()
    }
    guard let flows else { return }
    if isLive || hasBegun { flows.pointee.advance(to: isLive ? Self.timeOfDay : intake.clock) }
    flows.pointee.finish()
    sendOutput(flows)
    records.write(&flows.pointee, isLive: true)
  }

  /// The time now.
  static var timeOfDay: Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(nanoseconds: Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec))
  }

  /// The row of middleboxes.
  var boxes: [any Middlebox] { flows?.pointee.path.boxes ?? [] }

  /// Packets that each of them dropped.
  var drops: [UInt64] { flows?.pointee.path.drops ?? [] }

  /// What was counted so far about packets and flows.
  var statistics: ReplayStatistics {
    var statistics = flows?.pointee.statistics ?? ReplayStatistics()
    intake.collect(into: &statistics)
    if flows == nil {
      let received = first.statistics.received + second.statistics.received
      statistics.packets = received.frames
      statistics.bytes = received.bytes
    }
    return statistics
  }
}
