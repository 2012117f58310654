import MOSCore

/// The bytes of one direction of a flow that were delivered and are kept until they are acknowledged, to compare
/// retransmissions with. A handle of 12 bytes; the bytes are in a slab of blocks, always the same one.
///
/// A handle that is thrown away without `removeAll` leaks its blocks; a copy of a handle must not be used beside the
/// original.
///
/// Unsafe code: reads and writes blocks through pointers. What must hold: the blocks from `head` to `tail` follow on each
/// other without a hole, and their ordinals count up by one.
@frozen
public struct RetainedBytes: BitwiseCopyable, Sendable {
  @usableFromInline var head: UInt32 = 0
  @usableFromInline var tail: UInt32 = 0
  /// The end of the first block: an acknowledgment below it releases nothing.
  @usableFromInline var firstEnd = SequenceNumber(0)

  /// Nothing retained. All its bits are zero.
  @inlinable public init() {}

  /// Whether nothing is retained.
  @inlinable public var isEmpty: Bool { head == 0 }

  /// Keeps a copy of in-order bytes, `count` of them, at least 1.
  ///
  /// They must follow on those retained last; if they do not, the older ones are dropped. Returns `false` when there are
  /// no blocks left: then nothing is retained, and retaining begins anew with the next call.
  @inlinable @inline(__always)
  public mutating func append(
    _ bytes: UnsafeRawPointer, count: UInt32, at start: SequenceNumber, blocks: inout Slab<RetainedBlock>
  ) -> Bool {
    if tail != 0 {
      let block = blocks.pointer(tail)
      let held = block.pointee.count
      if block.pointee.start + held == start, count <= RetainedBlock.capacity &- held {
        (block.storage + Int(held)).copyMemory(from: bytes, byteCount: Int(count))
        block.pointee.count = held &+ count
        if tail == head { firstEnd = start + count }
        return true
      }
    } else if count <= RetainedBlock.capacity {
      let index = blocks.allocate()
      if index == 0 { return false }
      let block = blocks.pointer(index)
      block.pointee.begin(at: start, count: count)
      block.storage.copyMemory(from: bytes, byteCount: Int(count))
      head = index
      tail = index
      firstEnd = start + count
      return true
    }
    return appendBlocks(bytes, count: count, at: start, blocks: &blocks)
  }

  /// The same where the bytes do not fit into the last block.
  @usableFromInline
  mutating func appendBlocks(
    _ bytes: UnsafeRawPointer, count: UInt32, at start: SequenceNumber, blocks: inout Slab<RetainedBlock>
  ) -> Bool {
    var source = bytes
    var left = count
    var position = start
    if tail != 0, blocks.pointer(tail).pointee.end != start { removeAll(blocks: &blocks) }
    while left != 0 {
      var room = tail == 0 ? 0 : RetainedBlock.capacity &- blocks.pointer(tail).pointee.count
      if room == 0 {
        guard appendBlock(at: position, blocks: &blocks) else { return false }
        room = RetainedBlock.capacity
      }
      let block = blocks.pointer(tail)
      let length = min(left, room)
      (block.storage + Int(block.pointee.count)).copyMemory(from: source, byteCount: Int(length))
      block.pointee.count &+= length
      source += Int(length)
      left &-= length
      position = position + length
      if tail == head { firstEnd = position }
    }
    return true
  }

  /// Adds an empty block; drops all where there is none left.
  @inline(__always)
  private mutating func appendBlock(at position: SequenceNumber, blocks: inout Slab<RetainedBlock>) -> Bool {
    let index = blocks.allocate()
    if index == 0 {
      removeAll(blocks: &blocks)
      return false
    }
    blocks.pointer(index).pointee.begin(at: position, count: 0)
    if tail == 0 {
      head = index
    } else {
      link(index, blocks: &blocks)
    }
    tail = index
    return true
  }

  /// Links a new block to the last one.
  @inline(never)
  private func link(_ index: UInt32, blocks: inout Slab<RetainedBlock>) {
    let last = blocks.pointer(tail)
    let block = blocks.pointer(index)
    let ordinal = last.pointee.ordinal &+ 1
    last.pointee.next = index
    block.pointee.ordinal = ordinal
    block.pointee.marked = last.pointee.marked
    guard ordinal & 31 == 0 else { return }
    block.pointee.shortCut = 0
    block.pointee.marked = index
    // The one before may have been released, and must not be written then.
    if ordinal &- blocks.pointer(head).pointee.ordinal >= 32, last.pointee.marked != 0 {
      blocks.pointer(last.pointee.marked).pointee.shortCut = index
    }
  }

  /// Keeps a copy of the bytes of a chain that `ReceiveBuffer.takeContiguous` returned; the chain stays the caller's.
  /// `start` is the sequence number of its first byte. Returns as `append` does.
  public mutating func append(
    chain: UInt32, at start: SequenceNumber, from pool: borrowing SegmentPool, blocks: inout Slab<RetainedBlock>
  ) -> Bool {
    var index = chain
    var position = start
    while index != 0 {
      let chunk = pool.chunk(index).pointee
      let count = UInt32(chunk.count)
      guard append(pool.bytes(index), count: count, at: position, blocks: &blocks) else { return false }
      position = position + count
      index = chunk.next
    }
    return true
  }

  /// Gives back the blocks all of whose bytes lie below `acknowledged` (SEG.ACK of the receiver).
  @inlinable @inline(__always)
  public mutating func release(below acknowledged: SequenceNumber, blocks: inout Slab<RetainedBlock>) {
    guard head != 0, acknowledged >= firstEnd else { return }
    if head == tail {
      blocks.free(head)
      head = 0
      tail = 0
    } else {
      releaseBlocks(below: acknowledged, blocks: &blocks)
    }
  }

  @usableFromInline
  mutating func releaseBlocks(below acknowledged: SequenceNumber, blocks: inout Slab<RetainedBlock>) {
    while head != 0, blocks.pointer(head).pointee.end <= acknowledged {
      let next = blocks.pointer(head).pointee.next
      blocks.free(head)
      head = next
    }
    if head == 0 { tail = 0 } else { firstEnd = blocks.pointer(head).pointee.end }
  }

  /// Gives all blocks back.
  public mutating func removeAll(blocks: inout Slab<RetainedBlock>) {
    while head != 0 {
      let next = blocks.pointer(head).pointee.next
      blocks.free(head)
      head = next
    }
    tail = 0
  }

  /// The range of the retained bytes, or `nil` when there are none.
  public func range(blocks: borrowing Slab<RetainedBlock>) -> (start: SequenceNumber, end: SequenceNumber)? {
    guard head != 0 else { return nil }
    return (blocks.pointer(head).pointee.start, blocks.pointer(tail).pointee.end)
  }

  /// Compares a segment with the retained bytes that it overlaps.
  ///
  /// - Returns: How many bytes could be compared, and the offset in the segment of the first that differs, -1 for none.
  public func compare(
    _ bytes: UnsafeRawPointer, count: UInt32, at start: SequenceNumber, blocks: borrowing Slab<RetainedBlock>
  ) -> (compared: UInt32, firstDifference: Int32) {
    guard count != 0, count <= UInt32(Int32.max), let retained = range(blocks: blocks) else { return (0, -1) }
    var position = SequenceNumber.later(start, retained.start)
    let end = SequenceNumber.earlier(start + count, retained.end)
    var compared: UInt32 = 0
    guard position < end else { return (0, -1) }
    var index = find(position, blocks: blocks).index
    while position < end {
      let block = blocks.pointer(index)
      let stop = SequenceNumber.earlier(end, block.pointee.end)
      let offset = position.distance(from: start)
      let length = stop.distance(from: position)
      let stored = block.storage + Int(position.distance(from: block.pointee.start))
      let difference = ByteDifference(bytes + Int(offset), stored, count: Int(length))
      if difference.count != 0 {
        compared &+= UInt32(bitPattern: end.distance(from: position))
        return (compared, offset &+ difference.first)
      }
      compared &+= UInt32(bitPattern: length)
      position = stop
      index = block.pointee.next
    }
    return (compared, -1)
  }

  /// The block that holds the byte at `position`, one of the retained ones, and how many links were followed: at most 62
  /// and one for each 32 blocks.
  func find(
    _ position: SequenceNumber, blocks: borrowing Slab<RetainedBlock>
  ) -> (index: UInt32, steps: Int) {
    var index = head
    var steps = 0
    while blocks.pointer(index).pointee.end <= position {
      let block = blocks.pointer(index)
      steps &+= 1
      let shortCut = block.pointee.ordinal & 31 == 0 ? block.pointee.shortCut : 0
      let skips = shortCut != 0 && blocks.pointer(shortCut).pointee.start <= position
      index = skips ? shortCut : block.pointee.next
    }
    return (index, steps)
  }
}
