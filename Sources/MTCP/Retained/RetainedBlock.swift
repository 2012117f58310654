/// A block of the memory for retained bytes: 32 bytes of header, and 1,504 of a stream, so that a full segment fits. Lives
/// in a `Slab`, named by index, 0 for none.
@frozen
public struct RetainedBlock: BitwiseCopyable {
  /// The next block.
  @usableFromInline var next: UInt32
  /// Sequence number of the first byte.
  @usableFromInline var start: SequenceNumber
  /// How many bytes there are.
  @usableFromInline var count: UInt32
  /// 1 for the first block since the retaining began, and so on.
  @usableFromInline var ordinal: UInt32
  /// With an ordinal of 32 n: the next such block.
  @usableFromInline var shortCut: UInt32
  /// In the last block: the last one with an ordinal of 32 n.
  @usableFromInline var marked: UInt32
  @usableFromInline var unused: UInt64
  @usableFromInline var bytes: InlineArray<94, SIMD16<UInt8>>

  /// Bytes of stream that fit into a block.
  @inlinable static var capacity: UInt32 { 1_504 }
  /// Where a block's bytes begin.
  @inlinable static var headerSize: Int { 32 }

  /// Makes it the first and only block.
  @inlinable @inline(__always) mutating func begin(at start: SequenceNumber, count: UInt32) {
    next = 0
    self.start = start
    self.count = count
    ordinal = 1
    marked = 0
  }

  /// Sequence number behind the last byte.
  @inlinable var end: SequenceNumber { start + count }
}

extension UnsafeMutablePointer where Pointee == RetainedBlock {
  /// The first byte of stream.
  @inlinable @inline(__always) var storage: UnsafeMutableRawPointer {
    UnsafeMutableRawPointer(self) + RetainedBlock.headerSize
  }
}
