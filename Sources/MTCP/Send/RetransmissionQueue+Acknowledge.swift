import MOSCore

/// What acknowledgments say.
extension RetransmissionQueue {
  /// An acceptable acknowledgment came: all before `una`, and what `options` acknowledge selectively (RFC 2018), is with the
  /// receiver. `recent` learns of what is delivered.
  ///
  /// - Parameters:
  ///   - una: SEG.ACK, from SND.UNA to SND.NXT.
  ///   - options: the segment's options. Of its SACK blocks those are passed over that cover no whole segment.
  ///   - time: when it came.
  public mutating func acknowledge(
    _ una: SequenceNumber, _ options: TCPOptions, at time: Timestamp, recent: inout RecentAcknowledgment,
    segments: inout Slab<SentSegment>
  ) -> Delivery {
    var delivery = Delivery()
    recent.begin(echo: options.hasTimestamp ? options.timestampEcho : nil)
    takeCumulative(una, at: time, recent: &recent, delivery: &delivery, segments: &segments)
    // What is out of order does not change what is echoed (RFC 7323 4.3).
    recent.begin(echo: nil)
    var first = 0
    if options.sackBlockCount > 0, isDuplicate(options, una) {
      delivery.duplicate = (SequenceNumber(options.sackBlocks[0].left), SequenceNumber(options.sackBlocks[0].right))
      first = 1
    }
    for block in first..<max(first, Int(options.sackBlockCount)) {
      let (left, right) = options.sackBlocks[block]
      takeBlock(
        SequenceNumber(left), SequenceNumber(right), at: time, recent: &recent, delivery: &delivery,
        segments: segments)
    }
    // What waited for a retransmission at the receiver took longer than its way.
    if delivery.hasRetransmitted { delivery.roundTrip = nil }
    return delivery
  }

  private mutating func takeCumulative(
    _ una: SequenceNumber, at time: Timestamp, recent: inout RecentAcknowledgment, delivery: inout Delivery,
    segments: inout Slab<SentSegment>
  ) {
    while head != 0 {
      let segment = segments.pointer(head)
      guard segment.pointee.end <= una else { break }
      if !segment.pointee.marks.contains(.sacked) {
        delivered(segment, at: time, recent: &recent, delivery: &delivery)
      }
      delivery.acknowledged &+= segment.pointee.length
      forget(head, segments: &segments)
    }
    guard head != 0 else { return }
    let segment = segments.pointer(head)
    guard segment.pointee.sequence < una else { return }
    // A part of a segment, which a receiver with little room may take: the rest is what waits.
    let part = UInt32(bitPattern: una.distance(from: segment.pointee.sequence))
    delivery.acknowledged &+= part
    if segment.pointee.marks.contains(.sacked) {
      sackedBytes &-= part
    } else {
      delivery.delivered &+= part
      if segment.pointee.marks.contains(.lost) { lostBytes &-= part }
    }
    segment.pointee.sequence = una
    segment.pointee.length &-= part
    flightSize &-= part
  }

  /// The first segment is acknowledged.
  private mutating func forget(_ index: UInt32, segments: inout Slab<SentSegment>) {
    let segment = segments.pointer(index).pointee
    flightSize &-= segment.length
    count &-= 1
    if segment.marks.contains(.sacked) {
      sackedBytes &-= segment.length
      sackedCount &-= 1
    } else if segment.marks.contains(.lost) {
      lostBytes &-= segment.length
    } else {
      removeSent(index, segments: segments)
    }
    if lostFrom == index { lostFrom = segment.next }
    head = segment.next
    if head == 0 { tail = 0 }
    segments.free(index)
  }

  /// The whole segments of a SACK block, which the receiver need not repeat and may not take back (RFC 2018 8 lets it: what it
  /// takes back is found by the retransmission timer).
  private mutating func takeBlock(
    _ left: SequenceNumber, _ right: SequenceNumber, at time: Timestamp, recent: inout RecentAcknowledgment,
    delivery: inout Delivery, segments: borrowing Slab<SentSegment>
  ) {
    guard head != 0, left < right, right <= segments.pointer(tail).pointee.end else { return }
    let from = SequenceNumber.later(left, segments.pointer(head).pointee.sequence)
    var index = find(from, segments: segments).index
    if index != 0, segments.pointer(index).pointee.sequence < from { index = segments.pointer(index).pointee.next }
    while index != 0 {
      let segment = segments.pointer(index)
      guard segment.pointee.end <= right else { return }
      if !segment.pointee.marks.contains(.sacked) {
        if segment.pointee.marks.contains(.lost) {
          lostBytes &-= segment.pointee.length
          segment.pointee.marks.remove(.lost)
        } else {
          removeSent(index, segments: segments)
        }
        segment.pointee.marks.insert(.sacked)
        sackedBytes &+= segment.pointee.length
        sackedCount &+= 1
        delivered(segment, at: time, recent: &recent, delivery: &delivery)
      }
      index = segment.pointee.next
    }
  }

  private func delivered(
    _ segment: UnsafeMutablePointer<SentSegment>, at time: Timestamp, recent: inout RecentAcknowledgment,
    delivery: inout Delivery
  ) {
    delivery.delivered &+= segment.pointee.length
    if segment.pointee.marks.contains(.retransmitted) {
      delivery.hasRetransmitted = true
    } else {
      let microseconds = max(time.since(segment.pointee.sentTime), 0) / 1_000
      delivery.roundTrip = UInt32(clamping: microseconds)
    }
    recent.deliver(segment.pointee, at: time)
  }

  /// Whether the first block tells of what came twice (RFC 2883 4): it lies before what is acknowledged, or in the second.
  private func isDuplicate(_ options: TCPOptions, _ una: SequenceNumber) -> Bool {
    let left = SequenceNumber(options.sackBlocks[0].left)
    let right = SequenceNumber(options.sackBlocks[0].right)
    guard left < right else { return false }
    if right <= una { return true }
    guard options.sackBlockCount > 1 else { return false }
    return left >= SequenceNumber(options.sackBlocks[1].left) && right <= SequenceNumber(options.sackBlocks[1].right)
  }
}
