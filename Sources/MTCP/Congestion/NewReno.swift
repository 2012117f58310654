import MOSCore

/// Slow start and congestion avoidance of RFC 5681, counting bytes (RFC 3465). What RFC 6582 adds is the caller's: one
/// reduction for all that was under way.
@frozen
public struct NewReno: CongestionControl {
  /// SMSS in bytes.
  public var maximumSegmentSize: UInt32
  /// cwnd in bytes.
  public private(set) var window: UInt32
  /// ssthresh in bytes.
  public private(set) var slowStartThreshold: UInt32
  /// Bytes acknowledged since the window last grew in congestion avoidance.
  private var acknowledged: UInt32 = 0
  private var windowBefore: UInt32
  private var thresholdBefore: UInt32

  /// A connection at its start.
  public init(maximumSegmentSize: UInt32) {
    self.maximumSegmentSize = maximumSegmentSize
    window = Self.initialWindow(maximumSegmentSize: maximumSegmentSize)
    slowStartThreshold = Self.largestThreshold
    windowBefore = window
    thresholdBefore = slowStartThreshold
  }

  /// Slow start below the threshold; above it a segment for each window that is acknowledged.
  public mutating func acknowledge(_ data: AcknowledgedData) {
    guard data.isWindowLimited else { return }
    if window < slowStartThreshold {
      window = min(window &+ slowStartGrowth(data.bytes), Self.largestWindow)
      return
    }
    acknowledged = min(acknowledged &+ min(data.bytes, Self.largestWindow), Self.largestWindow)
    guard acknowledged >= window else { return }
    acknowledged &-= window
    window = min(window &+ maximumSegmentSize, Self.largestWindow)
  }

  /// Half of what was under way is left.
  public mutating func reduce(_ signal: CongestionSignal, flightSize: UInt32) {
    remember()
    slowStartThreshold = threshold(flightSize)
    window = slowStartThreshold
    acknowledged = 0
  }

  /// One segment is left.
  public mutating func timeOut(flightSize: UInt32, isFirst: Bool) {
    if isFirst {
      remember()
      slowStartThreshold = threshold(flightSize)
    }
    window = maximumSegmentSize
    acknowledged = 0
  }

  /// Window and threshold are at least what they were.
  public mutating func undo() {
    window = max(window, windowBefore)
    slowStartThreshold = max(slowStartThreshold, thresholdBefore)
  }

  /// No more than the initial window is left.
  public mutating func restart(afterIdle idle: Int64) {
    window = min(window, Self.initialWindow(maximumSegmentSize: maximumSegmentSize))
  }

  private mutating func remember() {
    windowBefore = window
    thresholdBefore = slowStartThreshold
  }

  /// RFC 5681 3.1, equation 4.
  private func threshold(_ flightSize: UInt32) -> UInt32 {
    max(flightSize / 2, Self.lowestThreshold &* maximumSegmentSize)
  }
}
