import MOSCore

/// RACK (RFC 8985 6): a segment is lost when one that was sent later has arrived, and a little more than a round trip has
/// passed since its own sending.
@frozen
public struct RecentAcknowledgment: BitwiseCopyable, Sendable {
  /// RACK.xmit_ts: when the latest sent segment that is delivered was sent; nil before the first one.
  public private(set) var sentTime: Timestamp?
  /// RACK.end_seq: the sequence number behind it.
  private var end = SequenceNumber(0)
  /// RACK.rtt: its round trip, in nanoseconds.
  private var roundTrip: Int64 = 0
  /// RACK.min_RTT in nanoseconds; 0 before the first sample.
  private var minimumRoundTrip: Int64 = 0
  /// RACK.fack: the sequence number behind the highest that is delivered.
  private var highest: SequenceNumber?
  /// RACK.reordering_seen.
  public private(set) var hasSeenReordering = false
  /// RACK.dsack_round: SND.NXT when a duplicate was last told of.
  private var duplicateRound: SequenceNumber?
  /// RACK.reo_wnd_mult, in quarters of the smallest round trip.
  private var windowMultiplier: Int64 = 1
  /// RACK.reo_wnd_persist: recoveries until the multiplier is 1 again.
  private var windowPersists: UInt8 = 16
  /// TSecr of the acknowledgment that is being taken, where it is that of the segments that are delivered.
  private var echo: UInt32?

  /// DupThresh: selectively acknowledged segments at which a loss no longer waits for reordering, as long as there was none.
  static var duplicateThreshold: UInt32 { 3 }

  /// Before anything was delivered.
  public init() {}

  /// Segments are delivered by an acknowledgment that echoes theirs in `echo`, or another's or none: nil.
  mutating func begin(echo: UInt32?) { self.echo = echo }

  /// A segment is delivered (6.2, steps 1 to 3).
  mutating func deliver(_ segment: SentSegment, at time: Timestamp) {
    noteOrder(segment)
    let sample = max(time.since(segment.sentTime), 1)
    if segment.marks.contains(.retransmitted) {
      // It can be the first copy that arrived: what echoes a time before the second, or comes too soon, says nothing of it.
      if let echo, Int32(bitPattern: echo &- Self.timestampValue(segment.sentTime)) < 0 { return }
      if sample < minimumRoundTrip { return }
    } else {
      minimumRoundTrip = minimumRoundTrip == 0 ? sample : min(minimumRoundTrip, sample)
    }
    roundTrip = sample
    if let sentTime, !Self.isSentAfter(segment.sentTime, segment.end, sentTime, end) { return }
    sentTime = segment.sentTime
    end = segment.end
  }

  /// TSval of segments that are sent at `time`: milliseconds (RFC 7323 5.4).
  public static func timestampValue(_ time: Timestamp) -> UInt32 {
    UInt32(truncatingIfNeeded: time.nanoseconds / 1_000_000)
  }

  /// Step 3: what is delivered behind something that was sent later was reordered.
  private mutating func noteOrder(_ segment: SentSegment) {
    guard let highest, segment.end <= highest else {
      highest = segment.end
      return
    }
    if segment.end < highest, !segment.marks.contains(.retransmitted) { hasSeenReordering = true }
  }

  /// What an acknowledgment told of duplicates (step 4, first half): `una` is SND.UNA behind it, `next` SND.NXT.
  public mutating func noteDuplicate(_ hasDuplicate: Bool, una: SequenceNumber, next: SequenceNumber) {
    if let round = duplicateRound, una >= round { duplicateRound = nil }
    guard hasDuplicate, duplicateRound == nil else { return }
    duplicateRound = next
    windowMultiplier = min(windowMultiplier &+ 1, 1_000)
    windowPersists = 16
  }

  /// A recovery ended (step 4): after 16 without duplicates the window is as small as at first.
  public mutating func endRecovery() {
    if windowPersists > 0 { windowPersists &-= 1 }
    if windowPersists == 0 { windowMultiplier = 1 }
  }

  /// RACK.reo_wnd in nanoseconds: for how long a segment may be late.
  public func reorderingWindow(isRecovering: Bool, sackedCount: UInt32, smoothedRoundTrip: UInt32) -> Int64 {
    if !hasSeenReordering, isRecovering || sackedCount >= Self.duplicateThreshold { return 0 }
    return min(windowMultiplier &* minimumRoundTrip / 4, Int64(smoothedRoundTrip) &* 1_000)
  }

  /// How many nanoseconds are left until `segment` is lost, which is not delivered; nil where nothing that was sent later has
  /// arrived.
  func remaining(_ segment: SentSegment, at time: Timestamp, window: Int64) -> Int64? {
    guard let sentTime, Self.isSentAfter(sentTime, end, segment.sentTime, segment.end) else { return nil }
    return lateness(segment, at: time, window: window)
  }

  /// The same wherever it stands (6.3).
  func lateness(_ segment: SentSegment, at time: Timestamp, window: Int64) -> Int64 {
    segment.sentTime.nanoseconds &+ roundTrip &+ window &- time.nanoseconds
  }

  /// RACK_sent_after: of segments that were sent at the same time, the one with the higher sequence number.
  private static func isSentAfter(
    _ time: Timestamp, _ end: SequenceNumber, _ otherTime: Timestamp, _ otherEnd: SequenceNumber
  ) -> Bool {
    time > otherTime || time == otherTime && end > otherEnd
  }
}
