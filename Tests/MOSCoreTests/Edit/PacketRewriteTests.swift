import MOSCore
import TestSupport
import Testing

@Suite("Changing both ends of a packet at once")
struct PacketRewriteTests {
  /// What a frame becomes where it lies, and what is said of it then.
  private func apply(_ rewrite: FlowRewrite, to frame: [UInt8]) -> (PacketEditOutcome, [UInt8], DecodedPacket) {
    var frame = frame
    var rewrite = rewrite
    return frame.withUnsafeMutableBytes { bytes in
      var decoder = PacketDecoder(configuration: DecoderConfiguration())
      var packet = DecodedPacket(frame: bytes.baseAddress!)
      let captured = CapturedFrame(
        bytes: UnsafeRawPointer(bytes.baseAddress!), capturedLength: UInt32(bytes.count),
        wireLength: UInt32(bytes.count), timestamp: Timestamp(nanoseconds: 0), linkType: .ethernet)
      decoder.decode(captured, number: 1, into: &packet)
      let outcome = withUnsafeMutablePointer(to: &packet) { packet in
        UnsafePointer(packet).hasRewritableEnds
          ? withUnsafePointer(to: &rewrite) { packet.apply($0) } : PacketEditOutcome.notSupported
      }
      return (outcome, Array(bytes), packet)
    }
  }

  private func ends(_ builder: PacketBuilder) -> IPv4Ends {
    func number(_ bytes: [UInt8]) -> UInt32 { bytes.reduce(0) { $0 << 8 | UInt32($1) } }
    return IPv4Ends(
      source: number(builder.source), sourcePort: builder.sourcePort, destination: number(builder.destination),
      destinationPort: builder.destinationPort)
  }

  @Test("Whatever the ends, both directions become what a host with the new ends would have sent")
  func random() {
    var generator = SystemRandomNumberGenerator()
    for round in 0..<2_000 {
      func any() -> UInt8 { round % 3 == 0 ? [0, 0xff, 1].randomElement(using: &generator)! : .random(in: 0...255) }
      var old = PacketBuilder(payload: (0..<Int.random(in: 0...5)).map { _ in any() })
      (old.source, old.destination) = ((0..<4).map { _ in any() }, (0..<4).map { _ in any() })
      (old.sourcePort, old.destinationPort) = (.random(in: 0...65_535), .random(in: 0...65_535))
      old.timeToLive = .random(in: 2...255)
      var new = old
      (new.source, new.destination) = ((0..<4).map { _ in any() }, (0..<4).map { _ in any() })
      (new.sourcePort, new.destinationPort) = (.random(in: 0...65_535), .random(in: 0...65_535))
      let isHop = Bool.random()
      let rewrite = FlowRewrite(from: ends(old), to: ends(new), isHop: isHop)
      for (before, after) in [(old, new), (new.reversed, old.reversed)] where ends(old) != ends(new.reversed) {
        var after = after
        if isHop { after.timeToLive -= 1 }
        for (frame, expected) in [(before.udpFrame, after.udpFrame), (before.tcpFrame, after.tcpFrame)] {
          let (outcome, bytes, packet) = apply(rewrite, to: frame)
          // Ports of a tunnel inside of which the decoder looks.
          if outcome == .notSupported { continue }
          #expect(outcome == .done && bytes == expected)
          #expect(packet.timeToLive == after.timeToLive && ends(after) == IPv4Ends(packet.key))
        }
      }
    }
  }

  @Test("A UDP checksum that was left out stays out, and none becomes 0")
  func udpChecksum() {
    var builder = PacketBuilder(payload: [1, 2])
    builder.udpChecksum = 0
    var new = builder
    new.source = [192, 0, 2, 7]
    let rewrite = FlowRewrite(from: ends(builder), to: ends(new), isHop: false)
    #expect(apply(rewrite, to: builder.udpFrame).1 == new.udpFrame)
  }

  @Test("Other ends, and a time to live at its end, change nothing")
  func refused() {
    var builder = PacketBuilder(payload: [1, 2])
    var new = builder
    new.source = [192, 0, 2, 7]
    let rewrite = FlowRewrite(from: ends(builder), to: ends(new), isHop: true)
    for timeToLive in [0, 1] as [UInt8] {
      builder.timeToLive = timeToLive
      let (outcome, bytes, _) = apply(rewrite, to: builder.udpFrame)
      #expect(outcome == .timeToLiveExceeded && bytes == builder.udpFrame)
    }
    builder.timeToLive = 64
    builder.sourcePort += 1
    let (outcome, bytes, _) = apply(rewrite, to: builder.udpFrame)
    #expect(outcome == .otherEnds && bytes == builder.udpFrame)
  }
}

extension IPv4Ends {
  fileprivate init(_ key: FlowKey) {
    self.init(
      source: UInt32(truncatingIfNeeded: key.source.low), sourcePort: key.sourcePort,
      destination: UInt32(truncatingIfNeeded: key.destination.low), destinationPort: key.destinationPort)
  }
}
