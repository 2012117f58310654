import MOSCore
import TestSupport
import Testing

@Suite("Decoder: link layers")
struct DecoderLinkTests {
  private let builder = PacketBuilder(payload: Array("data".utf8))

  /// Decodes `frame`, expects the builder's segment in it, acceptable, and returns the description.
  private func expectTCP(
    _ frame: [UInt8], _ link: LinkType, sourceLocation: SourceLocation = #_sourceLocation
  ) -> DecodedPacket {
    let harness = DecoderHarness()
    harness.decode(frame, link: link)
    #expect(harness.packet.kind == .tcp, sourceLocation: sourceLocation)
    #expect(harness.packet.isAcceptable && harness.packet.anomalies.rawValue == 0, sourceLocation: sourceLocation)
    #expect(harness.payload == Array("data".utf8), sourceLocation: sourceLocation)
    return harness.packet
  }

  @Test("raw IP under each of its numbers")
  func raw() {
    for link in [LinkType.raw, .rawBSD, .rawOpenBSD] {
      _ = expectTCP(builder.tcp, link)
      _ = expectTCP(builder.v6.tcp, link)
    }
    _ = expectTCP(builder.tcp, .ipv4)
    _ = expectTCP(builder.v6.tcp, .ipv6)
    let harness = DecoderHarness()
    harness.decode([0x15, 0, 0, 0], link: .raw)
    #expect(harness.packet.kind == .malformed && harness.has(.ipVersionInvalid))
    harness.decode([], link: .raw)
    #expect(harness.packet.kind == .malformed && harness.has(.frameTruncated))
  }

  @Test("BSD loopback in both orders; an unknown family is not IP")
  func loopback() {
    _ = expectTCP([2, 0, 0, 0] + builder.tcp, .null)
    _ = expectTCP([0, 0, 0, 2] + builder.tcp, .loop)
    _ = expectTCP([30, 0, 0, 0] + builder.v6.tcp, .null)
    let harness = DecoderHarness()
    harness.decode([7, 0, 0, 0] + builder.tcp, link: .null)
    #expect(harness.packet.kind == .notIP && harness.has(.unknownLinkLayer))
  }

  @Test("PPP with and without address and control")
  func ppp() {
    _ = expectTCP([0xff, 0x03, 0x00, 0x21] + builder.tcp, .ppp)
    _ = expectTCP([0x00, 0x57] + builder.v6.tcp, .ppp)
    _ = expectTCP([0x21] + builder.tcp, .ppp)
    let harness = DecoderHarness()
    harness.decode([0xff, 0x03, 0xc0, 0x21, 1, 2, 3, 4], link: .ppp)
    #expect(harness.packet.kind == .notIP)
  }

  @Test("Linux cooked captures")
  func linuxCooked() {
    let v1: [UInt8] = [0, 0, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0]
    _ = expectTCP(v1 + [0x08, 0x00] + builder.tcp, .linuxSLL)
    _ = expectTCP(v1 + [0x86, 0xdd] + builder.v6.tcp, .linuxSLL)
    let tagged = expectTCP(v1 + [0x81, 0x00, 0, 5, 0x08, 0x00] + builder.tcp, .linuxSLL)
    #expect(tagged.key.vlan == 5)
    let v2 = Array(repeating: 0 as UInt8, count: 18)
    _ = expectTCP([0x08, 0x00] + v2 + builder.tcp, .linuxSLL2)
    let harness = DecoderHarness()
    harness.decode([0, 0, 0x03, 0x38] + Array(repeating: 0, count: 10) + [0x08, 0x00] + builder.tcp, link: .linuxSLL)
    #expect(harness.packet.kind == .notIP)
  }

  @Test("VLAN: one tag, QinQ in its three forms, and more than two tags")
  func vlans() {
    let one = expectTCP(builder.ethernet(builder.tcp, vlans: [0x2123]), .ethernet)
    #expect(one.key.vlan == 0x123 && one.key.innerVLAN == 0)
    for outer: UInt16 in [0x8100, 0x88a8, 0x9100] {
      let frame = PacketBuilder.ethernet(be(100 as UInt16) + [0x81, 0, 0, 200, 8, 0] + builder.tcp, type: outer)
      let two = expectTCP(frame, .ethernet)
      #expect(two.key.vlan == 100 && two.key.innerVLAN == 200)
      #expect(two.key.sourcePort == 40000 && two.key.protocolNumber == 6)
    }
    let three = expectTCP(builder.ethernet(builder.tcp, vlans: [1, 2, 3]), .ethernet)
    #expect(three.key.vlan == 1 && three.key.innerVLAN == 2)
    let harness = DecoderHarness()
    harness.decode(PacketBuilder.ethernet([0, 1, 8], type: 0x8100))
    #expect(harness.packet.kind == .malformed && harness.has(.frameTruncated))
  }

  @Test("LLC and SNAP in IEEE 802.3, padding left out")
  func snap() {
    let contents: [UInt8] = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0] + builder.tcp
    _ = expectTCP(PacketBuilder.ethernet(contents + [0, 0, 0], type: UInt16(contents.count)), .ethernet)
  }

  @Test("MPLS: IPv4, IPv6, and Ethernet pseudowires with and without control word")
  func mpls() {
    let stack: [UInt8] = [0, 1, 0, 64, 0, 2, 1, 64]
    _ = expectTCP(PacketBuilder.ethernet(stack + builder.tcp, type: 0x8847), .ethernet)
    _ = expectTCP(PacketBuilder.ethernet(stack + builder.v6.tcp, type: 0x8848), .ethernet)
    _ = expectTCP(PacketBuilder.ethernet(stack + [0, 0, 0, 0] + builder.tcpFrame, type: 0x8847), .ethernet)
    _ = expectTCP(PacketBuilder.ethernet(stack + builder.tcpFrame, type: 0x8847), .ethernet)
    let harness = DecoderHarness()
    harness.decode(PacketBuilder.ethernet([0, 1, 0, 64, 0, 2, 0, 64, 9], type: 0x8847))
    #expect(harness.packet.kind == .malformed && harness.has(.tunnelHeaderInvalid))
    var configuration = DecoderConfiguration()
    configuration.tunnels.remove(.mpls)
    let without = DecoderHarness(configuration)
    without.decode(PacketBuilder.ethernet(stack + builder.tcp, type: 0x8847))
    #expect(without.packet.kind == .notIP)
  }

  @Test("PPPoE session frames, also in QinQ; discovery is not IP")
  func pppoe() {
    let session = [0x11, 0, 0, 1] + be(UInt16(builder.tcp.count + 2)) + [0x00, 0x21] + builder.tcp
    _ = expectTCP(PacketBuilder.ethernet(session, type: 0x8864), .ethernet)
    let tagged = expectTCP(PacketBuilder.ethernet(session, type: 0x8864, vlans: [7, 8]), .ethernet)
    #expect(tagged.key.vlan == 7 && tagged.key.innerVLAN == 8)
    let harness = DecoderHarness()
    harness.decode(PacketBuilder.ethernet([0x11, 9, 0, 0, 0, 0], type: 0x8863))
    #expect(harness.packet.kind == .notIP)
    harness.decode(PacketBuilder.ethernet([0x21] + session[1...], type: 0x8864))
    #expect(harness.packet.kind == .notIP)
  }

  @Test("802.11 data, with QoS, a fourth address, padding and check sequence")
  func ieee80211() {
    let snap: [UInt8] = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0]
    func header(_ control: UInt8, _ flags: UInt8, _ length: Int) -> [UInt8] {
      [control, flags] + Array(repeating: 0, count: length - 2)
    }
    _ = expectTCP(header(0x08, 1, 24) + snap + builder.tcp, .ieee80211)
    _ = expectTCP(header(0x88, 1, 26) + snap + builder.tcp, .ieee80211)
    _ = expectTCP(header(0x88, 3, 32) + snap + builder.tcp, .ieee80211)
    let radiotap: [UInt8] = [0, 0, 9, 0, 2, 0, 0, 0, 0x30]
    _ = expectTCP(radiotap + header(0x88, 1, 26) + [0, 0] + snap + builder.tcp + [1, 2, 3, 4], .radiotap)
    let harness = DecoderHarness()
    for (control, flags): (UInt8, UInt8) in [(0x80, 0), (0x08, 0x41), (0x48, 1), (0x08, 0x05)] {
      harness.decode(header(control, flags, 24) + snap + builder.tcp, link: .ieee80211)
      #expect(harness.packet.kind == .notIP)
    }
  }

  @Test("802.11 aggregates: the first frame is the packet")
  func aggregate() {
    let contents: [UInt8] = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0] + builder.tcp
    let subframe = Array(repeating: 0 as UInt8, count: 12) + be(UInt16(contents.count)) + contents
    let header: [UInt8] = [0x88, 1] + Array(repeating: 0, count: 22) + [0x80, 0]
    _ = expectTCP(header + subframe + subframe, .ieee80211)
  }
}
