/// How much may be sent while lost segments are made good (RFC 6937): in proportion to what is delivered, so that the window
/// is the new threshold when recovery is over, and not all at once.
@frozen
public struct ProportionalRateReduction: BitwiseCopyable, Sendable {
  /// ssthresh.
  private let threshold: UInt32
  /// RecoverFS: bytes under way when the loss was noticed.
  private let flightSize: UInt32
  private let maximumSegmentSize: UInt32
  private var delivered: UInt64 = 0
  private var sent: UInt64 = 0

  /// Recovery begins with `flightSize` bytes under way (0 counts as 1), and ends with a window of `threshold` bytes.
  public init(flightSize: UInt32, threshold: UInt32, maximumSegmentSize: UInt32) {
    self.flightSize = max(flightSize, 1)
    self.threshold = threshold
    self.maximumSegmentSize = maximumSegmentSize
  }

  /// An acknowledgment said that `bytes` more were delivered, and `pipe` bytes are under way (RFC 6675). Returns how many
  /// bytes may be sent now, retransmissions included. Below the threshold it lets the window grow as slow start does
  /// (PRR-SSRB).
  public mutating func acknowledge(_ bytes: UInt32, pipe: UInt32) -> UInt32 {
    delivered &+= UInt64(bytes)
    if pipe > threshold {
      let due = (delivered &* UInt64(threshold) &+ UInt64(flightSize) &- 1) / UInt64(flightSize)
      return due > sent ? UInt32(clamping: due &- sent) : 0
    }
    let owed = delivered > sent ? delivered &- sent : 0
    let limit = max(owed, UInt64(bytes)) &+ UInt64(maximumSegmentSize)
    return UInt32(clamping: min(UInt64(threshold &- pipe), limit))
  }

  /// `bytes` were sent, or sent again.
  public mutating func send(_ bytes: UInt32) { sent &+= UInt64(bytes) }
}
