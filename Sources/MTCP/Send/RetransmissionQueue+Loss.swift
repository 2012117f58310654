import MOSCore

/// What is lost, and what is sent again.
extension RetransmissionQueue {
  /// Marks what RACK takes for lost (RFC 8985 6.2, step 5).
  ///
  /// - Parameter window: `RecentAcknowledgment.reorderingWindow`, in nanoseconds.
  /// - Returns: bytes that are newly lost; and in how many nanoseconds to ask again, nil where that need not be.
  public mutating func detectLoss(
    _ recent: RecentAcknowledgment, at time: Timestamp, window: Int64, segments: borrowing Slab<SentSegment>
  ) -> (lost: UInt32, wait: Int64?) {
    var lost: UInt32 = 0
    var wait: Int64?
    var index = firstSent
    while index != 0 {
      let segment = segments.pointer(index).pointee
      guard let latest = recent.sentTime, segment.sentTime <= latest else { break }
      if let remaining = recent.remaining(segment, at: time, window: window) {
        if remaining <= 0 {
          lost &+= segment.length
          lose(index, segments: segments)
        } else {
          wait = max(wait ?? 0, remaining)
        }
      }
      index = segment.sentAfter
    }
    return (lost, wait)
  }

  /// Three acknowledgments repeated the same number (RFC 5681 3.2), or a partial one came (RFC 6582 3.2): without SACK the first
  /// segment is lost. Returns its bytes, 0 where it is lost already or nothing waits.
  public mutating func loseFirst(segments: borrowing Slab<SentSegment>) -> UInt32 {
    guard head != 0, segments.pointer(head).pointee.isUnderWay else { return 0 }
    lose(head, segments: segments)
    return segments.pointer(head).pointee.length
  }

  /// The retransmission timer expired: the first segment is lost, and with SACK all those that are late (RFC 8985 6.3); without,
  /// all (RFC 5681 4.3). A receiver that took back what it had acknowledged selectively is believed no more (RFC 2018 8).
  public mutating func timeOut(
    _ recent: RecentAcknowledgment, at time: Timestamp, window: Int64, hasSACK: Bool,
    segments: borrowing Slab<SentSegment>
  ) {
    if head != 0, segments.pointer(head).pointee.marks.contains(.sacked) { forgetSACK(segments: segments) }
    var index = firstSent
    while index != 0 {
      let segment = segments.pointer(index).pointee
      if index == head || !hasSACK || recent.lateness(segment, at: time, window: window) <= 0 {
        lose(index, segments: segments)
      }
      index = segment.sentAfter
    }
  }

  /// The lost segment with the lowest sequence number; 0 for none. It is to be sent before anything new (RFC 6675 4, NextSeg).
  public mutating func firstLost(segments: borrowing Slab<SentSegment>) -> UInt32 {
    guard lostBytes > 0 else { return 0 }
    while lostFrom != 0, !segments.pointer(lostFrom).pointee.marks.contains(.lost) {
      lostFrom = segments.pointer(lostFrom).pointee.next
    }
    return lostFrom
  }

  /// A segment of the queue was sent again.
  public mutating func resend(_ index: UInt32, at time: Timestamp, segments: borrowing Slab<SentSegment>) {
    let segment = segments.pointer(index)
    if segment.pointee.marks.contains(.lost) {
      segment.pointee.marks.remove(.lost)
      lostBytes &-= segment.pointee.length
    } else if segment.pointee.isUnderWay {
      removeSent(index, segments: segments)
    } else {
      return
    }
    segment.pointee.marks.insert(.retransmitted)
    segment.pointee.sentTime = time
    appendSent(index, segments: segments)
  }

  /// The time-out was a mistake: what was taken to be lost, and was not sent again, is under way (RFC 4015 3.2).
  public mutating func undoLoss(segments: borrowing Slab<SentSegment>) {
    var index = head
    while index != 0, lostBytes > 0 {
      let segment = segments.pointer(index)
      if segment.pointee.marks.contains(.lost) {
        segment.pointee.marks.remove(.lost)
        lostBytes &-= segment.pointee.length
        insertSent(index, segments: segments)
      }
      index = segment.pointee.next
    }
  }

  private mutating func lose(_ index: UInt32, segments: borrowing Slab<SentSegment>) {
    let segment = segments.pointer(index)
    segment.pointee.marks.insert(.lost)
    lostBytes &+= segment.pointee.length
    removeSent(index, segments: segments)
    if lostFrom == 0 || segment.pointee.sequence < segments.pointer(lostFrom).pointee.sequence { lostFrom = index }
  }

  private mutating func forgetSACK(segments: borrowing Slab<SentSegment>) {
    var index = head
    while index != 0 {
      let segment = segments.pointer(index)
      if segment.pointee.marks.contains(.sacked) {
        segment.pointee.marks.remove(.sacked)
        insertSent(index, segments: segments)
      }
      index = segment.pointee.next
    }
    sackedBytes = 0
    sackedCount = 0
  }

  /// Puts a segment that is under way after all where its time of sending belongs.
  private mutating func insertSent(_ index: UInt32, segments: borrowing Slab<SentSegment>) {
    let segment = segments.pointer(index)
    var before = lastSent
    while before != 0, segments.pointer(before).pointee.sentTime > segment.pointee.sentTime {
      before = segments.pointer(before).pointee.sentBefore
    }
    guard before != lastSent else { return appendSent(index, segments: segments) }
    let after = before == 0 ? firstSent : segments.pointer(before).pointee.sentAfter
    segment.pointee.sentBefore = before
    segment.pointee.sentAfter = after
    segments.pointer(after).pointee.sentBefore = index
    if before == 0 { firstSent = index } else { segments.pointer(before).pointee.sentAfter = index }
  }
}
