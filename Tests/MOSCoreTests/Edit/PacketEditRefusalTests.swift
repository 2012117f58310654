import MOSCore
import TestSupport
import Testing

@Suite("Changes that are refused")
struct PacketEditRefusalTests {
  /// All changes, which must be refused with `outcome` and leave everything as it is.
  private func expectAllRefused(_ fixture: EditorFixture, _ outcome: PacketEditOutcome) {
    let before = fixture.state
    let outcomes = [
      fixture.editor.setSource(IPAddress(v4: 1)), fixture.editor.setDestination(IPAddress(v4: 1)),
      fixture.editor.setSourcePort(1), fixture.editor.setDestinationPort(1), fixture.editor.setSequence(1),
      fixture.editor.setAcknowledgment(1), fixture.editor.setWindow(1), fixture.editor.setTimeToLive(1),
      fixture.editor.moveSACKBlocks(left: 1, right: 1), fixture.overwrite(at: 0, with: [1]),
      fixture.insert(at: 0, [1]), fixture.editor.removePayload(at: 0, count: 0),
    ]
    #expect(outcomes.allSatisfy { $0 == outcome })
    #expect(fixture.state == before && fixture.frame.isEmpty && fixture.payload.isEmpty)
  }

  private func expectNotLoaded(_ frame: [UInt8], _ outcome: PacketEditOutcome, capacity: Int = 4096) {
    let fixture = EditorFixture(frame, capacity: capacity)
    #expect(fixture.outcome == outcome)
    expectAllRefused(fixture, .noPacket)
  }

  @Test("what is no TCP, UDP or ICMP")
  func otherPackets() {
    expectNotLoaded(PacketBuilder.ethernet(.init(repeating: 0, count: 28), type: 0x0806, vlans: []), .notSupported)
    let builder = PacketBuilder(payload: [1, 2])
    expectNotLoaded(builder.ethernet(builder.ip(47, [0, 0, 0x88, 0xbe] + builder.payload)), .notSupported)
    expectNotLoaded([], .notSupported)
  }

  @Test("a packet inside of a tunnel")
  func tunnel() {
    let inner = PacketBuilder(payload: [1, 2])
    expectNotLoaded(inner.ethernet(inner.ip(4, inner.tcp)), .insideTunnel)
    expectNotLoaded(inner.ethernet(inner.ip(41, inner.v6.udp)), .insideTunnel)
  }

  @Test("a fragment, and a datagram that was put together")
  func fragments() {
    let builder = PacketBuilder(payload: .init(repeating: 1, count: 64))
    let first = builder.ethernet(builder.fragments(6, builder.segment, size: 40)[0])
    var configuration = DecoderConfiguration()
    configuration.reassembleFragments = false
    let fixture = EditorFixture(first, configuration: configuration)
    #expect(fixture.outcome == .fragment)
    expectAllRefused(fixture, .noPacket)
    let v6 = builder.v6
    let atomic = v6.v6Fragment(6, v6.segment, offset: 0, more: false)
    expectNotLoaded(v6.ethernet(atomic), .fragment)

    var packet = DecodedPacket(frame: UnsafeRawPointer(bitPattern: 1)!)
    packet.kind = .tcp
    packet.isReassembled = true
    #expect(fixture.editor.load(packet) == .fragment)
  }

  @Test("a packet that was not captured to its end")
  func truncated() {
    var builder = PacketBuilder(payload: .init(repeating: 1, count: 20))
    builder.tcpOptions = .init(repeating: 1, count: 12)
    let whole = builder.tcpFrame
    for length in [54, 60, 66, 70, whole.count - 1] {
      let fixture = EditorFixture(Array(whole[..<length]), wireLength: whole.count)
      #expect(fixture.outcome == .truncated)
      expectAllRefused(fixture, .noPacket)
    }
    builder.payload = []
    let fixture = EditorFixture(Array(builder.tcpFrame[..<60]), wireLength: 66)
    #expect(fixture.outcome == .truncated)
  }

  @Test("lengths that contradict each other")
  func malformed() {
    var builder = PacketBuilder(payload: [1, 2, 3, 4])
    builder.dataOffset = 4
    expectNotLoaded(builder.tcpFrame, .malformed)
    builder.dataOffset = 15
    expectNotLoaded(builder.tcpFrame, .malformed)
    builder.udpLength = 40
    expectNotLoaded(builder.udpFrame, .malformed)
  }

  @Test("what an authentication header signs")
  func authenticated() {
    let header: [UInt8] = [6, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1] + .init(repeating: 9, count: 12)
    let builder = PacketBuilder(payload: [1])
    expectNotLoaded(builder.ethernet(builder.ip(51, header + builder.segment)), .authenticated)
    let v6 = builder.v6
    expectNotLoaded(v6.ethernet(v6.ip(51, header + v6.segment)), .authenticated)
    // Behind destination options.
    let options: [UInt8] = [51, 0, 1, 4, 0, 0, 0, 0]
    expectNotLoaded(v6.ethernet(v6.ip(60, options + header + v6.segment)), .authenticated)
  }

  @Test("a frame that is longer than the buffer")
  func capacity() {
    let frame = PacketBuilder(payload: [1, 2, 3]).tcpFrame
    expectNotLoaded(frame, .exceedsCapacity, capacity: frame.count - 1)
    expectNotLoaded(frame, .exceedsCapacity, capacity: 0)
    #expect(EditorFixture(frame, capacity: frame.count).outcome == .done)
  }

  @Test("more bytes than the buffer, the MTU or the length field take", arguments: PacketForm.allCases)
  func growth(form: PacketForm) {
    let frame = form.frame(form.builder(payload: [1, 2, 3]))
    let fixture = EditorFixture(frame, capacity: frame.count + 10)
    let before = fixture.state
    let length = fixture.editor.ipLength
    #expect(fixture.insert(at: 1, .init(repeating: 0, count: 11)) == .exceedsCapacity)
    #expect(fixture.insert(at: 1, .init(repeating: 0, count: 5), mtu: length + 4) == .exceedsMTU)
    #expect(fixture.replace(at: 1, count: 2, with: .init(repeating: 0, count: 13)) == .exceedsCapacity)
    #expect(fixture.state == before)
    #expect(fixture.insert(at: 1, .init(repeating: 0, count: 5), mtu: length + 5) == .done)
    #expect(fixture.insert(at: 1, .init(repeating: 0, count: 5)) == .done)
    #expect(fixture.editor.frameLength == frame.count + 10 && fixture.isValid() && fixture.isContained)
    // A datagram over the MTU may shrink.
    #expect(fixture.replace(at: 0, count: 3, with: [1], mtu: 20) == .done)

    let large = EditorFixture(frame, capacity: 1 << 17)
    let room = (form.isV6 ? 65575 : 65535) - large.editor.ipLength
    let unchanged = large.frame
    #expect(large.insert(at: 2, .init(repeating: 0xee, count: room + 1), mtu: .max) == .exceedsMTU)
    #expect(large.frame == unchanged)
    #expect(large.insert(at: 2, .init(repeating: 0xee, count: room), mtu: .max) == .done)
    #expect(large.isValid() && large.descriptionIsThatOfTheFrame())
    #expect(large.editor.removePayload(at: 2, count: room) == .done)
    #expect(large.frame == unchanged)
  }

  @Test("bytes outside of the payload")
  func outside() {
    let fixture = EditorFixture(PacketBuilder(payload: [1, 2, 3]).tcpFrame)
    let before = fixture.state
    for (offset, count) in [(-1, 1), (0, 4), (3, 1), (4, 0), (1, -1), (.max, 1), (1, .max), (.min, .min)] {
      #expect(fixture.editor.removePayload(at: offset, count: count) == .outsidePayload)
    }
    for offset in [-1, 1, 3, 4, .max, .min] {
      #expect(fixture.overwrite(at: offset, with: [7, 7, 7]) == .outsidePayload)
    }
    for offset in [-1, 4, .max] { #expect(fixture.insert(at: offset, [7]) == .outsidePayload) }
    #expect(fixture.state == before)
    #expect(fixture.overwrite(at: 3, with: []) == .done)
    #expect(fixture.insert(at: 3, []) == .done)
    #expect(fixture.editor.removePayload(at: 3, count: 0) == .done)
    #expect(fixture.state == before)
  }

  @Test("an address of the other family, TCP's fields in UDP")
  func wrongKind() {
    let v4 = EditorFixture(PacketBuilder(payload: [1]).udpFrame)
    let v6 = EditorFixture(PacketBuilder(payload: [1]).v6.udpFrame)
    let before = [v4.state, v6.state]
    #expect(v4.editor.setSource(IPAddress(high: 1, low: 2)) == .wrongAddressFamily)
    #expect(v6.editor.setDestination(IPAddress(v4: 7)) == .wrongAddressFamily)
    for fixture in [v4, v6] {
      #expect(fixture.editor.setSequence(1) == .notTCP)
      #expect(fixture.editor.setAcknowledgment(1) == .notTCP)
      #expect(fixture.editor.setWindow(1) == .notTCP)
      #expect(fixture.editor.moveSACKBlocks(left: 1, right: 1) == .notTCP)
    }
    #expect([v4.state, v6.state] == before)
  }

  @Test("another length, where something else carries it too; other changes are taken")
  func fixedLength() {
    var builder = PacketBuilder(payload: [1, 2, 3])
    let ip = builder.tcp
    // PPPoE; IEEE 802.3 with LLC and SNAP; PPP, whose framing is not known.
    let pppoe = PacketBuilder.ethernet(
      [0x11, 0, 0, 5] + be(UInt16(ip.count + 2)) + [0, 0x21] + ip, type: 0x8864, vlans: [])
    let snap = PacketBuilder.ethernet(
      [0xaa, 0xaa, 3, 0, 0, 0, 8, 0] + ip, type: UInt16(ip.count + 8), vlans: [])
    // A length that segmentation offload left out; UDP with something behind it.
    builder.totalLength = 0
    let offload = builder.tcpFrame
    builder.totalLength = nil
    builder.udpLength = 10
    let trailing = builder.udpFrame
    for (frame, link) in [
      (pppoe, LinkType.ethernet), (snap, .ethernet), ([0xff, 3, 0, 0x21] + ip, .ppp), (offload, .ethernet),
      (trailing, .ethernet),
    ] {
      let fixture = EditorFixture(frame, linkType: link)
      #expect(fixture.outcome == .done)
      let before = fixture.state
      #expect(fixture.insert(at: 0, [1]) == .fixedLength)
      #expect(fixture.editor.removePayload(at: 0, count: 1) == .fixedLength)
      #expect(fixture.state == before)
      #expect(fixture.overwrite(at: 0, with: [7, 8]) == .done)
      #expect(fixture.editor.setDestinationPort(81) == .done)
      #expect(fixture.payload[..<2] == [7, 8])
    }
    for (frame, link) in [(ip, LinkType.raw), ([2, 0, 0, 0] + ip, .null)] {
      let fixture = EditorFixture(frame, linkType: link)
      #expect(fixture.insert(at: 3, [4]) == .done)
      #expect(fixture.payload == [1, 2, 3, 4] && fixture.isValid())
    }
  }
}
