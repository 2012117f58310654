import EventDSL
import MOSCore
import PacketIO
import Records

#if canImport(Glibc)
  import Glibc
#endif

/// A bridge at work: two devices, and the workers between them.
struct InlineBridge: ~Copyable {
  private let options: InlineOptions
  private let devices: [DPDKDevice]
  private let threads: [InlineThread]
  private let records: InlineRecords
  private let router: InlineRouter?
  private let start = ContinuousClock.now

  /// Makes the middleboxes, starts DPDK and the ports, opens the files of records, and begins to work. Throws what cannot be had.
  init(_ options: InlineOptions, message: (String) -> Void) throws(ReplayFailure) {
    // First what can be wrong with files of configuration: no port is touched then.
    var rows: [[any Middlebox]] = []
    for worker in 0..<options.flows.workers {
      rows.append(try options.flows.middleboxes.make(worker: worker, of: options.flows.workers))
    }
    let devices = try InlineBridge.startDevices(options, message)
    let records = try InlineRecords(options.flows)
    let router = options.router.map { InlineRouter($0, hardware: devices.map(\.address)) }
    var flowOptions = options.flows
    flowOptions.tracker.secret =
      flowOptions.tracker.secret ?? (UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max))
    var workers: [InlineThread] = []
    for (number, row) in rows.enumerated() {
      workers.append(
        try InlineThread(
          InlineBridge.worker(number, row, flowOptions, options, devices, records, router),
          core: DPDK.cores.isEmpty ? nil : DPDK.cores[number % DPDK.cores.count]))
    }
    self.options = options
    self.devices = devices
    self.records = records
    self.router = router
    threads = workers
  }

  private static func startDevices(
    _ options: InlineOptions, _ message: (String) -> Void
  ) throws(ReplayFailure) -> [DPDKDevice] {
    do throws(DPDKError) {
      // A device whose name begins with a digit is one of the PCI bus.
      let scansPCI = options.ports.contains { $0.first?.isHexDigit == true && $0.contains(":") }
      try DPDK.start(arguments: options.environment, scansPCI: scansPCI, message: message)
      var memories: [DPDKMemory] = []
      var configuration = DPDKDeviceConfiguration()
      configuration.mtu = options.mtu
      // A packet's frame: with an Ethernet header, two tags and a check sequence.
      let room = max(2_048, (options.mtu ?? 0) + 26)
      for _ in 0..<options.flows.workers {
        memories.append(try DPDKMemory(frames: 16_384, frameByteCount: room))
      }
      var devices: [DPDKDevice] = []
      for port in options.ports {
        devices.append(try DPDKDevice(port, memories: memories, configuration: configuration))
      }
      if let spread = devices.first(where: { !$0.keepsFlowsTogether }) {
        message("\(spread.arguments): its driver does not say that both directions of a flow come to one worker")
      }
      return devices
    } catch {
      let advice = geteuid() == 0 ? "" : "; most devices need root, or its capabilities"
      throw ReplayFailure(message: error.description + advice, status: 3)
    }
  }

  private static func worker(
    _ number: Int, _ row: [any Middlebox], _ flowOptions: ReplayOptions, _ options: InlineOptions,
    _ devices: [DPDKDevice], _ records: InlineRecords, _ router: InlineRouter?
  ) throws(ReplayFailure) -> InlineWorker<DPDKPort> {
    let flows: FlowWorker? =
      options.followsFlows
      ? FlowWorker(path: try FlowPath(flowOptions, boxes: row), recorder: try Recorder(flowOptions)) : nil
    let intake: PacketIntake
    do { intake = try PacketIntake(configuration: flowOptions.decoder, filter: nil) } catch {
      throw ReplayFailure(message: error.description, status: 2)
    }
    do throws(DPDKError) {
      return InlineWorker(
        try DPDKPort(devices[0], queue: number), try DPDKPort(devices[1], queue: number), flows: flows, intake: intake,
        records: records, isLive: !devices.contains(where: \.hasCaptureTime), router: router)
    } catch {
      throw ReplayFailure(message: error.description, status: 3)
    }
  }

  /// What each port is, a line each.
  var portLines: [String] {
    devices.map { "\($0.arguments): \($0.driver), \($0.address), link \($0.link), MTU \($0.mtu)" }
  }

  /// Works until a signal comes. Returns what it came to.
  mutating func run() -> InlineResult {
    var display = InlineDisplay(isShown: !options.flows.quiet)
    var links = devices.map(\.link)
    while !threads.allSatisfy(\.hasEnded) {
      // Interrupted by the signal that ends it.
      usleep(InterruptFlag.isSet ? 1_000 : 100_000)
      display.update(counters())
      for (index, device) in devices.enumerated() where !InterruptFlag.isSet {
        let link = device.link
        if link.isUp != links[index].isUp { display.say("\(device.arguments): link \(link)") }
        links[index] = link
      }
    }
    for thread in threads { thread.join() }
    display.finish()
    return result()
  }

  private func counters() -> [InlinePortCounters] {
    devices.indices.map { index in
      var counters = InlinePortCounters(device: devices[index].arguments)
      for thread in threads {
        let statistics = index == 0 ? thread.statistics.first : thread.statistics.second
        counters.add(statistics)
      }
      counters.missed = devices[index].counters.missed + devices[index].counters.withoutMemory
      return counters
    }
  }

  private func result() -> InlineResult {
    var statistics = threads.dropFirst().reduce(threads[0].worker.statistics) { $0 + $1.worker.statistics }
    statistics.elapsedNanoseconds = (ContinuousClock.now - start).inNanoseconds
    statistics.peakAnonymousBytes = MemoryUsage.anonymousBytes
    statistics.workers = UInt64(threads.count)
    let first = threads.filter { $0.worker.intake.number > 0 }.map { $0.worker.intake.first }.min()
    let last = threads.map { $0.worker.intake.clock }.max() ?? Timestamp(nanoseconds: 0)
    return InlineResult(
      ports: counters(), router: router?.counters, statistics: statistics, boxes: boxes(),
      problems: records.finish(
        statistics, first: first ?? Timestamp(nanoseconds: 0), last: first == nil ? Timestamp(nanoseconds: 0) : last))
  }

  private func boxes() -> [MiddleboxSummary] {
    options.flows.middleboxes.enumerated().map { place, choice in
      let rows = threads.map { $0.worker.boxes }
      return MiddleboxSummary(
        name: choice.name, dropped: threads.reduce(0) { $0 &+ $1.worker.drops[place] },
        summary: rows[0][place].summary(with: rows.dropFirst().map { $0[place] }))
    }
  }
}

/// What a bridge came to.
struct InlineResult {
  var ports: [InlinePortCounters]
  /// What its router did; nil without one.
  var router: Neighbourhood.Counters?
  var statistics: ReplayStatistics
  /// What each middlebox says.
  var boxes: [MiddleboxSummary]
  /// What went wrong with the files of the records.
  var problems: [String]
}
