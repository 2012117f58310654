/// The steps of IP: headers, extension headers, fragments.
extension PacketDecoder {
  func decodeIP(_ cursor: inout DecodeCursor, _ packet: inout DecodedPacket) {
    guard cursor.available > 0 else { return packet.reject(.frameTruncated, &cursor) }
    switch cursor.pointer.load8(at: 0) >> 4 {
    case 4: cursor.layer = .ipv4
    case 6: cursor.layer = .ipv6
    default: packet.reject(.ipVersionInvalid, &cursor)
    }
  }

  mutating func decodeIPv4(_ cursor: inout DecodeCursor, _ packet: inout DecodedPacket) {
    packet.network = cursor.pointer
    guard let header = IPv4Header(cursor.pointer, length: cursor.available) else {
      return packet.reject(.frameTruncated, &cursor)
    }
    guard header.version == 4 else { return packet.reject(.ipVersionInvalid, &cursor) }
    let headerLength = header.headerLength
    guard headerLength >= IPv4Header.minimumLength else { return packet.reject(.ipHeaderLengthInvalid, &cursor) }
    packet.ipVersion = 4
    packet.timeToLive = header.timeToLive
    packet.key.source = header.source
    packet.key.destination = header.destination
    packet.key.rest = cursor.vlans | UInt64(header.protocolNumber)
    // A capture on a host that segments in hardware has datagrams longer than the field can say, with 0 in it.
    let total = header.totalLength == 0 ? cursor.claimed : header.totalLength
    packet.ipLength = total
    guard total >= headerLength else { return packet.reject(.ipTotalLengthInvalid, &cursor) }
    bound(&cursor, to: total, &packet)
    guard headerLength <= cursor.available else { return packet.reject(.frameTruncated, &cursor) }
    if headerLength > IPv4Header.minimumLength, !header.optionsAreValid { packet.refuse(.ipOptionInvalid) }
    if configuration.verifyChecksums, !Checksum.verify(cursor.pointer, count: Int(headerLength)) {
      packet.refuse(.ipChecksumInvalid)
    }
    if header.timeToLive < configuration.minimumTimeToLive { packet.refuse(.lowTimeToLive) }
    cursor.isPartial = false
    cursor.advance(headerLength)
    cursor.expect(.transport, UInt16(header.protocolNumber))
    if header.isFragment { decodeIPv4Fragment(header, &cursor, &packet) }
  }

  @inline(never)
  private mutating func decodeIPv4Fragment(
    _ header: IPv4Header, _ cursor: inout DecodeCursor, _ packet: inout DecodedPacket
  ) {
    packet.transport = cursor.pointer
    let fragment = Fragment(
      key: FragmentKey(
        source: packet.key.source, destination: packet.key.destination,
        identification: UInt32(header.identification), rest: packet.key.rest),
      header: packet.network, headerLength: header.headerLength, isIPv6: false, payload: cursor.pointer,
      length: cursor.available, offset: header.fragmentOffset, moreFragments: header.moreFragments,
      timestamp: packet.timestamp)
    decodeFragment(fragment, &cursor, &packet)
  }

  mutating func decodeIPv6(_ cursor: inout DecodeCursor, _ packet: inout DecodedPacket) {
    packet.network = cursor.pointer
    guard let header = IPv6Header(cursor.pointer, length: cursor.available) else {
      return packet.reject(.frameTruncated, &cursor)
    }
    guard header.version == 6 else { return packet.reject(.ipVersionInvalid, &cursor) }
    packet.ipVersion = 6
    packet.timeToLive = header.hopLimit
    packet.key.source = header.source
    packet.key.destination = header.destination
    // Length 0 with something behind is a jumbogram, or a segment longer than the field can say (see IPv4).
    let isEmpty = header.payloadLength != 0 || header.nextHeader == IPProtocol.noNextHeader
    let total = isEmpty ? IPv6Header.length &+ header.payloadLength : cursor.claimed
    packet.ipLength = total
    bound(&cursor, to: total, &packet)
    if header.hopLimit < configuration.minimumTimeToLive { packet.refuse(.lowTimeToLive) }
    cursor.isPartial = false
    cursor.pseudoSource = cursor.pointer + 8
    cursor.pseudoDestination = cursor.pointer + 24
    cursor.advance(IPv6Header.length)
    switch header.nextHeader {
    case IPProtocol.tcp, IPProtocol.udp, IPProtocol.icmpv6:
      packet.key.rest = cursor.vlans | UInt64(header.nextHeader)
      return cursor.expect(.transport, UInt16(header.nextHeader))
    default: break
    }
    // A datagram has one fragment header; in one that was put together it is gone.
    let mayFragment = cursor.reassemblyDepth != Int16(packet.tunnelDepth)
    passExtensionHeaders(first: header.nextHeader, mayFragment: mayFragment, &cursor, &packet)
  }

  @inline(never)
  private mutating func passExtensionHeaders(
    first: UInt8, mayFragment: Bool, _ cursor: inout DecodeCursor, _ packet: inout DecodedPacket
  ) {
    let walk = IPv6ExtensionHeaders(cursor.pointer, length: cursor.available, first: first)
    let field = walk.nextHeaderField < 0 ? 6 : UInt32(bitPattern: walk.nextHeaderField) &+ IPv6Header.length
    if let address = walk.finalDestination { cursor.pseudoDestination = address }
    if let address = walk.homeAddress { cursor.pseudoSource = address }
    packet.key.rest = cursor.vlans | UInt64(walk.nextHeader)
    cursor.advance(walk.length)
    switch walk.end {
    case .payload: cursor.expect(.transport, UInt16(walk.nextHeader))
    case .truncated:
      packet.reject(cursor.available < cursor.claimed ? .frameTruncated : .extensionHeaderInvalid, &cursor)
    case .invalid: packet.reject(.extensionHeaderInvalid, &cursor)
    case .fragment:
      guard mayFragment else { return packet.reject(.extensionHeaderInvalid, &cursor) }
      guard let header = IPv6FragmentHeader(cursor.pointer, length: cursor.available) else {
        return packet.reject(
          cursor.available < cursor.claimed ? .frameTruncated : .extensionHeaderInvalid, &cursor)
      }
      let headerLength = IPv6Header.length &+ walk.length
      cursor.advance(IPv6FragmentHeader.length)
      if header.isAtomic {
        return passExtensionHeaders(first: header.nextHeader, mayFragment: false, &cursor, &packet)
      }
      packet.key.rest = cursor.vlans | UInt64(header.nextHeader)
      packet.transport = cursor.pointer
      let fragment = Fragment(
        key: FragmentKey(
          source: packet.key.source, destination: packet.key.destination, identification: header.identification,
          rest: cursor.vlans | UInt64(IPProtocol.fragment)),
        header: packet.network, headerLength: headerLength, nextHeaderField: field, nextHeader: header.nextHeader,
        isIPv6: true, payload: cursor.pointer, length: cursor.available, offset: header.offset,
        moreFragments: header.moreFragments, timestamp: packet.timestamp)
      cursor.expect(.transport, UInt16(header.nextHeader))
      decodeFragment(fragment, &cursor, &packet)
    }
  }

  /// Leaves out padding, and notes where the header claims more than there is.
  private func bound(_ cursor: inout DecodeCursor, to total: UInt32, _ packet: inout DecodedPacket) {
    if total > cursor.available {
      packet.anomalies.insert(.frameTruncated)
      if total > cursor.claimed {
        packet.anomalies.insert(.ipTotalLengthInvalid)
        if !configuration.acceptDatagramsBeyondFrame { packet.isAcceptable = false }
      }
    }
    cursor.available = min(cursor.available, total)
    cursor.claimed = total
  }

  /// Keeps a fragment, or goes on with the datagram that it completes.
  private mutating func decodeFragment(
    _ fragment: Fragment, _ cursor: inout DecodeCursor, _ packet: inout DecodedPacket
  ) {
    guard configuration.reassembleFragments else {
      cursor.isPartial = true
      if fragment.offset != 0 { packet.finish(.fragment, cursor.pointer, &cursor) }
      return
    }
    // What a host would drop, or what is not all there, cannot become part of a datagram.
    guard packet.isAcceptable, cursor.available == cursor.claimed else {
      return packet.finish(.fragment, cursor.pointer, &cursor)
    }
    let result = reassembler.insert(fragment)
    packet.anomalies.formUnion(result.anomalies)
    guard let datagram = result.datagram else {
      if result.anomalies.rawValue & ~AnomalySet(.fragmentTimeout).rawValue != 0 { packet.isAcceptable = false }
      return packet.finish(.fragment, cursor.pointer, &cursor)
    }
    packet.isReassembled = true
    packet.fragmentLength = result.longestFragment
    cursor.reassemblyDepth = Int16(packet.tunnelDepth)
    cursor.pointer = datagram
    cursor.available = result.length
    cursor.claimed = result.length
    cursor.layer = .ip
  }
}
