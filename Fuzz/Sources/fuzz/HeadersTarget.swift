import MOSCore

/// The input is a list of frames for one decoder: a byte of settings, then for each frame a byte that chooses its link
/// type, two of length, and its bytes.
let headersTarget = Target(
  name: "headers",
  run: { data, size in
    guard let data, size > 1 else { return 0 }
    let input = UnsafeRawPointer(data)
    let settings = input.load8(at: 0)
    var configuration = DecoderConfiguration()
    configuration.verifyChecksums = settings & 1 != 0
    configuration.reassembleFragments = settings & 2 == 0
    configuration.maximumTunnelDepth = settings & 4 == 0 ? 4 : 255
    configuration.maximumFragmentedDatagrams = settings & 8 == 0 ? 4096 : 2
    configuration.minimumTimeToLive = settings & 16 == 0 ? 0 : 5
    var decoder = PacketDecoder(configuration: configuration)
    var position = 1
    var number: UInt64 = 0
    while size - position >= 3 {
      let linkType = LinkType.allCases[Int(input.load8(at: position)) % LinkType.allCases.count]
      let length = min(Int(input.loadBE16(at: position + 1)), size - position - 3)
      position += 3
      // A copy of its own, so that the frame's end is the end of memory.
      let frame = UnsafeMutableRawPointer.allocate(byteCount: length, alignment: 1)
      defer { frame.deallocate() }
      frame.copyMemory(from: input + position, byteCount: length)
      position += length
      number += 1
      if number % 4 == 1 { decoder.beginBurst() }
      var packet = DecodedPacket(frame: frame)
      let captured = CapturedFrame(
        bytes: frame, capturedLength: UInt32(length), wireLength: UInt32(length) + UInt32(settings >> 5),
        timestamp: Timestamp(nanoseconds: Int64(number) * 1_000_000_000), linkType: linkType)
      decoder.decode(captured, number: number, into: &packet)
      precondition(packet.number == number)
      precondition(packet.payloadLength <= packet.payloadWireLength)
      touch(packet.payload, Int(packet.payloadLength))
      if packet.kind == .tcp {
        precondition(packet.tcpHeaderLength >= 20 && packet.tcpHeaderLength <= 60)
        touch(packet.transport, Int(packet.tcpHeaderLength))
      }
      if packet.kind == .malformed { precondition(packet.anomalies.rawValue != 0) }
    }
    return 0
  },
  seeds: { capture in
    var seeds: [[UInt8]] = []
    for frame in frames(of: capture, atMost: 30) where frame.bytes.count <= 2000 {
      seeds.append([1] + headersRecord(frame.linkType, frame.bytes))
    }
    // Fragments need each other.
    let together = frames(of: capture, atMost: 6).filter { $0.bytes.count <= 1600 }
    seeds.append([1] + together.flatMap { headersRecord($0.linkType, $0.bytes) })
    return seeds
  })

private func headersRecord(_ linkType: LinkType, _ bytes: [UInt8]) -> [UInt8] {
  let index = LinkType.allCases.firstIndex(of: linkType)!
  return [UInt8(index), UInt8(bytes.count >> 8), UInt8(bytes.count & 0xff)] + bytes
}
