import MOSCore

/// An ARP packet (RFC 826) for IPv4 over Ethernet, a request or a reply.
struct ARPMessage: Sendable {
  /// It asks; else it answers.
  var isRequest: Bool
  /// Who sent it.
  var source: IPAddress
  var hardware: MACAddress
  /// Whom it is about.
  var target: IPAddress

  /// Nil for anything else.
  init?(_ frame: CapturedFrame) {
    guard let ethernet = EthernetHeader(frame.bytes, length: frame.capturedLength), ethernet.etherType == EtherType.arp,
      let arp = ARPHeader(frame.bytes + 14, length: frame.capturedLength - 14), arp.isIPv4OverEthernet,
      1...2 ~= arp.operation
    else { return nil }
    isRequest = arp.operation == 1
    source = IPAddress(v4: arp.senderAddress)
    hardware = MACAddress(rawValue: arp.senderHardware)
    target = IPAddress(v4: arp.targetAddress)
  }
}

/// A neighbor solicitation or advertisement (RFC 4861 4.3, 4.4) that is valid (7.1).
struct NeighbourMessage: Sendable {
  /// It asks; else it answers.
  var isSolicitation: Bool
  /// Who sent it.
  var source: IPAddress
  var sender: MACAddress
  /// Whom it is about.
  var target: IPAddress
  /// What its option says: the source's in a solicitation, the target's in an advertisement.
  var hardware: MACAddress?

  /// Nil for anything else.
  init?(_ frame: CapturedFrame) {
    guard let ethernet = EthernetHeader(frame.bytes, length: frame.capturedLength),
      ethernet.etherType == EtherType.ipv6,
      let header = IPv6Header(frame.bytes + 14, length: frame.capturedLength - 14),
      header.version == 6, header.nextHeader == IPProtocol.icmpv6, header.hopLimit == 255, header.payloadLength >= 24,
      header.payloadLength <= frame.capturedLength - 54
    else { return nil }
    let message = frame.bytes + 54
    guard message.load8(at: 0) == 135 || message.load8(at: 0) == 136, message.load8(at: 1) == 0 else { return nil }
    var checksum = Checksum(
      ipv6Source: frame.bytes + 22, destination: frame.bytes + 38, protocolNumber: IPProtocol.icmpv6,
      length: header.payloadLength)
    checksum.add(message, count: Int(header.payloadLength))
    guard checksum.isValid else { return nil }
    isSolicitation = message.load8(at: 0) == 135
    source = header.source
    sender = MACAddress(rawValue: ethernet.source)
    target = message.loadIPv6Address(at: 8)
    var offset = 24
    while offset + 8 <= Int(header.payloadLength) {
      let count = Int(message.load8(at: offset + 1)) * 8
      // One of length 0 makes the message invalid.
      if count == 0 { return nil }
      if message.load8(at: offset) == (isSolicitation ? 1 : 2) {
        hardware = MACAddress(
          rawValue: UInt64(message.loadBE16(at: offset + 2)) << 32 | UInt64(message.loadBE32(at: offset + 4)))
      }
      offset += count
    }
    // Who has no address yet cannot say which Ethernet address belongs to it.
    if isSolicitation, source == IPAddress(high: 0, low: 0), hardware != nil { return nil }
  }
}
