import Glibc
import MOSCore

/// Bytes that end right before a page that cannot be read: whoever reads one byte too many crashes the test.
final class GuardedBytes {
  let base: UnsafeMutableRawPointer
  private let mapping: UnsafeMutableRawPointer
  private let size: Int
  let count: Int

  init(_ bytes: ArraySlice<UInt8>) {
    count = bytes.count
    size = (bytes.count + 4095) / 4096 * 4096
    mapping = mmap(nil, size + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)!
    mprotect(mapping + size, 4096, PROT_NONE)
    base = mapping + size - bytes.count
    bytes.withUnsafeBytes { base.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(base), byteCount: $0.count) }
  }

  deinit { munmap(mapping, size + 4096) }
}

/// A decoder that is given arrays, and what it made of the last one, copied so that it can be looked at.
final class DecoderHarness {
  var decoder: PacketDecoder
  /// The description of the last packet; its pointers are no longer valid.
  var packet = DecodedPacket(frame: UnsafeRawPointer(bitPattern: 1)!)
  /// The last packet's payload.
  var payload: [UInt8] = []
  /// The last packet from its innermost IP header to the end of its payload; empty when it has none.
  var ipBytes: [UInt8] = []
  private var number: UInt64 = 0

  init(_ configuration: DecoderConfiguration = DecoderConfiguration()) {
    decoder = PacketDecoder(configuration: configuration)
  }

  /// Decodes `bytes` at the packet time `seconds`, in a burst of its own.
  func decode(
    _ bytes: [UInt8], link: LinkType = .ethernet, wireLength: Int? = nil, at seconds: Double = 0,
    hasRightChecksums: Bool = false
  ) {
    decode(bytes[...], link: link, wireLength: wireLength, at: seconds, hasRightChecksums: hasRightChecksums)
  }

  func decode(
    _ bytes: ArraySlice<UInt8>, link: LinkType, wireLength: Int?, at seconds: Double, hasRightChecksums: Bool = false
  ) {
    let guarded = GuardedBytes(bytes)
    number += 1
    decoder.beginBurst()
    var frame = CapturedFrame(
      bytes: UnsafeRawPointer(guarded.base), capturedLength: UInt32(bytes.count),
      wireLength: UInt32(wireLength ?? bytes.count), timestamp: Timestamp(nanoseconds: Int64(seconds * 1e9)),
      linkType: link)
    frame.hasRightChecksums = hasRightChecksums
    decoder.decode(frame, number: number, into: &packet)
    payload = Array(UnsafeRawBufferPointer(start: packet.payload, count: Int(packet.payloadLength)))
    let end = packet.payload + Int(packet.payloadLength)
    ipBytes =
      packet.ipVersion == 0 ? [] : Array(UnsafeRawBufferPointer(start: packet.network, count: end - packet.network))
    if packet.kind == .tcp {
      // What the description promises to be there is there.
      _ = Array(UnsafeRawBufferPointer(start: packet.transport, count: Int(packet.tcpHeaderLength)))
    }
  }

  /// Whether the last packet has `anomaly`.
  func has(_ anomaly: Anomaly) -> Bool { packet.anomalies.contains(anomaly) }
}
