import MOSCore
import TestSupport
import Testing

@Suite("Making ICMP errors (RFC 1812 4.3, RFC 4443 2.4)")
struct ICMPErrorTests {
  private static let router4 = IPAddress(v4: 0xc000_0201)
  private static let bytes4: [UInt8] = [192, 0, 2, 1]
  private static let router6 = IPAddress(high: 0xfd00 << 48, low: 1)
  private static let bytes6: [UInt8] = be(0xfd00 << 48 as UInt64) + be(1 as UInt64)

  /// Describes the last of some frames, as the decoder does that has seen those before it.
  private static func decoded<Result>(_ frames: [[UInt8]], _ body: (DecodedPacket) -> Result) -> Result {
    var decoder = PacketDecoder(configuration: DecoderConfiguration())
    for frame in frames.dropLast() { decode(frame, &decoder) { _ in } }
    return decode(frames.last!, &decoder, body)
  }

  @discardableResult
  private static func decode<Result>(
    _ frame: [UInt8], _ decoder: inout PacketDecoder, _ body: (DecodedPacket) -> Result
  ) -> Result {
    // Up to a page that cannot be read.
    let memory = GuardedBytes(frame[...])
    var packet = DecodedPacket(frame: memory.base)
    decoder.beginBurst()
    decoder.decode(
      CapturedFrame(
        bytes: memory.base, capturedLength: UInt32(frame.count), wireLength: UInt32(frame.count),
        timestamp: Timestamp(nanoseconds: 0), linkType: .ethernet), number: 1, into: &packet)
    return withExtendedLifetime(memory) { body(packet) }
  }

  /// The error about the last of some frames, from a buffer of `capacity` bytes that ends before a page that cannot be written.
  private static func error(
    _ error: ICMPError = .timeExceeded, about frames: [UInt8]..., from source: IPAddress = router4,
    capacity: Int = 1_280
  ) -> [UInt8]? {
    let memory = GuardedBytes([UInt8](repeating: 0xa5, count: capacity)[...])
    let buffer = UnsafeMutableRawBufferPointer(start: memory.base, count: capacity)
    let length = decoded(frames) { error.write(about: $0, from: source, into: buffer) }
    guard let length else {
      #expect(buffer.allSatisfy { $0 == 0xa5 })
      return nil
    }
    return Array(buffer[..<length])
  }

  private static let kinds: [(ICMPError, (UInt8, UInt8, UInt32), (UInt8, UInt8, UInt32))] = [
    (.timeExceeded, (11, 0, 0), (3, 0, 0)), (.networkUnreachable, (3, 0, 0), (1, 0, 0)),
    (.hostUnreachable, (3, 1, 0), (1, 3, 0)), (.portUnreachable, (3, 3, 0), (1, 4, 0)),
    (.administrativelyProhibited, (3, 13, 0), (1, 1, 0)), (.packetTooBig(mtu: 1_400), (3, 4, 1_400), (2, 0, 1_400)),
    (.packetTooBig(mtu: 70_000), (3, 4, 65_535), (2, 0, 70_000)),
  ]

  @Test("each has its type, code and MTU, and quotes the packet as it came", arguments: [0, 1, 600, 1_400])
  func messages(payload: Int) {
    var builder = PacketBuilder(payload: [UInt8](repeating: 0x5a, count: payload))
    builder.ipOptions = [7, 4, 0, 0]
    for (error, v4, v6) in Self.kinds {
      #expect(
        Self.error(error, about: builder.udpFrame)
          == PacketBuilder.error(type: v4.0, code: v4.1, rest: v4.2, from: Self.bytes4, about: builder.udp))
      #expect(
        Self.error(error, about: builder.v6.tcpFrame, from: Self.router6)
          == PacketBuilder.error(type: v6.0, code: v6.1, rest: v6.2, from: Self.bytes6, about: builder.v6.tcp))
    }
  }

  @Test("the type of service is the packet's, with the precedence of internetwork control and without ECN")
  func typeOfService() {
    var frame = PacketBuilder().udpFrame
    frame[15] = 0x3b
    frame.replaceSubrange(24..<26, with: [0, 0])
    frame.replaceSubrange(24..<26, with: be(internetChecksum(Array(frame[14..<34]))))
    #expect(Self.error(about: frame)?[1] == 0xd8)
  }

  @Test("padding behind the datagram is not quoted")
  func padding() {
    let builder = PacketBuilder(payload: [1])
    let error = PacketBuilder.error(type: 11, code: 0, from: Self.bytes4, about: builder.udp)
    #expect(Self.error(about: builder.udpFrame + [UInt8](repeating: 0, count: 17)) == error)
  }

  @Test("RFC 1122 3.2.2: none about an error, a packet to a group or to all, or one of no single host")
  func notAboutV4() {
    let builder = PacketBuilder(payload: [1, 2, 3])
    #expect(Self.error(about: builder.udpFrame) != nil)
    for type in [3, 4, 5, 11, 12] as [UInt8] {
      #expect(Self.error(about: builder.ethernet(builder.ip(1, builder.icmp(type: type)))) == nil)
    }
    for type in [0, 8] as [UInt8] {
      #expect(Self.error(about: builder.ethernet(builder.ip(1, builder.icmp(type: type)))) != nil)
    }
    for destination in [[224, 0, 0, 1], [239, 1, 1, 1], [255, 255, 255, 255], [240, 0, 0, 1]] as [[UInt8]] {
      var other = builder
      other.destination = destination
      #expect(Self.error(about: other.udpFrame) == nil)
    }
    for source in [[0, 0, 0, 0], [0, 1, 2, 3], [127, 0, 0, 1], [224, 0, 0, 1], [255, 255, 255, 255]] as [[UInt8]] {
      var other = builder
      other.source = source
      #expect(Self.error(about: other.udpFrame) == nil)
    }
    var frame = builder.udpFrame
    frame[0] = 1
    #expect(Self.error(about: frame) == nil)
    frame.replaceSubrange(0..<6, with: [UInt8](repeating: 0xff, count: 6))
    #expect(Self.error(about: frame) == nil)
  }

  @Test("RFC 1122 3.2.2: none about a fragment but the first")
  func fragments() {
    let builder = PacketBuilder(payload: [UInt8](repeating: 1, count: 100))
    let fragments = builder.fragments(17, builder.datagram, size: 40).map { builder.ethernet($0) }
    #expect(Self.error(about: fragments[0]) != nil)
    #expect(Self.error(about: fragments[1]) == nil)
    let six = builder.v6.v6Fragments(17, builder.v6.datagram, size: 40).map { builder.v6.ethernet($0) }
    #expect(Self.error(about: six[0], from: Self.router6) != nil)
    #expect(Self.error(about: six[1], from: Self.router6) == nil)
    // One that completes its datagram stands for that.
    #expect(Self.error(about: fragments[0], fragments[1], fragments[2]) != nil)
  }

  @Test(
    "RFC 4443 2.4 e: none about an error, a redirect, a group, or of no single host; a group is told what is too long")
  func notAboutV6() {
    let builder = PacketBuilder(payload: [1, 2, 3]).v6
    func error(_ frame: [UInt8], _ kind: ICMPError = .timeExceeded) -> [UInt8]? {
      Self.error(kind, about: frame, from: Self.router6)
    }
    for type in [1, 2, 3, 4, 100, 127, 137] as [UInt8] {
      #expect(error(builder.ethernet(builder.ip(58, builder.icmp(type: type)))) == nil)
    }
    #expect(error(builder.ethernet(builder.ip(58, builder.icmp(type: 128)))) != nil)
    for (high, low) in [(0, 0), (0, 1), (0xff02 << 48, 1)] as [(UInt64, UInt64)] {
      var other = builder
      other.source = be(high) + be(low)
      #expect(error(other.udpFrame) == nil)
    }
    var group = builder
    group.destination = be(0xff02 << 48 as UInt64) + be(1 as UInt64)
    var frame = group.udpFrame
    frame.replaceSubrange(0..<6, with: [0x33, 0x33, 0, 0, 0, 1])
    #expect(error(frame) == nil)
    #expect(error(frame, .packetTooBig(mtu: 1_280)) != nil)
  }

  @Test(
    "none about what is no IP packet or lies in a tunnel, a header with a wrong checksum, or from the other version")
  func refused() {
    var builder = PacketBuilder(payload: [1])
    #expect(Self.error(about: PacketBuilder.ethernet([UInt8](repeating: 0, count: 46), type: 0x0806)) == nil)
    #expect(Self.error(about: builder.ethernet(builder.ip(4, builder.udp))) == nil)
    #expect(Self.error(about: builder.udpFrame, from: Self.router6) == nil)
    #expect(Self.error(about: builder.v6.udpFrame) == nil)
    #expect(Self.error(about: builder.udpFrame, capacity: 20 + 8 + 28) == nil)
    #expect(Self.error(about: builder.udpFrame, capacity: 20 + 8 + 29) != nil)
    builder.ipChecksum = 1
    #expect(Self.error(about: builder.udpFrame) == nil)
  }

  @Test("bytes that are not what they say make no error that is longer than there are bytes", arguments: [4, 6])
  func cutOff(version: Int) {
    let builder = version == 4 ? PacketBuilder(payload: [1, 2, 3]) : PacketBuilder(payload: [1, 2, 3]).v6
    for count in 14..<builder.udpFrame.count {
      let error = Self.error(
        about: Array(builder.udpFrame.prefix(count)), from: version == 4 ? Self.router4 : Self.router6)
      if let error { #expect(error.count <= count - 14 + (version == 4 ? 28 : 48)) }
    }
  }

  @Test(
    "what goes back has the frame's addresses exchanged, and its VLANs", arguments: [[], [7], [7, 8]] as [[UInt16]])
  func link(vlans: [UInt16]) {
    let builder = PacketBuilder(payload: [1])
    let frame = builder.ethernet(builder.udp, vlans: vlans)
    let memory = GuardedBytes([UInt8](repeating: 0, count: 14 + 4 * vlans.count)[...])
    let buffer = UnsafeMutableRawBufferPointer(start: memory.base, count: 14 + 4 * vlans.count)
    let length = Self.decoded([frame]) { $0.writeReturningLink(etherType: EtherType.ipv6, into: buffer) }
    #expect(length == 14 + 4 * vlans.count)
    let tags = vlans.flatMap { be(0x8100 as UInt16) + be($0) }
    #expect(Array(buffer) == Array(frame[6..<12]) + Array(frame[0..<6]) + tags + be(0x86dd as UInt16))
  }

  @Test("an echo request is answered by whom it was sent to, with its bytes", arguments: [0, 1, 1_400])
  func echo(payload: Int) {
    for (builder, request, reply) in [
      (PacketBuilder(payload: [UInt8](repeating: 9, count: payload)), 8, 0),
      (PacketBuilder(payload: [UInt8](repeating: 9, count: payload)).v6, 128, 129),
    ] as [(PacketBuilder, UInt8, UInt8)] {
      let number: UInt8 = builder.isV6 ? 58 : 1
      func answer(_ frame: [UInt8]) -> [UInt8]? {
        let memory = GuardedBytes([UInt8](repeating: 0, count: 1_500)[...])
        let buffer = UnsafeMutableRawBufferPointer(start: memory.base, count: 1_500)
        return Self.decoded([frame]) { $0.writeEchoReply(into: buffer) }.map { Array(buffer[..<$0]) }
      }
      var expected = builder.reversed
      expected.identification = 0
      let message = builder.ip(number, builder.icmp(type: request))
      #expect(
        answer(builder.ethernet(message)) == expected.ip(number, expected.icmp(type: reply), fragment: 0))
      #expect(answer(builder.ethernet(builder.ip(number, builder.icmp(type: reply)))) == nil)
      #expect(answer(builder.udpFrame) == nil)
      var wrong = message
      wrong[wrong.count - 1] ^= 1
      #expect(answer(builder.ethernet(wrong)) == nil)
    }
  }
}
