/// What a stream has at an offset, as far as it goes on in the same way.
@frozen
public enum StreamPiece: BitwiseCopyable {
  /// Bytes of the stream, at least one, from the offset on. They lie in the slab, and are valid until the stream is next
  /// changed.
  case bytes(UnsafeRawBufferPointer, at: UInt64)
  /// So many bytes were never seen, and will not come; the stream goes on behind them.
  case gap(UInt64)
  /// So many bytes are no longer there: they were discarded, or dropped by the limit or for want of blocks.
  case dropped(UInt64)
  /// The stream has not come so far.
  case end
}
