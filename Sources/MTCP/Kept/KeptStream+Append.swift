import MOSCore

/// Adding to the stream.
extension KeptStream {
  /// Keeps a copy of `count` in-order bytes, the first of which is at `offset` in the stream.
  ///
  /// Bytes before `nextOffset` are known, and passed over. When `offset` lies beyond, bytes have passed without being
  /// offered: what is there is dropped, and the stream goes on at `offset` (`skip` is for those that never come).
  ///
  /// The oldest bytes are dropped so that no more than `limit` are kept; of more than `limit` bytes the last ones are. A
  /// stream with many gaps may have to drop more, for it takes at most two bytes of memory for one of the limit, and four
  /// blocks.
  ///
  /// - Returns: `false` when bytes were dropped because the slab had no block: the oldest of this stream, or, when it has
  ///   no block, the new ones. Readers are told. Also `false` for bytes beyond the end of all streams, 2^64 - 1.
  @inlinable @inline(__always)
  public mutating func append(
    _ bytes: UnsafeRawPointer, count: UInt32, at offset: UInt64, limit: UInt64 = .max, blocks: inout Slab<KeptBlock>
  ) -> Bool {
    let total = kept &+ UInt64(count)
    let (behind, overflow) = offset.addingReportingOverflow(UInt64(count))
    guard offset == end, total <= limit, !overflow else {
      return appendBlocks(bytes, count: count, at: offset, limit: limit, blocks: &blocks)
    }
    if tail != 0 {
      let block = blocks.pointer(tail)
      let held = UInt32(block.pointee.count)
      if block.pointee.start &+ UInt64(held) == offset, count <= KeptBlock.capacity &- held {
        (block.keptBytes + Int(held)).copyMemory(from: bytes, byteCount: Int(count))
        block.pointee.count = UInt16(truncatingIfNeeded: held &+ count)
        kept = total
        end = behind
        return true
      }
    } else if count &- 1 < KeptBlock.capacity {
      let index = blocks.allocate()
      if index != 0 {
        let block = blocks.pointer(index)
        block.pointee.begin(at: offset, count: count)
        block.keptBytes.copyMemory(from: bytes, byteCount: Int(count))
        head = index
        tail = index
        blocksInUse = 1
        kept = total
        end = behind
        return true
      }
    }
    return appendBlocks(bytes, count: count, at: offset, limit: limit, blocks: &blocks)
  }

  /// Notes that the bytes from `nextOffset` to before `offset` will never come. Takes no memory; before `nextOffset` it
  /// does nothing.
  @inlinable public mutating func skip(to offset: UInt64) { end = max(end, offset) }

  /// `append` in all cases.
  @usableFromInline
  mutating func appendBlocks(
    _ bytes: UnsafeRawPointer, count: UInt32, at offset: UInt64, limit: UInt64, blocks: inout Slab<KeptBlock>
  ) -> Bool {
    var source = bytes
    var left = UInt64(count)
    if offset < end {
      let known = min(end &- offset, left)
      source += Int(known)
      left &-= known
    } else if offset > end {
      restart(at: offset, blocks: &blocks)
    }
    let representable = min(left, .max &- end)
    var isComplete = representable == left
    dropped &+= left &- representable
    left = representable
    if left > limit {
      let over = left &- limit
      restart(at: end &+ over, blocks: &blocks)
      dropped &+= over
      source += Int(over)
      left = limit
    }
    dropOldest(keeping: limit &- left, blocks: &blocks)
    while left > 0 {
      var room = tail == 0 || blocks.pointer(tail).pointee.end != end ? 0 : blocks.pointer(tail).pointee.room
      if room == 0 {
        if UInt64(blocksInUse) >= Self.maximumBlocks(limit: limit) { dropFirst(blocks: &blocks) }
        var index = blocks.allocate()
        if index == 0 {
          isComplete = false
          guard head != 0 else {
            dropped &+= left
            first = end &+ left
            end = first
            return false
          }
          dropFirst(blocks: &blocks)
          index = blocks.allocate()
        }
        link(index, blocks: &blocks)
        room = KeptBlock.capacity
      }
      let block = blocks.pointer(tail)
      let held = block.pointee.count
      let length = min(left, UInt64(room))
      (block.keptBytes + Int(held)).copyMemory(from: source, byteCount: Int(length))
      block.pointee.count = held &+ UInt16(truncatingIfNeeded: length)
      source += Int(length)
      left &-= length
      kept &+= length
      end &+= length
    }
    return isComplete
  }

  /// Links a new block, empty yet, behind the last one. It begins at `end`.
  ///
  /// Jumps lead over 1, 3, 7 ... blocks, as in Myers, "An applicative random-access stack" (1983): two equally long ones
  /// that meet are followed by one over both.
  private mutating func link(_ index: UInt32, blocks: inout Slab<KeptBlock>) {
    let block = blocks.pointer(index)
    block.pointee.begin(at: end, count: 0)
    blocksInUse &+= 1
    guard tail != 0 else {
      head = index
      tail = index
      return
    }
    let last = blocks.pointer(tail)
    block.pointee.previous = tail
    block.pointee.jump = tail
    block.pointee.jumpStart = last.pointee.start
    block.pointee.level = 1
    if last.pointee.level > 0, last.pointee.jumpStart >= blocks.pointer(head).pointee.start {
      let middle = blocks.pointer(last.pointee.jump)
      if middle.pointee.level == last.pointee.level {
        block.pointee.jump = middle.pointee.jump
        block.pointee.jumpStart = middle.pointee.jumpStart
        block.pointee.level = last.pointee.level &+ 1
      }
    }
    last.pointee.next = index
    tail = index
  }
}
