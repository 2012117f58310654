import MOSCore
import TestSupport
import Testing

/// Gives `body` the bytes right before a page that cannot be read, so that no header's view reads beyond them.
func withBytes<Result>(_ bytes: [UInt8], _ body: (UnsafeRawPointer, UInt32) -> Result) -> Result {
  let guarded = GuardedBytes(bytes[...])
  return withExtendedLifetime(guarded) { body(UnsafeRawPointer(guarded.base), UInt32(bytes.count)) }
}

/// Checks that `accepts` takes `bytes`, and no prefix of them.
func expectShortest(
  _ bytes: [UInt8], sourceLocation: SourceLocation = #_sourceLocation,
  _ accepts: (UnsafeRawPointer, UInt32) -> Bool
) {
  let takesWhole = withBytes(bytes, accepts)
  #expect(takesWhole, sourceLocation: sourceLocation)
  for count in 0..<bytes.count {
    let takesPrefix = withBytes(Array(bytes[..<count]), accepts)
    #expect(!takesPrefix, "\(count) bytes", sourceLocation: sourceLocation)
  }
}

@Suite("Header views")
struct HeaderTests {
  @Test("Ethernet: 14 bytes, not 13")
  func ethernet() {
    let bytes: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0x86, 0xdd]
    expectShortest(bytes) { EthernetHeader($0, length: $1) != nil }
    withBytes(bytes) {
      let header = EthernetHeader($0, length: $1)!
      #expect(header.destination == 0x0102_0304_0506)
      #expect(header.source == 0x0708_090a_0b0c)
      #expect(header.etherType == EtherType.ipv6)
    }
  }

  @Test("VLAN tag: identifier, priority and the type behind")
  func vlan() {
    let bytes: [UInt8] = [0xaf, 0xfe, 0x08, 0x00]
    expectShortest(bytes) { VLANTag($0, length: $1) != nil }
    withBytes(bytes) {
      let tag = VLANTag($0, length: $1)!
      #expect(tag.identifier == 0xffe)
      #expect(tag.priority == 5)
      #expect(tag.etherType == EtherType.ipv4)
    }
    #expect([0x8100, 0x88a8, 0x9100].allSatisfy { VLANTag.isTag($0) })
    #expect(!VLANTag.isTag(0x0800))
  }

  @Test("MPLS label stack entry")
  func mpls() {
    let bytes: [UInt8] = [0x12, 0x34, 0x5b, 0x40]
    expectShortest(bytes) { MPLSLabel($0, length: $1) != nil }
    withBytes(bytes) {
      let entry = MPLSLabel($0, length: $1)!
      #expect(entry.label == 0x12345)
      #expect(entry.trafficClass == 5)
      #expect(entry.isBottomOfStack)
      #expect(entry.timeToLive == 64)
    }
  }

  @Test("PPPoE")
  func pppoe() {
    let bytes: [UInt8] = [0x11, 0, 0x12, 0x34, 0, 42]
    expectShortest(bytes) { PPPoEHeader($0, length: $1) != nil }
    withBytes(bytes) {
      let header = PPPoEHeader($0, length: $1)!
      #expect(header.versionAndType == 0x11)
      #expect(header.code == 0)
      #expect(header.session == 0x1234)
      #expect(header.payloadLength == 42)
    }
  }

  @Test("PPP: with and without address and control, protocol whole and compressed")
  func ppp() {
    let cases: [([UInt8], UInt32)] = [
      ([0xff, 0x03, 0x00, 0x21], 4), ([0x00, 0x21], 2), ([0xff, 0x03, 0x21], 3), ([0x21], 1),
    ]
    for (bytes, length) in cases {
      expectShortest(bytes) { PPPHeader($0, length: $1) != nil }
      withBytes(bytes) {
        let header = PPPHeader($0, length: $1)!
        #expect(header.headerLength == length)
        #expect(header.protocolNumber == PPPHeader.ipv4)
      }
    }
  }

  @Test("LLC and SNAP")
  func llc() {
    let bytes: [UInt8] = [0xaa, 0xaa, 0x03, 0, 0, 0, 0x08, 0x00]
    expectShortest(bytes) { LLCHeader($0, length: $1) != nil }
    withBytes(bytes) {
      let header = LLCHeader($0, length: $1)!
      #expect(header.isSNAP && header.hasEtherType)
      #expect(header.etherType == EtherType.ipv4)
    }
    withBytes([0x42, 0x42, 0x03, 0, 0, 0, 0x08, 0x00]) { #expect(!LLCHeader($0, length: $1)!.hasEtherType) }
    withBytes([0xaa, 0xaa, 0x03, 0, 0, 0x0c, 0x20, 0x00]) { #expect(!LLCHeader($0, length: $1)!.hasEtherType) }
  }

  @Test("ARP for IPv4 over Ethernet")
  func arp() {
    let bytes: [UInt8] =
      [0, 1, 8, 0, 6, 4, 0, 2] + [1, 2, 3, 4, 5, 6] + [10, 0, 0, 1] + [6, 5, 4, 3, 2, 1] + [10, 0, 0, 2]
    expectShortest(bytes) { ARPHeader($0, length: $1) != nil }
    withBytes(bytes) {
      let header = ARPHeader($0, length: $1)!
      #expect(header.isIPv4OverEthernet)
      #expect(header.operation == 2)
      #expect(header.senderHardware == 0x0102_0304_0506)
      #expect(header.senderAddress == 0x0a00_0001)
      #expect(header.targetHardware == 0x0605_0403_0201)
      #expect(header.targetAddress == 0x0a00_0002)
    }
  }

  @Test("IPv4: every field")
  func ipv4() {
    var builder = PacketBuilder()
    builder.ipOptions = [1, 1, 1, 0]
    let bytes = builder.ip(6, [], fragment: 0x2003)
    withBytes(bytes) {
      let header = IPv4Header($0, length: $1)!
      #expect(header.version == 4)
      #expect(header.headerLength == 24)
      #expect(header.totalLength == 24)
      #expect(header.identification == 7)
      #expect(header.moreFragments && !header.dontFragment && header.isFragment)
      #expect(header.fragmentOffset == 24)
      #expect(header.timeToLive == 64)
      #expect(header.protocolNumber == 6)
      #expect(header.source == IPAddress(v4: 0x0a00_0001))
      #expect(header.destination == IPAddress(v4: 0x0a00_0002))
      #expect(Array(header.options) == [1, 1, 1, 0])
      #expect(header.optionsAreValid)
    }
    expectShortest(Array(bytes[..<20])) { IPv4Header($0, length: $1) != nil }
  }

  @Test("IPv4: options that claim more than is there are not read beyond it")
  func ipv4HostileOptions() {
    var bytes = PacketBuilder().ip(6, [])
    bytes[0] = 0x4f
    withBytes(bytes) {
      let header = IPv4Header($0, length: $1)!
      #expect(header.options.isEmpty)
      #expect(header.optionsAreValid)
    }
    for options: [UInt8] in [[7, 0, 0, 0], [7, 1, 0, 0], [7, 5, 0, 0], [1, 1, 1, 7]] {
      var builder = PacketBuilder()
      builder.ipOptions = options
      withBytes(builder.ip(6, [])) { #expect(!IPv4Header($0, length: $1)!.optionsAreValid, "\(options)") }
    }
    bytes[0] = 0x40
    withBytes(bytes) { #expect(IPv4Header($0, length: $1)!.options.isEmpty) }
  }

  @Test("IPv6: every field")
  func ipv6() {
    var bytes = PacketBuilder().v6.ip(58, [])
    bytes.replaceSubrange(0..<4, with: [0x6a, 0xb1, 0x23, 0x45])
    expectShortest(bytes) { IPv6Header($0, length: $1) != nil }
    withBytes(bytes) {
      let header = IPv6Header($0, length: $1)!
      #expect(header.version == 6)
      #expect(header.trafficClass == 0xab)
      #expect(header.flowLabel == 0x12345)
      #expect(header.payloadLength == 0)
      #expect(header.nextHeader == 58)
      #expect(header.hopLimit == 64)
      #expect(header.source == IPAddress(high: 0x2001_0db8_0000_0000, low: 1))
      #expect(header.destination == IPAddress(high: 0x2001_0db8_0000_0000, low: 2))
    }
  }

  @Test("IPv6 fragment header")
  func ipv6Fragment() {
    let bytes: [UInt8] = [6, 0, 0x00, 0x11, 1, 2, 3, 4]
    expectShortest(bytes) { IPv6FragmentHeader($0, length: $1) != nil }
    withBytes(bytes) {
      let header = IPv6FragmentHeader($0, length: $1)!
      #expect(header.nextHeader == 6)
      #expect(header.offset == 16)
      #expect(header.moreFragments && !header.isAtomic)
      #expect(header.identification == 0x0102_0304)
    }
    withBytes([6, 0, 0, 6, 1, 2, 3, 4]) { #expect(IPv6FragmentHeader($0, length: $1)!.isAtomic) }
  }

  @Test("TCP: every field, the ninth control bit too")
  func tcp() {
    var builder = PacketBuilder(payload: [1, 2, 3])
    builder.flags = 0x1c2
    builder.urgentPointer = 9
    builder.tcpOptions = [2, 4, 5, 0xb4]
    withBytes(builder.segment) {
      let header = TCPHeader($0, length: $1)!
      #expect(header.sourcePort == 40000 && header.destinationPort == 80)
      #expect(header.sequence == 1000 && header.acknowledgment == 2000)
      #expect(header.headerLength == 24)
      #expect(header.flags == [.ae, .cwr, .ece, .syn])
      #expect(header.window == 8192)
      #expect(header.urgentPointer == 9)
      #expect(header.optionsLength == 4)
      #expect(header.optionsPointer.load8(at: 3) == 0xb4)
    }
    expectShortest(PacketBuilder().segment) { TCPHeader($0, length: $1) != nil }
  }

  @Test("TCP: a data offset outside of the segment gives no options beyond it")
  func tcpHostileOffset() {
    var builder = PacketBuilder()
    builder.tcpOptions = [1, 1, 1, 1]
    for (offset, length) in [(0, 0), (4, 0), (5, 0), (6, 4), (15, 4)] {
      builder.dataOffset = UInt8(offset)
      withBytes(builder.segment) { #expect(TCPHeader($0, length: $1)!.optionsLength == length) }
    }
  }

  @Test("UDP and ICMP: 8 bytes each")
  func small() {
    let datagram = PacketBuilder().datagram
    expectShortest(datagram) { UDPHeader($0, length: $1) != nil }
    withBytes(datagram) {
      let header = UDPHeader($0, length: $1)!
      #expect(header.sourcePort == 40000 && header.destinationPort == 80 && header.datagramLength == 8)
    }
    let message = PacketBuilder().icmp(type: 8, code: 3)
    expectShortest(message) { ICMPHeader($0, length: $1) != nil }
    withBytes(message) {
      let header = ICMPHeader($0, length: $1)!
      #expect(header.type == 8 && header.code == 3 && header.identifier == 1 && header.sequence == 2)
    }
  }

  @Test("an ICMP message's counterpart has it as counterpart")
  func counterparts() {
    for type in UInt8.min ... .max {
      if let other = ICMPHeader.counterpart(of: type) { #expect(ICMPHeader.counterpart(of: other) == type) }
      if let other = ICMPHeader.counterpart(ofV6: type) { #expect(ICMPHeader.counterpart(ofV6: other) == type) }
    }
    #expect(ICMPHeader.counterpart(of: 8) == 0)
    #expect(ICMPHeader.counterpart(of: 3) == nil)
    #expect(ICMPHeader.counterpart(ofV6: 128) == 129)
    #expect(ICMPHeader.counterpart(ofV6: 1) == nil)
  }
}
