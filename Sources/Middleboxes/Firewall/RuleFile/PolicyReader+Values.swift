/// Values that a scalar states: actions, numbers, ports, protocols, states, rates.
extension PolicyReader {
  private static let actions: [(String, FirewallAction)] = [("pass", .pass), ("drop", .drop), ("reset", .reset)]
  private static let states: [(String, FirewallState)] = [
    ("new", .new), ("established", .established), ("related", .related), ("invalid", .invalid),
  ]
  private static let switches: [(String, Bool)] = [
    ("yes", true), ("no", false), ("true", true), ("false", false), ("on", true), ("off", false),
  ]
  private static let protocols: [(String, UInt8)] = [("tcp", 6), ("udp", 17), ("icmp", 1), ("icmpv6", 58)]

  /// One of some words.
  private func word<Value>(
    _ node: YAMLNode, _ key: String, _ words: [(String, Value)], expected: String, noun: String
  ) throws(FirewallFileError) -> Value {
    let text = try text(node, key, expected: expected)
    if let (_, value) = words.first(where: { $0.0 == text }) { return value }
    let meant = Suggestion.text(for: text, among: words.map(\.0), expected: expected)
    throw fail(node, "\(key): \(quoted(text)) is no \(noun)\(meant)")
  }

  func action(_ node: YAMLNode, _ key: String) throws(FirewallFileError) -> FirewallAction {
    try word(node, key, Self.actions, expected: "pass, drop or reset", noun: "action")
  }

  /// An action that stops a packet.
  func refusal(_ node: YAMLNode, _ key: String) throws(FirewallFileError) -> FirewallAction {
    let action = try word(node, key, Self.actions, expected: "drop or reset", noun: "action")
    if action == .pass { throw fail(node, "\(key): \"pass\" would be no limit, expected drop or reset") }
    return action
  }

  func yesOrNo(_ node: YAMLNode, _ key: String) throws(FirewallFileError) -> Bool {
    try word(node, key, Self.switches, expected: "yes or no", noun: "switch")
  }

  /// A bit for each state.
  func states(_ node: YAMLNode, _ key: String) throws(FirewallFileError) -> UInt8 {
    let expected = "new, established, related, invalid or a list of them"
    var result: UInt8 = 0
    for element in try list(node, key, expected: expected) {
      result |= try word(element, key, Self.states, expected: expected, noun: "state").bit
    }
    return result
  }

  /// Protocol numbers; empty for any.
  func protocols(_ node: YAMLNode, _ key: String) throws(FirewallFileError) -> Set<UInt8> {
    let expected = "tcp, udp, icmp, icmpv6, any, or a number up to 255"
    var result: Set<UInt8> = []
    let elements = try list(node, key, expected: expected)
    for element in elements {
      let text = try text(element, key, expected: expected)
      if text == "any" {
        if elements.count > 1 { throw fail(element, "\(key): \"any\" stands alone, expected it or a list of others") }
        return []
      }
      if let number = Self.number(text), let number = UInt8(exactly: number) {
        result.insert(number)
      } else {
        result.insert(try word(element, key, Self.protocols, expected: expected, noun: "protocol"))
      }
    }
    return result
  }

  /// Ranges of numbers up to `largest`: ports or ICMP types, which `noun` says.
  func ranges(
    _ node: YAMLNode, _ key: String, largest: UInt16, noun: String, example: String
  ) throws(FirewallFileError) -> [ClosedRange<UInt16>] {
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

  func number(
    _ node: YAMLNode, _ key: String, in range: ClosedRange<UInt64>
  ) throws(FirewallFileError) -> UInt64 {
    let expected = "a number from \(range.lowerBound) to \(range.upperBound)"
    let text = try text(node, key, expected: expected)
    guard let number = Self.number(text), range.contains(number) else {
      throw fail(node, "\(key): \(quoted(text)) is not \(expected)")
    }
    return number
  }

  /// `20/second`.
  func rate(_ node: YAMLNode, _ key: String) throws(FirewallFileError) -> (count: UInt64, period: UInt64) {
    let expected = "for example 20/second, 100/minute or 1000/hour"
    let text = try text(node, key, expected: expected)
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(\.trimmed)
    let periods: [Substring: UInt64] = [
      "second": 1_000_000_000, "minute": 60_000_000_000, "hour": 3_600_000_000_000,
    ]
    guard parts.count == 2, let count = Self.number(parts[0]), let period = periods[parts[1]] else {
      throw fail(node, "\(key): \(quoted(text)) is no rate, expected \(expected)")
    }
    guard count >= 1, count <= RateLimit.largestCount else {
      throw fail(node, "\(key): \(quoted(text)) is not a rate from 1 to \(RateLimit.largestCount)")
    }
    return (count, period)
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

extension Substring {
  /// Without spaces around it.
  var trimmed: Substring {
    var result = self
    while result.first == " " { result.removeFirst() }
    while result.last == " " { result.removeLast() }
    return result
  }
}

extension FirewallState {
  /// The state's bit in a set of states.
  var bit: UInt8 { 1 << rawValue }
}
