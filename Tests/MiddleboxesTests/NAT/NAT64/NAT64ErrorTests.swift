import TestSupport
import Testing

@testable import Middleboxes

@Suite("NAT64: ICMP errors of others (RFC 7915 4.2, 5.2)")
struct NAT64ErrorTests: NAT64Suite {
  private typealias Case = (type: UInt8, code: UInt8, rest: UInt32, becomes: (UInt8, UInt8, UInt32)?)

  /// RFC 7915 4.2, all of it: nil for what is dropped.
  private static let fromV4: [Case] =
    [0, 1, 5, 6, 7, 8, 11, 12].map { (3, $0, 0, (1, 0, 0)) } + [9, 10, 13, 15].map { (3, $0, 0, (1, 1, 0)) }
    + [
      (3, 2, 0, (4, 1, 6)), (3, 3, 0, (1, 4, 0)), (3, 14, 0, nil), (3, 16, 0, nil), (4, 0, 0, nil), (5, 1, 0, nil),
      (3, 4, 1_400, (2, 0, 1_420)), (3, 4, 1_500, (2, 0, 1_500)), (3, 4, 0, (2, 0, 1_280)), (3, 4, 68, (2, 0, 1_280)),
      (11, 0, 0, (3, 0, 0)), (11, 1, 0, (3, 1, 0)), (11, 2, 0, nil), (12, 1, 0, nil),
    ]
    + [(0, 0), (1, 1), (2, 4), (3, 4), (8, 7), (9, 6), (12, 8), (15, 8), (16, 24), (19, 24)].flatMap {
      (old, new) -> [Case] in [(12, 0, old << 24, (4, 0, new)), (12, 2, old << 24, (4, 0, new))]
    } + [4, 5, 6, 7, 10, 11, 20, 255].map { (12, 0, $0 << 24, nil) }

  /// RFC 7915 5.2.
  private static let fromV6: [Case] =
    [0, 2, 3].map { (1, $0, 0, (3, 1, 0)) }
    + [(0, 0), (1, 1), (4, 2), (5, 2), (6, 9), (7, 8)].map {
      (old, new) -> Case in (4, 0, old, (12, 0, new << 24))
    } + (8..<24).map { (4, 0, $0, (12, 0, 12 << 24)) } + (24..<40).map { (4, 0, $0, (12, 0, 16 << 24)) }
    + [2, 3, 40, 1_000_000].map { (4, 0, $0, nil) }
    + [
      (1, 1, 0, (3, 10, 0)), (1, 4, 0, (3, 3, 0)), (1, 5, 0, nil), (1, 6, 0, nil), (3, 0, 0, (11, 0, 0)),
      (3, 1, 0, (11, 1, 0)), (2, 0, 1_280, (3, 4, 1_260)), (2, 0, 9_000, (3, 4, 1_480)), (4, 1, 6, (3, 2, 0)),
      (4, 2, 0, nil), (100, 0, 0, nil),
    ]

  @Test(
    "RFC 7915 4.2, 4.3: an error from IPv4 about what a host sent reaches it as ICMPv6, with the packet that it sent")
  func errorFromV4() throws {
    let net = try net()
    try sendUDP(net)
    let (six, four) = pair()
    for (type, code, rest, becomes) in Self.fromV4 {
      var error = PacketBuilder()
      (error.source, error.destination) = ([192, 0, 2, 9], four.source)
      let quoted = four.ip(17, four.datagram, fragment: 0)
      let left = net.send(
        error.ethernet(error.ip(1, error.icmp(type: type, code: code, rest: rest, contents: quoted))))
      var seen = behind(error, nil)
      (seen.source, seen.destination) = (Self.embedded(error.source), Self.host)
      let expected = becomes.map { type, code, rest in
        seen.ethernet(seen.ip(58, seen.icmp(type: type, code: code, rest: rest, contents: six.udp)))
      }
      #expect(left == [expected].compactMap { $0 }, "\(type) \(code) \(rest)")
    }
  }

  @Test("RFC 7915 5.2, 5.3: an error of a host about what came from IPv4 leaves as ICMP, with the packet that came")
  func errorFromHost() throws {
    let net = try net()
    try sendUDP(net)
    let (six, four) = pair()
    for (type, code, rest, becomes) in Self.fromV6 {
      var error = six
      error.payload = []
      let left = net.send(
        error.ethernet(error.ip(58, error.icmp(type: type, code: code, rest: rest, contents: six.reversed.udp))))
      let seen = behind(four, left.first)
      var quoted = four.reversed
      quoted.identification = 0
      let contents = quoted.ip(17, quoted.datagram, fragment: 0)
      let expected = becomes.map { type, code, rest in
        seen.ethernet(seen.ip(1, seen.icmp(type: type, code: code, rest: rest, contents: contents), fragment: 0))
      }
      #expect(left == [expected].compactMap { $0 }, "\(type) \(code) \(rest)")
    }
  }

  @Test("Neighbours are nobody's business elsewhere, and an error must be about something")
  func aboutNothing() throws {
    let net = try net()
    try sendUDP(net)
    let (six, _) = pair()
    #expect(net.send(six.ethernet(six.ip(58, six.icmp(type: 135)))).isEmpty)
    #expect(
      net.send(six.ethernet(six.ip(58, six.icmp(type: 1, code: 4, rest: 0, contents: six.udp)))).isEmpty)
    #expect(net.nat.counters[.icmpUnrelated] == 1)
  }
}
