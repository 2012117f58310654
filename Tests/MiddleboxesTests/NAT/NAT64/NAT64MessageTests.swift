import TestSupport
import Testing

@testable import Middleboxes

@Suite("NAT64: ICMP messages of its own (RFC 6146 3.5, RFC 7915 4, 5)")
struct NAT64MessageTests: NAT64Suite {
  /// The NAT's address outside, as hosts know it.
  private static var router: [UInt8] { embedded([198, 51, 100, 1]) }

  private func error(
    _ type: UInt8, _ code: UInt8, rest: UInt32 = 0, from router: [UInt8] = router, about packet: [UInt8]
  ) -> [[UInt8]] {
    [PacketBuilder.returned(PacketBuilder.error(type: type, code: code, rest: rest, from: router, about: packet))]
  }

  private func hops(_ builder: PacketBuilder, _ count: UInt8) -> PacketBuilder {
    var builder = builder
    builder.timeToLive = count
    return builder
  }

  @Test(
    "RFC 7915 4.1, 5.1: time exceeded both ways, of the first packet and of those behind it",
    arguments: [0, 1] as [UInt8])
  func timeExceeded(count: UInt8) throws {
    let net = try net("icmp: {from: \"fd00::1\"}")
    let (six, four) = pair()
    let ending = hops(six, count)
    let own: [UInt8] = [0xfd] + [UInt8](repeating: 0, count: 14) + [1]
    #expect(net.send(ending.udpFrame) == error(3, 0, from: own, about: ending.udp))
    #expect(net.nat.counters.created == 0)
    try sendUDP(net)
    #expect(net.send(ending.udpFrame) == error(3, 0, from: own, about: ending.udp))
    let answer = hops(four.reversed, count)
    #expect(net.send(answer.udpFrame) == error(11, 0, from: four.source, about: answer.udp))
    let echo = ending.ip(58, ending.icmp(type: 128))
    #expect(net.send(ending.ethernet(echo)) == error(3, 0, from: own, about: echo))
    let about = ending.ip(58, ending.icmp(type: 1))
    #expect(net.send(ending.ethernet(about)).isEmpty)
    #expect(net.nat.counters.errorsSent == 4)
  }

  @Test("Its address is the first external one in the prefix, where none is configured")
  func source() throws {
    let net = try net()
    let ending = hops(pair().six, 1)
    #expect(net.send(ending.udpFrame) == error(3, 0, about: ending.udp))
    var (echo, _) = pair()
    echo.destination = Self.router
    let reply = echo.reversed
    #expect(
      net.send(echo.ethernet(echo.ip(58, echo.icmp(type: 128))))
        == [PacketBuilder.returned(reply.ip(58, reply.icmp(type: 129)))])
    #expect(net.nat.counters.echoesAnswered == 1 && net.nat.counters.created == 0)
  }

  @Test("RFC 6146 3.5.1.1: without room for a mapping a host is told that the address is unreachable")
  func unreachable() throws {
    let net = try net("per-host: 1")
    try sendUDP(net)
    var (six, _) = pair()
    six.sourcePort = 6_000
    #expect(net.send(six.udpFrame) == error(1, 3, about: six.udp))
    six.flags = 2
    #expect(net.send(six.tcpFrame) == error(1, 3, about: six.tcp))
  }

  @Test("RFC 6146 3.4: of another protocol, a port is unreachable")
  func otherProtocol() throws {
    let net = try net()
    let (six, _) = pair()
    let other = six.ip(132, [UInt8](repeating: 1, count: 30))
    #expect(net.send(six.ethernet(other)) == error(1, 4, about: other))
  }

  @Test("RFC 7915 4.1, 5.1: a source route that has not come to its end fails, and where it says so is told")
  func sourceRoutes() throws {
    let net = try net()
    try sendUDP(net)
    var (six, four) = pair()
    let routing: [UInt8] = [17, 2, 4, 1, 0, 0, 0, 0] + Self.other
    let routed = six.ip(43, routing + six.datagram)
    #expect(net.send(six.ethernet(routed)) == error(4, 0, rest: 43, about: routed))
    let behindOptions = six.ip(60, [43, 0, 1, 4, 0, 0, 0, 0] + routing + six.datagram)
    #expect(net.send(six.ethernet(behindOptions)) == error(4, 0, rest: 51, about: behindOptions))
    six = six.reversed
    four = four.reversed
    four.ipOptions = [131, 7, 4, 10, 0, 0, 1, 0]
    #expect(net.send(four.udpFrame) == error(3, 5, from: four.destination, about: four.udp))
    four.ipOptions = [131, 7, 8, 10, 0, 0, 1, 0]
    #expect(net.send(four.udpFrame) == [behind(six, nil).udpFrame])
  }

  @Test("RFC 7915 5: what is too long for IPv4 behind it is said in IPv6's lengths, twenty bytes more")
  func packetTooBig() throws {
    let net = try net("mtu: {external: 1400}")
    for _ in 0..<2 {
      var (six, four) = pair(payload: [UInt8](repeating: 5, count: 1_400 - 28))
      let left = net.send(six.udpFrame)
      four = behind(four, left.first)
      #expect(left == [four.udpFrame])
      (six, four) = pair(payload: [UInt8](repeating: 5, count: 1_401 - 28))
      #expect(net.send(six.udpFrame) == error(2, 0, rest: 1_420, about: six.udp))
    }
    // What every IPv6 link takes is cut and not sent back.
    let narrow = try self.net("mtu: {external: 1000}")
    let (six, four) = pair(payload: [UInt8](repeating: 5, count: 1_232))
    let left = narrow.send(six.udpFrame)
    let seen = behind(four, left.first)
    #expect(left == seen.fragments(17, seen.datagram, size: 976).map { seen.ethernet($0) })
    let (longer, _) = pair(payload: [UInt8](repeating: 5, count: 1_233))
    #expect(narrow.send(longer.udpFrame) == error(2, 0, rest: 1_280, about: longer.udp))
  }

  @Test(
    "RFC 7915 4: what is too long for IPv6 behind it and may not be cut is said in IPv4's lengths, twenty bytes less")
  func fragmentationNeeded() throws {
    let net = try net("mtu: {internal: 1400}")
    try sendUDP(net)
    for _ in 0..<2 {
      let (six, four) = pair(payload: [UInt8](repeating: 5, count: 1_380 - 28))
      #expect(net.send(four.reversed.udpFrame) == [behind(six.reversed, nil).udpFrame])
      let (_, long) = pair(payload: [UInt8](repeating: 5, count: 1_381 - 28))
      let answer = long.reversed
      #expect(net.send(answer.udpFrame) == error(3, 4, rest: 1_380, from: answer.destination, about: answer.udp))
      // What may be cut is cut to what every link takes.
      let cut = net.send(answer.ethernet(answer.ip(17, answer.datagram, fragment: 0)))
      #expect(cut.count == 2 && cut.allSatisfy { $0.count <= 1_294 && $0[20] == 44 })
    }
  }

  @Test(
    "RFC 7915 4, 5: what came in fragments leaves in fragments as long as the way takes, and nobody is told",
    arguments: [1_000, 1_400])
  func fragments(mtu: Int) throws {
    let net = try net("mtu: {external: \(mtu)}")
    let (six, four) = pair(payload: [UInt8](repeating: 5, count: 3_000))
    let left = six.v6Fragments(17, six.datagram, size: 1_448).flatMap { net.send(six.ethernet($0)) }
    let seen = behind(four, left.first)
    #expect(left == seen.fragments(17, seen.datagram, size: (mtu - 20) / 8 * 8).map { seen.ethernet($0) })
  }

  @Test("RFC 7915 4.2, 5.2: errors of others say what the ways on both sides take, too")
  func errorsOfOthers() throws {
    let net = try net("mtu: {internal: 1450, external: 1410}")
    try sendUDP(net)
    let (six, four) = pair()
    for (mtu, told) in [(1_500, 1_430), (1_400, 1_420), (1_000, 1_280)] as [(UInt32, UInt32)] {
      let packet = PacketBuilder.error(type: 3, code: 4, rest: mtu, from: [192, 0, 2, 9], about: four.udp)
      let left = net.send(PacketBuilder.ethernet(packet, type: 0x0800))
      #expect(left.first.map { Array($0[58..<62]) } == be(told))
    }
    for (mtu, told) in [(9_000, 1_410), (1_300, 1_280)] as [(UInt32, UInt32)] {
      var error = six
      error.payload = []
      let left = net.send(
        error.ethernet(error.ip(58, error.icmp(type: 2, code: 0, rest: mtu, contents: six.reversed.udp))))
      #expect(left.first.map { Array($0[38..<42]) } == be(told))
    }
  }

  @Test(
    "RFC 7915 4.2: a router that names no MTU is taken at the next plateau below the packet's length (RFC 1191 7.1)")
  func plateaus() throws {
    let net = try net()
    for (length, told) in [(1_500, 1_500), (1_492, 1_280), (1_480, 1_280)] as [(Int, UInt32)] {
      let (six, four) = pair(payload: [UInt8](repeating: 5, count: length - 28))
      _ = net.send(six.udpFrame)
      let packet = PacketBuilder.error(type: 3, code: 4, rest: 0, from: [192, 0, 2, 9], about: four.udp)
      let left = net.send(PacketBuilder.ethernet(packet, type: 0x0800))
      #expect(left.first.map { Array($0[58..<62]) } == be(told))
    }
  }
}
