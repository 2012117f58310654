import MOSCore
import Testing

@testable import MTCP

@Suite struct RetainedBytesTests {
  static let bases: [UInt32] = [0, 1 << 31 - 30_000, UInt32.max - 30_000]

  @Test(arguments: bases)
  func aRetransmissionIsComparedWithWhatWasSentFirst(base: UInt32) {
    var generator = SeededGenerator(seed: 3)
    let stream = generator.bytes(60_000)
    var fixture = BufferFixture()
    var at = 0
    while at < stream.count {
      let length = min(Int.random(in: 1...2000, using: &generator), stream.count - at)
      fixture.retain(Array(stream[at..<at + length]), at: base &+ UInt32(at))
      at += length
    }
    #expect(fixture.blocks.count == (60_000 + 1_503) / 1_504)
    for _ in 0..<500 {
      let start = Int.random(in: 0..<stream.count, using: &generator)
      let count = Int.random(in: 1...min(3000, stream.count - start), using: &generator)
      var segment = Array(stream[start..<start + count])
      let same = fixture.compare(segment, at: base &+ UInt32(start))
      #expect(same.compared == UInt32(count) && same.firstDifference == -1)
      let wrong = Int.random(in: 0..<count, using: &generator)
      segment[wrong] ^= 0x20
      let other = fixture.compare(segment, at: base &+ UInt32(start))
      #expect(other.compared == UInt32(count) && other.firstDifference == Int32(wrong))
    }
    fixture.removeAll()
    #expect(fixture.blocks.count == 0)
  }

  /// Bytes come and are acknowledged in any rhythm: whatever lies above the acknowledgment is still there.
  @Test(arguments: bases)
  func acknowledgedBlocksAreGivenBack(base: UInt32) {
    for round in 0..<9 {
      var generator = SeededGenerator(seed: 40 + UInt64(round))
      let stream = generator.bytes(100_000)
      var fixture = BufferFixture()
      var sent = 0
      var acknowledged = 0
      let window = [600, 5000, 60_000][round % 3]
      while sent < stream.count {
        let length = min(Int.random(in: 1...1460, using: &generator), stream.count - sent)
        fixture.retain(Array(stream[sent..<sent + length]), at: base &+ UInt32(sent))
        sent += length
        if sent - acknowledged > window || Int.random(in: 0..<9, using: &generator) == 0 {
          acknowledged = Int.random(in: acknowledged...sent, using: &generator)
          fixture.release(below: base &+ UInt32(acknowledged))
        }
        #expect(fixture.blocks.count <= (sent - acknowledged) / 1_504 + 2)
        guard acknowledged < sent else {
          #expect(fixture.retained.isEmpty)
          continue
        }
        let start = Int.random(in: acknowledged..<sent, using: &generator)
        let result = fixture.compare(Array(stream[start..<sent]), at: base &+ UInt32(start))
        #expect(result.compared == UInt32(sent - start) && result.firstDifference == -1)
      }
      fixture.release(below: base &+ UInt32(sent))
      #expect(fixture.blocks.count == 0)
    }
  }

  @Test func onlyTheRetainedPartIsCompared() {
    var fixture = BufferFixture()
    fixture.retain([10, 11, 12, 13], at: 100)
    let before = fixture.compare([1, 2, 3], at: 97)
    #expect(before.compared == 0 && before.firstDifference == -1)
    let behind = fixture.compare([1, 2, 3], at: 104)
    #expect(behind.compared == 0 && behind.firstDifference == -1)
    let around = fixture.compare([0, 0, 10, 11, 12, 13, 0], at: 98)
    #expect(around.compared == 4 && around.firstDifference == -1)
    let differing = fixture.compare([0, 0, 10, 0, 12, 0, 0], at: 98)
    #expect(differing.compared == 4 && differing.firstDifference == 3)
    #expect(fixture.compare([], at: 100).compared == 0)
  }

  @Test func aJumpStartsOver() {
    var fixture = BufferFixture()
    fixture.retain(.init(repeating: 1, count: 5000), at: 100)
    fixture.retain(.init(repeating: 2, count: 10), at: 5101)
    let range = fixture.retained.range(blocks: fixture.blocks)
    #expect(range?.start == SequenceNumber(5101) && range?.end == SequenceNumber(5111))
    #expect(fixture.blocks.count == 1)
  }

  @Test func aChainFromTheQueueIsRetained() {
    var fixture = BufferFixture()
    let stream = (0..<5000).map { UInt8(truncatingIfNeeded: $0 ^ $0 >> 8) }
    fixture.retain(Array(stream[..<100]), at: 0)
    for start in stride(from: 4999, to: 99, by: -1) {
      fixture.insert([stream[start]], at: UInt32(start), next: 100, policy: .linux)
    }
    let taken = fixture.buffer.takeContiguous(from: SequenceNumber(100), pool: &fixture.pool)
    let isKept = fixture.retained.append(
      chain: taken.chain, at: SequenceNumber(100), from: fixture.pool, blocks: &fixture.blocks)
    #expect(isKept)
    fixture.pool.releaseChain(taken.chain)
    let result = fixture.compare(stream, at: 0)
    #expect(result.compared == 5000 && result.firstDifference == -1)
    #expect(fixture.blocks.count == (5000 + 1_503) / 1_504)
  }

  @Test func aByteFarIntoManyRetainedOnesIsFoundInFewSteps() {
    var fixture = BufferFixture()
    let block = [UInt8](repeating: 1, count: 1 << 14)
    for index in 0..<UInt32(256) { fixture.retain(block, at: index << 14) }
    // The short cuts before the first block that is left are gone.
    fixture.release(below: 100 * 1_504)
    for ordinal in [UInt32(100), 127, 128, 1_000, 2_788] {
      let (index, steps) = fixture.retained.find(SequenceNumber(ordinal * 1_504), blocks: fixture.blocks)
      #expect(fixture.blocks.pointer(index).pointee.ordinal == ordinal + 1)
      #expect(steps <= 62 + 2_789 / 32)
    }
  }

  @Test func withoutBlocksNothingIsRetainedAndTheNextBytesBeginAnew() {
    var fixture = BufferFixture()
    fixture.blocks = Slab(capacity: 2)
    let first = fixture.retain(.init(repeating: 1, count: 3_000), at: 0)
    let second = fixture.retain(.init(repeating: 2, count: 100), at: 3_000)
    #expect(first && !second && fixture.retained.isEmpty && fixture.blocks.count == 0)
    let third = fixture.retain(.init(repeating: 3, count: 100), at: 3_100)
    #expect(third)
    #expect(fixture.compare(.init(repeating: 3, count: 100), at: 3_100).compared == 100)
  }
}
