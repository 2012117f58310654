/// A point in packet time: nanoseconds since 1970-01-01 00:00 UTC, as the capture file or the port's clock gave it.
///
/// Every timer of the project runs on this clock, so that a replay gives the same result at any speed.
@frozen
public struct Timestamp: BitwiseCopyable, Hashable, Comparable, Sendable {
  /// Nanoseconds since the Unix epoch.
  public var nanoseconds: Int64

  /// A time stamp from nanoseconds since the Unix epoch.
  @inlinable public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  /// Whether `left` lies before `right`.
  @inlinable public static func < (left: Timestamp, right: Timestamp) -> Bool { left.nanoseconds < right.nanoseconds }

  /// The time `nanoseconds` later; wraps at the ends of the 64-bit range, which a hostile capture can reach.
  @inlinable public func advanced(by nanoseconds: Int64) -> Timestamp {
    Timestamp(nanoseconds: self.nanoseconds &+ nanoseconds)
  }

  /// Nanoseconds from `earlier` to this time; negative when this time is the earlier one.
  @inlinable public func since(_ earlier: Timestamp) -> Int64 { nanoseconds &- earlier.nanoseconds }
}
