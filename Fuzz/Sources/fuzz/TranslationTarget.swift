import MTCP

/// The input is a base number and settings, eight bytes in all, and then four bytes a step (see `TranslationRun.step`).
let translationTarget = Target(
  name: "translation",
  run: { data, size in
    guard let data, size >= 8 else { return 0 }
    let input = UnsafeRawPointer(data)
    var run = TranslationRun(base: input.loadBE32(at: 0), length: 1 + Int(input.loadBE16(at: 4)) % 250)
    var position = 8
    while size - position >= 4, position < 1000 {
      run.step(input + position)
      position += 4
      // Looking at every number takes most of the time.
      if position & 15 == 0 || size - position < 4 { run.checkNumbers() }
    }
    return 0
  },
  seeds: { _ in
    let replacements = (UInt8(0)..<40).flatMap { index -> [UInt8] in [0, index % 7, index % 4, index % 6] }
    let inOrder = (UInt8(0)..<40).flatMap { index -> [UInt8] in [index % 3, 2, index % 5, 7, 3, 5, 0, 0, 4, 6, 0, 0] }
    let again = (UInt8(0)..<20).flatMap { index -> [UInt8] in [0, 3, 2, 5, 5, index, 0, 0, 6, index, 1, 1, 7, 9, 0, 0] }
    return [
      [0, 0, 0, 9, 1, 0x8f, 0, 0] + replacements + [3, 255, 0, 0, 4, 255, 0, 0],
      [0xff, 0xff, 0xff, 0xf0, 1, 0x8f, 0, 0] + inOrder,
      [0x7f, 0xff, 0xff, 0xf0, 1, 0x8f, 0, 0] + again,
    ]
  })

/// A translation, and the streams byte by byte: what was edited, how far it has passed, and what is acknowledged.
struct TranslationRun {
  private var stream: EditedStream
  private let base: UInt32
  private let length: Int
  /// How much of the original stream has passed.
  private var passed = 0
  /// How much of the changed stream the receiver has acknowledged, and how much of the original that completes.
  private var acknowledged = (translated: 0, original: 0)
  /// The first edit that waits for its acknowledgment.
  private var oldest = 0

  init(base: UInt32, length: Int) {
    self.base = base
    self.length = length
    stream = EditedStream(base: base, original: .init(repeating: 1, count: length))
  }

  /// Makes a step: a kind, and up to three numbers.
  mutating func step(_ bytes: UnsafeRawPointer) {
    let first = Int(bytes.load8(at: 1))
    let second = Int(bytes.load8(at: 2))
    let third = Int(bytes.load8(at: 3)) % 48
    switch bytes.load8(at: 0) % 8 {
    case 0: record(at: min(passed + first, length), removed: second % 12, inserted: third)
    case 1: record(at: max(0, passed - first), removed: second, inserted: third)
    case 2: append(behind: min(passed + 1 + first, length), inserted: third)
    case 3: pass(to: min(passed + first, length))
    case 4: acknowledge(min(acknowledged.translated + first, sent))
    case 5: acknowledge(max(0, acknowledged.translated - first))
    case 6: recordAgain(first, otherwise: second & 1 != 0)
    default: useAny(bytes.loadBE16(at: 1), third)
    }
    checkHeld()
  }

  private func number(_ position: Int) -> SequenceNumber { SequenceNumber(base &+ UInt32(position)) }
  private func end(_ edit: (at: Int, removed: Int, new: [UInt8])) -> Int { edit.at + edit.removed }

  /// Bytes of the changed stream that the receiver can have: all that passed.
  private var sent: Int { translation(of: passed) }

  /// What stands before the original byte at `position` in the changed stream, or, inside of a replaced range, up to the end
  /// of what replaces it.
  private func translation(of position: Int) -> Int {
    var sum = position
    for edit in stream.edits where edit.at < position { sum += edit.new.count - min(edit.removed, position - edit.at) }
    return sum
  }

  private mutating func record(at position: Int, removed: Int, inserted: Int) {
    let removed = min(removed, length - position)
    let expected = outcome(at: position, removed: removed, inserted: inserted)
    var copy = stream.translation
    let outcome = copy.record(at: number(position), removed: UInt16(removed), inserted: UInt16(inserted))
    precondition(outcome == expected, "\(outcome) instead of \(expected)")
    if outcome == .recorded {
      let isRecorded = stream.edit(at: position, removed: removed, .init(repeating: 2, count: inserted))
      precondition(isRecorded)
    }
  }

  private func outcome(at position: Int, removed: Int, inserted: Int) -> StreamEditOutcome {
    let held = stream.edits[oldest...]
    if let same = held.first(where: { $0.at == position }) {
      return same.removed == removed && same.new.count == inserted ? .known : .alreadyPassed
    }
    if position < passed { return .alreadyPassed }
    if removed == 0, inserted == 0 { return .known }
    if held.contains(where: { position < end($0) }) { return .alreadyPassed }
    return held.count < 32 ? .recorded : .full
  }

  private mutating func append(behind position: Int, inserted: Int) {
    guard position > 0 else { return }
    var copy = stream.translation
    let outcome = copy.recordAppended(behind: number(position), inserted: UInt16(inserted))
    precondition(outcome == self.outcome(at: position - 1, removed: 1, inserted: inserted + 1))
    record(at: position - 1, removed: 1, inserted: inserted + 1)
    precondition((0...length).allSatisfy { copy.translated(number($0)) == stream.translation.translated(number($0)) })
  }

  private mutating func recordAgain(_ choice: Int, otherwise isOther: Bool) {
    let held = stream.edits[oldest...]
    guard !held.isEmpty else { return }
    let edit = held[oldest + choice % held.count]
    record(at: edit.at, removed: edit.removed, inserted: edit.new.count + (isOther ? 1 : 0))
  }

  private mutating func pass(to position: Int) {
    // A segment has the whole of a range that is replaced in it.
    let cut = stream.edits.first { $0.at < position && position < end($0) }
    let stop = cut.map(end) ?? position
    passed = max(passed, stop)
    stream.translation.passed(to: number(stop))
    precondition(stream.translation.passedEnd == number(passed))
  }

  private mutating func acknowledge(_ point: Int) {
    stream.translation.acknowledged(to: number(point))
    while oldest < stream.edits.count {
      let edit = stream.edits[oldest]
      guard translation(of: edit.at) + edit.new.count <= point, end(edit) <= passed else { break }
      oldest += 1
    }
    if point >= acknowledged.translated { acknowledged = (point, stream.layout.acknowledgment(point)) }
  }

  /// Numbers from anywhere, as a hostile peer has them, do no harm.
  private func useAny(_ high: UInt16, _ low: Int) {
    var copy = stream.translation
    let any = SequenceNumber(UInt32(high) << 16 | UInt32(low) &* 257)
    _ = copy.originalBlock(left: any.rawValue, right: base)
    _ = copy.translated(any)
    _ = copy.firstEdit(from: any, to: number(length))
    _ = copy.record(at: any, removed: high, inserted: .max)
    copy.acknowledged(to: any)
    copy.passed(to: any)
    copy.acknowledged(to: any + 7)
    precondition(copy.count <= SequenceTranslation.capacity)
  }

  private func checkHeld() {
    let translation = stream.translation
    let held = Array(stream.edits[oldest...])
    precondition(translation.count == held.count, "\(translation.count) edits are held instead of \(held.count)")
    precondition(
      held.indices.allSatisfy {
        translation[$0].start == number(held[$0].at) && translation[$0].end == number(end(held[$0]))
      })
    checkFirstEdit(held)
  }

  /// Holds every number of both streams against their bytes.
  func checkNumbers() {
    let layout = stream.layout
    for position in 0...length {
      let found = stream.translated(position)
      if position > acknowledged.original {
        precondition(found == self.translation(of: position), "\(position) became \(found)")
      } else {
        precondition(found <= acknowledged.translated, "\(position) became \(found), which was not acknowledged")
      }
    }
    var complete = 0
    for received in 0...layout.length {
      let found = stream.acknowledgment(received)
      while complete < length, layout.needed[complete].upperBound <= received { complete += 1 }
      if received >= acknowledged.translated {
        precondition(found == complete, "the acknowledgment \(received) became \(found)")
      } else {
        precondition(found <= acknowledged.original, "the acknowledgment \(received) became \(found)")
      }
    }
    checkBlocks(layout)
  }

  private func checkBlocks(_ layout: EditedStream.Layout) {
    // A receiver's blocks lie behind a hole.
    var left = acknowledged.translated + 1
    while left < layout.length {
      for right in [left + 1, left + 3, left + 20, layout.length] where right <= layout.length {
        let block = Array(stream.block(left..<right))
        precondition(block == layout.complete(left..<right), "the block \(left)..<\(right) became \(block)")
      }
      left += 1 + layout.length / 12
    }
  }

  private func checkFirstEdit(_ held: [(at: Int, removed: Int, new: [UInt8])]) {
    for start in stride(from: 0, to: length, by: 7) {
      for end in [start + 1, start + 9] {
        let expected = held.firstIndex { $0.at >= start && $0.at < end || $0.at < start && self.end($0) > start }
        precondition(stream.translation.firstEdit(from: number(start), to: number(end)) == expected)
      }
    }
  }
}
