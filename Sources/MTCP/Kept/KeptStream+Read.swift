import MOSCore

/// Reading by offset. Nothing here changes the stream.
extension KeptStream {
  /// What the stream has at `offset`. Bytes are those up to the end of their block; more may follow.
  @inlinable @inline(__always)
  public func next(from offset: UInt64, blocks: borrowing Slab<KeptBlock>) -> StreamPiece {
    guard offset < end else { return .end }
    guard offset >= first else { return .dropped(first &- offset) }
    guard tail != 0 else { return .gap(end &- offset) }
    let last = blocks.pointer(tail)
    guard offset >= last.pointee.start else {
      return Self.nextBeforeTail(from: offset, head: head, tail: tail, base: blocks.base)
    }
    let position = offset &- last.pointee.start
    guard position < UInt64(last.pointee.count) else { return .gap(end &- offset) }
    let bytes = UnsafeRawBufferPointer(
      start: last.keptBytes + Int(position), count: Int(last.pointee.count) &- Int(position))
    return .bytes(bytes, at: offset)
  }

  /// The same before the last block. Takes what it needs one by one, so that the handle can stay in registers; `base` is
  /// the slab's.
  @usableFromInline
  static func nextBeforeTail(
    from offset: UInt64, head: UInt32, tail: UInt32, base: UnsafeMutablePointer<KeptBlock>
  ) -> StreamPiece {
    let start = base[Int(head)].start
    guard offset >= start else { return .gap(start &- offset) }
    let block = base + Int(find(offset, from: tail, base: base).index)
    guard offset < block.pointee.end else { return .gap(base[Int(block.pointee.next)].start &- offset) }
    let position = Int(offset &- block.pointee.start)
    let bytes = UnsafeRawBufferPointer(start: block.keptBytes + position, count: Int(block.pointee.count) &- position)
    return .bytes(bytes, at: offset)
  }

  /// Copies bytes from `offset` on until the buffer is full or something else than bytes comes, and returns how many.
  public func copy(
    from offset: UInt64, into buffer: UnsafeMutableRawBufferPointer, blocks: borrowing Slab<KeptBlock>
  ) -> Int {
    guard let target = buffer.baseAddress, var index = block(with: offset, blocks: blocks) else { return 0 }
    var position = Int(offset &- blocks.pointer(index).pointee.start)
    var copied = 0
    while true {
      let block = blocks.pointer(index)
      let length = min(Int(block.pointee.count) &- position, buffer.count &- copied)
      (target + copied).copyMemory(from: block.keptBytes + position, byteCount: length)
      copied &+= length
      position = 0
      guard copied < buffer.count, let next = continuation(of: index, blocks: blocks) else { return copied }
      index = next
    }
  }

  /// Whether every byte of the range can be read. An empty range has to lie from `firstOffset` to `nextOffset`.
  public func contains(_ range: Range<UInt64>, blocks: borrowing Slab<KeptBlock>) -> Bool {
    guard range.lowerBound >= first, range.upperBound <= end else { return false }
    guard !range.isEmpty else { return true }
    guard var index = block(with: range.lowerBound, blocks: blocks) else { return false }
    while blocks.pointer(index).pointee.end < range.upperBound {
      guard let next = continuation(of: index, blocks: blocks) else { return false }
      index = next
    }
    return true
  }

  /// The first range without gaps that can be read at or behind `offset`, from there on; `nil` when none follows.
  public func range(from offset: UInt64, blocks: borrowing Slab<KeptBlock>) -> Range<UInt64>? {
    let lowest = max(offset, first)
    guard tail != 0, lowest < blocks.pointer(tail).pointee.end else { return nil }
    var index = head
    if lowest >= blocks.pointer(head).pointee.start {
      index = find(lowest, blocks: blocks).index
      if lowest >= blocks.pointer(index).pointee.end { index = blocks.pointer(index).pointee.next }
    }
    let start = max(lowest, blocks.pointer(index).pointee.start)
    while let next = continuation(of: index, blocks: blocks) { index = next }
    return start..<blocks.pointer(index).pointee.end
  }

  /// The block that has the byte at `offset`, if it can be read.
  private func block(with offset: UInt64, blocks: borrowing Slab<KeptBlock>) -> UInt32? {
    guard tail != 0, offset >= first, offset >= blocks.pointer(head).pointee.start else { return nil }
    let index = find(offset, blocks: blocks).index
    return offset < blocks.pointer(index).pointee.end ? index : nil
  }

  /// The block that begins where the one at `index` ends.
  private func continuation(of index: UInt32, blocks: borrowing Slab<KeptBlock>) -> UInt32? {
    let block = blocks.pointer(index)
    let next = block.pointee.next
    return next != 0 && blocks.pointer(next).pointee.start == block.pointee.end ? next : nil
  }

  /// The last block that begins at or before `offset`, and how many links were followed.
  func find(_ offset: UInt64, blocks: borrowing Slab<KeptBlock>) -> (index: UInt32, steps: Int) {
    Self.find(offset, from: tail, base: blocks.base)
  }

  /// The same from `tail` on. `offset` is not before the first block, so that no link to one that was given back is
  /// followed.
  private static func find(
    _ offset: UInt64, from tail: UInt32, base: UnsafeMutablePointer<KeptBlock>
  ) -> (index: UInt32, steps: Int) {
    var index = tail
    var steps = 0
    while base[Int(index)].start > offset {
      let block = base + Int(index)
      index = block.pointee.jumpStart > offset ? block.pointee.jump : block.pointee.previous
      steps &+= 1
    }
    return (index, steps)
  }
}
