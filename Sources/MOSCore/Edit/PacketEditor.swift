/// A packet in a buffer in which it can be changed: addresses, ports, TCP's fields, the payload and its length.
///
/// Every change carries the lengths and checksums along, the checksums incrementally (RFC 1624): one that was wrong stays
/// wrong, and a UDP checksum that the sender left out stays out. A change that is refused changes nothing. Headers before
/// IP (Ethernet, VLAN tags) are never touched. Signatures inside of TCP (RFC 2385, RFC 5925) are not looked after.
///
/// The buffer is borrowed: it belongs to whoever made the editor, and must outlive it. No operation allocates.
///
/// Invariant while a packet is held (`payloadOffset` is not 0): 0 <= `networkOffset` < `transportOffset` <
/// `payloadOffset`, `payloadOffset` + `payloadLength` <= `frameLength` <= `capacity`, and each header has the bytes that
/// lie between its offset and the next; `load` checks it, and nothing else sets an offset.
public struct PacketEditor: ~Copyable {
  let base: UnsafeMutableRawPointer
  /// Bytes that the buffer has room for.
  public let capacity: Int
  /// Bytes of the frame, padding behind the IP datagram included; 0 without a packet.
  public internal(set) var frameLength = 0
  /// Where the IP header begins in the frame.
  public private(set) var networkOffset = 0
  /// Where the TCP, UDP or ICMP header begins in the frame.
  public private(set) var transportOffset = 0
  /// Where the payload begins in the frame; 0 without a packet.
  public private(set) var payloadOffset = 0
  /// Bytes of the payload.
  public internal(set) var payloadLength = 0
  /// Bytes of the IP datagram, header included; 0 without a packet. A UDP datagram may end before it (RFC 9868).
  public internal(set) var ipLength = 0
  /// 4 or 6; 0 without a packet.
  public private(set) var ipVersion: UInt8 = 0
  /// Whether it is TCP.
  public private(set) var isTCP = false
  /// Whether it is ICMP or ICMPv6.
  public private(set) var isICMP = false
  /// Whether all that says how long the packet is can be changed along with it.
  private(set) var isResizable = false
  /// A routing header or home address option takes the place of an IPv6 header's address in the pseudo-header.
  private(set) var checksumCoversSource = true
  private(set) var checksumCoversDestination = true

  /// An editor without a packet, in `buffer`.
  public init(buffer: UnsafeMutableRawBufferPointer) {
    // A buffer without memory has no room either, so that its address is never used.
    base = buffer.baseAddress ?? UnsafeMutableRawPointer(bitPattern: 1)!
    capacity = buffer.count
  }

  /// Takes a copy of the packet's frame, instead of what was held before. A frame that is in the buffer already stays where
  /// it is.
  ///
  /// When it is refused the editor holds no packet: what is no TCP, UDP or ICMP, is inside of a tunnel, is a fragment or was one,
  /// is not all there, or has an authentication header. Checksums are not looked at.
  public mutating func load(_ packet: DecodedPacket) -> PacketEditOutcome {
    withUnsafePointer(to: packet) { load($0) }
  }

  /// The same for a packet that need not be copied for it.
  public mutating func load(_ pointer: UnsafePointer<DecodedPacket>) -> PacketEditOutcome {
    var packet: DecodedPacket { pointer.pointee }
    payloadOffset = 0
    payloadLength = 0
    frameLength = 0
    ipLength = 0
    ipVersion = 0
    let minimum: Int
    switch packet.kind {
    case .tcp: minimum = Int(TCPHeader.minimumLength)
    case .udp: minimum = Int(UDPHeader.length)
    case .icmp, .icmpv6: minimum = Int(ICMPHeader.length)
    default: return .notSupported
    }
    if packet.isReassembled { return .fragment }
    if packet.tunnelDepth > 0 { return .insideTunnel }
    let length = Int(packet.capturedLength)
    let network = packet.network - packet.frame
    let transport = packet.transport - packet.frame
    let payload = packet.payload - packet.frame
    let end = payload + Int(packet.payloadLength)
    let anomalies = packet.anomalies
    if packet.payloadLength != packet.payloadWireLength || anomalies.contains(.frameTruncated) { return .truncated }
    guard network >= 0, transport - network >= Int(IPv4Header.minimumLength), payload - transport >= minimum,
      end <= length, packet.kind != .tcp || Int(packet.tcpHeaderLength) == payload - transport
    else { return .malformed }
    if anomalies.contains(.ipTotalLengthInvalid) || anomalies.contains(.tcpDataOffsetInvalid)
      || anomalies.contains(.udpLengthInvalid)
    {
      return .malformed
    }
    let refusal = packet.ipVersion == 4 ? checkIPv4(pointer) : checkIPv6(packet)
    guard refusal == .done else { return refusal }
    guard length <= capacity else { return .exceedsCapacity }

    if UnsafeRawPointer(base) != packet.frame { base.copyMemory(from: packet.frame, byteCount: length) }
    frameLength = length
    networkOffset = network
    transportOffset = transport
    payloadOffset = payload
    payloadLength = Int(packet.payloadLength)
    ipLength = Int(packet.ipLength)
    ipVersion = packet.ipVersion
    isTCP = packet.kind == .tcp
    isICMP = minimum == Int(ICMPHeader.length) && packet.kind != .udp
    isResizable =
      ipLengthField == end - network
      && (isTCP || isICMP || Int(transportHeader.loadBE16(at: 4)) == end - transport)
      && LinkHeader.isWithoutLength(base, length: UInt32(network), ipVersion: ipVersion, linkType: packet.linkType)
    return .done
  }

  @inline(__always) private mutating func checkIPv4(_ pointer: UnsafePointer<DecodedPacket>) -> PacketEditOutcome {
    var packet: DecodedPacket { pointer.pointee }
    guard let header = IPv4Header(packet.network, length: packet.ipLength) else { return .malformed }
    if header.isFragment { return .fragment }
    if header.protocolNumber == IPProtocol.authentication { return .authenticated }
    guard packet.transport == packet.network + Int(header.headerLength) else { return .malformed }
    checksumCoversSource = true
    checksumCoversDestination = true
    return .done
  }

  private mutating func checkIPv6(_ packet: DecodedPacket) -> PacketEditOutcome {
    let extensions = packet.transport - packet.network - Int(IPv6Header.length)
    guard extensions >= 0 else { return .malformed }
    let first = packet.network.load8(at: 6)
    let walk = IPv6ExtensionHeaders(
      packet.network + Int(IPv6Header.length), length: UInt32(extensions), first: first)
    // An atomic fragment (RFC 6946) counts as one too.
    if walk.end == .fragment { return .fragment }
    guard walk.end == .payload, Int(walk.length) == extensions else { return .malformed }
    if Self.hasAuthentication(packet.network, extensions: extensions) { return .authenticated }
    checksumCoversSource = walk.homeAddress == nil
    checksumCoversDestination = walk.finalDestination == nil
    return .done
  }

  /// Whether one of the extension headers, which a walk has passed before, is an authentication header.
  private static func hasAuthentication(_ network: UnsafeRawPointer, extensions: Int) -> Bool {
    var kind = network.load8(at: 6)
    var offset = Int(IPv6Header.length)
    let end = offset + extensions
    while offset < end {
      if kind == IPProtocol.authentication { return true }
      kind = network.load8(at: offset)
      offset += (Int(network.load8(at: offset + 1)) + 1) * 8
    }
    return false
  }

  /// The frame as it is now; empty without a packet. Valid until the next change.
  public var frame: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: frameLength) }

  /// The payload as it is now; empty without a packet. Valid until the next change.
  public var payload: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: base + payloadOffset, count: payloadLength)
  }

  /// Makes the description that the packet was loaded from one of what the editor holds. Number, times, hash, kind and
  /// anomalies stay as they are.
  public func describe(into packet: inout DecodedPacket) {
    guard payloadOffset > 0 else { return }
    let network = UnsafeRawPointer(base + networkOffset)
    let transport = UnsafeRawPointer(base + transportOffset)
    packet.frame = UnsafeRawPointer(base)
    packet.capturedLength = UInt32(frameLength)
    packet.wireLength = UInt32(frameLength)
    packet.network = network
    packet.transport = transport
    packet.payload = UnsafeRawPointer(base + payloadOffset)
    packet.payloadLength = UInt32(payloadLength)
    packet.payloadWireLength = UInt32(payloadLength)
    packet.ipLength = UInt32(ipLength)
    packet.timeToLive = network.load8(at: ipVersion == 4 ? 8 : 7)
    packet.key.source =
      ipVersion == 4 ? IPAddress(v4: network.loadBE32(at: 12)) : network.loadIPv6Address(at: 8)
    packet.key.destination =
      ipVersion == 4 ? IPAddress(v4: network.loadBE32(at: 16)) : network.loadIPv6Address(at: 24)
    // The key of ICMP has types in the place of ports, and they do not change.
    if isICMP { return }
    packet.key.rest = packet.key.rest & 0xffff_ffff | UInt64(transport.loadBE32(at: 0)) << 32
    guard isTCP else { return }
    packet.numbers = transport.loadBE64(at: 4)
    packet.control = transport.loadBE64(at: 12)
  }

  var networkHeader: UnsafeMutableRawPointer { base + networkOffset }
  var transportHeader: UnsafeRawPointer { UnsafeRawPointer(base + transportOffset) }

  /// What the IP header says is the datagram's length; 0 for a length that it cannot say.
  private var ipLengthField: Int {
    let header = UnsafeRawPointer(networkHeader)
    if ipVersion == 4 { return Int(header.loadBE16(at: 2)) }
    let length = Int(header.loadBE16(at: 4))
    return length == 0 ? 0 : length + Int(IPv6Header.length)
  }
}
