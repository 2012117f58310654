/// Values that a scalar states: actions, numbers, ports, protocols, states, rates.
extension PolicyReader {
  private static let actions: [(String, FirewallAction)] = [("pass", .pass), ("drop", .drop), ("reset", .reset)]
  private static let states: [(String, FirewallState)] = [
    ("new", .new), ("established", .established), ("related", .related), ("invalid", .invalid),
  ]
  private static let protocols: [(String, UInt8)] = [("tcp", 6), ("udp", 17), ("icmp", 1), ("icmpv6", 58)]

  func action(_ node: YAMLNode, _ key: String) throws(ConfigurationError) -> FirewallAction {
    try word(node, key, Self.actions, expected: "pass, drop or reset", noun: "action")
  }

  /// An action that stops a packet.
  func refusal(_ node: YAMLNode, _ key: String) throws(ConfigurationError) -> FirewallAction {
    let action = try word(node, key, Self.actions, expected: "drop or reset", noun: "action")
    if action == .pass { throw fail(node, "\(key): \"pass\" would be no limit, expected drop or reset") }
    return action
  }

  /// A bit for each state.
  func states(_ node: YAMLNode, _ key: String) throws(ConfigurationError) -> UInt8 {
    let expected = "new, established, related, invalid or a list of them"
    var result: UInt8 = 0
    for element in try list(node, key, expected: expected) {
      result |= try word(element, key, Self.states, expected: expected, noun: "state").bit
    }
    return result
  }

  /// Protocol numbers; empty for any.
  func protocols(_ node: YAMLNode, _ key: String) throws(ConfigurationError) -> Set<UInt8> {
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

  /// `20/second`.
  func rate(_ node: YAMLNode, _ key: String) throws(ConfigurationError) -> (count: UInt64, period: UInt64) {
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
}

extension FirewallState {
  /// The state's bit in a set of states.
  var bit: UInt8 { 1 << rawValue }
}
