import TestSupport
import Testing

@testable import Middleboxes

@Suite("NAT: who means it harm")
struct NATHostileTests {
  @Test("Replies to nobody, and to whom nothing was sent, begin no flow and no mapping")
  func spoofedReplies() throws {
    let net = try NATFixture()
    _ = net.connect("10.0.0.1:5000", "203.0.113.1:80")
    let flows = net.flows
    for port in 1...2_000 {
      #expect(net.tcp("203.0.113.1:80", "198.51.100.1:\(port)", [.syn, .ack]) == nil)
      #expect(net.udp("192.0.2.\(port % 250):53", "198.51.100.1:5000") == nil)
      #expect(net.tcp("192.0.2.\(port % 250):80", "198.51.100.1:5000", .syn) == nil)
    }
    #expect(net.flows == flows)
    #expect(net.nat.counters[.unsolicited] == 4_000)
    #expect(net.nat.counters[.filtered] == 2_000)
    #expect(net.nat.counters.mappings == 1)
  }

  @Test("An address of the NAT, or of a host behind it, as source or destination on the wrong side is dropped")
  func spoofedAddresses() throws {
    let net = try NATFixture()
    _ = net.udp("10.0.0.1:5000", "203.0.113.1:53")
    #expect(net.udp("198.51.100.1:5000", "203.0.113.1:53") == nil)
    #expect(net.udp("203.0.113.1:53", "10.0.0.1:5000") == nil)
    #expect(net.udp("198.51.100.1:53", "198.51.100.1:5000") == nil)
    #expect(net.nat.counters[.spoofed] == 2)
  }

  @Test("A flood of ICMP errors about what no mapping sent begins nothing")
  func errorFlood() throws {
    let net = try NATFixture()
    _ = net.udp("10.0.0.1:5000", "203.0.113.1:53")
    let flows = net.flows
    for port in 5_001...7_000 {
      let about = NATFixture.datagram("198.51.100.1:\(port)", "203.0.113.1:53")
      #expect(net.send(NATFixture.error("192.0.2.\(port % 250)", "198.51.100.1", about: about)).isEmpty)
      // Quotations that end too soon.
      #expect(net.send(NATFixture.error("192.0.2.1", "198.51.100.1", about: about, count: port % 28)).isEmpty)
    }
    #expect(net.flows == flows)
    #expect(net.nat.counters[.icmpUnrelated] == 4_000)
  }

  @Test("When all ports are taken, the mappings that there are go on, and one that ends makes room")
  func portExhaustion() throws {
    let net = try NATFixture("ports: 3000-3003")
    for host in 1...4 { #expect(net.udp("10.0.0.\(host):5000", "203.0.113.1:53") != nil) }
    #expect(net.udp("10.0.0.5:5000", "203.0.113.1:53") == nil)
    #expect(net.nat.counters[.noPort] == 1)
    net.time = 200
    for host in 2...4 { #expect(net.udp("10.0.0.\(host):5000", "203.0.113.1:53") != nil) }
    #expect(net.tcp("10.0.0.5:5000", "203.0.113.1:53", .syn) != nil)
    net.time = 301
    #expect(net.udp("10.0.0.5:5000", "203.0.113.1:53") != nil)
    #expect(net.udp("10.0.0.1:5000", "203.0.113.1:53") == nil)
  }

  @Test("When the table is full, no mapping is thrown out for a new one")
  func tableFull() throws {
    let net = try NATFixture("maximum: 16")
    for port in 1...16 { #expect(net.udp("10.0.0.1:\(2_000 + port)", "203.0.113.1:53") != nil) }
    for port in 1...50 { #expect(net.udp("10.0.0.2:\(2_000 + port)", "203.0.113.1:53") == nil) }
    #expect(net.nat.counters[.full] == 50)
    for port in 1...16 { #expect(net.udp("203.0.113.1:53", "198.51.100.1:\(2_000 + port)") != nil) }
  }

  @Test("A host has as many mappings as it may have, and leaves the others theirs")
  func hostLimit() throws {
    let net = try NATFixture("per-host: 3")
    for port in 1...10 { _ = net.udp("10.0.0.1:\(5_000 + port)", "203.0.113.1:53") }
    #expect(net.nat.counters.created == 3)
    #expect(net.nat.counters[.hostLimit] == 7)
    #expect(net.udp("10.0.0.2:5000", "203.0.113.1:53") != nil)
    net.time = 301
    #expect(net.udp("10.0.0.1:6000", "203.0.113.1:53") != nil)
  }

  @Test("A host that sends to ever other addresses fills what lets answers in, and nothing else")
  func permitFlood() throws {
    let net = try NATFixture("maximum: 16\nfiltering: address-and-port-dependent")
    for port in 1...100 { #expect(net.udp("10.0.0.1:5000", "203.0.113.1:\(port)") != nil) }
    #expect(net.udp("203.0.113.1:32", "198.51.100.1:5000") != nil)
    #expect(net.udp("203.0.113.1:33", "198.51.100.1:5000") == nil)
    net.time = 301
    #expect(net.udp("10.0.0.1:5000", "203.0.113.1:33") != nil)
    #expect(net.udp("203.0.113.1:33", "198.51.100.1:5000") != nil)
  }
}
