// Unsafe: works on the engine's core by pointer, because handlers reach it the same way. See `EngineCore`.
import DualStackTracker
import MOSCore
import MTCP

/// What a packet is when it leaves a middlebox that changes the length of streams.
extension EngineLoop {
  /// Makes the changes of length that a middlebox asked for, and translates the packet's numbers if it made any before.
  static func leave(_ core: UnsafeMutablePointer<EngineCore>, _ box: Int, _ flow: UInt32, _ sender: Side) {
    let work = core.pointee.work
    let asks = work.pointee.replacementCount > 0
    let record = core.pointee.tracker.record(flow)
    var edits = core.pointee.edits(of: record, box)
    if edits == nil && !asks { return }
    defer { work.pointee.forgetReplacements() }
    guard work.pointee.packet.pointee.kind == .tcp else { return replace(work) }
    guard work.pointee.load() == .done else {
      // It cannot be translated, so it must not pass: its numbers would be others than the receiver's.
      core.pointee.statistics.untranslated &+= 1
      return work.pointee.drop(by: core.pointee.table.firstNode(of: box))
    }
    if edits == nil {
      edits = core.pointee.beginEdits(of: record, box, work.pointee.packet, sender)
      if edits == nil {
        core.pointee.statistics.refusedEdits &+= UInt64(work.pointee.replacementCount)
        return
      }
      core.pointee.tracker.beginTranslation(of: flow)
    }
    if let edits { translate(core, edits, sender) }
  }

  /// Changes of a packet without sequence numbers, the last first, so that offsets stay.
  private static func replace(_ work: UnsafeMutablePointer<PacketWork>) {
    for index in (0..<work.pointee.replacementCount).reversed() {
      let (place, bytes) = work.pointee.replacement(index)
      _ = work.pointee.editor.replacePayload(at: place.offset, count: place.count, with: bytes, mtu: work.pointee.mtu)
    }
    work.pointee.describe(numbers: true)
  }

  private static func translate(
    _ core: UnsafeMutablePointer<EngineCore>, _ edits: UnsafeMutablePointer<StreamEdits>, _ sender: Side
  ) {
    let work = core.pointee.work
    let packet = work.pointee.packet
    let start = SequenceNumber(packet.pointee.sequence) + (packet.pointee.flags.contains(.syn) ? 1 : 0)
    let end = start + packet.pointee.payloadLength
    for index in 0..<work.pointee.replacementCount { record(core, edits, sender, start, index) }
    withTranslation(edits, sender) { translation, held in
      if start != end { translation.passed(to: end) }
      make(core, translation, held, start, end)
    }
    let own = edits.pointee.translation(sender)
    _ = work.pointee.editor.setSequence(own.translated(SequenceNumber(packet.pointee.sequence)).rawValue)
    if packet.pointee.flags.contains(.ack) {
      let number = SequenceNumber(packet.pointee.acknowledgment)
      withTranslation(edits, sender.peer) { translation, held in
        _ = work.pointee.editor.setAcknowledgment(translation.originalAcknowledgment(number).rawValue)
        _ = work.pointee.editor.translateSACKBlocks { [translation] in translation.originalBlock(left: $0, right: $1) }
        // Not what was never sent: it would end edits that are still needed.
        if number <= translation.translated(translation.passedEnd) { translation.acknowledged(to: number) }
        while case let block = held.takeUnheld(translation), block != 0 { core.pointee.insertedBytes.free(block) }
      }
    }
    work.pointee.describe(numbers: true)
  }

  /// Records one change that was asked for; one that cannot be made any more is counted.
  private static func record(
    _ core: UnsafeMutablePointer<EngineCore>, _ edits: UnsafeMutablePointer<StreamEdits>, _ sender: Side,
    _ start: SequenceNumber, _ index: Int
  ) {
    let (place, bytes) = core.pointee.work.pointee.replacement(index)
    let isAppended = place.count == 0 && place.offset == Int(core.pointee.work.pointee.packet.pointee.payloadLength)
    let position = start + UInt32(place.offset)
    withTranslation(edits, sender) { translation, held in
      let outcome =
        isAppended && place.offset > 0
        ? translation.recordAppended(behind: position, inserted: UInt16(bytes.count))
        : translation.record(at: position, removed: UInt16(place.count), inserted: UInt16(bytes.count))
      guard outcome == .recorded else {
        if outcome != .known { core.pointee.statistics.refusedEdits &+= 1 }
        return
      }
      let block = core.pointee.insertedBytes.allocate()
      guard block != 0 else { return }
      let stored = core.pointee.insertedBytes.pointer(block)
      let area = UnsafeMutableRawPointer(stored)
      var count = bytes.count
      var target = area
      if isAppended && place.offset > 0 {
        // Belongs to the byte before, which is put there again.
        let payload = core.pointee.work.pointee.packet.pointee.payload
        target.copyMemory(from: payload + (place.offset - 1), byteCount: 1)
        target += 1
        count += 1
      }
      if let base = bytes.baseAddress { target.copyMemory(from: base, byteCount: bytes.count) }
      stored.pointee.count = UInt32(count)
      held.set(block, at: isAppended && place.offset > 0 ? position - 1 : position)
    }
  }

  /// Makes the recorded edits in the payload, which has the original bytes from `start` to before `end`: the last first, so
  /// that offsets stay.
  private static func make(
    _ core: UnsafeMutablePointer<EngineCore>, _ translation: SequenceTranslation, _ held: HeldBytes,
    _ start: SequenceNumber, _ end: SequenceNumber
  ) {
    guard start != end, let first = translation.firstEdit(from: start, to: end) else { return }
    let work = core.pointee.work
    for index in (first..<translation.count).reversed() where translation[index].start < end {
      let edit = translation[index]
      let from = SequenceNumber.later(edit.start, start)
      let count = max(0, Int(SequenceNumber.earlier(edit.end, end).distance(from: from)))
      let block = edit.start >= start ? held.block(at: edit.start) : 0
      let bytes =
        block == 0
        ? UnsafeRawBufferPointer(start: nil, count: 0)
        : UnsafeRawBufferPointer(
          start: core.pointee.insertedBytes.pointer(block),
          count: Int(core.pointee.insertedBytes.pointer(block).pointee.count))
      let outcome = work.pointee.editor.replacePayload(
        at: Int(from.distance(from: start)), count: count, with: bytes, mtu: .max)
      if outcome != .done { core.pointee.statistics.refusedEdits &+= 1 }
    }
  }

  private static func withTranslation(
    _ edits: UnsafeMutablePointer<StreamEdits>, _ side: Side,
    _ body: (inout SequenceTranslation, inout HeldBytes) -> Void
  ) {
    if side == .client {
      body(&edits.pointee.client, &edits.pointee.clientBytes)
    } else {
      body(&edits.pointee.server, &edits.pointee.serverBytes)
    }
  }
}
