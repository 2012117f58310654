import EventDSL
import PacketIO

#if canImport(Glibc)
  import Glibc
#endif

extension InlineBridge {
  /// Starts DPDK and the two devices: with a queue for each worker, or with one where a device has fewer, or where a
  /// middlebox chooses the workers.
  static func startDevices(
    _ options: InlineOptions, for row: [any Middlebox], _ message: (String) -> Void
  ) throws(ReplayFailure) -> [DPDKDevice] {
    do throws(DPDKError) {
      // A device whose name begins with a digit is one of the PCI bus.
      let scansPCI = options.ports.contains { $0.first?.isHexDigit == true && $0.contains(":") }
      try DPDK.start(arguments: options.environment, scansPCI: scansPCI, message: message)
      let devices = try startPorts(options, for: row, message)
      if let spread = devices.first(where: { !$0.keepsFlowsTogether }) {
        message("\(spread.arguments): its driver does not say that both directions of a flow come to one worker")
      }
      return devices
    } catch {
      let advice = geteuid() == 0 ? "" : "; most devices need root, or its capabilities"
      throw ReplayFailure(message: error.description + advice, status: 3)
    }
  }

  private static func startPorts(
    _ options: InlineOptions, for row: [any Middlebox], _ message: (String) -> Void
  ) throws(DPDKError) -> [DPDKDevice] {
    if row.contains(where: \.choosesWorkers) { return try startPorts(options, queues: 1) }
    do throws(DPDKError) {
      return try startPorts(options, queues: options.flows.workers)
    } catch {
      guard error.offeredQueues != nil else { throw error }
      message("\(error.port): \(error.reason): one thread takes packets and spreads them over the workers")
    }
    return try startPorts(options, queues: 1)
  }

  private static func startPorts(_ options: InlineOptions, queues: Int) throws(DPDKError) -> [DPDKDevice] {
    var memories: [DPDKMemory] = []
    var configuration = DPDKDeviceConfiguration()
    configuration.mtu = options.mtu
    // A packet's frame: with an Ethernet header, two tags and a check sequence.
    let room = max(2_048, (options.mtu ?? 0) + 26)
    for _ in 0..<queues { memories.append(try DPDKMemory(frames: 16_384, frameByteCount: room)) }
    var devices: [DPDKDevice] = []
    for port in options.ports {
      devices.append(try DPDKDevice(port, memories: memories, configuration: configuration))
    }
    return devices
  }
}
