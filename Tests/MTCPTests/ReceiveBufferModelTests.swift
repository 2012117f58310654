import Testing

@testable import MTCP

/// One byte at a time: what is at each offset of the stream, and the boundaries of the segment that it came with.
private struct ByteModel {
  struct Entry {
    var value: UInt8
    var start: Int
    var end: Int
  }
  var bytes: [Entry?]
  var next = 0

  init(count: Int) { bytes = .init(repeating: nil, count: count) }

  /// Offsets are counted from a sequence number that is the same for all calls; negative ones lie below the window.
  mutating func insert(_ data: [UInt8], at start: Int, policy: OverlapPolicy) -> InsertResult {
    var result = InsertResult()
    for (index, value) in data.enumerated() {
      let offset = start + index
      guard offset >= next else { continue }
      let entry = Entry(value: value, start: start, end: start + data.count)
      guard let old = bytes[offset] else {
        bytes[offset] = entry
        result.stored += 1
        continue
      }
      result.duplicate += 1
      if old.value != value {
        if result.conflicting == 0 { result.conflictStart = SequenceNumber(UInt32(offset)) }
        result.conflicting += 1
      }
      let newWins = policy.newWins(
        newStart: number(start), newEnd: number(entry.end), oldStart: number(old.start), oldEnd: number(old.end))
      if newWins { bytes[offset] = entry }
    }
    return result
  }

  private func number(_ offset: Int) -> SequenceNumber { SequenceNumber(UInt32(truncatingIfNeeded: offset)) }

  mutating func take() -> [UInt8] {
    var taken: [UInt8] = []
    while next < bytes.count, let entry = bytes[next] {
      taken.append(entry.value)
      bytes[next] = nil
      next += 1
    }
    return taken
  }

  var ranges: [Range<Int>] {
    var result: [Range<Int>] = []
    for offset in bytes.indices where bytes[offset] != nil {
      if let last = result.last, last.upperBound == offset {
        result[result.count - 1] = last.lowerBound..<offset + 1
      } else {
        result.append(offset..<offset + 1)
      }
    }
    return result
  }
}

@Suite struct ReceiveBufferModelTests {
  static let bases: [UInt32] = [0, 0x1234_5678, 1 << 31 - 700, UInt32.max - 1500, UInt32.max]

  /// Segments at random places, most of which overlap with other bytes: after each one, the result, the ranges and the
  /// bytes are those of the model.
  @Test(arguments: OverlapPolicy.allCases)
  func conflictingSegmentsGiveTheModelsBytes(policy: OverlapPolicy) {
    for round in 0..<24 {
      var generator = SeededGenerator(seed: UInt64(policy.rawValue) << 32 | UInt64(round))
      let base = Self.bases[round % Self.bases.count]
      let window = round % 2 == 0 ? 300 : 3000
      let longest = [3, 40, 700, 1460][round / 2 % 4]
      var model = ByteModel(count: window)
      var fixture = BufferFixture()
      for _ in 0..<120 {
        let start = Int.random(in: max(model.next - 20, 0)..<window, using: &generator)
        guard start < window else { break }
        let count = Int.random(in: 1...min(longest, window - start), using: &generator)
        // Few values, so that some of the overlapping bytes are equal.
        let data = (0..<count).map { _ in UInt8.random(in: 0...2, using: &generator) }
        let next = base &+ UInt32(model.next)
        let result = fixture.insert(data, at: base &+ UInt32(start), next: next, policy: policy)
        let expected = model.insert(data, at: start, policy: policy)
        #expect(result.stored == expected.stored)
        #expect(result.duplicate == expected.duplicate)
        #expect(result.conflicting == expected.conflicting)
        if expected.conflicting != 0 {
          #expect(result.conflictStart == SequenceNumber(base &+ expected.conflictStart.rawValue))
        }
        #expect(!result.isFull)
        fixture.checkQueue()
        let ranges = fixture.ranges
        #expect(ranges == model.ranges.map { [base &+ UInt32($0.lowerBound), base &+ UInt32($0.upperBound)] })
        let queued = fixture.queued
        #expect(queued == model.bytes.compactMap { $0?.value })
        if Int.random(in: 0..<4, using: &generator) == 0 || model.bytes[model.next] != nil {
          let taken = fixture.take(from: next)
          #expect(taken == model.take())
          fixture.checkQueue()
        }
        if model.next == window { break }
      }
      fixture.removeAll()
      let left = fixture.bytesInUse
      #expect(left == 0)
    }
  }

  /// Segments in between whose insertion is undone, with what it let be taken, leave no trace: what follows is taken as
  /// if they had never come, by the boundaries of the segments that did.
  @Test(arguments: OverlapPolicy.allCases)
  func undoneSegmentsLeaveNothing(policy: OverlapPolicy) {
    for round in 0..<24 {
      var generator = SeededGenerator(seed: 0xdead << 32 | UInt64(policy.rawValue) << 16 | UInt64(round))
      let base = Self.bases[round % Self.bases.count]
      let window = round % 2 == 0 ? 300 : 3000
      let longest = [3, 40, 700, 1460][round / 2 % 4]
      var model = ByteModel(count: window)
      // The pool has no more than the queue itself may need.
      var fixture = BufferFixture(maximumBytes: round % 3 == 0 ? 24 * SegmentChunk.size : 1 << 20)
      var backup = QueueBackup()
      var undone = 0
      for step in 0..<160 {
        let start = Int.random(in: max(model.next - 20, 0)..<window, using: &generator)
        let count = Int.random(in: 1...min(longest, window - start), using: &generator)
        let data = (0..<count).map { _ in UInt8.random(in: 0...2, using: &generator) }
        let next = base &+ UInt32(model.next)
        if step % 2 == 0 {
          let ranges = fixture.ranges
          let queued = fixture.queued
          let inUse = fixture.bytesInUse
          fixture.buffer.save(
            count: UInt32(count), at: SequenceNumber(base &+ UInt32(start)), next: SequenceNumber(next), into: &backup,
            pool: &fixture.pool)
          let result = fixture.insert(data, at: base &+ UInt32(start), next: next, policy: policy)
          let taken = fixture.buffer.takeContiguous(from: SequenceNumber(next), pool: &fixture.pool)
          if result.stored > 0 { undone += 1 }
          fixture.buffer.putBack(taken.chain, pool: &fixture.pool)
          fixture.checkQueue()
          fixture.buffer.restore(from: &backup, pool: &fixture.pool)
          fixture.checkQueue()
          #expect(fixture.ranges == ranges && fixture.queued == queued && fixture.bytesInUse == inUse)
          continue
        }
        let result = fixture.insert(data, at: base &+ UInt32(start), next: next, policy: policy)
        if result.isFull { break }
        let expected = model.insert(data, at: start, policy: policy)
        #expect(result.stored == expected.stored && result.duplicate == expected.duplicate)
        #expect(result.conflicting == expected.conflicting)
        fixture.checkQueue()
        let queued = fixture.queued
        #expect(queued == model.bytes.compactMap { $0?.value })
        if Int.random(in: 0..<6, using: &generator) == 0 || model.bytes[model.next] != nil {
          let taken = fixture.take(from: next)
          #expect(taken == model.take())
        }
        if model.next == window { break }
      }
      #expect(undone > 0)
      fixture.removeAll()
      let left = fixture.bytesInUse
      #expect(left == 0)
    }
  }

  /// A stream cut in any way, shuffled, with duplicates and overlaps, is the same stream.
  @Test(arguments: OverlapPolicy.allCases)
  func consistentSegmentsGiveTheStream(policy: OverlapPolicy) {
    for round in 0..<8 {
      var generator = SeededGenerator(seed: 77 + UInt64(round))
      let base = Self.bases[round % Self.bases.count]
      let stream = generator.bytes(10_000)
      let longest = [2, 100, 1460, 5000][round % 4]
      var cuts: [Range<Int>] = []
      var at = 0
      while at < stream.count {
        let length = min(Int.random(in: 1...longest, using: &generator), stream.count - at)
        cuts.append(at..<at + length)
        at += length
      }
      cuts += cuts.prefix(cuts.count / 3).map { max($0.lowerBound - 50, 0)..<min($0.upperBound + 99, stream.count) }
      cuts += cuts.shuffled(using: &generator).prefix(cuts.count / 4)
      var fixture = BufferFixture()
      var received: [UInt8] = []
      for cut in cuts.shuffled(using: &generator) {
        let next = base &+ UInt32(received.count)
        let result = fixture.insert(
          Array(stream[cut]), at: base &+ UInt32(cut.lowerBound), next: next, policy: policy, limit: 8 << 20)
        #expect(result.conflicting == 0)
        received += fixture.take(from: next)
      }
      #expect(received == stream)
      let left = fixture.bytesInUse
      #expect(left == 0)
      #expect(!fixture.buffer.hasQueued)
    }
  }

  @Test func bytesBelowAnySequenceNumberCanBeDropped() {
    for round in 0..<30 {
      var generator = SeededGenerator(seed: 900 + UInt64(round))
      let base = Self.bases[round % Self.bases.count]
      let policy: OverlapPolicy = round % 2 == 0 ? .linux : .last
      var model = ByteModel(count: 6000)
      var fixture = BufferFixture()
      var lowest = 0
      for _ in 0..<60 {
        let start = Int.random(in: lowest..<5000, using: &generator)
        let data = generator.bytes(Int.random(in: 1...1000, using: &generator))
        fixture.insert(data, at: base &+ UInt32(start), next: base &+ UInt32(lowest), policy: policy)
        model.next = lowest
        _ = model.insert(data, at: start, policy: policy)
        if Int.random(in: 0..<5, using: &generator) == 0 {
          lowest = min(lowest + Int.random(in: 0...400, using: &generator), 4900)
          fixture.buffer.dropQueued(below: SequenceNumber(base &+ UInt32(lowest)), pool: &fixture.pool)
          for offset in 0..<lowest { model.bytes[offset] = nil }
        }
        fixture.checkQueue()
        let queued = fixture.queued
        #expect(queued == model.bytes.compactMap { $0?.value })
      }
      fixture.removeAll()
      let left = fixture.bytesInUse
      #expect(left == 0)
    }
  }
}
