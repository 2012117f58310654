// Unsafe: places bucket rings in memory it owns. Invariant: the generation of n buckets lies at bytes 64 n ..< 128 n of
// the reservation, so that generations do not overlap; only the current and the one before it are in use.
import CMachine

/// Maps 64-bit hashes to flow indices. Keys stay with the flows: a search asks the caller whether an index matches.
///
/// Entries take eight bytes in buckets of one cache line, at a load of at most 1/2: a bucket that overflows costs a
/// search more than memory does. The table starts with 1 MiB, which takes real memory where it is touched, or with its
/// maximum if that is less, and doubles without a pause: while it grows, an insertion moves two buckets of the older
/// generation, a search one. It does not shrink. Entries of equal hash are legal in any number, at a cost in proportion.
@frozen
public struct FlowTable: ~Copyable {
  @usableFromInline var current: BucketRing
  /// The generation that is being emptied; `bucketCount` 0 when there is none.
  @usableFromInline var older: BucketRing
  @usableFromInline var entries: Int
  @usableFromInline var growthThreshold: Int
  @usableFromInline let maximum: Int
  @usableFromInline let memory: ReservedMemory
  /// Bytes of the older generation whose real memory has been given back.
  @usableFromInline var discarded: Int

  static var firstBucketCount: UInt32 { 16_384 }
  static var entriesOfBucket: Int { 4 }
  static var bucketsMovedByInsertion: Int { 2 }
  @usableFromInline static var bucketsMovedBySearch: Int { 1 }

  /// An empty table for at most `maximumEntries` (1 to 2^31) entries.
  public init(maximumEntries: Int) {
    self.init(maximumEntries: maximumEntries, firstBucketCount: Self.firstBucketCount)
  }

  /// The same with a first generation of `firstBucketCount` (a power of two, at least 64) buckets, so that growth can be
  /// tested with few entries.
  init(maximumEntries: Int, firstBucketCount: UInt32) {
    precondition(maximumEntries >= 1 && maximumEntries <= 1 << 31, "a flow table holds 1 to 2^31 entries")
    var largest = 64
    while largest * Self.entriesOfBucket < maximumEntries { largest *= 2 }
    memory = ReservedMemory(byteCount: largest * 128)
    maximum = maximumEntries
    let first = min(firstBucketCount, UInt32(largest))
    current = Self.ring(of: first, in: memory)
    older = current
    older.bucketCount = 0
    entries = 0
    discarded = 0
    growthThreshold = Self.threshold(of: first, maximum: maximumEntries)
  }

  private static func ring(of bucketCount: UInt32, in memory: borrowing ReservedMemory) -> BucketRing {
    let area = memory.base + Int(bucketCount) * 64
    return BucketRing(
      words: area.bindMemory(to: UInt32.self, capacity: Int(bucketCount) * 16), bucketCount: bucketCount)
  }

  private static func threshold(of bucketCount: UInt32, maximum: Int) -> Int {
    let fitting = Int(bucketCount) * entriesOfBucket
    return fitting >= maximum ? Int.max : fitting
  }

  /// Entries in the table.
  @inlinable public var count: Int { entries }

  /// The largest number of entries.
  @inlinable public var maximumEntries: Int { maximum }

  /// Whether the table is being moved to a larger generation.
  @inlinable public var isGrowing: Bool { older.bucketCount != 0 }

  /// Buckets moved so far of the generation that is being emptied.
  var movedBuckets: Int { Int(older.first) }

  /// Bits of the hash kept in an entry. Never 0, which a free place holds.
  @inlinable @inline(__always) static func tag(_ hash: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: hash &>> 32) | 1 }

  /// Asks the cache for the line in which a search for this hash starts.
  @inlinable @inline(__always) public func prefetch(_ hash: UInt64) {
    let tag = Self.tag(hash)
    mos_prefetch(current.bucket(tag &>> current.shift))
    if isGrowing { mos_prefetch(older.bucket(older.home(tag))) }
  }

  /// The index of an entry of this hash for which `matches` holds, 0 when there is none. `matches` may also be asked
  /// about entries whose hash differs in the lower bits.
  @inlinable public mutating func find(_ hash: UInt64, where matches: (UInt32) -> Bool) -> UInt32 {
    let tag = Self.tag(hash)
    if isGrowing { move(Self.bucketsMovedBySearch) }
    let index = current.find(tag, where: matches)
    if index != 0 || !isGrowing { return index }
    return older.find(tag, where: matches)
  }

  /// The first entry that `find` would ask about, 0 when there is none. For prefetching the flow's record, and for trying
  /// it before the search.
  @inlinable @inline(__always) public func firstCandidate(_ hash: UInt64) -> UInt32 {
    let tag = Self.tag(hash)
    // The current generation's buckets are all in its ring.
    let bucket = current.bucket(tag &>> current.shift)
    let places = mos_match8(bucket, tag)
    if places != 0 { return bucket[8 &+ places.trailingZeroBitCount] }
    return bucket[15] == 0 && !isGrowing ? 0 : candidateElsewhere(tag)
  }

  /// The same for entries that are not in their home bucket of the current generation.
  @usableFromInline @inline(never) func candidateElsewhere(_ tag: UInt32) -> UInt32 {
    let index = current.find(tag) { _ in true }
    return index != 0 || !isGrowing ? index : older.find(tag) { _ in true }
  }

  /// Adds an entry of `index` (not 0); the table has room, `count < maximumEntries`. Does not look for duplicates.
  public mutating func insert(_ hash: UInt64, _ index: UInt32) {
    precondition(entries < maximum && index != 0, "the flow table is full, or the index is 0")
    if isGrowing {
      move(Self.bucketsMovedByInsertion)
    } else if entries >= growthThreshold {
      older = current
      discarded = 0
      current = Self.ring(of: older.bucketCount &* 2, in: memory)
      growthThreshold = Self.threshold(of: current.bucketCount, maximum: maximum)
    }
    current.insert(Self.tag(hash), index)
    entries &+= 1
  }

  /// Removes the entry of this hash and index. Returns false when there is none.
  public mutating func remove(_ hash: UInt64, _ index: UInt32) -> Bool {
    if index == 0 { return false }
    let tag = Self.tag(hash)
    guard current.remove(tag, index) || (isGrowing && older.remove(tag, index)) else { return false }
    entries &-= 1
    return true
  }

  /// Moves up to `count` buckets of the older generation into the current one.
  @usableFromInline mutating func move(_ count: Int) {
    var left = count
    while left > 0 && older.first < older.bucketCount {
      let bucket = older.bucket(older.first)
      // Out of the ring first: its entries are in the current generation from here on.
      older.first &+= 1
      var place = 0
      while place < 8 && bucket[8 &+ place] != 0 {
        current.insert(bucket[place], bucket[8 &+ place])
        place &+= 1
      }
      left &-= 1
    }
    discardMoved()
  }

  /// Gives memory back in pieces, so that no packet waits for the release of a large area.
  private mutating func discardMoved() {
    let size = Int(older.bucketCount) &* 64
    let huge = ReservedMemory.hugePageByteCount
    let piece = min(size, size >= huge ? huge : 64 << 10)
    let passed = Int(older.first) &* 64
    if passed &- discarded >= piece {
      memory.discard(offset: size &+ discarded, count: piece)
      discarded &+= piece
    }
    if older.first == older.bucketCount { older.bucketCount = 0 }
  }
}
