/// `pcre`
extension RuleReader {
  /// The letters behind an expression that say which buffer it is about.
  static func buffer(ofLetter letter: UInt8) -> InspectionBuffer? {
    switch letter {
    case UInt8(ascii: "U"): .httpURI
    case UInt8(ascii: "I"): .httpRawURI
    case UInt8(ascii: "M"): .httpMethod
    case UInt8(ascii: "H"): .httpHeader
    case UInt8(ascii: "D"): .httpRawHeader
    case UInt8(ascii: "C"): .httpCookie
    case UInt8(ascii: "V"): .httpUserAgent
    case UInt8(ascii: "W"): .httpHost
    case UInt8(ascii: "Z"): .httpRawHost
    case UInt8(ascii: "P"): .httpRequestBody
    case UInt8(ascii: "Q"): .httpResponseBody
    case UInt8(ascii: "S"): .httpStatusCode
    case UInt8(ascii: "Y"): .httpStatusMessage
    default: nil
    }
  }

  mutating func readExpression(_ value: RuleBytes) throws(RuleFault) {
    let (text, isNegated) = try quotedText(value, "pcre")
    let (pattern, letters) = try Self.dividedExpression(text)
    var match = PCREMatch(pattern: Array(pattern), isNegated: isNegated)
    var kind: InspectionBuffer?
    for letter in letters {
      if let bit = PCREMatch.Flags.letters.firstIndex(of: letter) {
        match.flags.insert(.init(rawValue: 1 << UInt16(bit)))
      } else if let buffer = Self.buffer(ofLetter: letter) {
        if let kind, kind != buffer { throw .wrong("pcre: the flags \(letters.shown) name two buffers, expected one") }
        kind = buffer
      } else if letter == UInt8(ascii: ",") || RuleBytes.isSpace(letter) {
        throw .unsupported("variables that pcre captures")
      } else {
        throw .wrong("pcre: there is no flag \([letter][...].shown), expected of ismxAEGRBO and UIMHDCVWZPQSY")
      }
    }
    if pattern.isEmpty { throw .wrong("pcre: the expression is empty") }
    if let kind {
      if match.flags.contains(.raw) { throw .wrong("pcre: the flag B means the payload, expected no buffer with it") }
      if let sticky, rule.buffers[sticky].kind != kind {
        let chosen = rule.buffers[sticky].kind.keyword
        throw .wrong("pcre: its flags say \(kind.keyword), but the buffer is \(chosen) here")
      }
      try check(kind)
    }
    let index = sticky ?? buffer(kind ?? .payload)
    if match.flags.contains(.relative), sticky == nil, !Self.hasAnchor(rule.buffers[index].matches) {
      throw .wrong("pcre: the flag R, but there is no match before it in the same buffer")
    }
    add(.pcre(match), at: index)
  }

  /// Whether something is there that a relative match can begin behind.
  static func hasAnchor(_ matches: [PayloadMatch]) -> Bool {
    matches.contains { match in
      switch match {
      case .content, .pcre, .byteJump, .byteExtract, .byteMath: true
      case .byteTest, .isDataAt, .bufferSize: false
      }
    }
  }

  /// What is between the delimiters, which are slashes or the byte behind an `m`, and the flags behind them.
  private static func dividedExpression(_ text: RuleBytes) throws(RuleFault) -> (RuleBytes, flags: RuleBytes) {
    var (delimiter, rest) = (UInt8(ascii: "/"), text)
    if text.first == UInt8(ascii: "m"), text.count > 1 {
      delimiter = text[text.startIndex + 1]
      rest = text.dropFirst()
    }
    guard rest.first == delimiter, let last = rest.lastIndex(of: delimiter), last > rest.startIndex else {
      throw .wrong("pcre: \(text.shown) is no expression, expected it between slashes and flags behind it, as /a+b/i")
    }
    return (rest[(rest.startIndex + 1)..<last], rest[(last + 1)...])
  }
}
