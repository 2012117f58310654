/// The keyed hash of flow keys: SipHash-1-3, the same for both directions of a flow.
///
/// IPv4 flows hash two words, others five. Lengths are fixed, so that the paper's length block is not needed; the two
/// kinds start from different states instead.
@frozen
public struct FlowHash: BitwiseCopyable, Sendable {
  /// The IPv4 state, with the part of the first round done that depends on the secret only.
  @usableFromInline let v4: SipHash
  @usableFromInline let v6: SipHash

  @usableFromInline static var v4Domain: UInt64 { 16 }
  @usableFromInline static var v6Domain: UInt64 { 40 }

  /// A hash under the given secret: a constant one makes runs repeatable, but lets an attacker who knows it degrade the
  /// flow table.
  public init(secret: (UInt64, UInt64)) {
    var state = SipHash(secret: secret, domain: Self.v4Domain)
    state.firstPairOfRound()
    v4 = state
    v6 = SipHash(secret: secret, domain: Self.v6Domain)
  }

  /// A hash under a secret from the kernel's random generator (`getrandom` on Linux).
  public static func random() -> FlowHash {
    var generator = SystemRandomNumberGenerator()
    return FlowHash(secret: (generator.next(), generator.next()))
  }

  /// The hash of `key.canonical`, so that `hash(key) == hash(key.reversed)`.
  @inlinable @inline(__always) public func hash(_ key: FlowKey) -> UInt64 {
    let source = key.source
    let destination = key.destination
    let isV4 = source.high | destination.high | (source.low >> 32 ^ 0xffff) | (destination.low >> 32 ^ 0xffff) == 0
    guard isV4 else { return hashV6(key) }
    // Address and port of an end in one word order as `FlowKey.isCanonical` does, so that the smaller word is the
    // canonical source.
    let left = source.low &<< 16 | key.rest &>> 48
    let right = destination.low &<< 16 | (key.rest &>> 32 & 0xffff)
    let smaller = min(left, right)
    let larger = max(left, right)
    return hashV4(
      smaller &<< 16 | (larger & 0xffff), (larger &<< 16 & 0xffff_ffff_0000_0000) | (key.rest & 0xffff_ffff))
  }

  /// The hash of an IPv4 key's 128 bits: smaller address and port with the larger port; larger address with VLANs and
  /// protocol.
  @inlinable @inline(__always) func hashV4(_ first: UInt64, _ second: UInt64) -> UInt64 {
    var state = v4
    state.v3 ^= first
    state.restOfRound()
    state.v0 ^= first
    state.compress(second, rounds: 1)
    return state.finalize(rounds: 3)
  }

  @usableFromInline func hashV6(_ key: FlowKey) -> UInt64 {
    let key = key.canonical
    var state = v6
    state.compress(key.source.high, rounds: 1)
    state.compress(key.source.low, rounds: 1)
    state.compress(key.destination.high, rounds: 1)
    state.compress(key.destination.low, rounds: 1)
    state.compress(key.rest, rounds: 1)
    return state.finalize(rounds: 3)
  }
}
