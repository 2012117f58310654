import MOSCore
import TestSupport
import Testing

@testable import Middleboxes

@Suite("NAT: SYNs that nobody asked for (RFC 5382 REQ-4, RFC 6146 3.5.2.2)")
struct NATUnsolicitedSYNTests {
  private let host = "10.0.0.1:5000"
  private let outside = "198.51.100.1:5000"
  private let server = "203.0.113.1:80"

  private func syn(_ from: String, _ to: String, flags: TCPFlags = .syn) -> PacketBuilder {
    var builder = PacketBuilder()
    (builder.source, builder.sourcePort) = (TestEnd(from).address, TestEnd(from).port)
    (builder.destination, builder.destinationPort) = (TestEnd(to).address, TestEnd(to).port)
    (builder.flags, builder.sequence, builder.acknowledgment) = (flags.rawValue, 5_000, 0)
    return builder
  }

  private func portUnreachable(_ syn: PacketBuilder) -> [UInt8] {
    PacketBuilder.returned(PacketBuilder.error(type: 3, code: 3, from: syn.destination, about: syn.tcp))
  }

  @Test("RFC 5382 REQ-4: for six seconds nobody is told, then that the port is unreachable, with the SYN as it came")
  func portUnreachable() throws {
    let net = try NATFixture()
    _ = net.connect(host, "203.0.113.9:80")
    // Without a mapping, and with one that does not let it in.
    let (none, filtered) = (syn(server, "198.51.100.1:6000"), syn(server, outside))
    net.time = 10
    #expect(net.send(none.tcpFrame).isEmpty)
    net.time = 11
    #expect(net.send(filtered.tcpFrame).isEmpty)
    #expect(net.wait(until: 16).isEmpty)
    #expect(net.wait(until: 16.002) == [portUnreachable(none)])
    #expect(net.wait(until: 17).isEmpty)
    #expect(net.wait(until: 17.002) == [portUnreachable(filtered)])
    #expect(net.script.output.suffix(2).allSatisfy { $0.isReturned && $0.isAcceptable })
    #expect(net.wait(until: 60).isEmpty)
    #expect(net.nat.counters.errorsSent == 2 && net.nat.counters.created == 1)
  }

  @Test(
    "RFC 5382 REQ-4: packets of others do not make it earlier, and it comes behind the first of them that is late enough"
  )
  func betweenPackets() throws {
    let net = try NATFixture()
    let unsolicited = syn(server, outside)
    #expect(net.send(unsolicited.tcpFrame).isEmpty)
    for second in 1...5 {
      net.time = Double(second)
      #expect(net.udp("10.0.0.7:1000", "203.0.113.7:1") != nil)
    }
    net.time = 6.5
    let left = net.send(NATFixture.frame("10.0.0.7:1000", "203.0.113.7:1"))
    #expect(left.count == 2 && left.contains(portUnreachable(unsolicited)))
  }

  @Test(
    "RFC 5382 REQ-4: a SYN of the host within that time opens the connection, and its peer is never told",
    arguments: ["endpoint-independent", "address-dependent", "address-and-port-dependent"])
  func simultaneousOpen(filtering: String) throws {
    let net = try NATFixture("filtering: \(filtering)")
    #expect(net.tcp(server, outside, .syn, seq: 5_000) == nil)
    net.time = 5.9
    #expect(net.tcp(host, server, .syn, seq: 1_000) == "\(outside) > \(server)")
    #expect(net.wait(until: 100).isEmpty)
    #expect(net.tcp(server, outside, .syn, seq: 5_000) == "\(server) > \(host)")
    #expect(net.nat.counters.errorsSent == 0)
  }

  @Test("RFC 5382 REQ-4: what a host sends to others does not keep the sender from being told")
  func otherConnection() throws {
    let net = try NATFixture()
    let unsolicited = syn(server, outside)
    #expect(net.send(unsolicited.tcpFrame).isEmpty)
    #expect(net.connect(host, "203.0.113.2:80") == outside)
    #expect(net.wait(until: 7) == [portUnreachable(unsolicited)])
  }

  @Test(
    "RFC 5382 REQ-4 a: where policy says so it is silent for ever",
    arguments: ["unsolicited-syn: no", "toward: internal", "toward: nobody"])
  func policy(setting: String) throws {
    let net = try NATFixture("icmp: {\(setting)}")
    #expect(net.tcp(server, outside, .syn, seq: 5_000) == nil)
    #expect(net.wait(until: 100).isEmpty && net.nat.counters[.unsolicited] == 1)
  }

  @Test("Nobody is told of other segments, of wrong ones, to a group, from nobody, or straight to an internal address")
  func others() throws {
    let net = try NATFixture()
    for flags in [[.syn, .ack], [.syn, .rst], .ack, [.fin, .ack], .rst] as [TCPFlags] {
      #expect(net.send(syn(server, outside, flags: flags).tcpFrame).isEmpty)
    }
    var wrong = syn(server, outside)
    wrong.tcpChecksum = 1
    #expect(net.send(wrong.tcpFrame).isEmpty)
    for (from, to) in [
      (server, "10.0.0.1:5000"), ("127.0.0.1:80", outside), ("0.0.0.0:80", outside), ("224.0.0.1:80", outside),
      ("255.255.255.255:80", outside), ("10.0.0.9:80", outside),
    ] {
      #expect(net.send(syn(from, to).tcpFrame).isEmpty)
    }
    var group = syn(server, outside).tcpFrame
    group[0] = 0xff
    #expect(net.send(group).isEmpty)
    #expect(net.wait(until: 100).isEmpty)
  }

  @Test("A flood is answered within its limits and not beyond, and what comes behind it is answered again")
  func flood() throws {
    let net = try NATFixture()
    let flows = net.flows
    for number in 0..<5_000 {
      #expect(net.tcp("203.0.\(number / 250).\(number % 250 + 1):80", outside, .syn) == nil)
      net.time -= 0.0009
    }
    // As many as are remembered, of which fifty may go at once and a thousand in a second.
    let answered = net.wait(until: 20).count
    #expect((50...1_024).contains(answered))
    #expect(net.flows == flows && net.nat.counters[.unsolicited] == 5_000)
    let later = syn(server, outside)
    #expect(net.send(later.tcpFrame).isEmpty)
    #expect(net.wait(until: 30) == [portUnreachable(later)])
    // One host gets ten a second.
    for _ in 0..<100 { #expect(net.send(later.tcpFrame).isEmpty) }
    #expect((10...12).contains(net.wait(until: 40).count))
  }

  @Test("RFC 6146 3.5.2.2: the same at an address of IPv6 hosts, where a SYN of the host within six seconds opens it")
  func nat64() throws {
    let more = "nat64: {prefix: \"64:ff9b::/96\", pool: 198.51.100.64}"
    let unsolicited = syn(server, "198.51.100.64:5000")
    let silent = try NATFixture(more)
    #expect(silent.send(unsolicited.tcpFrame).isEmpty)
    #expect(silent.wait(until: 5.9).isEmpty)
    #expect(silent.wait(until: 7) == [portUnreachable(unsolicited)])

    let net = try NATFixture(more)
    #expect(net.send(unsolicited.tcpFrame).isEmpty)
    var six = syn(host, server)
    six.source = PacketBuilder.v6Source
    six.destination = [0, 0x64, 0xff, 0x9b] + [UInt8](repeating: 0, count: 8) + [203, 0, 113, 1]
    #expect(net.send(six.tcpFrame).count == 1)
    #expect(net.wait(until: 100).isEmpty)
    #expect(net.send(unsolicited.tcpFrame).first.map { Array($0[38..<54]) } == six.source)
  }
}
