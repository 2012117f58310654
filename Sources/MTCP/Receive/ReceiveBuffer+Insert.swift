/// Unsafe code: writes chunks through pointers. What must hold: the chunks from `queueHead` on are sorted and disjoint,
/// each has 1 to 224 bytes, those of rank 0 are in the tree, the first is one of them, and at most 7 of another rank
/// follow one. All of them lie within three eighths of the sequence space, so that their order is defined.
extension ReceiveBuffer {
  /// Puts a segment, or what of it lies above `next`, into the queue.
  ///
  /// Where it overlaps queued bytes, `policy` decides, for each queued segment by the boundaries that this and the new
  /// one were sent with, whose bytes stay. Small neighbours share chunks where that cannot change such a decision: when
  /// they come from segments with the same boundaries, or when the policy does not look at boundaries. Beyond 1,024
  /// chunks that hold less than 160 bytes each on average, neighbours are joined regardless, and count as one segment
  /// from then on.
  ///
  /// - Parameters:
  ///   - bytes: The segment's payload, `count` bytes, 0 to 2^31 - 1.
  ///   - start: The sequence number of its first byte.
  ///   - next: RCV.NXT. Bytes below it are not looked at.
  ///   - limit: How many bytes of memory the queue may take, chunk headers included. Does not bind a segment that
  ///     starts at `next` or below, as it leaves the queue at once.
  ///   - pool: Where the bytes go.
  /// - Returns: What was stored, and what was there already.
  public mutating func insert(
    _ bytes: UnsafeRawPointer, count: UInt32, at start: SequenceNumber, next: SequenceNumber, policy: OverlapPolicy,
    limit: UInt32, pool: inout SegmentPool
  ) -> InsertResult {
    let below = start < next ? UInt32(bitPattern: next.distance(from: start)) : 0
    guard count > below, count <= UInt32(Int32.max) else { return InsertResult() }
    guard isOrdered(start + below, start + count, pool: pool) else {
      var result = InsertResult()
      result.isFull = true
      return result
    }
    var insertion = QueueInsertion(
      bytes: bytes, start: start, end: start + count, policy: policy,
      chunkLimit: start <= next ? .max : limit / UInt32(SegmentChunk.size),
      isSparse: queueChunks > 1024 && UInt64(queuedBytes) < UInt64(queueChunks) &* 160, buffer: self)
    insertion.run(from: start + below, pool: &pool)
    self = insertion.buffer
    queuedBytes &+= insertion.result.stored
    return insertion.result
  }

  /// Whether a range lies so near to all that is queued that sequence numbers order them. A window is at most 2^30
  /// bytes (RFC 7323 2.3), so that this fails only for a segment that no window allows.
  func isOrdered(_ start: SequenceNumber, _ end: SequenceNumber, pool: borrowing SegmentPool) -> Bool {
    let span = UInt32(3) << 29
    guard queueHead != 0 else { return end.rawValue &- start.rawValue < span }
    let head = pool.chunk(queueHead).pointee.start
    if head <= start { return end.rawValue &- head.rawValue < span }
    let last = pool.chunk(pool.treeLast(queueRoot)).pointee.start
    return last.rawValue &- start.rawValue < span && end.rawValue &- start.rawValue < span
  }
}

/// One segment on its way into a queue.
private struct QueueInsertion {
  let bytes: UnsafeRawPointer
  let start: SequenceNumber
  let end: SequenceNumber
  let policy: OverlapPolicy
  let chunkLimit: UInt32
  let isSparse: Bool
  var buffer: ReceiveBuffer
  var result = InsertResult()
  /// The last chunk that lies wholly below the position, 0 for none. Not set while the position is inside a chunk.
  var previous: UInt32 = 0

  /// Walks over the queued chunks from `position` to the segment's end, and fills what is missing between them.
  mutating func run(from position: SequenceNumber, pool: inout SegmentPool) {
    var position = position
    var current = buffer.lastChunk(startingBelow: position, pool: &pool)
    if current == 0 {
      current = buffer.queueHead
    } else if pool.chunk(current).pointee.end <= position {
      previous = current
      current = pool.chunk(current).pointee.next
    }
    while position < end {
      pool.countStep()
      if current == 0 || pool.chunk(current).pointee.start >= end {
        _ = fill(from: position, to: end, before: current, pool: &pool)
        return
      }
      let queuedStart = pool.chunk(current).pointee.start
      if position < queuedStart {
        guard let following = fill(from: position, to: queuedStart, before: current, pool: &pool) else { return }
        position = queuedStart
        if following != current {
          // The queued chunk was joined with the one before it, which now reaches beyond the position.
          current = following
          continue
        }
      }
      let queuedEnd = pool.chunk(current).pointee.end
      let overlapEnd = end < queuedEnd ? end : queuedEnd
      guard overlap(from: position, to: overlapEnd, with: current, pool: &pool) else { return }
      position = overlapEnd
      current = pool.chunk(previous).pointee.next
    }
  }

  /// Whether chunks may be joined though that loses where one segment ended.
  private var mayJoinAny: Bool { isSparse || policy.ignoresBoundaries }

  private func source(_ position: SequenceNumber) -> UnsafeRawPointer {
    bytes + Int(position.distance(from: start))
  }

  private func mayJoin(_ chunk: SegmentChunk) -> Bool {
    mayJoinAny || (chunk.originStart == start && chunk.originEnd == end)
  }

  private mutating func take(pool: inout SegmentPool) -> UInt32 {
    guard buffer.queueChunks < chunkLimit else { return 0 }
    let index = pool.allocate()
    if index != 0 { buffer.queueChunks &+= 1 }
    return index
  }

  /// Stores `from..<to`, where nothing is queued, between `previous` and `following`, and moves `previous` behind it.
  ///
  /// Returns the chunk that the byte at `to` is in, if there is one, else `following`; `nil` when memory ran out.
  private mutating func fill(
    from: SequenceNumber, to: SequenceNumber, before following: UInt32, pool: inout SegmentPool
  ) -> UInt32? {
    var position = from
    if previous != 0 { position = extend(previous, from: position, to: to, pool: &pool) }
    if position < to, following != 0, prepend(to: following, from: position, to: to, pool: &pool) { return following }
    var rank: UInt8 = 0
    while position < to {
      let index = take(pool: &pool)
      guard index != 0 else {
        result.isFull = true
        return nil
      }
      let length = min(Int(to.distance(from: position)), SegmentChunk.capacity)
      write(index, from: position, count: length, rank: rank, pool: &pool)
      rank = (rank &+ 1) & 7
      result.stored &+= UInt32(length)
      position = position + UInt32(length)
    }
    return join(previous, with: following, pool: &pool) ? previous : following
  }

  /// Fills a new chunk from the segment and links it behind `previous`, which it becomes.
  private mutating func write(
    _ index: UInt32, from position: SequenceNumber, count: Int, rank: UInt8, pool: inout SegmentPool
  ) {
    let following = previous == 0 ? buffer.queueHead : pool.chunk(previous).pointee.next
    pool.chunk(index).initialize(
      to: SegmentChunk(
        next: following, start: position, left: 0, right: 0, priority: 0, originStart: start, originEnd: end,
        offset: 0, count: UInt8(count), rank: rank))
    pool.storage(index).copyMemory(from: source(position), byteCount: count)
    link(index, pool: &pool)
    if rank == 0 { pool.treeInsert(&buffer.queueRoot, index) }
    previous = index
  }

  private mutating func link(_ index: UInt32, pool: inout SegmentPool) {
    if previous == 0 { buffer.queueHead = index } else { pool.chunk(previous).pointee.next = index }
  }

  /// Appends bytes to a chunk that ends at `from`, as far as there is room. Returns how far it came.
  private mutating func extend(
    _ index: UInt32, from: SequenceNumber, to: SequenceNumber, pool: inout SegmentPool
  ) -> SequenceNumber {
    let chunk = pool.chunk(index)
    guard chunk.pointee.end == from, mayJoin(chunk.pointee) else { return from }
    let held = Int(chunk.pointee.count)
    let length = min(Int(to.distance(from: from)), SegmentChunk.capacity &- held)
    guard length > 0 else { return from }
    moveBytes(of: index, to: 0, pool: &pool)
    (pool.storage(index) + held).copyMemory(from: source(from), byteCount: length)
    chunk.pointee.count = UInt8(held &+ length)
    widenOrigin(of: index, start, end, pool: &pool)
    result.stored &+= UInt32(length)
    return from + UInt32(length)
  }

  /// Puts `from..<to` in front of the bytes of a chunk that starts at `to`, if all of it fits.
  private mutating func prepend(
    to index: UInt32, from: SequenceNumber, to: SequenceNumber, pool: inout SegmentPool
  ) -> Bool {
    let chunk = pool.chunk(index)
    let length = Int(to.distance(from: from))
    let held = Int(chunk.pointee.count)
    guard chunk.pointee.start == to, length <= SegmentChunk.capacity &- held, mayJoin(chunk.pointee) else {
      return false
    }
    if Int(chunk.pointee.offset) < length { moveBytes(of: index, to: SegmentChunk.capacity &- held, pool: &pool) }
    chunk.pointee.offset &-= UInt8(length)
    chunk.pointee.count = UInt8(held &+ length)
    chunk.pointee.start = from
    pool.bytes(index).copyMemory(from: source(from), byteCount: length)
    widenOrigin(of: index, start, end, pool: &pool)
    result.stored &+= UInt32(length)
    return true
  }

  /// Moves the bytes of `following` into `index`, if they follow on it and fit, and gives `following` back.
  private mutating func join(_ index: UInt32, with following: UInt32, pool: inout SegmentPool) -> Bool {
    guard index != 0, following != 0 else { return false }
    let chunk = pool.chunk(index)
    let other = pool.chunk(following).pointee
    let held = Int(chunk.pointee.count)
    guard chunk.pointee.end == other.start, held &+ Int(other.count) <= SegmentChunk.capacity,
      mayJoinAny || (chunk.pointee.originStart == other.originStart && chunk.pointee.originEnd == other.originEnd)
    else { return false }
    if other.rank == 0 {
      // A chunk outside the tree that followed this one takes its place, so that no run of such chunks grows.
      let heir = other.next != 0 && pool.chunk(other.next).pointee.rank != 0 ? other.next : 0
      guard pool.treeRemove(&buffer.queueRoot, following, substitute: heir) else { return false }
    }
    moveBytes(of: index, to: 0, pool: &pool)
    (pool.storage(index) + held).copyMemory(from: pool.bytes(following), byteCount: Int(other.count))
    chunk.pointee.count &+= other.count
    chunk.pointee.next = other.next
    widenOrigin(of: index, other.originStart, other.originEnd, pool: &pool)
    pool.release(from: following, through: following, count: 1)
    buffer.queueChunks &-= 1
    return true
  }

  private func moveBytes(of index: UInt32, to offset: Int, pool: inout SegmentPool) {
    let chunk = pool.chunk(index)
    guard Int(chunk.pointee.offset) != offset else { return }
    (pool.storage(index) + offset).copyMemory(from: pool.bytes(index), byteCount: Int(chunk.pointee.count))
    chunk.pointee.offset = UInt8(offset)
  }

  private func widenOrigin(
    of index: UInt32, _ start: SequenceNumber, _ end: SequenceNumber, pool: inout SegmentPool
  ) {
    let chunk = pool.chunk(index)
    if start < chunk.pointee.originStart { chunk.pointee.originStart = start }
    if end > chunk.pointee.originEnd { chunk.pointee.originEnd = end }
  }

  /// Settles who wins `from..<to`, all of which is in the chunk `index`, and moves `previous` to the chunk that holds it
  /// now. `false` when memory ran out.
  private mutating func overlap(
    from: SequenceNumber, to: SequenceNumber, with index: UInt32, pool: inout SegmentPool
  ) -> Bool {
    let chunk = pool.chunk(index)
    let queued = chunk.pointee
    let length = Int(to.distance(from: from))
    let target = pool.bytes(index) + Int(from.distance(from: queued.start))
    let difference = ByteDifference(source(from), target, count: length)
    let wins = policy.newWins(
      newStart: start, newEnd: end, oldStart: queued.originStart, oldEnd: queued.originEnd)
    if !wins {
      previous = index
    } else {
      if mayJoin(queued) || (from == queued.start && to == queued.end) {
        if difference.count != 0 { target.copyMemory(from: source(from), byteCount: length) }
        previous = index
        if mayJoinAny {
          widenOrigin(of: index, start, end, pool: &pool)
        } else {
          chunk.pointee.originStart = start
          chunk.pointee.originEnd = end
        }
      } else if !replace(from: from, to: to, in: index, pool: &pool) {
        result.isFull = true
        return false
      }
    }
    result.duplicate &+= UInt32(length)
    if difference.count != 0 {
      if result.conflicting == 0 { result.conflictStart = from + UInt32(difference.first) }
      result.conflicting &+= difference.count
    }
    return true
  }

  /// Cuts `from..<to` out of the chunk `index`, of which it is a part, and puts the segment's bytes there as a chunk of
  /// their own, with the segment's boundaries. `false`, with nothing changed, when memory ran out.
  private mutating func replace(
    from: SequenceNumber, to: SequenceNumber, in index: UInt32, pool: inout SegmentPool
  ) -> Bool {
    let chunk = pool.chunk(index)
    let queued = chunk.pointee
    let kept = Int(from.distance(from: queued.start))
    let behind = Int(queued.end.distance(from: to))
    let piece = take(pool: &pool)
    guard piece != 0 else { return false }
    if kept == 0 {
      // The new bytes lie in front: the old chunk starts later, which leaves the tree's order as it is.
      chunk.pointee.start = to
      chunk.pointee.offset &+= UInt8(Int(queued.count) &- behind)
      chunk.pointee.count = UInt8(behind)
      // A chunk that is not in the tree keeps its place in the run: only the new one, before it, is added to the tree.
      write(piece, from: from, count: Int(to.distance(from: from)), rank: 0, pool: &pool)
      return true
    }
    if behind > 0 {
      let rest = take(pool: &pool)
      guard rest != 0 else {
        pool.release(from: piece, through: piece, count: 1)
        buffer.queueChunks &-= 1
        return false
      }
      var header = queued
      header.start = to
      header.count = UInt8(behind)
      header.offset = 0
      header.rank = 0
      pool.chunk(rest).initialize(to: header)
      pool.storage(rest).copyMemory(
        from: pool.bytes(index) + (Int(queued.count) &- behind), byteCount: behind)
      chunk.pointee.next = rest
      pool.treeInsert(&buffer.queueRoot, rest)
    }
    chunk.pointee.count = UInt8(kept)
    previous = index
    write(piece, from: from, count: Int(to.distance(from: from)), rank: 0, pool: &pool)
    return true
  }
}
