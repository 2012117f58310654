/// A comparison with a number, as most keywords write it: `5`, `!5`, `>=5`, `5<>10`.
struct IntegerMatch: Hashable, Sendable {
  enum Comparison: UInt8, Sendable, CaseIterable {
    case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual
    /// More than `value` and less than `upper`.
    case between
    case notBetween
    /// The bits of `value` are those of `upper`.
    case bitsEqual
    case bitsNotEqual
  }

  var comparison = Comparison.equal
  var value: UInt64
  var upper: UInt64 = 0

  func holds(for number: UInt64) -> Bool {
    switch comparison {
    case .equal: number == value
    case .notEqual: number != value
    case .less: number < value
    case .lessOrEqual: number <= value
    case .greater: number > value
    case .greaterOrEqual: number >= value
    case .between: number > value && number < upper
    case .notBetween: number <= value || number >= upper
    case .bitsEqual: number & value == upper
    case .bitsNotEqual: number & value != upper
    }
  }

  /// The highest number for which it can hold, of those up to `limit`; nil where there is none.
  func highest(upTo limit: UInt64) -> UInt64? {
    switch comparison {
    case .equal: value <= limit ? value : nil
    case .less: value == 0 ? nil : min(value - 1, limit)
    case .lessOrEqual: min(value, limit)
    case .greater: value < limit ? limit : nil
    case .greaterOrEqual: value <= limit ? limit : nil
    case .between: upper > value &+ 1 && value < limit ? min(upper - 1, limit) : nil
    case .bitsEqual: upper & ~value == 0 ? limit : nil
    case .notEqual, .notBetween, .bitsNotEqual: limit
    }
  }
}
