/// By how much a change moves the checksum that covers it (RFC 1624 3): old bytes are taken away, new ones added.
///
/// The caller has checked that the bytes are there.
struct ChecksumDelta: BitwiseCopyable {
  private var difference = Checksum()

  /// Adds `count` bytes; `isOdd` when the first of them is the second half of a 16-bit word.
  mutating func add(_ bytes: UnsafeRawPointer, count: Int, isOdd: Bool = false) {
    add(Self.sum(bytes, count, isOdd))
  }

  /// Takes `count` bytes away; `isOdd` as for `add`.
  mutating func remove(_ bytes: UnsafeRawPointer, count: Int, isOdd: Bool = false) {
    add(~Self.sum(bytes, count, isOdd))
  }

  /// Changes a word from `old` to `new`, both in host order.
  mutating func replace(_ old: UInt16, with new: UInt16) {
    difference.add(word: ~old)
    difference.add(word: new)
  }

  /// Changes a word from `old` to `new`, both as they lie in memory.
  @inline(__always) mutating func replace(inMemory old: UInt16, with new: UInt16) { add(~old); add(new) }

  /// Changes two words from `old` to `new`, both as they lie in memory.
  @inline(__always) mutating func replace(_ old: UInt32, with new: UInt32) {
    // Two words at once: what overflows from the lower into the upper one comes back when the sum is folded.
    difference.sum = Checksum.add(Checksum.add(difference.sum, UInt64(~old)), UInt64(new))
  }

  /// The checksum that was `checksum`; both as they lie in memory.
  func applied(to checksum: UInt16) -> UInt16 {
    var total = difference
    total.sum = Checksum.add(total.sum, UInt64(~checksum))
    return ~total.folded
  }

  /// Changes the checksum at `field`.
  func apply(to field: UnsafeMutableRawPointer) {
    field.storeBytes(of: applied(to: field.loadUnaligned(as: UInt16.self)), as: UInt16.self)
  }

  private mutating func add(_ word: UInt16) { difference.sum = Checksum.add(difference.sum, UInt64(word)) }

  /// RFC 1071 2 B: bytes that begin at an odd offset have the swapped sum.
  private static func sum(_ bytes: UnsafeRawPointer, _ count: Int, _ isOdd: Bool) -> UInt16 {
    var checksum = Checksum()
    checksum.add(bytes, count: count)
    return isOdd ? checksum.folded.byteSwapped : checksum.folded
  }
}
