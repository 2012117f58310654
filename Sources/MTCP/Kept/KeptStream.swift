import MOSCore

/// The in-order bytes of one direction of a flow that are kept for readers. A handle of 48 bytes; the bytes are in a slab
/// of blocks, always the same one.
///
/// Offsets count from ISN + 1, in 64 bits; a stream ends at 2^64 - 1. From `firstOffset` to `nextOffset` each byte is
/// either there or in a gap that is told as it was. What lies before is no longer known, and told as dropped.
///
/// A handle that is thrown away without `removeAll` leaks its blocks; a copy of a handle can be read until the original
/// is changed, and must not be changed itself.
///
/// Unsafe code: reads and writes blocks through pointers. What must hold: the blocks from `head` to `tail` are linked in
/// both directions, there are `blockCount` of them, each has at least one byte, and begins where the one before ends or
/// behind that; a gap is what lies between. `firstOffset` lies before the end of the first block, `nextOffset` not before
/// the end of the last one.
@frozen
public struct KeptStream: BitwiseCopyable, Sendable {
  @usableFromInline var head: UInt32 = 0
  @usableFromInline var tail: UInt32 = 0
  @usableFromInline var blocksInUse: UInt32 = 0
  @usableFromInline var unused: UInt32 = 0
  @usableFromInline var first: UInt64 = 0
  @usableFromInline var end: UInt64 = 0
  @usableFromInline var kept: UInt64 = 0
  @usableFromInline var dropped: UInt64 = 0

  /// Nothing kept, of a stream that begins with offset 0. All its bits are zero.
  @inlinable public init() {}

  /// Where what can be read begins: with a byte or with a gap.
  @inlinable public var firstOffset: UInt64 { first }
  /// Offset of the next byte in order: behind all that was appended or skipped.
  @inlinable public var nextOffset: UInt64 { end }
  /// Bytes that can be read. Discarding and dropping count by the byte, though blocks are given back as a whole.
  @inlinable public var keptBytes: UInt64 { kept }
  /// Bytes that were appended and dropped before they were discarded: by the limit, or for want of blocks.
  @inlinable public var droppedBytes: UInt64 { dropped }
  /// Blocks that the stream takes.
  @inlinable public var blockCount: Int { Int(blocksInUse) }

  /// The most blocks for a limit of so many bytes: twice what they need without gaps. Each gap begins a block; without
  /// this bound a peer whose segments are lost could make each byte take a block.
  static func maximumBlocks(limit: UInt64) -> UInt64 { limit / UInt64(KeptBlock.capacity) * 2 + 4 }
}

/// Giving up what is kept.
extension KeptStream {
  /// Says that nobody needs what lies before `offset` any more: blocks that are wholly before it are given back. Beyond
  /// `nextOffset` it means all that is there.
  @inlinable @inline(__always)
  public mutating func discard(before offset: UInt64, blocks: inout Slab<KeptBlock>) {
    guard offset > first else { return }
    guard offset >= end, head == tail else { return discardBlocks(before: min(offset, end), blocks: &blocks) }
    if head != 0 {
      blocks.free(head)
      head = 0
      tail = 0
      blocksInUse = 0
      kept = 0
    }
    first = end
  }

  /// The same where several blocks are there, or part of one stays. `offset` lies behind `first`, and not beyond `end`.
  @usableFromInline
  mutating func discardBlocks(before offset: UInt64, blocks: inout Slab<KeptBlock>) {
    while head != 0 {
      let block = blocks.pointer(head)
      if offset < block.pointee.end {
        let start = max(first, block.pointee.start)
        if offset > start { kept &-= offset &- start }
        break
      }
      _ = removeFirst(blocks: &blocks)
    }
    first = offset
  }

  /// Drops the oldest bytes until no more than `limit` are left, in the number of blocks that go with it: for a limit that
  /// was lowered. `append` keeps to the limit by itself.
  public mutating func trim(to limit: UInt64, blocks: inout Slab<KeptBlock>) {
    dropOldest(keeping: limit, blocks: &blocks)
    while UInt64(blocksInUse) > Self.maximumBlocks(limit: limit) { dropFirst(blocks: &blocks) }
  }

  /// Drops the oldest bytes until no more than `count` are left.
  mutating func dropOldest(keeping count: UInt64, blocks: inout Slab<KeptBlock>) {
    guard kept > count else { return }
    var excess = kept &- count
    dropped &+= excess
    while excess > 0 {
      let block = blocks.pointer(head)
      let start = max(first, block.pointee.start)
      if excess < block.pointee.end &- start {
        first = start &+ excess
        kept &-= excess
        return
      }
      excess &-= removeFirst(blocks: &blocks)
    }
  }

  /// Drops all, and goes on at `offset`: for bytes that passed without being offered, as before the keeping began.
  public mutating func restart(at offset: UInt64, blocks: inout Slab<KeptBlock>) {
    while head != 0 { dropFirst(blocks: &blocks) }
    first = offset
    end = offset
  }

  /// Gives all blocks back; the handle is then that of a new stream.
  public mutating func removeAll(blocks: inout Slab<KeptBlock>) {
    while head != 0 { _ = removeFirst(blocks: &blocks) }
    self = KeptStream()
  }

  /// Gives the first block back with what is left in it, and counts that as dropped.
  mutating func dropFirst(blocks: inout Slab<KeptBlock>) { dropped &+= removeFirst(blocks: &blocks) }

  /// Gives the first block back, and returns how many of its bytes were still to be read.
  private mutating func removeFirst(blocks: inout Slab<KeptBlock>) -> UInt64 {
    let block = blocks.pointer(head)
    let next = block.pointee.next
    let count = block.pointee.end &- max(first, block.pointee.start)
    first = block.pointee.end
    kept &-= count
    blocks.free(head)
    blocksInUse &-= 1
    head = next
    if next == 0 { tail = 0 }
    return count
  }
}
