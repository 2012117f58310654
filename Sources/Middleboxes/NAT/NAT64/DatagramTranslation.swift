import MOSCore

/// Translates whole datagrams between IPv6 and IPv4 (RFC 7915).
enum DatagramTranslation {
  /// What IPv6 lets everything through (RFC 8200 5): longer datagrams that may be cut leave in fragments (RFC 7915 4).
  static let leastMTU = 1_280
  /// IPv4 datagrams that are longer must not be cut (RFC 7915 5.1).
  static let mostWithoutDF = 1_260

  /// Writes the translation of a packet of TCP, UDP or an ICMP echo message. Returns its length; nil for what has none.
  static func translate(
    _ packet: UnsafePointer<DecodedPacket>, to ends: ProtocolEnds, cameInFragments: Bool, copiesTrafficClass: Bool,
    identification: UInt16, into buffer: UnsafeMutableRawBufferPointer
  ) -> Int? {
    guard let place = transport(of: packet), let base = buffer.baseAddress else { return nil }
    let number = packet.pointee.key.protocolNumber
    let headerLength = CommonHeader.length(isV4: ends.isV4)
    guard headerLength + place.count <= min(buffer.count, ends.isV4 ? 65_535 : 65_575) else { return nil }
    var header = common(packet, place, hops: packet.pointee.timeToLive &- 1)
    header.protocolNumber = CommonHeader.number(number, isV4: ends.isV4)
    if !copiesTrafficClass { header.trafficClass = 0 }
    let atomic = atomicFragment(packet)
    header.identification = atomic ?? identification
    header.dontFragment = !cameInFragments && atomic == nil && headerLength + place.count > mostWithoutDF
    header.write(ends, to: base)
    let target = base + headerLength
    target.copyMemory(from: place.transport, byteCount: place.count)
    guard place.translate(target, behind: base, ends, number, length: place.count) else { return nil }
    return headerLength + place.count
  }

  /// Whether a datagram may be cut: one of IPv4 that does not say otherwise, or a fragment of IPv6 that is a whole datagram.
  static func mayBeCut(_ packet: UnsafePointer<DecodedPacket>) -> Bool {
    if packet.pointee.ipVersion == 6 { return atomicFragment(packet) != nil }
    return packet.pointee.ipVersion == 4 && packet.pointee.network.loadBE16(at: 6) & 0x4000 == 0
  }

  /// The identification of an IPv6 packet that is a fragment and a whole datagram (RFC 6946), as IPv4 has it (RFC 7915 5.1.1);
  /// nil for any other.
  private static func atomicFragment(_ packet: UnsafePointer<DecodedPacket>) -> UInt16? {
    let network = packet.pointee.network
    let extensions = packet.pointee.transport - network - 40
    guard packet.pointee.ipVersion == 6, extensions > 0, let place = walk(network, extensions: extensions).fragment
    else { return nil }
    return network.loadBE16(at: place + 6)
  }

  static func common(_ packet: UnsafePointer<DecodedPacket>, _ place: TransportPlace, hops: UInt8) -> CommonHeader {
    let word = packet.pointee.network.loadBE16(at: 0)
    return CommonHeader(
      trafficClass: UInt8(truncatingIfNeeded: place.isV4 ? word : word >> 4), hops: hops, protocolNumber: 0,
      contents: place.count)
  }

  /// Where a packet's transport header is; nil where something lies between that cannot be translated, or not all is there.
  static func transport(of packet: UnsafePointer<DecodedPacket>) -> TransportPlace? {
    guard packet.pointee.tunnelDepth == 0, packet.pointee.kind.rawValue <= PacketKind.icmpv6.rawValue,
      !packet.pointee.isReassembled, packet.pointee.payloadLength == packet.pointee.payloadWireLength
    else { return nil }
    let (network, transport) = (packet.pointee.network, packet.pointee.transport)
    let isV4 = packet.pointee.ipVersion == 4
    if isV4 {
      let header = IPv4Header(network, length: UInt32(transport - network))
      guard let header, !header.isFragment, header.protocolNumber == packet.pointee.key.protocolNumber,
        !hasSourceRoute(header)
      else { return nil }
    } else if !canBeLeftOut(network, extensions: transport - network - 40) {
      return nil
    }
    let count = packet.pointee.payload - transport + Int(packet.pointee.payloadLength)
    return count < 8 ? nil : TransportPlace(network: network, isV4: isV4, transport: transport, count: count)
  }

  /// What its sender is told of a packet that cannot be translated; nil where that is nothing.
  static func obstacle(_ packet: UnsafePointer<DecodedPacket>) -> ICMPError? {
    let network = packet.pointee.network
    guard packet.pointee.tunnelDepth == 0, packet.pointee.kind.rawValue <= PacketKind.otherIP.rawValue else {
      return nil
    }
    if packet.pointee.ipVersion == 4 {
      guard let header = IPv4Header(network, length: UInt32(packet.pointee.transport - network)) else { return nil }
      // Another protocol (RFC 6146 3.4).
      if packet.pointee.kind == .otherIP { return .protocolUnreachable }
      guard hasSourceRoute(header) else { return nil }
      return ICMPError(v4: ICMPError.Message(type: 3, code: 5), v6: ICMPError.hostUnreachable.v6)
    }
    if packet.pointee.kind == .otherIP { return .portUnreachable }
    guard let place = segmentsLeft(network, extensions: packet.pointee.transport - network - 40) else { return nil }
    return ICMPError(
      v4: ICMPError.portUnreachable.v4, v6: ICMPError.Message(type: 4, code: 0, rest: UInt32(place)))
  }

  /// Whether a source route has not come to its end (RFC 7915 4.1); other options are left out.
  private static func hasSourceRoute(_ header: IPv4Header) -> Bool {
    let options = header.options
    var at = 0
    while at + 2 < options.count, options[at] != 0 {
      if options[at] == 1 {
        at += 1
        continue
      }
      let length = Int(options[at + 1])
      if options[at] == 131 || options[at] == 137, Int(options[at + 2]) <= length { return true }
      if length < 2 { return true }
      at += length
    }
    return false
  }

  /// Whether extension headers mean nothing to an IPv4 host: no authentication, no segments left (RFC 7915 5.1).
  private static func canBeLeftOut(_ network: UnsafeRawPointer, extensions: Int) -> Bool {
    guard extensions >= 0 else { return false }
    if extensions == 0 { return true }
    let (end, segmentsLeft, _) = walk(network, extensions: extensions)
    return end == 40 + extensions && segmentsLeft == nil
  }

  /// Where a routing header says that it has segments left; nil where none does.
  private static func segmentsLeft(_ network: UnsafeRawPointer, extensions: Int) -> Int? {
    extensions <= 0 ? nil : walk(network, extensions: extensions).segmentsLeft
  }

  /// How far extension headers go that mean nothing to an IPv4 host, where one of them says that it has segments left, and
  /// where a fragment header is.
  private static func walk(
    _ network: UnsafeRawPointer, extensions: Int
  ) -> (end: Int, segmentsLeft: Int?, fragment: Int?) {
    var kind = network.load8(at: 6)
    var at = 40
    var fragment: Int?
    while at < 40 + extensions {
      let header = network + at
      switch kind {
      case IPProtocol.hopByHop, IPProtocol.destinationOptions: at += (Int(header.load8(at: 1)) + 1) * 8
      case IPProtocol.routing:
        if header.load8(at: 3) != 0 { return (at, at + 3, fragment) }
        at += (Int(header.load8(at: 1)) + 1) * 8
      // A whole datagram in spite of it (RFC 6946): the decoder lets no other pass.
      case IPProtocol.fragment:
        fragment = at
        at += 8
      default: return (at, nil, fragment)
      }
      kind = header.load8(at: 0)
    }
    return (at, nil, fragment)
  }
}
