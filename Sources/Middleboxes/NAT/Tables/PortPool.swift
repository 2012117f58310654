/// The ports of the NAT's addresses that are free: a bit each, by protocol.
///
/// A port is given to one mapping only, whatever the destination: mappings are never overloaded (RFC 4787 REQ-3).
struct PortPool: ~Copyable {
  private static var wordsOfAddress: Int { 1_024 }
  private static var protocols: Int { 3 }
  /// Set: taken.
  private var words: FlatTable<UInt64>
  private let range: ClosedRange<UInt16>
  private let keepsPort: Bool
  private let keepsParity: Bool
  private var random: UInt64

  /// Ports of `addresses` addresses, of which a worker gives out its part of `range`. `seed` decides which port comes next
  /// where the host's own is taken: nobody should know it (RFC 6056).
  init(addresses: Int, range: ClosedRange<UInt16>, keepsPort: Bool, keepsParity: Bool, seed: UInt64) {
    words = FlatTable([UInt64](repeating: 0, count: addresses * Self.protocols * Self.wordsOfAddress))
    self.range = range
    self.keepsPort = keepsPort
    self.keepsParity = keepsParity
    random = seed
  }

  /// The part of `range` that is worker `worker`'s of `count`.
  static func part(of range: ClosedRange<UInt16>, worker: Int, of count: Int) -> ClosedRange<UInt16> {
    let first = Int(range.lowerBound) + range.count * worker / count
    let end = Int(range.lowerBound) + range.count * (worker + 1) / count
    return UInt16(first)...UInt16(max(first, end - 1))
  }

  private func base(_ address: Int, _ protocolIndex: Int) -> Int {
    (address * Self.protocols + protocolIndex) * Self.wordsOfAddress
  }

  /// Takes one port, as for a forward. `false` when it is taken.
  @discardableResult
  mutating func take(_ port: UInt16, address: Int, protocolIndex: Int) -> Bool {
    let word = base(address, protocolIndex) + Int(port >> 6)
    let bit: UInt64 = 1 << UInt64(port & 63)
    if words[word] & bit != 0 { return false }
    words[word] |= bit
    return true
  }

  mutating func free(_ port: UInt16, address: Int, protocolIndex: Int) {
    words[base(address, protocolIndex) + Int(port >> 6)] &= ~(1 << UInt64(port & 63))
  }

  /// Takes a port for a host's `port`; nil when there is none.
  ///
  /// Its own if it is free, where that is wanted; else any, by chance: one below 1024 for one below, where there are such, one
  /// above for one above (RFC 4787 REQ-3 a), of its parity where that is wanted (4.2.2). Where none of them is left there is
  /// none: it must not change from one mapping to the next (REQ-11).
  mutating func take(like port: UInt16, address: Int, protocolIndex: Int) -> UInt16? {
    if keepsPort, range.contains(port), take(port, address: address, protocolIndex: protocolIndex) { return port }
    let parity: UInt64 = keepsParity && protocolIndex != 2 ? 0x5555_5555_5555_5555 << UInt64(port & 1) : .max
    let base = base(address, protocolIndex)
    let range = protocolIndex == 2 ? self.range : range(of: port)
    let first = Int(range.lowerBound) >> 6
    let count = Int(range.upperBound) >> 6 - first + 1
    let start = Int(range.lowerBound) + Int(next() % UInt64(range.count))
    // The word of the start comes twice: its upper part first, the rest of it last.
    for step in 0...count {
      let word = first + (start >> 6 - first + step) % count
      var free = ~words[base + word] & parity & PortPool.bits(of: range, word)
      if step == 0 { free &= .max << UInt64(start & 63) }
      if free == 0 { continue }
      let bit = free.trailingZeroBitCount
      words[base + word] |= 1 << UInt64(bit)
      return UInt16(word << 6 + bit)
    }
    return nil
  }

  /// What may be given out for a host's port: of the system ports (RFC 6335 6) for one of them, and of the others for another.
  private func range(of port: UInt16) -> ClosedRange<UInt16> {
    let alike: ClosedRange<UInt16> = port < 1_024 ? 0...1_023 : 1_024...65_535
    return alike.overlaps(range) ? range.clamped(to: alike) : range
  }

  /// Ports of a word that are in a range.
  private static func bits(of range: ClosedRange<UInt16>, _ word: Int) -> UInt64 {
    let from = max(0, Int(range.lowerBound) - word << 6)
    let to = min(63, Int(range.upperBound) - word << 6)
    return (.max << UInt64(from)) & (.max >> UInt64(63 - to))
  }

  /// The next number by chance (SplitMix64, Steele et al. 2014).
  private mutating func next() -> UInt64 {
    random &+= 0x9e37_79b9_7f4a_7c15
    var mixed = random
    mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 31
  }
}
