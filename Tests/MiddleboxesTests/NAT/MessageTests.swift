import MOSCore
import TestSupport
import Testing

@testable import Middleboxes

@Suite("NAT: ICMP messages of its own (RFC 5508 REQ-8 to REQ-10, RFC 1812 4.3)")
struct NATMessageTests {
  private static let external: [UInt8] = [198, 51, 100, 1]

  private func builder(_ from: String, _ to: String, timeToLive: UInt8 = 64) -> PacketBuilder {
    var builder = PacketBuilder(payload: Array("abc".utf8))
    (builder.source, builder.sourcePort) = (TestEnd(from).address, TestEnd(from).port)
    (builder.destination, builder.destinationPort) = (TestEnd(to).address, TestEnd(to).port)
    builder.timeToLive = timeToLive
    return builder
  }

  private func error(
    _ type: UInt8, _ code: UInt8, rest: UInt32 = 0, from router: [UInt8] = external, about packet: [UInt8]
  ) -> [[UInt8]] {
    [PacketBuilder.returned(PacketBuilder.error(type: type, code: code, rest: rest, from: router, about: packet))]
  }

  private func net(_ more: String = "", external: String = "198.51.100.1") throws -> NATFixture {
    try NATFixture("decrement-time-to-live: yes\n\(more)", external: external)
  }

  @Test(
    "REQ-10 a: time exceeded: a host is told of its first packet, of those behind it, and of queries",
    arguments: [0, 1] as [UInt8])
  func timeExceeded(timeToLive: UInt8) throws {
    let net = try net()
    let ending = builder("10.0.0.1:5000", "203.0.113.1:53", timeToLive: timeToLive)
    #expect(net.send(ending.udpFrame) == error(11, 0, about: ending.udp))
    #expect(net.nat.counters.created == 0)
    _ = net.udp("10.0.0.1:5000", "203.0.113.1:53")
    #expect(net.send(ending.udpFrame) == error(11, 0, about: ending.udp))
    var syn = ending
    syn.flags = TCPFlags.syn.rawValue
    #expect(net.send(syn.tcpFrame) == error(11, 0, about: syn.tcp))
    let echo = ending.ip(1, ending.icmp(type: 8))
    #expect(net.send(ending.ethernet(echo)) == error(11, 0, about: echo))
    #expect(net.nat.counters.errorsSent == 4 && net.nat.counters[.timeToLiveExceeded] == 4)
  }

  @Test(
    "REQ-10 a: time exceeded: who sends from outside is told by the external address, where there is a mapping, and else nothing"
  )
  func timeExceededOutside() throws {
    let net = try net("one-to-one: [{internal: 10.0.0.9, external: 198.51.100.9}]")
    _ = net.udp("10.0.0.1:5000", "203.0.113.1:53")
    let answer = builder("203.0.113.1:53", "198.51.100.1:5000", timeToLive: 1)
    #expect(net.send(answer.udpFrame) == error(11, 0, about: answer.udp))
    let own = builder("203.0.113.7:53", "198.51.100.9:7", timeToLive: 1)
    #expect(net.send(own.udpFrame) == error(11, 0, from: [198, 51, 100, 9], about: own.udp))
    for (from, to) in [("203.0.113.1:53", "198.51.100.1:6000"), ("203.0.113.2:53", "198.51.100.1:5000")] {
      #expect(net.send(builder(from, to, timeToLive: 1).udpFrame).isEmpty)
    }
    #expect(net.nat.counters.errorsSent == 2)
    #expect(net.nat.counters[.unsolicited] == 1 && net.nat.counters[.filtered] == 1)
  }

  @Test("The address that hosts know is configured, and is the first external one where it is not")
  func source() throws {
    let ending = builder("10.0.0.1:5000", "203.0.113.1:53", timeToLive: 1)
    let several = try net(external: "198.51.100.7, 198.51.100.1")
    #expect(several.send(ending.udpFrame) == error(11, 0, from: [198, 51, 100, 7], about: ending.udp))
    let own = try net("icmp: {from: 10.0.0.254}")
    #expect(own.send(ending.udpFrame) == error(11, 0, from: [10, 0, 0, 254], about: ending.udp))
    // Outside it is known by nothing of the inside.
    _ = own.udp("10.0.0.1:5000", "203.0.113.1:53")
    let answer = builder("203.0.113.1:53", "198.51.100.1:5000", timeToLive: 1)
    #expect(own.send(answer.udpFrame) == error(11, 0, about: answer.udp))
  }

  @Test("REQ-9: whom it tells is configured", arguments: ["all", "internal", "nobody"])
  func policy(toward: String) throws {
    let net = try net("icmp: {toward: \(toward)}")
    _ = net.udp("10.0.0.1:5000", "203.0.113.1:53")
    let ending = builder("10.0.0.1:5000", "203.0.113.1:53", timeToLive: 1)
    #expect(net.send(ending.udpFrame).isEmpty == (toward == "nobody"))
    let answer = builder("203.0.113.1:53", "198.51.100.1:5000", timeToLive: 1)
    #expect(net.send(answer.udpFrame).isEmpty == (toward != "all"))
    #expect(net.send(NATFixture.echo("10.0.0.1:7", "198.51.100.1", type: 8)).isEmpty == (toward == "nobody"))
    #expect(net.send(NATFixture.echo("203.0.113.1:7", "198.51.100.1", type: 8)).isEmpty == (toward != "all"))
  }

  @Test("REQ-8: a host whose packet can get no mapping is told that it is prohibited, whatever it would send")
  func prohibited() throws {
    for limit in ["per-host: 1", "ports: 40000", "maximum: 16"] {
      let net = try net(limit)
      var sent = builder("10.0.0.1:40000", "203.0.113.1:53")
      for port in 0..<(limit.hasPrefix("maximum") ? 16 : 1) {
        sent.sourcePort = 40_000 + UInt16(port)
        #expect(net.send(sent.udpFrame).count == 1)
      }
      sent.sourcePort = 41_000
      #expect(net.send(sent.udpFrame) == error(3, 13, about: sent.udp), "\(limit)")
      // What has a mapping goes on.
      sent.sourcePort = 40_000
      #expect(net.send(sent.udpFrame).first.map { Array($0[26..<30]) } == Self.external)
      #expect(net.nat.counters.errorsSent == 1)
    }
    let net = try net("per-host: 1")
    _ = net.udp("10.0.0.1:40000", "203.0.113.1:53")
    var syn = builder("10.0.0.1:40000", "203.0.113.1:80")
    syn.flags = TCPFlags.syn.rawValue
    #expect(net.send(syn.tcpFrame) == error(3, 13, about: syn.tcp))
    let echo = syn.ip(1, syn.icmp(type: 8))
    #expect(net.send(syn.ethernet(echo)) == error(3, 13, about: echo))
    // So is one that would reach another host by an external end.
    _ = net.udp("10.0.0.2:5000", "203.0.113.1:53")
    var hairpin = builder("10.0.0.1:50000", "198.51.100.1:5000")
    #expect(net.send(hairpin.udpFrame) == error(3, 13, about: hairpin.udp))
    hairpin.timeToLive = 1
    #expect(net.send(hairpin.udpFrame) == error(11, 0, about: hairpin.udp))
  }

  @Test(
    "REQ-10 e: nothing is said about an error, to a group, about what nobody asked for, or what cannot be translated")
  func silence() throws {
    let net = try net()
    _ = net.udp("10.0.0.1:5000", "203.0.113.1:53")
    var other = builder("10.0.0.1:5000", "203.0.113.1:53", timeToLive: 1)
    other.payload = Array(builder("203.0.113.1:53", "10.0.0.1:5000").udp.prefix(28))
    #expect(net.send(other.ethernet(other.ip(1, other.icmp(type: 3)))).isEmpty)
    var frame = builder("10.0.0.1:5000", "203.0.113.1:53", timeToLive: 1).udpFrame
    frame[0] = 0xff
    #expect(net.send(frame).isEmpty)
    #expect(net.send(builder("203.0.113.1:53", "198.51.100.1:6000").udpFrame).isEmpty)
    #expect(net.send(builder("203.0.113.1:53", "10.0.0.1:5000").udpFrame).isEmpty)
    #expect(net.send(builder("198.51.100.1:53", "10.0.0.1:5000").udpFrame).isEmpty)
    other = builder("10.0.0.1:5000", "203.0.113.1:53")
    #expect(net.send(other.ethernet(other.ip(47, [0, 0, 8, 0, 1, 2, 3, 4]))).isEmpty)
    #expect(net.nat.counters.errorsSent == 0)
  }

  @Test("REQ-10 f: a host that sends a flood gets ten errors at once and ten a second, and others theirs")
  func limit() throws {
    let net = try net()
    let ending = builder("10.0.0.1:5000", "203.0.113.1:53", timeToLive: 1)
    let sent = (0..<99).map { _ in net.send(ending.udpFrame).count }
    #expect(sent.reduce(0, +) == 10)
    let other = builder("10.0.0.2:5000", "203.0.113.1:53", timeToLive: 1)
    #expect(net.send(other.udpFrame).count == 1)
    #expect(net.nat.counters[.timeToLiveExceeded] == 100 && net.nat.counters.errorsSent == 11)
  }

  @Test("REQ-10 d: an error has the service class of what it is about, with the precedence of internetwork control")
  func serviceClass() throws {
    let net = try net()
    var frame = builder("10.0.0.1:5000", "203.0.113.1:53", timeToLive: 1).udpFrame
    frame[15] = 0x10
    frame.replaceSubrange(24..<26, with: [0, 0])
    frame.replaceSubrange(24..<26, with: be(internetChecksum(Array(frame[14..<34]))))
    #expect(net.send(frame).first?[15] == 0xd0)
  }

  @Test(
    "REQ-10 b, REQ-10 c: it answers neither information, time nor mask requests, and sends no redirect and no source quench",
    arguments: [13, 15, 17, 10] as [UInt8])
  func unsupported(type: UInt8) throws {
    let net = try net("per-host: 1")
    for (from, to) in [("203.0.113.1", "198.51.100.1"), ("10.0.0.1", "198.51.100.1")] {
      let query = builder(from, to)
      #expect(net.send(query.ethernet(query.ip(1, query.icmp(type: type)))).isEmpty)
    }
    #expect(net.nat.counters.errorsSent == 0 && net.nat.counters.created == 0)
    // Beyond its limits it says that it is prohibited, and nothing else.
    for port in 5_000..<5_010 { _ = net.send(builder("10.0.0.1:\(port)", "203.0.113.1:53").udpFrame) }
    let said = net.script.output.filter(\.isReturned).map { Array($0.bytes[34..<36]) }
    #expect(said.count == 9 && said.allSatisfy { $0 == [3, 13] })
  }

  @Test("What came in fragments is quoted as a whole, once")
  func fragments() throws {
    let net = try net()
    let ending = builder("10.0.0.1:5000", "203.0.113.1:53", timeToLive: 1)
    let fragments = ending.fragments(17, ending.datagram, size: 8).map { ending.ethernet($0) }
    let left = fragments.flatMap { net.send($0) }
    #expect(left.count == 1 && left.first.map { Array($0[34..<36]) } == [11, 0])
    #expect(left.first.map { Array($0[62...]) } == ending.datagram)
    #expect(net.script.output.allSatisfy { $0.isAcceptable })
  }

  @Test("REQ-10 a: the NAT answers echo requests to its addresses, from both sides, without a mapping or a flow")
  func echo() throws {
    let net = try net("icmp: {from: 10.0.0.254}\none-to-one: [{internal: 10.0.0.9, external: 198.51.100.9}]")
    for (from, to) in [
      ("203.0.113.1", "198.51.100.1"), ("10.0.0.1", "198.51.100.1"), ("10.0.0.1", "10.0.0.254"),
    ] {
      for _ in 0..<20 {
        let sent = builder(from, to, timeToLive: 1)
        var reply = sent.reversed
        (reply.identification, reply.timeToLive) = (0, 64)
        #expect(
          net.send(sent.ethernet(sent.ip(1, sent.icmp(type: 8))))
            == [PacketBuilder.returned(reply.ip(1, reply.icmp(type: 0), fragment: 0))])
      }
    }
    #expect(net.nat.counters.echoesAnswered == 60 && net.nat.counters.created == 0 && net.flows == 0)
    // Not for others: a host with an address of its own answers itself, and what is inside is nobody's outside.
    #expect(net.echo("203.0.113.1:7", "198.51.100.9", type: 8) == "203.0.113.1:7 > 10.0.0.9:0")
    #expect(net.echo("203.0.113.1:7", "10.0.0.254", type: 8) == nil)
    #expect(net.echo("198.51.100.1:7", "10.0.0.1", type: 8) == nil)
    var wrong = builder("203.0.113.1", "198.51.100.1")
    wrong.payload = [1]
    var frame = wrong.ethernet(wrong.ip(1, wrong.icmp(type: 8)))
    frame[40] ^= 1
    #expect(net.send(frame).isEmpty)
  }
}
