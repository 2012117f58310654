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
    guard linkType == .ethernet, Self.isPlainTCP(frame, capturedLength, configuration.minimumTimeToLive) else {
      return decodeStepwise(
        frame: frame, capturedLength: capturedLength, wireLength: wireLength, linkType: linkType, timestamp: timestamp,
        number: number, into: &packet)
    }
    guard !configuration.verifyChecksums else {
      return decodeVerified(
        frame: frame, capturedLength: capturedLength, wireLength: wireLength, timestamp: timestamp, number: number,
        into: &packet)
    }
    Self.describe(frame, capturedLength, wireLength, timestamp, number, &packet)
  }

  /// Whether a frame is Ethernet, IPv4 without options (the 0x45), not a fragment, TCP, with lengths that fit.
  @inline(__always)
  private static func isPlainTCP(
    _ frame: UnsafeRawPointer, _ capturedLength: UInt32, _ minimumTimeToLive: UInt8
  ) -> Bool {
    guard capturedLength >= 54, frame.loadBE32(at: 12) >> 8 == 0x08_0045 else { return false }
    let total = UInt32(frame.loadBE16(at: 16))
    let fragmentTimeProtocol = frame.loadBE32(at: 20)
    let headerLength = UInt32(frame.load8(at: 46) >> 4) << 2
    return fragmentTimeProtocol & 0x3fff_00ff == 6 && total &+ 14 <= capturedLength && headerLength >= 20
      && headerLength &+ 20 <= total && UInt8(truncatingIfNeeded: fragmentTimeProtocol >> 8) >= minimumTimeToLive
  }

  /// Describes a frame for which `isPlainTCP` holds and whose checksums need no look.
  @inline(__always)
  private static func describe(
    _ frame: UnsafeRawPointer, _ capturedLength: UInt32, _ wireLength: UInt32, _ timestamp: Timestamp,
    _ number: UInt64, _ packet: inout DecodedPacket
  ) {
    // Every field is stored once, straight behind its load: the compiler has to assume that the packet's description may
    // lie in the frame, so it neither drops stores that others follow nor moves loads over them.
    packet.number = number
    packet.timestamp = timestamp
    packet.clock = Timestamp(nanoseconds: 0)
    packet.frame = frame
    packet.capturedLength = capturedLength
    packet.wireLength = wireLength
    packet.network = frame + 14
    packet.transport = frame + 34
    let offsetAndFlags = frame.loadBE16(at: 46)
    let headerLength = UInt32(offsetAndFlags >> 12) << 2
    let total = UInt32(frame.loadBE16(at: 16))
    packet.payload = frame + Int(34 &+ headerLength)
    packet.payloadLength = total &- 20 &- headerLength
    packet.payloadWireLength = total &- 20 &- headerLength
    packet.ipLength = total
    packet.flags = TCPFlags(rawValue: offsetAndFlags & 0x1ff)
    packet.tcpHeaderLength = UInt8(truncatingIfNeeded: headerLength)
    packet.anomalies = flagAnomalies(offsetAndFlags)
    packet.timeToLive = frame.load8(at: 22)
    packet.key.source = IPAddress(v4: frame.loadBE32(at: 26))
    packet.key.destination = IPAddress(v4: frame.loadBE32(at: 30))
    packet.key.rest = UInt64(frame.loadBE32(at: 34)) << 32 | UInt64(IPProtocol.tcp)
    packet.sequence = frame.loadBE32(at: 38)
    packet.acknowledgment = frame.loadBE32(at: 42)
    packet.window = frame.loadBE16(at: 48)
    packet.urgentPointer = frame.loadBE16(at: 52)
    packet.hash = 0
    packet.ipVersion = 4
    packet.kind = .tcp
    packet.icmpType = 0
    packet.icmpCode = 0
    packet.isAcceptable = true
    packet.isSelected = true
    packet.isReassembled = false
    packet.tunnelDepth = 0
  }

  /// Describes a frame for which `isPlainTCP` holds after a look at its checksums.
  @inline(never)
  private mutating func decodeVerified(
    frame: UnsafeRawPointer, capturedLength: UInt32, wireLength: UInt32, timestamp: Timestamp, number: UInt64,
    into packet: inout DecodedPacket
  ) {
    let length = UInt32(frame.loadBE16(at: 16)) &- 20
    var header = Checksum(sum: frame.loadUnaligned(fromByteOffset: 26, as: UInt64.self))
    var segment = header
    header.add(frame + 14, count: 12)
    segment.addPseudoHeader(protocolNumber: IPProtocol.tcp, length: length)
    segment.add(frame + 34, count: Int(length))
    if header.isValid, segment.isValid {
      Self.describe(frame, capturedLength, wireLength, timestamp, number, &packet)
    } else {
      decodeStepwise(
        frame: frame, capturedLength: capturedLength, wireLength: wireLength, linkType: .ethernet,
        timestamp: timestamp, number: number, into: &packet)
    }
  }

  /// The anomaly of control bits that no stack sends: SYN together with FIN or RST, or none of SYN, RST and ACK.
  @inline(__always)
  static func flagAnomalies(_ word: UInt16) -> AnomalySet {
    // Bit n of the constant stands for n as the low five control bits: ACK, PSH, RST, SYN, FIN.
    return AnomalySet(
      rawValue: UInt64(0xc8c8_cbcb as UInt32 &>> UInt32(word & 0x1f) & 1) &<< UInt64(Anomaly.tcpFlagsInvalid.rawValue))
  }

  @inline(never)
  private mutating func decodeStepwise(
    frame: UnsafeRawPointer, capturedLength: UInt32, wireLength: UInt32, linkType: LinkType, timestamp: Timestamp,
    number: UInt64, into packet: inout DecodedPacket
  ) {
    packet.clear(frame)
    packet.number = number
    packet.timestamp = timestamp
    packet.capturedLength = capturedLength
    packet.wireLength = wireLength
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
      frame, available: capturedLength, claimed: max(wireLength, capturedLength), layer: layer)
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
