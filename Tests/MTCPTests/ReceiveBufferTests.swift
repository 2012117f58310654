import Testing

@testable import MTCP

@Suite struct ReceiveBufferTests {
  @Test func anEmptyBufferIs16ZeroBytes() {
    #expect(MemoryLayout<ReceiveBuffer>.size <= 16)
    #expect(MemoryLayout<SegmentChunk>.size == SegmentChunk.headerSize)
    withUnsafeBytes(of: ReceiveBuffer()) { bytes in #expect(bytes.allSatisfy { $0 == 0 }) }
  }

  @Test func segmentsBehindAHoleAreTakenWhenItIsFilled() {
    var fixture = BufferFixture()
    let stream = (0..<4000).map { UInt8(truncatingIfNeeded: $0 * 7) }
    fixture.insert(Array(stream[1000..<2460]), at: 1000, next: 0, policy: .linux)
    fixture.insert(Array(stream[2460..<3000]), at: 2460, next: 0, policy: .linux)
    fixture.insert(Array(stream[3500..<4000]), at: 3500, next: 0, policy: .linux)
    #expect(fixture.buffer.hasQueued)
    #expect(fixture.buffer.queuedBytes == 2500)
    let first = fixture.buffer.firstQueued(pool: fixture.pool)
    #expect(first?.start == SequenceNumber(1000) && first?.end == SequenceNumber(3000))
    let ranges = fixture.ranges
    #expect(ranges == [[1000, 3000], [3500, 4000]])
    let tooEarly = fixture.buffer.takeContiguous(from: SequenceNumber(999), pool: &fixture.pool)
    #expect(tooEarly.chain == 0 && tooEarly.count == 0)
    let taken = fixture.take(from: 1000)
    #expect(taken == Array(stream[1000..<3000]))
    #expect(fixture.buffer.queuedBytes == 500)
    let rest = fixture.take(from: 3500)
    #expect(rest == Array(stream[3500...]))
    #expect(!fixture.buffer.hasQueued)
    #expect(fixture.buffer.firstQueued(pool: fixture.pool) == nil)
  }

  @Test func aChainStaysReadableWhileTheBufferIsUsed() {
    var fixture = BufferFixture()
    fixture.insert(.init(repeating: 3, count: 3000), at: 100, next: 0)
    let taken = fixture.buffer.takeContiguous(from: SequenceNumber(100), pool: &fixture.pool)
    fixture.insert(.init(repeating: 9, count: 3000), at: 5000, next: 3100)
    fixture.removeAll()
    let bytes = fixture.read(taken.chain)
    #expect(bytes == .init(repeating: 3, count: 3000))
    fixture.pool.releaseChain(taken.chain)
    let left = fixture.bytesInUse
    #expect(left == 0)
  }

  @Test func takingFromInsideTheQueueDropsWhatIsBelow() {
    var fixture = BufferFixture()
    let stream = (0..<2000).map { UInt8(truncatingIfNeeded: $0 / 3) }
    fixture.insert(stream, at: 50, next: 0)
    let taken = fixture.take(from: 1000)
    #expect(taken == Array(stream[950...]))
    let left = fixture.bytesInUse
    #expect(left == 0)
  }

  @Test func bytesBelowTheNextExpectedOneAreNotStored() {
    var fixture = BufferFixture()
    let old = fixture.insert([1, 2, 3], at: 97, next: 100)
    #expect(old.stored == 0 && old.duplicate == 0 && !old.isFull)
    #expect(!fixture.buffer.hasQueued)
    let straddling = fixture.insert([1, 2, 3, 4], at: 98, next: 100)
    #expect(straddling.stored == 2)
    let taken = fixture.take(from: 100)
    #expect(taken == [3, 4])
    #expect(fixture.insert([], at: 100, next: 100).stored == 0)
  }

  @Test func theBoundariesOfTheSegmentAsItWasSentCount() {
    var fixture = BufferFixture()
    fixture.insert(.init(repeating: 1, count: 20), at: 120, next: 100, policy: .linux)
    fixture.insert(.init(repeating: 2, count: 15), at: 110, next: 100, policy: .linux)
    // Old bytes 125..<140 come from a segment that started at 120: a new one from 122 to 140 starts inside it, and loses.
    fixture.insert(.init(repeating: 3, count: 18), at: 122, next: 100, policy: .linux)
    let queued = fixture.queued
    #expect(queued == .init(repeating: 2, count: 15) + .init(repeating: 1, count: 15))
  }

  @Test func conflictsAreCountedByteByByte() {
    var fixture = BufferFixture()
    fixture.insert([1, 2, 3, 4, 5], at: 10, next: 0)
    let result = fixture.insert([0, 1, 9, 3, 9, 5, 6], at: 9, next: 0)
    #expect(result.stored == 2 && result.duplicate == 5 && result.conflicting == 2)
    #expect(result.conflictStart == SequenceNumber(11))
    let queued = fixture.queued
    #expect(queued == [0, 1, 2, 3, 4, 5, 6])
  }
}

@Suite struct SegmentPoolTests {
  @Test func anExhaustedPoolFailsSoftly() {
    var fixture = BufferFixture(maximumBytes: 4096)
    #expect(fixture.pool.maximumBytes == 4096)
    let result = fixture.insert(.init(repeating: 1, count: 10_000), at: 1, next: 0, policy: .linux)
    #expect(result.isFull && result.stored == 16 * 224)
    fixture.checkQueue()
    let conflict = fixture.insert(.init(repeating: 2, count: 300), at: 0, next: 0, policy: .linux)
    #expect(conflict.isFull)
    fixture.checkQueue()
    let queued = fixture.queued
    #expect(queued == .init(repeating: 1, count: 16 * 224))
    fixture.removeAll()
    let left = fixture.bytesInUse
    #expect(left == 0)
  }

  @Test(arguments: OverlapPolicy.allCases)
  func aPoolThatRunsOutInTheMiddleKeepsTheQueueWhole(policy: OverlapPolicy) {
    for chunks in 1..<12 {
      var generator = SeededGenerator(seed: UInt64(chunks))
      var fixture = BufferFixture(maximumBytes: chunks * 256)
      for _ in 0..<60 {
        let start = UInt32.random(in: 1..<1500, using: &generator)
        let data = generator.bytes(Int.random(in: 1...600, using: &generator))
        let before = fixture.buffer.queuedBytes
        let result = fixture.insert(data, at: start, next: 0, policy: policy)
        #expect(fixture.buffer.queuedBytes == before + result.stored)
        #expect(result.isFull || result.stored + result.duplicate == UInt32(data.count))
        fixture.checkQueue()
        let used = fixture.bytesInUse
        #expect(used == Int(fixture.buffer.queueChunks) * 256)
      }
      fixture.removeAll()
      let left = fixture.bytesInUse
      #expect(left == 0)
    }
  }

  @Test(arguments: [Int.min, -1, 0, 255, Int.max])
  func aPoolOfNoUsableSizeHoldsNothingOrIsLimited(maximumBytes: Int) {
    var fixture = BufferFixture(maximumBytes: maximumBytes)
    let result = fixture.insert([1], at: 5, next: 0)
    #expect(result.isFull == (fixture.pool.maximumBytes == 0))
    fixture.removeAll()
    let left = fixture.bytesInUse
    #expect(left == 0)
  }

  @Test func chunksAreUsedAgain() {
    var fixture = BufferFixture(maximumBytes: 64 << 10)
    for round in 0..<100 {
      let start = UInt32(round) * 20_000
      fixture.insert(.init(repeating: 1, count: 20_000), at: start + 1, next: start)
      #expect(fixture.buffer.queuedBytes == 20_000)
      fixture.removeAll()
    }
    let left = fixture.bytesInUse
    #expect(left == 0)
  }
}
