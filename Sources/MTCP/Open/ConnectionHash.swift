import MOSCore

/// A keyed hash of a connection's ends (SipHash-2-4), for numbers that nobody may guess who does not know the secret: initial
/// sequence numbers, source ports, cookies. Each of them has a `domain` of its own.
struct ConnectionHash: BitwiseCopyable, Sendable {
  private let start: SipHash

  init(secret: (UInt64, UInt64), domain: UInt64) { start = SipHash(secret: secret, domain: domain) }

  /// The hash of a key's ends and a number.
  func hash(_ key: FlowKey, number: UInt64 = 0) -> UInt64 {
    hash(key.source, key.destination, ports: UInt64(key.sourcePort) << 16 | UInt64(key.destinationPort), number: number)
  }

  /// The hash of two addresses, and of whatever ports count.
  func hash(_ local: IPAddress, _ remote: IPAddress, ports: UInt64, number: UInt64 = 0) -> UInt64 {
    var state = start
    state.compress(local.high, rounds: 2)
    state.compress(local.low, rounds: 2)
    state.compress(remote.high, rounds: 2)
    state.compress(remote.low, rounds: 2)
    state.compress(ports, rounds: 2)
    state.compress(number, rounds: 2)
    return state.finalize(rounds: 4)
  }

  /// A secret from the kernel's random generator.
  static func randomSecret() -> (UInt64, UInt64) {
    var generator = SystemRandomNumberGenerator()
    return (generator.next(), generator.next())
  }
}
