/// ICMP errors, which quote the packet that they are about (RFC 792, RFC 4443 2.4 c).
extension DecodedPacket {
  /// Whether it is an ICMP or ICMPv6 error.
  public var isICMPError: Bool {
    switch kind {
    // Destination unreachable, source quench, redirect, time exceeded, parameter problem.
    case .icmp: icmpType == 3 || icmpType == 4 || icmpType == 5 || icmpType == 11 || icmpType == 12
    case .icmpv6: icmpType < 128
    default: false
    }
  }

  /// The key of the packet that an ICMP error quotes, with the error's own VLANs; `nil` for any other packet, and where the
  /// quotation does not reach to the ports of TCP or UDP.
  public var quotedKey: FlowKey? {
    guard isICMPError, payloadLength >= 8 else { return nil }
    // All errors have eight bytes before the quotation; `payload` begins behind them.
    return kind == .icmp ? quotedIPv4 : quotedIPv6
  }

  /// The ends of the packet that an ICMP error (IPv4) quotes: `quotedKey`, and for an ICMP query or its reply a key with its
  /// identifier as both ports.
  public var quotedEnds: FlowKey? {
    if let key = quotedKey { return key }
    guard isICMPError, kind == .icmp, let header = IPv4Header(payload, length: payloadLength), header.version == 4,
      header.headerLength >= 20, header.fragmentOffset == 0, header.protocolNumber == IPProtocol.icmp,
      header.headerLength + ICMPHeader.length <= payloadLength
    else { return nil }
    let message = payload + Int(header.headerLength)
    guard ICMPHeader.hasIdentifier(message.load8(at: 0), isV6: false) else { return nil }
    let identifier = message.loadBE16(at: 4)
    return FlowKey(
      source: header.source, sourcePort: identifier, destination: header.destination, destinationPort: identifier,
      vlan: key.vlan, innerVLAN: key.innerVLAN, protocolNumber: IPProtocol.icmp)
  }

  /// The identifier of an ICMP or ICMPv6 query or its reply; `nil` for any other packet.
  public var icmpIdentifier: UInt16? {
    guard kind == .icmp || kind == .icmpv6, ICMPHeader.hasIdentifier(icmpType, isV6: kind == .icmpv6) else {
      return nil
    }
    return transport.loadBE16(at: 4)
  }

  private var quotedIPv4: FlowKey? {
    guard let header = IPv4Header(payload, length: payloadLength), header.version == 4, header.headerLength >= 20,
      header.fragmentOffset == 0, header.headerLength + 4 <= payloadLength
    else { return nil }
    return quoted(
      header.source, header.destination, header.protocolNumber, ports: payload + Int(header.headerLength))
  }

  private var quotedIPv6: FlowKey? {
    guard let header = IPv6Header(payload, length: payloadLength), header.version == 6 else { return nil }
    let walk = IPv6ExtensionHeaders(
      payload + Int(IPv6Header.length), length: payloadLength - IPv6Header.length, first: header.nextHeader)
    let offset = IPv6Header.length + walk.length
    guard walk.end == .payload, offset + 4 <= payloadLength else { return nil }
    return quoted(header.source, header.destination, walk.nextHeader, ports: payload + Int(offset))
  }

  private func quoted(
    _ source: IPAddress, _ destination: IPAddress, _ protocolNumber: UInt8, ports: UnsafeRawPointer
  ) -> FlowKey? {
    guard protocolNumber == IPProtocol.tcp || protocolNumber == IPProtocol.udp else { return nil }
    return FlowKey(
      source: source, sourcePort: ports.loadBE16(at: 0), destination: destination,
      destinationPort: ports.loadBE16(at: 2), vlan: key.vlan, innerVLAN: key.innerVLAN, protocolNumber: protocolNumber)
  }
}
