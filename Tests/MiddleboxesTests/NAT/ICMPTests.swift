import Testing
import TestSupport

@testable import Middleboxes

@Suite("NAT: ICMP (RFC 5508)")
struct NATICMPTests {
  @Test("REQ-1, REQ-1 a: a query's identifier has the same mapping for all destinations, and replies come back")
  func queries() throws {
    let net = try NATFixture()
    #expect(net.echo("10.0.0.1:5000", "203.0.113.1", type: 8) == "198.51.100.1:5000 > 203.0.113.1:0")
    #expect(net.echo("10.0.0.1:5000", "203.0.113.2", type: 8) == "198.51.100.1:5000 > 203.0.113.2:0")
    #expect(net.echo("203.0.113.1", "198.51.100.1:5000", type: 0) == "203.0.113.1:0 > 10.0.0.1:5000")
    let second = try #require(net.echo("10.0.0.2:5000", "203.0.113.1", type: 8))
    let external = String(second.prefix { $0 != " " })
    #expect(external != "198.51.100.1:5000")
    #expect(net.echo("203.0.113.1", external, type: 0) == "203.0.113.1:0 > 10.0.0.2:5000")
    #expect(net.nat.counters.created == 2)
  }

  @Test("Replies of whom the host did not ask are filtered as UDP is")
  func filtering() throws {
    let net = try NATFixture()
    _ = net.echo("10.0.0.1:5000", "203.0.113.1", type: 8)
    #expect(net.echo("203.0.113.2", "198.51.100.1:5000", type: 0) == nil)
    let open = try NATFixture("filtering: endpoint-independent")
    _ = open.echo("10.0.0.1:5000", "203.0.113.1", type: 8)
    #expect(open.echo("203.0.113.2", "198.51.100.1:5000", type: 0) != nil)
  }

  @Test("A reply to a query that nobody sent does not leave with an internal address, and begins no mapping")
  func strayReply() throws {
    let net = try NATFixture()
    #expect(net.echo("10.0.0.1", "203.0.113.1:5000", type: 0) == nil)
    #expect(net.nat.counters[.unsolicited] == 1 && net.nat.counters.created == 0)
  }

  @Test("REQ-2, REQ-2 a: a query's mapping lives for 60 seconds or as configured, and not less")
  func timeout() throws {
    let net = try NATFixture()
    _ = net.echo("10.0.0.1:5000", "203.0.113.1", type: 8)
    net.time = 59
    #expect(net.echo("203.0.113.1", "198.51.100.1:5000", type: 0) != nil)
    net.time = 200
    #expect(net.echo("203.0.113.1", "198.51.100.1:5000", type: 0) == nil)
    let long = try NATFixture("timeouts: {icmp: 199}")
    _ = long.echo("10.0.0.1:5000", "203.0.113.1", type: 8)
    long.time = 198
    #expect(long.echo("203.0.113.1", "198.51.100.1:5000", type: 0) != nil)
    #expect(throws: ConfigurationError.self) { _ = try NATFixture("timeouts: {icmp: 59}") }
  }

  @Test("REQ-3: an error with a wrong checksum goes no further")
  func wrongChecksum() throws {
    let net = try NATFixture()
    _ = net.udp("10.0.0.1:5000", "203.0.113.1:53")
    let about = NATFixture.datagram("198.51.100.1:5000", "203.0.113.1:53")
    var error = NATFixture.error("192.0.2.99", "198.51.100.1", about: about)
    error[36] ^= 1
    #expect(net.send(error).isEmpty)
    #expect(net.nat.counters[.icmpUnrelated] == 1)
  }

  @Test("REQ-3 a: an error whose quoted header has a wrong checksum goes no further, from outside and from inside")
  func wrongQuotedHeader() throws {
    let net = try NATFixture("filtering: endpoint-independent")
    _ = net.udp("10.0.0.1:5000", "203.0.113.1:53")
    for (from, to, sender, receiver) in [
      ("192.0.2.99", "198.51.100.1", "198.51.100.1:5000", "203.0.113.1:53"),
      ("10.0.0.1", "203.0.113.1", "203.0.113.1:53", "10.0.0.1:5000"),
    ] {
      var about = NATFixture.datagram(sender, receiver)
      #expect(net.send(NATFixture.error(from, to, about: about)).count == 1)
      about[10] ^= 1
      #expect(net.send(NATFixture.error(from, to, about: about)).isEmpty)
    }
    #expect(net.nat.counters[.icmpUnrelated] == 2)
  }

  @Test("REQ-3 b: options of the quoted header are passed over")
  func quotedOptions() throws {
    let net = try NATFixture()
    _ = net.udp("10.0.0.1:5000", "203.0.113.1:53")
    var quoted = PacketBuilder(payload: [1, 2, 3])
    (quoted.source, quoted.sourcePort) = ([198, 51, 100, 1], 5_000)
    (quoted.destination, quoted.destinationPort) = ([203, 0, 113, 1], 53)
    quoted.ipOptions = [7, 7, 4, 0, 0, 0, 0, 1]
    var original = quoted
    original.source = [10, 0, 0, 1]
    for count in [36, 40] {
      #expect(
        net.send(NATFixture.error("192.0.2.99", "198.51.100.1", about: quoted.udp, count: count))
          == [NATFixture.error("192.0.2.99", "10.0.0.1", about: original.udp, count: count)])
    }
  }

  @Test("REQ-3 c: a quoted transport checksum may be wrong, and is as wrong behind it")
  func quotedChecksum() throws {
    let net = try NATFixture()
    _ = net.udp("10.0.0.1:5000", "203.0.113.1:53")
    var about = NATFixture.datagram("198.51.100.1:5000", "203.0.113.1:53")
    var original = NATFixture.datagram("10.0.0.1:5000", "203.0.113.1:53")
    (about[30], original[30]) = (0x77, 0x77)
    #expect(
      net.send(NATFixture.error("192.0.2.99", "198.51.100.1", about: about, count: 31))
        == [NATFixture.error("192.0.2.99", "10.0.0.1", about: original, count: 31)])
  }

  @Test("REQ-3 d: extensions behind the quoted packet, and what pads it, stay as they are")
  func extensions() throws {
    let net = try NATFixture()
    _ = net.udp("10.0.0.1:5000", "203.0.113.1:53")
    let extensions: [UInt8] = [0x20, 0, 0x55, 0xaa, 0, 8, 1, 1, 0x12, 0x34, 0x51, 0x01]
    func error(_ to: [UInt8], _ about: [UInt8]) -> [UInt8] {
      var builder = PacketBuilder()
      (builder.source, builder.destination) = ([192, 0, 2, 99], to)
      let padded = about + [UInt8](repeating: 0, count: 128 - about.count)
      return builder.ethernet(
        builder.ip(1, builder.icmp(type: 11, code: 0, rest: 32 << 16, contents: padded + extensions)))
    }
    let about = NATFixture.datagram("198.51.100.1:5000", "203.0.113.1:53")
    let original = NATFixture.datagram("10.0.0.1:5000", "203.0.113.1:53")
    #expect(net.send(error([198, 51, 100, 1], about)) == [error([10, 0, 0, 1], original)])
  }

  @Test(
    "REQ-4, REQ-4 a, REQ-4 b, REQ-4 c: an error from outside is translated with the packet in it, whose checksums are those that were sent"
  )
  func errorFromOutside() throws {
    let net = try NATFixture("keep-port: no")
    let seen = try #require(net.udp("10.0.0.1:5000", "203.0.113.1:53"))
    let external = String(seen.prefix { $0 != " " })
    for (type, code) in [(3, 0), (3, 3), (3, 4), (4, 0), (11, 0), (12, 0)] as [(UInt8, UInt8)] {
      let about = NATFixture.datagram(external, "203.0.113.1:53")
      let error = NATFixture.error("192.0.2.99", "198.51.100.1", about: about, type: type, code: code)
      let original = NATFixture.datagram("10.0.0.1:5000", "203.0.113.1:53")
      #expect(net.send(error) == [NATFixture.error("192.0.2.99", "10.0.0.1", about: original, type: type, code: code)])
    }
  }

  @Test("REQ-4: an error about an echo request is translated by its identifier")
  func errorAboutQuery() throws {
    let net = try NATFixture("keep-port: no")
    let seen = try #require(net.echo("10.0.0.1:5000", "203.0.113.1", type: 8))
    let external = String(seen.prefix { $0 != " " })
    let about = Array(NATFixture.echo(external, "203.0.113.1", type: 8).dropFirst(14))
    let original = Array(NATFixture.echo("10.0.0.1:5000", "203.0.113.1", type: 8).dropFirst(14))
    let error = NATFixture.error("192.0.2.99", "198.51.100.1", about: about, type: 11, code: 0)
    #expect(net.send(error) == [NATFixture.error("192.0.2.99", "10.0.0.1", about: original, type: 11, code: 0)])
  }

  @Test(
    "REQ-5, REQ-5 a, REQ-5 b, REQ-5 c: an error from inside, of the host or of a router before it, has the mapping's address"
  )
  func errorFromInside() throws {
    let net = try NATFixture("filtering: endpoint-independent")
    _ = net.udp("10.0.0.1:5000", "203.0.113.1:53")
    _ = net.udp("203.0.113.9:7", "198.51.100.1:5000")
    let about = NATFixture.datagram("203.0.113.9:7", "10.0.0.1:5000")
    let seen = NATFixture.datagram("203.0.113.9:7", "198.51.100.1:5000")
    for sender in ["10.0.0.1", "10.0.0.254"] {
      let error = NATFixture.error(sender, "203.0.113.9", about: about, code: 3)
      #expect(net.send(error) == [NATFixture.error("198.51.100.1", "203.0.113.9", about: seen, code: 3)])
    }
  }

  @Test("REQ-6: an error keeps no mapping and ends none")
  func errorsChangeNothing() throws {
    let net = try NATFixture()
    _ = net.udp("10.0.0.1:5000", "203.0.113.1:53")
    let about = NATFixture.datagram("198.51.100.1:5000", "203.0.113.1:53")
    let error = NATFixture.error("203.0.113.1", "198.51.100.1", about: about, code: 3)
    for time in [1.0, 200, 299] {
      net.time = time
      #expect(net.send(error).count == 1)
    }
    net.time = 301
    #expect(net.send(error).isEmpty)
    #expect(net.nat.counters.mappings == 0)
  }

  @Test("REQ-7, REQ-7 a: queries, replies and errors between hosts behind the NAT go by their external ends")
  func hairpinning() throws {
    let net = try NATFixture("one-to-one: [{internal: 10.0.0.9, external: 198.51.100.9}]")
    #expect(net.echo("10.0.0.1:5000", "198.51.100.9", type: 8) == "198.51.100.1:5000 > 10.0.0.9:0")
    #expect(net.echo("10.0.0.9", "198.51.100.1:5000", type: 0) == "198.51.100.9:0 > 10.0.0.1:5000")
    #expect(net.udp("10.0.0.1:5000", "198.51.100.9:53") == "198.51.100.1:5000 > 10.0.0.9:53")
    let about = NATFixture.datagram("198.51.100.1:5000", "10.0.0.9:53")
    let original = NATFixture.datagram("10.0.0.1:5000", "198.51.100.9:53")
    let error = NATFixture.error("10.0.0.9", "198.51.100.1", about: about, code: 3)
    #expect(net.send(error) == [NATFixture.error("198.51.100.9", "10.0.0.1", about: original, code: 3)])
  }

  @Test("REQ-11: a query to the NAT's own address, and messages that are neither query nor error, go to no host")
  func otherMessages() throws {
    let net = try NATFixture("filtering: endpoint-independent\nicmp: {toward: nobody}")
    _ = net.echo("10.0.0.1:5000", "203.0.113.1", type: 8)
    #expect(net.echo("203.0.113.1:5000", "198.51.100.1", type: 8) == nil)
    let builder = PacketBuilder(payload: [])
    #expect(net.send(builder.ethernet(builder.ip(1, builder.icmp(type: 10)))).count == 1)
    var outward = builder
    outward.destination = [203, 0, 113, 1]
    #expect(net.send(outward.ethernet(outward.ip(1, outward.icmp(type: 10)))).isEmpty)
  }
}
