import MOSCore

/// The addresses that a rule's header allows: as they were written, and as ranges.
struct AddressGroup: Hashable, Sendable {
  struct Range: Hashable, Sendable {
    var first: UInt128
    var last: UInt128
  }

  /// As written, without space: `[$HOME_NET,!10.0.0.1]`.
  let text: String
  /// In ascending order, neither touching nor overlapping. IPv4 addresses are mapped ones, as everywhere.
  let ranges: [Range]

  static let any = AddressGroup(text: "any", ranges: [Range(first: 0, last: .max)])

  var isAny: Bool { ranges == Self.any.ranges }

  /// Found by bisection.
  func contains(_ address: IPAddress) -> Bool {
    let number = address.number
    var (low, high) = (0, ranges.count)
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].last < number { low = middle + 1 } else { high = middle }
    }
    return low < ranges.count && ranges[low].first <= number
  }
}

/// The ports that a rule's header allows: as they were written, and as ranges.
struct PortGroup: Hashable, Sendable {
  /// As written, without space: `[80,!8080,1024:]`.
  let text: String
  /// In ascending order, neither touching nor overlapping.
  let ranges: [ClosedRange<UInt16>]

  static let any = PortGroup(text: "any", ranges: [0...UInt16.max])

  var isAny: Bool { ranges == Self.any.ranges }

  /// Lists are short: one after the other.
  func contains(_ port: UInt16) -> Bool { ranges.contains { $0.contains(port) } }
}

/// A set of numbers as ranges in ascending order that neither touch nor overlap.
struct RangeSet<Number: FixedWidthInteger & UnsignedInteger> {
  private(set) var ranges: [(first: Number, last: Number)] = []

  static var all: RangeSet { RangeSet(first: 0, last: .max) }

  init() {}

  init(first: Number, last: Number) { ranges = [(first, last)] }

  /// In any order, overlapping or not.
  init(joining parts: [(first: Number, last: Number)]) {
    for part in parts.sorted(by: { $0.first < $1.first }) {
      // Nothing comes behind the highest number.
      if let end = ranges.last?.last, end == .max || part.first <= end + 1 {
        ranges[ranges.count - 1].last = max(end, part.last)
      } else {
        ranges.append(part)
      }
    }
  }

  var isEmpty: Bool { ranges.isEmpty }

  var complement: RangeSet {
    var result = RangeSet()
    var next: Number? = 0
    for range in ranges {
      if let next, range.first > next { result.ranges.append((next, range.first - 1)) }
      next = range.last == .max ? nil : range.last + 1
    }
    if let next { result.ranges.append((next, .max)) }
    return result
  }

  func union(_ other: RangeSet) -> RangeSet { RangeSet(joining: ranges + other.ranges) }

  /// What is in this one and not in the other.
  func subtracting(_ other: RangeSet) -> RangeSet { complement.union(other).complement }
}
