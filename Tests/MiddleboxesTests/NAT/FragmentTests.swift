import MOSCore
import TestSupport
import Testing

@testable import Middleboxes

@Suite("NAT: fragments (RFC 4787, RFC 5382 7, RFC 5508)")
struct NATFragmentTests {
  /// A builder of datagrams from one end to another, with a payload that needs fragments.
  private func builder(_ from: String, _ to: String, bytes: Int = 100) -> PacketBuilder {
    var builder = PacketBuilder(payload: (0..<bytes).map { UInt8(truncatingIfNeeded: $0 &* 7) })
    (builder.source, builder.sourcePort) = (TestEnd(from).address, TestEnd(from).port)
    (builder.destination, builder.destinationPort) = (TestEnd(to).address, TestEnd(to).port)
    return builder
  }

  /// The frames of a UDP datagram in fragments of 40 bytes, in order.
  private func udp(_ from: String, _ to: String, identification: UInt16 = 7) -> [[UInt8]] {
    var builder = builder(from, to)
    builder.identification = identification
    return builder.fragments(17, builder.datagram, size: 40).map { builder.ethernet($0) }
  }

  private func send(_ frames: [[UInt8]], _ net: NATFixture) -> [[UInt8]] { frames.flatMap { net.send($0) } }

  @Test(
    "REQ-14: fragments in order leave as a host with the external end would have sent them, and so do those of the answer"
  )
  func inOrder() throws {
    let net = try NATFixture("keep-port: no")
    let external = try #require(net.udp("10.0.0.1:5000", "203.0.113.1:53")).prefix { $0 != " " }
    #expect(send(udp("10.0.0.1:5000", "203.0.113.1:53"), net) == udp("\(external)", "203.0.113.1:53"))
    #expect(send(udp("203.0.113.1:53", "\(external)"), net) == udp("203.0.113.1:53", "10.0.0.1:5000"))
    #expect(net.nat.counters.translated == 3)
  }

  @Test("REQ-14: fragments in any order are translated, also when the one with the ports comes last")
  func outOfOrder() throws {
    let frames = udp("10.0.0.1:5000", "203.0.113.1:53")
    for order in [[2, 1, 0], [1, 2, 0], [0, 2, 1], [2, 0, 1], [1, 0, 2]] {
      let net = try NATFixture()
      #expect(net.send(frames[order[0]]).isEmpty && net.send(frames[order[1]]).isEmpty)
      #expect(net.send(frames[order[2]]) == udp("198.51.100.1:5000", "203.0.113.1:53"))
      #expect(net.script.engine.statistics.awaitedFragments == 2)
    }
  }

  @Test("A fragment that comes twice changes nothing")
  func duplicates() throws {
    let net = try NATFixture()
    let frames = udp("10.0.0.1:5000", "203.0.113.1:53")
    #expect(send([frames[0], frames[0], frames[2], frames[2]], net).isEmpty)
    #expect(net.send(frames[1]) == udp("198.51.100.1:5000", "203.0.113.1:53"))
  }

  @Test("The first packet of a mapping, a TCP segment and an echo request may come in fragments")
  func protocols() throws {
    let net = try NATFixture()
    var syn = builder("10.0.0.1:5000", "203.0.113.1:80")
    syn.flags = TCPFlags.syn.rawValue
    var external = syn
    external.source = [198, 51, 100, 1]
    #expect(
      send(syn.fragments(6, syn.segment, size: 24).map { syn.ethernet($0) }, net)
        == external.fragments(6, external.segment, size: 24).map { external.ethernet($0) })
    let echo = builder("10.0.0.1", "203.0.113.1", bytes: 2_000)
    external = echo
    external.source = [198, 51, 100, 1]
    // The identifier of the builder's messages is 1.
    let keeping = try NATFixture("ports: 1-65535")
    #expect(
      send(echo.fragments(1, echo.icmp(type: 8), size: 800).map { echo.ethernet($0) }, keeping)
        == external.fragments(1, external.icmp(type: 8), size: 800).map { external.ethernet($0) })
  }

  @Test("Fragments are none the longer for it, and options that belong to the first stand there alone")
  func sizesAndOptions() throws {
    let net = try NATFixture()
    var builder = builder("10.0.0.1:5000", "203.0.113.1:53", bytes: 3_000)
    // Router alert, which is copied; a time stamp, which is not.
    builder.ipOptions = [148, 4, 0, 0, 68, 8, 5, 0, 0, 0, 0, 0]
    let first = builder.fragments(17, builder.datagram, size: 1_200)
    var later = builder
    later.ipOptions = [148, 4, 0, 0] + [UInt8](repeating: 1, count: 8)
    var rest = later.fragments(17, builder.datagram, size: 1_200)
    rest[0] = first[0]
    let frames = rest.map { builder.ethernet($0) }
    let left = send(frames, net)
    #expect(left.map(\.count) == frames.map(\.count))
    #expect(left.map { Array($0[34..<46]) } == frames.map { Array($0[34..<46]) })
    for frame in left { #expect(internetChecksum(Array(frame[14..<46])) == 0) }
  }

  @Test("Hosts behind the NAT reach each other with fragments by their external ends")
  func hairpinning() throws {
    let net = try NATFixture("filtering: endpoint-independent")
    _ = net.udp("10.0.0.2:6000", "203.0.113.1:53")
    #expect(
      send(udp("10.0.0.1:5000", "198.51.100.1:6000"), net) == udp("198.51.100.1:5000", "10.0.0.2:6000"))
  }

  @Test("What no mapping lets in stays out in fragments too, and begins no flow")
  func unsolicited() throws {
    let net = try NATFixture()
    _ = net.udp("10.0.0.1:5000", "203.0.113.1:53")
    let flows = net.flows
    #expect(send(udp("203.0.113.9:53", "198.51.100.1:5000"), net).isEmpty)
    #expect(send(udp("203.0.113.1:53", "198.51.100.1:5001"), net).isEmpty)
    #expect(net.nat.counters[.filtered] == 1 && net.nat.counters[.unsolicited] == 1)
    #expect(net.flows == flows)
  }

  @Test("A datagram whose fragments contradict each other goes nowhere, whichever version comes first")
  func overlap() throws {
    var lie = builder("10.0.0.1:5000", "203.0.113.1:53")
    lie.payload = [UInt8](repeating: 0xff, count: 100)
    let lies = lie.fragments(17, lie.datagram, size: 40).map { lie.ethernet($0) }
    let truth = udp("10.0.0.1:5000", "203.0.113.1:53")
    for frames in [[truth[0], truth[1], lies[1], truth[2]], [truth[0], lies[1], truth[1], truth[2]]] {
      let net = try NATFixture()
      #expect(send(frames, net).isEmpty)
      #expect(net.nat.counters.created == 0)
    }
  }

  @Test("REQ-14 a: a flood of fragments keeps neither whole packets nor fragments that come in order from passing")
  func flood() throws {
    let net = try NATFixture()
    _ = net.udp("10.0.0.1:5000", "203.0.113.1:53")
    // More than wait at a time, each without its first fragment.
    for number in 1...6_000 {
      let host = "203.0.\(number / 250).\(number % 250)"
      let frames = udp("\(host):53", "198.51.100.1:5000", identification: UInt16(number))
      #expect(net.send(frames[1]).isEmpty)
    }
    #expect(net.udp("10.0.0.1:5000", "203.0.113.1:53") != nil)
    #expect(send(udp("203.0.113.1:53", "198.51.100.1:5000"), net) == udp("203.0.113.1:53", "10.0.0.1:5000"))
    #expect(net.script.engine.statistics.awaitedFragments == 6_002)
  }

  @Test("A fragment waits for half a minute, and not longer")
  func timeout() throws {
    let frames = udp("10.0.0.1:5000", "203.0.113.1:53")
    for (seconds, passes) in [(29.0, true), (31, false)] {
      let net = try NATFixture()
      _ = (net.send(frames[0]), net.send(frames[1]))
      net.time = seconds
      #expect(net.send(frames[2]).isEmpty == !passes)
    }
  }

  @Test("Fragments that are not to be translated pass as they come, one by one")
  func untouched() throws {
    let net = try NATFixture()
    let v6 = PacketBuilder(payload: [UInt8](repeating: 1, count: 100)).v6
    for fragment in v6.v6Fragments(17, v6.datagram, size: 40) {
      #expect(net.send(v6.ethernet(fragment)) == [v6.ethernet(fragment)])
    }
    for frame in udp("10.0.0.1:5000", "10.0.0.2:53") { #expect(net.send(frame) == [frame]) }
    #expect(net.script.engine.statistics.awaitedFragments == 0)
  }
}
