/// What `ReceiveBuffer.insert` did with a segment.
@frozen
public struct InsertResult: BitwiseCopyable, Sendable {
  /// Bytes that were not in the queue before and are now.
  public var stored: UInt32 = 0
  /// Bytes that were in the queue already, whoever won.
  public var duplicate: UInt32 = 0
  /// Those of `duplicate` that came with another value.
  public var conflicting: UInt32 = 0
  /// Sequence number of the first conflicting byte; 0 without one.
  public var conflictStart = SequenceNumber(0)
  /// The rest of the segment was not taken: the side's limit is reached, the pool is exhausted, or the segment lies more
  /// than a window away from what is queued. What was stored is counted above, and the queue is whole.
  public var isFull: Bool = false

  /// Nothing stored.
  @inlinable public init() {}
}

/// The bytes of one direction of a flow that arrived out of order. A handle of 16 bytes; the bytes are in a `SegmentPool`,
/// always the same one.
///
/// The queue is a sorted list of disjoint chunks with a tree over it: an insertion costs O(log n) and the bytes it
/// copies. A handle that is thrown away without `dropQueued` leaks its chunks; a copy of a handle must not be used beside
/// the original.
@frozen
public struct ReceiveBuffer: BitwiseCopyable, Sendable {
  @usableFromInline var queueRoot: UInt32 = 0
  @usableFromInline var queueHead: UInt32 = 0
  @usableFromInline var queueChunks: UInt32 = 0
  /// Bytes in the queue.
  public internal(set) var queuedBytes: UInt32 = 0

  /// An empty buffer. All its bits are zero.
  @inlinable public init() {}

  /// Whether bytes wait for a hole before them to be filled.
  @inlinable public var hasQueued: Bool { queueHead != 0 }
}
