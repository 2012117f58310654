/// The steps below IP.
extension PacketDecoder {
  func decodeEthernet(_ cursor: inout DecodeCursor, _ packet: inout DecodedPacket) {
    guard let header = EthernetHeader(cursor.pointer, length: cursor.available) else {
      return packet.reject(.frameTruncated, &cursor)
    }
    cursor.tagCount = 0
    let type = header.etherType
    cursor.advance(EthernetHeader.length)
    if type > 1500 {
      cursor.expect(.etherType, type)
    } else {
      cursor.limit(to: UInt32(type))
      cursor.expect(.llc)
    }
  }

  func decodeEtherType(_ cursor: inout DecodeCursor, _ packet: inout DecodedPacket) {
    switch cursor.selector {
    case EtherType.ipv4: cursor.layer = .ipv4
    case EtherType.ipv6: cursor.layer = .ipv6
    case EtherType.arp:
      packet.network = cursor.pointer
      packet.finish(.arp, cursor.pointer, &cursor)
    case EtherType.vlan, EtherType.serviceVLAN, EtherType.legacyQinQ: decodeVLAN(&cursor, &packet)
    case EtherType.mpls, EtherType.mplsUpstream:
      decodeMPLS(&cursor, &packet)
    case EtherType.pppoeSession: decodePPPoE(&cursor, &packet)
    case EtherType.ethernetBridging: cursor.layer = .ethernet
    case EtherType.ppp: cursor.layer = .ppp
    case let type where type <= 1500:
      // A length behind a VLAN tag, as in an untagged IEEE 802.3 frame.
      cursor.limit(to: UInt32(type))
      cursor.layer = .llc
    default: packet.finish(.notIP, cursor.pointer, &cursor)
    }
  }

  private func decodeVLAN(_ cursor: inout DecodeCursor, _ packet: inout DecodedPacket) {
    guard let tag = VLANTag(cursor.pointer, length: cursor.available) else {
      return packet.reject(.frameTruncated, &cursor)
    }
    // The innermost Ethernet header's first two tags name the VLANs.
    switch cursor.tagCount {
    case 0: cursor.vlans = UInt64(tag.identifier) << 20
    case 1: cursor.vlans |= UInt64(tag.identifier) << 8
    default: break
    }
    cursor.tagCount = min(cursor.tagCount &+ 1, 2)
    let type = tag.etherType
    cursor.advance(VLANTag.length)
    cursor.expect(.etherType, type)
  }

  /// Passes a label stack. It does not say what it carries: an IP packet by its version, else a pseudowire with Ethernet,
  /// with or without control word (RFC 4385, RFC 4448).
  func decodeMPLS(_ cursor: inout DecodeCursor, _ packet: inout DecodedPacket) {
    guard configuration.tunnels.contains(.mpls) else { return packet.finish(.notIP, cursor.pointer, &cursor) }
    var isBottom = false
    while !isBottom {
      guard let label = MPLSLabel(cursor.pointer, length: cursor.available) else {
        return packet.reject(.tunnelHeaderInvalid, &cursor)
      }
      isBottom = label.isBottomOfStack
      cursor.advance(MPLSLabel.length)
    }
    guard cursor.available > 0 else { return packet.finish(.notIP, cursor.pointer, &cursor) }
    switch cursor.pointer.load8(at: 0) >> 4 {
    case 4: cursor.layer = .ipv4
    case 6: cursor.layer = .ipv6
    case 0 where cursor.available >= 4:
      var behindControlWord = cursor
      behindControlWord.advance(4)
      if behindControlWord.looksLikeEthernet {
        cursor = behindControlWord
        cursor.layer = .ethernet
      } else if cursor.looksLikeEthernet {
        cursor.layer = .ethernet
      } else {
        packet.finish(.notIP, cursor.pointer, &cursor)
      }
    default:
      if cursor.looksLikeEthernet {
        cursor.layer = .ethernet
      } else {
        packet.finish(.notIP, cursor.pointer, &cursor)
      }
    }
  }

  private func decodePPPoE(_ cursor: inout DecodeCursor, _ packet: inout DecodedPacket) {
    guard configuration.tunnels.contains(.pppoe) else { return packet.finish(.notIP, cursor.pointer, &cursor) }
    guard let header = PPPoEHeader(cursor.pointer, length: cursor.available) else {
      return packet.reject(.frameTruncated, &cursor)
    }
    guard header.versionAndType == 0x11, header.code == 0 else {
      return packet.finish(.notIP, cursor.pointer, &cursor)
    }
    // The length is not looked at: padding ends with the IP length, and some concentrators set it too small.
    cursor.advance(PPPoEHeader.length)
    cursor.layer = .ppp
  }

  func decodePPP(_ cursor: inout DecodeCursor, _ packet: inout DecodedPacket) {
    guard let header = PPPHeader(cursor.pointer, length: cursor.available) else {
      return packet.reject(.frameTruncated, &cursor)
    }
    switch header.protocolNumber {
    case PPPHeader.ipv4:
      cursor.advance(header.headerLength)
      cursor.layer = .ipv4
    case PPPHeader.ipv6:
      cursor.advance(header.headerLength)
      cursor.layer = .ipv6
    case PPPHeader.mpls:
      cursor.advance(header.headerLength)
      decodeMPLS(&cursor, &packet)
    default: packet.finish(.notIP, cursor.pointer, &cursor)
    }
  }

  func decodeLLC(_ cursor: inout DecodeCursor, _ packet: inout DecodedPacket) {
    guard let header = LLCHeader(cursor.pointer, length: cursor.available), header.hasEtherType else {
      return packet.finish(.notIP, cursor.pointer, &cursor)
    }
    let type = header.etherType
    cursor.advance(LLCHeader.length)
    cursor.expect(.etherType, type)
  }

  func decodeLoopback(_ cursor: inout DecodeCursor, _ packet: inout DecodedPacket) {
    guard let header = LoopbackHeader(cursor.pointer, length: cursor.available) else {
      return packet.reject(.frameTruncated, &cursor)
    }
    let layer: DecodeLayer = header.isIPv4 ? .ipv4 : header.isIPv6 ? .ipv6 : .done
    cursor.advance(LoopbackHeader.length)
    if layer == .done {
      packet.anomalies.insert(.unknownLinkLayer)
      packet.finish(.notIP, cursor.pointer, &cursor)
    } else {
      cursor.layer = layer
    }
  }

  func decodeLinuxCooked(_ cursor: inout DecodeCursor, _ packet: inout DecodedPacket) {
    let type: UInt16
    let hardware: UInt16
    let length: UInt32
    if cursor.layer == .linuxSLL {
      guard let header = LinuxCookedHeader(cursor.pointer, length: cursor.available) else {
        return packet.reject(.frameTruncated, &cursor)
      }
      type = header.protocolType
      hardware = header.hardwareType
      length = LinuxCookedHeader.length
    } else {
      guard let header = LinuxCookedV2Header(cursor.pointer, length: cursor.available) else {
        return packet.reject(.frameTruncated, &cursor)
      }
      type = header.protocolType
      hardware = header.hardwareType
      length = LinuxCookedV2Header.length
    }
    cursor.advance(length)
    // On a netlink device (824) the field is a netlink family, not an EtherType.
    if hardware == 824 {
      packet.finish(.notIP, cursor.pointer, &cursor)
    } else if type == 4 {
      cursor.layer = .llc
    } else if type <= 1500 {
      packet.finish(.notIP, cursor.pointer, &cursor)
    } else {
      cursor.expect(.etherType, type)
    }
  }

  func decodeRadiotap(_ cursor: inout DecodeCursor, _ packet: inout DecodedPacket) {
    guard let header = RadiotapHeader(cursor.pointer, length: cursor.available) else {
      return packet.reject(.frameTruncated, &cursor)
    }
    cursor.advance(header.headerLength)
    if header.hasFrameCheckSequence { cursor.limit(to: cursor.claimed >= 4 ? cursor.claimed &- 4 : 0) }
    decode80211(&cursor, &packet, isPadded: header.hasPadding)
  }

  func decode80211(_ cursor: inout DecodeCursor, _ packet: inout DecodedPacket) {
    decode80211(&cursor, &packet, isPadded: false)
  }

  private func decode80211(_ cursor: inout DecodeCursor, _ packet: inout DecodedPacket, isPadded: Bool) {
    guard let header = IEEE80211Header(cursor.pointer, length: cursor.available) else {
      return packet.reject(.frameTruncated, &cursor)
    }
    guard header.isData, !header.isProtected, !header.isFragment else {
      return packet.finish(.notIP, cursor.pointer, &cursor)
    }
    let length = isPadded ? (header.headerLength &+ 3) & ~3 : header.headerLength
    guard cursor.available >= length else { return packet.reject(.frameTruncated, &cursor) }
    let isAggregate = header.isAggregate
    cursor.advance(length)
    if isAggregate {
      // Only the first frame of an aggregate is decoded: one frame gives one packet.
      guard let subframe = EthernetHeader(cursor.pointer, length: cursor.available) else {
        return packet.reject(.frameTruncated, &cursor)
      }
      let subframeLength = UInt32(subframe.etherType)
      cursor.advance(EthernetHeader.length)
      cursor.limit(to: subframeLength)
    }
    cursor.layer = .llc
  }
}
