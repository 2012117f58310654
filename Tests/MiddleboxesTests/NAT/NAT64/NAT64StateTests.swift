import MOSCore
import MTCP
import TestSupport
import Testing

@testable import Middleboxes

/// An IPv6 host and an IPv4 one with a connection between them: `sent` is true where what one sends arrives at the other as it
/// is to be.
private final class Connection: NAT64Suite {
  let net: NATFixture
  private let six: PacketBuilder
  private let four: PacketBuilder

  init(_ more: String = "") throws {
    net = try NATFixture("nat64: {prefix: \"64:ff9b::/96\", pool: 198.51.100.64}\n\(more)")
    var four = PacketBuilder()
    (four.source, four.sourcePort) = ([198, 51, 100, 64], 5_000)
    (four.destination, four.destinationPort) = ([203, 0, 113, 1], 80)
    self.four = four
    var six = four
    (six.source, six.destination) = (Self.host, Self.embedded(four.destination))
    self.six = six
  }

  private func sent(
    _ from: PacketBuilder, _ to: PacketBuilder, _ flags: TCPFlags, _ seq: UInt32, _ ack: UInt32, _ text: String
  ) -> Bool {
    var (from, to) = (from, to)
    (from.flags, from.sequence, from.acknowledgment) = (flags.rawValue, seq, ack)
    (to.flags, to.sequence, to.acknowledgment) = (flags.rawValue, seq, ack)
    (from.payload, to.payload) = (Array(text.utf8), Array(text.utf8))
    let left = net.passed(from.tcpFrame)
    if left.isEmpty { return false }
    to = behind(to, left.first)
    #expect(left == [to.ethernet(to.ip(6, to.segment, fragment: 0))])
    return true
  }

  /// From the IPv6 host.
  func v6(_ flags: TCPFlags, seq: UInt32 = 1_000, ack: UInt32 = 0, _ text: String = "") -> Bool {
    sent(six, four, flags, seq, ack, text)
  }

  /// From the IPv4 host.
  func v4(_ flags: TCPFlags, seq: UInt32 = 5_000, ack: UInt32 = 0, _ text: String = "") -> Bool {
    sent(four.reversed, six.reversed, flags, seq, ack, text)
  }

  func open() -> Bool {
    v6(.syn) && v4([.syn, .ack], ack: 1_001) && v6(.ack, seq: 1_001, ack: 5_001)
  }

  /// Whether there still is a mapping after `seconds` without a packet.
  func isThere(after seconds: Double) -> Bool {
    net.time += seconds
    // Of somebody else, and of none of the tables.
    _ = net.udp("10.0.0.1:1", "10.0.0.2:1")
    _ = net.udp("10.0.0.1:7", "198.51.100.1:1")
    return net.nat.counters.mappings == 1
  }
}

@Suite("NAT64: TCP sessions (RFC 6146 3.5.2.2)")
struct NAT64StateTests: NAT64Suite {
  @Test("CLOSED: a SYN of IPv6 begins a mapping; a reset begins none")
  func closed() throws {
    let connection = try Connection()
    #expect(!connection.v6(.rst) && connection.net.nat.counters.created == 0)
    #expect(connection.v6(.syn) && connection.net.nat.counters.created == 1)
  }

  @Test("CLOSED: a SYN of IPv4 comes in by a mapping as filtering says, and begins none", arguments: [true, false])
  func closedFromIPv4(isOpen: Bool) throws {
    let connection = try Connection("filtering: \(isOpen ? "endpoint-independent" : "address-dependent")")
    #expect(!connection.v4(.syn))
    // A mapping of the same port, by a connection to another host.
    var other = PacketBuilder(payload: [])
    (other.source, other.sourcePort, other.flags) = (Self.host, 5_000, TCPFlags.syn.rawValue)
    other.destination = Self.embedded([203, 0, 113, 9])
    #expect(connection.net.send(other.tcpFrame).count == 1)
    #expect(connection.v4(.syn) == isOpen)
    #expect(connection.net.nat.counters.created == 1)
  }

  @Test("V4 INIT: the host's SYN establishes the session, which lives for two hours and four minutes")
  func v4Init() throws {
    let connection = try Connection("filtering: endpoint-independent")
    var other = PacketBuilder(payload: [])
    (other.source, other.sourcePort, other.flags) = (Self.host, 5_000, TCPFlags.syn.rawValue)
    other.destination = Self.embedded([203, 0, 113, 9])
    _ = connection.net.send(other.tcpFrame)
    #expect(connection.v4(.syn))
    #expect(connection.v6([.syn, .ack], seq: 1_000, ack: 5_001))
    #expect(connection.v4(.ack, seq: 5_001, ack: 1_001))
    #expect(connection.isThere(after: 7_300))
    #expect(!connection.isThere(after: 200))
  }

  @Test("V6 INIT: a session whose SYN nobody answers lives for four minutes from the last SYN on")
  func v6Init() throws {
    let connection = try Connection()
    #expect(connection.v6(.syn))
    #expect(connection.isThere(after: 200))
    #expect(connection.v6(.syn))
    #expect(connection.isThere(after: 239))
    #expect(!connection.isThere(after: 2))
    #expect(!connection.v4([.syn, .ack], ack: 1_001))
  }

  @Test("V6 INIT: a SYN of IPv4, with and without an acknowledgment, establishes it", arguments: [true, false])
  func v6InitAnswered(isSimultaneous: Bool) throws {
    let connection = try Connection("filtering: address-and-port-dependent")
    #expect(connection.v6(.syn))
    if isSimultaneous {
      #expect(connection.v4(.syn))
      #expect(connection.v6([.syn, .ack], seq: 1_000, ack: 5_001))
      #expect(connection.v4([.syn, .ack], ack: 1_001))
    } else {
      #expect(connection.v4([.syn, .ack], ack: 1_001))
    }
    #expect(connection.v6(.ack, seq: 1_001, ack: 5_001))
    #expect(connection.isThere(after: 7_000))
  }

  @Test("ESTABLISHED: bytes of either side keep it for two hours and four minutes", arguments: [true, false])
  func established(isOfIPv6: Bool) throws {
    let connection = try Connection()
    #expect(connection.open())
    #expect(connection.isThere(after: 7_000))
    #expect(
      isOfIPv6
        ? connection.v6([.psh, .ack], seq: 1_001, ack: 5_001, "x")
        : connection.v4([.psh, .ack], seq: 5_001, ack: 1_001, "x"))
    #expect(connection.isThere(after: 7_439))
    #expect(!connection.isThere(after: 2))
    #expect(!connection.v4([.psh, .ack], seq: 5_001, ack: 1_001, "x"))
  }

  @Test(
    "V4 FIN RCV, V6 FIN RCV: a session that one side has closed lives as long as before, and bytes pass",
    arguments: [true, false])
  func halfClosed(isOfIPv6: Bool) throws {
    let connection = try Connection()
    #expect(connection.open())
    if isOfIPv6 {
      #expect(connection.v6([.fin, .ack], seq: 1_001, ack: 5_001))
      #expect(connection.v4(.ack, seq: 5_001, ack: 1_002))
    } else {
      #expect(connection.v4([.fin, .ack], seq: 5_001, ack: 1_001))
      #expect(connection.v6(.ack, seq: 1_001, ack: 5_002))
    }
    #expect(connection.isThere(after: 3_000))
    #expect(
      isOfIPv6
        ? connection.v4([.psh, .ack], seq: 5_001, ack: 1_002, "x")
        : connection.v6([.psh, .ack], seq: 1_001, ack: 5_002, "x"))
    #expect(connection.isThere(after: 7_400))
  }

  @Test("V4 FIN + V6 FIN RCV: what both sides have closed lives for four minutes, and its last packets pass")
  func bothClosed() throws {
    let connection = try Connection()
    #expect(connection.open())
    #expect(connection.v6([.fin, .ack], seq: 1_001, ack: 5_001))
    #expect(connection.v4([.fin, .ack], seq: 5_001, ack: 1_002))
    #expect(connection.v6(.ack, seq: 1_002, ack: 5_002))
    #expect(connection.isThere(after: 200))
    #expect(connection.v4([.fin, .ack], seq: 5_001, ack: 1_002))
    #expect(!connection.isThere(after: 241))
  }

  @Test("TRANS: a reset of either side leaves four minutes", arguments: [true, false])
  func reset(isOfIPv6: Bool) throws {
    let connection = try Connection()
    #expect(connection.open())
    #expect(isOfIPv6 ? connection.v6(.rst, seq: 1_001) : connection.v4(.rst, seq: 5_001))
    #expect(connection.isThere(after: 239))
    #expect(!connection.isThere(after: 2))
  }

  @Test("TRANS: a reset that the receiver does not take, and bytes behind one that it took, do not shorten it")
  func afterReset() throws {
    let connection = try Connection()
    #expect(connection.open())
    // Outside the window: forged.
    #expect(connection.v4(.rst, seq: 4_000_000_000))
    #expect(connection.isThere(after: 7_000))
    #expect(connection.v4(.rst, seq: 5_001))
    #expect(connection.isThere(after: 100))
    #expect(connection.v6([.psh, .ack], seq: 1_001, ack: 5_001, "x"))
    #expect(connection.v4(.ack, seq: 5_001, ack: 1_002))
    #expect(connection.isThere(after: 3_000))
  }

  @Test("RFC 6146 3.5.2.3: an ICMP error about a session neither keeps nor ends it")
  func errors() throws {
    let connection = try Connection()
    #expect(connection.v6(.syn))
    var about = PacketBuilder()
    (about.source, about.sourcePort, about.flags) = ([198, 51, 100, 64], 5_000, TCPFlags.syn.rawValue)
    (about.destination, about.destinationPort) = ([203, 0, 113, 1], 80)
    let error = PacketBuilder.error(type: 3, code: 1, from: [192, 0, 2, 9], about: about.tcp)
    #expect(connection.isThere(after: 200))
    #expect(connection.net.send(PacketBuilder.ethernet(error, type: 0x0800)).count == 1)
    #expect(connection.isThere(after: 39))
    #expect(!connection.isThere(after: 2))
  }
}
