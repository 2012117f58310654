import MOSCore

/// Source and destination that a packet, or one that is quoted, gets in the other version of IP, or in the same.
struct ProtocolEnds {
  var source: IPAddress
  var sourcePort: UInt16
  var destination: IPAddress
  var destinationPort: UInt16

  var isV4: Bool { destination.isV4 }

  func write(to header: UnsafeMutableRawPointer) {
    if isV4 {
      header.storeBE32(UInt32(truncatingIfNeeded: source.low), at: 12)
      header.storeBE32(UInt32(truncatingIfNeeded: destination.low), at: 16)
    } else {
      for (address, place) in [(source, 8), (destination, 24)] {
        header.storeBE64(address.high, at: place)
        header.storeBE64(address.low, at: place + 8)
      }
    }
  }
}

/// The header fields that one version of IP has in common with the other (RFC 7915 4.1, 5.1).
struct CommonHeader {
  var trafficClass: UInt8
  var hops: UInt8
  /// TCP, UDP, or ICMP's number in the version it is of.
  var protocolNumber: UInt8
  /// Bytes behind the header, as it says.
  var contents: Int
  /// IPv4's identification and `DF`.
  var identification: UInt16 = 0
  var dontFragment = false

  /// The number of the protocol in a version.
  static func number(_ number: UInt8, isV4: Bool) -> UInt8 {
    number == IPProtocol.icmp || number == IPProtocol.icmpv6 ? isV4 ? IPProtocol.icmp : IPProtocol.icmpv6 : number
  }

  static func length(isV4: Bool) -> Int { isV4 ? 20 : 40 }

  func write(_ ends: ProtocolEnds, to header: UnsafeMutableRawPointer) {
    if ends.isV4 {
      header.storeBE16(0x4500 | UInt16(trafficClass), at: 0)
      header.storeBE16(UInt16(truncatingIfNeeded: 20 + contents), at: 2)
      header.storeBE16(identification, at: 4)
      header.storeBE16(dontFragment ? 0x4000 : 0, at: 6)
      header.storeBE16(UInt16(hops) << 8 | UInt16(protocolNumber), at: 8)
      header.storeBE16(0, at: 10)
      ends.write(to: header)
      header.storeBE16(Checksum.of(header, count: 20), at: 10)
    } else {
      header.storeBE32(0x6000_0000 | UInt32(trafficClass) << 20, at: 0)
      header.storeBE16(UInt16(truncatingIfNeeded: contents), at: 4)
      header.storeBE16(UInt16(protocolNumber) << 8 | UInt16(hops), at: 6)
      ends.write(to: header)
    }
  }
}

/// A transport header behind an IP header, whole or as far as it is quoted.
struct TransportPlace {
  var network: UnsafeRawPointer
  var isV4: Bool
  var transport: UnsafeRawPointer
  /// Bytes of it that are there; at least eight.
  var count: Int

  /// The sum of what the transport's checksum covers of the IP header.
  private static func pseudoHeader(
    _ network: UnsafeRawPointer, isV4: Bool, _ protocolNumber: UInt8, length: Int
  ) -> Checksum {
    // ICMP has none over IPv4 (RFC 792).
    if protocolNumber == IPProtocol.icmp { return Checksum() }
    return isV4
      ? Checksum(ipv4Header: network, protocolNumber: protocolNumber, length: UInt32(length))
      : Checksum(
        ipv6Source: network + 8, destination: network + 24, protocolNumber: protocolNumber, length: UInt32(length))
  }

  /// Gives a copy of the transport header at `target`, behind the new IP header at `newNetwork`, its new ports or identifier
  /// and ICMP's other types, and moves its checksum by the difference (RFC 1624), so that a wrong one stays wrong. `length` is
  /// that of all behind the IP header. `false` for what has no translation.
  func translate(
    _ target: UnsafeMutableRawPointer, behind newNetwork: UnsafeRawPointer, _ ends: ProtocolEnds,
    _ oldNumber: UInt8, length: Int
  ) -> Bool {
    let newNumber = CommonHeader.number(oldNumber, isV4: ends.isV4)
    var old = Self.pseudoHeader(network, isV4: isV4, oldNumber, length: length)
    var new = Self.pseudoHeader(newNetwork, isV4: ends.isV4, newNumber, length: length)
    let field: Int
    // What else changes lies in the first eight bytes, the checksum of UDP and ICMP among them.
    let changed: Int
    switch oldNumber {
    case IPProtocol.tcp: (field, changed) = (16, 4)
    case IPProtocol.udp: (field, changed) = (6, 4)
    default: (field, changed) = (2, 2)
    }
    old.add(transport, count: changed)
    if changed == 4 {
      target.storeBE16(ends.sourcePort, at: 0)
      target.storeBE16(ends.destinationPort, at: 2)
    } else {
      guard let type = Self.queryType(transport.load8(at: 0), isV4: isV4, newIsV4: ends.isV4) else { return false }
      target.store8(type, at: 0)
      // Both ends have the identifier.
      target.storeBE16(ends.sourcePort, at: 4)
      old.add(transport + 4, count: 2)
      new.add(target + 4, count: 2)
    }
    new.add(target, count: changed)
    guard count >= field + 2 else { return true }
    let checksum = transport.loadBE16(at: field)
    if oldNumber == IPProtocol.udp, checksum == 0 {
      // IPv6 has no UDP without one (RFC 8200 8.1, RFC 7915 4.5): it takes all of the datagram.
      guard isV4 else { return false }
      if ends.isV4 || count < length { return true }
      var whole = Self.pseudoHeader(newNetwork, isV4: false, newNumber, length: length)
      whole.add(target, count: length)
      target.storeBE16(whole.value == 0 ? 0xffff : whole.value, at: field)
      return true
    }
    let moved = Checksum.updated(checksum, from: ~old.value, to: ~new.value)
    target.storeBE16(oldNumber == IPProtocol.udp && moved == 0 ? 0xffff : moved, at: field)
    return true
  }

  /// The type of an echo message in a version; nil for others, which concern one link only or are obsolete (RFC 7915 4.2, 5.2).
  static func queryType(_ type: UInt8, isV4: Bool, newIsV4: Bool) -> UInt8? {
    switch (isV4, type) {
    case (true, 8), (false, 128): newIsV4 ? 8 : 128
    case (true, 0), (false, 129): newIsV4 ? 0 : 129
    default: nil
    }
  }
}
