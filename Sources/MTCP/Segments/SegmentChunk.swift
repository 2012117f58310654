/// The first 32 of a chunk's 256 bytes; the other 224 hold bytes of a stream.
/// Links are chunk indices, 0 for none.
@frozen
@usableFromInline
struct SegmentChunk: BitwiseCopyable {
  /// The next chunk of the queue, of a chain or of the free list.
  @usableFromInline var next: UInt32
  /// Sequence number of the first byte.
  @usableFromInline var start: SequenceNumber
  /// The tree's left child.
  @usableFromInline var left: UInt32
  /// The tree's right child.
  @usableFromInline var right: UInt32
  /// Priority in the tree.
  @usableFromInline var priority: UInt32
  /// Start of the segment that brought the bytes.
  @usableFromInline var originStart: SequenceNumber
  /// End of the segment that brought the bytes.
  @usableFromInline var originEnd: SequenceNumber
  /// Where the first byte lies in the chunk's 224 bytes.
  @usableFromInline var offset: UInt8
  /// How many bytes there are.
  @usableFromInline var count: UInt8
  /// 0 if the chunk is in the tree; else its distance from the chunk before it that is, when it was linked.
  @usableFromInline var rank: UInt8
  @usableFromInline var unused: UInt8 = 0

  /// Size of a chunk in bytes, this header included.
  @inlinable static var size: Int { 256 }
  /// Bytes of stream that fit into a chunk.
  @inlinable static var capacity: Int { 224 }
  /// Where a chunk's bytes begin.
  @inlinable static var headerSize: Int { 32 }

  /// Sets where the bytes lie, and the rank to 0, with one store.
  @inlinable mutating func setBytes(offset: Int, count: Int) {
    withUnsafeMutableBytes(of: &self) {
      $0.storeBytes(
        of: UInt32(truncatingIfNeeded: offset | count << 8).littleEndian, toByteOffset: 28, as: UInt32.self)
    }
  }

  /// Sequence number behind the last byte.
  @inlinable var end: SequenceNumber { start + UInt32(count) }
}
