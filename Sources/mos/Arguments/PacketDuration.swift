import ArgumentParser

/// A span of packet time: seconds, or numbers with units as in `2h4m`, `90s`, `500ms`. More than nothing, and at most
/// 100 years.
struct PacketDuration: Equatable {
  var nanoseconds: Int64

  private static let units: [String: Int64] = [
    "ms": 1_000_000, "s": 1_000_000_000, "m": 60_000_000_000, "h": 3_600_000_000_000, "d": 86_400_000_000_000,
    "": 1_000_000_000,
  ]

  /// Throws a `ValidationError` that says how a time is written.
  init(argument: String) throws {
    guard let nanoseconds = PacketDuration.parse(argument) else {
      throw ValidationError("a time is a number of seconds, or as in 2h4m, 90s, 500ms, up to 100 years")
    }
    self.nanoseconds = nanoseconds
  }

  private static func parse(_ argument: String) -> Int64? {
    var rest = argument[...]
    var sum: Int64 = 0
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      rest = rest.dropFirst(digits.count)
      let unit = rest.prefix { $0.isLetter }
      rest = rest.dropFirst(unit.count)
      guard let number = Int64(digits), let scale = PacketDuration.units[String(unit)] else { return nil }
      let (product, isTooLarge) = number.multipliedReportingOverflow(by: scale)
      let (total, isTooLong) = sum.addingReportingOverflow(product)
      guard !isTooLarge, !isTooLong else { return nil }
      // A number without a unit is the whole argument.
      if unit.isEmpty && digits.count != argument.count { return nil }
      sum = total
    }
    guard sum > 0, sum <= 36_525 * 86_400_000_000_000 else { return nil }
    return sum
  }
}
