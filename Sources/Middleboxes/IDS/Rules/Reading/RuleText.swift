/// A rule's text, taken apart: the words before the parenthesis, and the options in it.
struct RuleText {
  struct Option {
    var keyword: String
    /// What is behind the colon, trimmed; nil where there is no colon.
    var value: RuleBytes?
  }

  /// Bounds the work for one rule.
  static let longest = 65_535

  var words: [RuleBytes] = []
  var options: [Option] = []

  init(_ text: RuleBytes) throws(RuleFault) {
    if text.count > Self.longest {
      throw .wrong("the rule has \(text.count) bytes, a rule may have \(Self.longest)")
    }
    guard let open = text.firstIndex(of: UInt8(ascii: "(")) else {
      throw .wrong("there are no options, expected them in parentheses behind the header, as `(msg:\"...\"; sid:1;)`")
    }
    words = try Self.words(text[..<open])
    guard text.last == UInt8(ascii: ")"), text.endIndex - 1 > open else {
      throw .wrong("the options do not end, expected a ) at the end of the rule")
    }
    try readOptions(text[(open + 1)..<(text.endIndex - 1)])
  }

  /// What is between spaces; a list in brackets is one word, whatever space it has.
  private static func words(_ header: RuleBytes) throws(RuleFault) -> [RuleBytes] {
    var words: [RuleBytes] = []
    var start: Int?
    var depth = 0
    for index in header.indices {
      let byte = header[index]
      if byte == UInt8(ascii: "[") { depth += 1 }
      if byte == UInt8(ascii: "]") { depth -= 1 }
      if RuleBytes.isSpace(byte) && depth <= 0 {
        if let begun = start { words.append(header[begun..<index]) }
        start = nil
      } else if start == nil {
        start = index
      }
    }
    if depth > 0 { throw .wrong("a list in the header does not end, expected a ]") }
    if let start { words.append(header[start...]) }
    return words
  }

  private mutating func readOptions(_ body: RuleBytes) throws(RuleFault) {
    var rest = body.trimmed
    while !rest.isEmpty {
      // As Suricata has it, the byte before the semicolon decides, however many backslashes there are.
      var end = rest.startIndex
      while end < rest.endIndex,
        rest[end] != UInt8(ascii: ";") || end > rest.startIndex && rest[end - 1] == UInt8(ascii: "\\")
      { end += 1 }
      if end == rest.endIndex { throw .wrong("\(rest.shown) does not end, expected a ; behind each option") }
      let option = rest[..<end]
      rest = rest[(end + 1)...].trimmed
      let colon = option.firstIndex(of: UInt8(ascii: ":"))
      let keyword = (colon.map { option[..<$0] } ?? option).trimmed
      if keyword.isEmpty { throw .wrong("there is no keyword before \(option.shown)") }
      // It would be the semicolon's, were the space between them left out.
      if option.trimmed.last == UInt8(ascii: "\\") { throw .wrong("\(option.shown) ends with a backslash") }
      options.append(Option(keyword: keyword.text, value: colon.map { option[($0 + 1)...].trimmed }))
    }
  }

  /// The sid, as far as it can be told, for a message about the rule.
  static func sid(in text: RuleBytes) -> UInt32? {
    let name = Array("sid:".utf8)
    var place = text.startIndex
    while let colon = text[place...].firstIndex(of: UInt8(ascii: ":")) {
      place = colon + 1
      if colon >= text.startIndex + 4, text[(colon - 3)...colon].elementsEqual(name),
        [UInt8(ascii: ";"), UInt8(ascii: "("), UInt8(ascii: " ")].contains(text[colon - 4])
      {
        let digits = text[place...].drop(while: RuleBytes.isSpace).prefix { (0x30...0x39).contains($0) }
        return digits.unsigned.flatMap { UInt32(exactly: $0) }
      }
    }
    return nil
  }
}
