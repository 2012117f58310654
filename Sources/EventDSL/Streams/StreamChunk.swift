/// What a stream has at a reader's cursor, as far as it goes on in the same way.
public enum StreamChunk: ~Escapable {
  /// Bytes, at least one, where they lie: valid until the closure that is given them returns.
  case bytes(RawSpan)
  /// So many bytes will never come: they were lost before they passed here. The stream goes on behind them.
  case gap(UInt64)
  /// So many bytes passed and are no longer there: this reader had read too few of them.
  case dropped(UInt64)
}

/// How much of a chunk its reader has consumed, and how reading goes on.
@frozen
public enum Consumption: BitwiseCopyable, Sendable {
  /// All of it: the next chunk follows, if there is one.
  case all
  /// So many bytes from its start, at most all. If they are not all, reading ends, and goes on behind them the next time.
  case first(Int)
  /// So many bytes from its start, at most all: what follows them makes sense only with more. They are given again with
  /// all that is there behind them, in one piece; where that is nothing yet, the next time. Where a gap is behind them,
  /// nothing will come to complete them, and the gap follows.
  case more(after: Int)

  /// Nothing of it, and no more.
  @inlinable public static var none: Consumption { .first(0) }
}
