import MOSCore

/// The packet that an ICMP or ICMPv6 error quotes.
struct Quotation {
  var place: TransportPlace
  var header: CommonHeader
  var ends: ProtocolEnds

  /// Nil where the quotation does not reach to the ports, or to an echo message's identifier.
  init?(_ packet: UnsafePointer<DecodedPacket>) {
    let network = packet.pointee.payload
    let count = Int(packet.pointee.payloadLength)
    guard packet.pointee.isICMPError, count > 0 else { return nil }
    let transport: Int
    let number: UInt8
    let contents: Int
    let isV4 = packet.pointee.kind == .icmp
    if isV4 {
      guard let header = IPv4Header(network, length: UInt32(count)), header.version == 4, header.headerLength >= 20,
        header.fragmentOffset == 0
      else { return nil }
      (transport, number) = (Int(header.headerLength), header.protocolNumber)
      contents = max(0, Int(header.totalLength) - transport)
      ends = ProtocolEnds(
        source: header.source, sourcePort: 0, destination: header.destination, destinationPort: 0)
    } else {
      guard let header = IPv6Header(network, length: UInt32(count)), header.version == 6 else { return nil }
      let walk = IPv6ExtensionHeaders(network + 40, length: UInt32(count - 40), first: header.nextHeader)
      guard walk.end == .payload else { return nil }
      (transport, number) = (40 + Int(walk.length), walk.nextHeader)
      contents = max(0, Int(header.payloadLength) - Int(walk.length))
      ends = ProtocolEnds(
        source: header.source, sourcePort: 0, destination: header.destination, destinationPort: 0)
    }
    guard transport + 8 <= count else { return nil }
    place = TransportPlace(
      network: network, isV4: isV4, transport: network + transport, count: count - transport)
    let word = network.loadBE16(at: 0)
    header = CommonHeader(
      trafficClass: UInt8(truncatingIfNeeded: isV4 ? word : word >> 4), hops: network.load8(at: isV4 ? 8 : 7),
      protocolNumber: number, contents: contents)
    if isV4 { header.identification = network.loadBE16(at: 4) }
    switch number {
    case IPProtocol.tcp, IPProtocol.udp:
      (ends.sourcePort, ends.destinationPort) = (place.transport.loadBE16(at: 0), place.transport.loadBE16(at: 2))
    case isV4 ? IPProtocol.icmp : IPProtocol.icmpv6:
      guard TransportPlace.queryType(place.transport.load8(at: 0), isV4: isV4, newIsV4: isV4) != nil else { return nil }
      ends.sourcePort = place.transport.loadBE16(at: 4)
      ends.destinationPort = ends.sourcePort
    default: return nil
    }
  }
}
