#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// How two ranges of bytes differ.
struct ByteDifference {
  /// Offset of the first byte that differs, -1 for none.
  var first: Int32 = -1
  /// How many bytes differ.
  var count: UInt32 = 0

  /// Compares `count` bytes; both ranges must be readable.
  init(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer, count length: Int) {
    guard memcmp(left, right, length) != 0 else { return }
    for offset in 0..<length
    where left.load(fromByteOffset: offset, as: UInt8.self)
      != right.load(fromByteOffset: offset, as: UInt8.self)
    {
      if count == 0 { first = Int32(truncatingIfNeeded: offset) }
      count &+= 1
    }
  }
}
