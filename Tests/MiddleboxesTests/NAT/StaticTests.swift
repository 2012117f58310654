import TestSupport
import Testing

@testable import Middleboxes

@Suite("NAT: forwards, one-to-one, and what it lets alone")
struct NATStaticTests {
  @Test("A forward leads ports of the NAT to a host, for everybody, and the host answers from them")
  func forward() throws {
    let net = try NATFixture(
      """
      forwards:
        - {protocol: tcp, external: 198.51.100.1, ports: 80, to: 10.0.0.5, to-port: 8080}
        - {protocol: [tcp, udp], external: 198.51.100.1, ports: 6000-6003, to: 10.0.0.6}
      """)
    #expect(net.tcp("203.0.113.1:999", "198.51.100.1:80", .syn) == "203.0.113.1:999 > 10.0.0.5:8080")
    #expect(
      net.tcp("10.0.0.5:8080", "203.0.113.1:999", [.syn, .ack], seq: 5, ack: 1001)
        == "198.51.100.1:80 > 203.0.113.1:999")
    #expect(net.udp("203.0.113.1:999", "198.51.100.1:6003") == "203.0.113.1:999 > 10.0.0.6:6003")
    #expect(net.udp("10.0.0.6:6003", "203.0.113.1:999") == "198.51.100.1:6003 > 203.0.113.1:999")
    #expect(net.udp("203.0.113.1:999", "198.51.100.1:6004") == nil)
    // What the host itself begins has the same end (RFC 4787 REQ-1), a week later too.
    net.time = 7 * 86_400
    #expect(net.udp("10.0.0.6:6001", "203.0.113.77:1") == "198.51.100.1:6001 > 203.0.113.77:1")
    // Nobody else gets the port.
    #expect(net.udp("10.0.0.7:6002", "203.0.113.77:1") != "198.51.100.1:6002 > 203.0.113.77:1")
  }

  @Test("A host with an address of its own keeps its ports, both ways and for everybody")
  func oneToOne() throws {
    let net = try NATFixture("one-to-one: [{internal: 10.0.0.9, external: 198.51.100.9}]")
    #expect(net.udp("10.0.0.9:7", "203.0.113.1:53") == "198.51.100.9:7 > 203.0.113.1:53")
    #expect(net.tcp("203.0.113.5:99", "198.51.100.9:22", .syn) == "203.0.113.5:99 > 10.0.0.9:22")
    #expect(
      net.tcp("10.0.0.9:22", "203.0.113.5:99", [.syn, .ack], seq: 5, ack: 1001) == "198.51.100.9:22 > 203.0.113.5:99")
    #expect(net.echo("203.0.113.5:77", "198.51.100.9", type: 8) == "203.0.113.5:77 > 10.0.0.9:0")
    #expect(net.echo("10.0.0.9", "203.0.113.5:77", type: 0) == "198.51.100.9:0 > 203.0.113.5:77")
    #expect(net.nat.counters.created == 0)
  }

  @Test("What goes between hosts behind the NAT, between hosts outside, to groups, and IPv6, passes as it is")
  func untouched() throws {
    let net = try NATFixture()
    #expect(net.udp("10.0.0.1:5000", "10.0.0.2:53") == "10.0.0.1:5000 > 10.0.0.2:53")
    #expect(net.udp("203.0.113.1:5000", "203.0.113.2:53") == "203.0.113.1:5000 > 203.0.113.2:53")
    #expect(net.udp("10.0.0.1:5353", "224.0.0.251:5353") == "10.0.0.1:5353 > 224.0.0.251:5353")
    let v6 = PacketBuilder(payload: [1, 2]).v6
    #expect(net.send(v6.tcpFrame) == [v6.tcpFrame])
    let arp = PacketBuilder.ethernet([UInt8](repeating: 1, count: 28), type: 0x0806)
    #expect(net.send(arp) == [arp])
    #expect(net.nat.counters.created == 0)
  }

  @Test("What cannot be translated does not leave with an internal address")
  func untranslatable() throws {
    let net = try NATFixture()
    var builder = PacketBuilder(payload: [UInt8](repeating: 7, count: 64))
    builder.destination = [203, 0, 113, 1]
    let gre = builder.ethernet(builder.ip(47, [0, 0, 0x88, 0xbe] + builder.payload))
    let fragments = builder.fragments(47, [0, 0, 0x88, 0xbe] + builder.payload, size: 32).map { builder.ethernet($0) }
    for frame in [gre] + fragments { #expect(net.send(frame).isEmpty) }
    // The other fragments waited for the last.
    #expect(net.nat.counters[.untranslatable] == 2)
  }

  @Test("A wrong TCP checksum is as wrong behind the NAT, and begins no mapping")
  func wrongChecksum() throws {
    let net = try NATFixture()
    var builder = PacketBuilder(payload: [1, 2])
    builder.destination = [203, 0, 113, 1]
    builder.tcpChecksum = 0x1234
    #expect(net.send(builder.tcpFrame).isEmpty)
    #expect(net.connect("10.0.0.1:40000", "203.0.113.1:80") == "198.51.100.1:40000")
    let leaving = net.send(builder.tcpFrame)
    #expect(leaving.count == 1)
    #expect(net.script.output.last?.isAcceptable == false)
  }
}
