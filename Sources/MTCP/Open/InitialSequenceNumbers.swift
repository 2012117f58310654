import MOSCore

/// Initial sequence numbers (RFC 6528 3): a clock of 4 microseconds, from another beginning for each pair of ends. So a new
/// connection of the same ends begins above the one before it, and who knows the numbers of one connection knows nothing of
/// another's.
public struct InitialSequenceNumbers: BitwiseCopyable, Sendable {
  private let beginning: ConnectionHash

  /// Numbers under a secret that is drawn now.
  public init() { self.init(secret: ConnectionHash.randomSecret()) }

  /// Numbers under a given secret: for runs that are to be repeatable.
  public init(secret: (UInt64, UInt64)) { beginning = ConnectionHash(secret: secret, domain: 0x4953_4e) }

  /// The number for a connection whose segments leave with `key`, that begins at `time`.
  public func next(_ key: FlowKey, at time: Timestamp) -> SequenceNumber {
    let ticks = UInt64(bitPattern: time.nanoseconds) / 4_000
    return SequenceNumber(UInt32(truncatingIfNeeded: ticks &+ beginning.hash(key)))
  }
}
