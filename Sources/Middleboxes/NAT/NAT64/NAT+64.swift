import EventDSL

/// NAT64 (RFC 6146): IPv6 hosts reach IPv4 ones by addresses of a prefix, packet by packet; what a host sends from has a mapping
/// as those of IPv4 hosts do.
extension NAT {
  /// Translates what goes to an IPv6 host from IPv4, or the other way round. `false`: it is none of that.
  @inline(never)
  func translate64(
    _ event: borrowing Event<PacketPassage>, _ view: borrowing PacketView, _ packet: borrowing PacketControl,
    _ known: inout NATFlow
  ) -> Bool {
    guard state.tables.pointee.isOf64(view.decoded) else { return false }
    var refusal = state.tables.pointee.arrival(view.decoded)
    if refusal == nil {
      if view.decoded.pointee.timeToLive <= 1 {
        // Whatever is configured: a translator is a router (RFC 7915 4.1, 5.1).
        refusal = .timeToLiveExceeded
      } else if view.isICMPError {
        refusal = translateError64(view, packet)
      } else if view.decoded.pointee.ipVersion == 6 {
        refusal = translateFromHost(event, view, packet, &known)
      } else {
        refusal = translateToHost(event, view, packet, &known)
      }
    }
    if let refusal { refuse(view, packet, refusal) }
    return true
  }

  private func translateFromHost(
    _ event: borrowing Event<PacketPassage>, _ view: borrowing PacketView, _ packet: borrowing PacketControl,
    _ known: inout NATFlow
  ) -> NATRefusal? {
    let key = view.key
    let tables = state.tables
    guard let remote = tables.pointee.embedding?.extract(key.destination) else { return .untranslatable }
    let number = CommonHeader.number(key.protocolNumber, isV4: true)
    let identifier = view.icmpIdentifier
    // A host answers no queries: none comes to it.
    if view.kind == .icmpv6, identifier == nil || view.decoded.pointee.icmpType != 128 { return .unsolicited }
    let port = identifier ?? key.sourcePort
    guard tables.pointee.begins(view.decoded) || tables.pointee.mapping(ofKnown: key.source, port, number) != 0 else {
      return .invalid
    }
    let index = tables.pointee.mapping(of: key.source, port, number)
    if index == 0 { return tables.pointee.refusal }
    logBegun(event)
    tables.pointee.keep(index)
    let end = NATEnd(remote, identifier == nil ? key.destinationPort : 0)
    _ = tables.pointee.permit(0, end, to: index)
    let external = tables.pointee.mappings.pointer(index).pointee.external
    var ends = ProtocolEnds(
      source: external.ipAddress, sourcePort: external.port, destination: IPAddress(v4: remote),
      destinationPort: identifier == nil ? key.destinationPort : external.port)
    if tables.pointee.realms.realm(of: remote) == .external {
      // Another host behind the NAT, by its external end (RFC 6146 3.8).
      if identifier != nil { return .unsolicited }
      let target = tables.pointee.mappings.find(external: end, number)
      if target == 0 { return .unsolicited }
      guard tables.pointee.admits(external, to: target) else { return .filtered }
      if tables.pointee.inboundKeeps(target) { tables.pointee.keep(target) }
      let host = tables.pointee.mappings.pointer(target).pointee.host
      ends.destination = tables.pointee.address(of: host)
      ends.destinationPort = host.port
      if !ends.isV4, let embedded = tables.pointee.embedding?.embed(external.address) { ends.source = embedded }
    }
    if identifier == nil, let refusal = begin64(event, view, &known, index, end, ends) { return refusal }
    return replace(view, packet, ends)
  }

  private func translateToHost(
    _ event: borrowing Event<PacketPassage>, _ view: borrowing PacketView, _ packet: borrowing PacketControl,
    _ known: inout NATFlow
  ) -> NATRefusal? {
    let tables = state.tables
    let (from, index) = (NATEnd(sourceOf: view.key), tables.pointee.mapping(at: view.decoded))
    guard index != 0, tables.pointee.realms.realm(of: from.address) != .internal,
      let source = tables.pointee.embedding?.embed(from.address)
    else { return .untranslatable }
    if tables.pointee.inboundKeeps(index) {
      tables.pointee.keep(index)
      // It is let in, and stays so.
      _ = tables.pointee.permit(0, view.icmpIdentifier == nil ? from : from.withoutPort, to: index)
    }
    let host = tables.pointee.mappings.pointer(index).pointee.host
    let isQuery = view.icmpIdentifier != nil
    let ends = ProtocolEnds(
      source: source, sourcePort: isQuery ? host.port : from.port, destination: tables.pointee.address(of: host),
      destinationPort: host.port)
    if !isQuery, let refusal = begin64(event, view, &known, index, from, ends) { return refusal }
    return replace(view, packet, ends)
  }

  /// The flow of a new connection is found by the ends that it gets, too. `remote` is who a mapping's host speaks to.
  private func begin64(
    _ event: borrowing Event<PacketPassage>, _ view: borrowing PacketView, _ known: inout NATFlow, _ index: UInt32,
    _ remote: NATEnd, _ ends: ProtocolEnds
  ) -> NATRefusal? {
    let reference = state.tables.pointee.mappings.reference(index)
    if known.state == .translated64, known.senderMapping == reference { return nil }
    // An answer: what began the flow has its keys.
    if known.state == .translated64, event.sender != known.first { return nil }
    var key = view.key
    (key.source, key.destination) = (ends.source, ends.destination)
    key.sourcePort = ends.sourcePort
    key.destinationPort = ends.destinationPort
    switch event.flow.addKey(event.sender == .client ? key : key.reversed) {
    case .added, .known: break
    default: return .conflict
    }
    known = NATFlow()
    known.state = .translated64
    known.first = event.sender
    known.senderMapping = reference
    let external = state.tables.pointee.mappings.pointer(index).pointee.external
    known.set(external, to: remote, as: external, to: remote, isHop: false)
    if view.kind == .tcp, event.flow.record.isMidstream, view.flags.isDisjoint(with: [.fin, .rst]) {
      known.isEstablished = true
      state.tables.pointee.beginEstablished(reference)
    }
    return nil
  }

  private func replace(
    _ view: borrowing PacketView, _ packet: borrowing PacketControl, _ ends: ProtocolEnds
  ) -> NATRefusal? {
    let tables = state.tables
    tables.pointee.identification &+= 1
    let length = DatagramTranslation.translate(
      view.decoded, to: ends, cameInFragments: packet.cameInFragments,
      copiesTrafficClass: tables.pointee.copiesTrafficClass, identification: tables.pointee.identification,
      into: tables.pointee.buffer)
    guard let length else { return .untranslatable }
    // RFC 7915 4: fragments of IPv6 have that of the IPv4 header.
    let own = view.decoded.pointee.ipVersion == 4 ? view.decoded.pointee.network.loadBE16(at: 4) : 0
    switch tables.pointee.fit(length, ends, view.decoded, packet.cameInFragments ? packet.linkLength : nil) {
    case .whole: return put(packet, length, identification: UInt32(own))
    case .fragments(let longest): return put(packet, length, longest: longest, identification: UInt32(own))
    case .tooLong: return .tooLong
    }
  }

  private func put(
    _ packet: borrowing PacketControl, _ length: Int, longest: Int? = nil, identification: UInt32 = 0
  ) -> NATRefusal? {
    let bytes = UnsafeRawBufferPointer(rebasing: state.tables.pointee.buffer[..<length])
    guard packet.replaceDatagram(with: bytes, longest: longest, identification: identification) == .done else {
      return .untranslatable
    }
    state.tables.pointee.counters.translated &+= 1
    return nil
  }

  /// An error is translated by the packet that it quotes (RFC 6146 3.5.1.3, 3.5.2.3).
  private func translateError64(
    _ view: borrowing PacketView, _ packet: borrowing PacketControl
  ) -> NATRefusal? {
    let tables = state.tables
    guard let quotation = Quotation(view.decoded), let embedding = tables.pointee.embedding else {
      return .icmpUnrelated
    }
    let key = view.key
    let number = CommonHeader.number(quotation.header.protocolNumber, isV4: true)
    let isQuery = number == IPProtocol.icmp
    var ends = ProtocolEnds(source: key.source, sourcePort: 0, destination: key.destination, destinationPort: 0)
    var quoted = quotation.ends
    if quotation.place.isV4 {
      let sender = NATEnd(UInt32(truncatingIfNeeded: quoted.source.low), quoted.sourcePort)
      let index = tables.pointee.mappings.find(external: sender, number)
      if index == 0 { return .icmpUnrelated }
      let host = tables.pointee.mappings.pointer(index).pointee.host
      ends.source = embedding.embed(UInt32(truncatingIfNeeded: key.source.low))
      ends.destination = tables.pointee.address(of: host)
      quoted.destination = embedding.embed(UInt32(truncatingIfNeeded: quoted.destination.low))
      quoted.source = ends.destination
      quoted.sourcePort = host.port
      if isQuery { quoted.destinationPort = host.port }
    } else {
      let index = tables.pointee.mapping(ofKnown: quoted.destination, quoted.destinationPort, number)
      guard index != 0, let remote = embedding.extract(quoted.source), let to = embedding.extract(key.destination)
      else {
        return .icmpUnrelated
      }
      let external = tables.pointee.mappings.pointer(index).pointee.external
      ends.source = external.ipAddress
      ends.destination = IPAddress(v4: to)
      quoted.source = IPAddress(v4: remote)
      quoted.destination = external.ipAddress
      quoted.destinationPort = external.port
      if isQuery { quoted.sourcePort = external.port }
    }
    tables.pointee.identification &+= 1
    let length = ErrorTranslation.translate(
      view.decoded, quotation, to: ends, quoted: quoted, identification: tables.pointee.identification,
      mtu: tables.pointee.messages.mtu,
      copiesTrafficClass: tables.pointee.copiesTrafficClass, into: tables.pointee.buffer)
    guard let length else { return .untranslatable }
    return put(packet, length)
  }
}
