import MOSCore
import PacketIO

#if canImport(Glibc)
  import Glibc
#endif

/// Waits with DPDK started, and passes frames between the ports, as they are, while its parent says so. Ends when the parent
/// does, and returns the exit status.
func runBypass(_ options: InlineOptions, _ channel: FailChannel) -> Int32 {
  var bypass = Bypass(options)
  // Where DPDK scans a bus it takes the devices at its start.
  if !options.scansPCI {
    do { try bypass.start() } catch { complain("mos: bypass: \(error)\n") }
  }
  channel.send(.ready)
  while true {
    switch channel.receive(within: -1) {
    case .message(.take):
      do throws(DPDKError) {
        try bypass.start()
        let counts = try bypass.pass(channel)
        channel.send(.left(counts))
      } catch { channel.send(.failed(error.description)) }
    case .message, .nothing: continue
    case .ended: return 0
    }
  }
}

/// Passes frames between two ports as they are.
private struct Bypass: ~Copyable {
  private struct Ports: ~Copyable {
    private var first: DPDKPort
    private var second: DPDKPort

    init(_ first: consuming DPDKPort, _ second: consuming DPDKPort) {
      self.first = first
      self.second = second
    }

    /// Passes a burst each way. Returns how many frames there were.
    mutating func pass() -> Int { forward(&first, &second, burst: FlowWorker.burst) }

    mutating func discard() {
      InlineBridge.discard(&first)
      InlineBridge.discard(&second)
    }

    var counts: BypassCounts { BypassCounts(first.statistics, second.statistics) }
  }

  private let options: InlineOptions
  private var memory: DPDKMemory?
  private var ports: Ports?

  init(_ options: InlineOptions) {
    var options = options
    options.environment = bypassEnvironment(options.environment)
    self.options = options
  }

  /// Readies what takes time, once: also the ports, where two processes can have them.
  mutating func start() throws(DPDKError) {
    if memory == nil {
      try DPDK.start(arguments: options.environment, scansPCI: options.scansPCI)
      DPDK.bindThread(core: DPDK.cores.first)
      memory = try InlineBridge.memory(options, frames: 8_192, core: DPDK.cores.first)
    }
    if options.sharesPorts { try open() }
  }

  private mutating func open() throws(DPDKError) {
    guard ports == nil, let memory else { return }
    let devices = try InlineBridge.startPorts(options, [memory])
    ports = Ports(try DPDKPort(devices[0]), try DPDKPort(devices[1]))
  }

  /// Has the ports until it is told to leave them, or until nobody is there to tell it. Returns what passed.
  mutating func pass(_ channel: FailChannel) throws(DPDKError) -> BypassCounts {
    try open()
    // What came while the box had the ports too.
    ports?.discard()
    let before = ports?.counts ?? BypassCounts()
    channel.send(.took)
    var idle = IdleWait()
    var rounds: UInt32 = 0
    while true {
      if ports!.pass() > 0 {
        idle.note()
        rounds &+= 1
        if rounds & 63 != 0 { continue }
      } else {
        _ = idle.wait()
      }
      switch channel.receive() {
      case .message(.leave), .ended:
        // What is in the queues by now. A sender that never rests does not keep it from leaving.
        for _ in 0..<1_024 where ports!.pass() == 0 { break }
        let passed = (ports?.counts ?? BypassCounts()) - before
        if !options.sharesPorts { ports = nil }
        return passed
      case .message, .nothing: continue
      }
    }
  }
}

extension BypassCounts {
  fileprivate init(_ first: PortStatistics, _ second: PortStatistics) {
    self.init(
      passed: [second.sent.frames, first.sent.frames],
      lost: [
        second.sendDropped.frames &+ first.receiveDropped.frames,
        first.sendDropped.frames &+ second.receiveDropped.frames,
      ])
  }
}

/// The arguments of DPDK's environment for a process beside that of the box: it has files of its own.
func bypassEnvironment(_ arguments: [String]) -> [String] {
  let name = "--file-prefix"
  return arguments.enumerated().map { place, argument in
    let isPrefix = argument.hasPrefix(name + "=") || (place > 0 && arguments[place - 1] == name)
    return isPrefix ? argument + "-bypass" : argument
  }
}
