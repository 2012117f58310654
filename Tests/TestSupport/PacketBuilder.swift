/// Makes correct frames for tests, and wrong ones by what is set: checksums that are not given are calculated, by an
/// implementation of its own.
package struct PacketBuilder {
  /// The first of the two addresses; 4 bytes for IPv4, 16 for IPv6.
  package var source: [UInt8] = [10, 0, 0, 1]
  package var destination: [UInt8] = [10, 0, 0, 2]
  package var sourcePort: UInt16 = 40000
  package var destinationPort: UInt16 = 80
  package var sequence: UInt32 = 1000
  package var acknowledgment: UInt32 = 2000
  package var flags: UInt16 = 0x18
  package var window: UInt16 = 8192
  package var urgentPointer: UInt16 = 0
  package var timeToLive: UInt8 = 64
  package var identification: UInt16 = 7
  package var tcpOptions: [UInt8] = []
  package var ipOptions: [UInt8] = []
  package var payload: [UInt8] = []
  /// Wrong values, where they are wanted.
  package var tcpChecksum: UInt16?
  package var udpChecksum: UInt16?
  package var ipChecksum: UInt16?
  package var dataOffset: UInt8?
  package var udpLength: UInt16?
  package var totalLength: UInt16?
  package var headerLength: UInt8?

  package static let v6Source: [UInt8] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
  package static let v6Destination: [UInt8] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]

  package init(payload: [UInt8] = []) { self.payload = payload }

  /// The same over IPv6.
  package var v6: PacketBuilder {
    var builder = self
    builder.source = Self.v6Source
    builder.destination = Self.v6Destination
    return builder
  }

  /// The answer's direction.
  package var reversed: PacketBuilder {
    var builder = self
    (builder.source, builder.destination) = (destination, source)
    (builder.sourcePort, builder.destinationPort) = (destinationPort, sourcePort)
    return builder
  }

  package var isV6: Bool { source.count == 16 }

  /// A TCP segment.
  package var segment: [UInt8] {
    let length = 20 + tcpOptions.count
    var bytes = be(sourcePort) + be(destinationPort) + be(sequence) + be(acknowledgment)
    bytes += be(UInt16(dataOffset ?? UInt8(length / 4)) << 12 | flags) + be(window) + be(0 as UInt16)
    bytes += be(urgentPointer) + tcpOptions + payload
    let checksum = tcpChecksum ?? internetChecksum(pseudoHeader(6, bytes.count) + bytes)
    bytes.replaceSubrange(16..<18, with: be(checksum))
    return bytes
  }

  /// A UDP datagram.
  package var datagram: [UInt8] {
    var bytes = be(sourcePort) + be(destinationPort) + be(udpLength ?? UInt16(8 + payload.count)) + be(0 as UInt16)
    bytes += payload
    let calculated = internetChecksum(pseudoHeader(17, bytes.count) + bytes)
    bytes.replaceSubrange(6..<8, with: be(udpChecksum ?? (calculated == 0 ? 0xffff : calculated)))
    return bytes
  }

  /// An ICMP or ICMPv6 message with `payload` behind 8 bytes of header.
  package func icmp(type: UInt8, code: UInt8 = 0) -> [UInt8] {
    icmp(type: type, code: code, rest: 0x0001_0002, contents: payload)
  }

  /// The same with four bytes of its own in the header, and with `contents` behind, such as the packet that an error is about.
  package func icmp(type: UInt8, code: UInt8, rest: UInt32, contents: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = [type, code, 0, 0] + be(rest) + contents
    let checksum = internetChecksum((isV6 ? pseudoHeader(58, bytes.count) : []) + bytes)
    bytes.replaceSubrange(2..<4, with: be(checksum))
    return bytes
  }

  /// An ICMP error of a router at `router` about a packet to its sender, which quotes as much of it as there may be (RFC 1812
  /// 4.3.2.3, RFC 4443 2.4 c), as an IP packet.
  package static func error(
    type: UInt8, code: UInt8, rest: UInt32 = 0, from router: [UInt8], about packet: [UInt8]
  ) -> [UInt8] {
    var builder = PacketBuilder()
    builder.source = router
    let isV6 = router.count == 16
    builder.destination = Array(isV6 ? packet[8..<24] : packet[12..<16])
    let contents = Array(packet.prefix(isV6 ? 1_280 - 48 : 576 - 28))
    let message = builder.icmp(type: type, code: code, rest: rest, contents: contents)
    builder.identification = 0
    var whole = builder.ip(isV6 ? 58 : 1, message)
    guard !isV6 else { return whole }
    whole[1] = packet[1] & 0x1c | 0xc0
    whole.replaceSubrange(10..<12, with: [0, 0])
    whole.replaceSubrange(10..<12, with: be(internetChecksum(Array(whole[..<20]))))
    return whole
  }

  /// An IP packet; for IPv4 with `fragment` as flags and offset word.
  package func ip(_ number: UInt8, _ contents: [UInt8], fragment: UInt16 = 0x4000) -> [UInt8] {
    if isV6 {
      return [0x60, 0, 0, 0] + be(totalLength ?? UInt16(truncatingIfNeeded: contents.count)) + [number, timeToLive]
        + source + destination + contents
    }
    let length = 20 + ipOptions.count
    var header: [UInt8] = [0x40 | (headerLength ?? UInt8(length / 4)), 0]
    header += be(totalLength ?? UInt16(truncatingIfNeeded: length + contents.count))
    header += be(identification) + be(fragment) + [timeToLive, number, 0, 0] + source + destination + ipOptions
    header.replaceSubrange(10..<12, with: be(ipChecksum ?? internetChecksum(header)))
    return header + contents
  }

  /// An IP packet with the TCP segment.
  package var tcp: [UInt8] { ip(6, segment) }
  /// An IP packet with the UDP datagram.
  package var udp: [UInt8] { ip(17, datagram) }
  /// An Ethernet frame with the TCP segment.
  package var tcpFrame: [UInt8] { ethernet(tcp) }
  /// An Ethernet frame with the UDP datagram.
  package var udpFrame: [UInt8] { ethernet(udp) }

  /// An Ethernet frame with tags, around an IP packet of this builder's version.
  package func ethernet(_ contents: [UInt8], vlans: [UInt16] = []) -> [UInt8] {
    Self.ethernet(contents, type: isV6 ? 0x86dd : 0x0800, vlans: vlans)
  }

  /// An Ethernet frame around anything.
  package static func ethernet(_ contents: [UInt8], type: UInt16, vlans: [UInt16] = []) -> [UInt8] {
    [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1] + vlans.flatMap { be(0x8100 as UInt16) + be($0) } + be(type) + contents
  }

  /// An IP packet in a frame back to who sent those of `ethernet`.
  package static func returned(_ packet: [UInt8]) -> [UInt8] {
    let frame = ethernet(packet, type: packet[0] >> 4 == 6 ? 0x86dd : 0x0800)
    return Array(frame[6..<12]) + Array(frame[0..<6]) + frame[12...]
  }

  /// The payload of an IP packet in IPv4 fragments of `size` bytes (a multiple of 8), in order.
  package func fragments(_ number: UInt8, _ contents: [UInt8], size: Int) -> [[UInt8]] {
    stride(from: 0, to: contents.count, by: size).map { offset in
      let end = min(offset + size, contents.count)
      let more: UInt16 = end < contents.count ? 0x2000 : 0
      return ip(number, Array(contents[offset..<end]), fragment: more | UInt16(offset / 8))
    }
  }

  /// The same for IPv6, with a fragment header of identification 99.
  package func v6Fragments(_ number: UInt8, _ contents: [UInt8], size: Int) -> [[UInt8]] {
    stride(from: 0, to: contents.count, by: size).map { offset in
      let end = min(offset + size, contents.count)
      return v6Fragment(number, Array(contents[offset..<end]), offset: offset, more: end < contents.count)
    }
  }

  /// One IPv6 fragment.
  package func v6Fragment(_ number: UInt8, _ contents: [UInt8], offset: Int, more: Bool) -> [UInt8] {
    ip(44, [number, 0] + be(UInt16(offset) | (more ? 1 : 0)) + be(99 as UInt32) + contents)
  }

  private func pseudoHeader(_ number: UInt8, _ length: Int) -> [UInt8] {
    source + destination + be(UInt32(length)) + [0, 0, 0, number]
  }
}

/// The bytes of a number in network order.
package func be<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
  withUnsafeBytes(of: number.bigEndian) { Array($0) }
}

/// RFC 1071 word by word, as its text says, to hold the fast one against.
package func internetChecksum(_ bytes: [UInt8]) -> UInt16 {
  var sum = 0
  for index in stride(from: 0, to: bytes.count, by: 2) {
    sum += Int(bytes[index]) << 8 + (index + 1 < bytes.count ? Int(bytes[index + 1]) : 0)
  }
  while sum > 0xffff { sum = sum & 0xffff + sum >> 16 }
  return ~UInt16(sum)
}
