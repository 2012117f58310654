/// The keyed hash of flow keys, the same for both directions of a flow.
///
/// IPv4 keys, four 32-bit words, go through pair-multiply-shift (M. Thorup, "High Speed Hashing for Integers and
/// Strings", 2015, after M. Dietzfelbinger, 1996): a sum of products of words and secret 64-bit numbers, whose upper half
/// is strongly universal. Any two keys that are chosen without knowledge of the secret share it with probability 2^-32,
/// so flows that collide cannot be computed in advance, at a fifth of SipHash's cost. A fixed bijection follows, which
/// keeps that property and breaks up the regular steps in which such a sum maps sequential addresses.
///
/// IPv6 keys, five 64-bit words, take SipHash-1-3; their length is fixed, so the paper's length block is not needed.
@frozen
public struct FlowHash: BitwiseCopyable, Sendable {
  @usableFromInline let multipliers: (UInt64, UInt64, UInt64, UInt64)
  @usableFromInline let addend: UInt64
  @usableFromInline let v6: SipHash

  @usableFromInline static var v6Domain: UInt64 { 40 }

  /// A hash under the given secret: a constant one makes runs repeatable, but lets an attacker who knows it degrade the
  /// flow table.
  public init(secret: (UInt64, UInt64)) {
    func derived(_ number: UInt64) -> UInt64 {
      var state = SipHash(secret: secret, domain: 16)
      state.compress(number, rounds: 2)
      return state.finalize(rounds: 4)
    }
    multipliers = (derived(0), derived(1), derived(2), derived(3))
    addend = derived(4)
    v6 = SipHash(secret: secret, domain: Self.v6Domain)
  }

  /// A hash under a secret from the kernel's random generator (`getrandom` on Linux).
  public static func random() -> FlowHash {
    var generator = SystemRandomNumberGenerator()
    return FlowHash(secret: (generator.next(), generator.next()))
  }

  /// The hash of `key.canonical`, so that `hash(key) == hash(key.reversed)`. Both halves of it are spread evenly; they
  /// depend on each other.
  @inlinable @inline(__always) public func hash(_ key: FlowKey) -> UInt64 {
    let source = key.source
    let destination = key.destination
    let isV4 = source.high | destination.high | (source.low >> 32 ^ 0xffff) | (destination.low >> 32 ^ 0xffff) == 0
    return isV4 ? hashV4(source: source.low, destination: destination.low, rest: key.rest) : hashV6(key)
  }

  /// The same for a key whose addresses are both IPv4, from their lower halves.
  @inlinable @inline(__always) public func hashV4(source: UInt64, destination: UInt64, rest: UInt64) -> UInt64 {
    // Address and port of an end in one word order as `FlowKey.isCanonical` does, so that the smaller word is the
    // canonical source.
    let left = source &<< 16 | rest &>> 48
    let right = destination &<< 16 | (rest &>> 32 & 0xffff)
    let smaller = min(left, right)
    let larger = max(left, right)
    let ports = (smaller & 0xffff) &<< 16 | larger & 0xffff
    let sum =
      (multipliers.0 &+ (smaller &>> 16 & 0xffff_ffff)) &* (multipliers.1 &+ (larger &>> 16 & 0xffff_ffff))
      &+ (multipliers.2 &+ ports) &* (multipliers.3 &+ (rest & 0xffff_ffff)) &+ addend
    let universal = UInt32(truncatingIfNeeded: sum &>> 32)
    let mixed = (universal ^ universal &>> 16) &* 0x9e37_79b1
    return UInt64(mixed) &<< 32 | UInt64(universal)
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
