#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Memory for bytes of all flows of one worker that wait, out of order or in doubt: chunks of 256 bytes, named by index.
///
/// Unsafe code. What must hold: `base` maps `(limit + 1) * 256` bytes until `deinit`; every index handed out is 1 to
/// `limit` and belongs to exactly one owner (a queue, a chain, or the free list). Index 0 means none;
/// its chunk is scratch space for tree operations.
///
/// The address space is reserved at once, memory is taken from the system when a chunk is first used, and is not given
/// back to it before the pool ends. Free chunks are used again last in, first out. When all are in use, taking one
/// fails, and the operation that wanted it says so.
public struct SegmentPool: ~Copyable, @unchecked Sendable {
  @usableFromInline let base: UnsafeMutableRawPointer
  /// The highest index there is.
  @usableFromInline let limit: UInt32
  /// The highest index that has been used.
  @usableFromInline var touched: UInt32 = 0
  @usableFromInline var free: UInt32 = 0
  @usableFromInline var chunksInUse: UInt32 = 0
  /// State of the generator of tree priorities. Secret, so that nobody can send a degenerate tree.
  var random = UInt32.random(in: 1 ... .max)
  #if DEBUG
    /// Steps taken along links, for tests of how the cost grows.
    var steps = 0
  #endif

  /// A pool of at most `maximumBytes`, rounded down to whole chunks, at most 2^40 - 512. If the system refuses the
  /// address space, or `maximumBytes` is below 256, the pool has no chunks: `maximumBytes` is 0 then.
  public init(maximumBytes: Int) {
    let wanted = min(max(maximumBytes, 0) / SegmentChunk.size, Int(UInt32.max) - 1)
    let mapping = mmap(
      nil, (wanted + 1) * SegmentChunk.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    if let mapping, mapping != MAP_FAILED {
      base = mapping
      limit = UInt32(wanted)
    } else {
      base = .allocate(byteCount: SegmentChunk.size, alignment: SegmentChunk.size)
      limit = 0
      mapsNothing = true
    }
  }

  private var mapsNothing = false

  deinit {
    if mapsNothing {
      base.deallocate()
    } else {
      munmap(base, (Int(limit) + 1) * SegmentChunk.size)
    }
  }

  /// Bytes of memory that chunks in use take, their headers included.
  @inlinable public var bytesInUse: Int { Int(chunksInUse) &* SegmentChunk.size }
  /// Bytes of memory that the pool may come to use.
  @inlinable public var maximumBytes: Int { Int(limit) &* SegmentChunk.size }

  @inlinable func chunk(_ index: UInt32) -> UnsafeMutablePointer<SegmentChunk> {
    (base + Int(index) &* SegmentChunk.size).assumingMemoryBound(to: SegmentChunk.self)
  }

  /// The start of a chunk's 224 bytes.
  @inlinable func storage(_ index: UInt32) -> UnsafeMutableRawPointer {
    base + (Int(index) &* SegmentChunk.size &+ SegmentChunk.headerSize)
  }

  /// The first byte of stream in a chunk.
  @inlinable func bytes(_ index: UInt32) -> UnsafeMutableRawPointer {
    storage(index) + Int(chunk(index).pointee.offset)
  }

  /// Takes a chunk; its content is undefined. 0 when there is none left.
  @inlinable mutating func allocate() -> UInt32 {
    let index = free
    if index != 0 {
      free = chunk(index).pointee.next
    } else {
      guard touched < limit else { return 0 }
      touched &+= 1
      chunksInUse &+= 1
      return touched
    }
    chunksInUse &+= 1
    return index
  }

  /// Gives back `count` chunks that are linked from `first` to `last`.
  @inlinable mutating func release(from first: UInt32, through last: UInt32, count: UInt32) {
    chunk(last).pointee.next = free
    free = first
    chunksInUse &-= count
  }

  /// Gives back a chain that `ReceiveBuffer.takeContiguous` returned, 0 for none. It must not be read afterwards.
  public mutating func releaseChain(_ chain: UInt32) {
    guard chain != 0 else { return }
    var last = chain
    var count: UInt32 = 1
    while true {
      let next = chunk(last).pointee.next
      if next == 0 { break }
      last = next
      count &+= 1
    }
    release(from: chain, through: last, count: count)
  }

  /// Calls `body` with each piece of a chain, in the order of the stream. The pieces are valid during the call.
  @inlinable public func forEachSpan(_ chain: UInt32, _ body: (UnsafeRawBufferPointer) -> Void) {
    var index = chain
    while index != 0 {
      let chunk = chunk(index).pointee
      body(UnsafeRawBufferPointer(start: bytes(index), count: Int(chunk.count)))
      index = chunk.next
    }
  }

  /// One piece of a chain, and the piece behind it, 0 for none. `index` is the chain or what an earlier call returned.
  @inlinable public func piece(_ index: UInt32) -> (bytes: UnsafeRawBufferPointer, next: UInt32) {
    let chunk = chunk(index).pointee
    return (UnsafeRawBufferPointer(start: bytes(index), count: Int(chunk.count)), chunk.next)
  }

  /// A pseudo-random priority for a tree node.
  mutating func nextPriority() -> UInt32 {
    random = random &* 747_796_405 &+ 2_891_336_453
    return random
  }

  @inline(__always) mutating func countStep() {
    #if DEBUG
      steps &+= 1
    #endif
  }
}
