import MTCP
import MOSCore
import Testing

@testable import Middleboxes

@Suite("NAT: TCP (RFC 5382)")
struct NATTCPTests {
  private let host = "10.0.0.1:5000"
  private let outside = "198.51.100.1:5000"
  private let server = "203.0.113.1:80"

  @Test("REQ-1: a host's end has the same mapping for all servers, and connections carry bytes both ways")
  func connections() throws {
    let net = try NATFixture()
    #expect(net.connect(host, server) == outside)
    #expect(net.connect(host, "203.0.113.2:80") == outside)
    #expect(net.tcp(host, server, [.psh, .ack], seq: 1001, ack: 5001, text: "GET") == "\(outside) > \(server)")
    #expect(net.tcp(server, outside, [.psh, .ack], seq: 5001, ack: 1004, text: "200") == "\(server) > \(host)")
    #expect(net.nat.counters.created == 1)
    #expect(net.flows == 2)
  }

  @Test("REQ-2 a: a simultaneous open of two hosts behind different NATs is completed")
  func simultaneousOpen() throws {
    let net = try NATFixture("filtering: address-and-port-dependent")
    #expect(net.tcp(host, server, .syn, seq: 1000) == "\(outside) > \(server)")
    #expect(net.tcp(server, outside, .syn, seq: 5000) == "\(server) > \(host)")
    #expect(net.tcp(host, server, [.syn, .ack], seq: 1000, ack: 5001) == "\(outside) > \(server)")
    #expect(net.tcp(server, outside, [.syn, .ack], seq: 5000, ack: 1001) == "\(server) > \(host)")
    #expect(net.tcp(host, server, [.psh, .ack], seq: 1001, ack: 5001, text: "x") == "\(outside) > \(server)")
    #expect(net.flows == 1)
  }

  @Test("REQ-2: urgent bytes, a half-close, both ends closing at once and the same ends again pass, both ways")
  func sequences() throws {
    let net = try NATFixture("filtering: address-and-port-dependent")
    _ = net.connect(host, server)
    #expect(net.tcp(host, server, [.urg, .psh, .ack], seq: 1001, ack: 5001, text: "x") == "\(outside) > \(server)")
    // The same once more, and one ahead of a hole.
    #expect(net.tcp(host, server, [.psh, .ack], seq: 1001, ack: 5001, text: "x") == "\(outside) > \(server)")
    #expect(net.tcp(host, server, [.psh, .ack], seq: 1005, ack: 5001, text: "z") == "\(outside) > \(server)")
    #expect(net.tcp(host, server, [.psh, .ack], seq: 1002, ack: 5001, text: "abc") == "\(outside) > \(server)")
    #expect(net.tcp(host, server, [.fin, .ack], seq: 1006, ack: 5001) == "\(outside) > \(server)")
    #expect(net.tcp(server, outside, [.psh, .ack], seq: 5001, ack: 1007, text: "y") == "\(server) > \(host)")
    #expect(net.tcp(server, outside, [.fin, .ack], seq: 5002, ack: 1007) == "\(server) > \(host)")
    #expect(net.tcp(host, server, .ack, seq: 1007, ack: 5003) == "\(outside) > \(server)")
    net.time += 5
    #expect(net.tcp(host, server, .syn, seq: 90_000) == "\(outside) > \(server)")
    #expect(net.tcp(server, outside, [.syn, .ack], seq: 70_000, ack: 90_001) == "\(server) > \(host)")
    #expect(net.tcp(host, server, .ack, seq: 90_001, ack: 70_001) == "\(outside) > \(server)")
    #expect(net.tcp(host, server, [.fin, .ack], seq: 90_001, ack: 70_001) == "\(outside) > \(server)")
    #expect(net.tcp(server, outside, [.fin, .ack], seq: 70_001, ack: 90_001) == "\(server) > \(host)")
    #expect(net.tcp(host, server, .ack, seq: 90_002, ack: 70_002) == "\(outside) > \(server)")
    #expect(net.tcp(server, outside, .ack, seq: 70_002, ack: 90_002) == "\(server) > \(host)")
    #expect(net.nat.counters.created == 1)
  }

  @Test("REQ-3, REQ-3 a: who may open a connection to a mapping, by the filtering that is configured")
  func filtering() throws {
    for (filtering, sameAddress, other) in [
      ("endpoint-independent", true, true), ("address-dependent", true, false),
      ("address-and-port-dependent", false, false),
    ] {
      let net = try NATFixture("filtering: \(filtering)")
      _ = net.connect(host, server)
      #expect((net.tcp("203.0.113.1:99", outside, .syn) != nil) == sameAddress)
      #expect((net.tcp("203.0.113.2:80", outside, .syn) != nil) == other)
    }
  }

  @Test("REQ-2: a connection that comes in through a mapping is answered with the mapping's end")
  func inboundConnection() throws {
    let net = try NATFixture("filtering: endpoint-independent")
    _ = net.connect(host, server)
    #expect(net.tcp("203.0.113.2:99", outside, .syn, seq: 7) == "203.0.113.2:99 > \(host)")
    #expect(net.tcp(host, "203.0.113.2:99", [.syn, .ack], seq: 9, ack: 8) == "\(outside) > 203.0.113.2:99")
    #expect(net.tcp("203.0.113.2:99", outside, .ack, seq: 8, ack: 10) == "203.0.113.2:99 > \(host)")
    #expect(net.flows == 2)
  }

  @Test(
    "REQ-5, REQ-5 a: an established connection lives for 2 hours 4 minutes without a packet, and not less as configured"
  )
  func establishedTimeout() throws {
    let net = try NATFixture("filtering: address-and-port-dependent")
    _ = net.connect(host, server)
    net.time = 7_439
    #expect(net.tcp(server, outside, [.psh, .ack], seq: 5001, ack: 1001, text: "x") == "\(server) > \(host)")
    net.time += 7_441
    #expect(net.tcp(server, outside, [.psh, .ack], seq: 5002, ack: 1001, text: "x") == nil)
    #expect(throws: ConfigurationError.self) { _ = try NATFixture("timeouts: {tcp-established: 7439}") }
    #expect(throws: ConfigurationError.self) { _ = try NATFixture("timeouts: {tcp-transitory: 239}") }
  }

  @Test("REQ-5: 2 hours 4 minutes also where the tracker forgets idle flows before that")
  func forgottenFlow() throws {
    let net = try NATFixture("filtering: address-and-port-dependent", idle: 600)
    _ = net.connect(host, server)
    net.time = 7_000
    #expect(net.tcp(server, outside, [.psh, .ack], seq: 5001, ack: 1001, text: "x") == "\(server) > \(host)")
    #expect(net.tcp(host, server, .ack, seq: 1001, ack: 5002) == "\(outside) > \(server)")
    #expect(net.nat.counters.created == 1)
  }

  @Test("REQ-5: a connection that is not established, or is closed by both ends or reset, is forgotten after 4 minutes")
  func transitoryTimeout() throws {
    let open = try NATFixture()
    _ = open.tcp(host, server, .syn)
    open.time = 239
    #expect(open.tcp(server, outside, [.syn, .ack], seq: 5000, ack: 1001) != nil)
    open.time = 480
    #expect(open.tcp(server, outside, [.syn, .ack], seq: 5000, ack: 1001) == nil)

    let closed = try NATFixture()
    _ = closed.connect(host, server)
    #expect(closed.tcp(host, server, [.fin, .ack], seq: 1001, ack: 5001) != nil)
    // Half-closed: bytes may still come for as long as it is established.
    closed.time = 3_000
    #expect(closed.tcp(server, outside, [.psh, .ack], seq: 5001, ack: 1002, text: "x") != nil)
    #expect(closed.tcp(server, outside, [.fin, .ack], seq: 5002, ack: 1002) != nil)
    #expect(closed.tcp(host, server, .ack, seq: 1002, ack: 5003) != nil)
    closed.time = 3_239
    #expect(closed.nat.counters.mappings == 1)
    #expect(closed.tcp(server, outside, [.fin, .ack], seq: 5002, ack: 1002) != nil)
    closed.time += 241
    #expect(closed.tcp(server, outside, [.fin, .ack], seq: 5002, ack: 1002) == nil)
    #expect(closed.nat.counters.mappings == 0)

    let reset = try NATFixture()
    _ = reset.connect(host, server)
    #expect(reset.tcp(server, outside, .rst, seq: 5001) != nil)
    reset.time = 241
    #expect(reset.udp("10.0.0.7:1", "203.0.113.1:1") != nil)
    #expect(reset.nat.counters.mappings == 1)
  }

  @Test("A mapping with several connections lives as long as the one of them that is established")
  func sharedMapping() throws {
    let net = try NATFixture()
    _ = (net.connect(host, server), net.connect(host, "203.0.113.2:80"))
    _ = net.tcp(server, outside, .rst, seq: 5001)
    net.time = 1_000
    #expect(net.tcp("203.0.113.2:80", outside, [.psh, .ack], seq: 5001, ack: 1001, text: "x") != nil)
  }

  @Test("REQ-7: two hosts with the same port to the same server have different ports outside")
  func noOverloading() throws {
    let net = try NATFixture()
    let first = net.connect(host, server)
    let second = net.connect("10.0.0.2:5000", server)
    #expect(first != second && second != nil)
  }

  @Test(
    "REQ-8, REQ-8 a: a connection between two hosts behind the NAT, by the external end of a forward, as from outside")
  func hairpinning() throws {
    let net = try NATFixture(
      "forwards: [{protocol: tcp, external: 198.51.100.1, ports: 80, to: 10.0.0.5, to-port: 8080}]")
    #expect(net.tcp(host, "198.51.100.1:80", .syn) == "\(outside) > 10.0.0.5:8080")
    #expect(net.tcp("10.0.0.5:8080", outside, [.syn, .ack], seq: 5000, ack: 1001) == "198.51.100.1:80 > \(host)")
    #expect(net.tcp(host, "198.51.100.1:80", .ack, seq: 1001, ack: 5001) == "\(outside) > 10.0.0.5:8080")
    #expect(net.flows == 1)
  }

  @Test(
    "REQ-9, REQ-10: an ICMP error about a SYN reaches its sender, and does not end the connection", arguments: [28, 40])
  func icmpError(count: Int) throws {
    let net = try NATFixture()
    _ = net.tcp(host, server, .syn)
    let about = NATFixture.segment(outside, server)
    let arrived = net.send(NATFixture.error("192.0.2.99", "198.51.100.1", about: about, count: count))
    let expected = NATFixture.error("192.0.2.99", "10.0.0.1", about: NATFixture.segment(host, server), count: count)
    #expect(arrived == [expected])
    #expect(net.tcp(server, outside, [.syn, .ack], seq: 5000, ack: 1001) == "\(server) > \(host)")
  }

  @Test(
    "A connection that was there before the NAT is picked up from inside, with a mapping as of one that is established")
  func midstream() throws {
    let net = try NATFixture()
    #expect(net.tcp(host, server, [.psh, .ack], seq: 77, ack: 99, text: "x") == "\(outside) > \(server)")
    #expect(net.tcp(server, outside, .ack, seq: 99, ack: 78) == "\(server) > \(host)")
    net.time = 2_000
    #expect(net.tcp(server, outside, .ack, seq: 99, ack: 78) == "\(server) > \(host)")
  }

  @Test("A reset from inside begins no mapping")
  func strayReset() throws {
    let net = try NATFixture()
    #expect(net.tcp(host, server, .rst, seq: 77) == nil)
    #expect(net.nat.counters.created == 0)
  }
}
