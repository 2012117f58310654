/// The state of a SipHash computation (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012), fed with 64-bit
/// words.
///
/// A keyed hash is what keeps an attacker who picks addresses and ports from filling one bucket of the flow table.
@frozen
public struct SipHash: BitwiseCopyable, Sendable {
  @usableFromInline var v0: UInt64
  @usableFromInline var v1: UInt64
  @usableFromInline var v2: UInt64
  @usableFromInline var v3: UInt64

  /// The paper's initial state. `domain` separates uses of one secret; 0 gives plain SipHash.
  @inlinable public init(secret: (UInt64, UInt64), domain: UInt64 = 0) {
    v0 = secret.0 ^ 0x736f_6d65_7073_6575
    v1 = secret.1 ^ 0x646f_7261_6e64_6f6d ^ domain
    v2 = secret.0 ^ 0x6c79_6765_6e65_7261
    v3 = secret.1 ^ 0x7465_6462_7974_6573
  }

  @inlinable @inline(__always) mutating func round() {
    v0 = v0 &+ v1
    v1 = (v1 &<< 13 | v1 &>> 51) ^ v0
    v0 = v0 &<< 32 | v0 &>> 32
    v2 = v2 &+ v3
    v3 = (v3 &<< 16 | v3 &>> 48) ^ v2
    v0 = v0 &+ v3
    v3 = (v3 &<< 21 | v3 &>> 43) ^ v0
    v2 = v2 &+ v1
    v1 = (v1 &<< 17 | v1 &>> 47) ^ v2
    v2 = v2 &<< 32 | v2 &>> 32
  }

  /// Takes in one word with `rounds` compression rounds.
  @inlinable @inline(__always) public mutating func compress(_ word: UInt64, rounds: Int) {
    v3 ^= word
    for _ in 0..<rounds { round() }
    v0 ^= word
  }

  /// The hash of the words so far, after `rounds` finalisation rounds.
  @inlinable @inline(__always) public consuming func finalize(rounds: Int) -> UInt64 {
    v2 ^= 0xff
    for _ in 0..<rounds { round() }
    return v0 ^ v1 ^ v2 ^ v3
  }
}
