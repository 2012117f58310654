import MOSCore
import Testing

@testable import MTCP

/// A buffer with its pool, with arrays in place of pointers.
struct BufferFixture: ~Copyable {
  var pool: SegmentPool
  var buffer = ReceiveBuffer()
  var blocks = Slab<RetainedBlock>(capacity: 8_192)
  var retained = RetainedBytes()

  init(maximumBytes: Int = 8 << 20) {
    pool = SegmentPool(maximumBytes: maximumBytes)
    // The same tree in each run.
    pool.random = 1
  }

  var bytesInUse: Int { pool.bytesInUse }
  var steps: Int { pool.steps }

  @discardableResult
  mutating func insert(
    _ bytes: [UInt8], at start: UInt32, next: UInt32, policy: OverlapPolicy = .first, limit: UInt32 = 1 << 20
  ) -> InsertResult {
    bytes.withUnsafeBytes {
      buffer.insert(
        $0.baseAddress!, count: UInt32($0.count), at: SequenceNumber(start), next: SequenceNumber(next),
        policy: policy, limit: limit, pool: &pool)
    }
  }

  /// Takes what follows on `next`, and gives the chain back.
  mutating func take(from next: UInt32) -> [UInt8] {
    let taken = buffer.takeContiguous(from: SequenceNumber(next), pool: &pool)
    let bytes = read(taken.chain)
    #expect(bytes.count == Int(taken.count))
    pool.releaseChain(taken.chain)
    return bytes
  }

  func read(_ chain: UInt32) -> [UInt8] {
    var bytes: [UInt8] = []
    pool.forEachSpan(chain) { bytes.append(contentsOf: $0) }
    return bytes
  }

  /// The queued bytes in order, without the holes.
  var queued: [UInt8] { read(buffer.queueHead) }

  /// Start and end of each range.
  var ranges: [[UInt32]] {
    var result: [[UInt32]] = []
    buffer.forEachRange(pool: pool) { result.append([$0.rawValue, $1.rawValue]) }
    return result
  }

  @discardableResult
  mutating func retain(_ bytes: [UInt8], at start: UInt32) -> Bool {
    bytes.withUnsafeBytes {
      retained.append($0.baseAddress!, count: UInt32($0.count), at: SequenceNumber(start), blocks: &blocks)
    }
  }

  func compare(_ bytes: [UInt8], at start: UInt32) -> (compared: UInt32, firstDifference: Int32) {
    bytes.withUnsafeBytes {
      retained.compare($0.baseAddress!, count: UInt32($0.count), at: SequenceNumber(start), blocks: blocks)
    }
  }

  mutating func release(below acknowledged: UInt32) {
    retained.release(below: SequenceNumber(acknowledged), blocks: &blocks)
  }

  mutating func removeAll() {
    buffer.dropQueued(pool: &pool)
    retained.removeAll(blocks: &blocks)
  }

  /// Checks everything that must hold of the queue and its tree, and the accounts. Returns the tree's depth.
  @discardableResult
  func checkQueue(sourceLocation: SourceLocation = #_sourceLocation) -> Int {
    var chunks: UInt32 = 0
    var bytes: UInt32 = 0
    var leaders: [UInt32] = []
    var run = 0
    var index = buffer.queueHead
    var isRight = true
    while index != 0 {
      let chunk = pool.chunk(index).pointee
      chunks += 1
      bytes += UInt32(chunk.count)
      isRight = isRight && chunk.count > 0 && Int(chunk.offset) + Int(chunk.count) <= SegmentChunk.capacity
      run = chunk.rank == 0 ? 0 : run + 1
      isRight = isRight && run <= 7 && (index != buffer.queueHead || chunk.rank == 0)
      if chunk.rank == 0 { leaders.append(index) }
      if chunk.next != 0 { isRight = isRight && chunk.end <= pool.chunk(chunk.next).pointee.start }
      index = chunk.next
    }
    #expect(isRight, "a chunk is empty, out of bounds, out of order, or too far from one in the tree")
    #expect(chunks == buffer.queueChunks, sourceLocation: sourceLocation)
    #expect(bytes == buffer.queuedBytes, sourceLocation: sourceLocation)
    var inOrder: [UInt32] = []
    var depth = 0
    var stack: [(index: UInt32, depth: Int, visited: Bool)] = [(buffer.queueRoot, 1, false)]
    while let top = stack.popLast() {
      guard top.index != 0 else { continue }
      if top.visited {
        inOrder.append(top.index)
        continue
      }
      depth = max(depth, top.depth)
      let node = pool.chunk(top.index).pointee
      stack.append((node.right, top.depth + 1, false))
      stack.append((top.index, top.depth, true))
      stack.append((node.left, top.depth + 1, false))
    }
    #expect(inOrder == leaders, "the tree is not the list's chunks of rank 0", sourceLocation: sourceLocation)
    return depth
  }
}
