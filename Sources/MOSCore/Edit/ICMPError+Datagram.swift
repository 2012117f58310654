// Unsafe: reads a packet where it lies, and writes into a buffer. Invariant: what is read of the packet lies within the frame,
// or within the datagram that it was put together to, as the decoder found; what is written was measured before.

extension ICMPError {
  /// The most bytes of an error over IPv4 (RFC 1812 4.3.2.3), and over IPv6 (RFC 4443 2.4 c), IP header included.
  private static func longest(isV4: Bool) -> Int { isV4 ? 576 : 1_280 }

  /// Writes the error about a packet, which it quotes as it is, as an IP datagram from `source` to the packet's sender.
  /// Returns its length.
  ///
  /// Nil, and nothing is written, for a packet that no error may be about (RFC 1122 3.2.2, RFC 1812 4.3.2.7, RFC 4443 2.4 e):
  /// an ICMP error or a redirect, one to a group or to all, by its address or that of its frame, one that does not come from
  /// a single host, and a fragment other than the first; also for one that is no IP packet or lies in a tunnel, for an IPv4
  /// header with a wrong checksum, for a `source` of the other version, and where `buffer` has no room.
  public func write(
    about packet: DecodedPacket, from source: IPAddress, into buffer: UnsafeMutableRawBufferPointer
  ) -> Int? {
    let isV4 = packet.ipVersion == 4
    guard packet.mayBeAnswered(isTooBig: v6.type == 2), source.isV4 == isV4 else {
      return nil
    }
    let header = isV4 ? 20 : 40
    let quoted = min(packet.ipBytesPresent, ICMPError.longest(isV4: isV4) - header - 8)
    let length = header + 8 + quoted
    guard quoted >= header, length <= buffer.count, let base = buffer.baseAddress else { return nil }
    let icmp = base + header
    let message = isV4 ? v4 : v6
    icmp.storeBE32(UInt32(message.type) << 24 | UInt32(message.code) << 16, at: 0)
    icmp.storeBE32(message.rest, at: 4)
    (icmp + 8).copyMemory(from: packet.network, byteCount: quoted)
    if isV4 {
      writeIPv4(about: packet, from: source, length: length, to: base)
    } else {
      writeIPv6(about: packet, from: source, length: length, to: base)
    }
    var checksum =
      isV4
      ? Checksum()
      : Checksum(
        ipv6Source: base + 8, destination: base + 24, protocolNumber: IPProtocol.icmpv6, length: UInt32(8 + quoted))
    checksum.add(icmp, count: 8 + quoted)
    icmp.storeBE16(checksum.value, at: 2)
    return length
  }

  private func writeIPv4(
    about packet: DecodedPacket, from source: IPAddress, length: Int, to base: UnsafeMutableRawPointer
  ) {
    // The packet's type of service, with the precedence of internetwork control (RFC 1812 4.3.2.5).
    let service = packet.network.load8(at: 1) & 0x1c | 0xc0
    base.storeBE16(0x4500 | UInt16(service), at: 0)
    base.storeBE16(UInt16(length), at: 2)
    // Not to be fragmented, so that the identification means nothing (RFC 6864 4.1).
    base.storeBE32(0x4000, at: 4)
    base.storeBE32(64 << 24 | UInt32(IPProtocol.icmp) << 16, at: 8)
    base.storeBE32(UInt32(truncatingIfNeeded: source.low), at: 12)
    base.storeBE32(packet.network.loadBE32(at: 12), at: 16)
    base.storeBE16(Checksum.of(base, count: 20), at: 10)
  }

  private func writeIPv6(
    about packet: DecodedPacket, from source: IPAddress, length: Int, to base: UnsafeMutableRawPointer
  ) {
    base.storeBE32(6 << 28, at: 0)
    base.storeBE32(UInt32(length - 40) << 16 | UInt32(IPProtocol.icmpv6) << 8 | 64, at: 4)
    base.storeBE64(source.high, at: 8)
    base.storeBE64(source.low, at: 16)
    (base + 24).copyMemory(from: packet.network + 8, byteCount: 16)
  }
}

extension DecodedPacket {
  /// Writes what is before IP in the packet's frame, an Ethernet header and up to four VLAN tags, for one that goes back: with
  /// its addresses exchanged, and `etherType`. Returns its length; nil, and nothing is written, for another frame, for a
  /// packet in a tunnel, and where `buffer` has no room.
  public func writeReturningLink(etherType: UInt16, into buffer: UnsafeMutableRawBufferPointer) -> Int? {
    guard linkType == .ethernet, tunnelDepth == 0, ipVersion == 4 || ipVersion == 6,
      let header = LinkHeader.ethernet(frame, available: capturedLength),
      header.etherType == (ipVersion == 4 ? EtherType.ipv4 : EtherType.ipv6),
      let base = buffer.baseAddress, Int(header.length) <= min(buffer.count, 30)
    else { return nil }
    let length = Int(header.length)
    base.copyMemory(from: frame, byteCount: length)
    base.copyMemory(from: frame + 6, byteCount: 6)
    (base + 6).copyMemory(from: frame, byteCount: 6)
    base.storeBE16(etherType, at: length - 2)
    return length
  }

  /// Whether an ICMP error may be about the packet. `isTooBig`: one that also groups are told of (RFC 4443 2.4 e.3).
  fileprivate func mayBeAnswered(isTooBig: Bool) -> Bool {
    guard tunnelDepth == 0, ipVersion != 0, kind != .malformed, !isICMPError else { return false }
    if linkType == .ethernet, capturedLength >= 6, frame.load8(at: 0) & 1 != 0, ipVersion == 4 || !isTooBig {
      return false
    }
    return ipVersion == 4 ? mayBeAnsweredV4 : mayBeAnsweredV6(isTooBig: isTooBig)
  }

  private var mayBeAnsweredV4: Bool {
    guard ipBytesPresent >= 20 else { return false }
    let length = Int(network.load8(at: 0) & 0xf) * 4
    guard length >= 20, length <= ipBytesPresent, Checksum.verify(network, count: length),
      network.loadBE16(at: 6) & 0x1fff == 0
    else { return false }
    let (from, to) = (network.loadBE32(at: 12), network.loadBE32(at: 16))
    return from >> 24 != 0 && from >> 24 != 127 && from < 0xe000_0000 && to < 0xe000_0000
  }

  private func mayBeAnsweredV6(isTooBig: Bool) -> Bool {
    // ICMPv6's redirect is no error by its number.
    guard ipBytesPresent >= 40, kind != .icmpv6 || icmpType != 137 else { return false }
    if kind == .fragment {
      guard network.load8(at: 6) == IPProtocol.fragment, ipBytesPresent >= 48,
        (network + 40).loadBE16(at: 2) & 0xfff8 == 0
      else { return false }
    }
    let from = network.loadIPv6Address(at: 8)
    let isHost = network.load8(at: 8) != 0xff && (from.high != 0 || from.low > 1)
    return isHost && (isTooBig || network.load8(at: 24) != 0xff)
  }

  /// Bytes of the IP datagram that are there.
  fileprivate var ipBytesPresent: Int {
    let offset = network - frame
    let present =
      offset >= 0 && offset <= Int(capturedLength)
      ? Int(capturedLength) - offset : payload - network + Int(payloadLength)
    return min(present, Int(ipLength))
  }
}
