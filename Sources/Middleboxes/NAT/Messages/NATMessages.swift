import MOSCore

/// What a NAT says itself, by ICMP: to whom, and from which address; and how long datagrams may be on either side, which is
/// most of what it has to say.
struct NATMessages: BitwiseCopyable {
  /// Who gets messages (RFC 5508 REQ-9).
  let toward: NATConfiguration.MessageReceivers
  /// Whether who sends a SYN that nobody asked for is told, after a while (RFC 5382 REQ-4).
  let answersSYNs: Bool
  /// By which address hosts behind the NAT know it.
  let address4: UInt32?
  let address6: IPAddress?
  /// Whether hosts were told of `address4` in the configuration: they may ask whether it is there.
  let isOwnAddress4: Bool
  /// Bytes of IP that the networks behind the NAT take, and the ones outside.
  let internalMTU: Int
  let externalMTU: Int
  /// Whether the length of packets matters.
  let limitsLength: Bool

  /// What hosts of IPv4 outside and of IPv6 behind the NAT are known to be able to get.
  var mtu: (v4: Int?, v6: Int?) {
    (externalMTU == .max ? nil : externalMTU, internalMTU == .max ? nil : internalMTU)
  }

  init(_ configuration: NATConfiguration) {
    toward = configuration.messagesToward
    answersSYNs = configuration.answersSYNs && configuration.messagesToward == .all
    address4 = configuration.messageAddress4 ?? configuration.external.first ?? configuration.pool.first
    isOwnAddress4 = configuration.messageAddress4 != nil
    address6 =
      configuration.messageAddress6
      ?? configuration.embedding.flatMap { embedding in
        (configuration.external.first ?? configuration.pool.first).map { embedding.embed($0) }
      }
    internalMTU = configuration.internalMTU ?? .max
    externalMTU = configuration.externalMTU ?? .max
    limitsLength = configuration.internalMTU != nil || configuration.externalMTU != nil
  }
}

extension NATTables {
  /// From which address the sender of a packet may be told about it; nil where it may not.
  func messageSource(to packet: UnsafePointer<DecodedPacket>) -> IPAddress? {
    if packet.pointee.ipVersion == 6 { return messages.toward == .nobody ? nil : messages.address6 }
    let destination = UInt32(truncatingIfNeeded: packet.pointee.key.destination.low)
    switch realms.realm(of: UInt32(truncatingIfNeeded: packet.pointee.key.source.low)) {
    case .internal: return messages.toward == .nobody ? nil : messages.address4.map { IPAddress(v4: $0) }
    case .outside where realms.realm(of: destination) == .external:
      return messages.toward == .all ? packet.pointee.key.destination : nil
    default: return nil
    }
  }

  /// Whether a packet asks the NAT itself whether it is there, and may get an answer (RFC 5508 REQ-10 a).
  @inline(never) func isEchoToNAT(_ packet: UnsafePointer<DecodedPacket>) -> Bool {
    guard packet.pointee.isEchoRequest, let source = messageSource(to: packet) else { return false }
    guard packet.pointee.ipVersion == 4 else { return packet.pointee.key.destination == source }
    let destination = UInt32(truncatingIfNeeded: packet.pointee.key.destination.low)
    // From outside none is sent to it: a source is the packet's own destination then.
    if messages.isOwnAddress4, destination == messages.address4 { return true }
    return realms.realm(of: destination) == .external && owner(of: destination) == nil
  }

  /// Bytes of IP that may leave toward where a packet of IPv4 goes.
  func mtu(toward packet: UnsafePointer<DecodedPacket>) -> Int {
    let destination = UInt32(truncatingIfNeeded: packet.pointee.key.destination.low)
    return realms.realm(of: destination) == .external ? messages.internalMTU : messages.externalMTU
  }
}
