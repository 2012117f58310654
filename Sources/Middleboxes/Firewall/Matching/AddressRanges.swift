import MOSCore

/// Prefixes with a value each, made into ranges that do not overlap: an address has the value of the longest prefix that
/// covers it, and is found by bisection.
struct AddressRanges {
  struct Range: Hashable {
    var first: UInt128
    var last: UInt128
    var value: UInt8
  }

  /// In ascending order, neighbours of one value joined. IPv4 addresses are mapped ones, as everywhere.
  private(set) var v4: [Range] = []
  private(set) var v6: [Range] = []

  /// Where the same prefix has two values, one of them counts.
  init(_ prefixes: [(prefix: IPPrefix, value: UInt8)]) {
    // Families apart: `::/0` does not mean the IPv4 addresses that are held in it.
    v4 = Self.ranges(prefixes.filter(\.prefix.isV4))
    v6 = Self.ranges(prefixes.filter { !$0.prefix.isV4 })
  }

  /// Prefixes lie in each other or apart, so those that are open at a point are a stack, the longest on top.
  private static func ranges(_ prefixes: [(prefix: IPPrefix, value: UInt8)]) -> [Range] {
    let sorted = prefixes.map { Range(first: $0.prefix.address.number, last: $0.prefix.last.number, value: $0.value) }
      .sorted { $0.first == $1.first ? $0.last > $1.last : $0.first < $1.first }
    var result: [Range] = []
    var open: [Range] = []
    var next: UInt128 = 0
    var isExhausted = false
    func emit(through last: UInt128, _ value: UInt8) {
      if isExhausted || next > last { return }
      if let previous = result.last, previous.value == value, previous.last &+ 1 == next {
        result[result.count - 1].last = last
      } else {
        result.append(Range(first: next, last: last, value: value))
      }
      // Behind the highest address there is none.
      if last == .max { isExhausted = true } else { next = last + 1 }
    }
    for range in sorted {
      while let top = open.last, top.last < range.first {
        emit(through: top.last, top.value)
        open.removeLast()
      }
      if let top = open.last, range.first > 0 { emit(through: range.first - 1, top.value) }
      next = range.first
      open.append(range)
    }
    while let top = open.popLast() { emit(through: top.last, top.value) }
    return result
  }
}
