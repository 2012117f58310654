import MOSCore

/// IPv6 hosts in tables that are made for IPv4: each has a number in the place of an address, from the range that RFC 1112 4
/// reserves, where no packet comes from.
extension NATTables {
  private static var firstNumber: UInt32 { 0xf000_0000 }

  private static func end(_ host: UInt32, _ port: UInt16) -> NATEnd { NATEnd(NATTables.firstNumber | host, port) }

  /// Whether an end is of an IPv6 host.
  func isV6(_ host: NATEnd) -> Bool { host.address >= NATTables.firstNumber }

  /// The address of a host that has a mapping.
  func address(of host: NATEnd) -> IPAddress {
    isV6(host) ? hosts.address(of: host.address & ~NATTables.firstNumber) : host.ipAddress
  }

  /// The mapping of an IPv6 host's port, 0 for none.
  mutating func mapping(ofKnown address: IPAddress, _ port: UInt16, _ protocolNumber: UInt8) -> UInt32 {
    let host = hosts.find(address)
    return host == 0 ? 0 : mappings.find(host: NATTables.end(host, port), protocolNumber)
  }

  /// The same, begun if there is none, as `mapping(of:)` of an IPv4 host.
  mutating func mapping(of address: IPAddress, _ port: UInt16, _ protocolNumber: UInt8) -> UInt32 {
    begun = 0
    let known = mapping(ofKnown: address, port, protocolNumber)
    if known != 0 { return known }
    return beginMapping(of: address, port, protocolNumber) { NATTables.end($0, port) }
  }

  /// The mapping that a packet from IPv4 comes to, 0 for none.
  mutating func mapping(at packet: UnsafePointer<DecodedPacket>) -> UInt32 {
    let to = NATEnd(destinationOf: packet.pointee.key)
    let number = packet.pointee.key.protocolNumber
    guard number == IPProtocol.icmp else { return mappings.find(external: to, number) }
    guard let identifier = packet.pointee.icmpIdentifier else { return 0 }
    return mappings.find(external: NATEnd(to.address, identifier), number)
  }

  /// Whether a packet goes to an IPv6 host from IPv4, or the other way round.
  mutating func isOf64(_ packet: UnsafePointer<DecodedPacket>) -> Bool {
    guard let embedding else { return false }
    if packet.pointee.ipVersion == 6 { return embedding.prefix.contains(packet.pointee.key.destination) }
    guard packet.pointee.ipVersion == 4, packet.pointee.kind.rawValue <= PacketKind.icmp.rawValue,
      realms.realm(of: UInt32(truncatingIfNeeded: packet.pointee.key.destination.low)) == .external
    else { return false }
    if packet.pointee.isICMPError {
      guard let quoted = packet.pointee.quotedEnds else { return false }
      guard let host = hostEnd(of: NATEnd(sourceOf: quoted), quoted.protocolNumber) else { return false }
      return isV6(host)
    }
    let index = mapping(at: packet)
    return index != 0 && isV6(mappings.pointer(index).pointee.host)
  }

  /// `judge` of IPv6.
  mutating func judge64(_ packet: UnsafePointer<DecodedPacket>, _ embedding: AddressEmbedding) -> NATRefusal? {
    guard packet.pointee.ipVersion == 6 else { return nil }
    // RFC 6146 3.5: else a packet could go round.
    if embedding.prefix.contains(packet.pointee.key.source) { return .spoofed }
    guard embedding.prefix.contains(packet.pointee.key.destination) else {
      return isEchoToNAT(packet) ? .unsolicited : nil
    }
    // Nobody's, the host's own, or a group's (RFC 7915 5.1).
    let source = packet.pointee.key.source
    if source.high >> 56 == 0xff || source.high == 0 && source.low <= 1 { return .spoofed }
    if packet.pointee.timeToLive <= 1 { return .timeToLiveExceeded }
    guard let remote = embedding.extract(packet.pointee.key.destination),
      DatagramTranslation.transport(of: packet) != nil
    else { return .untranslatable }
    switch realms.realm(of: remote) {
    case .internal, .unrouted: return .unsolicited
    case .external where isEchoToNAT(packet): return .unsolicited
    case .outside, .external: break
    }
    guard packet.pointee.isICMPError else { return nil }
    guard packet.pointee.isAcceptable, let quotation = Quotation(packet) else { return .icmpUnrelated }
    let number = CommonHeader.number(quotation.header.protocolNumber, isV4: true)
    let index = mapping(ofKnown: quotation.ends.destination, quotation.ends.destinationPort, number)
    return index == 0 ? .icmpUnrelated : nil
  }
}
