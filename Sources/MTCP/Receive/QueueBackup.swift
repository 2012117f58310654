/// The part of a receive buffer's queue that an insertion may change, as it was before it, for `ReceiveBuffer.restore`.
///
/// Unsafe code. What must hold: `memory` has room for `capacity` bytes until `deinit` (`nil` for none), of which the first
/// `length` hold `count` chunks one after the other, each as its header and the bytes that it says it has.
public struct QueueBackup: ~Copyable {
  private var memory: UnsafeMutableRawPointer?
  private var capacity = 0
  private var length = 0
  fileprivate private(set) var count: UInt32 = 0
  /// The numbers within which the insertion may change chunks: no chunk crosses them, before it or behind it.
  fileprivate var start = SequenceNumber(0)
  fileprivate var end = SequenceNumber(0)
  /// Something was saved and not yet restored.
  public fileprivate(set) var isSet = false

  /// A backup of nothing. Memory is taken when it is first needed, kept, and at most as much as a queue has.
  public init() {}

  deinit { memory?.deallocate() }

  /// Forgets what was saved.
  public mutating func clear() {
    isSet = false
    length = 0
    count = 0
  }

  fileprivate mutating func append(_ header: SegmentChunk, _ bytes: UnsafeRawPointer) {
    let size = SegmentChunk.headerSize &+ Int(header.count)
    if capacity &- length < size { grow() }
    guard let memory else { return }
    (memory + length).storeBytes(of: header, as: SegmentChunk.self)
    (memory + (length &+ SegmentChunk.headerSize)).copyMemory(from: bytes, byteCount: Int(header.count))
    length &+= size
    count &+= 1
  }

  private mutating func grow() {
    capacity = max(4_096, capacity &* 2)
    let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
    if let memory { larger.copyMemory(from: memory, byteCount: length) }
    memory?.deallocate()
    memory = larger
  }

  /// Calls `body` with the header and the bytes of each chunk, in the order of the stream.
  fileprivate func forEach(_ body: (SegmentChunk, UnsafeRawPointer) -> Void) {
    guard let memory else { return }
    var offset = 0
    for _ in 0..<count {
      let header = (memory + offset).loadUnaligned(as: SegmentChunk.self)
      body(header, memory + (offset &+ SegmentChunk.headerSize))
      offset &+= SegmentChunk.headerSize &+ Int(header.count)
    }
  }
}

extension ReceiveBuffer {
  /// Saves what `insert` with the same `count`, `start` and `next` may change. Costs as much as the insertion.
  ///
  /// Precondition: `backup` is not set.
  public mutating func save(
    count: UInt32, at start: SequenceNumber, next: SequenceNumber, into backup: inout QueueBackup,
    pool: inout SegmentPool
  ) {
    let position = SequenceNumber.later(start, next)
    let end = start + count
    guard count <= UInt32(Int32.max), position < end, isOrdered(position, end, pool: pool) else { return }
    backup.clear()
    backup.isSet = true
    backup.start = position
    backup.end = end
    var index = lastChunk(startingBelow: position, pool: &pool)
    if index == 0 { index = queueHead } else { backup.start = pool.chunk(index).pointee.start }
    // The chunk behind the segment as well: the two may share one.
    while index != 0 {
      let chunk = pool.chunk(index).pointee
      backup.append(chunk, pool.bytes(index))
      if chunk.end > backup.end { backup.end = chunk.end }
      if chunk.start >= end { break }
      index = chunk.next
    }
  }

  /// Undoes the insertion that followed on `save`, with all that was queued where it was, by the boundaries with which it
  /// was sent. What was taken out of the queue since is put back before (`putBack`). The pool has room: it had before.
  public mutating func restore(from backup: inout QueueBackup, pool: inout SegmentPool) {
    guard backup.isSet else { return }
    var previous = lastChunk(startingBelow: backup.start, pool: &pool)
    var current = previous == 0 ? queueHead : pool.chunk(previous).pointee.next
    while current != 0, pool.chunk(current).pointee.start < backup.end {
      let chunk = pool.chunk(current).pointee
      if chunk.rank == 0 { _ = pool.treeRemove(&queueRoot, current, substitute: 0) }
      pool.release(from: current, through: current, count: 1)
      queueChunks &-= 1
      queuedBytes &-= UInt32(chunk.count)
      current = chunk.next
    }
    // What lies behind is found from the last chunk that was saved, which comes into the tree like the others.
    setNext(previous, current, pool: &pool)
    backup.forEach { header, bytes in
      let index = pool.allocate()
      guard index != 0 else { return }
      var chunk = header
      chunk.next = current
      chunk.offset = 0
      chunk.rank = 0
      pool.chunk(index).initialize(to: chunk)
      pool.storage(index).copyMemory(from: bytes, byteCount: Int(header.count))
      setNext(previous, index, pool: &pool)
      pool.treeInsert(&queueRoot, index)
      queueChunks &+= 1
      queuedBytes &+= UInt32(header.count)
      previous = index
    }
    backup.clear()
  }

  private mutating func setNext(_ index: UInt32, _ next: UInt32, pool: inout SegmentPool) {
    if index == 0 { queueHead = next } else { pool.chunk(index).pointee.next = next }
  }

  /// Puts a chain that `takeContiguous` returned, and that was not given back, in front of the queue again. All that is
  /// queued lies behind it.
  public mutating func putBack(_ chain: UInt32, pool: inout SegmentPool) {
    guard chain != 0 else { return }
    var index = chain
    while true {
      let next = pool.chunk(index).pointee.next
      queueChunks &+= 1
      queuedBytes &+= UInt32(pool.chunk(index).pointee.count)
      if pool.chunk(index).pointee.rank == 0 { pool.treeInsert(&queueRoot, index) }
      if next == 0 { break }
      index = next
    }
    pool.chunk(index).pointee.next = queueHead
    queueHead = chain
  }
}
