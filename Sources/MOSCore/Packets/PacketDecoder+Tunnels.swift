/// The steps into packets that other packets carry.
extension PacketDecoder {
  /// A protocol on IP that is neither TCP, UDP nor ICMP: a tunnel, or something else.
  func decodeIPTunnel(_ number: UInt8, _ cursor: inout DecodeCursor, _ packet: inout DecodedPacket) {
    guard !cursor.isPartial else { return packet.finish(.otherIP, cursor.pointer, &cursor) }
    switch number {
    case IPProtocol.ipv4:
      enterIP(version: 4, minimumLength: IPv4Header.minimumLength, &cursor, &packet)
    case IPProtocol.ipv6:
      enterIP(version: 6, minimumLength: IPv6Header.length, &cursor, &packet)
    case IPProtocol.gre: decodeGRE(&cursor, &packet)
    case IPProtocol.mpls:
      guard enter(.mpls, &packet) else { return packet.finish(.otherIP, cursor.pointer, &cursor) }
      decodeMPLS(&cursor, &packet)
    default: packet.finish(.otherIP, cursor.pointer, &cursor)
    }
  }

  private func enterIP(
    version: UInt8, minimumLength: UInt32, _ cursor: inout DecodeCursor, _ packet: inout DecodedPacket
  ) {
    guard cursor.available >= minimumLength, cursor.pointer.load8(at: 0) >> 4 == version else {
      packet.anomalies.insert(.tunnelHeaderInvalid)
      return packet.finish(.otherIP, cursor.pointer, &cursor)
    }
    guard enter(.ipInIP, &packet) else { return packet.finish(.otherIP, cursor.pointer, &cursor) }
    cursor.layer = .ip
  }

  private func decodeGRE(_ cursor: inout DecodeCursor, _ packet: inout DecodedPacket) {
    guard let header = GREHeader(cursor.pointer, length: cursor.available) else {
      packet.anomalies.insert(.tunnelHeaderInvalid)
      return packet.finish(.otherIP, cursor.pointer, &cursor)
    }
    var inner = cursor
    inner.advance(header.headerLength)
    let type = header.protocolType
    if header.version == 1 {
      // Without a sequence number there is only an acknowledgment (RFC 2637 4.1).
      guard type == EtherType.ppp, header.hasSequence, inner.available > 0 else {
        return packet.finish(.otherIP, cursor.pointer, &cursor)
      }
      inner.limit(to: header.pptpPayloadLength)
      inner.layer = .ppp
    } else if type == EtherType.erspan {
      if header.hasSequence {
        guard inner.available >= 8 else { return packet.finish(.otherIP, cursor.pointer, &cursor) }
        inner.advance(8)
      }
      inner.layer = .ethernet
    } else if type == EtherType.erspanIII {
      guard inner.available >= 12 else { return packet.finish(.otherIP, cursor.pointer, &cursor) }
      let length: UInt32 = inner.pointer.load8(at: 11) & 1 != 0 ? 20 : 12
      guard inner.available >= length else { return packet.finish(.otherIP, cursor.pointer, &cursor) }
      inner.advance(length)
      inner.layer = .ethernet
    } else if GREHeader.isAruba80211(type) {
      inner.layer = .ieee80211
    } else if type == 0x883e {
      // WCCP version 2 puts a redirect header of 4 bytes before the IP packet, version 1 none.
      if inner.available >= 5, inner.pointer.load8(at: 0) >> 4 != 4 { inner.advance(4) }
      inner.layer = .ip
    } else {
      switch type {
      case EtherType.ipv4, EtherType.ipv6, EtherType.ethernetBridging, EtherType.ppp, EtherType.mpls,
        EtherType.mplsUpstream, EtherType.vlan:
        inner.tagCount = 0
        inner.expect(.etherType, type)
      default: return packet.finish(.otherIP, cursor.pointer, &cursor)
      }
    }
    guard inner.available > 0, enter(.gre, &packet) else {
      return packet.finish(.otherIP, cursor.pointer, &cursor)
    }
    cursor = inner
  }

  /// Moves the cursor from a UDP payload into the tunnel that its ports announce, when what is there bears it out.
  func enterUDPTunnel(_ header: UDPHeader, _ cursor: inout DecodeCursor, _ packet: inout DecodedPacket) -> Bool {
    let source = header.sourcePort
    let destination = header.destinationPort
    switch destination {
    case VXLANHeader.port: return enterVXLAN(&cursor, &packet)
    case GeneveHeader.port: return enterGeneve(&cursor, &packet)
    case GTPUHeader.port: return enterGTPU(&cursor, &packet)
    case TeredoHeader.port: return enterTeredo(&cursor, &packet)
    case AYIYAHeader.port: return enterAYIYA(&cursor, &packet)
    default: break
    }
    // These answer from their port; VXLAN's and Geneve's source ports mean nothing.
    switch source {
    case GTPUHeader.port: return enterGTPU(&cursor, &packet)
    case TeredoHeader.port: return enterTeredo(&cursor, &packet)
    case AYIYAHeader.port: return enterAYIYA(&cursor, &packet)
    default: break
    }
    // Teredo clients and relays send to each other from any port (RFC 4380 5.2).
    guard cursor.looksLikeTeredo else { return false }
    return enterTeredo(&cursor, &packet)
  }

  private func enterVXLAN(_ cursor: inout DecodeCursor, _ packet: inout DecodedPacket) -> Bool {
    guard configuration.tunnels.contains(.vxlan) else { return false }
    guard VXLANHeader(cursor.pointer, length: cursor.available) != nil else {
      packet.anomalies.insert(.tunnelHeaderInvalid)
      return false
    }
    var inner = cursor
    inner.advance(VXLANHeader.length)
    guard inner.looksLikeEthernet, enter(.vxlan, &packet) else { return false }
    cursor = inner
    cursor.layer = .ethernet
    return true
  }

  private func enterGeneve(_ cursor: inout DecodeCursor, _ packet: inout DecodedPacket) -> Bool {
    guard configuration.tunnels.contains(.geneve) else { return false }
    guard let header = GeneveHeader(cursor.pointer, length: cursor.available) else {
      packet.anomalies.insert(.tunnelHeaderInvalid)
      return false
    }
    guard !header.isControl else { return false }
    var inner = cursor
    inner.advance(header.headerLength)
    switch header.protocolType {
    case EtherType.ethernetBridging:
      guard inner.looksLikeEthernet else { return false }
      inner.layer = .ethernet
    case EtherType.ipv4, EtherType.ipv6:
      guard inner.looksLikeIP else { return false }
      inner.layer = .ip
    default: return false
    }
    guard enter(.geneve, &packet) else { return false }
    cursor = inner
    return true
  }

  private func enterGTPU(_ cursor: inout DecodeCursor, _ packet: inout DecodedPacket) -> Bool {
    guard let header = GTPUHeader(cursor.pointer, length: cursor.available), header.messageType == GTPUHeader.gPDU
    else { return false }
    return enterIP(behind: header.headerLength, .gtpU, &cursor, &packet)
  }

  private func enterTeredo(_ cursor: inout DecodeCursor, _ packet: inout DecodedPacket) -> Bool {
    guard let header = TeredoHeader(cursor.pointer, length: cursor.available) else { return false }
    return enterIP(behind: header.headerLength, .teredo, &cursor, &packet)
  }

  private func enterAYIYA(_ cursor: inout DecodeCursor, _ packet: inout DecodedPacket) -> Bool {
    guard let header = AYIYAHeader(cursor.pointer, length: cursor.available),
      header.operation == AYIYAHeader.forward,
      header.nextHeader == IPProtocol.ipv4 || header.nextHeader == IPProtocol.ipv6
    else { return false }
    return enterIP(behind: header.headerLength, .ayiya, &cursor, &packet)
  }

  private func enterIP(
    behind length: UInt32, _ tunnel: TunnelSet, _ cursor: inout DecodeCursor, _ packet: inout DecodedPacket
  ) -> Bool {
    var inner = cursor
    inner.advance(length)
    guard inner.looksLikeIP, enter(tunnel, &packet) else { return false }
    cursor = inner
    cursor.layer = .ip
    return true
  }
}
