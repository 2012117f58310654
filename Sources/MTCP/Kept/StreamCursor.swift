import MOSCore

/// Where a reader is in a stream. Any number of them can read one stream; none of them changes it.
@frozen
public struct StreamCursor: BitwiseCopyable, Hashable, Sendable {
  /// Offset of the next byte to be read.
  public var offset: UInt64

  /// A cursor at `offset`, by default at the beginning of the stream. It may lie beyond what is there.
  @inlinable public init(offset: UInt64 = 0) { self.offset = offset }

  /// Moves `count` bytes on. There is no end: what has not come is read as `.end` until it comes.
  @inlinable public mutating func advance(by count: UInt64) {
    let (sum, overflow) = offset.addingReportingOverflow(count)
    offset = overflow ? .max : sum
  }

  /// What is at the cursor, which stays there.
  @inlinable @inline(__always)
  public func peek(_ stream: KeptStream, blocks: borrowing Slab<KeptBlock>) -> StreamPiece {
    stream.next(from: offset, blocks: blocks)
  }

  /// What is at the cursor, which moves behind it.
  @inlinable @inline(__always)
  public mutating func read(_ stream: KeptStream, blocks: borrowing Slab<KeptBlock>) -> StreamPiece {
    let piece = stream.next(from: offset, blocks: blocks)
    // A stream ends before 2^64, so that these sums do not wrap.
    switch piece {
    case .bytes(let bytes, _): offset &+= UInt64(bytes.count)
    case .gap(let count), .dropped(let count): offset &+= count
    case .end: break
    }
    return piece
  }

  /// Copies bytes from the cursor on until the buffer is full or something else than bytes comes, moves behind them, and
  /// returns how many there were. 0 does not say why: `peek` does.
  public mutating func read(
    _ stream: KeptStream, into buffer: UnsafeMutableRawBufferPointer, blocks: borrowing Slab<KeptBlock>
  ) -> Int {
    let count = stream.copy(from: offset, into: buffer, blocks: blocks)
    offset &+= UInt64(count)
    return count
  }
}
