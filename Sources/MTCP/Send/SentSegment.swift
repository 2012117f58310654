import MOSCore

/// A segment that was sent and is not acknowledged yet. Lives in a `Slab`, named by index, 0 for none.
@frozen
public struct SentSegment: BitwiseCopyable {
  /// SEG.SEQ.
  public internal(set) var sequence: SequenceNumber
  /// SEG.LEN: payload bytes, and one for each of SYN and FIN.
  public internal(set) var length: UInt32
  /// When it was last sent (RFC 8985 5.2, Segment.xmit_ts).
  public internal(set) var sentTime: Timestamp
  /// What became of it.
  public internal(set) var marks: Marks

  /// The neighbours in the order of sequence numbers. The one before may have been given back already.
  var next: UInt32
  var previous: UInt32
  /// A segment further before, to find a sequence number in a logarithmic number of steps; it may have been given back.
  var jump: UInt32
  /// `sequence` of the segment at `jump`.
  var jumpSequence: SequenceNumber
  /// The jump leads over 2^level - 1 segments; 0 for no jump.
  var level: UInt16
  /// The neighbours in the order in which they were sent, of those that are under way.
  var sentBefore: UInt32
  var sentAfter: UInt32

  /// What became of a segment.
  @frozen
  public struct Marks: OptionSet, BitwiseCopyable, Sendable {
    /// The bits.
    public let rawValue: UInt8
    /// Marks from their bits.
    @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// The receiver has it (RFC 2018).
    @inlinable public static var sacked: Marks { .init(rawValue: 1) }
    /// It is taken to be lost, and was not sent again since.
    @inlinable public static var lost: Marks { .init(rawValue: 2) }
    /// It was sent more than once.
    @inlinable public static var retransmitted: Marks { .init(rawValue: 4) }
  }

  /// The sequence number behind it.
  @inlinable public var end: SequenceNumber { sequence + length }
  /// It may still arrive: neither selectively acknowledged nor lost.
  @inlinable public var isUnderWay: Bool { marks.isDisjoint(with: [.sacked, .lost]) }
}
