extension ReceiveBuffer {
  /// Takes the queued bytes that follow on `next` without a hole out of the queue.
  ///
  /// - Returns: Their number, and a chain that holds them for `SegmentPool.forEachSpan` until it is given back with
  ///   `SegmentPool.releaseChain`; 0 and 0 when the byte at `next` is not queued. Queued bytes below `next` are dropped.
  ///
  /// - Parameter limit: Bytes from here on stay in the queue. When the pool has no chunk for the part of a chunk that
  ///   stays, all of that chunk does.
  public mutating func takeContiguous(
    from next: SequenceNumber, upTo limit: SequenceNumber? = nil, pool: inout SegmentPool
  ) -> (chain: UInt32, count: UInt32) {
    guard queueHead != 0 else { return (0, 0) }
    if pool.chunk(queueHead).pointee.start < next { dropQueued(below: next, pool: &pool) }
    guard queueHead != 0, pool.chunk(queueHead).pointee.start == next else { return (0, 0) }
    let chain = queueHead
    if let limit {
      split(at: limit, pool: &pool)
      guard pool.chunk(chain).pointee.end <= limit else { return (0, 0) }
    }
    var last = chain
    var chunks: UInt32 = 1
    while true {
      let chunk = pool.chunk(last).pointee
      guard chunk.next != 0, pool.chunk(chunk.next).pointee.start == chunk.end else { break }
      if let limit, pool.chunk(chunk.next).pointee.end > limit { break }
      pool.countStep()
      last = chunk.next
      chunks &+= 1
    }
    let end = pool.chunk(last).pointee.end
    let count = UInt32(bitPattern: end.distance(from: next))
    cut(after: last, chunks: chunks, bytes: count, pool: &pool)
    pool.chunk(last).pointee.next = 0
    return (chain, count)
  }

  /// Cuts the chunk that holds the bytes on both sides of `sequence` in two, if there is one and the pool has room.
  private mutating func split(at sequence: SequenceNumber, pool: inout SegmentPool) {
    let index = lastChunk(startingBelow: sequence, pool: &pool)
    guard index != 0, pool.chunk(index).pointee.end > sequence else { return }
    let rest = pool.allocate()
    guard rest != 0 else { return }
    let chunk = pool.chunk(index)
    let behind = Int(chunk.pointee.end.distance(from: sequence))
    let kept = Int(chunk.pointee.count) &- behind
    var header = chunk.pointee
    header.start = sequence
    header.count = UInt8(truncatingIfNeeded: behind)
    header.offset = 0
    header.rank = 0
    pool.chunk(rest).initialize(to: header)
    pool.storage(rest).copyMemory(from: pool.bytes(index) + kept, byteCount: behind)
    chunk.pointee.count = UInt8(truncatingIfNeeded: kept)
    chunk.pointee.next = rest
    queueChunks &+= 1
    pool.treeInsert(&queueRoot, rest)
  }

  /// The lowest range of queued bytes without a hole, or `nil` when nothing is queued. Costs O(chunks in the range).
  public func firstQueued(pool: borrowing SegmentPool) -> (start: SequenceNumber, end: SequenceNumber)? {
    guard queueHead != 0 else { return nil }
    let range = pool.contiguousRange(queueHead)
    return (range.start, range.end)
  }

  /// The number behind the last queued byte, or `nil` when nothing is queued. Costs O(log n).
  public func lastQueued(pool: borrowing SegmentPool) -> SequenceNumber? {
    guard queueHead != 0 else { return nil }
    var last = pool.treeLast(queueRoot)
    while pool.chunk(last).pointee.next != 0 { last = pool.chunk(last).pointee.next }
    return pool.chunk(last).pointee.end
  }

  /// Calls `body` with the start and the end of each range of queued bytes without a hole, lowest first.
  @inlinable public func forEachRange(
    pool: borrowing SegmentPool, _ body: (_ start: SequenceNumber, _ end: SequenceNumber) -> Void
  ) {
    var index = queueHead
    while index != 0 {
      let range = pool.contiguousRange(index)
      body(range.start, range.end)
      index = range.next
    }
  }

  /// Gives all queued bytes back to the pool.
  public mutating func dropQueued(pool: inout SegmentPool) {
    pool.releaseChain(queueHead)
    queueRoot = 0
    queueHead = 0
    queueChunks = 0
    queuedBytes = 0
  }

  /// Gives the queued bytes below `sequence` back to the pool.
  public mutating func dropQueued(below sequence: SequenceNumber, pool: inout SegmentPool) {
    guard queueHead != 0, pool.chunk(queueHead).pointee.start < sequence else { return }
    let first = queueHead
    var last: UInt32 = 0
    var current = first
    var chunks: UInt32 = 0
    var bytes: UInt32 = 0
    while current != 0, pool.chunk(current).pointee.end <= sequence {
      pool.countStep()
      bytes &+= UInt32(pool.chunk(current).pointee.count)
      chunks &+= 1
      last = current
      current = pool.chunk(current).pointee.next
    }
    if chunks != 0 {
      cut(after: last, chunks: chunks, bytes: bytes, pool: &pool)
      pool.release(from: first, through: last, count: chunks)
    }
    guard queueHead != 0 else { return }
    let head = pool.chunk(queueHead)
    let below = sequence.distance(from: head.pointee.start)
    if below > 0 {
      head.pointee.start = sequence
      head.pointee.offset &+= UInt8(truncatingIfNeeded: below)
      head.pointee.count &-= UInt8(truncatingIfNeeded: below)
      queuedBytes &-= UInt32(bitPattern: below)
    }
  }

  /// The last chunk that starts below `sequence`, or 0.
  mutating func lastChunk(startingBelow sequence: SequenceNumber, pool: inout SegmentPool) -> UInt32 {
    var index = pool.treeLower(queueRoot, sequence)
    guard index != 0 else { return 0 }
    while true {
      let next = pool.chunk(index).pointee.next
      guard next != 0, pool.chunk(next).pointee.rank != 0, pool.chunk(next).pointee.start < sequence else {
        return index
      }
      pool.countStep()
      index = next
    }
  }

  /// Takes the first `chunks` chunks, of which `last` is the last, off the queue, and makes sure that the next one is in
  /// the tree.
  private mutating func cut(after last: UInt32, chunks: UInt32, bytes: UInt32, pool: inout SegmentPool) {
    queueHead = pool.chunk(last).pointee.next
    queueChunks &-= chunks
    queuedBytes &-= bytes
    guard queueHead != 0 else {
      queueRoot = 0
      return
    }
    pool.treeDrop(&queueRoot, below: pool.chunk(queueHead).pointee.start)
    if pool.chunk(queueHead).pointee.rank != 0 { pool.treeInsert(&queueRoot, queueHead) }
  }
}

extension SegmentPool {
  /// The range of bytes without a hole that begins with the chunk `first`, and the chunk behind it, or 0.
  @usableFromInline func contiguousRange(
    _ first: UInt32
  ) -> (start: SequenceNumber, end: SequenceNumber, next: UInt32) {
    let start = chunk(first).pointee.start
    var end = chunk(first).pointee.end
    var next = chunk(first).pointee.next
    while next != 0, chunk(next).pointee.start == end {
      end = chunk(next).pointee.end
      next = chunk(next).pointee.next
    }
    return (start, end, next)
  }
}
