import MOSCore

/// How many challenge ACKs a connection sends: ten at once, and two a second in the long run, as RFC 5961 7 proposes.
///
/// Each connection counts its own: a count that connections share tells others what goes on in one (Cao et al., "Off-Path TCP
/// Exploits", 2016).
@frozen
public struct ChallengeLimit: BitwiseCopyable, Sendable {
  private static var interval: Int64 { 500_000_000 }
  private static var burst: Int64 { 10 }

  /// When ten may be sent at once again.
  private var isFullAgain = Timestamp(nanoseconds: .min)

  /// None sent yet.
  public init() {}

  /// Whether one more may be sent, which is counted then.
  public mutating func admits(at time: Timestamp) -> Bool {
    // A clock that was set back leaves no more than a whole burst to wait for.
    let latest = time.advanced(by: Self.burst &* Self.interval)
    let start = min(max(isFullAgain, time), latest)
    let next = start.advanced(by: Self.interval)
    isFullAgain = next <= latest ? next : start
    return next <= latest
  }
}
