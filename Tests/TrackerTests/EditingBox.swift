import MOSCore
import MTCP
import TestSupport
import Testing

@testable import DualStackTracker

/// A box that inserts bytes into the streams of one connection and removes some, on real frames: what it lets pass is
/// made by `PacketEditor`, and numbers are translated by `SequenceTranslation`, as a middlebox does it.
struct EditingBox: ~Copyable {
  /// An edit that is decided on when its bytes pass for the first time.
  struct Edit {
    /// Position in the original stream.
    var at: Int
    var removed: Int
    var new: [UInt8]
  }

  /// What leaves the box, decoded from the frame.
  struct Passed {
    var sequence: UInt32
    var acknowledgment: UInt32
    var payload: [UInt8]
    var options: TCPOptions
  }

  private(set) var script = TrackerScript(.stepwise)
  private var decoder = PacketDecoder(configuration: DecoderConfiguration())
  private let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 8192, alignment: 16)
  private var editor: PacketEditor
  private var builders: [Side: SegmentBuilder] = [:]
  private var translations: [Side: SequenceTranslation] = [:]
  private var starts: [Side: UInt32] = [:]
  private var edits: [Side: [Edit]]
  private var replacements: [Side: [UInt32: [UInt8]]] = [.client: [:], .server: [:]]
  private var isTranslated = false

  /// A box that makes these edits in the stream that each side sends.
  init(client: [Edit], server: [Edit]) {
    edits = [.client: client, .server: server]
    editor = PacketEditor(buffer: UnsafeMutableRawBufferPointer(rebasing: memory[4096...]))
    var link = [UInt8](repeating: 2, count: 12) + [8, 0]
    link += [0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]
    link += [0x9c, 0x40, 0, 80, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0x10, 0, 0, 0, 0, 0, 0]
    memory.copyBytes(from: link)
    var configuration = DecoderConfiguration()
    configuration.verifyChecksums = false
    var decoder = PacketDecoder(configuration: configuration)
    let template = EditingBox.decode(memory, link.count, &decoder)
    let builder = SegmentBuilder(template: template)!
    builders = [.client: builder, .server: builder.reversed]
  }

  deinit { memory.deallocate() }

  private static func decode(
    _ memory: UnsafeMutableRawBufferPointer, _ length: Int, _ decoder: inout PacketDecoder
  ) -> DecodedPacket {
    let bytes = UnsafeRawPointer(memory.baseAddress!)
    var packet = DecodedPacket(frame: bytes)
    decoder.beginBurst()
    decoder.decode(
      CapturedFrame(
        bytes: bytes, capturedLength: UInt32(length), wireLength: UInt32(length),
        timestamp: Timestamp(nanoseconds: 0), linkType: .ethernet), number: 1, into: &packet)
    return packet
  }

  /// The acknowledgment number that an end sends when it has the peer's original bytes before `number`.
  func received(_ number: UInt32, from side: Side) -> UInt32 {
    translations[side]?.translated(SequenceNumber(number)).rawValue ?? number
  }

  /// How many bytes were inserted so far into what `side` sends, less those removed.
  func growth(_ side: Side) -> Int {
    replacements[side]!.reduce(0) { sum, replacement in
      let at = Int(replacement.key &- starts[side]!)
      return sum + replacement.value.count - (edits[side]!.first { $0.at == at }?.removed ?? 0)
    }
  }

  /// Ends the trace.
  mutating func finish() { script.finish() }

  /// Takes a segment as its sender sends it, and lets it pass; nil when it is dropped.
  mutating func pass(_ segment: ScriptedSegment) -> Passed? {
    var result: Passed?
    var header = TCPSegment(
      sequence: segment.sequence, acknowledgment: segment.acknowledgment, flags: segment.flags, window: segment.window)
    if !segment.flags.contains(.ack) { header.acknowledgment = 0 }
    let length = segment.options.withUnsafeBytes { options in
      segment.payload.withUnsafeBytes { payload in
        builders[segment.sender]!.build(header, options: options, payload: payload, into: memory)
      }
    }
    var packet = EditingBox.decode(memory, length!, &decoder)
    #expect(packet.isAcceptable)
    packet.timestamp = ScriptedSegment.timestamp(segment.time)
    packet.clock = packet.timestamp
    if segment.flags.contains(.syn) {
      starts[segment.sender] = segment.sequence &+ 1
      translations[segment.sender] = SequenceTranslation(start: SequenceNumber(segment.sequence &+ 1))
    }
    let flow = script.send(&packet)
    if segment.isDropped {
      script.tracker.drop(&packet)
      return nil
    }
    var changed = packet
    change(packet, segment.sender, into: &changed)
    if !isTranslated, translations.values.contains(where: { !$0.isIdentity }) {
      isTranslated = true
      script.tracker.beginTranslation(of: flow)
    }
    script.receive(&changed, insteadOf: &packet)
    // Checksums and lengths are right again.
    var fresh = PacketDecoder(configuration: DecoderConfiguration())
    let frame = UnsafeMutableRawBufferPointer(mutating: editor.frame)
    let passed = EditingBox.decode(frame, editor.frameLength, &fresh)
    #expect(passed.isAcceptable && passed.anomalies.isEmpty)
    result = Passed(
      sequence: passed.sequence, acknowledgment: passed.acknowledgment, payload: Array(editor.payload),
      options: TCPOptions(passed.transport + 20, length: Int(passed.tcpHeaderLength) - 20))
    return result
  }

  private mutating func change(_ packet: DecodedPacket, _ side: Side, into changed: inout DecodedPacket) {
    #expect(editor.load(packet) == .done)
    let start = SequenceNumber(packet.sequence)
    let end = start + packet.payloadLength
    if packet.payloadLength > 0 {
      let position = Int(packet.sequence &- starts[side]!)
      for edit in edits[side]!
      where edit.at >= position && edit.at + edit.removed < position + Int(packet.payloadLength) {
        let number = SequenceNumber(starts[side]! &+ UInt32(edit.at))
        let outcome = translations[side]!.record(
          at: number, removed: UInt16(edit.removed), inserted: UInt16(edit.new.count))
        if outcome == .recorded { replacements[side]![number.rawValue] = edit.new }
      }
      translations[side]!.passed(to: end)
      replace(side, start, end)
    }
    #expect(editor.setSequence(translations[side]!.translated(start).rawValue) == .done)
    if packet.flags.contains(.ack), let back = translations[side.peer] {
      let acknowledgment = back.originalAcknowledgment(SequenceNumber(packet.acknowledgment))
      #expect(editor.setAcknowledgment(acknowledgment.rawValue) == .done)
      #expect(editor.translateSACKBlocks { back.originalBlock(left: $0, right: $1) } == .done)
      translations[side.peer]!.acknowledged(to: SequenceNumber(packet.acknowledgment))
    }
    editor.describe(into: &changed)
  }

  /// Makes the recorded edits in the payload, which has the original bytes from `start` to `end`.
  private mutating func replace(_ side: Side, _ start: SequenceNumber, _ end: SequenceNumber) {
    let translation = translations[side]!
    guard let first = translation.firstEdit(from: start, to: end) else { return }
    // The last first, so that offsets stay.
    for index in (first..<translation.count).reversed() where translation[index].start < end {
      let edit = translation[index]
      let from = SequenceNumber.later(edit.start, start)
      let count = Int(SequenceNumber.earlier(edit.end, end).distance(from: from))
      let new = edit.start >= start ? replacements[side]![edit.start.rawValue]! : []
      let outcome = new.withUnsafeBytes {
        editor.replacePayload(at: Int(from.distance(from: start)), count: max(count, 0), with: $0, mtu: 1500)
      }
      #expect(outcome == .done)
    }
  }
}
