import MOSCore

/// Values that a scalar states.
extension ConfigurationReader {
  /// One of some words.
  func word<Value>(
    _ node: YAMLNode, _ key: String, _ words: [(String, Value)], expected: String, noun: String
  ) throws(ConfigurationError) -> Value {
    let text = try text(node, key, expected: expected)
    if let (_, value) = words.first(where: { $0.0 == text }) { return value }
    let meant = Suggestion.text(for: text, among: words.map(\.0), expected: expected)
    throw fail(node, "\(key): \(quoted(text)) is no \(noun)\(meant)")
  }

  /// `yes` or `no`.
  func yesOrNo(_ node: YAMLNode, _ key: String) throws(ConfigurationError) -> Bool {
    try word(node, key, switches, expected: "yes or no", noun: "switch")
  }

  /// Ranges of numbers up to `largest`: ports or ICMP types, which `noun` says.
  func ranges(
    _ node: YAMLNode, _ key: String, largest: UInt16, noun: String, example: String
  ) throws(ConfigurationError) -> [ClosedRange<UInt16>] {
    let expected = "for example \(example)"
    var result: [ClosedRange<UInt16>] = []
    for element in try list(node, key, expected: expected) {
      let text = try text(element, key, expected: expected)
      let parts = text.split(separator: "-", omittingEmptySubsequences: false)
      let numbers = parts.compactMap { Self.number($0.trimmed) }
      guard numbers.count == parts.count, numbers.count <= 2, let first = numbers.first, let last = numbers.last else {
        throw fail(element, "\(key): \(quoted(text)) is no \(noun) or range of them, expected \(expected)")
      }
      guard max(first, last) <= UInt64(largest) else {
        throw fail(element, "\(key): \(quoted(text)) is more than \(largest), the largest \(noun)")
      }
      guard first <= last else {
        throw fail(element, "\(key): the range \(quoted(text)) is reversed, expected \(last)-\(first)")
      }
      result.append(UInt16(first)...UInt16(last))
    }
    return result
  }

  /// A number of a range.
  func number(
    _ node: YAMLNode, _ key: String, in range: ClosedRange<UInt64>
  ) throws(ConfigurationError) -> UInt64 {
    let expected = "a number from \(range.lowerBound) to \(range.upperBound)"
    let text = try text(node, key, expected: expected)
    guard let number = Self.number(text), range.contains(number) else {
      throw fail(node, "\(key): \(quoted(text)) is not \(expected)")
    }
    return number
  }

  /// A decimal number; a sign, a leading zero (which other readers of YAML take for octal) or other forms are none.
  static func number(_ text: some StringProtocol) -> UInt64? {
    let digits = text.utf8
    guard let first = digits.first, digits.count <= 18, digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else {
      return nil
    }
    return first == 0x30 && digits.count > 1 ? nil : UInt64(text)
  }
}

private let switches: [(String, Bool)] = [
  ("yes", true), ("no", false), ("true", true), ("false", false), ("on", true), ("off", false),
]

extension Substring {
  /// Without spaces around it.
  var trimmed: Substring {
    var result = self
    while result.first == " " { result.removeFirst() }
    while result.last == " " { result.removeLast() }
    return result
  }
}
