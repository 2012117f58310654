import EventDSL
import MOSCore
import PacketIO

#if canImport(Glibc)
  import Glibc
#endif

extension InlineBridge {
  /// Starts DPDK and the two devices: with a queue for each worker, or with one where a device has fewer, or where a
  /// middlebox chooses the workers. With a parent, they are taken when it says so, unless two processes can have them.
  static func startDevices(
    _ options: InlineOptions, for row: [any Middlebox], _ parent: SupervisedBox?, _ message: (String) -> Void
  ) throws(ReplayFailure) -> [DPDKDevice] {
    // What scans a bus takes the devices on it.
    if options.scansPCI { try parent?.waitForPorts() }
    try asFailure { () throws(DPDKError) in
      try DPDK.start(arguments: options.environment, scansPCI: options.scansPCI, message: message)
    }
    if !options.scansPCI, !options.sharesPorts { try parent?.waitForPorts() }
    return try asFailure { () throws(DPDKError) in
      let devices = try startPorts(options, for: row, message)
      if let spread = devices.first(where: { !$0.keepsFlowsTogether }) {
        message("\(spread.arguments): its driver does not say that both directions of a flow come to one worker")
      }
      return devices
    }
  }

  /// The last thing before the workers start: waits until nobody else passes what comes in at ports that two processes have,
  /// and throws away what was passed so.
  static func takeOver(
    _ devices: [DPDKDevice], _ options: InlineOptions, _ parent: SupervisedBox?
  ) throws(ReplayFailure) {
    guard let parent, options.sharesPorts else { return }
    try parent.waitForPorts()
    if parent.past.restarts == 0 { return }
    try asFailure { () throws(DPDKError) in
      for device in devices {
        for queue in 0..<device.queues {
          var port = try DPDKPort(device, queue: queue)
          discard(&port)
        }
      }
    }
  }

  /// Throws away what has come in.
  static func discard<Port: PacketPort & ~Copyable>(_ port: inout Port) {
    withUnsafeTemporaryAllocation(of: CapturedFrame.self, capacity: FlowWorker.burst) { frames in
      // Where more comes all the time, what comes now is new.
      for _ in 0..<1_024 where port.receive(into: frames.baseAddress!, capacity: FlowWorker.burst) == 0 { break }
    }
  }

  private static func asFailure<Value>(_ body: () throws(DPDKError) -> Value) throws(ReplayFailure) -> Value {
    do throws(DPDKError) { return try body() } catch {
      let advice = geteuid() == 0 ? "" : "; most devices need root, or its capabilities"
      throw ReplayFailure(message: error.description + advice, status: 3)
    }
  }

  private static func startPorts(
    _ options: InlineOptions, for row: [any Middlebox], _ message: (String) -> Void
  ) throws(DPDKError) -> [DPDKDevice] {
    if row.contains(where: \.choosesWorkers) || options.distributes { return try startPorts(options, queues: 1) }
    do throws(DPDKError) {
      return try startPorts(options, queues: options.flows.workers)
    } catch {
      guard error.offeredQueues != nil else { throw error }
      message("\(error.port): \(error.reason): one thread takes packets and spreads them over the workers")
    }
    return try startPorts(options, queues: 1)
  }

  private static func startPorts(_ options: InlineOptions, queues: Int) throws(DPDKError) -> [DPDKDevice] {
    let workers = options.flows.workers
    let cores = InlineCores(workers: workers, distributes: queues < workers || options.distributes)
    var memories: [DPDKMemory] = []
    for queue in 0..<queues { memories.append(try memory(options, frames: 16_384, core: cores.queue(queue))) }
    return try startPorts(options, memories)
  }

  /// Memory for the frames of one queue of each device, near the core of whoever has the queue. DPDK must have been started.
  static func memory(_ options: InlineOptions, frames: Int, core: Int?) throws(DPDKError) -> DPDKMemory {
    // Ordinary memory is of the node where it is used first, whatever DPDK takes it to be.
    try DPDK.onCore(core) { () throws(DPDKError) in
      // A packet's frame: with an Ethernet header, two tags and a check sequence.
      try DPDKMemory(
        frames: frames, frameByteCount: max(2_048, (options.mtu ?? 0) + 26),
        preferredSocket: core == nil ? -1 : DPDK.node)
    }
  }

  /// Starts the two devices, each with a queue for each of `memories`.
  static func startPorts(_ options: InlineOptions, _ memories: [DPDKMemory]) throws(DPDKError) -> [DPDKDevice] {
    var configuration = DPDKDeviceConfiguration()
    configuration.mtu = options.mtu
    var devices: [DPDKDevice] = []
    for port in options.ports {
      devices.append(try DPDKDevice(port, memories: memories, configuration: configuration))
    }
    return devices
  }
}
