import MOSCore
import TestSupport
import Testing

@testable import Middleboxes

@Suite("NAT64 (RFC 6146, RFC 7915)")
struct NAT64Tests: NAT64Suite {
  @Test(
    "RFC 6146 3.5.1, 3.6, 3.7: a UDP datagram and its answer, with one hop less and the checksums that a host would have made"
  )
  func udp() throws {
    let net = try net("log: yes")
    try sendUDP(net)
    let (six, four) = pair()
    #expect(net.send(four.reversed.udpFrame) == [behind(six.reversed, nil).udpFrame])
    #expect(net.reports == ["mapping began: udp [2001:db8::1]:5000 = 198.51.100.64:5000"])
    net.time = 301
    #expect(net.send(four.reversed.udpFrame).isEmpty)
    #expect(net.reports.last == "mapping ended: udp [2001:db8::1]:5000 = 198.51.100.64:5000")
  }

  @Test("RFC 6146 3.5.2: a TCP connection is one flow; its mapping lives as long as RFC 5382 says")
  func tcp() throws {
    let net = try net()
    var (six, four) = pair(payload: [])
    func exchange(_ from: PacketBuilder, _ to: PacketBuilder, _ flags: TCPFlags, seq: UInt32, ack: UInt32) {
      var (from, to) = (from, to)
      (from.flags, to.flags) = (flags.rawValue, flags.rawValue)
      (from.sequence, to.sequence) = (seq, seq)
      (from.acknowledgment, to.acknowledgment) = (ack, ack)
      let left = net.send(from.tcpFrame)
      to = behind(to, left.first)
      #expect(left == [to.ethernet(to.ip(6, to.segment, fragment: 0))])
    }
    six.window = 1_000
    four.window = 1_000
    exchange(six, four, .syn, seq: 1_000, ack: 0)
    exchange(four.reversed, six.reversed, [.syn, .ack], seq: 5_000, ack: 1_001)
    exchange(six, four, .ack, seq: 1_001, ack: 5_001)
    #expect(net.script.engine.trackerStatistics.tcpFlows == 1)
    net.time = 7_400
    exchange(four.reversed, six.reversed, .ack, seq: 5_001, ack: 1_001)
    #expect(net.nat.counters.mappings == 1)
  }

  @Test("RFC 6146 3.5.3: echo requests and replies change their types, and have the mapping's identifier")
  func echo() throws {
    let net = try net("ports: 1-65535")
    let (six, four) = pair()
    let left = net.send(six.ethernet(six.ip(58, six.icmp(type: 128))))
    let expected = behind(four, left.first)
    #expect(left == [expected.ethernet(expected.ip(1, expected.icmp(type: 8), fragment: 0))])
    let back = behind(six.reversed, nil)
    #expect(
      net.send(four.reversed.ethernet(four.reversed.ip(1, four.reversed.icmp(type: 0))))
        == [back.ethernet(back.ip(58, back.icmp(type: 129)))])
  }

  @Test("RFC 7915 4.1, 5.1: traffic class and TOS are the same; what may not be cut says so from 1,261 bytes on")
  func fields() throws {
    for (bytes, isWhole) in [(1_232, false), (1_233, true)] {
      let net = try net()
      let (six, four) = pair(payload: [UInt8](repeating: 9, count: bytes))
      var frame = six.udpFrame
      frame[14] = 0x6b
      frame[15] = 0x81
      let left = try #require(net.send(frame).first)
      #expect(left[15] == 0xb8 && left[22] == 63 && (left[20] == 0x40) == isWhole && left[21] == 0)
      var answer = four.reversed.udpFrame
      answer[15] = 0xb8
      answer.replaceSubrange(24..<26, with: [0, 0])
      answer.replaceSubrange(24..<26, with: be(internetChecksum(Array(answer[14..<34]))))
      let delivered = try #require(net.send(answer).first)
      #expect(Array(delivered[14..<18]) == [0x6b, 0x80, 0, 0] && delivered[21] == 63)
    }
  }

  @Test("RFC 7915 4.5: a UDP checksum that was left out is made; one that IPv6 lacks is not let through")
  func zeroChecksum() throws {
    let net = try net()
    try sendUDP(net)
    var (six, four) = pair()
    four.udpChecksum = 0
    // Correct again.
    #expect(net.send(four.reversed.udpFrame) == [behind(six.reversed, nil).udpFrame])
    six.udpChecksum = 0
    six.sourcePort = 6_000
    #expect(net.send(six.udpFrame).isEmpty)
  }

  @Test("RFC 7915 4.5, 5.5: a wrong checksum is as wrong behind it")
  func wrongChecksum() throws {
    let net = try net()
    try sendUDP(net)
    let (_, four) = pair()
    var frame = four.reversed.udpFrame
    frame[44] ^= 0x55
    let left = try #require(net.send(frame).first)
    #expect(!net.script.output.last!.isAcceptable && left.count == frame.count + 20)
  }

  @Test("RFC 6146 3.4: fragments are translated as a whole, in both directions and out of order")
  func fragments() throws {
    let net = try net()
    let (six, four) = pair(payload: (0..<200).map(UInt8.init))
    let frames = six.v6Fragments(17, six.datagram, size: 80).map { six.ethernet($0) }
    let left = [frames[2], frames[0], frames[1]].flatMap { net.send($0) }
    let out = behind(four, left.first)
    // 48 bytes of headers and 80 of contents came; 20 and 104 are no longer.
    #expect(left == out.fragments(17, out.datagram, size: 104).map { out.ethernet($0) })
    let answer = four.reversed.fragments(17, four.reversed.datagram, size: 80).map { four.ethernet($0) }
    let delivered = answer.reversed().flatMap { net.send($0) }
    #expect(delivered.allSatisfy { $0.count <= 14 + 100 && $0[20] == 44 })
    let contents = delivered.flatMap { $0.dropFirst(62) }
    #expect(contents == behind(six.reversed, nil).datagram)
  }

  @Test("RFC 7915 4: what may be cut and is longer than any IPv6 link takes is cut to 1,280 bytes")
  func leastMTU() throws {
    let net = try net()
    try sendUDP(net)
    let (six, four) = pair(payload: [UInt8](repeating: 3, count: 1_300))
    let answer = four.reversed
    let left = net.send(answer.ethernet(answer.ip(17, answer.datagram, fragment: 0)))
    #expect(left.allSatisfy { Array($0[58..<62]) == be(7 as UInt32) })
    #expect(left.map(\.count) == [14 + 40 + 8 + 1_232, 14 + 40 + 8 + 76])
    #expect(net.send(answer.udpFrame) == [behind(six.reversed, nil).udpFrame])
  }

  @Test(
    "RFC 6146 3.5, 3.5.1: filtering, unknown ports, sources in the prefix and hops at their end",
    arguments: [0, 1] as [UInt8])
  func refused(hops: UInt8) throws {
    let net = try net()
    try sendUDP(net)
    let flows = net.flows
    var (six, four) = pair()
    four = four.reversed
    four.source[3] = 9
    #expect(net.send(four.udpFrame).isEmpty && net.nat.counters[.filtered] == 1)
    four.destinationPort = 5_001
    #expect(net.send(four.udpFrame).isEmpty && net.nat.counters[.unsolicited] == 1)
    six.source = Self.embedded([192, 0, 2, 1])
    #expect(net.send(six.udpFrame).isEmpty && net.nat.counters[.spoofed] == 1)
    six.source = Self.other
    six.timeToLive = hops
    #expect(net.passed(six.udpFrame).isEmpty && net.nat.counters[.timeToLiveExceeded] == 1)
    six.timeToLive = 64
    six.destination = Self.embedded([10, 0, 0, 1])
    #expect(net.send(six.udpFrame).isEmpty && net.nat.counters[.unsolicited] == 2)
    #expect(net.flows == flows && net.nat.counters.created == 1)
  }

  @Test(
    "RFC 6146 3.5.1: hosts have ports of their own, and each keeps its mapping for all destinations; the rest of IPv6 passes"
  )
  func mappings() throws {
    let net = try net()
    try sendUDP(net)
    var (six, _) = pair()
    six.destination = Self.embedded([203, 0, 113, 9])
    #expect(
      net.send(six.udpFrame).first.map { Array($0[26..<36]) } == [198, 51, 100, 64, 203, 0, 113, 9]
        + be(5_000 as UInt16))
    six.source = Self.other
    let left = try #require(net.send(six.udpFrame).first)
    #expect(Array(left[34..<36]) != be(5_000 as UInt16))
    #expect(net.nat.counters.created == 2)
    let v6 = PacketBuilder(payload: [1]).v6
    #expect(net.send(v6.udpFrame) == [v6.udpFrame])
    // IPv4 hosts have the other address.
    #expect(net.udp("10.0.0.1:5000", "203.0.113.1:53") == "198.51.100.1:5000 > 203.0.113.1:53")
  }

  @Test("RFC 6146 3.2: the same port stands for another host in each protocol's table")
  func tables() throws {
    let net = try net("ports: 1-65535")
    var (six, _) = pair()
    (six.flags, six.sourcePort) = (2, 1)
    var sources: [[UInt8]] = []
    for (last, packet) in [
      (1, \.udp), (2, \.tcp), (3, { $0.ip(58, $0.icmp(type: 128)) }),
    ] as [(UInt8, (PacketBuilder) -> [UInt8])] {
      six.source[15] = last
      let left = try #require(net.send(six.ethernet(packet(six))).first)
      // The identifier of an echo request, which is the builder's, lies behind its checksum.
      sources.append(Array(left[26..<30] + (last == 3 ? left[38..<40] : left[34..<36])))
    }
    #expect(Set(sources) == [[198, 51, 100, 64, 0, 1]] && net.nat.counters.created == 3)
  }

  @Test(
    "RFC 6146 3.5.1.1: a host keeps to one address, and its ports to their range and, where that is configured, parity")
  func allocation() throws {
    let net = try NATFixture(
      "nat64: {prefix: \"64:ff9b::/96\", pool: [198.51.100.64, 198.51.100.65]}\n"
        + "keep-port: no\nkeep-parity: yes\nports: 1-65535")
    var addresses: Set<[UInt8]> = []
    for host in 1...20 as ClosedRange<UInt8> {
      var own: Set<[UInt8]> = []
      for port in [53, 1_000, 1_023, 1_024, 40_001, 65_535] as [UInt16] {
        var (six, _) = pair(port)
        six.source[15] = host
        let left = try #require(net.send(six.udpFrame).first)
        own.insert(Array(left[26..<30]))
        let given = UInt16(left[34]) << 8 | UInt16(left[35])
        #expect((given < 1_024) == (port < 1_024) && given % 2 == port % 2)
      }
      #expect(own.count == 1)
      addresses.formUnion(own)
    }
    #expect(addresses.count == 2)
  }

  @Test("RFC 6146 3.5.3: the mapping of a query lives for a minute; other queries and replies of a host begin none")
  func queries() throws {
    let net = try net("ports: 1-65535")
    let (six, four) = pair()
    let reply = four.reversed.ethernet(four.reversed.ip(1, four.reversed.icmp(type: 0)))
    #expect(net.send(six.ethernet(six.ip(58, six.icmp(type: 129)))).isEmpty)
    #expect(net.send(reply).isEmpty && net.nat.counters.created == 0)
    #expect(net.send(six.ethernet(six.ip(58, six.icmp(type: 128)))).count == 1)
    net.time = 59
    #expect(net.send(reply).count == 1)
    net.time = 120
    #expect(net.send(reply).isEmpty)
  }

  @Test("RFC 6146 3.8: hosts behind it reach each other by their external ends")
  func hairpinning() throws {
    let net = try net("filtering: endpoint-independent")
    try sendUDP(net)
    var (six, _) = pair()
    (six.source, six.sourcePort) = (Self.other, 7_000)
    (six.destination, six.destinationPort) = (Self.embedded([198, 51, 100, 64]), 5_000)
    var seen = behind(six, nil)
    seen.source = Self.embedded([198, 51, 100, 64])
    seen.destination = Self.host
    #expect(net.send(six.udpFrame) == [seen.udpFrame])
    let answer = PacketBuilder(payload: Array("abc".utf8))
    var back = answer
    (back.source, back.sourcePort, back.destination, back.destinationPort) = (
      Self.host, 5_000, Self.embedded([198, 51, 100, 64]), 7_000
    )
    var delivered = behind(back, nil)
    delivered.source = Self.embedded([198, 51, 100, 64])
    delivered.destination = Self.other
    #expect(net.send(back.udpFrame) == [delivered.udpFrame])
  }

  @Test(
    "RFC 6146 3.5.4: each prefix length, with addresses of IPv4 hosts where there is no pool",
    arguments: AddressEmbedding.lengths)
  func prefixes(length: Int) throws {
    let prefix = try #require(IPPrefix("2001:db8::/\(length)"))
    let embedding = try #require(AddressEmbedding(prefix))
    let net = try NATFixture("nat64: {prefix: \"2001:db8::/\(length)\"}")
    var (six, four) = pair()
    let address = embedding.embed(0xcb00_7101)
    six.destination = be(address.high) + be(address.low)
    six.source = [0xfd] + [UInt8](repeating: 1, count: 15)
    four.source = [198, 51, 100, 1]
    let left = net.send(six.udpFrame)
    let expected = behind(four, left.first)
    #expect(left == [expected.ethernet(expected.ip(17, expected.datagram, fragment: 0))])
    #expect(net.send(four.reversed.udpFrame) == [behind(six.reversed, nil).udpFrame])
  }

  @Test("What its configuration may not say")
  func configuration() {
    func error(_ text: String) -> String? {
      do {
        _ = try NATConfiguration(bytes: Array(text.utf8), file: "nat.yaml")
        return nil
      } catch { return error.description }
    }
    #expect(error("nat64: {prefix: \"64:ff9b::/96\", pool: 198.51.100.64}") == nil)
    #expect(
      error("nat64:\n  prefix: 64:ff9b::/95\n")
        == "nat.yaml:2:11: prefix: 64:ff9b::/95 is none for IPv4 addresses, expected one of IPv6 with 32, 40, 48, 56, 64, 96 "
        + "bits of which bits 64 to 71 are 0, for example 64:ff9b::/96")
    #expect(
      error("nat64:\n  prefix: 64:ff9b::/96\n")
        == "nat.yaml:2:3: nat64: there are no addresses for hosts, expected `pool` here or `external` beside it")
    #expect(
      error("nat64:\n  prefix: 64:ff9b::/96\n  pool: [192.0.2.1, 192.0.2.1]\n")
        == "nat.yaml:3:21: pool: 192.0.2.1 is there already")
  }

  @Test(
    "RFC 6146 5.3: a flood of hosts begins no more mappings than there may be, and a host has as many as it may have")
  func limits() throws {
    let net = try net("maximum: 16\nper-host: 3")
    var (six, _) = pair()
    for port in 1...5 as ClosedRange<UInt16> {
      six.sourcePort = 5_000 + port
      _ = net.send(six.udpFrame)
    }
    #expect(net.nat.counters.created == 3 && net.nat.counters[.hostLimit] == 2)
    for number in 0..<100 as Range<UInt8> {
      six.source[14] = number + 1
      _ = net.send(six.udpFrame)
    }
    #expect(net.nat.counters.created == 16 && net.nat.counters[.full] == 87)
    net.time = 301
    #expect(net.send(six.udpFrame).count == 1 && net.nat.counters.mappings == 1)
  }

  @Test("RFC 7915 5.1: extension headers are left out, but a way that is not gone, and authentication, cannot be")
  func extensionHeaders() throws {
    let net = try net()
    let (six, four) = pair()
    let options: [UInt8] = [17, 0, 1, 4, 0, 0, 0, 0]
    let left = net.send(six.ethernet(six.ip(60, options + six.datagram)))
    let expected = behind(four, left.first)
    #expect(left == [expected.ethernet(expected.ip(17, expected.datagram, fragment: 0))])
    let routing: [UInt8] = [17, 2, 4, 1, 0, 0, 0, 0] + Self.other
    #expect(net.passed(six.ethernet(six.ip(43, routing + six.datagram))).isEmpty)
    let authentication: [UInt8] = [17, 4, 0, 0] + [UInt8](repeating: 1, count: 20)
    #expect(net.send(six.ethernet(six.ip(51, authentication + six.datagram))).isEmpty)
    #expect(net.nat.counters[.untranslatable] == 2)
  }
}
