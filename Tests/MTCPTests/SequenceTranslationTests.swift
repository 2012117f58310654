import MTCP
import Testing

@Suite("Sequence numbers of a stream whose length changes")
struct SequenceTranslationTests {
  static let bases: [UInt32] = [0, 1 << 31 - 200, UInt32.max - 300]

  static let length = 300

  /// A stream with random edits, passed in order.
  private func model(_ base: UInt32, _ generator: inout SeededGenerator) -> EditedStream {
    var stream = EditedStream(base: base, original: generator.bytes(Self.length))
    var at = 0
    for _ in 0..<Int.random(in: 0...SequenceTranslation.capacity, using: &generator) {
      at += [0, 1, 2, 9, 20].randomElement(using: &generator)!
      let removed = Bool.random(using: &generator) ? 0 : Int.random(in: 0...6, using: &generator)
      guard at + removed < Self.length else { break }
      let new = generator.bytes(Bool.random(using: &generator) ? 0 : Int.random(in: 0...9, using: &generator))
      if removed == 0, new.isEmpty { continue }
      if !stream.edit(at: at, removed: removed, new) { continue }
      // A pure insertion leaves room to the next.
      at += max(removed, 1)
    }
    stream.translation.passed(to: SequenceNumber(base &+ UInt32(Self.length)))
    return stream
  }

  @Test("random edits against arrays: every number, every pair of SACK edges", arguments: bases)
  func model(base: UInt32) {
    for seed in 0..<40 {
      var generator = SeededGenerator(seed: UInt64(seed))
      let stream = model(base, &generator)
      let layout = stream.layout
      let outside = (0...Self.length).filter { !stream.isInside($0) }
      #expect(outside.map(stream.translated) == outside.map { layout.positions[$0] }, "seed \(seed)")
      let received = 0...layout.length
      #expect(received.map(stream.acknowledgment) == received.map(layout.acknowledgment), "seed \(seed)")
      for _ in 0..<50 {
        let left = Int.random(in: 0..<layout.length, using: &generator)
        let right = Int.random(in: left + 1...layout.length, using: &generator)
        let block = stream.block(left..<right)
        let claimed = Array(block)
        #expect(claimed == layout.complete(left..<right), "seed \(seed) \(left)..<\(right)")
      }
    }
  }

  @Test("acknowledged edits are merged: behind the point all stays, before it nothing crosses it", arguments: bases)
  func merging(base: UInt32) {
    for seed in 0..<20 {
      var generator = SeededGenerator(seed: 1000 + UInt64(seed))
      var stream = model(base, &generator)
      let before = stream
      let length = stream.layout.length
      var point = 0
      while point < length {
        point = min(length, point + Int.random(in: 1...80, using: &generator))
        stream.translation.acknowledged(to: SequenceNumber(base &+ UInt32(point)))
        let acknowledged = before.acknowledgment(point)
        let later = point...length
        #expect(later.map(stream.acknowledgment) == later.map(before.acknowledgment))
        let behind = acknowledged + 1..<Self.length + 1
        #expect(behind.map(stream.translated) == behind.map(before.translated))
        #expect((0..<point).allSatisfy { stream.acknowledgment($0) <= acknowledged })
        #expect((0...acknowledged).allSatisfy { stream.translated($0) <= point })
      }
      #expect(stream.translation.count == 0)
    }
  }

  @Test("a transfer with losses, other segment borders on retransmission, and acknowledgments out of order")
  func transfer() {
    for seed in 0..<12 {
      var generator = SeededGenerator(seed: 2000 + UInt64(seed))
      let base = Self.bases[seed % 3]
      var transfer = EditedTransfer(base: base, length: 4000)
      let isDone = transfer.run(&generator)
      #expect(isDone, "seed \(seed)")
      #expect(transfer.received == transfer.changed)
      #expect(transfer.edits > SequenceTranslation.capacity)
    }
  }

  @Test("the same segment again is known; what moved bytes that have passed is refused")
  func refusals() {
    var translation = SequenceTranslation(start: SequenceNumber(100))
    #expect(translation.isIdentity)
    #expect(translation.record(at: SequenceNumber(110), removed: 2, inserted: 5) == .recorded)
    #expect(translation.record(at: SequenceNumber(111), removed: 0, inserted: 1) == .alreadyPassed)
    translation.passed(to: SequenceNumber(120))
    #expect(translation.record(at: SequenceNumber(110), removed: 2, inserted: 5) == .known)
    #expect(translation.record(at: SequenceNumber(110), removed: 2, inserted: 6) == .alreadyPassed)
    #expect(translation.record(at: SequenceNumber(119), removed: 1, inserted: 0) == .alreadyPassed)
    #expect(translation.record(at: SequenceNumber(120), removed: 0, inserted: 0) == .known)
    #expect(translation.count == 1 && !translation.isIdentity)
    // A segment that came ahead of this one.
    translation.passed(to: SequenceNumber(90))
    #expect(translation.passedEnd == SequenceNumber(120))
    #expect(translation.firstEdit(from: SequenceNumber(100), to: SequenceNumber(110)) == nil)
    #expect(translation.firstEdit(from: SequenceNumber(100), to: SequenceNumber(111)) == 0)
    #expect(translation.firstEdit(from: SequenceNumber(111), to: SequenceNumber(112)) == 0)
    #expect(translation.firstEdit(from: SequenceNumber(112), to: SequenceNumber(200)) == nil)
  }

  @Test("32 edits wait; an acknowledgment makes room, one before the edit's last byte does not")
  func limit() {
    var translation = SequenceTranslation(start: SequenceNumber(0))
    for index in UInt32(0)..<32 {
      #expect(translation.record(at: SequenceNumber(index * 10), removed: 0, inserted: 3) == .recorded)
      translation.passed(to: SequenceNumber(index * 10 + 10))
    }
    #expect(translation.record(at: SequenceNumber(320), removed: 0, inserted: 3) == .full)
    translation.acknowledged(to: SequenceNumber(2))
    #expect(translation.record(at: SequenceNumber(320), removed: 0, inserted: 3) == .full)
    translation.acknowledged(to: SequenceNumber(3))
    #expect(translation.count == 31 && translation[0].start == SequenceNumber(10))
    #expect(translation.record(at: SequenceNumber(320), removed: 0, inserted: 3) == .recorded)
    #expect(translation.translated(SequenceNumber(321)) == SequenceNumber(321 + 99))
    translation.acknowledged(to: SequenceNumber(320 + 96))
    #expect(translation.count == 1)
    #expect(translation.translated(SequenceNumber(320)) == SequenceNumber(320 + 96))
  }

  @Test("a removal waits for its segment to pass, whatever was acknowledged before")
  func removalBeforeItPassed() {
    var translation = SequenceTranslation(start: SequenceNumber(10))
    #expect(translation.record(at: SequenceNumber(10), removed: 4, inserted: 0) == .recorded)
    translation.acknowledged(to: SequenceNumber(10))
    #expect(translation.count == 1 && translation.translated(SequenceNumber(10)) == SequenceNumber(10))
    translation.passed(to: SequenceNumber(20))
    translation.acknowledged(to: SequenceNumber(10))
    #expect(translation.count == 0)
    #expect(translation.originalAcknowledgment(SequenceNumber(10)) == SequenceNumber(14))
  }

  @Test("bytes appended to the last segment: it is not acknowledged before they are, and a FIN comes behind them")
  func appended() {
    var translation = SequenceTranslation(start: SequenceNumber(.max - 4))
    #expect(translation.recordAppended(behind: SequenceNumber(5), inserted: 20) == .recorded)
    translation.passed(to: SequenceNumber(5))
    #expect(translation.translated(SequenceNumber(5)) == SequenceNumber(25))
    #expect(translation.originalAcknowledgment(SequenceNumber(5)) == SequenceNumber(4))
    #expect(translation.originalAcknowledgment(SequenceNumber(24)) == SequenceNumber(4))
    #expect(translation.originalAcknowledgment(SequenceNumber(25)) == SequenceNumber(5))
    #expect(translation.originalAcknowledgment(SequenceNumber(26)) == SequenceNumber(6))
    #expect(translation.recordAppended(behind: SequenceNumber(5), inserted: 20) == .known)
  }

  @Test("a byte before which something was inserted is not acknowledged by SACK without it")
  func insertionLost() {
    var translation = SequenceTranslation(start: SequenceNumber(0))
    #expect(translation.record(at: SequenceNumber(10), removed: 0, inserted: 3) == .recorded)
    translation.passed(to: SequenceNumber(30))
    let blocks = [(9, 20), (10, 20), (11, 20), (13, 20), (14, 20), (13, 14), (10, 13), (10, 14)].map {
      translation.originalBlock(left: $0, right: $1)
    }
    #expect(blocks.map(\.left) == [9, 10, 11, 11, 11, 11, 10, 10])
    #expect(blocks.map(\.right) == [17, 17, 17, 17, 17, 11, 10, 11])
  }

  @Test("inside of inserted and removed bytes the edges count")
  func edges() {
    var translation = SequenceTranslation(start: SequenceNumber(0))
    _ = translation.record(at: SequenceNumber(10), removed: 4, inserted: 0)
    _ = translation.record(at: SequenceNumber(20), removed: 2, inserted: 6)
    #expect([9, 10, 11, 13, 14, 15].map { translation.translated(.init($0)).rawValue } == [9, 10, 10, 10, 10, 11])
    #expect([19, 20, 21, 22, 23].map { translation.translated(.init($0)).rawValue } == [15, 16, 22, 22, 23])
    #expect([9, 10, 11].map { translation.originalAcknowledgment(.init($0)).rawValue } == [9, 14, 15])
    #expect(
      [15, 16, 17, 21, 22].map { translation.originalAcknowledgment(.init($0)).rawValue } == [19, 20, 20, 20, 22])
    #expect([9, 10, 11].map { translation.originalLeftEdge(.init($0)).rawValue } == [9, 10, 15])
    #expect([15, 16, 17, 21, 22].map { translation.originalLeftEdge(.init($0)).rawValue } == [19, 20, 22, 22, 22])
    #expect(MemoryLayout<SequenceTranslation>.size == 400)
  }
}
