import MOSCore

/// What an acknowledgment of new data means to congestion control.
@frozen
public struct AcknowledgedData: BitwiseCopyable, Sendable {
  /// Bytes that it acknowledged for the first time, cumulatively or selectively.
  public var bytes: UInt32
  /// When it came.
  public var time: Timestamp
  /// SRTT in microseconds; 0 before the first sample.
  public var smoothedRoundTrip: UInt32
  /// The window was what kept the sender from sending more, before it came (RFC 9293 3.7.2, RFC 7661 4.2): only then does the
  /// window grow.
  public var isWindowLimited: Bool

  /// An acknowledgment from its parts.
  @inlinable public init(bytes: UInt32, time: Timestamp, smoothedRoundTrip: UInt32, isWindowLimited: Bool) {
    self.bytes = bytes
    self.time = time
    self.smoothedRoundTrip = smoothedRoundTrip
    self.isWindowLimited = isWindowLimited
  }
}

/// Why a window is made smaller.
@frozen
public enum CongestionSignal: UInt8, BitwiseCopyable, Sendable {
  /// A segment was lost, and the acknowledgments go on (RFC 5681 3.2).
  case loss = 0
  /// A router marked a segment (RFC 3168 6.1.2).
  case congestionExperienced
}

/// How many bytes may be under way (RFC 5681), in a plain struct: a connection has one in its record.
///
/// The caller decides what is lost and when a loss is part of one that was answered already, and says so at most once a
/// round trip (`reduce`). While it recovers, what it may send is `ProportionalRateReduction`'s to say, and
/// `acknowledge` is not called.
public protocol CongestionControl: BitwiseCopyable, Sendable {
  /// A connection at its start, with segments of `maximumSegmentSize` bytes of payload, 1 to 65,535.
  init(maximumSegmentSize: UInt32)

  /// SMSS in bytes, 1 to 65,535. Setting it, when the path's MTU is found to be smaller, leaves the window as it is.
  var maximumSegmentSize: UInt32 { get set }
  /// cwnd in bytes: at least one segment.
  var window: UInt32 { get }
  /// ssthresh in bytes.
  var slowStartThreshold: UInt32 { get }

  /// New data was acknowledged outside of recovery.
  mutating func acknowledge(_ data: AcknowledgedData)
  /// There is congestion; `flightSize` bytes were under way. The window is the new `slowStartThreshold`.
  mutating func reduce(_ signal: CongestionSignal, flightSize: UInt32)
  /// The retransmission timer expired (RFC 5681 3.1): the window is one segment. `isFirst` is `false` where it expired for the
  /// same segment before, which does not lower the threshold again.
  mutating func timeOut(flightSize: UInt32, isFirst: Bool)
  /// The last `reduce` or `timeOut` was a mistake: nothing had been lost (RFC 4015, RFC 9438 4.9).
  mutating func undo()
  /// The connection was idle for longer than the retransmission time-out, `idle` nanoseconds (RFC 5681 4.1).
  mutating func restart(afterIdle idle: Int64)
}

extension CongestionControl {
  /// The window of a connection at its start, in bytes (RFC 6928 2).
  @inlinable public static func initialWindow(maximumSegmentSize: UInt32) -> UInt32 {
    min(10 &* maximumSegmentSize, max(2 &* maximumSegmentSize, 14_600))
  }

  /// The largest window, in bytes: that of the window scale option (RFC 7323 2.3).
  @inlinable public static var largestWindow: UInt32 { 1 << 30 }
  /// The threshold at the start: as high as can be (RFC 5681 3.1).
  @inlinable public static var largestThreshold: UInt32 { .max }
  /// The lowest threshold, in segments (RFC 5681 3.1, equation 4).
  @inlinable public static var lowestThreshold: UInt32 { 2 }

  /// By how many bytes one acknowledgment lets the window grow in slow start: by what it acknowledges, of at most eight
  /// segments, which a stretch acknowledgment of a receiver that takes bursts stays within (RFC 3465 2.2; the limit is that of
  /// RFC 9406 4.2 for senders that do not pace).
  @inlinable func slowStartGrowth(_ bytes: UInt32) -> UInt32 { min(bytes, 8 &* maximumSegmentSize) }
}
