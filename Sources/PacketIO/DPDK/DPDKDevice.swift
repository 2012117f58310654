import CDPDK
import MOSCore

/// The state of a link.
public struct LinkState: Hashable, Sendable, CustomStringConvertible {
  /// Whether there is one.
  public var isUp: Bool
  /// Mbit/s; nil where it is unknown.
  public var speed: UInt32?
  /// Whether both ends can send at a time.
  public var isFullDuplex: Bool

  /// For people: `up, 10000 Mbit/s` or `down`.
  public var description: String {
    isUp ? "up" + (speed.map { ", \($0) Mbit/s" } ?? "") + (isFullDuplex ? "" : ", half duplex") : "down"
  }
}

/// How a device is to be started.
public struct DPDKDeviceConfiguration: Sendable {
  /// The longest packet in a frame, 68 to 65,535 bytes; nil for what the driver has.
  public var mtu: Int?
  /// Frames that wait in a queue, as far as the driver lets one choose.
  public var receiveDescriptors = 1_024
  /// Frames that wait to leave in a queue, as far as the driver lets one choose.
  public var sendDescriptors = 1_024

  /// What drivers have by themselves.
  public init() {}
}

/// A network device of DPDK's, started, of whose queues the ports are (`DPDKPort`).
public final class DPDKDevice: @unchecked Sendable {
  /// The device as it was named, with the driver's arguments.
  public let arguments: String
  /// The driver's name.
  public let driver: String
  /// Its Ethernet address.
  public let address: MACAddress
  /// The longest packet in a frame.
  public let mtu: Int
  /// Queue pairs.
  public let queues: Int
  /// The NUMA node; -1 for none.
  public let socket: Int
  /// Frames for other addresses are received too.
  public let isPromiscuous: Bool
  /// Both directions of a flow come in at the same queue, chosen by the device. True with one queue.
  public let keepsFlowsTogether: Bool
  /// It looks at the checksums of IPv4, TCP and UDP itself, as far as it knows their headers.
  public let verifiesChecksums: Bool
  /// It fills in checksums of TCP and UDP that were left to it (`PacketPort.fillsInChecksums`).
  public let fillsInChecksums: Bool
  /// It stamps frames itself, by a clock that is compared with the system's once a second: their times are those at which they came
  /// to the device, not to the program.
  public let hasClock: Bool
  /// Frames carry the times of a capture, and not those at which they came.
  public let hasCaptureTime: Bool

  let number: UInt16
  let memories: [DPDKMemory]

  /// Attaches and starts the device that `arguments` name, as DPDK has it: a driver and what it needs
  /// (`net_af_packet0,iface=eth1`), or the address of a PCI device. It gets a queue pair for each of `memories`. DPDK must have
  /// been started. Throws for a device that there is not or that refuses.
  public init(
    _ arguments: String, memories: [DPDKMemory], configuration: DPDKDeviceConfiguration = DPDKDeviceConfiguration()
  ) throws(DPDKError) {
    precondition(1...1_024 ~= memories.count, "a queue pair for each of 1 to 1,024 workers")
    var failure = mos_dpdk_failure()
    var number: UInt16 = 0
    var info = mos_dpdk_port_info()
    guard mos_dpdk_attach(arguments, &number, &failure) == 0 else {
      throw DPDKError(failure, port: arguments)
    }
    guard mos_dpdk_describe(number, &info, &failure) == 0 else { throw DPDKError(failure, port: arguments) }
    let offered = Int(min(info.receive_queues, info.send_queues))
    guard offered >= memories.count else {
      mos_dpdk_port_close(number, arguments)
      var error = DPDKError(
        port: arguments, reason: "it has \(offered) queue\(offered == 1 ? "" : "s"), not \(memories.count)",
        remedy: "use fewer workers, or see whether its driver takes an argument for more")
      error.offeredQueues = offered
      throw error
    }
    var options = mos_dpdk_port_options()
    options.queues = UInt16(memories.count)
    options.receive_descriptors = UInt16(clamping: configuration.receiveDescriptors)
    options.send_descriptors = UInt16(clamping: configuration.sendDescriptors)
    options.mtu = UInt16(clamping: configuration.mtu ?? 0)
    guard mos_dpdk_port_start(number, &options, memories.map { Optional($0.pool) }, &info, &failure) == 0 else {
      mos_dpdk_port_close(number, arguments)
      throw DPDKError(failure, port: arguments)
    }
    self.arguments = arguments
    self.number = number
    self.memories = memories
    driver = withUnsafeBytes(of: &info.driver) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    let bytes = info.address
    address = MACAddress(
      rawValue: [bytes.0, bytes.1, bytes.2, bytes.3, bytes.4, bytes.5].reduce(0) { $0 << 8 | UInt64($1) })
    mtu = Int(info.mtu)
    queues = memories.count
    socket = Int(info.socket)
    isPromiscuous = info.is_promiscuous != 0
    keepsFlowsTogether = memories.count == 1 || info.has_symmetric_hash != 0
    hasCaptureTime = info.has_capture_time != 0
    fillsInChecksums = info.fills_in_checksums != 0
    hasClock = info.has_clock != 0
    verifiesChecksums = info.verifies_checksums != 0
  }

  deinit { mos_dpdk_port_close(number, arguments) }

  /// The state of its link now.
  public var link: LinkState {
    let link = mos_dpdk_port_link(number)
    return LinkState(
      isUp: link.is_up != 0, speed: link.speed == .max || link.speed == 0 ? nil : link.speed,
      isFullDuplex: link.is_full_duplex != 0)
  }

  /// What the driver counted for all queues (`rte_eth_stats`).
  public var counters: DPDKCounters { DPDKCounters(mos_dpdk_port_counters(number)) }

  /// The driver's own counters (`rte_eth_xstats`), in its order.
  public var extendedCounters: [(name: String, value: UInt64)] {
    let count = Int(mos_dpdk_xstats_count(number))
    guard count > 0 else { return [] }
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: count * 64) { names in
      var values = [UInt64](repeating: 0, count: count)
      let found = mos_dpdk_xstats(number, Int32(count), names.baseAddress!, &values)
      return (0..<Int(found)).map { index in
        let name = UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: names[index * 64..<index * 64 + 64]))
        return (String(decoding: name.prefix { $0 != 0 }, as: UTF8.self), values[index])
      }
    }
  }
}

/// What a device's driver counted.
public struct DPDKCounters: Hashable, Sendable {
  /// Frames received.
  public var received: UInt64
  /// Frames sent.
  public var sent: UInt64
  /// Frames that came while the device's queues were full.
  public var missed: UInt64
  /// Frames that came damaged.
  public var receiveErrors: UInt64
  /// Frames that could not be sent.
  public var sendErrors: UInt64
  /// Frames for which there was no memory.
  public var withoutMemory: UInt64

  init(_ counters: mos_dpdk_port_counters) {
    received = counters.received
    sent = counters.sent
    missed = counters.missed
    receiveErrors = counters.receive_errors
    sendErrors = counters.send_errors
    withoutMemory = counters.no_memory
  }
}
