import MOSCore
import TestSupport
import Testing

@Suite("Changing a packet")
struct PacketEditorTests {
  static func options(sackAt padding: Int, _ blocks: [(UInt32, UInt32)]) -> [UInt8] {
    var bytes = [UInt8](repeating: 1, count: padding) + [5, UInt8(2 + 8 * blocks.count)]
    for block in blocks { bytes += be(block.0) + be(block.1) }
    return bytes + [UInt8](repeating: 0, count: (4 - bytes.count & 3) & 3)
  }

  static func address(_ bytes: [UInt8]) -> IPAddress {
    bytes.count == 4
      ? IPAddress(v4: bytes.reduce(0) { $0 << 8 | UInt32($1) })
      : IPAddress(
        high: bytes[..<8].reduce(0) { $0 << 8 | UInt64($1) }, low: bytes[8...].reduce(0) { $0 << 8 | UInt64($1) })
  }

  /// One random change to the packet and to the builder that makes it from scratch.
  private func change(_ fixture: EditorFixture, _ builder: inout PacketBuilder, _ generator: inout SeededGenerator) {
    func number<Value: FixedWidthInteger & UnsignedInteger>(_: Value.Type) -> Value {
      // Often one that makes sums of all zeros or ones.
      if Bool.random(using: &generator) { return [0, 1, .max].randomElement(using: &generator)! }
      return .random(in: 0 ... .max, using: &generator)
    }
    func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in number(UInt8.self) } }
    var expected = PacketEditOutcome.done
    let outcome: PacketEditOutcome
    let count = builder.payload.count
    let offset = Int.random(in: 0...count, using: &generator)
    let part = Int.random(in: 0...count - offset, using: &generator)
    let isTCP = fixture.editor.isTCP
    switch Int.random(in: 0..<12, using: &generator) {
    case 0:
      builder.source = bytes(builder.source.count)
      outcome = fixture.editor.setSource(Self.address(builder.source))
    case 1:
      builder.destination = bytes(builder.destination.count)
      outcome = fixture.editor.setDestination(Self.address(builder.destination))
    case 2:
      builder.sourcePort = number(UInt16.self)
      outcome = fixture.editor.setSourcePort(builder.sourcePort)
    case 3:
      builder.destinationPort = number(UInt16.self)
      outcome = fixture.editor.setDestinationPort(builder.destinationPort)
    case 4:
      builder.sequence = number(UInt32.self)
      outcome = fixture.editor.setSequence(builder.sequence)
      expected = isTCP ? .done : .notTCP
    case 5:
      builder.acknowledgment = number(UInt32.self)
      outcome = fixture.editor.setAcknowledgment(builder.acknowledgment)
      expected = isTCP ? .done : .notTCP
    case 6:
      builder.window = number(UInt16.self)
      outcome = fixture.editor.setWindow(builder.window)
      expected = isTCP ? .done : .notTCP
    case 7:
      builder.timeToLive = number(UInt8.self)
      outcome = fixture.editor.setTimeToLive(builder.timeToLive)
    case 8:
      let new = bytes(part)
      builder.payload.replaceSubrange(offset..<offset + part, with: new)
      outcome = fixture.overwrite(at: offset, with: new)
    case 9:
      let new = bytes(Int.random(in: 0...40, using: &generator))
      builder.payload.insert(contentsOf: new, at: offset)
      outcome = fixture.insert(at: offset, new, mtu: 4000)
    case 10:
      builder.payload.removeSubrange(offset..<offset + part)
      outcome = fixture.editor.removePayload(at: offset, count: part)
    default:
      let new = bytes(Int.random(in: 0...40, using: &generator))
      builder.payload.replaceSubrange(offset..<offset + part, with: new)
      outcome = fixture.replace(at: offset, count: part, with: new, mtu: 4000)
    }
    #expect(outcome == expected)
  }

  @Test("after any changes the frame is the one that is made from scratch", arguments: PacketForm.allCases)
  func randomChanges(form: PacketForm) {
    for seed in 0..<40 {
      var generator = SeededGenerator(seed: UInt64(seed) + 1)
      let payload = (0..<Int.random(in: 0...90, using: &generator)).map { UInt8(truncatingIfNeeded: $0 &* 37) }
      var builder = form.builder(payload: payload)
      if form.isTCP, seed % 2 == 0 { builder.tcpOptions = [1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8] }
      let fixture = EditorFixture(form.frame(builder))
      #expect(fixture.outcome == .done)
      for step in 0..<40 {
        change(fixture, &builder, &generator)
        guard fixture.frame == form.frame(builder), fixture.isValid(), fixture.descriptionIsThatOfTheFrame() else {
          Issue.record("seed \(seed), step \(step)")
          return
        }
      }
      #expect(fixture.isContained)
    }
  }

  @Test("SACK blocks are translated wherever they begin", arguments: [0, 1, 2, 3], [1, 2, 3, 4])
  func sackBlocks(padding: Int, count: Int) {
    let blocks = (0..<UInt32(count)).map { (UInt32.max - 5 &+ $0 &* 7, UInt32(100) + $0 * 9) }
    for form in [PacketForm.ipv4, .ipv6Tagged] {
      var builder = form.builder(payload: [1, 2, 3])
      builder.tcpOptions = Self.options(sackAt: padding, blocks)
      let fixture = EditorFixture(form.frame(builder))
      #expect(fixture.editor.moveSACKBlocks(left: 40, right: -200) == .done)
      builder.tcpOptions = Self.options(sackAt: padding, blocks.map { ($0.0 &+ 40, $0.1 &- 200) })
      #expect(fixture.frame == form.frame(builder) && fixture.isValid())
    }
  }

  @Test("options that cannot be read, or are not SACK, are left alone")
  func brokenOptions() {
    for options: [UInt8] in [
      [5, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0], [5, 18, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0], [1, 1, 1, 5], [5, 0, 5, 10],
      [0, 5, 10, 1, 1, 1, 1, 2, 2, 2, 2, 0], [8, 10, 5, 10, 1, 2, 3, 4, 5, 6, 1, 1], [5, 1, 5, 10], [5, 2, 1, 1],
    ] {
      var builder = PacketBuilder(payload: [9])
      builder.tcpOptions = options
      let fixture = EditorFixture(builder.tcpFrame)
      let before = fixture.state
      #expect(fixture.editor.moveSACKBlocks(left: 1, right: 1) == .done)
      #expect(fixture.state == before)
    }
  }

  @Test("a checksum that is wrong stays wrong by as much")
  func wrongChecksums() {
    var builder = PacketBuilder(payload: [1, 2, 3, 4, 5])
    builder.tcpChecksum = 0x1234
    builder.ipChecksum = 0x4321
    let fixture = EditorFixture(builder.tcpFrame)
    #expect(fixture.outcome == .done)
    #expect(fixture.editor.setSource(IPAddress(v4: 0x0a09_0807)) == .done)
    #expect(fixture.insert(at: 1, [7, 7, 7]) == .done)
    #expect(fixture.isValid([AnomalySet(.tcpChecksumInvalid), AnomalySet(.ipChecksumInvalid)]))
    #expect(fixture.editor.removePayload(at: 1, count: 3) == .done)
    #expect(fixture.editor.setSource(IPAddress(v4: 0x0a00_0001)) == .done)
    #expect(fixture.frame == builder.tcpFrame)
  }

  @Test("a UDP checksum that comes to 0 is sent as 0xffff")
  func udpZero() {
    let form = PacketForm.ipv4UDP
    var builder = form.builder(payload: [0, 0, 1, 2])
    let fixture = EditorFixture(form.frame(builder))
    // The word that is the checksum of the rest makes the sum 0xffff.
    let checksum = Array(form.frame(builder)[40..<42])
    #expect(fixture.overwrite(at: 0, with: checksum) == .done)
    builder.payload = checksum + [1, 2]
    #expect(Array(fixture.frame[40..<42]) == [0xff, 0xff])
    #expect(fixture.frame == form.frame(builder) && fixture.isValid())
  }

  @Test("a UDP datagram that ends before its IP datagram: the surplus stays, and the length cannot change")
  func surplus() {
    var builder = PacketBuilder(payload: [1, 2, 3, 4, 5, 6])
    builder.udpLength = 11
    for frame in [builder.udpFrame, builder.v6.ethernet(builder.v6.udp)] {
      let fixture = EditorFixture(frame)
      #expect(fixture.outcome == .done && fixture.payload == [1, 2, 3])
      #expect(fixture.overwrite(at: 0, with: [9]) == .done && fixture.insert(at: 0, [9]) == .fixedLength)
      #expect(fixture.descriptionIsThatOfTheFrame() && fixture.frame.suffix(5) == [2, 3, 4, 5, 6])
    }
  }

  @Test("Ethernet's padding goes with the first change of length, and stays before")
  func padding() {
    let builder = PacketBuilder(payload: [1])
    let fixture = EditorFixture(builder.tcpFrame + [0, 0, 0, 0, 0])
    #expect(fixture.editor.setSequence(5) == .done)
    #expect(fixture.editor.frameLength == 60)
    #expect(fixture.insert(at: 1, [2]) == .done)
    #expect(fixture.editor.frameLength == 56 && fixture.payload == [1, 2] && fixture.isValid())
  }

  @Test("the urgent pointer stays behind its byte", arguments: [(3, 8), (4, 8), (5, 5), (9, 5)])
  func urgentPointer(offset: Int, expected: UInt16) {
    var builder = PacketBuilder(payload: [0, 1, 2, 3, 4, 5, 6, 7])
    builder.flags = 0x38
    builder.urgentPointer = 5
    let fixture = EditorFixture(builder.tcpFrame)
    let outcome = fixture.insert(at: offset, [9, 9, 9])
    #expect(outcome == (offset > 8 ? .outsidePayload : .done))
    let harness = DecoderHarness()
    harness.decode(fixture.frame)
    #expect(harness.packet.urgentPointer == expected && fixture.isValid())
  }

  @Test("the address in a routing header is what the checksum covers, not the next hop's")
  func routingHeader() {
    var builder = PacketBuilder(payload: [1, 2, 3]).v6
    let last = [UInt8](repeating: 0x11, count: 16)
    builder.destination = last
    let segment = builder.segment
    builder.destination = PacketBuilder.v6Destination
    // Type 2 with one address left (RFC 6275 6.4).
    let routing: [UInt8] = [6, 2, 2, 1, 0, 0, 0, 0] + last
    let fixture = EditorFixture(builder.ethernet(builder.ip(43, routing + segment)))
    #expect(fixture.outcome == .done && fixture.isValid())
    #expect(fixture.editor.setDestination(IPAddress(high: 5, low: 6)) == .done && fixture.isValid())
    #expect(fixture.editor.setSource(IPAddress(high: 7, low: 8)) == .done && fixture.isValid())
    #expect(fixture.insert(at: 3, [4, 5]) == .done && fixture.isValid() && fixture.payload == [1, 2, 3, 4, 5])
  }

  @Test("one editor takes packet after packet, also where the frame lies in its buffer already")
  func reuse() {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 200, alignment: 16)
    defer { memory.deallocate() }
    var editor = PacketEditor(buffer: memory)
    var decoder = PacketDecoder(configuration: DecoderConfiguration())
    for value in UInt8(0)..<5 {
      let frame = PacketBuilder(payload: [value, value]).tcpFrame
      memory.copyBytes(from: frame)
      var packet = DecodedPacket(frame: UnsafeRawPointer(memory.baseAddress!))
      decoder.decode(
        CapturedFrame(
          bytes: UnsafeRawPointer(memory.baseAddress!), capturedLength: 56, wireLength: 56,
          timestamp: Timestamp(nanoseconds: 0), linkType: .ethernet), number: 1, into: &packet)
      #expect(editor.load(packet) == .done)
      #expect(editor.removePayload(at: 0, count: 1) == .done)
      editor.describe(into: &packet)
      #expect(packet.payloadLength == 1 && packet.payload.load(as: UInt8.self) == value)
    }
  }
}
