import DualStackTracker
import EventDSL
import MOSCore
import MTCP
import Records

/// What is counted of an address.
struct Talker: Counters {
  var sentBytes: UInt64 = 0
  var receivedBytes: UInt64 = 0
  var packets: UInt64 = 0
  var flowsAsClient: UInt64 = 0
  var flowsAsServer: UInt64 = 0

  mutating func add(_ other: Talker) {
    sentBytes &+= other.sentBytes
    receivedBytes &+= other.receivedBytes
    packets &+= other.packets
    flowsAsClient &+= other.flowsAsClient
    flowsAsServer &+= other.flowsAsServer
  }
}

/// A server's port and protocol; for ICMP there is no port.
struct Service: Hashable, Comparable {
  var protocolNumber: UInt8
  var port: UInt16

  /// The service that a flow is with.
  init(_ key: FlowKey) {
    let isICMP = key.protocolNumber == 1 || key.protocolNumber == 58
    protocolNumber = isICMP ? 1 : key.protocolNumber
    port = isICMP ? 0 : key.destinationPort
  }

  static func < (left: Service, right: Service) -> Bool {
    (left.protocolNumber, left.port) < (right.protocolNumber, right.port)
  }

  /// For example `443/tcp`, `icmp`.
  var text: String {
    switch protocolNumber {
    case 1: "icmp"
    case 6: "\(port)/tcp"
    case 17: "\(port)/udp"
    default: "\(port)/\(protocolNumber)"
    }
  }
}

/// What is counted of a service.
struct ServiceCounters: Counters {
  var flows: UInt64 = 0
  var packets: UInt64 = 0
  var bytes: UInt64 = 0
  /// TCP connections that were not established although their start was seen.
  var failed: UInt64 = 0
  var retransmits: UInt64 = 0
  /// From the first SYN to the end of the handshake.
  var handshakes = Distribution()
  /// From one end to the other and back, smoothed, at the flows' ends.
  var roundTrips = Distribution()

  mutating func add(_ other: ServiceCounters) {
    flows &+= other.flows
    packets &+= other.packets
    bytes &+= other.bytes
    failed &+= other.failed
    retransmits &+= other.retransmits
    handshakes.add(other.handshakes)
    roundTrips.add(other.roundTrips)
  }
}

/// What one worker's monitor has counted.
final class MonitorTables {
  private(set) var talkers: HeavyHitters<IPAddress, Talker>
  private(set) var services: HeavyHitters<Service, ServiceCounters>
  /// TCP connections by the state that each end was in at last, by the state's raw value.
  private(set) var states: [(client: UInt64, server: UInt64)]
  /// TCP connections by Zeek's summary, by its raw value.
  private(set) var connectionStates: [UInt64]

  init(_ configuration: MonitorConfiguration) {
    talkers = HeavyHitters(capacity: configuration.addresses)
    services = HeavyHitters(capacity: configuration.services)
    states = TCPState.allCases.map { _ in (0, 0) }
    connectionStates = ConnectionState.allCases.map { _ in 0 }
  }

  /// Counts a flow whose record is final.
  func add(_ record: FlowRecord, handshake: UInt32) {
    let (client, server) = (record.client, record.server)
    let bytes = client.ipBytes &+ server.ipBytes
    let packets = client.packets &+ server.packets
    talkers.add(record.key.source, weight: bytes) { talker in
      talker.sentBytes &+= client.ipBytes
      talker.receivedBytes &+= server.ipBytes
      talker.packets &+= packets
      talker.flowsAsClient &+= 1
    }
    talkers.add(record.key.destination, weight: bytes) { talker in
      talker.sentBytes &+= server.ipBytes
      talker.receivedBytes &+= client.ipBytes
      talker.packets &+= packets
      talker.flowsAsServer &+= 1
    }
    let state = withUnsafePointer(to: record) { ConnectionState($0) }
    services.add(Service(record.key), weight: bytes) { service in
      service.flows &+= 1
      service.packets &+= packets
      service.bytes &+= bytes
      service.retransmits &+= UInt64(client.retransmits) &+ UInt64(server.retransmits)
      if record.key.protocolNumber == 6, state.isFailure { service.failed &+= 1 }
      if handshake > 0 { service.handshakes.add(handshake) }
      if client.roundTripMicroseconds > 0, server.roundTripMicroseconds > 0 {
        service.roundTrips.add(client.roundTripMicroseconds &+ server.roundTripMicroseconds)
      }
    }
    guard record.key.protocolNumber == 6 else { return }
    connectionStates[Int(state.rawValue)] &+= 1
    if Int(client.state) < states.count { states[Int(client.state)].client &+= 1 }
    if Int(server.state) < states.count { states[Int(server.state)].server &+= 1 }
  }
}

extension ConnectionState {
  /// The connection was tried and not established.
  fileprivate var isFailure: Bool {
    switch self {
    case .s0, .rej, .rstos0, .rstrh, .sh, .shr: true
    case .s1, .sf, .s2, .s3, .rsto, .rstr, .oth: false
    }
  }
}
