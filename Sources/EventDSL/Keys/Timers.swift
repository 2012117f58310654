import DualStackTracker
import MOSCore

/// A timer that every flow has of its own, in packet time.
///
/// Declared as a stored property of a middlebox; `On(key) { … }` is what happens when it goes off, `event.flow.schedule(key,
/// after:)` sets it. A flow has one timer for a key: setting it again puts it off. It goes with its flow.
@frozen
public struct FlowTimer: MiddleboxKey, BitwiseCopyable, Sendable {
  /// The process's number of the key.
  public let number: UInt32

  /// A timer that is not set.
  public init() { number = KeyNumber.next() }

  /// Makes the timer known.
  public func declare(in registry: inout Registry, name: String) { registry.defineFlowTimer(number, name: name) }
}

/// A timer of the middlebox, in packet time, for what belongs to no flow.
///
/// Declared as a stored property; `On(key) { … }` is what happens when it goes off. It is set by `event.schedule(key,
/// after:)`, or goes off at a fixed interval from the first packet on.
@frozen
public struct BoxTimer: MiddleboxKey, BitwiseCopyable, Sendable {
  /// The process's number of the key.
  public let number: UInt32
  /// Nanoseconds between two times that it goes off by itself, 0 for a timer that is not set.
  public let interval: Int64

  /// A timer that is not set.
  public init() {
    number = KeyNumber.next()
    interval = 0
  }

  /// A timer that goes off at every `interval` of packet time, at least one nanosecond.
  public init(every interval: Duration) {
    number = KeyNumber.next()
    self.interval = max(1, interval.nanoseconds)
  }

  /// Makes the timer known.
  public func declare(in registry: inout Registry, name: String) {
    registry.defineBoxTimer(number, name: name, interval: interval)
  }
}

extension Duration {
  /// The duration in nanoseconds, as far as 64 bits reach.
  @usableFromInline var nanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    if overflow { return seconds < 0 ? .min : .max }
    let (sum, carry) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
    return carry ? (seconds < 0 ? .min : .max) : sum
  }
}
