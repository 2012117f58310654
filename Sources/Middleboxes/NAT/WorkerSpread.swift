import EventDSL

/// Which worker has the mappings of a packet's host. Nothing of it changes, so that it can be asked while workers run.
///
/// A host's packets go to one worker, by its address: it makes all mappings of the host, with ports of its own part of the
/// range, by which answers come to the same one. Forwards and one-to-one are known to all workers, and what comes for them
/// goes to their host's. What one host sends to another's mapping goes to the other's worker.
final class WorkerSpread {
  private let realms: AddressRealms
  private let hostOfExternal: AddressPairs
  private let forwards: [NATConfiguration.Forward]
  private let ports: ClosedRange<UInt16>
  private let hash: FlowHash
  private let embedding: AddressEmbedding?

  init(_ configuration: NATConfiguration, seed: UInt64) {
    realms = AddressRealms(configuration)
    hostOfExternal = AddressPairs(configuration.oneToOne.map { ($0.external, $0.host) })
    forwards = configuration.forwards
    ports = configuration.ports
    embedding = configuration.embedding
    hash = FlowHash(secret: (~seed, seed))
  }

  func worker(of packet: borrowing PacketView, among workers: Int) -> Int? {
    if let embedding, packet.decoded.pointee.ipVersion == 6, embedding.prefix.contains(packet.key.destination) {
      return worker(ofHost: packet.key.source, workers)
    }
    guard packet.decoded.pointee.ipVersion == 4, packet.kind.rawValue <= PacketKind.icmp.rawValue else { return nil }
    let source = NATEnd(sourceOf: packet.key)
    let destination = NATEnd(destinationOf: packet.key)
    let isFromHost = realms.realm(of: source.address) == .internal
    if realms.realm(of: destination.address) == .external {
      // An error belongs to the mapping of the packet that it quotes, a reply to that of its identifier.
      var end = destination
      var number = packet.key.protocolNumber
      if packet.isICMPError, let quoted = packet.quotedEnds {
        end = NATEnd(sourceOf: quoted)
        number = quoted.protocolNumber
      } else if let identifier = packet.icmpIdentifier {
        end = NATEnd(destination.address, identifier)
      }
      if let host = staticHost(of: end, number) { return worker(ofHost: isFromHost ? source.address : host, workers) }
      if let worker = worker(ofPort: end.port, workers) { return worker }
    }
    return isFromHost ? worker(ofHost: source.address, workers) : nil
  }

  private func worker(ofHost address: IPAddress, _ workers: Int) -> Int {
    let spread = hash.hashV4(source: address.low ^ address.high, destination: 0, rest: 0) >> 32
    return Int((spread &* UInt64(workers)) >> 32)
  }

  private func worker(ofHost address: UInt32, _ workers: Int) -> Int {
    let spread = hash.hashV4(source: UInt64(address), destination: 0, rest: 0) >> 32
    return Int((spread &* UInt64(workers)) >> 32)
  }

  /// The worker whose part of the range a port is in.
  private func worker(ofPort port: UInt16, _ workers: Int) -> Int? {
    guard ports.contains(port) else { return nil }
    return (0..<workers).first { PortPool.part(of: ports, worker: $0, of: workers).contains(port) }
  }

  /// The host that everybody reaches by an external end; nil for none.
  private func staticHost(of end: NATEnd, _ protocolNumber: UInt8) -> UInt32? {
    if let host = hostOfExternal.find(end.address) { return host }
    return forwards.first {
      $0.external == end.address && $0.ports.contains(end.port) && $0.protocols.contains(protocolNumber)
    }?.host
  }
}
