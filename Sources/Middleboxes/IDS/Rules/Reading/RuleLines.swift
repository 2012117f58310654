/// Divides a rule file into rules: one a line, a backslash at a line's end joins the next one to it.
struct RuleLines: Sequence, IteratorProtocol {
  struct Line {
    /// Where it begins, from 1.
    var number: Int
    var text: RuleBytes
    /// A rule that was made a comment.
    var isDisabled = false
  }

  private static let newline: UInt8 = 0x0a

  private let bytes: [UInt8]
  private var position = 0
  private var number = 0

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    if bytes.starts(with: [0xef, 0xbb, 0xbf]) { position = 3 }
  }

  /// The next rule, used or disabled; other comments and empty lines are passed over.
  mutating func next() -> Line? {
    while position < bytes.count {
      var line = physicalLine()
      var result = Line(number: number, text: line)
      if line.first == UInt8(ascii: "#") {
        result.text = line.drop { $0 == UInt8(ascii: "#") || RuleBytes.isSpace($0) }
        result.isDisabled = true
        if Self.isRule(result.text) { return result }
        continue
      }
      if line.last == UInt8(ascii: "\\") {
        var joined: [UInt8] = []
        while line.last == UInt8(ascii: "\\") {
          joined += line.dropLast()
          line = position < bytes.count ? physicalLine() : []
        }
        joined += line
        result.text = joined[...].trimmed
      }
      if !result.text.isEmpty { return result }
    }
    return nil
  }

  /// The line at `position`, trimmed, and goes behind it.
  private mutating func physicalLine() -> RuleBytes {
    let start = position
    while position < bytes.count, bytes[position] != Self.newline { position += 1 }
    let line = bytes[start..<position]
    position += 1
    number += 1
    return line.trimmed
  }

  /// Whether a comment's text is a rule.
  private static func isRule(_ text: RuleBytes) -> Bool {
    guard IDSRule.Action(rawValue: text.prefix(12).firstWord.word.text) != nil else { return false }
    return text.contains(UInt8(ascii: "(")) && text.last == UInt8(ascii: ")")
  }
}
