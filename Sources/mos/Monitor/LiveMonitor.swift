// Unsafe: arrays of a burst's frames and packets. Invariant: each has room for `FlowWorker.burst`.
import EventDSL
import MOSCore
import PacketIO
import Records

#if canImport(Glibc)
  import Glibc
#endif

/// A monitor at work: interfaces, and the workers that follow their flows.
struct LiveMonitor: ~Copyable {
  /// Time between two looks at timers while no packet comes, and at what goes on besides, in nanoseconds.
  private static var timerPeriod: Int64 { 100_000_000 }
  private static var flushPeriod: Int64 { 1_000_000_000 }

  let options: MonitorOptions
  private var source: LiveSource
  private var intake: PacketIntake
  private var outputs: RecordOutputs
  private var pool: WorkerPool
  private let metrics: MetricsServer?
  private var display: InlineDisplay
  private let frames: UnsafeMutablePointer<CapturedFrame>
  private let packets: UnsafeMutablePointer<DecodedPacket>
  private let start = ContinuousClock.now
  private var hasBegun = false
  private var lastTimers = IdleWait.now
  private var lastFlush = IdleWait.now
  private var rounds: UInt32 = 0
  private var problems: [String] = []

  /// Makes the middleboxes, opens the interfaces and the files of records. Throws what cannot be had.
  static func open(_ options: MonitorOptions) throws(ReplayFailure) -> LiveMonitor {
    // First what can be wrong with files of configuration: no interface is touched then.
    var rows: [[any Middlebox]] = []
    for worker in 0..<options.flows.workers {
      rows.append(try options.flows.middleboxes.make(worker: worker, of: options.flows.workers))
    }
    var ports: [PcapPort] = []
    do throws(PcapError) {
      for name in options.interfaces { ports.append(try PcapPort(name, options.capture)) }
    } catch {
      throw ReplayFailure(message: error.description, status: error.kind == .filter ? 2 : 3)
    }
    let intake: PacketIntake
    do { intake = try PacketIntake(configuration: options.flows.decoder, filter: nil) } catch {
      throw ReplayFailure(message: error.description, status: 2)
    }
    let metrics = try options.metrics.map { address throws(ReplayFailure) in try MetricsServer(address) }
    let outputs = try RecordOutputs(options.flows)
    let pool = try WorkerPool(options.flows, rows: rows)
    return LiveMonitor(options, LiveSource(ports), intake, outputs, pool, metrics)
  }

  private init(
    _ options: MonitorOptions, _ source: consuming LiveSource, _ intake: consuming PacketIntake,
    _ outputs: consuming RecordOutputs, _ pool: consuming WorkerPool, _ metrics: MetricsServer?
  ) {
    self.options = options
    self.source = source
    self.intake = intake
    self.outputs = outputs
    self.pool = pool
    self.metrics = metrics
    display = InlineDisplay(isShown: !options.flows.quiet, showsSent: false)
    frames = .allocate(capacity: FlowWorker.burst)
    packets = .allocate(capacity: FlowWorker.burst)
  }

  deinit {
    frames.deallocate()
    packets.deallocate()
  }

  /// What each interface is, a line each.
  var portLines: [String] {
    source.ports.map { "\($0.interface): \(LinkType.name(of: $0.linkType.rawValue))" }
  }

  /// Works until a signal comes, or no interface is left. Returns what it came to.
  mutating func run() -> MonitorResult {
    while !InterruptFlag.isSet, source.isOpen {
      let now = InlineWorker<DPDKPort>.timeOfDay
      if breathe(now) {
        rounds &+= 1
        // Under load the clock is looked at now and then.
        if rounds & 31 == 0 { keepTime(intake.clock) }
      } else {
        // What came before has been received by now, though maybe not what came just now.
        keepTime(now.advanced(by: -PcapPort.longestDelay))
        source.wait(milliseconds: 20)
      }
    }
    drain()
    display.finish()
    metrics?.stop()
    return finish()
  }

  /// Takes what had come in when the end was called for.
  private mutating func drain() {
    let end = InlineWorker<DPDKPort>.timeOfDay
    let limit = IdleWait.now &+ 5_000_000_000
    while source.isOpen, intake.number == 0 || intake.clock <= end, IdleWait.now < limit {
      let now = InlineWorker<DPDKPort>.timeOfDay
      if breathe(now) { continue }
      if now > end.advanced(by: 2 * PcapPort.longestDelay) { break }
      usleep(2_000)
    }
  }

  /// Takes a burst. Returns whether there was one.
  private mutating func breathe(_ now: Timestamp) -> Bool {
    let count = source.next(into: frames, capacity: FlowWorker.burst, now: now)
    if count == 0 { return false }
    do { try intake.decode(frames, count: count, into: packets) } catch {
      preconditionFailure("there is no filter that could fail")
    }
    if !hasBegun {
      outputs.begin(opened: packets[0].timestamp)
      hasBegun = true
    }
    pool.process(packets, count: count)
    return true
  }

  /// What time brings: timers, records, counters, signals.
  private mutating func keepTime(_ time: Timestamp) {
    let clock = IdleWait.now
    guard clock &- lastTimers >= Self.timerPeriod else { return }
    lastTimers = clock
    intake.advance(to: time)
    pool.endEpoch(clock: intake.clock, outputs: &outputs)
    if clock &- lastFlush >= Self.flushPeriod {
      lastFlush = clock
      outputs.flush()
    }
    let counters = counters()
    display.update(counters.map(\.asPort))
    metrics?.publish(counters.map(\.asPort), areUp: source.ports.map { $0.failure == nil }, past: nil)
    for failure in source.takeFailures() {
      display.say(failure.description)
      problems.append(failure.interface)
    }
    if HangupSignal.take() { for line in reload() { display.say(line) } }
  }

  /// Opens the files of records anew, and reads the configurations of middleboxes again. Returns what is to be said, a line each.
  /// The workers wait: an epoch has just ended.
  private mutating func reload() -> [String] {
    let problems = outputs.reopen(at: InlineWorker<DPDKPort>.timeOfDay).map(\.description)
    do throws(ReplayFailure) {
      let reload = try options.flows.middleboxes.readAgain(for: pool.rows)
      for body in reload.bodies { body() }
      return problems + (options.flows.quiet ? [] : reload.lines)
    } catch {
      return problems + [error.message]
    }
  }

  private func counters() -> [InterfaceCounters] {
    source.ports.map { port in
      InterfaceCounters(interface: port.interface, received: port.statistics.received, kernel: port.updateCounters())
    }
  }

  private mutating func finish() -> MonitorResult {
    for failure in source.takeFailures() {
      display.say(failure.description)
      problems.append(failure.interface)
    }
    let counters = counters()
    let end = max(intake.clock, InlineWorker<DPDKPort>.timeOfDay)
    pool.finish(clock: end, outputs: &outputs)
    var statistics = pool.collect()
    intake.collect(into: &statistics)
    statistics.elapsedNanoseconds = (ContinuousClock.now - start).inNanoseconds
    statistics.peakAnonymousBytes = MemoryUsage.anonymousBytes
    statistics.workers = UInt64(options.flows.workers)
    outputs.writeStatistics(statistics, start: intake.first, end: end)
    return MonitorResult(
      interfaces: counters, statistics: statistics, boxes: pool.boxes(options.flows.middleboxes.map(\.name)),
      problems: outputs.finish(closed: end).map(\.description), hasLostInterface: !problems.isEmpty)
  }
}

/// What a monitor came to.
struct MonitorResult {
  var interfaces: [InterfaceCounters]
  var statistics: ReplayStatistics
  /// What each middlebox says.
  var boxes: [MiddleboxSummary]
  /// What went wrong with the files of the records.
  var problems: [String]
  /// An interface went away.
  var hasLostInterface: Bool
}
