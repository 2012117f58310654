/// What `from` or `to` asks of an address.
struct CompiledAddressMatch: BitwiseCopyable {
  /// Whether an address has to be in one of the zones or maps, or only must not be in the excluded ones.
  var needsOne: Bool
  /// A bit for each zone.
  var zones: UInt64
  var excludedZones: UInt64
  /// In the list of maps: those that include, then those that exclude.
  var firstMap: UInt32
  var includedMaps: UInt32
  var excludedMaps: UInt32
}

/// A part of the list of port ranges; empty for any port.
struct PortMatch: BitwiseCopyable {
  var first: UInt32
  var count: UInt32
}

struct PortRange: BitwiseCopyable {
  var first: UInt16
  var last: UInt16
}

/// Protocol numbers as a bit each.
struct ProtocolSet: BitwiseCopyable, Hashable {
  private var words: (UInt64, UInt64, UInt64, UInt64)

  /// The given ones; all where none is given.
  init(_ protocols: Set<UInt8>) {
    words = protocols.isEmpty ? (.max, .max, .max, .max) : (0, 0, 0, 0)
    for number in protocols {
      let bit: UInt64 = 1 << UInt64(number & 63)
      switch number >> 6 {
      case 0: words.0 |= bit
      case 1: words.1 |= bit
      case 2: words.2 |= bit
      default: words.3 |= bit
      }
    }
  }

  @inline(__always) func contains(_ number: UInt8) -> Bool {
    let word =
      switch number &>> 6 {
      case 0: words.0
      case 1: words.1
      case 2: words.2
      default: words.3
      }
    return word &>> UInt64(number & 63) & 1 != 0
  }

  static func == (left: ProtocolSet, right: ProtocolSet) -> Bool { left.words == right.words }

  func hash(into hasher: inout Hasher) {
    hasher.combine(words.0)
    hasher.combine(words.1)
    hasher.combine(words.2)
    hasher.combine(words.3)
  }
}

/// A rate limit, whose buckets are found under its number.
struct CompiledLimit: BitwiseCopyable {
  var rate: RateLimit
  var over: FirewallAction
  /// Kept over a reload where rule and rate are the same, so that the buckets are.
  var number: UInt32
}

/// A rule as it is compared with a packet, what is cheap and tells most first.
struct CompiledRule: BitwiseCopyable {
  var states: UInt8
  var action: FirewallAction
  var logs: Bool
  /// In the list of protocol sets.
  var protocolSet: UInt32
  var ports: PortMatch
  var sourcePorts: PortMatch
  /// In the list of address matches, `anyAddress` for any.
  var from: UInt32
  var to: UInt32
  /// In the list of limits, `noLimit` for none.
  var limit: UInt32

  static var noLimit: UInt32 { .max }
  static var anyAddress: UInt32 { .max }
}
