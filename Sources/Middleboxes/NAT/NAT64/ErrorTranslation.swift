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

/// Translates ICMP errors, and the packets that they quote, between the versions of IP (RFC 7915 4.2 to 4.4, 5.2 to 5.4).
enum ErrorTranslation {
  /// A message's first eight bytes, without the checksum.
  struct Message: Equatable {
    var type: UInt8
    var code: UInt8
    var rest: UInt32
  }

  /// What an Ethernet frame takes, where nothing else is known of a network.
  private static let linkMTU = 1_500
  /// Where routers that name no MTU are taken to be (RFC 1191 7.1).
  private static let plateaus: [UInt32] = [68, 296, 508, 1_006, 1_492, 2_002, 4_352, 8_166, 17_914, 32_000]

  /// Writes the translation of an error, which has `ends`, about a packet that has `quoted` there. Returns its length; nil for
  /// an error that the other version does not have. `mtu` is what the networks on both sides take, as far as that is known.
  static func translate(
    _ packet: UnsafePointer<DecodedPacket>, _ quotation: Quotation, to ends: ProtocolEnds, quoted: ProtocolEnds,
    identification: UInt16, mtu: (v4: Int?, v6: Int?), into buffer: UnsafeMutableRawBufferPointer
  ) -> Int? {
    guard let place = DatagramTranslation.transport(of: packet), let base = buffer.baseAddress else { return nil }
    let old = Message(
      type: packet.pointee.icmpType, code: packet.pointee.icmpCode, rest: place.transport.loadBE32(at: 4))
    guard var message = place.isV4 ? fromV4(old) : fromV6(old) else { return nil }
    if place.isV4 && message.type == 2 || !place.isV4 && old.type == 2 {
      message.rest = length(old.rest, isV4: place.isV4, quotation, mtu)
    }
    let outer = CommonHeader.length(isV4: ends.isV4)
    let inner = CommonHeader.length(isV4: quoted.isV4)
    // As much as an error may have (RFC 4443 2.4 c, RFC 1812 4.3.2.3).
    let most = (ends.isV4 ? 576 : DatagramTranslation.leastMTU) - outer - 8 - inner
    let count = min(quotation.place.count, most)
    let length = outer + 8 + inner + count
    guard length <= buffer.count else { return nil }
    var header = DatagramTranslation.common(packet, place, hops: packet.pointee.timeToLive &- 1)
    header.contents = length - outer
    header.protocolNumber = ends.isV4 ? IPProtocol.icmp : IPProtocol.icmpv6
    header.identification = identification
    header.write(ends, to: base)
    var innerHeader = quotation.header
    innerHeader.protocolNumber = CommonHeader.number(quotation.header.protocolNumber, isV4: quoted.isV4)
    let newNetwork = base + outer + 8
    innerHeader.write(quoted, to: newNetwork)
    let transport = newNetwork + inner
    transport.copyMemory(from: quotation.place.transport, byteCount: count)
    guard
      quotation.place.translate(
        transport, behind: newNetwork, quoted, quotation.header.protocolNumber, length: innerHeader.contents)
    else { return nil }
    let icmp = base + outer
    icmp.storeBE32(UInt32(message.type) << 24 | UInt32(message.code) << 16, at: 0)
    icmp.storeBE32(message.rest, at: 4)
    var checksum =
      ends.isV4
      ? Checksum()
      : Checksum(
        ipv6Source: base + 8, destination: base + 24, protocolNumber: IPProtocol.icmpv6, length: UInt32(length - outer))
    checksum.add(icmp, count: length - outer)
    icmp.storeBE16(checksum.value, at: 2)
    return length
  }

  /// The length that a packet may have as its sender counts: IPv4's header is twenty bytes shorter, and the networks of the
  /// translator itself take no more than they do.
  private static func length(
    _ told: UInt32, isV4: Bool, _ quotation: Quotation, _ mtu: (v4: Int?, v6: Int?)
  ) -> UInt32 {
    let v4 = UInt32(mtu.v4 ?? linkMTU)
    let v6 = UInt32(max(mtu.v6 ?? linkMTU, DatagramTranslation.leastMTU))
    guard isV4 else { return min(max(told, 20 + 68) - 20, v4, v6 - 20) }
    var told = told & 0xffff
    if told == 0 {
      let whole = quotation.place.transport - quotation.place.network + quotation.header.contents
      told = plateaus.last { $0 < whole } ?? 68
    }
    return max(UInt32(DatagramTranslation.leastMTU), min(told + 20, v6, v4 + 20))
  }

  /// RFC 7915 4.2. How long packets may be is for `length`.
  static func fromV4(_ old: Message) -> Message? {
    switch (old.type, old.code) {
    case (3, 0), (3, 1), (3, 5...8), (3, 11), (3, 12): return Message(type: 1, code: 0, rest: 0)
    case (3, 2): return Message(type: 4, code: 1, rest: 6)
    case (3, 3): return Message(type: 1, code: 4, rest: 0)
    case (3, 4): return Message(type: 2, code: 0, rest: 0)
    case (3, 9), (3, 10), (3, 13), (3, 15): return Message(type: 1, code: 1, rest: 0)
    case (11, 0...1): return Message(type: 3, code: old.code, rest: 0)
    case (12, 0), (12, 2):
      let places: [UInt32?] = [0, 1, 4, 4, nil, nil, nil, nil, 7, 6, nil, nil, 8, 8, 8, 8, 24, 24, 24, 24]
      let pointer = Int(old.rest >> 24)
      guard pointer < places.count, let place = places[pointer] else { return nil }
      return Message(type: 4, code: 0, rest: place)
    default: return nil
    }
  }

  /// RFC 7915 5.2, in the same way.
  static func fromV6(_ old: Message) -> Message? {
    switch (old.type, old.code) {
    case (1, 0), (1, 2), (1, 3): return Message(type: 3, code: 1, rest: 0)
    case (1, 1): return Message(type: 3, code: 10, rest: 0)
    case (1, 4): return Message(type: 3, code: 3, rest: 0)
    case (2, _): return Message(type: 3, code: 4, rest: 0)
    case (3, 0...1): return Message(type: 11, code: old.code, rest: 0)
    case (4, 0):
      let places: [UInt32?] = [0, 1, nil, nil, 2, 2, 9, 8]
      let pointer = old.rest
      switch pointer {
      case 0..<8:
        guard let place = places[Int(pointer)] else { return nil }
        return Message(type: 12, code: 0, rest: place << 24)
      case 8..<24: return Message(type: 12, code: 0, rest: 12 << 24)
      case 24..<40: return Message(type: 12, code: 0, rest: 16 << 24)
      default: return nil
      }
    case (4, 1): return Message(type: 3, code: 2, rest: 0)
    default: return nil
    }
  }
}
