import MOSCore
import TestSupport
import Testing

@testable import Middleboxes

@Suite("NAT64: headers and messages, field by field (RFC 7915)")
struct NAT64HeaderTests: NAT64Suite {
  @Test("RFC 7915 4.1: version, flow label, payload length, next header and addresses of what comes from IPv4")
  func fieldsFromIPv4() throws {
    let net = try net()
    try sendUDP(net)
    let (six, four) = pair()
    let left = try #require(net.send(four.reversed.udpFrame).first)
    #expect(Array(left[12..<22]) == [0x86, 0xdd, 0x60, 0, 0, 0, 0, 11, 17, 63])
    #expect(Array(left[22..<38]) == Self.embedded([203, 0, 113, 1]) && Array(left[38..<54]) == six.source)
    #expect(Array(left[54...]) == behind(six.reversed, nil).datagram)
  }

  @Test(
    "RFC 7915 5.1: version, header length, total length, flags, offset, protocol and addresses of what comes from IPv6")
  func fieldsFromIPv6() throws {
    let net = try net()
    let (six, _) = pair()
    let left = try #require(net.send(six.udpFrame).first)
    #expect(Array(left[12..<18]) == [8, 0, 0x45, 0, 0, 31] && Array(left[20..<24]) == [0, 0, 63, 17])
    #expect(internetChecksum(Array(left[14..<34])) == 0)
    #expect(Array(left[26..<34]) == [198, 51, 100, 64, 203, 0, 113, 1])
    // Each datagram has an identification of its own.
    let next = try #require(net.send(six.udpFrame).first)
    #expect(left[18..<20] != next[18..<20])
  }

  @Test(
    "RFC 7915 4.1, 5.1: traffic class and type of service are 0 where that is configured, those that are quoted too")
  func trafficClass() throws {
    let prefix = "nat64: {prefix: \"64:ff9b::/96\", pool: 198.51.100.64, copy-traffic-class: no}"
    let net = try NATFixture(prefix)
    let (six, four) = pair()
    var frame = six.udpFrame
    (frame[14], frame[15]) = (0x6b, 0x80)
    #expect(net.send(frame).first?[15] == 0)
    func marked(_ frame: [UInt8]) -> [UInt8] {
      var frame = frame
      frame[15] = 0xb8
      frame.replaceSubrange(24..<26, with: [0, 0])
      frame.replaceSubrange(24..<26, with: be(internetChecksum(Array(frame[14..<34]))))
      return frame
    }
    #expect(net.send(marked(four.reversed.udpFrame)).first.map { Array($0[14..<18]) } == [0x60, 0, 0, 0])
    let about = Array(marked(four.udpFrame).dropFirst(14))
    let error = PacketBuilder.error(type: 3, code: 1, from: [192, 0, 2, 9], about: about)
    let left = try #require(net.send(PacketBuilder.ethernet(error, type: 0x0800)).first)
    #expect(Array(left[14..<18]) == [0x60, 0, 0, 0] && Array(left[62..<66]) == [0x60, 0, 0, 0])
  }

  @Test("RFC 7915 4.1: options of IPv4 are left out, whichever they are")
  func options() throws {
    let net = try net()
    try sendUDP(net)
    var (six, four) = pair()
    four = four.reversed
    six = behind(six.reversed, nil)
    for options in [
      [1, 1, 1, 0], [148, 4, 0, 0], [7, 7, 4, 0, 0, 0, 0, 0], [68, 8, 5, 0, 0, 0, 0, 0], [222, 4, 1, 2],
    ] as [[UInt8]] {
      four.ipOptions = options
      #expect(net.send(four.udpFrame) == [six.udpFrame])
    }
  }

  @Test("RFC 7915 4.1, 5.1: a source that is nobody's, the host's own or a group's goes no further")
  func illegalSources() throws {
    let net = try net("filtering: endpoint-independent")
    try sendUDP(net)
    let flows = net.flows
    var (six, four) = pair()
    four = four.reversed
    for source in [[0, 0, 0, 0], [127, 0, 0, 1], [224, 0, 0, 1], [240, 0, 0, 1], [255, 255, 255, 255]] as [[UInt8]] {
      four.source = source
      #expect(net.send(four.udpFrame).isEmpty)
    }
    six.sourcePort = 6_000
    let zeros = [UInt8](repeating: 0, count: 15)
    for source in [zeros + [0], zeros + [1], [0xff, 0x02] + zeros.dropFirst(2) + [1]] {
      six.source = source
      #expect(net.send(six.udpFrame).isEmpty)
    }
    #expect(net.nat.counters[.spoofed] == 8 && net.nat.counters.created == 1 && net.flows == flows)
  }

  @Test(
    "RFC 7915 5.1.1: a fragment that is a whole datagram keeps its identification and may be cut",
    arguments: [100, 1_400])
  func atomicFragments(bytes: Int) throws {
    let net = try net("mtu: {external: 576}")
    var (six, four) = pair(payload: [UInt8](repeating: 5, count: bytes))
    let left = net.send(six.ethernet(six.v6Fragment(17, six.datagram, offset: 0, more: false)))
    four.identification = 99
    four = behind(four, nil)
    four.timeToLive = 63
    four.identification = 99
    #expect(left == four.fragments(17, four.datagram, size: 552).map { four.ethernet($0) })
    six.payload = []
  }

  @Test("RFC 7915 4.1: fragments of IPv6 have IPv4's identification, and no other packet has a fragment header")
  func fragmentHeader() throws {
    let net = try net()
    try sendUDP(net)
    let (_, four) = pair(payload: [UInt8](repeating: 3, count: 2_000))
    var answer = four.reversed
    answer.identification = 0xabcd
    let frames = answer.fragments(17, answer.datagram, size: 1_200).map { answer.ethernet($0) }
    let left = frames.flatMap { net.send($0) }
    #expect(left.count == 2)
    for frame in left { #expect(frame[20] == 44 && frame[54] == 17 && Array(frame[58..<62]) == [0, 0, 0xab, 0xcd]) }
    #expect(left.map { Array($0[56..<58]) } == [be(1 as UInt16), be(1_232 as UInt16)])
    // May be cut, and need not be.
    let (_, small) = pair()
    let whole = small.reversed
    #expect(net.send(whole.ethernet(whole.ip(17, whole.datagram, fragment: 0))).first?[20] == 17)
  }

  @Test(
    "RFC 7915 4.2: queries other than echo, and messages for one link, are dropped",
    arguments: [6, 9, 10, 13, 14, 15, 16, 17, 18, 19, 40, 42, 255] as [UInt8])
  func droppedMessages(type: UInt8) throws {
    let net = try net("filtering: endpoint-independent\nports: 1-65535")
    let (six, four) = pair()
    // With the identifier of the builder's messages.
    _ = net.send(six.ethernet(six.ip(58, six.icmp(type: 128))))
    let answer = four.reversed
    #expect(net.send(answer.ethernet(answer.ip(1, answer.icmp(type: 0)))).count == 1)
    #expect(net.send(answer.ethernet(answer.ip(1, answer.icmp(type: type)))).isEmpty)
  }

  @Test(
    "RFC 7915 5.2: listeners, neighbours, and what is unknown are dropped",
    arguments: [0, 5, 100, 127, 129, 130, 131, 132, 133, 134, 135, 136, 137, 138, 139, 143, 160, 255] as [UInt8])
  func droppedMessagesOfIPv6(type: UInt8) throws {
    let net = try net()
    let (six, _) = pair()
    #expect(net.send(six.ethernet(six.ip(58, six.icmp(type: type)))).isEmpty)
    #expect(net.nat.counters.created == 0)
  }

  @Test("RFC 7915 4.3, 5.3: an error about an error is dropped")
  func nested() throws {
    let net = try net()
    try sendUDP(net)
    let (six, four) = pair()
    let inner = four.ip(1, four.icmp(type: 3, code: 1, rest: 0, contents: four.reversed.udp))
    let error = PacketBuilder.error(type: 11, code: 0, from: [192, 0, 2, 9], about: inner)
    #expect(net.send(PacketBuilder.ethernet(error, type: 0x0800)).isEmpty)
    let inner6 = six.reversed.ip(58, six.reversed.icmp(type: 1, code: 0, rest: 0, contents: six.udp))
    #expect(net.send(six.ethernet(six.ip(58, six.icmp(type: 3, code: 0, rest: 0, contents: inner6)))).isEmpty)
  }

  /// RFC 4884: version 2, and one object of MPLS.
  private static let extensions: [UInt8] = [0x20, 0, 0x55, 0xaa, 0, 8, 1, 1, 0x12, 0x34, 0x51, 0x01]

  private static func padded(_ packet: [UInt8], _ length: Int) -> [UInt8] {
    packet + [UInt8](repeating: 0, count: length - packet.count)
  }

  @Test(
    "RFC 7915 4.2: extensions of an error stay as they are, and the length before them is told anew",
    arguments: [3, 11] as [UInt8])
  func extensionsFromIPv4(type: UInt8) throws {
    let net = try net()
    try sendUDP(net)
    let (six, four) = pair()
    var error = PacketBuilder()
    (error.source, error.destination) = ([192, 0, 2, 9], four.source)
    let quoted = four.ip(17, four.datagram, fragment: 0)
    let contents = Self.padded(quoted, 128) + Self.extensions
    let left = net.send(
      error.ethernet(error.ip(1, error.icmp(type: type, code: 1, rest: 32 << 16, contents: contents))))
    var seen = behind(error, nil)
    (seen.source, seen.destination) = (Self.embedded(error.source), Self.host)
    // 128 bytes with a header of 20 are 148 with one of 40, in words of eight bytes.
    let message = seen.icmp(
      type: type == 3 ? 1 : 3, code: type == 3 ? 0 : 1, rest: 19 << 24,
      contents: Self.padded(six.udp, 152) + Self.extensions)
    #expect(left == [seen.ethernet(seen.ip(58, message))])
    // A parameter problem of IPv6 has none (RFC 4884 4).
    let problem = error.icmp(type: 12, code: 0, rest: 8 << 24 | 32 << 16, contents: contents)
    let bare = seen.icmp(type: 4, code: 0, rest: 7, contents: Self.padded(six.udp, 148))
    #expect(net.send(error.ethernet(error.ip(1, problem))) == [seen.ethernet(seen.ip(58, bare))])
  }

  @Test(
    "RFC 7915 5.2: extensions of an ICMPv6 error, too, with as much before them as there is room for",
    arguments: [128, 800])
  func extensionsFromIPv6(length: Int) throws {
    let net = try net()
    try sendUDP(net)
    let payload = [UInt8](repeating: 7, count: length == 128 ? 3 : length - 48)
    let (six, four) = pair(payload: payload)
    let contents = Self.padded(six.reversed.udp, length) + Self.extensions
    let left = net.send(
      six.ethernet(six.ip(58, six.icmp(type: 3, code: 0, rest: UInt32(length / 8) << 24, contents: contents))))
    var seen = pair(payload: []).four
    seen = behind(seen, left.first)
    var quoted = four.reversed
    quoted.identification = 0
    let whole = quoted.ip(17, quoted.datagram, fragment: 0)
    // 576 less 28 and 12.
    let field = length == 128 ? 128 : 536
    let shown = whole.count < field ? Self.padded(whole, field) : Array(whole.prefix(field))
    let message = seen.icmp(type: 11, code: 0, rest: UInt32(field / 4) << 16, contents: shown + Self.extensions)
    #expect(left == [seen.ethernet(seen.ip(1, message, fragment: 0))])
  }

  @Test("RFC 6146 3.4: a datagram of UDP without a checksum in fragments is put together, and gets one")
  func zeroChecksumInFragments() throws {
    let net = try net()
    try sendUDP(net)
    let (six, four) = pair(payload: (0..<200).map(UInt8.init))
    var answer = four.reversed
    answer.udpChecksum = 0
    let left = answer.fragments(17, answer.datagram, size: 80).reversed().flatMap { net.send(answer.ethernet($0)) }
    #expect(left.flatMap { $0.dropFirst(62) } == behind(six.reversed, nil).datagram)
  }

  @Test("RFC 6146 3.4: who sends another protocol from IPv4 is told that it is not spoken")
  func otherProtocol() throws {
    let net = try net()
    let (_, four) = pair()
    let other = four.reversed.ip(132, [UInt8](repeating: 1, count: 30))
    let told = PacketBuilder.error(type: 3, code: 2, from: four.source, about: other)
    #expect(net.send(four.ethernet(other)) == [PacketBuilder.returned(told)])
    // Not where there is no NAT64.
    #expect(try NATFixture("", external: "198.51.100.64").send(four.ethernet(other)).isEmpty)
  }
}
