import TestSupport
import Testing

@testable import Middleboxes

@Suite("NAT: UDP mappings (RFC 4787)")
struct NATUDPTests {
  @Test("REQ-1: a host's end has the same mapping for all destinations")
  func endpointIndependentMapping() throws {
    let net = try NATFixture()
    #expect(net.udp("10.0.0.1:5000", "203.0.113.1:53") == "198.51.100.1:5000 > 203.0.113.1:53")
    #expect(net.udp("10.0.0.1:5000", "203.0.113.1:54") == "198.51.100.1:5000 > 203.0.113.1:54")
    #expect(net.udp("10.0.0.1:5000", "203.0.113.2:53") == "198.51.100.1:5000 > 203.0.113.2:53")
    #expect(net.udp("203.0.113.2:53", "198.51.100.1:5000") == "203.0.113.2:53 > 10.0.0.1:5000")
    #expect(net.udp("203.0.113.1:54", "198.51.100.1:5000") == "203.0.113.1:54 > 10.0.0.1:5000")
    #expect(net.nat.counters.created == 1)
  }

  @Test("REQ-2: of several external addresses a host keeps to one, whatever its port and protocol")
  func pairedPooling() throws {
    let net = try NATFixture(external: "198.51.100.1, 198.51.100.2, 198.51.100.3, 198.51.100.4")
    var addresses: Set<String> = []
    for host in 1...40 {
      let first = try #require(net.udp("10.0.0.\(host):5000", "203.0.113.1:53")).prefix(12)
      addresses.insert(String(first))
      #expect(net.udp("10.0.0.\(host):6000", "203.0.113.1:53")?.prefix(12) == first)
      #expect(net.tcp("10.0.0.\(host):5000", "203.0.113.1:80", .syn)?.prefix(12) == first)
      #expect(net.echo("10.0.0.\(host):1", "203.0.113.1", type: 8)?.prefix(12) == first)
    }
    #expect(addresses.count == 4)
  }

  @Test("REQ-3: a port stands for one host's end only, also where the destinations differ")
  func noOverloading() throws {
    let net = try NATFixture()
    var ports: Set<String> = []
    for host in 1...50 {
      let seen = try #require(net.udp("10.0.0.\(host):5000", "203.0.113.\(host):53"))
      ports.insert(String(seen.prefix { $0 != " " }))
    }
    #expect(ports.count == 50)
  }

  @Test("A host's own port is kept where it is free, and not where that is not wanted")
  func portPreservation() throws {
    let net = try NATFixture()
    #expect(net.udp("10.0.0.1:5000", "203.0.113.1:53") == "198.51.100.1:5000 > 203.0.113.1:53")
    let second = try #require(net.udp("10.0.0.2:5000", "203.0.113.1:53"))
    #expect(second != "198.51.100.1:5000 > 203.0.113.1:53")
    let other = try NATFixture("keep-port: no")
    #expect(other.udp("10.0.0.1:5000", "203.0.113.1:53") != "198.51.100.1:5000 > 203.0.113.1:53")
  }

  @Test(
    "REQ-3 a: a host's port of 1024 and above gets one of those, and one below gets one below where they are given out",
    arguments: [0, 1, 2, 3] as [UInt64])
  func portRange(seed: UInt64) throws {
    for ports in ["1-65535", "900-1400"] {
      let net = try NATFixture("keep-port: no\nports: \(ports)", seed: seed)
      for port in Array(2_000..<2_100) + Array(1..<100) {
        let seen = try #require(net.udp("10.0.0.1:\(port)", "203.0.113.1:53"))
        #expect((TestEnd(String(seen.prefix { $0 != " " })).port < 1_024) == (port < 1_024))
      }
    }
    // Where there is none below, which is the default, it gets another.
    let net = try NATFixture(seed: seed)
    let seen = try #require(net.udp("10.0.0.1:500", "203.0.113.1:53"))
    #expect(TestEnd(String(seen.prefix { $0 != " " })).port >= 1_024)
  }

  @Test("REQ-4: an even port gets an even one, an odd port an odd one, where that is configured")
  func parity() throws {
    let net = try NATFixture("keep-port: no\nkeep-parity: yes\nports: 3000-3099")
    for port in 2000..<2100 {
      let seen = try #require(net.udp("10.0.0.1:\(port)", "203.0.113.1:53"))
      #expect(TestEnd(String(seen.prefix { $0 != " " })).port % 2 == UInt16(port % 2))
    }
    #expect(net.udp("10.0.0.1:2100", "203.0.113.1:53") == nil)
  }

  @Test(
    "REQ-5, REQ-5 b, REQ-5 c: a mapping lives for five minutes without a packet, or as configured, and not less than two"
  )
  func timeout() throws {
    let net = try NATFixture("log: yes")
    #expect(net.udp("10.0.0.1:5000", "203.0.113.1:53") != nil)
    net.time = 299
    #expect(net.udp("203.0.113.1:53", "198.51.100.1:5000") != nil)
    net.time = 300.1
    #expect(net.udp("203.0.113.1:53", "198.51.100.1:5000") == nil)
    #expect(
      net.reports == [
        "mapping began: udp 10.0.0.1:5000 = 198.51.100.1:5000", "mapping ended: udp 10.0.0.1:5000 = 198.51.100.1:5000",
      ])
    let short = try NATFixture("timeouts: {udp: 120}")
    #expect(short.udp("10.0.0.1:5000", "203.0.113.1:53") != nil)
    short.time = 119
    #expect(short.udp("203.0.113.1:53", "198.51.100.1:5000") != nil)
    short.time = 120.2
    #expect(short.udp("203.0.113.1:53", "198.51.100.1:5000") == nil)
    #expect(throws: ConfigurationError.self) { _ = try NATFixture("timeouts: {udp: 119}") }
  }

  @Test("REQ-6, REQ-6 a: packets from inside keep a mapping; those from outside only where that is configured")
  func refresh() throws {
    let net = try NATFixture("filtering: endpoint-independent")
    let open = try NATFixture("filtering: endpoint-independent\nudp-inbound-refresh: yes")
    _ = (net.udp("10.0.0.1:5000", "203.0.113.1:53"), open.udp("10.0.0.1:5000", "203.0.113.1:53"))
    net.time = 250
    #expect(net.udp("10.0.0.1:5000", "203.0.113.9:53") != nil)
    for time in [300.0, 500, 549] {
      net.time = time
      #expect(net.udp("203.0.113.1:53", "198.51.100.1:5000") != nil)
    }
    net.time = 551
    #expect(net.udp("203.0.113.1:53", "198.51.100.1:5000") == nil)
    for time in [250.0, 500, 750, 1000] {
      open.time = time
      #expect(open.udp("203.0.113.1:53", "198.51.100.1:5000") != nil)
    }
  }

  @Test("A flow that goes on after its mapping ended gets a new one, and nobody's answers but its own")
  func staleFlow() throws {
    // A single port, so that it goes to the next host.
    let net = try NATFixture("ports: 5000\nfiltering: endpoint-independent")
    #expect(net.udp("10.0.0.1:5000", "203.0.113.1:53") != nil)
    for time in stride(from: 30.0, to: 300, by: 30) {
      net.time = time
      #expect(net.udp("203.0.113.1:53", "198.51.100.1:5000") == "203.0.113.1:53 > 10.0.0.1:5000")
    }
    net.time = 301
    #expect(net.udp("10.0.0.2:6000", "203.0.113.2:53") == "198.51.100.1:5000 > 203.0.113.2:53")
    // The tracker still has the first host's flow with these ends.
    for _ in 0..<3 {
      let delivered = net.udp("203.0.113.1:53", "198.51.100.1:5000")
      #expect(delivered == nil || delivered == "203.0.113.1:53 > 10.0.0.2:6000")
    }
    #expect(net.udp("203.0.113.1:53", "198.51.100.1:5000") == "203.0.113.1:53 > 10.0.0.2:6000")
  }

  @Test("REQ-8, REQ-8 a: who may send to a mapping, by the filtering that is configured")
  func filtering() throws {
    for (filtering, sameAddress, other) in [
      ("endpoint-independent", true, true), ("address-dependent", true, false),
      ("address-and-port-dependent", false, false),
    ] {
      let net = try NATFixture("filtering: \(filtering)")
      #expect(net.udp("10.0.0.1:5000", "203.0.113.1:53") != nil)
      #expect((net.udp("203.0.113.1:99", "198.51.100.1:5000") != nil) == sameAddress)
      #expect((net.udp("203.0.113.2:53", "198.51.100.1:5000") != nil) == other)
      #expect(net.udp("203.0.113.1:53", "198.51.100.1:5000") == "203.0.113.1:53 > 10.0.0.1:5000")
      // Whom the host sends to later may answer from then on.
      #expect(net.udp("10.0.0.1:5000", "203.0.113.2:53") != nil)
      #expect(net.udp("203.0.113.2:53", "198.51.100.1:5000") == "203.0.113.2:53 > 10.0.0.1:5000")
    }
  }

  @Test("What lets somebody in ends with its own time, while the mapping goes on for others")
  func filterTimeout() throws {
    let net = try NATFixture()
    _ = net.udp("10.0.0.1:5000", "203.0.113.1:53")
    for time in [200.0, 400] {
      net.time = time
      _ = net.udp("10.0.0.1:5000", "203.0.113.2:53")
    }
    #expect(net.udp("203.0.113.1:53", "198.51.100.1:5000") == nil)
    #expect(net.udp("203.0.113.2:53", "198.51.100.1:5000") != nil)
    #expect(net.nat.counters[.filtered] == 1)
  }

  @Test(
    "REQ-9, REQ-9 a: hosts behind the NAT reach each other by their external ends, and see each other's external ends",
    arguments: ["endpoint-independent", "address-dependent", "address-and-port-dependent"])
  func hairpinning(filtering: String) throws {
    let net = try NATFixture("filtering: \(filtering)")
    _ = net.udp("10.0.0.1:5000", "203.0.113.1:53")
    _ = net.udp("10.0.0.2:6000", "203.0.113.1:53")
    // Both send first, as filtering asks for: a packet lets the other's answer in.
    let early = net.udp("10.0.0.1:5000", "198.51.100.1:6000")
    #expect((early != nil) == (filtering == "endpoint-independent"))
    #expect(net.udp("10.0.0.2:6000", "198.51.100.1:5000") == "198.51.100.1:6000 > 10.0.0.1:5000")
    #expect(net.udp("10.0.0.1:5000", "198.51.100.1:6000") == "198.51.100.1:5000 > 10.0.0.2:6000")
  }

  @Test("REQ-11: what is mapped and filtered stays the same when the host's own port was not free")
  func determinism() throws {
    let net = try NATFixture()
    _ = net.udp("10.0.0.1:5000", "203.0.113.1:53")
    let seen = try #require(net.udp("10.0.0.2:5000", "203.0.113.1:53"))
    let external = String(seen.prefix { $0 != " " })
    #expect(net.udp("10.0.0.2:5000", "203.0.113.7:99") == "\(external) > 203.0.113.7:99")
    #expect(net.udp("203.0.113.7:1", external) == "203.0.113.7:1 > 10.0.0.2:5000")
    #expect(net.udp("203.0.113.8:99", external) == nil)
  }

  @Test("REQ-12, REQ-12 a, REQ-12 b: an ICMP error of anybody reaches whom it is about, and the mapping goes on")
  func icmpError() throws {
    let net = try NATFixture("filtering: address-and-port-dependent")
    _ = net.udp("10.0.0.1:5000", "203.0.113.1:53")
    let about = NATFixture.datagram("198.51.100.1:5000", "203.0.113.1:53")
    let original = NATFixture.datagram("10.0.0.1:5000", "203.0.113.1:53")
    for router in ["192.0.2.99", "203.0.113.1", "172.16.0.1"] {
      for (type, code) in (0...15).map({ (3, $0) }) + [(4, 0), (5, 1), (11, 0), (11, 1), (12, 0)] as [(UInt8, UInt8)] {
        let arrived = net.send(NATFixture.error(router, "198.51.100.1", about: about, type: type, code: code))
        #expect(arrived == [NATFixture.error(router, "10.0.0.1", about: original, type: type, code: code)])
        #expect(net.udp("203.0.113.1:53", "198.51.100.1:5000") == "203.0.113.1:53 > 10.0.0.1:5000")
      }
    }
    #expect(net.nat.counters.created == 1 && net.nat.counters.mappings == 1)
  }

  @Test("REQ-7: an external address among the internal ones is refused, whichever is named first and in which list")
  func conflictingAddresses() throws {
    for (more, external) in [
      ("", "10.1.1.1"), ("", "198.51.100.1, 10.255.255.255"),
      ("one-to-one: [{internal: 10.0.0.9, external: 10.0.0.10}]", "198.51.100.1"),
      ("nat64: {prefix: \"64:ff9b::/96\", pool: 10.0.0.64}", "198.51.100.1"),
    ] {
      #expect(throws: ConfigurationError.self) { _ = try NATFixture(more, external: external) }
    }
    // What lies numerically inside is there, for hosts inside; the NAT sends none of it out under its own address.
    let net = try NATFixture()
    #expect(net.udp("10.0.0.1:5000", "10.9.9.9:53") == "10.0.0.1:5000 > 10.9.9.9:53")
    #expect(net.nat.counters.created == 0)
  }

  @Test(
    "REQ-10: no protocol over UDP is looked into: what names addresses arrives as it was sent",
    arguments: [true, false])
  func noGateways(isOut: Bool) throws {
    let net = try NATFixture("filtering: endpoint-independent")
    let text =
      "INVITE sip:bob@203.0.113.1 SIP/2.0\r\nContact: <sip:10.0.0.1:5060>\r\nc=IN IP4 10.0.0.1\r\nPORT 10,0,0,1,156,65\r\n"
    for port in [21, 69, 137, 161, 500, 554, 1_701, 1_719, 2_427, 4_569, 5_060] as [UInt16] {
      var sent = PacketBuilder(payload: Array(text.utf8))
      (sent.source, sent.sourcePort) = ([10, 0, 0, 1], 40_000)
      (sent.destination, sent.destinationPort) = ([203, 0, 113, 1], port)
      var seen = sent
      seen.source = [198, 51, 100, 1]
      if isOut {
        #expect(net.send(sent.udpFrame) == [seen.udpFrame])
      } else {
        _ = net.udp("10.0.0.1:40000", "203.0.113.1:\(port)")
        #expect(net.send(seen.reversed.udpFrame) == [sent.reversed.udpFrame])
      }
    }
    #expect(net.nat.counters.created == 1 && net.nat.counters.ftpTranslated == 0)
  }
}
