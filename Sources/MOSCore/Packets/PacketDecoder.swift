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
  /// What was counted so far.
  public private(set) var statistics = DecoderStatistics()
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

  /// Decodes `count` frames, the first of which is packet `number` of the trace, and moves packet time on.
  ///
  /// Every packet is filled (kind, lengths, anomalies). `clock` is the latest time stamp before these frames, and after
  /// them hereby. When a frame completes a fragmented datagram, its packet describes the datagram (`isReassembled`),
  /// which lies in the decoder's memory until the next `beginBurst()`.
  public mutating func decode(
    _ frames: UnsafePointer<CapturedFrame>, count: Int, number: UInt64, clock: inout Timestamp,
    into packets: UnsafeMutablePointer<DecodedPacket>
  ) {
    // No time to live is as large as 256: with checksums to verify, no frame is described at once.
    let minimumTimeToLive = configuration.verifyChecksums ? 256 : UInt32(configuration.minimumTimeToLive)
    var latest = clock
    var number = number
    var frame = frames
    var packet = packets
    let end = frames + count
    var bytes: UInt64 = 0
    while frame < end {
      if frame.pointee.timestamp > latest { latest = frame.pointee.timestamp }
      packet.pointee.clock = latest
      packet.pointee.number = number
      bytes &+= UInt64(frame.pointee.capturedLength)
      if !Self.describePlainTCP(frame.pointee, minimumTimeToLive, packet) { decodeOther(frame, packet) }
      number &+= 1
      frame += 1
      packet += 1
    }
    clock = latest
    statistics.bytes &+= bytes
    statistics.packets &+= UInt64(truncatingIfNeeded: count)
    statistics[.tcp] &+= UInt64(truncatingIfNeeded: count)
  }

  /// Decodes one frame, as packet `number` of the trace; packet time is its time stamp.
  public mutating func decode(_ frame: CapturedFrame, number: UInt64, into packet: inout DecodedPacket) {
    var clock = frame.timestamp
    withUnsafePointer(to: frame) { decode($0, count: 1, number: number, clock: &clock, into: &packet) }
  }

  /// The same for frames that are not plain TCP, or whose checksums are to be verified.
  @inline(never)
  private mutating func decodeOther(
    _ frame: UnsafePointer<CapturedFrame>, _ packet: UnsafeMutablePointer<DecodedPacket>
  ) {
    let captured = frame.pointee
    defer {
      // All were counted as TCP.
      statistics[.tcp] &-= 1
      statistics[packet.pointee.kind] &+= 1
    }
    if configuration.verifyChecksums,
      Self.describePlainTCP(captured, UInt32(configuration.minimumTimeToLive), packet),
      captured.hasRightChecksums || Self.checksumsAreValid(captured.bytes)
    {
      return
    }
    decodeStepwise(captured, &packet.pointee)
  }

  /// Describes an Ethernet frame with IPv4 without options (the 0x45), not a fragment, and TCP, with lengths that fit and
  /// control bits that a stack sends. Returns `false`, with nothing done, for any other frame. Looks at no checksum.
  @inline(__always)
  private static func describePlainTCP(
    _ captured: CapturedFrame, _ minimumTimeToLive: UInt32, _ target: UnsafeMutablePointer<DecodedPacket>
  ) -> Bool {
    let frame = captured.bytes
    guard captured.capturedLength >= 54, frame.loadLE32(at: 12) & 0xff_ffff == 0x45_0008,
      captured.linkType == .ethernet
    else { return false }
    // Fragment, protocol; data offset; control bits, of which all combinations with ACK and without SYN are usual.
    let bits = frame.load8(at: 47)
    guard frame.loadLE32(at: 20) & 0xff00_ff3f == 0x0600_0000, frame.load8(at: 46) >= 0x50,
      bits & 0x12 == 0x10 || !flagsAreInvalid(UInt64(bits)), UInt32(frame.load8(at: 22)) >= minimumTimeToLive
    else { return false }
    let total = UInt32(frame.loadBE16(at: 16))
    let control = frame.loadBE64(at: 46)
    let headerLength = UInt32(truncatingIfNeeded: control &>> 58) & 0x3c
    let length = Int32(bitPattern: total &- 20 &- headerLength)
    guard total &+ 14 <= captured.capturedLength, length >= 0 else { return false }
    // Every field is stored once, straight behind its load: the compiler has to assume that the packet's description may
    // lie in the frame, so it neither drops stores that others follow nor moves loads over them.
    target.pointee.timestamp = captured.timestamp
    target.pointee.frame = frame
    target.pointee.capturedLength = captured.capturedLength
    target.pointee.wireLength = captured.wireLength
    target.pointee.network = frame + 14
    target.pointee.transport = frame + 34
    target.pointee.payload = frame + 34 + Int(headerLength)
    target.pointee.payloadLength = UInt32(bitPattern: length)
    target.pointee.payloadWireLength = UInt32(bitPattern: length)
    target.pointee.ipLength = total
    target.pointee.control = control
    target.pointee.numbers = frame.loadBE64(at: 38)
    target.pointee.key.source = IPAddress(v4: frame.loadBE32(at: 26))
    target.pointee.key.destination = IPAddress(v4: frame.loadBE32(at: 30))
    target.pointee.key.rest = UInt64(frame.loadBE32(at: 34)) &<< 32 | UInt64(IPProtocol.tcp)
    target.pointee.anomalies = AnomalySet(rawValue: 0)
    target.pointee.timeToLive = frame.load8(at: 22)
    target.pointee.ipVersion = 4
    target.pointee.kind = .tcp
    target.pointee.icmpType = 0
    target.pointee.icmpCode = 0
    target.pointee.isAcceptable = true
    target.pointee.isSelected = true
    target.pointee.isReassembled = false
    target.pointee.tunnelDepth = 0
    target.pointee.linkType = .ethernet
    return true
  }

  /// Whether the checksums of IP header and segment are right. Precondition: `describePlainTCP` took it.
  private static func checksumsAreValid(_ frame: UnsafeRawPointer) -> Bool {
    let length = UInt32(frame.loadBE16(at: 16)) &- 20
    var header = Checksum(sum: frame.loadUnaligned(fromByteOffset: 26, as: UInt64.self))
    var segment = header
    header.add(frame + 14, count: 12)
    segment.addPseudoHeader(protocolNumber: IPProtocol.tcp, length: length)
    segment.add(frame + 34, count: Int(length))
    return header.isValid && segment.isValid
  }

  /// Whether the low bits of `word` are TCP control bits that no stack sends: SYN together with FIN or RST, or none of
  /// SYN, RST and ACK.
  @inline(__always)
  package static func flagsAreInvalid(_ word: UInt64) -> Bool {
    // Bit n of the constant stands for n as the low five control bits: ACK, PSH, RST, SYN, FIN.
    0xc8c8_cbcb as UInt64 &>> (word & 0x1f) & 1 != 0
  }

  @inline(never)
  private mutating func decodeStepwise(_ frame: CapturedFrame, _ packet: inout DecodedPacket) {
    packet.clear(frame.bytes)
    packet.timestamp = frame.timestamp
    packet.capturedLength = frame.capturedLength
    packet.wireLength = frame.wireLength
    packet.linkType = frame.linkType
    let layer: DecodeLayer =
      switch frame.linkType {
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
      frame.bytes, available: frame.capturedLength, claimed: max(frame.wireLength, frame.capturedLength), layer: layer)
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
