import MOSCore
import TestSupport
import Testing

@Suite("Decoder: tunnels")
struct DecoderTunnelTests {
  private let inner = PacketBuilder(payload: Array("inner".utf8))
  private var outer: PacketBuilder {
    var builder = PacketBuilder()
    builder.source = [192, 0, 2, 1]
    builder.destination = [192, 0, 2, 2]
    return builder
  }

  private func udp(_ port: UInt16, _ payload: [UInt8], from source: UInt16 = 50000) -> [UInt8] {
    var builder = outer
    builder.sourcePort = source
    builder.destinationPort = port
    builder.payload = payload
    return builder.udpFrame
  }

  /// Expects the inner segment at `depth`, and returns its description.
  @discardableResult
  private func expectInner(
    _ frame: [UInt8], depth: UInt8 = 1, sourceLocation: SourceLocation = #_sourceLocation
  ) -> DecodedPacket {
    let harness = DecoderHarness()
    harness.decode(frame)
    #expect(harness.packet.kind == .tcp && harness.packet.isAcceptable, sourceLocation: sourceLocation)
    #expect(harness.payload == Array("inner".utf8), sourceLocation: sourceLocation)
    #expect(harness.packet.tunnelDepth == depth, sourceLocation: sourceLocation)
    #expect(harness.packet.key.sourcePort == 40000, sourceLocation: sourceLocation)
    return harness.packet
  }

  @Test("IP in IP: 4in4, 6in4, 4in6, 6in6")
  func ipInIP() {
    for outer in [outer, outer.v6] {
      expectInner(outer.ethernet(outer.ip(4, inner.tcp)))
      expectInner(outer.ethernet(outer.ip(41, inner.v6.tcp)))
    }
    let harness = DecoderHarness()
    harness.decode(outer.ethernet(outer.ip(41, inner.tcp)))
    #expect(harness.packet.kind == .otherIP && harness.has(.tunnelHeaderInvalid))
  }

  @Test("GRE: plain, with every option, Ethernet, PPTP, ERSPAN, Aruba, WCCP")
  func gre() {
    func frame(_ contents: [UInt8]) -> [UInt8] { outer.ethernet(outer.ip(47, contents)) }
    expectInner(frame([0, 0, 8, 0] + inner.tcp))
    expectInner(frame([0xb0, 0, 0x86, 0xdd] + Array(repeating: 0, count: 12) + inner.v6.tcp))
    let tagged = expectInner(frame([0, 0, 0x65, 0x58] + inner.ethernet(inner.tcp, vlans: [33])))
    #expect(tagged.key.vlan == 33)
    let ppp = [0xff, 0x03, 0x00, 0x21] + inner.tcp
    expectInner(frame([0x30, 0x01, 0x88, 0x0b] + be(UInt16(ppp.count)) + [0, 1, 0, 0, 0, 1] + ppp))
    expectInner(frame([0, 0, 0x88, 0xbe] + inner.tcpFrame))
    expectInner(frame([0x10, 0, 0x88, 0xbe, 0, 0, 0, 1] + Array(repeating: 0, count: 8) + inner.tcpFrame))
    expectInner(frame([0x10, 0, 0x22, 0xeb, 0, 0, 0, 1] + Array(repeating: 0, count: 12) + inner.tcpFrame))
    let wireless: [UInt8] = [0x08, 1] + Array(repeating: 0, count: 22) + [0xaa, 0xaa, 3, 0, 0, 0, 8, 0]
    expectInner(frame([0, 0, 0x82, 0x10] + wireless + inner.tcp))
    expectInner(frame([0, 0, 0x88, 0x3e, 0, 0, 0, 0] + inner.tcp))
    expectInner(frame([0, 0, 0x88, 0x47, 0, 1, 1, 64] + inner.tcp))
    let harness = DecoderHarness()
    harness.decode(frame([0x20, 0x81, 0x88, 0x0b, 0, 0, 0, 1, 0, 0, 0, 1]))
    #expect(harness.packet.kind == .otherIP && !harness.has(.tunnelHeaderInvalid))
    harness.decode(frame([0, 7, 8, 0] + inner.tcp))
    #expect(harness.packet.kind == .otherIP && harness.has(.tunnelHeaderInvalid))
  }

  @Test("VXLAN and Geneve")
  func overlay() {
    expectInner(udp(4789, [8, 0, 0, 0, 0, 0, 9, 0] + inner.tcpFrame))
    expectInner(udp(6081, [0, 0, 0x65, 0x58, 0, 0, 9, 0] + inner.tcpFrame))
    expectInner(udp(6081, [1, 0, 0x08, 0x00, 0, 0, 9, 0, 1, 2, 3, 0] + inner.tcp))
    let harness = DecoderHarness()
    harness.decode(udp(4789, [8, 0, 0, 0, 0, 0, 9, 0] + PacketBuilder.ethernet([0, 1], type: 0x0806)))
    #expect(harness.packet.kind == .arp && harness.packet.tunnelDepth == 1)
  }

  @Test("GTP-U, from and to its port; other messages stay UDP")
  func gtpU() {
    let length = be(UInt16(inner.tcp.count))
    expectInner(udp(2152, [0x30, 255] + length + [0, 0, 0, 1] + inner.tcp))
    expectInner(udp(1024, [0x30, 255] + length + [0, 0, 0, 1] + inner.v6.tcp, from: 2152))
    expectInner(udp(2152, [0x34, 255] + length + [0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 0, 0] + inner.tcp))
    let harness = DecoderHarness()
    harness.decode(udp(2152, [0x30, 1] + length + [0, 0, 0, 1] + inner.tcp))
    #expect(harness.packet.kind == .udp && harness.packet.tunnelDepth == 0)
  }

  @Test("Teredo on its port and, by its prefix, on others")
  func teredo() {
    expectInner(udp(3544, inner.v6.tcp))
    expectInner(udp(9999, [0, 0, 1, 2, 3, 4, 5, 6] + inner.v6.tcp, from: 3544))
    var client = inner.v6
    client.source = [0x20, 1, 0, 0] + client.source[4...]
    expectInner(udp(9999, client.tcp))
    let harness = DecoderHarness()
    harness.decode(udp(9999, inner.v6.tcp))
    #expect(harness.packet.kind == .udp)
    harness.decode(udp(9999, client.tcp + [0]))
    #expect(harness.packet.kind == .udp)
  }

  @Test("AYIYA")
  func ayiya() {
    let header: [UInt8] = [0x44, 0x52, 0x11, 41, 0, 0, 0, 1] + Array(repeating: 0, count: 36)
    expectInner(udp(5072, header + inner.v6.tcp))
    let harness = DecoderHarness()
    harness.decode(udp(5072, [0x44, 0x52, 0x10] + header[3...] + inner.v6.tcp))
    #expect(harness.packet.kind == .udp)
  }

  @Test("what does not look like a tunnel on a tunnel's port stays UDP, and keeps its payload")
  func implausible() {
    let text = Array("nothing that belongs in a tunnel, and long enough to be one".utf8)
    let harness = DecoderHarness()
    for port: UInt16 in [4789, 6081, 2152, 3544, 5072] {
      for payload in [text, [], [0], Array(repeating: 8, count: 30)] {
        harness.decode(udp(port, payload))
        #expect(harness.packet.kind == .udp && harness.packet.tunnelDepth == 0 && harness.payload == payload)
        #expect(harness.packet.key.destinationPort == port && harness.packet.isAcceptable)
      }
    }
  }

  @Test("a tunnel that is not in the set is not taken off")
  func disabled() {
    var configuration = DecoderConfiguration()
    configuration.tunnels = []
    let harness = DecoderHarness(configuration)
    harness.decode(udp(4789, [8, 0, 0, 0, 0, 0, 9, 0] + inner.tcpFrame))
    #expect(harness.packet.kind == .udp && harness.packet.key.destinationPort == 4789)
    for number: UInt8 in [4, 47] {
      harness.decode(outer.ethernet(outer.ip(number, number == 4 ? inner.tcp : [0, 0, 8, 0] + inner.tcp)))
      #expect(harness.packet.kind == .otherIP && harness.packet.key.protocolNumber == number)
    }
  }

  @Test("tunnels in tunnels down to the limit, and no further")
  func depth() {
    func nested(_ count: Int) -> [UInt8] {
      outer.ethernet((0..<count).reduce(inner.tcp) { packet, _ in outer.ip(4, packet) })
    }
    for count in 0...4 { expectInner(nested(count), depth: UInt8(count)) }
    let harness = DecoderHarness()
    harness.decode(nested(5))
    #expect(harness.packet.kind == .otherIP && harness.packet.tunnelDepth == 4 && harness.has(.encapsulationTooDeep))
    var configuration = DecoderConfiguration()
    configuration.maximumTunnelDepth = 1000
    let deep = DecoderHarness(configuration)
    deep.decode(nested(300))
    #expect(deep.packet.kind == .otherIP && deep.packet.tunnelDepth == 255)
  }

  @Test("what is wrong with the outer headers makes the inner packet unacceptable too")
  func outerChecksum() {
    var wrong = outer
    wrong.ipChecksum = 1
    let harness = DecoderHarness()
    harness.decode(wrong.ethernet(wrong.ip(4, inner.tcp)))
    #expect(harness.packet.kind == .tcp && !harness.packet.isAcceptable && harness.has(.ipChecksumInvalid))
  }
}
