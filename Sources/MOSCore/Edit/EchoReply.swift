// Unsafe: reads a packet where it lies, and writes into a buffer. Invariant: the packet's bytes from IP to the end of its payload
// are all there, and what is written was measured before.

extension DecodedPacket {
  /// Whether it is an echo request, of ICMP or ICMPv6, that a host would answer.
  public var isEchoRequest: Bool {
    (kind == .icmp && icmpType == 8 || kind == .icmpv6 && icmpType == 128) && icmpCode == 0 && isAcceptable
  }

  /// Writes the reply to an echo request as an IP datagram, from whom it was sent to (RFC 1122 3.2.2.6, RFC 4443 4.2). Returns
  /// its length; nil, and nothing is written, for any other packet, one of which not all is there or that lies in a tunnel,
  /// and where `buffer` has no room.
  public func writeEchoReply(into buffer: UnsafeMutableRawBufferPointer) -> Int? {
    guard isEchoRequest, tunnelDepth == 0, payloadLength == payloadWireLength else { return nil }
    let isV4 = kind == .icmp
    let header = isV4 ? 20 : 40
    let count = payload - transport + Int(payloadLength)
    guard count >= 8, header + count <= min(buffer.count, 65_535), let base = buffer.baseAddress else { return nil }
    let icmp = base + header
    icmp.copyMemory(from: transport, byteCount: count)
    icmp.store8(isV4 ? 0 : 129, at: 0)
    icmp.storeBE16(0, at: 2)
    var checksum = Checksum()
    if isV4 {
      base.storeBE16(0x4500 | UInt16(network.load8(at: 1)), at: 0)
      base.storeBE16(UInt16(header + count), at: 2)
      base.storeBE32(0, at: 4)
      base.storeBE32(64 << 24 | UInt32(IPProtocol.icmp) << 16, at: 8)
      (base + 12).copyMemory(from: network + 16, byteCount: 4)
      (base + 16).copyMemory(from: network + 12, byteCount: 4)
      base.storeBE16(Checksum.of(base, count: 20), at: 10)
    } else {
      base.storeBE32(network.loadBE32(at: 0), at: 0)
      base.storeBE32(UInt32(count) << 16 | UInt32(IPProtocol.icmpv6) << 8 | 64, at: 4)
      (base + 8).copyMemory(from: network + 24, byteCount: 16)
      (base + 24).copyMemory(from: network + 8, byteCount: 16)
      checksum = Checksum(
        ipv6Source: base + 8, destination: base + 24, protocolNumber: IPProtocol.icmpv6, length: UInt32(count))
    }
    checksum.add(icmp, count: count)
    icmp.storeBE16(checksum.value, at: 2)
    return header + count
  }
}
