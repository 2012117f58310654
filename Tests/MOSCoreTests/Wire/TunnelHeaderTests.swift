import MOSCore
import TestSupport
import Testing

@Suite("Tunnel and capture headers")
struct TunnelHeaderTests {
  @Test("GRE: each optional field lengthens the header")
  func gre() {
    for flags: UInt16 in [0, 0x8000, 0x2000, 0x1000, 0xb000] {
      let length = 4 + 4 * flags.nonzeroBitCount
      let bytes = be(flags) + [0x08, 0x00] + Array(repeating: 0 as UInt8, count: length - 4)
      expectShortest(bytes) { GREHeader($0, length: $1) != nil }
      withBytes(bytes) { #expect(GREHeader($0, length: $1)!.headerLength == length) }
    }
    withBytes([0x30, 0x81, 0x88, 0x0b, 0, 10] + Array(repeating: 0, count: 10)) {
      let header = GREHeader($0, length: $1)!
      #expect(header.version == 1 && header.headerLength == 16 && header.pptpPayloadLength == 10)
      #expect(header.hasKey && header.hasSequence && !header.hasChecksum)
    }
  }

  @Test("GRE: versions, reserved bits and routing entries that do not end are refused")
  func greHostile() {
    let rest = Array(repeating: 0 as UInt8, count: 32)
    for word: UInt16 in [0x0002, 0x0007, 0x0008, 0x0080] {
      #expect(withBytes(be(word) + [8, 0] + rest) { GREHeader($0, length: $1) == nil })
    }
    let routed: [UInt8] = [0x40, 0, 8, 0, 0, 0, 0, 0] + [0, 2, 0, 4, 10, 0, 0, 9] + [0, 0, 0, 0]
    expectShortest(routed) { GREHeader($0, length: $1) != nil }
    withBytes(routed) { #expect(GREHeader($0, length: $1)!.headerLength == 20) }
    let endless: [UInt8] = [0x40, 0, 8, 0, 0, 0, 0, 0] + Array(repeating: 2, count: 400)
    #expect(withBytes(endless) { GREHeader($0, length: $1) == nil })
  }

  @Test("VXLAN: the identifier's flag has to be set")
  func vxlan() {
    let bytes: [UInt8] = [8, 0, 0, 0, 1, 2, 3, 0]
    expectShortest(bytes) { VXLANHeader($0, length: $1) != nil }
    withBytes(bytes) { #expect(VXLANHeader($0, length: $1)!.networkIdentifier == 0x010203) }
    #expect(withBytes([0, 0, 0, 0, 1, 2, 3, 0]) { VXLANHeader($0, length: $1) == nil })
  }

  @Test("Geneve: options belong to the header; other versions are refused")
  func geneve() {
    let bytes: [UInt8] = [2, 0x80, 0x65, 0x58, 1, 2, 3, 0] + [1, 1, 1, 1, 2, 2, 2, 2]
    expectShortest(bytes) { GeneveHeader($0, length: $1) != nil }
    withBytes(bytes) {
      let header = GeneveHeader($0, length: $1)!
      #expect(header.headerLength == 16 && header.isControl && header.protocolType == 0x6558)
      #expect(header.networkIdentifier == 0x010203)
    }
    #expect(withBytes([0x40, 0, 0, 0, 0, 0, 0, 0]) { GeneveHeader($0, length: $1) == nil })
  }

  @Test("GTP-U: optional fields and a chain of extension headers")
  func gtpU() {
    let plain: [UInt8] = [0x30, 255, 0, 0, 1, 2, 3, 4]
    expectShortest(plain) { GTPUHeader($0, length: $1) != nil }
    let extended: [UInt8] = [0x36, 255, 0, 0, 1, 2, 3, 4, 0, 1, 0, 0x85] + [1, 9, 9, 0x40] + [2, 0, 0, 0, 0, 0, 0, 0]
    expectShortest(extended) { GTPUHeader($0, length: $1) != nil }
    withBytes(extended) {
      let header = GTPUHeader($0, length: $1)!
      #expect(header.headerLength == 24 && header.messageType == 255 && header.tunnelEndpoint == 0x0102_0304)
    }
    // An extension header of length 0 never ends.
    #expect(withBytes([0x34, 255, 0, 0, 1, 2, 3, 4, 0, 1, 0, 1, 0, 0, 0, 1]) { GTPUHeader($0, length: $1) == nil })
    // GTP' and version 2.
    #expect(withBytes([0x20, 255, 0, 0, 1, 2, 3, 4]) { GTPUHeader($0, length: $1) == nil })
    #expect(withBytes([0x48, 255, 0, 0, 1, 2, 3, 4]) { GTPUHeader($0, length: $1) == nil })
  }

  @Test("Teredo: authentication and origin indication before the IPv6 packet")
  func teredo() {
    let authentication = [0, 1, 2, 1, 7, 7, 8] + Array(repeating: 0 as UInt8, count: 9)
    let origin = [0, 0, 1, 2, 3, 4, 5, 6] as [UInt8]
    for (bytes, length) in [([], 0), (authentication, 16), (origin, 8), (authentication + origin, 24)] {
      expectShortest(bytes + [0x60]) { TeredoHeader($0, length: $1) != nil }
      withBytes(bytes + [0x60]) { #expect(TeredoHeader($0, length: $1)!.headerLength == length) }
      #expect(withBytes(bytes + [0x45]) { TeredoHeader($0, length: $1) == nil })
    }
    #expect(withBytes([0, 1, 255, 255, 0x60]) { TeredoHeader($0, length: $1) == nil })
  }

  @Test("AYIYA: identity and signature")
  func ayiya() {
    let bytes: [UInt8] = [0x44, 0x52, 0x11, 41, 0, 0, 0, 1] + Array(repeating: 0, count: 16 + 20)
    expectShortest(bytes) { AYIYAHeader($0, length: $1) != nil }
    withBytes(bytes) {
      let header = AYIYAHeader($0, length: $1)!
      #expect(header.headerLength == 44 && header.operation == 1 && header.nextHeader == 41 && header.epochTime == 1)
    }
    #expect(withBytes([0xff, 0xff] + bytes[2...]) { AYIYAHeader($0, length: $1) == nil })
  }

  @Test("Linux cooked captures, versions 1 and 2")
  func linuxCooked() {
    let v1: [UInt8] = [0, 4, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 0x08, 0x00]
    expectShortest(v1) { LinuxCookedHeader($0, length: $1) != nil }
    withBytes(v1) {
      let header = LinuxCookedHeader($0, length: $1)!
      #expect(header.packetType == 4 && header.hardwareType == 1 && header.protocolType == 0x0800)
    }
    let v2: [UInt8] = [0x86, 0xdd, 0, 0, 0, 0, 0, 3, 0, 1, 4, 6, 1, 2, 3, 4, 5, 6, 0, 0]
    expectShortest(v2) { LinuxCookedV2Header($0, length: $1) != nil }
    withBytes(v2) {
      let header = LinuxCookedV2Header($0, length: $1)!
      #expect(header.protocolType == 0x86dd && header.interfaceIndex == 3 && header.packetType == 4)
    }
  }

  @Test("BSD loopback: the family in either order")
  func loopback() {
    expectShortest([2, 0, 0, 0]) { LoopbackHeader($0, length: $1) != nil }
    for bytes: [UInt8] in [[2, 0, 0, 0], [0, 0, 0, 2]] {
      withBytes(bytes) { #expect(LoopbackHeader($0, length: $1)!.isIPv4) }
    }
    for family: UInt8 in [10, 23, 24, 28, 30] {
      withBytes([family, 0, 0, 0]) { #expect(LoopbackHeader($0, length: $1)!.isIPv6) }
      withBytes([0, 0, 0, family]) { #expect(LoopbackHeader($0, length: $1)!.isIPv6) }
    }
    withBytes([7, 0, 0, 0]) {
      let header = LoopbackHeader($0, length: $1)!
      #expect(!header.isIPv4 && !header.isIPv6)
    }
  }

  @Test("radiotap: flags behind further presence words and the time stamp")
  func radiotap() {
    withBytes([0, 0, 9, 0, 2, 0, 0, 0, 0x10]) {
      let header = RadiotapHeader($0, length: $1)!
      #expect(header.headerLength == 9 && header.hasFrameCheckSequence && !header.hasPadding)
    }
    let stamped: [UInt8] =
      [0, 0, 25, 0, 3, 0, 0, 0x80] + [0, 0, 0, 0] + [0, 0, 0, 0] + Array(repeating: 0, count: 8) + [0x20]
    expectShortest(stamped) { RadiotapHeader($0, length: $1) != nil }
    withBytes(stamped) { #expect(RadiotapHeader($0, length: $1)!.flags == 0x20) }
    // Flags that lie beyond the header's own length are not read.
    withBytes([0, 0, 8, 0, 2, 0, 0, 0]) { #expect(RadiotapHeader($0, length: $1)!.flags == 0) }
    withBytes([0, 0, 8, 0, 0xff, 0xff, 0xff, 0xff]) { #expect(RadiotapHeader($0, length: $1)!.flags == 0) }
    #expect(withBytes([0, 0, 7, 0, 0, 0, 0, 0]) { RadiotapHeader($0, length: $1) == nil })
    #expect(withBytes([1, 0, 8, 0, 0, 0, 0, 0]) { RadiotapHeader($0, length: $1) == nil })
  }

  @Test("802.11 data: fourth address, QoS, HT control")
  func ieee80211() {
    let cases: [(UInt8, UInt8, Int)] = [(0x08, 0x01, 24), (0x08, 0x03, 30), (0x88, 0x01, 26), (0x88, 0x83, 36)]
    for (control, flags, length) in cases {
      let bytes = [control, flags] + Array(repeating: 0 as UInt8, count: length - 2)
      expectShortest(bytes) { IEEE80211Header($0, length: $1) != nil }
      withBytes(bytes) {
        let header = IEEE80211Header($0, length: $1)!
        #expect(header.headerLength == length && header.isData && !header.isProtected && !header.isAggregate)
      }
    }
    withBytes([0x80, 0] + Array(repeating: 0, count: 22)) { #expect(!IEEE80211Header($0, length: $1)!.isData) }
    withBytes([0x48, 1] + Array(repeating: 0, count: 22)) { #expect(!IEEE80211Header($0, length: $1)!.isData) }
    withBytes([0x88, 0x41] + Array(repeating: 0, count: 22) + [0x80, 0]) {
      let header = IEEE80211Header($0, length: $1)!
      #expect(header.isProtected && header.isAggregate)
    }
  }
}
