import MOSCore

/// Maps from addresses to small numbers, many of them in two flat tables: the zones, each group, each rule's own networks.
struct AddressTable: ~Copyable {
  struct V4Range: BitwiseCopyable {
    var first: UInt32
    var last: UInt32
    var value: UInt8
  }

  struct V6Range: BitwiseCopyable {
    var first: IPAddress
    var last: IPAddress
    var value: UInt8
  }

  /// Which ranges are a map's.
  struct Map: BitwiseCopyable {
    var v4Start: Int
    var v4Count: Int
    var v6Start: Int
    var v6Count: Int
  }

  private let maps: FlatTable<Map>
  private let v4: FlatTable<V4Range>
  private let v6: FlatTable<V6Range>

  init(_ ranges: [AddressRanges]) {
    var maps: [Map] = []
    var v4: [V4Range] = []
    var v6: [V6Range] = []
    for map in ranges {
      maps.append(Map(v4Start: v4.count, v4Count: map.v4.count, v6Start: v6.count, v6Count: map.v6.count))
      v4 += map.v4.map {
        V4Range(
          first: UInt32(truncatingIfNeeded: $0.first), last: UInt32(truncatingIfNeeded: $0.last), value: $0.value)
      }
      v6 += map.v6.map { V6Range(first: IPAddress($0.first), last: IPAddress($0.last), value: $0.value) }
    }
    self.maps = FlatTable(maps)
    self.v4 = FlatTable(v4)
    self.v6 = FlatTable(v6)
  }

  /// What map number `map` has for the address, 0 for nothing.
  func value(of address: IPAddress, in map: Int) -> UInt8 {
    let map = maps[map]
    return address.isV4
      ? v4Value(UInt32(truncatingIfNeeded: address.low), map) : v6Value(address, map)
  }

  /// Bisection for the last range that begins at the address or before.
  private func v4Value(_ address: UInt32, _ map: Map) -> UInt8 {
    var start = map.v4Start
    var count = map.v4Count
    if count == 0 { return 0 }
    while count > 1 {
      let half = count &>> 1
      if v4[start &+ half].first <= address { start &+= half }
      count &-= half
    }
    let range = v4[start]
    return range.first <= address && address <= range.last ? range.value : 0
  }

  private func v6Value(_ address: IPAddress, _ map: Map) -> UInt8 {
    var start = map.v6Start
    var count = map.v6Count
    if count == 0 { return 0 }
    while count > 1 {
      let half = count &>> 1
      if !(address < v6[start &+ half].first) { start &+= half }
      count &-= half
    }
    let range = v6[start]
    return !(address < range.first) && !(range.last < address) ? range.value : 0
  }
}
