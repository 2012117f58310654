import MOSCore
import TestSupport
import Testing

@testable import Middleboxes

@Suite("NAT: networks that take shorter packets (RFC 4787 REQ-13)")
struct NATMTUTests {
  private func builder(_ from: String, _ to: String, length: Int) -> PacketBuilder {
    var builder = PacketBuilder(payload: (0..<length - 28).map { UInt8(truncatingIfNeeded: $0) })
    (builder.source, builder.sourcePort) = (TestEnd(from).address, TestEnd(from).port)
    (builder.destination, builder.destinationPort) = (TestEnd(to).address, TestEnd(to).port)
    return builder
  }

  private func tooLong(_ mtu: UInt32, about packet: [UInt8]) -> [[UInt8]] {
    [PacketBuilder.returned(PacketBuilder.error(type: 3, code: 4, rest: mtu, from: [198, 51, 100, 1], about: packet))]
  }

  private func net(_ more: String = "") throws -> NATFixture {
    try NATFixture("mtu: {internal: 1400, external: 1300}\n\(more)")
  }

  @Test(
    "REQ-13: what may not be cut and is longer than the network takes is not sent, and its sender is told by how much",
    arguments: [1, 3])
  func fragmentationNeeded(packets: Int) throws {
    let net = try net()
    for _ in 0..<packets {
      let out = builder("10.0.0.1:5000", "203.0.113.1:53", length: 1_300)
      #expect(net.send(out.udpFrame) == [builder("198.51.100.1:5000", "203.0.113.1:53", length: 1_300).udpFrame])
      let long = builder("10.0.0.1:5000", "203.0.113.1:53", length: 1_301)
      #expect(net.send(long.udpFrame) == tooLong(1_300, about: long.udp))
      let back = builder("203.0.113.1:53", "198.51.100.1:5000", length: 1_400)
      #expect(net.send(back.udpFrame) == [builder("203.0.113.1:53", "10.0.0.1:5000", length: 1_400).udpFrame])
      let longBack = builder("203.0.113.1:53", "198.51.100.1:5000", length: 1_401)
      #expect(net.send(longBack.udpFrame) == tooLong(1_400, about: longBack.udp))
    }
    #expect(net.nat.counters[.tooLong] == UInt64(2 * packets))
  }

  @Test("TCP, echo requests and FTP's control connections too, and a mapping lives on")
  func otherPackets() throws {
    let net = try net("ports: 1-65535")
    var segment = builder("10.0.0.1:5000", "203.0.113.1:21", length: 1_300)
    _ = net.connect("10.0.0.1:5000", "203.0.113.1:21")
    (segment.flags, segment.sequence, segment.acknowledgment) = (TCPFlags.ack.rawValue, 1_001, 5_001)
    #expect(net.send(segment.tcpFrame) == tooLong(1_300, about: segment.tcp))
    segment.payload.append(1)
    let echo = segment.ip(1, segment.icmp(type: 8))
    #expect(net.send(segment.ethernet(echo)) == tooLong(1_300, about: echo))
    segment.payload = Array(segment.payload.prefix(1_260))
    #expect(net.send(segment.tcpFrame).first?.count == 1_314)
  }

  @Test("REQ-13 a: what may be cut leaves in fragments of that length, in order", arguments: [1, 3])
  func cut(packets: Int) throws {
    let net = try net()
    for _ in 0..<packets {
      for (from, to, seenFrom, seenTo, size) in [
        ("10.0.0.1:5000", "203.0.113.1:53", "198.51.100.1:5000", "203.0.113.1:53", 1_280),
        ("203.0.113.1:53", "198.51.100.1:5000", "203.0.113.1:53", "10.0.0.1:5000", 1_376),
      ] {
        let out = builder(from, to, length: 3_000)
        let seen = builder(seenFrom, seenTo, length: 3_000)
        #expect(
          net.send(out.ethernet(out.ip(17, out.datagram, fragment: 0)))
            == seen.fragments(17, seen.datagram, size: size).map { seen.ethernet($0) })
      }
    }
    #expect(net.nat.counters[.tooLong] == 0)
  }

  @Test("Fragments that are longer than that are cut anew, and shorter ones are none the longer")
  func fragments() throws {
    let net = try net()
    let out = builder("10.0.0.1:5000", "203.0.113.1:53", length: 3_000)
    let seen = builder("198.51.100.1:5000", "203.0.113.1:53", length: 3_000)
    for (size, leaving) in [(1_480, 1_280), (800, 800)] {
      let left = out.fragments(17, out.datagram, size: size).flatMap { net.send(out.ethernet($0)) }
      #expect(left == seen.fragments(17, seen.datagram, size: leaving).map { seen.ethernet($0) })
    }
  }

  @Test("Between hosts behind the NAT the network behind it counts")
  func hairpinning() throws {
    let net = try net("filtering: endpoint-independent")
    _ = net.udp("10.0.0.1:5000", "203.0.113.1:53")
    let fits = builder("10.0.0.2:6000", "198.51.100.1:5000", length: 1_400)
    #expect(net.send(fits.udpFrame) == [builder("198.51.100.1:6000", "10.0.0.1:5000", length: 1_400).udpFrame])
    let long = builder("10.0.0.2:6000", "198.51.100.1:5000", length: 1_401)
    #expect(net.send(long.udpFrame) == tooLong(1_400, about: long.udp))
  }

  @Test("An error that is too long is cut whatever it says, and one about a packet outside is translated as ever")
  func errors() throws {
    let net = try NATFixture("mtu: {external: 576}\nfiltering: endpoint-independent")
    _ = net.udp("10.0.0.1:5000", "203.0.113.1:53")
    var error = builder("10.0.0.1:0", "203.0.113.1:0", length: 28)
    error.payload = builder("203.0.113.1:53", "10.0.0.1:5000", length: 1_000).udp
    let left = net.send(error.ethernet(error.ip(1, error.icmp(type: 3, code: 3))))
    #expect(left.count == 2 && left.allSatisfy { $0.count <= 590 })
    #expect(net.nat.counters[.tooLong] == 0 && net.nat.counters.errorsSent == 0)
  }

  @Test("Without a length of either side packets leave as long as they came, and with one the other side's do")
  func unlimited() throws {
    let out = builder("10.0.0.1:5000", "203.0.113.1:53", length: 9_000)
    let seen = builder("198.51.100.1:5000", "203.0.113.1:53", length: 9_000)
    for more in ["", "mtu: {internal: 1400}"] {
      #expect(try NATFixture(more).send(out.udpFrame) == [seen.udpFrame])
    }
  }
}
