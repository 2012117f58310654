/// What a rule says of itself.
extension RuleReader {
  private static let longestMessage = 1024

  mutating func readDescription(_ keyword: Keyword, _ name: String, _ value: RuleBytes) throws(RuleFault) {
    switch keyword {
    case .reference:
      let system = value.prefix { $0 != UInt8(ascii: ",") }
      let identifier = value[system.endIndex...].dropFirst().trimmed
      if system.trimmed.isEmpty || identifier.isEmpty {
        throw .wrong("reference: \(value.shown) is none, expected for example cve,2014-1234 or url,example.com")
      }
      rule.references.append(.init(system: system.trimmed.text, identifier: identifier.text))
    case .metadata: readMetadata(value)
    default:
      try once(name)
      try readOnce(keyword, name, value)
    }
  }

  private mutating func readOnce(_ keyword: Keyword, _ name: String, _ value: RuleBytes) throws(RuleFault) {
    switch keyword {
    case .message:
      let (text, isNegated) = try quotedText(value, name)
      if isNegated { throw .wrong("msg: a text cannot be negated") }
      rule.message = String(decoding: Self.unescaped(text), as: UTF8.self)
      if rule.message.utf8.count > Self.longestMessage {
        throw .wrong("msg: \(rule.message.utf8.count) bytes, expected \(Self.longestMessage) at most")
      }
    case .sid: rule.sid = UInt32(try number(value, name, in: 1...UInt64(UInt32.max)))
    case .gid: rule.gid = UInt32(try number(value, name, in: 0...UInt64(UInt32.max)))
    case .revision: rule.revision = UInt32(try number(value, name, in: 0...UInt64(UInt32.max)))
    case .priority: rule.priority = UInt8(try number(value, name, in: 1...255))
    case .classType:
      if value.contains(where: { RuleBytes.isSpace($0) || $0 == UInt8(ascii: ",") }) {
        throw .wrong("classtype: \(value.shown) is no name, expected one word")
      }
      rule.classType = value.text
    case .target: rule.target = try word(value, name)
    default: rule.isSilent = true
    }
  }

  private mutating func readMetadata(_ value: RuleBytes) {
    let text = value.text
    if let known = knownMetadata[text], rule.metadata.isEmpty {
      rule.metadata = known
      return
    }
    let pairs = value.fields().filter { !$0.isEmpty }.map { field in
      let (key, rest) = field.firstWord
      return IDSRule.Metadata(key: key.text, value: rest.text)
    }
    knownMetadata[text] = pairs
    rule.metadata += pairs
  }

  /// What is in the quotes of a value, and whether a `!` is before them.
  func quotedText(_ value: RuleBytes, _ name: String) throws(RuleFault) -> (RuleBytes, isNegated: Bool) {
    let negated = value.dropping("!")
    let text = negated?.trimmed ?? value
    guard let inner = text.dropping("\"") else {
      throw .wrong("\(name): \(text.shown) is not in quotes, expected \(name):\"...\"")
    }
    guard inner.last == UInt8(ascii: "\"") else {
      throw .wrong("\(name): \(text.shown) has no closing quote; a semicolon in it is written \\;")
    }
    return (inner.dropLast(), negated != nil)
  }

  /// Without the backslashes before quotes, semicolons, colons and backslashes.
  static func unescaped(_ text: RuleBytes) -> [UInt8] {
    guard text.contains(UInt8(ascii: "\\")) else { return Array(text) }
    var result: [UInt8] = []
    var index = text.startIndex
    while index < text.endIndex {
      if text[index] == UInt8(ascii: "\\"), index + 1 < text.endIndex, isEscapable(text[index + 1]) { index += 1 }
      result.append(text[index])
      index += 1
    }
    return result
  }

  static func isEscapable(_ byte: UInt8) -> Bool { "\\\";:".utf8.contains(byte) }

  func number(_ value: RuleBytes, _ name: String, in range: ClosedRange<UInt64>) throws(RuleFault) -> UInt64 {
    guard let number = value.unsigned, range.contains(number) else {
      throw .wrong("\(name): \(value.shown) is not a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }
}
