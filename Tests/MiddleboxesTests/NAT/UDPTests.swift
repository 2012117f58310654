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

  @Test("REQ-3 b: a host's port of 1024 and above gets one of those", arguments: [0, 1, 2, 3] as [UInt64])
  func portRange(seed: UInt64) throws {
    let net = try NATFixture("keep-port: no", seed: seed)
    for port in 2000..<2050 {
      let seen = try #require(net.udp("10.0.0.1:\(port)", "203.0.113.1:53"))
      #expect(TestEnd(String(seen.prefix { $0 != " " })).port >= 1024)
    }
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

  @Test("REQ-5: a mapping lives for five minutes without a packet, and not less than two by any configuration")
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
    #expect(throws: ConfigurationError.self) { _ = try NATFixture("timeouts: {udp: 119}") }
  }

  @Test("REQ-6: packets from inside keep a mapping; those from outside only where that is configured")
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

  @Test("REQ-8: who may send to a mapping, by the filtering that is configured")
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
    "REQ-9: hosts behind the NAT reach each other by their external ends, and see each other's external ends",
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

  @Test("REQ-12: an ICMP error about a datagram reaches its sender, and the mapping goes on")
  func icmpError() throws {
    let net = try NATFixture()
    _ = net.udp("10.0.0.1:5000", "203.0.113.1:53")
    let about = NATFixture.datagram("198.51.100.1:5000", "203.0.113.1:53")
    let arrived = net.send(NATFixture.error("192.0.2.99", "198.51.100.1", about: about))
    let original = NATFixture.datagram("10.0.0.1:5000", "203.0.113.1:53")
    #expect(arrived == [NATFixture.error("192.0.2.99", "10.0.0.1", about: original)])
    #expect(net.udp("203.0.113.1:53", "198.51.100.1:5000") != nil)
  }
}
