// Unsafe: raw access to bucket memory. Invariant: `words` has room for `bucketCount` buckets of 16 words for the ring's
// life, and buckets below `first` are not read.
import CMachine

/// One generation of a flow table's buckets: open addressing by whole cache lines.
///
/// A bucket is 64 bytes: eight tags, then the eight flow indices that belong to them; index 0 is a free place. Occupied
/// places come first. An entry lives in its home bucket, or, where that is full, in the next one with room; so every
/// bucket from an entry's home to the one before its own is full, and a search may end at the first that is not.
/// Removal keeps this true by pulling a later entry back, which is why there are no tombstones.
///
/// While a table grows the buckets of the older generation leave their ring from the front: `first` is the first that is
/// left. Homes before it count as `first`, and the bucket after the last is `first` again, so the rule above holds
/// throughout.
@frozen @usableFromInline
struct BucketRing: BitwiseCopyable {
  @usableFromInline var words: UnsafeMutablePointer<UInt32>
  @usableFromInline var bucketCount: UInt32
  @usableFromInline var first: UInt32
  /// Places by which a tag is shifted right to give its home: the home is the tag's uppermost bits, so that entries
  /// can be moved without their keys.
  @usableFromInline var shift: UInt32

  /// A ring of `bucketCount` (a power of two, 2 to 2^30) zero-filled buckets.
  init(words: UnsafeMutablePointer<UInt32>, bucketCount: UInt32) {
    self.words = words
    self.bucketCount = bucketCount
    first = 0
    shift = 32 &- UInt32(truncatingIfNeeded: bucketCount.trailingZeroBitCount)
  }

  @inlinable @inline(__always) func home(_ tag: UInt32) -> UInt32 { max(tag &>> shift, first) }

  @inlinable @inline(__always) func next(_ bucket: UInt32) -> UInt32 {
    let following = bucket &+ 1
    return following == bucketCount ? first : following
  }

  @inlinable @inline(__always) func bucket(_ number: UInt32) -> UnsafeMutablePointer<UInt32> {
    words + Int(number) &* 16
  }

  @inlinable @inline(__always) func find(_ tag: UInt32, where matches: (UInt32) -> Bool) -> UInt32 {
    let start = home(tag)
    var number = start
    repeat {
      let bucket = bucket(number)
      var places = mos_match8(bucket, tag)
      while places != 0 {
        let index = bucket[8 &+ places.trailingZeroBitCount]
        if matches(index) { return index }
        places &= places &- 1
      }
      if bucket[15] == 0 { return 0 }
      number = next(number)
    } while number != start
    return 0
  }

  /// Adds an entry; there is a free place somewhere in the ring.
  func insert(_ tag: UInt32, _ index: UInt32) {
    var number = home(tag)
    while bucket(number)[15] != 0 { number = next(number) }
    let bucket = bucket(number)
    let place = mos_match8(bucket + 8, 0).trailingZeroBitCount
    bucket[place] = tag
    bucket[8 &+ place] = index
  }

  /// Removes the entry of this tag and index. Returns whether there was one.
  func remove(_ tag: UInt32, _ index: UInt32) -> Bool {
    let start = home(tag)
    var number = start
    repeat {
      let bucket = bucket(number)
      var places = mos_match8(bucket + 8, index)
      while places != 0 {
        let place = places.trailingZeroBitCount
        if bucket[place] == tag {
          let wasFull = bucket[15] != 0
          removePlace(place, of: bucket)
          if wasFull { fillHole(number) }
          return true
        }
        places &= places &- 1
      }
      if bucket[15] == 0 { return false }
      number = next(number)
    } while number != start
    return false
  }

  /// Empties a place and keeps the occupied ones together.
  private func removePlace(_ place: Int, of bucket: UnsafeMutablePointer<UInt32>) {
    let free = mos_match8(bucket + 8, 0)
    let last = free == 0 ? 7 : free.trailingZeroBitCount &- 1
    bucket[place] = bucket[last]
    bucket[8 &+ place] = bucket[8 &+ last]
    bucket[last] = 0
    bucket[8 &+ last] = 0
  }

  /// Pulls entries back into the last place of bucket `hole`, which was full, then into the one that this frees, and so
  /// on. Ends because every step brings an entry nearer to its home.
  private func fillHole(_ hole: UInt32) {
    var hole = hole
    var candidate = next(hole)
    while candidate != hole {
      let bucket = bucket(candidate)
      let isFull = bucket[15] != 0
      let distance = distance(from: hole, to: candidate)
      var place = 0
      while place < 8 && bucket[8 &+ place] != 0 {
        if self.distance(from: home(bucket[place]), to: candidate) >= distance { break }
        place &+= 1
      }
      if place < 8 && bucket[8 &+ place] != 0 {
        let target = self.bucket(hole)
        target[7] = bucket[place]
        target[15] = bucket[8 &+ place]
        removePlace(place, of: bucket)
        hole = candidate
      }
      if !isFull { return }
      candidate = next(candidate)
    }
  }

  /// Steps of `next` from one bucket to another.
  private func distance(from start: UInt32, to end: UInt32) -> UInt32 {
    end >= start ? end &- start : end &+ (bucketCount &- first) &- start
  }
}
