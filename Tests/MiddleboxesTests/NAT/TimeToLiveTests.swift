import MOSCore
import TestSupport
import Testing

@testable import Middleboxes

@Suite("NAT: time to live (RFC 1812 5.3.1)")
struct NATTimeToLiveTests {
  private func builder(_ from: String, _ to: String, timeToLive: UInt8 = 64) -> PacketBuilder {
    var builder = PacketBuilder(payload: Array("abc".utf8))
    (builder.source, builder.sourcePort) = (TestEnd(from).address, TestEnd(from).port)
    (builder.destination, builder.destinationPort) = (TestEnd(to).address, TestEnd(to).port)
    builder.timeToLive = timeToLive
    return builder
  }

  private func net(_ more: String = "") throws -> NATFixture { try NATFixture("decrement-time-to-live: yes\n\(more)") }

  @Test("It is on where nothing else is configured")
  func configuration() throws {
    let text = "internal: 10.0.0.0/8\nexternal: 198.51.100.1\n"
    #expect(try NATConfiguration(bytes: Array(text.utf8), file: "nat.yaml").decrementsTimeToLive)
    let off = try NATConfiguration(bytes: Array((text + "decrement-time-to-live: no").utf8), file: "nat.yaml")
    #expect(!off.decrementsTimeToLive)
  }

  @Test("What is translated leaves with one hop less, the first packet of a mapping and those behind it, both ways")
  func decremented() throws {
    let net = try net()
    for timeToLive in [64, 255, 2, 64] as [UInt8] {
      let out = builder("10.0.0.1:5000", "203.0.113.1:53", timeToLive: timeToLive)
      let seen = builder("198.51.100.1:5000", "203.0.113.1:53", timeToLive: timeToLive - 1)
      #expect(net.send(out.udpFrame) == [seen.udpFrame])
      let back = builder("203.0.113.1:53", "198.51.100.1:5000", timeToLive: timeToLive)
      let delivered = builder("203.0.113.1:53", "10.0.0.1:5000", timeToLive: timeToLive - 1)
      #expect(net.send(back.udpFrame) == [delivered.udpFrame])
    }
  }

  @Test("ICMP queries, errors, fragments and segments of FTP's control connections, too")
  func otherPackets() throws {
    let net = try net("ports: 1-65535")
    var syn = builder("10.0.0.1:5000", "203.0.113.1:21")
    var seen = builder("198.51.100.1:5000", "203.0.113.1:21", timeToLive: 63)
    (syn.flags, seen.flags) = (TCPFlags.syn.rawValue, TCPFlags.syn.rawValue)
    #expect(net.send(syn.tcpFrame) == [seen.tcpFrame])
    #expect(
      net.send(syn.ethernet(syn.ip(1, syn.icmp(type: 8)))) == [seen.ethernet(seen.ip(1, seen.icmp(type: 8)))])
    let fragments = syn.fragments(17, syn.datagram, size: 8).map { syn.ethernet($0) }
    #expect(
      fragments.flatMap { net.send($0) } == seen.fragments(17, seen.datagram, size: 8).map { seen.ethernet($0) })
    var about = builder("198.51.100.1:5000", "203.0.113.1:53", timeToLive: 9)
    var original = builder("10.0.0.1:5000", "203.0.113.1:53", timeToLive: 9)
    _ = net.send(original.udpFrame)
    (about.payload, original.payload) = (Array(about.udp.prefix(28)), Array(original.udp.prefix(28)))
    var error = builder("192.0.2.9:0", "198.51.100.1:0")
    error.payload = about.payload
    var delivered = builder("192.0.2.9:0", "10.0.0.1:0", timeToLive: 63)
    delivered.payload = original.payload
    #expect(
      net.send(error.ethernet(error.ip(1, error.icmp(type: 11))))
        == [delivered.ethernet(delivered.ip(1, delivered.icmp(type: 11)))])
  }

  @Test("What has come to its end goes no further, keeps no mapping, and is counted", arguments: [0, 1] as [UInt8])
  func exceeded(timeToLive: UInt8) throws {
    let net = try net()
    _ = net.passed(builder("10.0.0.1:5000", "203.0.113.1:53").udpFrame)
    for time in [100.0, 250, 299] {
      net.time = time
      #expect(net.passed(builder("10.0.0.1:5000", "203.0.113.1:53", timeToLive: timeToLive).udpFrame).isEmpty)
    }
    let echo = builder("10.0.0.1:0", "203.0.113.1:0", timeToLive: timeToLive)
    #expect(net.passed(echo.ethernet(echo.ip(1, echo.icmp(type: 8)))).isEmpty)
    #expect(net.passed(builder("10.0.0.2:5000", "203.0.113.1:53", timeToLive: timeToLive).udpFrame).isEmpty)
    #expect(net.nat.counters[.timeToLiveExceeded] == 5 && net.nat.counters.created == 1)
    net.time = 301
    #expect(net.passed(builder("203.0.113.1:53", "198.51.100.1:5000").udpFrame).isEmpty)
  }

  @Test("What is not translated passes as through a bridge")
  func untouched() throws {
    let net = try net()
    let inside = builder("10.0.0.1:5000", "10.0.0.2:53", timeToLive: 1)
    #expect(net.send(inside.udpFrame) == [inside.udpFrame])
  }

  @Test("Where it is off, the time to live does not matter", arguments: [0, 1, 64] as [UInt8])
  func off(timeToLive: UInt8) throws {
    let net = try NATFixture()
    for _ in 0..<3 {
      #expect(
        net.send(builder("10.0.0.1:5000", "203.0.113.1:53", timeToLive: timeToLive).udpFrame)
          == [builder("198.51.100.1:5000", "203.0.113.1:53", timeToLive: timeToLive).udpFrame])
    }
  }
}
