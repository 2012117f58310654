import MOSCore
import MTCP

/// The input is the options part of a TCP header, of any length.
let optionsTarget = Target(
  name: "options",
  run: { data, size in
    guard let data else { return 0 }
    // A header has room for 40 bytes.
    let length = min(size, 40)
    let copy = UnsafeMutableRawPointer.allocate(byteCount: length, alignment: 1)
    defer { copy.deallocate() }
    copy.copyMemory(from: data, byteCount: length)
    let options = TCPOptions(copy, length: length)
    precondition(options.sackBlockCount <= 4)
    precondition(options.windowScale <= 14 || options.windowScale == 255 || options.windowScaleTooLarge)
    return 0
  },
  seeds: { capture in
    var decoder = PacketDecoder(configuration: DecoderConfiguration())
    var seeds: [[UInt8]] = [
      [2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 3, 3, 7], [1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 9],
    ]
    for frame in frames(of: capture, atMost: 30) {
      frame.bytes.withUnsafeBytes { bytes in
        guard let base = bytes.baseAddress else { return }
        var packet = DecodedPacket(frame: base)
        decoder.beginBurst()
        let captured = CapturedFrame(
          bytes: base, capturedLength: UInt32(bytes.count), wireLength: UInt32(bytes.count),
          timestamp: Timestamp(nanoseconds: 0), linkType: frame.linkType)
        decoder.decode(captured, number: 1, into: &packet)
        if packet.kind == .tcp, packet.tcpHeaderLength > 20 {
          let options = UnsafeRawBufferPointer(start: packet.transport + 20, count: Int(packet.tcpHeaderLength) - 20)
          seeds.append([UInt8](options))
        }
      }
    }
    return seeds
  })
