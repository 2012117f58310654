import EventDSL

/// ICMP, packet by packet (RFC 5508): its flows are told by types, its mappings by identifiers.
extension NAT {
  func translateICMP(
    _ event: borrowing Event<PacketPassage>, _ view: borrowing PacketView, _ packet: borrowing PacketControl
  ) {
    if let refusal = state.tables.pointee.arrival(view.decoded) { return refuse(view, packet, refusal) }
    guard state.tables.pointee.isToBeTranslated(view.decoded) else { return }
    guard view.isAcceptable else { return refuse(view, packet, .invalid) }
    let refusal = view.isICMPError ? translateError(view, packet) : translateQuery(event, view, packet)
    if let refusal = refusal ?? passHop(view, packet) { return refuse(view, packet, refusal) }
    state.tables.pointee.counters.translated &+= 1
  }

  private func translateQuery(
    _ event: borrowing Event<PacketPassage>, _ view: borrowing PacketView, _ packet: borrowing PacketControl
  ) -> NATRefusal? {
    let key = view.key
    let source = NATEnd(sourceOf: key)
    let destination = NATEnd(destinationOf: key)
    guard let identifier = view.icmpIdentifier else { return .untranslatable }
    let isReply = view.decoded.pointee.isICMPReply
    // A reply's identifier is that of who asked, a query's is its sender's.
    if state.tables.pointee.realms.realm(of: destination.address) == .external {
      if let host = state.tables.pointee.owner(of: destination.address) {
        guard done(packet.setDestination(IPAddress(v4: host))) else { return .untranslatable }
      } else {
        let index = state.tables.pointee.mappings.find(
          external: NATEnd(destination.address, identifier), IPProtocol.icmp)
        guard isReply, index != 0 else { return .unsolicited }
        let host = state.tables.pointee.mappings.pointer(index).pointee.host
        state.tables.pointee.keep(index)
        guard done(packet.setDestination(host.ipAddress)) else { return .untranslatable }
        guard done(packet.setICMPIdentifier(host.port)) else { return .untranslatable }
      }
    }
    guard state.tables.pointee.realms.realm(of: source.address) == .internal else { return nil }
    if let own = state.tables.pointee.ownAddress(of: source.address) {
      return done(packet.setSource(IPAddress(v4: own))) ? nil : .untranslatable
    }
    if isReply { return .unsolicited }
    let index = state.tables.pointee.mapping(of: NATEnd(source.address, identifier), IPProtocol.icmp)
    if index == 0 { return state.tables.pointee.refusal }
    logBegun(event)
    state.tables.pointee.keep(index)
    _ = state.tables.pointee.permit(0, destination.withoutPort, to: index)
    let external = state.tables.pointee.mappings.pointer(index).pointee.external
    guard done(packet.setSource(external.ipAddress)) else { return .untranslatable }
    guard done(packet.setICMPIdentifier(external.port)) else { return .untranslatable }
    return nil
  }

  /// An error is translated by the packet that it quotes, outside and inside of it. It keeps no mapping, and ends none
  /// (RFC 5508 REQ-6, RFC 5382 REQ-10).
  private func translateError(
    _ view: borrowing PacketView, _ packet: borrowing PacketControl
  ) -> NATRefusal? {
    guard let quoted = view.quotedEnds, view.decoded.pointee.isQuotedHeaderIntact else { return .icmpUnrelated }
    let number = quoted.protocolNumber
    let source = NATEnd(sourceOf: view.key)
    if state.tables.pointee.realms.realm(of: NATEnd(destinationOf: view.key).address) == .external {
      // It is about something that a host behind the NAT sent.
      guard let host = state.tables.pointee.hostEnd(of: NATEnd(sourceOf: quoted), number) else {
        return .icmpUnrelated
      }
      guard done(packet.setDestination(host.ipAddress)) else { return .untranslatable }
      guard done(packet.setQuotedSource(host.ipAddress, port: host.port)) else { return .untranslatable }
    }
    guard state.tables.pointee.realms.realm(of: source.address) == .internal else { return nil }
    // It is about something that came to a host behind the NAT.
    guard let external = state.tables.pointee.externalEnd(of: NATEnd(destinationOf: quoted), number) else {
      return .icmpUnrelated
    }
    let own = state.tables.pointee.ownAddress(of: source.address) ?? external.address
    guard done(packet.setSource(IPAddress(v4: own))) else { return .untranslatable }
    guard done(packet.setQuotedDestination(external.ipAddress, port: external.port)) else { return .untranslatable }
    return nil
  }

  private func done(_ outcome: PacketEditOutcome) -> Bool { outcome == .done }
}
