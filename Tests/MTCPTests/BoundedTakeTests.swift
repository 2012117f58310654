import Testing

@testable import MTCP

@Suite("Taking queued bytes up to a limit")
struct BoundedTakeTests {
  @Test("What is taken and what stays make up what was queued, wherever the limit lies")
  func everyLimit() {
    for limit in 0...1_300 {
      var pool = SegmentPool(maximumBytes: 1 << 20)
      var buffer = ReceiveBuffer()
      let bytes = (0..<1_200).map { UInt8(truncatingIfNeeded: $0 &* 7) }
      let base = SequenceNumber(.max - 500)
      for start in stride(from: 1_000, through: 0, by: -200) {
        bytes.withUnsafeBytes {
          _ = buffer.insert(
            $0.baseAddress! + start, count: 200, at: base + UInt32(start), next: base, policy: .linux, limit: 1 << 20,
            pool: &pool)
        }
      }
      var read: [UInt8] = []
      let first = buffer.takeContiguous(from: base, upTo: base + UInt32(limit), pool: &pool)
      pool.forEachSpan(first.chain) { read += Array($0) }
      #expect(read.count == min(limit, 1_200) && read.count == Int(first.count))
      #expect(Int(buffer.queuedBytes) == 1_200 - read.count)
      let rest = buffer.takeContiguous(from: base + first.count, pool: &pool)
      pool.forEachSpan(rest.chain) { read += Array($0) }
      #expect(read == bytes)
      pool.releaseChain(first.chain)
      pool.releaseChain(rest.chain)
      #expect(pool.bytesInUse == 0)
    }
  }

  @Test("Without room for the part that stays, the whole chunk stays")
  func exhaustedPool() {
    var pool = SegmentPool(maximumBytes: 512)
    var buffer = ReceiveBuffer()
    let bytes = [UInt8](repeating: 1, count: 400)
    bytes.withUnsafeBytes {
      _ = buffer.insert(
        $0.baseAddress!, count: 400, at: SequenceNumber(0), next: SequenceNumber(0), policy: .first, limit: 1 << 20,
        pool: &pool)
    }
    #expect(buffer.takeContiguous(from: SequenceNumber(0), upTo: SequenceNumber(100), pool: &pool).count == 0)
    let taken = buffer.takeContiguous(from: SequenceNumber(0), upTo: SequenceNumber(300), pool: &pool)
    #expect(taken.count == 224 && buffer.queuedBytes == 176)
    pool.releaseChain(taken.chain)
    buffer.dropQueued(pool: &pool)
    #expect(pool.bytesInUse == 0)
  }
}
