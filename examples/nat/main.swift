// Source NAT between a network and the rest: swift run nat translated.pcap ../../traces/nat.pcap
import EventDSL
import PacketIO

/// A host's end of its connections, or the NAT's in its place.
struct End: BitwiseCopyable, Hashable, CustomStringConvertible {
  var address: IPAddress
  var port: UInt16
  var protocolNumber: UInt8

  init(sourceOf key: FlowKey) { self.init(key.source, key.sourcePort, key.protocolNumber) }
  init(destinationOf key: FlowKey) { self.init(key.destination, key.destinationPort, key.protocolNumber) }
  init(_ address: IPAddress, _ port: UInt16, _ protocolNumber: UInt8) {
    self.address = address
    self.port = port
    self.protocolNumber = protocolNumber
  }

  var description: String { "\(address):\(port)" }
}

/// Which end of the NAT stands for which end inside, for all that it talks to (RFC 4787 4.1: endpoint-independent).
final class Mappings {
  private let address: IPAddress
  private var outer: [End: End] = [:]
  private var inner: [End: End] = [:]
  private var flows: [End: Int] = [:]

  init(of address: IPAddress) { self.address = address }

  /// Whom packets to an end of the NAT are for.
  func host(behind end: End) -> End? { inner[end] }

  /// One more flow of a host's end: the NAT's end for it, its own port if that is free; nil when none is.
  func begin(_ host: End) -> End? {
    if outer[host] == nil {
      let higher = UInt16(max(host.port, 1_024))
      let ports = [higher...65_535, 1_024...higher].joined()
      let free = ports.lazy.map { End(self.address, $0, host.protocolNumber) }.first { self.inner[$0] == nil }
      guard let free else { return nil }
      outer[host] = free
      inner[free] = host
    }
    flows[host, default: 0] += 1
    return outer[host]
  }

  /// One flow less: with the last one the mapping ends.
  func end(_ host: End) {
    flows[host]! -= 1
    guard flows[host] == 0, let end = outer.removeValue(forKey: host) else { return }
    inner[end] = nil
    flows[host] = nil
  }
}

/// Hosts of a network share one address. What comes from outside gets in if it answers somebody.
struct SourceNAT: Middlebox {
  /// The two ends of a mapping that a flow uses.
  struct Translation: BitwiseCopyable {
    var host: End
    var external: End
  }

  let inside: IPPrefix
  let external: IPAddress
  let mappings: Mappings
  let translation = FlowLocal<Translation?>(nil)

  init(inside: IPPrefix, external: IPAddress) {
    self.inside = inside
    self.external = external
    mappings = Mappings(of: external)
  }

  var events: some EventGraph {
    // Before a flow is looked up, so that a flood of packets for nobody begins none.
    Filter(.frame) { event, packet in
      guard let view = event.packet, isForeign(view.key) else { return }
      let hasPorts = view.kind == .tcp || view.kind == .udp
      let isFromInside = inside.contains(view.key.source)
      let isForHost = mappings.host(behind: End(destinationOf: view.key)) != nil
      // What cannot be translated must not leave either: it would show an address of the inside.
      if !hasPorts || !isFromInside && !isForHost { packet.drop() }
    }
    Filter(.packet) { event, packet in
      guard let view = event.packet, isForeign(view.key) else { return }
      if event.flow[translation] == nil, !begin(event, view) { return packet.drop() }
      guard let translation = event.flow[translation] else { return }
      let outcome =
        if End(sourceOf: view.key) == translation.host {
          packet.setSource(external, port: translation.external.port)
        } else {
          packet.setDestination(translation.host.address, port: translation.host.port)
        }
      if outcome != .done { packet.drop() }
    }
    // A TCP packet that belongs to no flow, and so to no mapping.
    Filter(.orphan) { event, packet in
      if let view = event.packet, isForeign(view.key) { packet.drop() }
    }
    // Behind the end of a connection its late packets are still translated; then the port is free.
    On(.recordFinal) { event in
      guard let translation = event.flow[translation] else { return }
      mappings.end(translation.host)
    }
  }

  /// Whether a packet is not just between hosts of one side.
  private func isForeign(_ key: FlowKey) -> Bool {
    key.destination == external || inside.contains(key.source) != inside.contains(key.destination)
  }

  /// Decides on a flow by its first packet; `false` when that may not pass.
  private func begin(_ event: borrowing Event<PacketPassage>, _ view: borrowing PacketView) -> Bool {
    let host = End(sourceOf: view.key)
    guard inside.contains(host.address), view.key.destination != external, let own = mappings.begin(host) else {
      return false
    }
    // Answers come to the NAT's end: by this key they find the flow of which they are.
    var key = view.key
    key.source = own.address
    key.sourcePort = own.port
    guard case .added = event.flow.addKey(event.sender == .client ? key : key.reversed) else {
      mappings.end(host)
      return false
    }
    event.flow[translation] = Translation(host: host, external: own)
    event.report("\(view.key) from \(own)")
    return true
  }
}

guard CommandLine.arguments.count > 2 else { fatalError("usage: nat OUTPUT.pcap CAPTURE.pcap...") }
var writer = try CaptureWriter(path: CommandLine.arguments[1])
var trace = try TraceReader(paths: Array(CommandLine.arguments.dropFirst(2)))

// A mapping lives as long as its flows: at least 2 minutes for UDP (RFC 4787 4.3), 4 behind the end of a TCP connection
// (RFC 5382 5), and 2 hours 4 minutes while it is open, which the tracker has of itself.
var times = TrackerConfiguration()
times.datagramTimeout = 120 * 1_000_000_000
times.lingerTimeout = 240 * 1_000_000_000

let nat = SourceNAT(inside: IPPrefix("192.0.2.0/24")!, external: IPAddress("198.51.100.254")!)
var engine = try EventEngine([nat], tracker: times) { print("packet \($0.packet): \($0.text)") }
try engine.play(&trace) { try writer.write($0.frame) }
try writer.flush()
print("packets passed: \(engine.statistics.forwarded), dropped: \(engine.statistics.dropped)")
