import MOSCore

/// TLP (RFC 8985 7): where acknowledgments stay away, one segment is sent before the retransmission timer expires, so that what
/// the receiver says of it starts a recovery.
@frozen
public struct TailLossProbe: BitwiseCopyable, Sendable {
  /// TLP.end_seq: SND.NXT when the probe was sent; nil where none is out.
  public private(set) var end: SequenceNumber?
  /// TLP.is_retrans: the probe was sent before.
  private var isRetransmission = false
  /// A round trip was measured since the last probe (7.3): without one there is none.
  private var hasSample = true

  /// Before the first probe.
  public init() {}

  /// TLP.max_ack_delay in nanoseconds: how long a receiver may keep an acknowledgment back (7.2).
  public static var acknowledgmentDelay: Int64 { 200_000_000 }

  /// A probe may be sent: none is out, and a round trip was measured since the last one.
  public var isAllowed: Bool { end == nil && hasSample }

  /// PTO (7.2): in how many nanoseconds a probe is to be sent, if nothing is acknowledged before.
  ///
  /// - Parameters:
  ///   - smoothedRoundTrip: SRTT in microseconds; 0 before the first sample.
  ///   - isOneSegment: what is under way fits into one segment, whose acknowledgment the receiver may delay.
  ///   - untilTimeout: nanoseconds until the retransmission timer expires, which no probe comes after.
  public static func timeout(smoothedRoundTrip: UInt32, isOneSegment: Bool, untilTimeout: Int64) -> Int64 {
    var timeout = smoothedRoundTrip == 0 ? 1_000_000_000 : 2_000 &* Int64(smoothedRoundTrip)
    if smoothedRoundTrip != 0, isOneSegment { timeout &+= acknowledgmentDelay }
    return max(min(timeout, untilTimeout), 0)
  }

  /// A round trip was measured.
  public mutating func noteSample() { hasSample = true }

  /// A probe was sent; `next` is SND.NXT behind it.
  public mutating func send(isRetransmission: Bool, next: SequenceNumber) {
    end = next
    self.isRetransmission = isRetransmission
    hasSample = false
  }

  /// An acknowledgment came (7.4.2). Returns whether the probe made good a loss that nobody else noticed, which congestion control
  /// is to be told of.
  ///
  /// - Parameters:
  ///   - una: SEG.ACK.
  ///   - duplicate: what it says came twice (RFC 2883).
  ///   - isPlainDuplicate: it acknowledges nothing new and has no SACK blocks.
  public mutating func acknowledge(
    _ una: SequenceNumber, duplicate: (left: SequenceNumber, right: SequenceNumber)?, isPlainDuplicate: Bool
  ) -> Bool {
    guard let end, una >= end else { return false }
    if !isRetransmission || duplicate?.right == end || isPlainDuplicate && una == end {
      self.end = nil
      return false
    }
    guard una > end else { return false }
    self.end = nil
    return true
  }

  /// A recovery or a time-out makes the probe's answer meaningless.
  public mutating func cancel() { end = nil }
}
