/// Smoothed round-trip time and retransmission time-out (RFC 6298), in microseconds.
///
/// The caller keeps Karn's rule: samples come from segments sent once, or from echoed timestamps.
@frozen
public struct RoundTripEstimator: BitwiseCopyable, Sendable {
  /// SRTT times 8.
  @usableFromInline var smoothedTimes8: UInt32 = 0
  /// RTTVAR times 4.
  @usableFromInline var variationTimes4: UInt32 = 0
  /// How often the time-out was doubled since the last sample.
  public private(set) var backoffs: UInt8 = 0

  /// Before the first sample.
  @inlinable public init() {}

  /// The RTO before the first sample, and its lower bound, in microseconds (RFC 6298 2.1 and 2.4).
  @inlinable public static var minimumTimeout: UInt32 { 1_000_000 }
  /// The RTO's upper bound in microseconds (RFC 6298 2.5).
  @inlinable public static var maximumTimeout: UInt32 { 60_000_000 }

  /// Whether there was a sample.
  @inlinable public var hasSample: Bool { smoothedTimes8 != 0 }
  /// SRTT in microseconds; 0 before the first sample.
  @inlinable public var smoothed: UInt32 { smoothedTimes8 / 8 }
  /// RTTVAR in microseconds; 0 before the first sample.
  @inlinable public var variation: UInt32 { variationTimes4 / 4 }

  /// Takes a round trip (RFC 6298 2.2 and 2.3) and ends the back-off. 0 counts as 1, more than 2^28 (268 s) as 2^28.
  public mutating func sample(microseconds: UInt32) {
    let sample = min(max(microseconds, 1), 1 << 28)
    backoffs = 0
    guard hasSample else {
      smoothedTimes8 = sample &* 8
      variationTimes4 = sample &* 2
      return
    }
    let old = smoothed
    let error = old > sample ? old &- sample : sample &- old
    variationTimes4 = variationTimes4 &- variationTimes4 / 4 &+ error
    smoothedTimes8 = max(smoothedTimes8 &- old &+ sample, 8)
  }

  /// Doubles the time-out (RFC 6298 5.5), until the next sample. Has an upper bound.
  public mutating func backOff() {
    if backoffs < 16 { backoffs &+= 1 }
  }

  /// The RTO in microseconds within the RFC's bounds, 1 s to 60 s.
  @inlinable public var retransmissionTimeout: UInt32 { retransmissionTimeout(minimum: Self.minimumTimeout) }

  /// The RTO in microseconds, back-off included, with other bounds than the RFC's; 1 s before the first sample.
  /// Precondition: `minimum` is not above `maximum`.
  public func retransmissionTimeout(minimum: UInt32, maximum: UInt32 = maximumTimeout) -> UInt32 {
    let base = hasSample ? UInt64(smoothed) &+ UInt64(max(variationTimes4, 1)) : UInt64(Self.minimumTimeout)
    return UInt32(min(max(base, UInt64(minimum)) << UInt64(backoffs), UInt64(maximum)))
  }
}
