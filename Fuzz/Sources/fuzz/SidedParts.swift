import MOSCore

/// What two sides send, part by part: each has two bytes before it, of which the highest bit is the side and the rest the
/// length. A part without bytes was lost.
struct SidedParts {
  private var parts: [(side: Side, bytes: [UInt8])] = []

  init(_ input: UnsafeRawBufferPointer) {
    var rest = input[...]
    while rest.count >= 2 {
      let head = [UInt8](rest.prefix(2))
      rest = rest.dropFirst(2)
      let count = min(Int(head[0] & 0x7f) << 8 | Int(head[1]), rest.count)
      parts.append((head[0] & 0x80 == 0 ? .client : .server, [UInt8](rest.prefix(count))))
      rest = rest.dropFirst(count)
    }
  }

  /// Hands the parts out; `length` says how many of the bytes that are left of one come in the next piece.
  func play(_ length: (Int) -> Int, _ body: (UnsafeRawBufferPointer, Side) -> Void) {
    for part in parts {
      if part.bytes.isEmpty { body(UnsafeRawBufferPointer(start: nil, count: 0), part.side) }
      var rest = part.bytes[...]
      while !rest.isEmpty {
        // At least one: a piece without bytes would be a loss.
        let count = max(1, length(rest.count))
        // A copy, which the sanitizer watches.
        Array(rest.prefix(count)).withUnsafeBytes { body($0, part.side) }
        rest = rest.dropFirst(count)
      }
    }
  }

  /// The payloads of a capture's first packets that are wanted, and go to or come from a port if one is given.
  static func seed(of capture: String, port: UInt16? = nil, _ isWanted: (UnsafeRawBufferPointer) -> Bool) -> [UInt8] {
    var input: [UInt8] = []
    for frame in frames(of: capture, atMost: 200) where !frame.bytes.isEmpty {
      guard let (key, payload) = payload(of: frame) else { continue }
      if let port, key.sourcePort != port, key.destinationPort != port { continue }
      if !payload.withUnsafeBytes(isWanted) { continue }
      let isServer = key.sourcePort < key.destinationPort
      let bytes = payload.prefix(0x7fff)
      input += [UInt8(bytes.count >> 8) | (isServer ? 0x80 : 0), UInt8(bytes.count & 0xff)] + bytes
      if input.count > 6000 { break }
    }
    return input
  }

  /// A frame's addresses and what it carries of TCP or UDP.
  private static func payload(of frame: (linkType: LinkType, bytes: [UInt8])) -> (FlowKey, [UInt8])? {
    frame.bytes.withUnsafeBytes { bytes in
      var configuration = DecoderConfiguration()
      configuration.verifyChecksums = false
      var decoder = PacketDecoder(configuration: configuration)
      var packet = DecodedPacket(frame: bytes.baseAddress!)
      let captured = CapturedFrame(
        bytes: bytes.baseAddress!, capturedLength: UInt32(bytes.count), wireLength: UInt32(bytes.count),
        timestamp: Timestamp(nanoseconds: 0), linkType: frame.linkType)
      decoder.decode(captured, number: 1, into: &packet)
      guard packet.kind == .tcp || packet.kind == .udp, packet.payloadLength > 0 else { return nil }
      let payload = UnsafeRawBufferPointer(start: packet.payload, count: Int(packet.payloadLength))
      return (packet.key, [UInt8](payload))
    }
  }

  /// The same parts with their lengths before them, as DNS has it in streams.
  static func inStreams(_ input: [UInt8]) -> [UInt8] {
    let parts = input.withUnsafeBytes { SidedParts($0).parts }
    return parts.flatMap { part -> [UInt8] in
      let count = part.bytes.count + 2
      return [UInt8(count >> 8) | (part.side == .server ? 0x80 : 0), UInt8(count & 0xff)]
        + [UInt8(part.bytes.count >> 8), UInt8(part.bytes.count & 0xff)] + part.bytes
    }
  }
}
