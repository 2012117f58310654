/// One change of a stream's length: original bytes `start` to `end` were replaced by `inserted` new bytes.
@frozen
public struct StreamEdit: BitwiseCopyable, Hashable, Sendable {
  /// Sequence number of the first original byte that was replaced; for a pure insertion, of the byte that it comes before.
  public var start: SequenceNumber
  /// Where the inserted bytes begin in the changed stream.
  public var translatedStart: SequenceNumber
  /// Original bytes that were taken out.
  public var removed: UInt16
  /// Bytes that stand in their place.
  public var inserted: UInt16

  /// The original byte behind those that were replaced.
  @inlinable public var end: SequenceNumber { start + UInt32(removed) }
  /// The original byte behind those that the inserted ones belong to.
  var ownerEnd: SequenceNumber { removed == 0 ? start + 1 : end }
  /// The byte behind the inserted ones in the changed stream.
  @inlinable public var translatedEnd: SequenceNumber { translatedStart + UInt32(inserted) }

  @usableFromInline
  init(start: SequenceNumber, translatedStart: SequenceNumber, removed: UInt16, inserted: UInt16) {
    self.start = start
    self.translatedStart = translatedStart
    self.removed = removed
    self.inserted = inserted
  }
}

/// What `SequenceTranslation.record` did with an edit. Only `recorded` and `known` allow the segment to be changed.
@frozen
public enum StreamEditOutcome: UInt8, BitwiseCopyable, Sendable, CaseIterable {
  /// The edit is new and was recorded.
  case recorded = 0
  /// The same edit was recorded before: the segment came again.
  case known
  /// Bytes behind the edit have passed without it, or with another one: it would move bytes that the receiver may have.
  case alreadyPassed
  /// As many edits as can be held wait for their acknowledgment.
  case full
}
