/// Makes new TCP segments of a flow, as complete Ethernet frames, from one that was seen.
///
/// MAC addresses, VLAN tags, addresses, ports and the differentiated services code point are those of the template.
/// Nothing of the template is borrowed, so that a builder can be kept with its flow. Frames have no padding and no frame
/// check sequence: both are the port's.
@frozen
public struct SegmentBuilder: BitwiseCopyable, Sendable {
  /// The most VLAN tags that are taken over.
  public static var maximumTags: Int { 4 }

  /// Addresses and ports of what is built, and the template's VLANs.
  public private(set) var key: FlowKey
  /// 4 or 6.
  public let ipVersion: UInt8
  /// Time to live or hop limit of what is built, 64 from the beginning.
  public var timeToLive: UInt8 = 64
  private let trafficClass: UInt8
  private let linkLength: UInt8
  /// The Ethernet header and its tags.
  private var link: InlineArray<30, UInt8>

  /// A builder of segments in the direction of `packet`, a TCP segment in an Ethernet frame; `nil` for anything else, for
  /// one inside of a tunnel, and for more than four VLAN tags.
  public init?(template packet: DecodedPacket) {
    guard packet.kind == .tcp, packet.tunnelDepth == 0,
      let header = LinkHeader.ethernet(packet.frame, available: packet.capturedLength),
      header.etherType == (packet.ipVersion == 4 ? EtherType.ipv4 : EtherType.ipv6),
      Int(header.length) <= Int(EthernetHeader.length) + Self.maximumTags * Int(VLANTag.length)
    else { return nil }
    key = packet.key
    ipVersion = packet.ipVersion
    // A new packet has no part in what the template's ECN bits say (RFC 3168 5).
    let word = packet.network.loadBE16(at: 0)
    trafficClass = UInt8(truncatingIfNeeded: packet.ipVersion == 4 ? word : word >> 4) & 0xfc
    linkLength = UInt8(header.length)
    link = InlineArray(repeating: 0)
    for index in 0..<Int(header.length) { link[index] = packet.frame.load8(at: index) }
  }

  /// A builder of segments in the other direction.
  public var reversed: SegmentBuilder {
    var builder = self
    builder.key = key.reversed
    for index in 0..<6 {
      builder.link[index] = link[index + 6]
      builder.link[index + 6] = link[index]
    }
    return builder
  }

  /// Bytes of a frame with `optionsLength` bytes of TCP options and `payloadLength` bytes of payload.
  public func frameLength(optionsLength: Int = 0, payloadLength: Int = 0) -> Int {
    Int(linkLength) + (ipVersion == 4 ? 20 : 40) + 20 + (optionsLength + 3) / 4 * 4 + payloadLength
  }

  /// Builds a frame in `buffer` and returns its length; `nil`, with nothing written, when it does not fit there, when there
  /// are more than 40 bytes of options, or when IP's length field cannot say the length.
  ///
  /// Options are filled up to whole words with end-of-list. A host that agreed on timestamps may drop a segment without
  /// them, unless it is a reset (RFC 7323 3.2). `payload` and `options` must not lie in `buffer`.
  ///
  /// If it `leavesChecksum`, that of TCP has the sum of the pseudo-header only: for a port that fills it in, or for
  /// `completeChecksum`.
  public func build(
    _ segment: TCPSegment, options: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0),
    payload: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0), leavesChecksum: Bool = false,
    into buffer: UnsafeMutableRawBufferPointer
  ) -> Int? {
    let length = frameLength(optionsLength: options.count, payloadLength: payload.count)
    let transportOffset = Int(linkLength) + (ipVersion == 4 ? 20 : 40)
    let transportLength = length - transportOffset
    guard options.count <= 40, length <= buffer.count, let frame = buffer.baseAddress,
      transportLength + (ipVersion == 4 ? 20 : 0) <= 0xffff
    else { return nil }
    for index in 0..<Int(linkLength) { frame.store8(link[index], at: index) }
    let transport = frame + transportOffset
    write(segment, options, payload, to: transport)
    let network = frame + Int(linkLength)
    var checksum: Checksum
    if ipVersion == 4 {
      writeIPv4(to: network, length: UInt16(20 + transportLength))
      checksum = Checksum(ipv4Header: network, protocolNumber: IPProtocol.tcp, length: UInt32(transportLength))
    } else {
      writeIPv6(to: network, length: UInt16(transportLength))
      checksum = Checksum(
        ipv6Source: network + 8, destination: network + 24, protocolNumber: IPProtocol.tcp,
        length: UInt32(transportLength))
    }
    if leavesChecksum {
      transport.storeBE16(~checksum.value, at: 16)
    } else {
      checksum.add(transport, count: transportLength)
      transport.storeBE16(checksum.value, at: 16)
    }
    return length
  }

  /// Fills in the checksum of the TCP segment of `count` bytes at `transport` that `build` has left out.
  public static func completeChecksum(_ transport: UnsafeMutableRawPointer, count: Int) {
    // The sum of the pseudo-header is in the field, and so in the sum.
    transport.storeBE16(Checksum.of(transport, count: count), at: 16)
  }

  private func write(
    _ segment: TCPSegment, _ options: UnsafeRawBufferPointer, _ payload: UnsafeRawBufferPointer,
    to transport: UnsafeMutableRawPointer
  ) {
    let headerLength = 20 + (options.count + 3) / 4 * 4
    transport.storeBE16(key.sourcePort, at: 0)
    transport.storeBE16(key.destinationPort, at: 2)
    transport.storeBE32(segment.sequence, at: 4)
    transport.storeBE32(segment.acknowledgment, at: 8)
    transport.storeBE16(UInt16(headerLength / 4) << 12 | segment.flags.rawValue & 0x1ff, at: 12)
    transport.storeBE16(segment.window, at: 14)
    transport.storeBE32(0, at: 16)
    if let bytes = options.baseAddress { (transport + 20).copyMemory(from: bytes, byteCount: options.count) }
    for index in 20 + options.count..<headerLength { transport.store8(0, at: index) }
    if let bytes = payload.baseAddress {
      (transport + headerLength).copyMemory(from: bytes, byteCount: payload.count)
    }
  }

  private func writeIPv4(to network: UnsafeMutableRawPointer, length: UInt16) {
    network.storeBE16(0x4500 | UInt16(trafficClass), at: 0)
    network.storeBE16(length, at: 2)
    // Not to be fragmented, so that the identification means nothing (RFC 6864 4.1).
    network.storeBE32(0x4000, at: 4)
    network.storeBE32(UInt32(timeToLive) << 24 | UInt32(IPProtocol.tcp) << 16, at: 8)
    network.storeBE32(UInt32(truncatingIfNeeded: key.source.low), at: 12)
    network.storeBE32(UInt32(truncatingIfNeeded: key.destination.low), at: 16)
    network.storeBE16(Checksum.of(network, count: 20), at: 10)
  }

  private func writeIPv6(to network: UnsafeMutableRawPointer, length: UInt16) {
    network.storeBE32(0x6000_0000 | UInt32(trafficClass) << 20, at: 0)
    network.storeBE32(UInt32(length) << 16 | UInt32(IPProtocol.tcp) << 8 | UInt32(timeToLive), at: 4)
    network.storeBE64(key.source.high, at: 8)
    network.storeBE64(key.source.low, at: 16)
    network.storeBE64(key.destination.high, at: 24)
    network.storeBE64(key.destination.low, at: 32)
  }
}
