import MOSCore

/// What was sent and is not acknowledged yet (RFC 9293 3.10.7.4), with what the receiver said about it: the scoreboard of RFC
/// 6675. A handle; the segments are in a slab, always the same one.
///
/// A handle that is thrown away without `removeAll` leaks its segments; a copy of a handle must not be used beside the original.
///
/// Invariant: the segments from `head` to `tail` are linked in both directions, and each begins where the one before ends. Those
/// that are under way are linked from `firstSent` to `lastSent` in the order of their sending as well, and no link leads to one that is not.
@frozen
public struct RetransmissionQueue: BitwiseCopyable, Sendable {
  var head: UInt32 = 0
  var tail: UInt32 = 0
  var firstSent: UInt32 = 0
  var lastSent: UInt32 = 0
  /// No segment before it is lost; 0 where none is.
  var lostFrom: UInt32 = 0
  /// How many segments there are.
  public internal(set) var count: UInt32 = 0
  /// How many of them the receiver has.
  public internal(set) var sackedCount: UInt32 = 0
  /// Sequence numbers between the first and the last: SND.NXT - SND.UNA.
  public internal(set) var flightSize: UInt32 = 0
  /// Those that the receiver has.
  public internal(set) var sackedBytes: UInt32 = 0
  /// Those that are lost, and were not sent again.
  public internal(set) var lostBytes: UInt32 = 0

  /// Nothing sent. All its bits are zero.
  public init() {}

  /// Nothing waits for an acknowledgment.
  public var isEmpty: Bool { head == 0 }
  /// What may be in the network, in bytes of sequence space (RFC 6675 2, pipe).
  public var pipe: UInt32 { flightSize &- sackedBytes &- lostBytes }
  /// The first segment, which SND.UNA lies in; 0 for none.
  public var first: UInt32 { head }
  /// The segment with the highest sequence numbers; 0 for none.
  public var last: UInt32 { tail }

  /// A segment was sent for the first time, behind all others: its `sequence` is the end of the last one.
  ///
  /// - Returns: its index; 0, with nothing changed, where the slab is full: it must not be sent then.
  public mutating func append(
    _ sequence: SequenceNumber, length: UInt32, at time: Timestamp, segments: inout Slab<SentSegment>
  ) -> UInt32 {
    let index = segments.allocate()
    guard index != 0 else { return 0 }
    let segment = segments.pointer(index)
    segment.initialize(
      to: SentSegment(
        sequence: sequence, length: length, sentTime: time, marks: [], next: 0, previous: tail, jump: 0,
        jumpSequence: sequence, level: 0, sentBefore: 0, sentAfter: 0))
    if tail == 0 {
      head = index
    } else {
      let last = segments.pointer(tail)
      assert(last.pointee.end == sequence)
      linkJump(from: segment, last, segments: segments)
      last.pointee.next = index
    }
    tail = index
    count &+= 1
    flightSize &+= length
    appendSent(index, segments: segments)
    return index
  }

  /// Jumps lead over 1, 3, 7 ... segments, as in Myers, "An applicative random-access stack" (1983): two equally long ones
  /// that meet are followed by one over both.
  private func linkJump(
    from segment: UnsafeMutablePointer<SentSegment>, _ last: UnsafeMutablePointer<SentSegment>,
    segments: borrowing Slab<SentSegment>
  ) {
    segment.pointee.jump = tail
    segment.pointee.jumpSequence = last.pointee.sequence
    segment.pointee.level = 1
    guard last.pointee.level > 0, last.pointee.jumpSequence >= segments.pointer(head).pointee.sequence else { return }
    let middle = segments.pointer(last.pointee.jump)
    guard middle.pointee.level == last.pointee.level else { return }
    segment.pointee.jump = middle.pointee.jump
    segment.pointee.jumpSequence = middle.pointee.jumpSequence
    segment.pointee.level = last.pointee.level &+ 1
  }

  /// The segment that `sequence` lies in, and how many links were followed; 0 where none has it.
  func find(
    _ sequence: SequenceNumber, segments: borrowing Slab<SentSegment>
  ) -> (index: UInt32, steps: Int) {
    guard head != 0, sequence >= segments.pointer(head).pointee.sequence,
      sequence < segments.pointer(tail).pointee.end
    else { return (0, 0) }
    var index = tail
    var steps = 0
    while segments.pointer(index).pointee.sequence > sequence {
      let segment = segments.pointer(index).pointee
      // A jump to before what is asked for is not taken; so none leads to a segment that was given back.
      index = segment.level > 0 && segment.jumpSequence > sequence ? segment.jump : segment.previous
      steps &+= 1
    }
    return (index, steps)
  }

  /// Gives all segments back; the handle is then that of a new connection.
  public mutating func removeAll(segments: inout Slab<SentSegment>) {
    while head != 0 {
      let next = segments.pointer(head).pointee.next
      segments.free(head)
      head = next
    }
    self = RetransmissionQueue()
  }
}

/// The order of sending.
extension RetransmissionQueue {
  mutating func appendSent(_ index: UInt32, segments: borrowing Slab<SentSegment>) {
    let segment = segments.pointer(index)
    segment.pointee.sentBefore = lastSent
    segment.pointee.sentAfter = 0
    if lastSent == 0 { firstSent = index } else { segments.pointer(lastSent).pointee.sentAfter = index }
    lastSent = index
  }

  mutating func removeSent(_ index: UInt32, segments: borrowing Slab<SentSegment>) {
    let segment = segments.pointer(index).pointee
    if segment.sentBefore == 0 {
      firstSent = segment.sentAfter
    } else {
      segments.pointer(segment.sentBefore).pointee.sentAfter = segment.sentAfter
    }
    if segment.sentAfter == 0 {
      lastSent = segment.sentBefore
    } else {
      segments.pointer(segment.sentAfter).pointee.sentBefore = segment.sentBefore
    }
  }
}
