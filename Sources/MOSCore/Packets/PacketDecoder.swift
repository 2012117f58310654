/// Finds what a frame carries: link layer, encapsulations, IP (fragments put together), and the transport header.
///
/// A frame is read header by header: each step looks at the header where a `DecodeCursor` stands, moves it behind, and
/// says what comes next, until one says that the packet is described. Decoding ends: every step but the entry into a
/// reassembled datagram moves forward, and a reassembled datagram is not reassembled again before the next tunnel, of
/// which there is a limited number. An Ethernet frame with a plain IPv4 header and TCP is recognised at once and takes
/// none of the steps.
///
/// Invariant for memory: nothing is read outside of the captured bytes of the frame (or of the reassembled datagram):
/// each header's view checks its length against the cursor's `available`.
public struct PacketDecoder: ~Copyable {
  let configuration: DecoderConfiguration
  let maximumDepth: UInt8
  /// The datagrams that wait for fragments.
  public internal(set) var reassembler: FragmentReassembler

  /// A decoder; memory for fragments is reserved here, and provided by the system when fragments come.
  public init(configuration: DecoderConfiguration) {
    self.configuration = configuration
    maximumDepth = UInt8(max(0, min(configuration.maximumTunnelDepth, 255)))
    reassembler = FragmentReassembler(
      maximumDatagrams: configuration.maximumFragmentedDatagrams, maximumBytes: configuration.maximumFragmentBytes)
  }

  /// Begins a burst: datagrams that were put together in the one before are no longer valid.
  @inline(__always)
  public mutating func beginBurst() { reassembler.beginBurst() }

  /// Decodes one frame; always fills `packet` (kind, lengths, anomalies).
  ///
  /// `frame` points to `capturedLength` readable bytes; `wireLength` is what the frame had on the wire, and is taken as
  /// `capturedLength` where it is smaller. `number` is the packet's number in the trace. When the frame completes a
  /// fragmented datagram, `packet` describes the datagram (`isReassembled`), which lies in the decoder's memory until
  /// the next `beginBurst()`.
  public mutating func decode(
    frame: UnsafeRawPointer, capturedLength: UInt32, wireLength: UInt32, linkType: LinkType, timestamp: Timestamp,
    number: UInt64, into packet: inout DecodedPacket
  ) {
    // Ethernet, IPv4 without options (the 0x45), not a fragment, TCP, lengths that fit.
    if linkType == .ethernet, capturedLength >= 54, frame.loadBE32(at: 12) >> 8 == 0x08_0045 {
      let network = frame + 14
      let transport = frame + 34
      let total = UInt32(network.loadBE16(at: 2))
      let fragmentTimeProtocol = network.loadBE32(at: 6)
      let timeToLive = UInt8(truncatingIfNeeded: fragmentTimeProtocol >> 8)
      let offsetAndFlags = transport.loadBE16(at: 12)
      let headerLength = UInt32(offsetAndFlags >> 12) << 2
      if fragmentTimeProtocol & 0x3fff_00ff == 6, total &+ 14 <= capturedLength, headerLength >= 20,
        headerLength &+ 20 <= total, timeToLive >= configuration.minimumTimeToLive,
        !configuration.verifyChecksums || Self.checksumsAreValid(network, total)
      {
        packet = DecodedPacket(frame: frame)
        packet.number = number
        packet.timestamp = timestamp
        packet.capturedLength = capturedLength
        packet.wireLength = wireLength
        packet.network = network
        packet.transport = transport
        packet.payload = transport + Int(headerLength)
        packet.payloadLength = total &- 20 &- headerLength
        packet.payloadWireLength = total &- 20 &- headerLength
        packet.ipLength = total
        packet.key.source = IPAddress(v4: network.loadBE32(at: 12))
        packet.key.destination = IPAddress(v4: network.loadBE32(at: 16))
        packet.key.rest = UInt64(transport.loadBE32(at: 0)) << 32 | UInt64(IPProtocol.tcp)
        packet.anomalies = Self.flagAnomalies(offsetAndFlags)
        packet.sequence = transport.loadBE32(at: 4)
        packet.acknowledgment = transport.loadBE32(at: 8)
        packet.flags = TCPFlags(rawValue: offsetAndFlags & 0x1ff)
        packet.window = transport.loadBE16(at: 14)
        packet.urgentPointer = transport.loadBE16(at: 18)
        packet.tcpHeaderLength = UInt8(truncatingIfNeeded: headerLength)
        packet.timeToLive = timeToLive
        packet.ipVersion = 4
        packet.kind = .tcp
        packet.isAcceptable = true
        return
      }
    }
    packet = DecodedPacket(frame: frame)
    packet.number = number
    packet.timestamp = timestamp
    packet.capturedLength = capturedLength
    packet.wireLength = wireLength
    decodeStepwise(linkType, &packet)
  }

  /// Whether the checksums of an IPv4 header of 20 bytes and of the TCP segment behind it are right.
  @inline(__always)
  private static func checksumsAreValid(_ network: UnsafeRawPointer, _ total: UInt32) -> Bool {
    var header = Checksum(sum: network.loadUnaligned(fromByteOffset: 12, as: UInt64.self))
    var segment = header
    header.add(network, count: 12)
    segment.addPseudoHeader(protocolNumber: IPProtocol.tcp, length: total &- 20)
    segment.add(network + 20, count: Int(total &- 20))
    return header.isValid && segment.isValid
  }

  /// The anomaly of control bits that no stack sends: SYN together with FIN or RST, or none of SYN, RST and ACK.
  @inline(__always)
  static func flagAnomalies(_ word: UInt16) -> AnomalySet {
    // Bit n of the constant stands for n as the low five control bits: ACK, PSH, RST, SYN, FIN.
    return AnomalySet(
      rawValue: UInt64(0xc8c8_cbcb as UInt32 &>> UInt32(word & 0x1f) & 1) &<< UInt64(Anomaly.tcpFlagsInvalid.rawValue))
  }

  @inline(never)
  private mutating func decodeStepwise(_ linkType: LinkType, _ packet: inout DecodedPacket) {
    packet.isAcceptable = true
    let layer: DecodeLayer =
      switch linkType {
      case .ethernet: .ethernet
      case .null, .loop: .loopback
      case .ppp: .ppp
      case .raw, .rawBSD, .rawOpenBSD: .ip
      case .ipv4: .ipv4
      case .ipv6: .ipv6
      case .ieee80211: .ieee80211
      case .radiotap: .radiotap
      case .linuxSLL: .linuxSLL
      case .linuxSLL2: .linuxSLL2
      }
    var cursor = DecodeCursor(
      packet.frame, available: packet.capturedLength, claimed: max(packet.wireLength, packet.capturedLength),
      layer: layer)
    while true {
      switch cursor.layer {
      case .ethernet: decodeEthernet(&cursor, &packet)
      case .etherType: decodeEtherType(&cursor, &packet)
      case .llc: decodeLLC(&cursor, &packet)
      case .ppp: decodePPP(&cursor, &packet)
      case .radiotap: decodeRadiotap(&cursor, &packet)
      case .ieee80211: decode80211(&cursor, &packet)
      case .loopback: decodeLoopback(&cursor, &packet)
      case .linuxSLL, .linuxSLL2: decodeLinuxCooked(&cursor, &packet)
      case .ip: decodeIP(&cursor, &packet)
      case .ipv4: decodeIPv4(&cursor, &packet)
      case .ipv6: decodeIPv6(&cursor, &packet)
      case .transport: decodeTransport(&cursor, &packet)
      case .done: return
      }
    }
  }

  /// Enters a tunnel, where it may be taken off; if not, the packet stays what it is.
  func enter(_ tunnel: TunnelSet, _ packet: inout DecodedPacket) -> Bool {
    guard configuration.tunnels.contains(tunnel) else { return false }
    guard packet.tunnelDepth < maximumDepth else {
      packet.anomalies.insert(.encapsulationTooDeep)
      return false
    }
    packet.tunnelDepth &+= 1
    return true
  }
}
