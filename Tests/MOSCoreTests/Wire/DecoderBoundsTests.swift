import MOSCore
import TestSupport
import Testing

/// Whatever the decoder reads beyond the captured bytes is a page that cannot be read, and ends the process.
@Suite("Decoder: bounds")
struct DecoderBoundsTests {
  /// Valid frames with everything that the decoder knows.
  private var frames: [(LinkType, [UInt8])] {
    var builder = PacketBuilder(payload: Array(repeating: 5, count: 24))
    builder.tcpOptions = [2, 4, 5, 0xb4, 1, 1, 1, 0]
    var options = builder
    options.ipOptions = [7, 7, 4, 1, 2, 3, 4, 0]
    let v6 = builder.v6
    let snap: [UInt8] = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0]
    let wireless: [UInt8] = [0x88, 3] + Array(repeating: 0, count: 28) + [0, 0] + snap + builder.tcp
    func udp(_ port: UInt16, _ payload: [UInt8]) -> [UInt8] {
      var outer = PacketBuilder(payload: payload)
      outer.destinationPort = port
      return outer.udpFrame
    }
    func gre(_ contents: [UInt8]) -> [UInt8] { builder.ethernet(builder.ip(47, contents)) }
    let extensions: [UInt8] =
      [60, 0, 1, 4, 0, 0, 0, 0] + [43, 2, 1, 2, 0, 0, 201, 16] + PacketBuilder.v6Source
      + [51, 2, 0, 1, 0, 0, 0, 0] + PacketBuilder.v6Destination + [6, 4] + Array(repeating: 0, count: 22)
    let authentication: [UInt8] = [0, 1, 2, 1, 7, 7, 8] + Array(repeating: 0, count: 9) + [0, 0, 1, 2, 3, 4, 5, 6]
    return [
      (.ethernet, builder.tcpFrame), (.ethernet, v6.tcpFrame), (.ethernet, options.tcpFrame),
      (.ethernet, builder.ethernet(builder.tcp, vlans: [1, 2, 3])), (.ethernet, builder.udpFrame),
      (.ethernet, builder.ethernet(builder.ip(1, builder.icmp(type: 8)))),
      (.ethernet, v6.ethernet(v6.ip(58, v6.icmp(type: 128)))),
      (.ethernet, v6.ethernet(v6.ip(0, extensions + v6.segment))),
      (.ethernet, v6.ethernet(v6.v6Fragment(6, v6.segment, offset: 0, more: false))),
      (.ethernet, v6.ethernet(v6.v6Fragment(6, Array(v6.segment[..<24]), offset: 0, more: true))),
      (.ethernet, builder.ethernet(builder.ip(6, Array(builder.segment[..<24]), fragment: 0x2000))),
      (.ethernet, PacketBuilder.ethernet([0, 1, 0, 64, 0, 2, 1, 64, 0, 0, 0, 0] + builder.tcpFrame, type: 0x8847)),
      (.ethernet, PacketBuilder.ethernet([0x11, 0, 0, 1, 0, 90, 0xff, 3, 0, 0x21] + builder.tcp, type: 0x8864)),
      (.ethernet, PacketBuilder.ethernet(snap + builder.tcp, type: UInt16(8 + builder.tcp.count))),
      (.ethernet, builder.ethernet(builder.ip(4, options.tcp))), (.ethernet, builder.ethernet(builder.ip(41, v6.tcp))),
      (.ethernet, gre([0xf0, 0, 8, 0] + Array(repeating: 0, count: 16) + builder.tcp)),
      (.ethernet, gre([0x30, 0x81, 0x88, 0x0b, 0, 90, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0xff, 3, 0, 0x21] + builder.tcp)),
      (.ethernet, gre([0x10, 0, 0x88, 0xbe, 0, 0, 0, 1] + Array(repeating: 0, count: 8) + builder.tcpFrame)),
      (.ethernet, gre([0, 0, 0x22, 0xeb] + Array(repeating: 1, count: 20) + builder.tcpFrame)),
      (.ethernet, gre([0, 0, 0x82, 0] + wireless)), (.ethernet, gre([0, 0, 0x88, 0x3e, 1, 2, 3, 4] + builder.tcp)),
      (.ethernet, udp(4789, [8, 0, 0, 0, 0, 0, 9, 0] + builder.tcpFrame)),
      (.ethernet, udp(6081, [1, 0, 0x65, 0x58, 0, 0, 9, 0, 1, 2, 3, 0] + v6.tcpFrame)),
      (.ethernet, udp(2152, [0x36, 255, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0x85, 1, 0, 0, 0] + builder.tcp)),
      (.ethernet, udp(3544, authentication + v6.tcp)),
      (.ethernet, udp(5072, [0x44, 0x52, 0x11, 41, 0, 0, 0, 1] + Array(repeating: 0, count: 36) + v6.tcp)),
      (.null, [2, 0, 0, 0] + builder.tcp), (.loop, [0, 0, 0, 30] + v6.tcp), (.ppp, [0xff, 3, 0x21] + builder.tcp),
      (.raw, builder.tcp), (.rawBSD, v6.tcp), (.ipv4, options.tcp), (.ipv6, v6.udp), (.ieee80211, wireless),
      (
        .ieee80211,
        [0x88, 1] + Array(repeating: 0, count: 22) + [0x80, 0] + Array(repeating: 0, count: 13) + [90] + snap
          + builder.tcp
      ),
      (.radiotap, [0, 0, 25, 0, 3, 0, 0, 0x80] + Array(repeating: 0, count: 16) + [0x30] + wireless),
      (
        .radiotap,
        [0, 0, 9, 0, 2, 0, 0, 0, 0x20, 0x88, 1] + Array(repeating: 0, count: 26) + snap + builder.tcp
      ),
      (.linuxSLL, Array(repeating: 0, count: 14) + [8, 0] + builder.tcp),
      (.linuxSLL2, [0x81, 0] + Array(repeating: 0, count: 18) + [0, 3, 0x86, 0xdd] + v6.tcp),
    ]
  }

  /// Lengths and pointers that a reader of the description may rely on.
  private func expectSane(_ packet: DecodedPacket, _ captured: Int) {
    #expect(packet.payloadLength <= packet.payloadWireLength)
    guard !packet.isReassembled else { return }
    for pointer in [packet.network, packet.transport, packet.payload] {
      #expect(pointer - packet.frame >= 0 && pointer - packet.frame <= captured)
    }
    #expect(packet.payload - packet.frame + Int(packet.payloadLength) <= captured)
    if packet.kind == .tcp {
      let header = packet.payload - packet.transport
      #expect(header & ~3 == Int(packet.tcpHeaderLength) && packet.tcpHeaderLength >= 20)
    }
    if packet.kind == .malformed { #expect(packet.anomalies.rawValue != 0 && !packet.isAcceptable) }
  }

  @Test("the frames are what they are meant to be: each gives TCP, UDP, ICMP or a fragment, without anomaly")
  func valid() {
    for (index, (link, frame)) in frames.enumerated() {
      let harness = DecoderHarness()
      harness.decode(frame, link: link)
      #expect([.tcp, .udp, .icmp, .icmpv6, .fragment].contains(harness.packet.kind), "frame \(index)")
    }
  }

  @Test("no prefix of a frame makes the decoder read beyond it, cut by the capture or on the wire")
  func prefixes() {
    for (link, frame) in frames {
      let harness = DecoderHarness()
      for count in 0...frame.count {
        harness.decode(frame[..<count], link: link, wireLength: frame.count, at: 0)
        expectSane(harness.packet, count)
        harness.decode(frame[..<count], link: link, wireLength: nil, at: 0)
        expectSane(harness.packet, count)
        // A wire length that is smaller than what was captured is a lie.
        harness.decode(frame[..<count], link: link, wireLength: 0, at: 0)
        expectSane(harness.packet, count)
      }
    }
  }

  @Test("nor does a frame under any other link type, nor one with bytes changed at random")
  func mutations() {
    var generator = SeededGenerator(seed: 7)
    for (_, frame) in frames {
      let harness = DecoderHarness()
      for link in LinkType.allCases {
        harness.decode(frame, link: link)
        expectSane(harness.packet, frame.count)
      }
    }
    for (link, frame) in frames {
      let harness = DecoderHarness()
      for _ in 0..<400 {
        var mutated = frame
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
          let position = Int.random(in: 0..<mutated.count, using: &generator)
          mutated[position] = [0, 1, 0xff, 0x80, .random(in: 0...255, using: &generator)]
            .randomElement(using: &generator)!
        }
        let count = Int.random(in: 0...mutated.count, using: &generator)
        let cut = Bool.random(using: &generator) ? mutated.count : count
        harness.decode(
          mutated[..<cut], link: link, wireLength: mutated.count, at: .random(in: 0...100, using: &generator))
        expectSane(harness.packet, cut)
      }
    }
  }

  @Test("nor do fragments with random offsets, lengths and contents, in little memory")
  func fragments() {
    var generator = SeededGenerator(seed: 11)
    var configuration = DecoderConfiguration()
    configuration.maximumFragmentBytes = 0
    configuration.maximumFragmentedDatagrams = 8
    let harness = DecoderHarness(configuration)
    for step in 0..<20_000 {
      var builder = PacketBuilder()
      builder.identification = .random(in: 0...20, using: &generator)
      let length = Int.random(in: 0...40, using: &generator) * (Bool.random(using: &generator) ? 8 : 71)
      let contents = [UInt8](repeating: .random(in: 0...1, using: &generator), count: length)
      let offset = UInt16.random(in: 0...(Bool.random(using: &generator) ? 40 : 0x1fff), using: &generator)
      let more = UInt16.random(in: 0...3, using: &generator) != 0
      let packet =
        Bool.random(using: &generator)
        ? builder.ip(17, contents, fragment: offset | (more ? 0x2000 : 0))
        : builder.v6.ip(44, [17, 0] + be(offset << 3 | (more ? 1 : 0)) + be(UInt32(builder.identification)) + contents)
      harness.decode(packet, link: .raw, at: Double(step / 500) * 100)
      expectSane(harness.packet, packet.count)
    }
    let reassembler = harness.decoder.reassembler.counters
    #expect(reassembler.completed > 0 && reassembler.evicted > 0 && reassembler.dropped > 0 && reassembler.timedOut > 0)
    #expect(harness.decoder.reassembler.pendingDatagrams <= 8)
  }
}
