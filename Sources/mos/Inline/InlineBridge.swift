import EventDSL
import MOSCore
import PacketIO
import Records

#if canImport(Glibc)
  import Glibc
#endif

/// A bridge at work: two devices, and the workers between them.
struct InlineBridge: ~Copyable {
  let options: InlineOptions
  private let devices: [DPDKDevice]
  let threads: [InlineThread]
  /// Between the devices and the workers, where a device has too few queues.
  private let distributor: DistributorThread?
  let records: InlineRecords
  private let router: InlineRouter?
  private let metrics: MetricsServer?
  /// The connection to the process that restarts this one; nil where nobody does.
  let parent: SupervisedBox?
  private let start: ContinuousClock.Instant

  /// Makes the middleboxes, starts DPDK and the ports, opens the files of records, and begins to work. Throws what cannot be had.
  init(_ options: InlineOptions, message: (String) -> Void) throws(ReplayFailure) {
    // First what can be wrong with files of configuration: no port is touched then.
    var rows: [[any Middlebox]] = []
    for worker in 0..<options.flows.workers {
      rows.append(try options.flows.middleboxes.make(worker: worker, of: options.flows.workers))
    }
    let metrics = try options.metrics.map { address throws(ReplayFailure) in try MetricsServer(address) }
    var parent: SupervisedBox?
    var isRestarted = false
    var heartbeats = Heartbeats.unseen
    if case .box(let descriptor, let shared, let wasCrash)? = options.role {
      parent = SupervisedBox(descriptor: descriptor)
      heartbeats = try Heartbeats(descriptor: shared)
      isRestarted = wasCrash
    }
    let devices = try InlineBridge.startDevices(options, for: rows[0], parent, message)
    // What a box before this one has written stays.
    let records = try InlineRecords(options.flows, appends: isRestarted)
    var workerOptions = options
    workerOptions.flows.tracker.secret =
      options.flows.tracker.secret ?? (UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max))
    let router = options.router.map { InlineRouter($0, hardware: devices.map(\.address)) }
    let makers = InlineThreads(
      devices: devices, rows: rows, options: workerOptions, records: records, router: router,
      heartbeats: heartbeats)
    let running = try makers.start { () throws(ReplayFailure) in
      try InlineBridge.takeOver(devices, options, parent)
    }
    self.options = options
    self.devices = devices
    self.records = records
    self.router = router
    self.metrics = metrics
    self.parent = parent
    threads = running.workers
    distributor = running.distributor
    start = ContinuousClock.now
  }

  /// What each port is, a line each.
  var portLines: [String] {
    devices.map { device in
      "\(device.arguments): \(device.driver), \(device.address), link \(device.link), MTU \(device.mtu)"
        + (device.verifiesChecksums ? ", verifies checksums" : "")
        + (device.fillsInChecksums ? ", fills in checksums" : "") + (device.hasClock ? ", time stamps" : "")
    }
  }

  /// Works until a signal comes. Returns what it came to.
  mutating func run() -> InlineResult {
    var display = InlineDisplay(isShown: !options.flows.quiet)
    var links = devices.map(\.link)
    while !threads.allSatisfy(\.hasEnded) || distributor?.hasEnded == false {
      // Interrupted by the signal that ends it.
      usleep(InterruptFlag.isSet ? 1_000 : 100_000)
      display.update(counters())
      metrics?.publish(counters(), areUp: links.map(\.isUp), past: parent?.past)
      if parent?.isAlone == true, !InterruptFlag.isSet { InterruptFlag.raise() }
      if HangupSignal.take() { for line in reload() { display.say(line) } }
      for (index, device) in devices.enumerated() where !InterruptFlag.isSet {
        let link = device.link
        if link.isUp != links[index].isUp { display.say("\(device.arguments): link \(link)") }
        links[index] = link
      }
    }
    for thread in threads { thread.join() }
    distributor?.join()
    metrics?.stop()
    display.finish()
    return result()
  }

  private func counters() -> [InlinePortCounters] {
    devices.indices.map { index in
      var counters = InlinePortCounters(device: devices[index].arguments)
      let statistics = distributor.map { [$0.statistics] } ?? threads.map(\.statistics)
      for statistics in statistics { counters.add(index == 0 ? statistics.first : statistics.second) }
      if let distributor {
        counters.droppedBefore = distributor.droppedBefore(port: index)
        counters.bypassed = distributor.bypassed(port: index)
        counters.droppedBehind = distributor.droppedBehind(port: index)
      }
      counters.missed = devices[index].counters.missed + devices[index].counters.withoutMemory
      return counters
    }
  }

  private func result() -> InlineResult {
    let outcomes = threads.map(\.outcome)
    var statistics = outcomes.dropFirst().reduce(outcomes[0].statistics) { $0 + $1.statistics }
    statistics.elapsedNanoseconds = (ContinuousClock.now - start).inNanoseconds
    statistics.peakAnonymousBytes = MemoryUsage.anonymousBytes
    statistics.workers = UInt64(threads.count)
    let none = Timestamp(nanoseconds: 0)
    return InlineResult(
      ports: counters(), past: parent?.past, router: router?.counters, statistics: statistics, boxes: boxes(outcomes),
      problems: records.finish(
        statistics, first: outcomes.compactMap { $0.times?.first }.min() ?? none,
        last: outcomes.compactMap { $0.times?.last }.max() ?? none))
  }

  private func boxes(_ outcomes: [InlineOutcome]) -> [MiddleboxSummary] {
    options.flows.middleboxes.enumerated().map { place, choice in
      MiddleboxSummary(
        name: choice.name, dropped: outcomes.reduce(0) { $0 &+ $1.drops[place] },
        summary: threads[0].boxes[place].summary(with: threads.dropFirst().map { $0.boxes[place] }))
    }
  }
}

/// What a bridge came to.
struct InlineResult {
  var ports: [InlinePortCounters]
  /// What happened before it; nil where nobody would restart it.
  var past: SupervisedBox.Past?
  /// What its router did; nil without one.
  var router: Neighbourhood.Counters?
  var statistics: ReplayStatistics
  /// What each middlebox says.
  var boxes: [MiddleboxSummary]
  /// What went wrong with the files of the records.
  var problems: [String]
}
