import MOSCore
import TestSupport
import Testing

@Suite("IP fragment reassembly")
struct FragmentTests {
  private func bytes(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) } }

  /// Decodes raw IP packets one after the other, a millisecond apart.
  private func decodeAll(_ packets: [[UInt8]], _ harness: DecoderHarness, from start: Double = 0) {
    for (index, packet) in packets.enumerated() {
      harness.decode(packet, link: .raw, at: start + Double(index) / 1000)
    }
  }

  private func expectWhole(
    _ harness: DecoderHarness, _ payload: [UInt8], sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(harness.packet.kind == .tcp && harness.packet.isReassembled, sourceLocation: sourceLocation)
    #expect(harness.packet.isAcceptable, sourceLocation: sourceLocation)
    #expect(harness.payload == payload, sourceLocation: sourceLocation)
  }

  @Test("IPv4 fragments in every order; the datagram has a correct header of its own")
  func everyOrder() {
    let builder = PacketBuilder(payload: bytes(50))
    let pieces = builder.fragments(6, builder.segment, size: 24)
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
      let harness = DecoderHarness()
      for (count, index) in order.enumerated() {
        harness.decode(pieces[index], link: .raw)
        if count < 2 { #expect(harness.packet.kind == .fragment && harness.packet.isAcceptable) }
      }
      expectWhole(harness, bytes(50))
      #expect(harness.packet.ipLength == 90 && harness.packet.key.sourcePort == 40000)
      #expect(harness.ipBytes[2...3].elementsEqual([0, 90]) && harness.ipBytes[6...7].elementsEqual([0, 0]))
      #expect(internetChecksum(Array(harness.ipBytes[..<20])) == 0)
      #expect(harness.decoder.reassembler.pendingDatagrams == 0)
    }
  }

  @Test("IPv6 fragments: the fragment header is gone, and what it announced follows the headers before it")
  func v6() {
    let builder = PacketBuilder(payload: bytes(3000)).v6
    let harness = DecoderHarness()
    decodeAll(builder.v6Fragments(6, builder.segment, size: 1232).reversed(), harness)
    expectWhole(harness, bytes(3000))
    #expect(harness.packet.ipLength == 3060 && harness.ipBytes[6] == 6)
    // With destination options before the fragment header.
    let pieces = builder.v6Fragments(6, builder.segment, size: 1232).map { piece in
      builder.ip(60, [44, 0, 1, 4, 0, 0, 0, 0] + piece[40...])
    }
    decodeAll(pieces, harness)
    expectWhole(harness, bytes(3000))
    #expect(harness.packet.transport - harness.packet.network == 48)
    #expect(harness.ipBytes[6] == 60 && harness.ipBytes[40] == 6)
  }

  @Test("an IPv6 fragment header on a whole datagram is passed (RFC 6946)")
  func atomic() {
    let builder = PacketBuilder(payload: bytes(9)).v6
    let harness = DecoderHarness()
    harness.decode(builder.v6Fragment(6, builder.segment, offset: 0, more: false), link: .raw)
    #expect(harness.packet.kind == .tcp && !harness.packet.isReassembled && harness.payload == bytes(9))
  }

  @Test("the largest datagram, in fragments larger than a block, and in the smallest ones of a 576-byte link")
  func largest() {
    let builder = PacketBuilder(payload: bytes(65_535 - 40))
    let harness = DecoderHarness()
    for size in [552, 1480, 8192, 65_512] {
      let pieces = builder.fragments(6, builder.segment, size: size)
      decodeAll(
        pieces.enumerated().sorted { ($0.offset % 7, $0.offset) < ($1.offset % 7, $1.offset) }.map(\.element), harness)
      expectWhole(harness, bytes(65_535 - 40))
      #expect(harness.packet.ipLength == 65_535)
    }
  }

  @Test("datagrams of different identification, protocol, address and VLAN do not mix")
  func keys() {
    let builder = PacketBuilder(payload: bytes(20))
    var other = builder
    other.identification = 8
    var third = builder
    third.source = [10, 0, 0, 9]
    let builders = [builder, other, third]
    let pieces = builders.map { $0.fragments(6, $0.segment, size: 24) }
    let harness = DecoderHarness()
    for piece in pieces { harness.decode(piece[0], link: .raw) }
    harness.decode(builder.ethernet(pieces[0][1], vlans: [5]))
    #expect(harness.packet.kind == .fragment)
    for (builder, piece) in zip(builders, pieces) {
      harness.decode(piece[1], link: .raw)
      expectWhole(harness, bytes(20))
      #expect(harness.packet.key.source.low & 0xff == UInt64(builder.source[3]))
    }
  }

  @Test("exact duplicates are accepted; on IPv4 so is an overlap with the same bytes")
  func duplicates() {
    let builder = PacketBuilder(payload: bytes(60))
    let segment = builder.segment
    let pieces = builder.fragments(6, segment, size: 32)
    let harness = DecoderHarness()
    decodeAll([pieces[0], pieces[0], pieces[1], pieces[1], pieces[2]], harness)
    expectWhole(harness, bytes(60))
    let overlapping = [(16, 56), (0, 24), (8, 80)].map { start, end in
      builder.ip(6, Array(segment[start..<end]), fragment: UInt16(start / 8) | (end < 80 ? 0x2000 : 0))
    }
    for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
      decodeAll(order.map { overlapping[$0] }, harness)
      #expect(harness.packet.anomalies.rawValue == 0)
    }
    // 80 bytes are there after the second of the last order; the third began a new datagram.
    #expect(harness.decoder.reassembler.counters.completed == 4)
  }

  @Test("an overlap with other bytes drops the datagram and all that comes of it until the time-out")
  func conflict() {
    let builder = PacketBuilder(payload: bytes(60))
    let pieces = builder.fragments(6, builder.segment, size: 24)
    var evil = pieces[1]
    evil[30] ^= 1
    let harness = DecoderHarness()
    decodeAll([pieces[0], pieces[1], evil], harness)
    #expect(harness.packet.kind == .fragment && !harness.packet.isAcceptable && harness.has(.fragmentOverlap))
    decodeAll([pieces[2], pieces[3]], harness)
    #expect(harness.packet.kind == .fragment && harness.has(.fragmentOverlap))
    decodeAll(pieces, harness, from: 29)
    #expect(harness.packet.kind == .fragment)
    decodeAll(pieces, harness, from: 31)
    expectWhole(harness, bytes(60))
    #expect(harness.decoder.reassembler.counters.dropped == 1)
  }

  @Test("on IPv6 any overlap that is not an exact duplicate drops the datagram (RFC 5722)")
  func v6Overlap() {
    let builder = PacketBuilder(payload: bytes(5000)).v6
    let segment = builder.segment
    let first = builder.v6Fragment(6, Array(segment[..<4096]), offset: 0, more: true)
    for (start, end) in [(0, 8), (8, 4104), (2048, 4096), (4088, 4104), (2040, 2056)] {
      let harness = DecoderHarness()
      let second = builder.v6Fragment(6, Array(segment[start..<end]), offset: start, more: true)
      decodeAll([first, first, second], harness)
      #expect(harness.has(.fragmentOverlap), "\(start)..<\(end)")
    }
    let harness = DecoderHarness()
    decodeAll([first, first, builder.v6Fragment(6, Array(segment[4096...]), offset: 4096, more: false)], harness)
    expectWhole(harness, bytes(5000))
  }

  @Test("last fragments that disagree on the length, and bytes behind the last one, drop the datagram")
  func disagreement() {
    let builder = PacketBuilder()
    func piece(_ offset: Int, _ count: Int, more: Bool) -> [UInt8] {
      builder.ip(17, bytes(count), fragment: UInt16(offset / 8) | (more ? 0x2000 : 0))
    }
    let cases = [
      [piece(64, 16, more: false), piece(96, 16, more: false)],
      [piece(64, 16, more: false), piece(80, 16, more: true)],
      [piece(80, 16, more: true), piece(64, 16, more: false)],
    ]
    for pieces in cases {
      let harness = DecoderHarness()
      decodeAll(pieces, harness)
      #expect(harness.packet.kind == .fragment && harness.has(.fragmentOverlap))
    }
  }

  @Test("more than 65,535 bytes: the ping of death does not come together")
  func tooLarge() {
    let builder = PacketBuilder()
    let harness = DecoderHarness()
    harness.decode(builder.ip(1, bytes(100), fragment: 0x1fff), link: .raw)
    #expect(harness.packet.kind == .fragment && harness.has(.fragmentTooLarge) && !harness.packet.isAcceptable)
    harness.decode(builder.v6.v6Fragment(58, bytes(100), offset: 65_528, more: false), link: .raw)
    #expect(harness.packet.kind == .fragment && harness.has(.fragmentTooLarge))
  }

  @Test("a first fragment whose options make the datagram larger than 65,535 bytes")
  func tooLargeWithOptions() {
    let contents = bytes(65_515)
    let builder = PacketBuilder()
    var first = builder
    first.ipOptions = Array(repeating: 1, count: 40)
    let harness = DecoderHarness()
    harness.decode(first.ip(17, Array(contents[..<32_768]), fragment: 0x2000), link: .raw)
    harness.decode(builder.ip(17, Array(contents[32_768...]), fragment: 32_768 / 8), link: .raw)
    #expect(harness.packet.kind == .fragment && harness.has(.fragmentTooLarge) && !harness.packet.isAcceptable)
  }

  @Test("fragments without bytes, and middle ones that are no multiple of 8")
  func oddLengths() {
    let builder = PacketBuilder(payload: bytes(40))
    let harness = DecoderHarness()
    harness.decode(builder.ip(6, [], fragment: 0x2001), link: .raw)
    #expect(harness.packet.kind == .fragment && harness.has(.ipTotalLengthInvalid))
    #expect(harness.decoder.reassembler.pendingDatagrams == 0)
    // IPv4 hosts cut it to a multiple of 8; the bytes that were cut come again.
    let segment = builder.segment
    harness.decode(builder.ip(6, Array(segment[..<29]), fragment: 0x2000), link: .raw)
    harness.decode(builder.ip(6, Array(segment[24...]), fragment: 3), link: .raw)
    expectWhole(harness, bytes(40))
    let v6 = builder.v6
    harness.decode(v6.v6Fragment(6, Array(v6.segment[..<29]), offset: 0, more: true), link: .raw)
    #expect(harness.packet.kind == .fragment && harness.has(.extensionHeaderInvalid))
  }

  @Test("after 30 seconds a datagram is given up, and its late fragments say so")
  func timeout() {
    let builder = PacketBuilder(payload: bytes(20))
    let pieces = builder.fragments(6, builder.segment, size: 24)
    let harness = DecoderHarness()
    harness.decode(pieces[0], link: .raw, at: 100)
    harness.decode(pieces[1], link: .raw, at: 130)
    expectWhole(harness, bytes(20))
    harness.decode(pieces[0], link: .raw, at: 200)
    harness.decode(pieces[1], link: .raw, at: 230.001)
    #expect(harness.packet.kind == .fragment && harness.has(.fragmentTimeout) && harness.packet.isAcceptable)
    #expect(harness.decoder.reassembler.counters.timedOut == 1)
    #expect(harness.decoder.reassembler.pendingDatagrams == 1)
    // Time that goes backwards neither completes nor loses anything.
    harness.decode(pieces[0], link: .raw, at: 10)
    expectWhole(harness, bytes(20))
  }

  @Test("at the limit of datagrams the oldest goes")
  func datagramLimit() {
    var configuration = DecoderConfiguration()
    configuration.maximumFragmentedDatagrams = 4
    let harness = DecoderHarness(configuration)
    var builder = PacketBuilder(payload: bytes(20))
    for identification in 1...5 {
      builder.identification = UInt16(identification)
      harness.decode(builder.fragments(6, builder.segment, size: 24)[0], link: .raw)
    }
    #expect(harness.decoder.reassembler.pendingDatagrams == 4)
    #expect(harness.decoder.reassembler.counters.evicted == 1)
    for identification in [2, 3, 4, 5] {
      builder.identification = UInt16(identification)
      harness.decode(builder.fragments(6, builder.segment, size: 24)[1], link: .raw)
      expectWhole(harness, bytes(20))
    }
  }

  @Test("at the limit of bytes the oldest goes; one datagram alone fits")
  func byteLimit() {
    var configuration = DecoderConfiguration()
    configuration.maximumFragmentBytes = 0
    let harness = DecoderHarness(configuration)
    var builder = PacketBuilder(payload: bytes(60_000))
    for identification in 1...20 {
      builder.identification = UInt16(identification)
      decodeAll(Array(builder.fragments(6, builder.segment, size: 1480).dropLast()), harness)
    }
    #expect(harness.decoder.reassembler.counters.evicted > 0)
    #expect(harness.decoder.reassembler.pendingDatagrams < 20)
    harness.decode(builder.fragments(6, builder.segment, size: 1480).last!, link: .raw)
    expectWhole(harness, bytes(60_000))
  }

  @Test("very many tiny fragments of one datagram are an attack on time, and end it")
  func tinyFragments() {
    let builder = PacketBuilder()
    let harness = DecoderHarness()
    for index in (0..<3000).reversed() {
      harness.decode(builder.ip(6, bytes(8), fragment: 0x2000 | UInt16(index * 2)), link: .raw)
    }
    #expect(harness.packet.kind == .fragment && harness.has(.fragmentLimit))
  }

  @Test("many datagrams completed in one burst stay readable until the next; too many do not harm")
  func oneBurst() {
    var decoder = PacketDecoder(configuration: DecoderConfiguration())
    var builder = PacketBuilder(payload: bytes(60_000))
    var completed: [DecodedPacket] = []
    decoder.beginBurst()
    for identification in 0..<100 {
      builder.identification = UInt16(identification)
      for piece in builder.fragments(6, builder.segment, size: 30_000) {
        let guarded = GuardedBytes(piece[...])
        var packet = DecodedPacket(frame: UnsafeRawPointer(guarded.base))
        let frame = CapturedFrame(
          bytes: UnsafeRawPointer(guarded.base), capturedLength: UInt32(piece.count), wireLength: UInt32(piece.count),
          timestamp: Timestamp(nanoseconds: 0), linkType: .raw)
        decoder.decode(frame, number: 1, into: &packet)
        if packet.kind == .tcp { completed.append(packet) }
      }
    }
    #expect(completed.count >= 60 && completed.count < 100)
    for packet in completed {
      #expect(
        UnsafeRawBufferPointer(start: packet.payload, count: Int(packet.payloadLength)).elementsEqual(bytes(60_000)))
    }
  }

  @Test("without reassembly a first fragment is decoded as far as it goes, the others are fragments")
  func withoutReassembly() {
    var configuration = DecoderConfiguration()
    configuration.reassembleFragments = false
    let builder = PacketBuilder(payload: bytes(60))
    for pieces in [
      builder.fragments(6, builder.segment, size: 48), builder.v6.v6Fragments(6, builder.v6.segment, size: 48),
    ] {
      let harness = DecoderHarness(configuration)
      harness.decode(pieces[0], link: .raw)
      #expect(harness.packet.kind == .tcp && harness.packet.isAcceptable && harness.payload == Array(bytes(60)[..<28]))
      harness.decode(pieces[1], link: .raw)
      #expect(harness.packet.kind == .fragment && harness.packet.payloadLength == 32)
    }
  }

  @Test("what a host would drop, and what is not all there, does not become part of a datagram")
  func unusable() {
    var builder = PacketBuilder(payload: bytes(20))
    let pieces = builder.fragments(6, builder.segment, size: 24)
    let harness = DecoderHarness()
    harness.decode(Array(pieces[0].dropLast()), link: .raw, wireLength: pieces[0].count)
    #expect(harness.packet.kind == .fragment && harness.has(.frameTruncated))
    builder.ipChecksum = 1
    harness.decode(builder.fragments(6, builder.segment, size: 24)[0], link: .raw)
    #expect(harness.packet.kind == .fragment && !harness.packet.isAcceptable)
    #expect(harness.decoder.reassembler.pendingDatagrams == 0)
  }

  @Test("a tunnel in a fragmented datagram, with fragments of its own")
  func nested() {
    let inner = PacketBuilder(payload: bytes(2000))
    var outer = PacketBuilder()
    outer.source = [192, 0, 2, 1]
    let harness = DecoderHarness()
    for (index, piece) in inner.fragments(6, inner.segment, size: 1200).enumerated() {
      outer.identification = UInt16(index)
      decodeAll(outer.fragments(4, piece, size: 600), harness)
    }
    expectWhole(harness, bytes(2000))
    #expect(harness.packet.tunnelDepth == 1)
  }

  @Test("a fragment header in a reassembled IPv6 datagram is refused: no stack sends two")
  func fragmentInFragment() {
    let builder = PacketBuilder().v6
    let contents: [UInt8] = [6, 0, 0, 1, 0, 0, 0, 1] + bytes(40)
    let harness = DecoderHarness()
    decodeAll(builder.v6Fragments(44, contents, size: 24), harness)
    #expect(harness.packet.kind == .malformed && harness.has(.extensionHeaderInvalid))
  }
}
