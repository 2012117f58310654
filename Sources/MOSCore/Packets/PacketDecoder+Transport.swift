/// The steps above IP: TCP, UDP, ICMP.
extension PacketDecoder {
  mutating func decodeTransport(_ cursor: inout DecodeCursor, _ packet: inout DecodedPacket) {
    switch UInt8(truncatingIfNeeded: cursor.selector) {
    case IPProtocol.tcp: decodeTCP(&cursor, &packet)
    case IPProtocol.udp: decodeUDP(&cursor, &packet)
    case IPProtocol.icmp where packet.ipVersion == 4: decodeICMP(&cursor, &packet)
    case IPProtocol.icmpv6 where packet.ipVersion == 6: decodeICMP(&cursor, &packet)
    case IPProtocol.authentication where packet.ipVersion == 4: passAuthenticationHeaders(&cursor, &packet)
    case let number: decodeIPTunnel(number, &cursor, &packet)
    }
  }

  private func passAuthenticationHeaders(_ cursor: inout DecodeCursor, _ packet: inout DecodedPacket) {
    let walk = IPv6ExtensionHeaders(
      cursor.pointer, length: cursor.available, first: IPProtocol.authentication, isIPv6: false)
    guard walk.end == .payload else {
      return packet.reject(cursor.available < cursor.claimed ? .frameTruncated : .extensionHeaderInvalid, &cursor)
    }
    packet.key.rest = cursor.vlans | UInt64(walk.nextHeader)
    cursor.advance(walk.length)
    cursor.expect(.transport, UInt16(walk.nextHeader))
  }

  private func decodeTCP(_ cursor: inout DecodeCursor, _ packet: inout DecodedPacket) {
    guard let header = TCPHeader(cursor.pointer, length: cursor.available) else {
      if cursor.available >= 4 { packet.key.rest |= UInt64(cursor.pointer.loadBE32(at: 0)) << 32 }
      return packet.reject(.tcpHeaderTruncated, &cursor)
    }
    packet.kind = .tcp
    packet.transport = cursor.pointer
    packet.key.rest |= UInt64(cursor.pointer.loadBE32(at: 0)) << 32
    packet.numbers = cursor.pointer.loadBE64(at: 4)
    packet.control = cursor.pointer.loadBE64(at: 12)
    if Self.flagsAreInvalid(packet.control &>> 48) { packet.anomalies.insert(.tcpFlagsInvalid) }
    var headerLength = header.headerLength
    if headerLength < TCPHeader.minimumLength || headerLength > cursor.claimed {
      packet.refuse(.tcpDataOffsetInvalid)
      headerLength = TCPHeader.minimumLength
    }
    if configuration.verifyChecksums, !cursor.checksumIsValid(IPProtocol.tcp, packet.ipVersion, packet.network) {
      packet.refuse(.tcpChecksumInvalid)
    }
    // In a truncated capture some of the options may be missing.
    let present = min(headerLength, cursor.available)
    packet.tcpHeaderLength = UInt8(truncatingIfNeeded: present)
    packet.payload = cursor.pointer + Int(present)
    packet.payloadLength = cursor.available &- present
    packet.payloadWireLength = cursor.claimed &- headerLength
    cursor.layer = .done
  }

  private func decodeUDP(_ cursor: inout DecodeCursor, _ packet: inout DecodedPacket) {
    guard let header = UDPHeader(cursor.pointer, length: cursor.available) else {
      return packet.reject(cursor.available < cursor.claimed ? .frameTruncated : .udpLengthInvalid, &cursor)
    }
    packet.transport = cursor.pointer
    packet.key.rest |= UInt64(cursor.pointer.loadBE32(at: 0)) << 32
    var length = header.datagramLength
    if length < UDPHeader.length || length > cursor.claimed {
      // Length 0 stands for a jumbogram (RFC 2675 4); a first fragment is shorter than its datagram.
      if !(length == 0 && packet.ipVersion == 6), !(cursor.isPartial && length > cursor.claimed) {
        packet.refuse(.udpLengthInvalid)
      }
      length = cursor.claimed
    }
    cursor.limit(to: length)
    if configuration.verifyChecksums, header.checksum != 0,
      !cursor.checksumIsValid(IPProtocol.udp, packet.ipVersion, packet.network)
    {
      packet.refuse(.udpChecksumInvalid)
    }
    cursor.advance(UDPHeader.length)
    packet.kind = .udp
    packet.payload = cursor.pointer
    packet.payloadLength = cursor.available
    packet.payloadWireLength = cursor.claimed
    guard !cursor.isPartial, enterUDPTunnel(header, &cursor, &packet) else {
      // Over IPv6 only tunnels may go without checksum (RFC 8200 8.1, RFC 6935).
      if configuration.verifyChecksums, header.checksum == 0, packet.ipVersion == 6 {
        packet.refuse(.udpChecksumInvalid)
      }
      cursor.layer = .done
      return
    }
  }

  /// ICMP and ICMPv6. The key's ports are the type and the type that answers it, so that requests and replies have each
  /// other's key reversed; for messages that nothing answers, type and code.
  private func decodeICMP(_ cursor: inout DecodeCursor, _ packet: inout DecodedPacket) {
    guard let header = ICMPHeader(cursor.pointer, length: cursor.available) else {
      return packet.reject(.icmpHeaderTruncated, &cursor)
    }
    let isV6 = packet.ipVersion == 6
    let type = header.type
    let counterpart = isV6 ? ICMPHeader.counterpart(ofV6: type) : ICMPHeader.counterpart(of: type)
    packet.icmpType = type
    packet.icmpCode = header.code
    packet.key.rest |= UInt64(type) << 48 | UInt64(counterpart ?? header.code) << 32
    if configuration.verifyChecksums, cursor.available == cursor.claimed, !cursor.isPartial {
      let isValid =
        isV6
        ? cursor.checksumIsValid(IPProtocol.icmpv6, 6, packet.network)
        : Checksum.verify(cursor.pointer, count: Int(cursor.available))
      if !isValid { packet.refuse(.icmpChecksumInvalid) }
    }
    let start = cursor.pointer
    cursor.advance(ICMPHeader.length)
    packet.finish(isV6 ? .icmpv6 : .icmp, cursor.pointer, &cursor)
    packet.transport = start
  }
}
