/// A block of the memory for kept streams: 32 bytes of header, and 1,504 of a stream, so that a full segment is one
/// span. Lives in a `Slab`, named by index, 0 for none.
///
/// Blocks of a third of that would hold what short flows send with a quarter less memory, and cost a segment four
/// allocations and its readers four spans.
@frozen
public struct KeptBlock: BitwiseCopyable {
  /// The next block, 0 in the last one.
  @usableFromInline var next: UInt32
  /// The block before; it may have been given back already.
  @usableFromInline var previous: UInt32
  /// A block further before, to find an offset in a logarithmic number of steps; it may have been given back already.
  @usableFromInline var jump: UInt32
  /// The jump leads over 2^level - 1 blocks; 0 for no jump.
  @usableFromInline var level: UInt16
  /// How many bytes there are.
  @usableFromInline var count: UInt16
  /// Offset in the stream of the first byte.
  @usableFromInline var start: UInt64
  /// `start` of the block at `jump`, so that whether it is still there can be told without looking at it.
  @usableFromInline var jumpStart: UInt64
  @usableFromInline var bytes: InlineArray<94, SIMD16<UInt8>>

  /// Bytes of stream that fit into a block.
  @inlinable static var capacity: UInt32 { 1_504 }
  /// Where a block's bytes begin.
  @inlinable static var headerSize: Int { 32 }

  /// Makes it the first and only block.
  @inlinable @inline(__always) mutating func begin(at start: UInt64, count: UInt32) {
    next = 0
    previous = 0
    jump = 0
    level = 0
    self.count = UInt16(truncatingIfNeeded: count)
    self.start = start
    jumpStart = start
  }

  /// Offset in the stream behind the last byte.
  @inlinable @inline(__always) var end: UInt64 { start &+ UInt64(count) }
  /// Bytes that still fit into it.
  var room: UInt32 { Self.capacity &- UInt32(count) }
}

extension UnsafeMutablePointer where Pointee == KeptBlock {
  /// The first byte of stream.
  @inlinable @inline(__always) var keptBytes: UnsafeMutableRawPointer {
    UnsafeMutableRawPointer(self) + KeptBlock.headerSize
  }
}
