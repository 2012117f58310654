/// On which side of a NAT an address is.
enum AddressRealm: UInt8, BitwiseCopyable {
  /// Anywhere else.
  case outside = 0
  /// Behind the NAT.
  case `internal`
  /// The NAT's own.
  case external
  /// Where nothing is routed: multicast and broadcast (RFC 1112 4, RFC 919).
  case unrouted
}

/// Which addresses are where: ranges in ascending order, found by bisection.
struct AddressRealms: ~Copyable {
  struct Range: BitwiseCopyable {
    var first: UInt32
    var last: UInt32
    var realm: AddressRealm
  }

  private let ranges: FlatTable<Range>

  init(_ configuration: NATConfiguration) {
    var all = [Range(first: 0xe000_0000, last: .max, realm: .unrouted)]
    // Networks either contain each other or have no address in common: the smaller ones are left out.
    let networks = configuration.networks.sorted { $0.length < $1.length }
    for network in networks {
      let first = UInt32(truncatingIfNeeded: network.address.low)
      let last = UInt32(truncatingIfNeeded: network.last.low)
      if all.contains(where: { $0.first <= first && last <= $0.last }) { continue }
      all.append(Range(first: first, last: min(last, 0xdfff_ffff), realm: .internal))
    }
    for address in configuration.external + configuration.pool + configuration.oneToOne.map(\.external)
    where address < 0xe000_0000 {
      all.append(Range(first: address, last: address, realm: .external))
    }
    ranges = FlatTable(all.sorted { $0.first < $1.first })
  }

  @inline(__always) func realm(of address: UInt32) -> AddressRealm {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low &+ high) &>> 1
      let range = ranges[middle]
      if address > range.last {
        low = middle &+ 1
      } else if address < range.first {
        high = middle
      } else {
        return range.realm
      }
    }
    return .outside
  }
}

/// Pairs of addresses, found by the first.
struct AddressPairs: ~Copyable {
  struct Pair: BitwiseCopyable {
    var from: UInt32
    var to: UInt32
  }

  private let pairs: FlatTable<Pair>

  init(_ pairs: [(UInt32, UInt32)]) {
    self.pairs = FlatTable(pairs.map { Pair(from: $0.0, to: $0.1) }.sorted { $0.from < $1.from })
  }

  func find(_ address: UInt32) -> UInt32? {
    var low = 0
    var high = pairs.count
    while low < high {
      let middle = (low &+ high) &>> 1
      if pairs[middle].from == address { return pairs[middle].to }
      if pairs[middle].from < address { low = middle &+ 1 } else { high = middle }
    }
    return nil
  }
}
