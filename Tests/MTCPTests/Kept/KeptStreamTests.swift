import MOSCore
import Testing

@testable import MTCP

@Suite("Kept streams")
struct KeptStreamTests {
  @Test("a new stream takes 48 bytes of zeros, no block, and has nothing to read")
  func empty() {
    #expect(MemoryLayout<KeptStream>.size == 48 && MemoryLayout<KeptStream>.stride == 48)
    #expect(MemoryLayout<KeptBlock>.size == 1_536)
    #expect(withUnsafeBytes(of: KeptStream()) { $0.allSatisfy { $0 == 0 } })
    let fixture = KeptStreamFixture()
    #expect(fixture.parts() == [])
    #expect(fixture.range(from: 0) == nil && !fixture.contains(0..<1) && fixture.contains(0..<0))
  }

  @Test("a segment is one span; read and discarded, it takes no block any more")
  func segment() {
    let fixture = KeptStreamFixture()
    for index in 0..<UInt64(100) {
      #expect(fixture.append(1_460))
      guard case .bytes(let bytes, at: index * 1_460) = fixture.stream.next(from: index * 1_460, blocks: fixture.blocks)
      else {
        Issue.record("no bytes at segment \(index)")
        return
      }
      #expect(bytes.count == 1_460 && fixture.blocks.count == 1)
      fixture.discard(before: fixture.stream.nextOffset)
      #expect(fixture.blocks.count == 0 && fixture.stream.keptBytes == 0)
    }
    #expect(fixture.parts() == [.dropped(146_000)] && fixture.stream.droppedBytes == 0)
    #expect(fixture.append(1) && fixture.parts(from: 146_000) == [.bytes(1)])
  }

  @Test("several readers read at their own pace; what the last of them has read is given back")
  func readers() {
    let fixture = KeptStreamFixture()
    var generator = SeededGenerator(seed: 8)
    var cursors: [StreamCursor] = .init(repeating: StreamCursor(), count: 3)
    while fixture.stream.nextOffset < 60_000 {
      fixture.append(Int.random(in: 1...1_460, using: &generator))
      let index = Int.random(in: 0..<3, using: &generator)
      for _ in 0..<Int.random(in: 0...4, using: &generator) {
        guard case .bytes(let bytes, let start) = cursors[index].peek(fixture.stream, blocks: fixture.blocks) else {
          break
        }
        #expect(bytes.indices.allSatisfy { bytes[$0] == KeptStreamFixture.byte(start + UInt64($0)) })
        cursors[index].advance(by: UInt64(Int.random(in: 1...bytes.count, using: &generator)))
      }
      let slowest = cursors.map(\.offset).min()!
      fixture.discard(before: slowest)
      let kept = fixture.stream.nextOffset - slowest
      #expect(fixture.stream.keptBytes == kept && fixture.parts(from: slowest) == [.bytes(kept)])
      #expect(fixture.blocks.count <= kept / 1_504 + 2)
    }
  }

  @Test("a gap is told with its length, wherever the reader stands, and the stream goes on behind it")
  func gaps() {
    let fixture = KeptStreamFixture()
    fixture.stream.skip(to: 10)
    fixture.append(100)
    fixture.stream.skip(to: 150)
    fixture.stream.skip(to: 160)
    #expect(fixture.parts() == [.gap(10), .bytes(100), .gap(50)])
    fixture.append(3_000)
    fixture.stream.skip(to: 3_160)
    fixture.append(5)
    #expect(fixture.parts() == [.gap(10), .bytes(100), .gap(50), .bytes(3_005)])
    #expect(fixture.parts(from: 159) == [.gap(1), .bytes(3_005)] && fixture.parts(from: 9).first == .gap(1))
    #expect(fixture.contains(10..<110) && !fixture.contains(9..<20) && !fixture.contains(100..<111))
    #expect(fixture.contains(160..<3_165) && !fixture.contains(160..<3_166) && !fixture.contains(120..<140))
    #expect([0, 10, 50, 110, 160, 3_164].map { fixture.range(from: $0)?.lowerBound } == [10, 10, 50, 160, 160, 3_164])
    #expect([0, 110].map { fixture.range(from: $0)?.upperBound } == [110, 3_165] && fixture.range(from: 3_165) == nil)
  }

  @Test("a gap is told also when all before it, or a part of it, was discarded")
  func gapAtTheBeginning() {
    let fixture = KeptStreamFixture()
    fixture.append(100)
    fixture.stream.skip(to: 200)
    fixture.discard(before: 100)
    #expect(fixture.blocks.count == 0 && fixture.parts(from: 100) == [.gap(100)])
    fixture.append(10)
    fixture.discard(before: 130)
    #expect(fixture.parts(from: 120) == [.dropped(10), .gap(70), .bytes(10)])
    fixture.discard(before: 205)
    #expect(fixture.parts(from: 205) == [.bytes(5)] && fixture.stream.keptBytes == 5)
  }

  @Test("copying goes across blocks, and stops at a gap, at the end, and when the buffer is full")
  func copying() {
    let fixture = KeptStreamFixture()
    fixture.append(4_000)
    fixture.stream.skip(to: 5_000)
    fixture.append(100)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 6_000, alignment: 1)
    defer { buffer.deallocate() }
    var cursor = StreamCursor(offset: 1_500)
    let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<10])
    let filled = cursor.read(fixture.stream, into: part, blocks: fixture.blocks)
    #expect(filled == 10)
    #expect(part.indices.allSatisfy { part[$0] == KeptStreamFixture.byte(1_500 + UInt64($0)) })
    let upToTheGap = cursor.read(fixture.stream, into: buffer, blocks: fixture.blocks)
    #expect(upToTheGap == 2_490)
    #expect((0..<2_490).allSatisfy { buffer[$0] == KeptStreamFixture.byte(1_510 + UInt64($0)) })
    let inTheGap = cursor.read(fixture.stream, into: buffer, blocks: fixture.blocks)
    #expect(cursor.offset == 4_000 && inTheGap == 0)
    #expect(fixture.stream.copy(from: 5_050, into: buffer, blocks: fixture.blocks) == 50)
    for offset in [UInt64(4_999), 5_100, 9_000, .max] {
      #expect(fixture.stream.copy(from: offset, into: buffer, blocks: fixture.blocks) == 0)
    }
    let nothing = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    #expect(fixture.stream.copy(from: 0, into: nothing, blocks: fixture.blocks) == 0)
  }

  @Test(
    "the last n bytes are kept, to the byte; a reader that lags is told how many it lost", arguments: [1, 1_504, 4_000])
  func limit(limit: UInt64) {
    let fixture = KeptStreamFixture()
    for _ in 0..<30 { #expect(fixture.append(700, limit: limit)) }
    #expect(fixture.parts() == [.dropped(21_000 - limit), .bytes(limit)])
    #expect(fixture.stream.droppedBytes == 21_000 - limit && fixture.stream.firstOffset == 21_000 - limit)
    #expect(fixture.blocks.count <= limit / 1_504 + 2)
    #expect(fixture.append(9_000, limit: limit) && fixture.parts(from: 30_000 - limit) == [.bytes(limit)])
  }

  @Test("with a limit of 0 nothing is kept, and where the stream is is still known")
  func limitZero() {
    let fixture = KeptStreamFixture()
    #expect(fixture.append(1_000, limit: 0) && fixture.blocks.count == 0)
    #expect(fixture.stream.nextOffset == 1_000 && fixture.parts() == [.dropped(1_000)])
    fixture.append(1_000)
    fixture.stream.trim(to: 300, blocks: &fixture.blocks)
    #expect(fixture.parts() == [.dropped(1_700), .bytes(300)])
    fixture.stream.trim(to: 0, blocks: &fixture.blocks)
    #expect(fixture.parts() == [.dropped(2_000)] && fixture.blocks.count == 0)
  }

  @Test("gaps that are kept do not count for the limit; those older than what is kept go")
  func limitWithGaps() {
    let fixture = KeptStreamFixture()
    fixture.append(1_000, limit: 2_000)
    fixture.stream.skip(to: 1_000_000)
    fixture.append(1_000, limit: 2_000)
    #expect(fixture.parts() == [.bytes(1_000), .gap(999_000), .bytes(1_000)])
    fixture.append(1_000, limit: 2_000)
    #expect(fixture.parts() == [.dropped(1_000), .gap(999_000), .bytes(2_000)])
    fixture.append(1, limit: 2_000)
    #expect(fixture.parts() == [.dropped(1_000_001), .bytes(2_000)])
  }

  @Test("a peer that has a gap before each byte gets no more blocks than twice what the limit needs, and four")
  func manyGaps() {
    let fixture = KeptStreamFixture(blocks: 1_000)
    for index in 0..<UInt64(500) {
      fixture.append(1, limit: 15_040)
      fixture.stream.skip(to: 2 * index + 2)
    }
    #expect(fixture.blocks.count == 24 && fixture.stream.keptBytes == 24 && fixture.stream.droppedBytes == 476)
    #expect(fixture.parts().first == .dropped(951) && fixture.parts(from: 999) == [.gap(1)])
    #expect(fixture.parts().count == 2 + 2 * 24)
  }

  @Test("without a block the new bytes are lost, and told; the stream goes on when there is one")
  func noBlocks() {
    let fixture = KeptStreamFixture(blocks: 1)
    let taken = fixture.blocks.allocate()
    #expect(!fixture.append(100) && !fixture.append(200))
    #expect(fixture.parts() == [.dropped(300)] && fixture.stream.droppedBytes == 300)
    fixture.stream.skip(to: 350)
    #expect(fixture.parts(from: 300) == [.gap(50)])
    fixture.blocks.free(taken)
    #expect(fixture.append(100))
    #expect(fixture.parts() == [.dropped(300), .gap(50), .bytes(100)])
  }

  @Test("when the slab is used up a stream goes on in its own oldest block, and takes none from others")
  func exhaustion() {
    let fixture = KeptStreamFixture(blocks: 4)
    var other = KeptStream()
    let bytes = [UInt8](repeating: 9, count: 3_000)
    let isKept = bytes.withUnsafeBytes { other.append($0.baseAddress!, count: 3_000, at: 0, blocks: &fixture.blocks) }
    #expect(isKept)
    #expect(fixture.append(3_008) && !fixture.append(1))
    #expect(fixture.parts() == [.dropped(1_504), .bytes(1_505)] && fixture.stream.droppedBytes == 1_504)
    #expect(fixture.append(1_503))
    #expect(!fixture.append(100_000))
    #expect(fixture.stream.nextOffset == 104_512 && fixture.stream.firstOffset > 104_512 - 3_008)
    #expect(fixture.parts(from: fixture.stream.firstOffset) == [.bytes(fixture.stream.keptBytes)])
    let otherIsWhole = other.contains(0..<3_000, blocks: fixture.blocks)
    #expect(otherIsWhole && fixture.blocks.count == 4)
  }

  @Test("bytes that are known already are passed over; the first that came count")
  func overlap() {
    let fixture = KeptStreamFixture()
    fixture.append(100)
    let others = [UInt8](repeating: 0xee, count: 50)
    others.withUnsafeBytes {
      let isKept = fixture.stream.append($0.baseAddress!, count: 50, at: 30, blocks: &fixture.blocks)
      #expect(isKept)
    }
    fixture.append(120, at: 0)
    fixture.append(20, at: 110)
    #expect(fixture.parts() == [.bytes(130)])
    fixture.stream.skip(to: 90)
    #expect(fixture.stream.nextOffset == 130)
  }

  @Test("bytes beyond the next ones: those between were not offered, which is no gap")
  func jump() {
    let fixture = KeptStreamFixture()
    fixture.append(100)
    fixture.append(10, at: 500)
    #expect(fixture.parts() == [.dropped(500), .bytes(10)] && fixture.blocks.count == 1)
    #expect(fixture.stream.droppedBytes == 100)
    fixture.stream.restart(at: 9_000, blocks: &fixture.blocks)
    #expect(fixture.parts(from: 505) == [.dropped(8_495)] && fixture.blocks.count == 0)
    fixture.append(10)
    #expect(fixture.parts(from: 9_000) == [.bytes(10)])
    fixture.stream.removeAll(blocks: &fixture.blocks)
    #expect(fixture.blocks.count == 0 && withUnsafeBytes(of: fixture.stream) { $0.allSatisfy { $0 == 0 } })
  }

  @Test("a reader beyond the end, and one told to go on for ever, find the end")
  func beyond() {
    let fixture = KeptStreamFixture()
    fixture.append(10)
    for offset in [UInt64(10), 11, 1 << 32, .max] { #expect(fixture.parts(from: offset) == []) }
    var cursor = StreamCursor(offset: 5)
    cursor.advance(by: .max)
    cursor.advance(by: .max)
    #expect(cursor.offset == .max)
    fixture.discard(before: .max)
    #expect(fixture.stream.firstOffset == 10 && fixture.stream.nextOffset == 10 && fixture.blocks.count == 0)
    fixture.append(10)
    #expect(fixture.parts(from: 10) == [.bytes(10)])
  }

  @Test("offsets beyond 4 GiB, and up to the last that there can be")
  func largeOffsets() {
    let fixture = KeptStreamFixture()
    fixture.append(2_000, at: 1 << 32 - 1_000)
    #expect(fixture.parts() == [.dropped(1 << 32 - 1_000), .bytes(2_000)])
    fixture.stream.skip(to: .max - 3_000)
    fixture.append(2_000)
    #expect(fixture.parts(from: 1 << 32) == [.bytes(1_000), .gap(.max - 4_000 - 1 << 32), .bytes(2_000)])
    #expect(fixture.range(from: 1 << 33) == UInt64.max - 3_000..<UInt64.max - 1_000)
    #expect(!fixture.append(1_200) && fixture.stream.nextOffset == .max && fixture.stream.droppedBytes == 200)
    #expect(fixture.parts(from: .max - 5) == [.bytes(5)] && fixture.parts(from: .max) == [])
    #expect(!fixture.append(10) && fixture.stream.keptBytes == 5_000)
    fixture.stream.skip(to: .max)
    fixture.discard(before: .max)
    #expect(fixture.blocks.count == 0 && fixture.parts(from: 1) == [.dropped(.max - 1)])
  }

  @Test("an offset among many blocks is found in few steps, also behind blocks that were given back")
  func findingInManyBlocks() {
    let fixture = KeptStreamFixture(blocks: 9_000)
    for _ in 0..<8_000 { fixture.append(1_504) }
    // Twice the logarithm to go down, and as many to come to a long jump.
    let most = 4 * 13
    for first in [UInt64(0), 1, 4_095, 5_000, 7_990] {
      fixture.discard(before: first * 1_504)
      for ordinal in [first, first + 1, (first + 8_000) / 2, 7_997, 7_999] {
        let (index, steps) = fixture.stream.find(ordinal * 1_504 + 7, blocks: fixture.blocks)
        #expect(fixture.blocks.pointer(index).pointee.start == ordinal * 1_504 && steps <= most, "\(first) \(ordinal)")
      }
    }
    for _ in 0..<8_000 {
      fixture.append(1_504)
      fixture.discard(before: fixture.stream.nextOffset - 200 * 1_504)
    }
    let (index, steps) = fixture.stream.find(fixture.stream.firstOffset, blocks: fixture.blocks)
    #expect(fixture.blocks.pointer(index).pointee.start == fixture.stream.firstOffset && steps <= 4 * 8)
  }

  @Test("a block that was given back and taken by another stream misleads nobody")
  func reusedBlock() {
    let fixture = KeptStreamFixture(blocks: 5)
    let bytes = [UInt8](repeating: 9, count: 1_504)
    var other = KeptStream()
    other.restart(at: 1 << 40, blocks: &fixture.blocks)
    func appendToOther() {
      bytes.withUnsafeBytes {
        _ = other.append($0.baseAddress!, count: 1_504, at: other.nextOffset, blocks: &fixture.blocks)
      }
    }
    appendToOther()
    fixture.append(3 * 1_504)
    fixture.discard(before: 2 * 1_504)
    // Takes the block to which the jump of the third one leads.
    appendToOther()
    fixture.append(1_504)
    #expect(fixture.parts(from: 2 * 1_504) == [.bytes(2 * 1_504)])
    let otherIsWhole = other.contains(1 << 40..<1 << 40 + 3_008, blocks: fixture.blocks)
    #expect(otherIsWhole)
  }
}
