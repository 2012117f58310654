import MOSCore

/// What is decided before a packet's flow is looked up: what has no mapping, or is filtered, begins no flow.
extension NATTables {
  /// Why a packet is dropped where it arrives; nil when it goes on. It can be asked twice of a packet.
  mutating func arrival(_ packet: UnsafePointer<DecodedPacket>) -> NATRefusal? {
    let (number, clock, key) = (packet.pointee.number, packet.pointee.clock, packet.pointee.key)
    if passed.number == number, passed.clock == clock, passed.key == key { return nil }
    if let refusal = judge(packet) { return refusal }
    passed = (number, clock, key)
    return nil
  }

  private mutating func judge(_ packet: UnsafePointer<DecodedPacket>) -> NATRefusal? {
    guard packet.pointee.ipVersion == 4 else {
      guard let embedding else { return nil }
      return judge64(packet, embedding)
    }
    let source = realms.realm(of: UInt32(truncatingIfNeeded: packet.pointee.key.source.low))
    let destination = realms.realm(of: UInt32(truncatingIfNeeded: packet.pointee.key.destination.low))
    switch (source, destination) {
    case (.external, _): return .spoofed
    case (_, .external):
      return isAtItsEnd(packet) ? arrivalOfLastHop(packet, source) : arrivalAtNAT(packet, source)
    case (.internal, .outside):
      return isAtItsEnd(packet) ? .timeToLiveExceeded : isTranslatable(packet) ? nil : .untranslatable
    case (.outside, .internal): return .unsolicited
    default: return isEchoToNAT(packet) ? .unsolicited : nil
    }
  }

  private func isAtItsEnd(_ packet: UnsafePointer<DecodedPacket>) -> Bool { isHop && packet.pointee.timeToLive <= 1 }

  /// The same of what has come to its end. What comes from outside and goes no further than here has not.
  @inline(never) private mutating func arrivalOfLastHop(
    _ packet: UnsafePointer<DecodedPacket>, _ source: AddressRealm
  ) -> NATRefusal? {
    (source == .internal ? nil : arrivalAtNAT(packet, source)) ?? .timeToLiveExceeded
  }

  private func isTranslatable(_ packet: UnsafePointer<DecodedPacket>) -> Bool {
    packet.pointee.kind.rawValue <= PacketKind.icmp.rawValue && packet.pointee.tunnelDepth == 0
      && !packet.pointee.isReassembled
  }

  @inline(never) private mutating func arrivalAtNAT(
    _ packet: UnsafePointer<DecodedPacket>, _ source: AddressRealm
  ) -> NATRefusal? {
    guard isTranslatable(packet) else { return .untranslatable }
    let from = NATEnd(sourceOf: packet.pointee.key)
    // Nobody's address, or a group's (RFC 1812 5.3.7, RFC 7915 4.1).
    if source == .unrouted || from.address >> 24 == 0 || from.address >> 24 == 127 { return .spoofed }
    var to = NATEnd(destinationOf: packet.pointee.key)
    if packet.pointee.kind == .icmp {
      if packet.pointee.isICMPError { return arrivalOfError(packet) }
      if owner(of: to.address) != nil { return nil }
      // A query to the NAT itself is no answer to anybody's.
      guard let identifier = packet.pointee.icmpIdentifier, packet.pointee.isICMPReply else { return .unsolicited }
      to = NATEnd(to.address, identifier)
      let mapping = mappings.find(external: to, IPProtocol.icmp)
      if mapping == 0 { return .unsolicited }
      return source == .internal || admits(from.withoutPort, to: mapping) ? nil : .filtered
    }
    if owner(of: to.address) != nil { return nil }
    let mapping = mappings.find(external: to, packet.pointee.key.protocolNumber)
    if mapping == 0 { return .unsolicited }
    if source == .internal { return arrivalFromHost(packet, from, to, mapping) }
    return admits(from, to: mapping) ? nil : .filtered
  }

  /// Whether a mapping lets in what another host behind the NAT sends, which it knows by its external end (RFC 4787 REQ-9).
  /// Whether or not, that host has sent to the mapping's external end, which may answer.
  private mutating func arrivalFromHost(
    _ packet: UnsafePointer<DecodedPacket>, _ from: NATEnd, _ to: NATEnd, _ target: UInt32
  ) -> NATRefusal? {
    if filtering == .endpointIndependent || mappings.pointer(target).pointee.isStatic { return nil }
    if let address = ownAddress(of: from.address) { return admits(from.at(address), to: target) ? nil : .filtered }
    let number = packet.pointee.key.protocolNumber
    guard begins(packet) || mappings.find(host: from, number) != 0 else { return .invalid }
    let own = mapping(of: from, number)
    if own == 0 { return refusal }
    keep(own)
    _ = permit(0, to, to: own)
    return admits(mappings.pointer(own).pointee.external, to: target) ? nil : .filtered
  }

  /// Whether a packet may begin a mapping.
  func begins(_ packet: UnsafePointer<DecodedPacket>) -> Bool {
    packet.pointee.isAcceptable && !packet.pointee.flags.contains(.rst)
  }

  /// RFC 5508 REQ-3 and REQ-4: an error whose checksum is wrong, or that of the header in it, or which is about nothing that a
  /// mapping sent, goes no further. Who sends it does not matter: it may be any router on the way.
  private mutating func arrivalOfError(_ packet: UnsafePointer<DecodedPacket>) -> NATRefusal? {
    guard packet.pointee.isAcceptable, let quoted = packet.pointee.quotedEnds, packet.pointee.isQuotedHeaderIntact
    else { return .icmpUnrelated }
    return hostEnd(of: NATEnd(sourceOf: quoted), quoted.protocolNumber) == nil ? .icmpUnrelated : nil
  }

  /// The host's end that an external one stands for; nil for none.
  mutating func hostEnd(of external: NATEnd, _ protocolNumber: UInt8) -> NATEnd? {
    if let host = owner(of: external.address) { return external.at(host) }
    let mapping = mappings.find(external: external, protocolNumber)
    return mapping == 0 ? nil : mappings.pointer(mapping).pointee.host
  }

  /// The external end that stands for a host's; nil for none.
  mutating func externalEnd(of host: NATEnd, _ protocolNumber: UInt8) -> NATEnd? {
    if let address = ownAddress(of: host.address) { return host.at(address) }
    let mapping = mappings.find(host: host, protocolNumber)
    return mapping == 0 ? nil : mappings.pointer(mapping).pointee.external
  }
}

extension NATEnd {
  /// The address alone.
  var withoutPort: NATEnd { NATEnd(address, 0) }
}

extension DecodedPacket {
  /// Whether the IPv4 header that an error quotes has a right checksum. Precondition: there are `quotedEnds`.
  var isQuotedHeaderIntact: Bool { Checksum.verify(payload, count: Int(payload.load8(at: 0) & 0xf) * 4) }

  /// Whether it is an ICMP reply with an identifier.
  var isICMPReply: Bool { kind == .icmp && (icmpType == 0 || icmpType == 14 || icmpType == 16 || icmpType == 18) }
}
