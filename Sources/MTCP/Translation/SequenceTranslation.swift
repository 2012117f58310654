/// How the sequence numbers of one direction of a connection change when bytes are inserted into its stream or removed.
///
/// *Original* numbers are those of the stream's sender, *translated* ones those of its receiver. Segments of the direction
/// go from original to translated; acknowledgments and SACK blocks of the other direction go from translated to original.
///
/// An edit replaces a range of original bytes by new ones. The new bytes belong to the first byte of the range, or, in a
/// pure insertion, to the byte that they come before: whoever sends that byte again sends the new ones again, and until
/// all of them are acknowledged that byte is not acknowledged to the sender. Bytes at the end of a segment, behind which
/// nothing may ever come, are therefore recorded by `recordAppended`, which makes them belong to the byte before.
///
/// Up to 32 edits wait for their acknowledgment; acknowledged ones are merged into one distance. Behind the acknowledged
/// point all translations are exact. Before it they keep to its side: what the receiver has stays what the receiver has.
/// All numbers are modulo 2^32, and must lie within half of the space of the ones in use.
///
/// Trivial, 400 bytes; fits in a slab. A copy goes its own way.
@frozen
public struct SequenceTranslation: BitwiseCopyable, Sendable {
  /// The most edits that can wait for their acknowledgment.
  @inlinable public static var capacity: Int { 32 }

  @usableFromInline var edits: InlineArray<32, StreamEdit>
  /// Edits held, the oldest first.
  public private(set) var count = 0
  /// From original to translated before the first edit that is held.
  @usableFromInline var shift: UInt32 = 0
  /// The original byte behind all that passed.
  public private(set) var passedEnd: SequenceNumber

  /// A translation that changes nothing yet, of a stream of which nothing has passed before `start`.
  public init(start: SequenceNumber) {
    let none = StreamEdit(
      start: SequenceNumber(0), translatedStart: SequenceNumber(0), removed: 0, inserted: 0)
    edits = InlineArray(repeating: none)
    passedEnd = start
  }

  /// Whether all numbers are what they were, so that nothing has to be translated.
  @inlinable public var isIdentity: Bool { count == 0 && shift == 0 }

  /// The edit at `index`, 0 for the oldest that is held. Precondition: below `count`.
  @inlinable public subscript(index: Int) -> StreamEdit { edits[index] }
}

/// Recording what was changed.
extension SequenceTranslation {
  /// Notes that `removed` bytes from the original number `start` on are replaced by `inserted` new ones, before the segment
  /// that has them is said to have `passed`. Edits of one segment are recorded in the order of their numbers.
  ///
  /// An edit that is recorded must be made in every segment that has the byte `start`, as long as it is held: see
  /// `firstEdit(from:to:)`.
  public mutating func record(
    at start: SequenceNumber, removed: UInt16, inserted: UInt16
  ) -> StreamEditOutcome {
    for index in 0..<count where edits[index].start == start {
      return edits[index].removed == removed && edits[index].inserted == inserted ? .known : .alreadyPassed
    }
    guard start >= passedEnd else { return .alreadyPassed }
    if removed == 0, inserted == 0 { return .known }
    if count > 0, start < edits[count - 1].end { return .alreadyPassed }
    guard count < Self.capacity else { return .full }
    edits[count] = StreamEdit(
      start: start, translatedStart: translated(start), removed: removed, inserted: inserted)
    count += 1
    return .recorded
  }

  /// The same for `inserted` bytes behind the last byte of a segment, whose original `end` is the number behind that byte:
  /// recorded as that byte's replacement by itself and the new ones. Precondition: `inserted` is below 65535.
  public mutating func recordAppended(behind end: SequenceNumber, inserted: UInt16) -> StreamEditOutcome {
    record(at: end - 1, removed: 1, inserted: inserted &+ 1)
  }

  /// Notes that a segment up to the original number `end` was let pass: no byte before it can move any more.
  public mutating func passed(to end: SequenceNumber) { passedEnd = .later(passedEnd, end) }

  /// Notes that the receiver acknowledged everything before the translated number `number`. Only for acknowledgments that
  /// the sender's stack takes: a forged one would end edits that are still needed.
  public mutating func acknowledged(to number: SequenceNumber) {
    var done = 0
    while done < count, edits[done].translatedEnd <= number, edits[done].end <= passedEnd { done += 1 }
    guard done > 0 else { return }
    shift = edits[done - 1].translatedEnd.rawValue &- edits[done - 1].end.rawValue
    for index in done..<count { edits[index - done] = edits[index] }
    count -= done
  }
}

/// Translating numbers.
extension SequenceTranslation {
  /// The sequence number of a segment that began with the original number `number`.
  ///
  /// A segment that begins where an edit does begins with the inserted bytes; one that begins inside of a replaced range
  /// begins behind them.
  public func translated(_ number: SequenceNumber) -> SequenceNumber {
    var index = count
    while index > 0 {
      index -= 1
      let edit = edits[index]
      if number > edit.start {
        return number <= edit.end ? edit.translatedEnd : edit.translatedEnd + (number.rawValue &- edit.end.rawValue)
      }
    }
    return number + shift
  }

  /// The acknowledgment number, or right edge of a SACK block, for the sender: all original bytes before it have arrived
  /// or were removed. Inside of inserted bytes it is the first byte that they replaced.
  public func originalAcknowledgment(_ number: SequenceNumber) -> SequenceNumber {
    var index = count
    while index > 0 {
      index -= 1
      let edit = edits[index]
      if number >= edit.translatedStart {
        return number >= edit.translatedEnd
          ? edit.end + (number.rawValue &- edit.translatedEnd.rawValue) : edit.start
      }
    }
    return number - shift
  }

  /// The left edge of a SACK block (RFC 2018 3) for the sender. Inside of inserted bytes, and right behind those that
  /// replace nothing, it is the byte behind those that they belong to: they would not be sent again without these.
  public func originalLeftEdge(_ number: SequenceNumber) -> SequenceNumber {
    var index = count
    while index > 0 {
      index -= 1
      let edit = edits[index]
      if number > edit.translatedStart {
        return number <= edit.translatedEnd
          ? edit.ownerEnd : edit.end + (number.rawValue &- edit.translatedEnd.rawValue)
      }
    }
    return number - shift
  }

  /// A SACK block (RFC 2018 3) for the sender, in the form in which `PacketEditor.translateSACKBlocks` takes it. Where no
  /// original byte is complete the block is empty, and a sender passes over it.
  public func originalBlock(left: UInt32, right: UInt32) -> (left: UInt32, right: UInt32) {
    let start = originalLeftEdge(SequenceNumber(left))
    return (start.rawValue, SequenceNumber.later(start, originalAcknowledgment(SequenceNumber(right))).rawValue)
  }

  /// The index of the first edit that a segment with the original bytes from `start` to before `end` has to show: one whose
  /// first byte it has, or of whose replaced range it has a part; `nil` without one. The edits that follow are at the next
  /// indices, while they start before `end`.
  ///
  /// A segment that begins inside of a replaced range has none of the inserted bytes: they went with the first byte.
  public func firstEdit(from start: SequenceNumber, to end: SequenceNumber) -> Int? {
    for index in 0..<count where edits[index].start >= start || edits[index].end > start {
      return edits[index].start < end ? index : nil
    }
    return nil
  }
}
