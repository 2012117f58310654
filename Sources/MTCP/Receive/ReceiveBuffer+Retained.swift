/// Unsafe code: writes chunks through pointers. What must hold: the chunks from `retainedHead` to `retainedTail` follow
/// on each other without a hole, all but the last are full, and their ordinals count up by one.
extension ReceiveBuffer {
  /// Keeps a copy of in-order bytes, to compare retransmissions with.
  ///
  /// They must follow on those retained last; if they do not, the older ones are dropped. When the pool is exhausted,
  /// all retained bytes are dropped, and retaining begins anew with the next call.
  public mutating func retain(
    _ bytes: UnsafeRawPointer, count: UInt32, at start: SequenceNumber, pool: inout SegmentPool
  ) {
    var source = bytes
    var left = Int(count)
    var position = start
    if left == 0 { return }
    if retainedTail != 0 {
      let tail = pool.chunk(retainedTail)
      let held = Int(tail.pointee.count)
      if tail.pointee.start + UInt32(truncatingIfNeeded: held) == start {
        let length = min(left, SegmentChunk.capacity &- held)
        (pool.storage(retainedTail) + held).copyMemory(from: source, byteCount: length)
        tail.pointee.count = UInt8(truncatingIfNeeded: held &+ length)
        source += length
        left &-= length
        position = position + UInt32(truncatingIfNeeded: length)
        if retainedTail == retainedHead { retainedFirstEnd = position }
        if left == 0 { return }
      } else {
        dropRetained(pool: &pool)
      }
    }
    // What would be read back from the chunk before is kept in registers: this runs for each data packet. With nothing
    // retained, the chunk before is the pool's scratch chunk.
    var last = retainedTail
    var previous = pool.chunk(last)
    var ordinal: UInt32 = 0
    var shortCuts: (near: UInt32, far: UInt32) = (0, 0)
    if last != 0 {
      ordinal = previous.pointee.priority
      shortCuts = (previous.pointee.originStart.rawValue, previous.pointee.originEnd.rawValue)
    }
    repeat {
      let index = pool.allocate()
      if index == 0 { break }
      ordinal &+= 1
      if ordinal & 15 == 0 {
        let oldest = retainedHead == 0 ? 1 : pool.chunk(retainedHead).pointee.priority
        shortCuts = pool.setShortCuts(to: index, ordinal: ordinal, oldest: oldest, from: shortCuts)
      }
      let length = min(left, SegmentChunk.capacity)
      previous.pointee.next = index
      previous = pool.chunk(index)
      previous.pointee.start = position
      previous.pointee.priority = ordinal
      previous.pointee.setBytes(offset: 0, count: length)
      let target = pool.storage(index)
      if length == SegmentChunk.capacity {
        for offset in stride(from: 0, to: 192, by: 64) {
          target.storeBytes(
            of: source.loadUnaligned(fromByteOffset: offset, as: SIMD64<UInt8>.self), toByteOffset: offset,
            as: SIMD64<UInt8>.self)
        }
        target.storeBytes(
          of: source.loadUnaligned(fromByteOffset: 192, as: SIMD32<UInt8>.self), toByteOffset: 192,
          as: SIMD32<UInt8>.self)
      } else {
        target.copyMemory(from: source, byteCount: length)
      }
      last = index
      source += length
      left &-= length
      position = position + UInt32(truncatingIfNeeded: length)
    } while left != 0
    previous.pointee.next = 0
    previous.pointee.originStart = SequenceNumber(shortCuts.near)
    previous.pointee.originEnd = SequenceNumber(shortCuts.far)
    if retainedHead == 0, last != 0 {
      retainedHead = pool.chunk(0).pointee.next
      retainedFirstEnd = pool.chunk(retainedHead).pointee.end
    }
    retainedTail = last
    if left != 0 { dropRetained(pool: &pool) }
  }

  /// Keeps a copy of the bytes of a chain that `takeContiguous` returned; the chain stays the caller's to release.
  ///
  /// - Parameter start: The sequence number of the chain's first byte.
  public mutating func retainChain(chain: UInt32, at start: SequenceNumber, pool: inout SegmentPool) {
    var index = chain
    var position = start
    while index != 0 {
      let chunk = pool.chunk(index).pointee
      retain(pool.bytes(index), count: UInt32(chunk.count), at: position, pool: &pool)
      position = position + UInt32(chunk.count)
      index = chunk.next
    }
  }

  /// Gives back the chunks all of whose retained bytes lie below `acknowledged` (SEG.ACK of the receiver).
  @inlinable public mutating func release(below acknowledged: SequenceNumber, pool: inout SegmentPool) {
    guard retainedHead != 0, acknowledged >= retainedFirstEnd else { return }
    releaseChunks(below: acknowledged, pool: &pool)
  }

  /// Compares a segment with the retained bytes that it overlaps.
  ///
  /// - Returns: How many bytes could be compared, and the offset in the segment of the first that differs, -1 for none.
  public func compare(
    _ bytes: UnsafeRawPointer, count: UInt32, at start: SequenceNumber, pool: borrowing SegmentPool
  ) -> (compared: UInt32, firstDifference: Int32) {
    guard retainedHead != 0, count != 0, count <= UInt32(Int32.max) else { return (0, -1) }
    let first = pool.chunk(retainedHead).pointee.start
    let last = pool.chunk(retainedTail).pointee.end
    var position = start < first ? first : start
    let end = start + count < last ? start + count : last
    var compared: UInt32 = 0
    guard position < end else { return (0, -1) }
    var index = pool.retainedChunk(retainedHead, at: position).index
    while index != 0, position < end {
      let chunk = pool.chunk(index).pointee
      let stop = end < chunk.end ? end : chunk.end
      let offset = position.distance(from: start)
      let length = stop.distance(from: position)
      let stored = pool.bytes(index) + Int(position.distance(from: chunk.start))
      let difference = ByteDifference(bytes + Int(offset), stored, count: Int(length))
      if difference.count != 0 {
        compared &+= UInt32(bitPattern: end.distance(from: position))
        return (compared, offset &+ difference.first)
      }
      compared &+= UInt32(bitPattern: length)
      position = stop
      index = chunk.next
    }
    return (compared, -1)
  }

  /// Gives all retained bytes back to the pool.
  public mutating func dropRetained(pool: inout SegmentPool) {
    guard retainedHead != 0 else { return }
    let chunks =
      pool.chunk(retainedTail).pointee.priority &- pool.chunk(retainedHead).pointee.priority &+ 1
    pool.release(from: retainedHead, through: retainedTail, count: chunks)
    retainedHead = 0
    retainedTail = 0
  }

  /// The range of the retained bytes, or `nil` when there are none.
  public func retainedRange(pool: borrowing SegmentPool) -> (start: SequenceNumber, end: SequenceNumber)? {
    guard retainedHead != 0 else { return nil }
    return (pool.chunk(retainedHead).pointee.start, pool.chunk(retainedTail).pointee.end)
  }

  @usableFromInline mutating func releaseChunks(below acknowledged: SequenceNumber, pool: inout SegmentPool) {
    if acknowledged >= pool.chunk(retainedTail).pointee.end {
      dropRetained(pool: &pool)
      return
    }
    let first = retainedHead
    var last = first
    var chunks: UInt32 = 1
    while true {
      let next = pool.chunk(last).pointee.next
      guard pool.chunk(next).pointee.end <= acknowledged else {
        retainedHead = next
        break
      }
      last = next
      chunks &+= 1
    }
    retainedFirstEnd = pool.chunk(retainedHead).pointee.end
    pool.release(from: first, through: last, count: chunks)
  }
}

extension SegmentPool {
  /// Sets the short cuts that lead to a new retained chunk whose ordinal is a multiple of 16.
  ///
  /// - Parameters:
  ///   - oldest: The ordinal of the first retained chunk: those before it are released, and must not be written.
  ///   - chunks: The last chunks before it with an ordinal of 16 n and of 256 n.
  /// - Returns: The same for the chunks that come after it.
  @inline(never)
  func setShortCuts(
    to index: UInt32, ordinal: UInt32, oldest: UInt32, from chunks: (near: UInt32, far: UInt32)
  ) -> (near: UInt32, far: UInt32) {
    let available = ordinal &- oldest
    chunk(index).pointee.left = 0
    if available >= 16 { chunk(chunks.near).pointee.left = index }
    guard ordinal & 255 == 0 else { return (index, chunks.far) }
    chunk(index).pointee.right = 0
    if available >= 256 { chunk(chunks.far).pointee.right = index }
    return (index, index)
  }

  /// The retained chunk that holds the byte at `position`, which lies in or behind the one at `first`; 0 if none does.
  /// And how many links were followed: at most 62 and one for each 256 chunks.
  func retainedChunk(_ first: UInt32, at position: SequenceNumber) -> (index: UInt32, steps: UInt32) {
    var index = first
    var steps: UInt32 = 0
    while index != 0 {
      let chunk = chunk(index).pointee
      if position < chunk.end { break }
      steps &+= 1
      if chunk.priority & 255 == 0, chunk.right != 0, self.chunk(chunk.right).pointee.start <= position {
        index = chunk.right
      } else if chunk.priority & 15 == 0, chunk.left != 0, self.chunk(chunk.left).pointee.start <= position {
        index = chunk.left
      } else {
        index = chunk.next
      }
    }
    return (index, steps)
  }
}
