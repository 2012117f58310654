import MOSCore
import TestSupport
import Testing

@Suite("Making segments from a template")
struct SegmentBuilderTests {
  /// A builder from a frame, as the decoder describes it.
  static func builder(_ frame: [UInt8], linkType: LinkType = .ethernet) -> SegmentBuilder? {
    frame.withUnsafeBytes { bytes in
      var decoder = PacketDecoder(configuration: DecoderConfiguration())
      var packet = DecodedPacket(frame: bytes.baseAddress!)
      decoder.decode(
        CapturedFrame(
          bytes: bytes.baseAddress!, capturedLength: UInt32(frame.count), wireLength: UInt32(frame.count),
          timestamp: Timestamp(nanoseconds: 0), linkType: linkType), number: 1, into: &packet)
      return SegmentBuilder(template: packet)
    }
  }

  /// The built frame, from a buffer of `capacity` bytes that ends before a page that cannot be written.
  static func build(
    _ builder: SegmentBuilder, _ segment: TCPSegment, options: [UInt8] = [], payload: [UInt8] = [],
    capacity: Int = 1600
  ) -> [UInt8]? {
    let memory = GuardedBytes([UInt8](repeating: 0xa5, count: capacity)[...])
    let buffer = UnsafeMutableRawBufferPointer(start: memory.base, count: capacity)
    let length = options.withUnsafeBytes { options in
      payload.withUnsafeBytes { builder.build(segment, options: options, payload: $0, into: buffer) }
    }
    guard let length else {
      #expect(buffer.allSatisfy { $0 == 0xa5 })
      return nil
    }
    #expect(buffer[length...].allSatisfy { $0 == 0xa5 })
    return Array(buffer[..<length])
  }

  static let segments: [TCPSegment] = [
    .reset(sequence: 0xffff_fffe), .reset(sequence: 0, acknowledgment: 77),
    .acknowledgment(sequence: 5, acknowledgment: 6, window: 7),
    .data(sequence: 1, acknowledgment: 2, window: 0xffff), .finish(sequence: 3, acknowledgment: 4, window: 0),
  ]

  @Test("a segment is the one that is made from scratch, both directions", arguments: PacketForm.allCases, segments)
  func segment(form: PacketForm, segment: TCPSegment) throws {
    guard form.isTCP else {
      #expect(Self.builder(form.frame(form.builder(payload: [1]))) == nil)
      return
    }
    var template = form.builder(payload: [1, 2, 3])
    template.tcpOptions = [1, 1, 1, 1]
    template.timeToLive = 3
    let builder = try #require(Self.builder(form.frame(template)))
    for isReversed in [false, true] {
      for (options, payload): ([UInt8], [UInt8]) in [
        ([], []), ([], [1]), ([3, 3, 7], Array(0..<201)), ([UInt8](repeating: 1, count: 40), [5, 6]),
      ] {
        var expected = isReversed ? template.reversed : template
        expected.sequence = segment.sequence
        expected.acknowledgment = segment.acknowledgment
        expected.flags = segment.flags.rawValue
        expected.window = segment.window
        expected.timeToLive = 64
        expected.identification = 0
        expected.ipOptions = []
        expected.tcpOptions = options + [UInt8](repeating: 0, count: (4 - options.count & 3) & 3)
        expected.payload = payload
        var frame = form.frame(expected)
        if isReversed { frame.replaceSubrange(0..<12, with: frame[6..<12] + frame[0..<6]) }
        let direction = isReversed ? builder.reversed : builder
        #expect(Self.build(direction, segment, options: options, payload: payload) == frame)
        #expect(direction.frameLength(optionsLength: options.count, payloadLength: payload.count) == frame.count)
      }
    }
  }

  @Test("the differentiated services code point is kept, congestion marks are not", arguments: [false, true])
  func trafficClass(isV6: Bool) throws {
    let template = isV6 ? PacketBuilder(payload: [1]).v6 : PacketBuilder(payload: [1])
    var frame = template.tcpFrame
    if isV6 { frame.replaceSubrange(14..<16, with: [0x6b, 0xb5]) } else { frame[15] = 0xbb }
    let builder = try #require(Self.builder(frame))
    let built = try #require(Self.build(builder, .reset(sequence: 1)))
    #expect(isV6 ? built[14..<18] == [0x6b, 0x80, 0, 0] : built[15] == 0xb8)
    let harness = DecoderHarness()
    harness.decode(built)
    #expect(harness.packet.isAcceptable && harness.packet.flags == .rst)
  }

  @Test("what does not fit is not built")
  func bounds() throws {
    let builder = try #require(Self.builder(PacketBuilder(payload: [1]).tcpFrame))
    let ack = TCPSegment.acknowledgment(sequence: 1, acknowledgment: 2, window: 3)
    #expect(Self.build(builder, ack, capacity: 54)?.count == 54)
    #expect(Self.build(builder, ack, capacity: 53) == nil)
    #expect(Self.build(builder, ack, payload: [1], capacity: 54) == nil)
    #expect(Self.build(builder, ack, options: .init(repeating: 1, count: 41)) == nil)
    let largest = [UInt8](repeating: 1, count: 65535 - 40)
    #expect(Self.build(builder, ack, payload: largest, capacity: 70000)?.count == 65549)
    #expect(Self.build(builder, ack, payload: largest + [1], capacity: 70000) == nil)
    let v6 = try #require(Self.builder(PacketBuilder(payload: [1]).v6.tcpFrame))
    #expect(Self.build(v6, ack, payload: largest + .init(repeating: 1, count: 20), capacity: 70000) != nil)
    #expect(Self.build(v6, ack, payload: largest + .init(repeating: 1, count: 21), capacity: 70000) == nil)
  }

  @Test("no template: other protocols, tunnels, other link layers, too many tags")
  func noTemplate() {
    let packet = PacketBuilder(payload: [1])
    #expect(Self.builder(packet.udpFrame) == nil)
    #expect(Self.builder(packet.ethernet(packet.ip(4, packet.tcp))) == nil)
    #expect(Self.builder(packet.tcp, linkType: .raw) == nil)
    let pppoe: [UInt8] = [0x11, 0, 0, 5] + be(UInt16(packet.tcp.count + 2)) + [0, 0x21]
    #expect(Self.builder(PacketBuilder.ethernet(pppoe + packet.tcp, type: 0x8864, vlans: [])) == nil)
    #expect(Self.builder(packet.ethernet(packet.tcp, vlans: [1, 2, 3, 4])) != nil)
    #expect(Self.builder(packet.ethernet(packet.tcp, vlans: [1, 2, 3, 4, 5])) == nil)
  }
}
