/// The first 32 of a chunk's 256 bytes; the other 224 hold bytes of a stream.
///
/// What the fields from `left` on mean depends on where the chunk is: in the queue of out-of-order bytes or among the
/// retained bytes. Links are chunk indices, 0 for none.
@frozen
@usableFromInline
struct SegmentChunk: BitwiseCopyable {
  /// The next chunk of the queue, of the retained bytes, of a chain or of the free list.
  @usableFromInline var next: UInt32
  /// Sequence number of the first byte.
  @usableFromInline var start: SequenceNumber
  /// Queue: the tree's left child. Retained: the next chunk whose ordinal is a multiple of 16, if this one's is.
  @usableFromInline var left: UInt32
  /// Queue: the tree's right child. Retained: the next chunk whose ordinal is a multiple of 256, if this one's is.
  @usableFromInline var right: UInt32
  /// Queue: priority in the tree. Retained: ordinal, counted from the first chunk since the retaining began.
  @usableFromInline var priority: UInt32
  /// Queue: start of the segment that brought the bytes. Retained: the last chunk with an ordinal of 16 n.
  @usableFromInline var originStart: SequenceNumber
  /// Queue: end of the segment that brought the bytes. Retained: the last chunk with an ordinal of 256 n.
  @usableFromInline var originEnd: SequenceNumber
  /// Where the first byte lies in the chunk's 224 bytes.
  @usableFromInline var offset: UInt8
  /// How many bytes there are.
  @usableFromInline var count: UInt8
  /// Queue: 0 if the chunk is in the tree; else its distance from the chunk before it that is, when it was linked.
  @usableFromInline var rank: UInt8
  @usableFromInline var unused: UInt8 = 0

  /// Size of a chunk in bytes, this header included.
  @inlinable static var size: Int { 256 }
  /// Bytes of stream that fit into a chunk.
  @inlinable static var capacity: Int { 224 }
  /// Where a chunk's bytes begin.
  @inlinable static var headerSize: Int { 32 }

  /// Sequence number behind the last byte.
  @inlinable var end: SequenceNumber { start + UInt32(count) }
}
