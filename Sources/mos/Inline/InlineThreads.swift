import EventDSL
import PacketIO

/// Makes the threads of a bridge: workers with queues of their own, or a distributor with workers behind it.
struct InlineThreads {
  let devices: [DPDKDevice]
  /// The middleboxes of each worker.
  let rows: [[any Middlebox]]
  let options: InlineOptions
  let records: InlineRecords
  let router: InlineRouter?
  let heartbeats: Heartbeats

  /// Makes and starts them, with what is `last` before that. Throws what cannot be had.
  func start(_ last: () throws(ReplayFailure) -> Void) throws(ReplayFailure) -> (
    workers: [InlineThread], distributor: DistributorThread?
  ) {
    let distributes = devices[0].queues < rows.count || options.distributes
    let cores = InlineCores(workers: rows.count, distributes: distributes)
    guard distributes else {
      var threads: [InlineThread] = []
      for number in rows.indices {
        let core = cores.worker(number)
        let worker = try DPDK.onCore(core) { () throws(ReplayFailure) -> InlineWorker<DPDKPort> in
          try self.worker(number, port(0, queue: number), port(1, queue: number), sharesCore: false)
        }
        threads.append(
          PortThread(worker, core: core, heart: heartbeats.heart(of: number), until: { InterruptFlag.isSet }))
      }
      try last()
      for thread in threads { try thread.start() }
      return (threads, nil)
    }
    return try startDistributor(cores, last)
  }

  private func startDistributor(
    _ cores: InlineCores, _ last: () throws(ReplayFailure) -> Void
  ) throws(ReplayFailure) -> (workers: [InlineThread], distributor: DistributorThread?) {
    let links = rows.map { _ in WorkerLink() }
    let hasDrained = DrainFlag()
    let sharesCore = cores.sharesCore
    var threads: [InlineThread] = []
    for (number, link) in links.enumerated() {
      let core = cores.worker(number)
      let worker = try DPDK.onCore(core) { () throws(ReplayFailure) -> InlineWorker<RingPort> in
        try self.worker(number, RingPort(link, port: 0), RingPort(link, port: 1), sharesCore: sharesCore)
      }
      threads.append(PortThread(worker, core: core, heart: heartbeats.heart(of: number), until: { hasDrained.isSet }))
    }
    let distributor = Distributor(
      try port(0, queue: 0), try port(1, queue: 0), links: links, options: options.flows, advisers: rows[0],
      sharesCore: sharesCore, passesBy: options.distributes)
    let workers = threads
    let thread = DistributorThread(
      distributor, links: links, core: cores.queue(0), heart: heartbeats.heart(of: rows.count), hasDrained: hasDrained,
      workersAreDone: { workers.allSatisfy(\.hasEnded) })
    try last()
    for thread in threads { try thread.start() }
    try thread.start()
    return (threads, thread)
  }

  private func port(_ number: Int, queue: Int) throws(ReplayFailure) -> DPDKPort {
    do { return try DPDKPort(devices[number], queue: queue) } catch {
      throw ReplayFailure(message: error.description, status: 3)
    }
  }

  /// What follows the flows of a worker; nil where nobody wants to know of them.
  private func follower(_ number: Int) throws(ReplayFailure) -> FlowWorker? {
    guard options.followsFlows else { return nil }
    let path = try FlowPath(options.flows, boxes: rows[number])
    if options.fail == .open { path.passWhatCannotWait() }
    // A router keeps frames for which it asks for an address, and sends them later as they are. A distributor hands all on.
    if router == nil, devices.allSatisfy(\.fillsInChecksums) { path.leaveChecksums() }
    return FlowWorker(path: path, recorder: try Recorder(options.flows))
  }

  private func worker<Port: InlinePort & ~Copyable>(
    _ number: Int, _ first: consuming Port, _ second: consuming Port, sharesCore: Bool
  ) throws(ReplayFailure) -> InlineWorker<Port> {
    let intake: PacketIntake
    do { intake = try PacketIntake(configuration: options.flows.decoder, filter: nil) } catch {
      throw ReplayFailure(message: error.description, status: 2)
    }
    return InlineWorker(
      first, second, flows: try follower(number), intake: intake, records: records,
      isLive: !devices.contains(where: \.hasCaptureTime), router: router, sharesCore: sharesCore)
  }
}
