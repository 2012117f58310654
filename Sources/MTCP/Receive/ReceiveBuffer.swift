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

/// The stored bytes of one direction of a flow: those that arrived out of order, and those kept after delivery to compare
/// retransmissions with. A handle of 28 bytes; the bytes are in a `SegmentPool`, always the same one.
///
/// The queue is a sorted list of disjoint chunks with a tree over it: an insertion costs O(log n) and the bytes it
/// copies. The retained bytes are a list of full chunks with two levels of short cuts. A handle that is thrown away
/// without `removeAll` leaks its chunks; a copy of a handle must not be used beside the original.
@frozen
public struct ReceiveBuffer: BitwiseCopyable, Sendable {
  @usableFromInline var queueRoot: UInt32 = 0
  @usableFromInline var queueHead: UInt32 = 0
  @usableFromInline var queueChunks: UInt32 = 0
  @usableFromInline var retainedHead: UInt32 = 0
  @usableFromInline var retainedTail: UInt32 = 0
  /// The end of the first retained chunk: an acknowledgment below it releases nothing.
  @usableFromInline var retainedFirstEnd = SequenceNumber(0)
  /// Bytes in the queue.
  public internal(set) var queuedBytes: UInt32 = 0

  /// An empty buffer. All its bits are zero.
  @inlinable public init() {}

  /// Whether bytes wait for a hole before them to be filled.
  @inlinable public var hasQueued: Bool { queueHead != 0 }

  /// Whether bytes are retained for comparison.
  @inlinable public var hasRetained: Bool { retainedHead != 0 }

  /// Gives everything back to the pool; the buffer is empty then.
  public mutating func removeAll(pool: inout SegmentPool) {
    dropQueued(pool: &pool)
    dropRetained(pool: &pool)
  }
}
