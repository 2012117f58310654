import MOSCore

/// The input is a frame and changes to it: a byte that chooses its link type, one of room behind it in the buffer, two of
/// its length, its bytes, and then eight bytes a change (see `EditRun.change`).
let editTarget = Target(
  name: "edit",
  run: { data, size in
    guard let data, size >= 4 else { return 0 }
    let input = UnsafeRawPointer(data)
    let end = 4 + min(Int(input.loadBE16(at: 2)), size - 4)
    let linkType = LinkType.allCases[Int(input.load8(at: 0)) % LinkType.allCases.count]
    let frame = [UInt8](UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(start: input, count: size)[4..<end]))
    var run = EditRun(frame: frame, linkType: linkType, room: Int(input.load8(at: 1)) * 8)
    guard run.isLoaded else { return 0 }
    var position = end
    while size - position >= 8 {
      run.change(input + position)
      position += 8
    }
    return 0
  },
  seeds: { capture in
    frames(of: capture, atMost: 30).filter { $0.bytes.count <= 1600 }.map { frame in
      let index = LinkType.allCases.firstIndex(of: frame.linkType)!
      let start = [UInt8(index), 20, UInt8(frame.bytes.count >> 8), UInt8(frame.bytes.count & 0xff)]
      let changes: [UInt8] = (UInt8(0)..<12).flatMap { kind -> [UInt8] in [kind, 0, 3, 0, 2, 5, kind &* 29, 77] }
      return start + frame.bytes + changes
    }
  })

/// A packet editor, and the frame that it must hold, changed in the plainest way.
struct EditRun: ~Copyable {
  private let memory: UnsafeMutableRawBufferPointer
  private let linkType: LinkType
  private var decoder = PacketDecoder(configuration: Self.configuration(tunnels: [.mpls, .pppoe]))
  private var editor: PacketEditor
  private var expected: EditedFrame
  /// What `describe` fills.
  private var described: DecodedPacket
  private let anomalies: AnomalySet
  private let residues: [Int]
  let isLoaded: Bool

  init(frame: [UInt8], linkType: LinkType, room: Int) {
    self.linkType = linkType
    memory = .allocate(byteCount: frame.count + room, alignment: 1)
    var editor = PacketEditor(buffer: memory)
    var all = PacketDecoder(configuration: Self.configuration(tunnels: .all))
    let (outcome, packet, edited) = all.decoding(frame, linkType) { packet in
      // The plain way of changing frames knows TCP and UDP.
      let isKnown = packet.kind != .icmp && packet.kind != .icmpv6
      let outcome = isKnown ? editor.load(packet) : .notSupported
      return (outcome, packet, outcome == .done ? EditedFrame(frame, packet) : nil)
    }
    isLoaded = outcome == .done
    described = packet
    expected = edited ?? EditedFrame()
    residues = expected.residues
    anomalies = decoder.decoding(frame, linkType) { $0.anomalies }
    if isLoaded {
      precondition(editor.frame.elementsEqual(frame), "the editor holds another frame")
    } else {
      precondition(editor.frame.isEmpty && editor.payload.isEmpty && editor.setTimeToLive(1) == .noPacket)
    }
    self.editor = editor
  }

  deinit { memory.deallocate() }

  /// Ports and payloads can be changed so that they look like those of a tunnel: what is changed is decoded without.
  private static func configuration(tunnels: TunnelSet) -> DecoderConfiguration {
    var configuration = DecoderConfiguration()
    configuration.tunnels = tunnels
    configuration.reassembleFragments = false
    configuration.maximumFragmentedDatagrams = 1
    return configuration
  }

  /// Makes a change: one byte of kind, two of offset, two of count, one of length, two of value.
  mutating func change(_ bytes: UnsafeRawPointer) {
    let before = Array(editor.frame)
    let outcome = perform(bytes)
    guard outcome == .done else {
      precondition(editor.frame.elementsEqual(before), "a refused change changed the frame")
      return
    }
    precondition(expected.isSame(Array(editor.frame)), "the frame is not what was asked for")
    precondition(expected.residues == residues, "a checksum is wrong by another amount than before")
    precondition(editor.payload.elementsEqual(expected.payload))
    editor.describe(into: &described)
    let (anomalies, described) = (anomalies, described)
    decoder.decoding(expected.bytes, linkType) { packet in
      precondition(packet.anomalies == anomalies, "decoded with other anomalies: \(packet.anomalies), \(anomalies)")
      precondition(EditedFrame.offsets(packet) == EditedFrame.offsets(described), "described otherwise than decoded")
      precondition(EditedFrame.fields(packet) == EditedFrame.fields(described), "described otherwise than decoded")
      precondition(packet.key == described.key && packet.kind == described.kind, "described otherwise")
    }
  }

  private mutating func perform(_ bytes: UnsafeRawPointer) -> PacketEditOutcome {
    let kind = bytes.load8(at: 0) % 12
    let offset = Int(bytes.loadBE16(at: 1))
    let value = bytes.loadBE16(at: 6)
    let word = UInt32(value) << 16 | UInt32(offset)
    let network = expected.network
    let transport = expected.transport
    switch kind {
    case 0, 1:
      let isV6 = bytes.load8(at: 5) & 1 != 0
      let address = isV6 ? IPAddress(high: UInt64(word) << 20, low: UInt64(value)) : IPAddress(v4: word)
      let outcome = kind == 0 ? editor.setSource(address) : editor.setDestination(address)
      precondition((outcome == .wrongAddressFamily) == (isV6 != expected.isV6))
      if isV6 {
        put(outcome, address.high, at: network + (kind == 0 ? 8 : 24))
        return put(outcome, address.low, at: network + (kind == 0 ? 16 : 32))
      }
      return put(outcome, word, at: network + (kind == 0 ? 12 : 16))
    case 2: return put(editor.setSourcePort(value), value, at: transport)
    case 3: return put(editor.setDestinationPort(value), value, at: transport + 2)
    case 4: return put(editor.setSequence(word), word, at: transport + 4)
    case 5: return put(editor.setAcknowledgment(word), word, at: transport + 8)
    case 6: return put(editor.setWindow(value), value, at: transport + 14)
    case 7:
      let time = bytes.load8(at: 7)
      return put(editor.setTimeToLive(time), time, at: network + (expected.isV6 ? 7 : 8))
    case 8:
      let outcome = editor.moveSACKBlocks(left: Int32(bitPattern: word), right: Int32(value))
      if outcome == .done { expected.moveSACKBlocks(left: word, right: UInt32(value)) }
      return outcome
    default:
      // Words of zeros and of ones are special to a checksum.
      let isPlain = value == 0 || value == .max
      let new = (0..<bytes.load8(at: 5)).map { isPlain ? bytes.load8(at: 7) : $0 ^ bytes.load8(at: 7) }
      let mtu = bytes.load8(at: 3) & 0x40 == 0 ? 1500 : 70_000
      return replace(kind, at: offset, count: Int(bytes.loadBE16(at: 3)), new, mtu: mtu)
    }
  }

  @discardableResult
  private mutating func put<Value: FixedWidthInteger>(
    _ outcome: PacketEditOutcome, _ value: Value, at offset: Int
  ) -> PacketEditOutcome {
    if outcome == .done { expected.put(value, at: offset) }
    return outcome
  }

  private mutating func replace(
    _ kind: UInt8, at offset: Int, count: Int, _ new: [UInt8], mtu: Int
  ) -> PacketEditOutcome {
    // Mostly inside of the payload.
    let offset = offset & 0x8000 == 0 ? offset % (expected.payloadLength + 1) : offset
    let count = kind == 9 ? new.count : count & 0x8000 == 0 ? count % (expected.payloadLength + 1) : count
    let outcome = new.withUnsafeBytes { bytes in
      kind == 9
        ? editor.overwritePayload(at: offset, with: bytes)
        : editor.replacePayload(at: offset, count: count, with: bytes, mtu: mtu)
    }
    let isInside = offset + count <= expected.payloadLength
    precondition(isInside == (outcome != .outsidePayload), "bytes outside of the payload")
    guard outcome == .done else { return outcome }
    if new.count > count {
      precondition(expected.ipLength + new.count - count <= mtu, "the datagram is longer than the MTU")
    }
    expected.replacePayload(at: offset, count: count, with: new)
    return outcome
  }
}

extension PacketDecoder {
  /// Decodes a frame, the end of which is the end of memory. The packet is valid in `body`.
  fileprivate mutating func decoding<Result>(
    _ frame: [UInt8], _ linkType: LinkType, _ body: (DecodedPacket) -> Result
  ) -> Result {
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: frame.count, alignment: 1)
    defer { bytes.deallocate() }
    bytes.copyBytes(from: frame)
    let base = UnsafeRawPointer(bytes.baseAddress!)
    var packet = DecodedPacket(frame: base)
    beginBurst()
    decode(
      CapturedFrame(
        bytes: base, capturedLength: UInt32(frame.count), wireLength: UInt32(frame.count),
        timestamp: Timestamp(nanoseconds: 0), linkType: linkType),
      number: 1, into: &packet)
    return body(packet)
  }
}
