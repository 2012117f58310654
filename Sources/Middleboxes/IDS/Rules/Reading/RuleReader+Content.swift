/// `content` and what modifies it.
extension RuleReader {
  /// How far a content is looked for, in either direction.
  static let farthest: Int32 = 1 << 20

  mutating func readContent(_ value: RuleBytes, _ name: String, in kind: InspectionBuffer?) throws(RuleFault) {
    let (text, isNegated) = try quotedText(value, name)
    let bytes = try Self.contentBytes(text, name)
    if bytes.isEmpty { throw .wrong("\(name): there is nothing to look for, expected at least one byte") }
    if let kind {
      if sticky != nil { throw .wrong("\(name): a buffer is chosen already, expected content") }
      try check(kind)
    }
    lastContent = add(.content(ContentMatch(bytes: bytes, isNegated: isNegated)), to: kind)
  }

  /// Text with bytes in hexadecimal between bars.
  static func contentBytes(_ text: RuleBytes, _ name: String) throws(RuleFault) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count)
    var isHexadecimal = false
    var high: UInt8?
    var index = text.startIndex
    while index < text.endIndex {
      let byte = text[index]
      index += 1
      if byte == UInt8(ascii: "|") {
        if high != nil { throw .wrong("\(name): a digit is missing before the closing |, expected two for each byte") }
        isHexadecimal.toggle()
      } else if isHexadecimal {
        if RuleBytes.isSpace(byte) { continue }
        guard let digit = RuleBytes.hexadecimalDigit(byte) else {
          throw .wrong("\(name): \(text[(index - 1)..<index].shown) between | and | is no hexadecimal digit")
        }
        if let first = high {
          bytes.append(first << 4 | UInt8(digit))
          high = nil
        } else {
          high = UInt8(digit)
        }
      } else if byte == UInt8(ascii: "\\") {
        guard index < text.endIndex, isEscapable(text[index]) else {
          throw .wrong("\(name): a backslash before \(text[index...].prefix(1).shown), expected \\\\ \\\" \\; or \\:")
        }
        bytes.append(text[index])
        index += 1
      } else if byte == UInt8(ascii: "\"") {
        throw .wrong("\(name): a quote in the text, expected \\\" or |22|")
      } else {
        bytes.append(byte)
      }
    }
    if isHexadecimal { throw .wrong("\(name): a | has no other one, expected hexadecimal digits between | and |") }
    return bytes
  }

  mutating func readModifier(_ keyword: Keyword, _ name: String, _ value: RuleBytes) throws(RuleFault) {
    guard let place = lastContent, case .content(var content) = rule.buffers[place.buffer].matches[place.match] else {
      throw .wrong("\(name): there is no content before it")
    }
    func twice() -> RuleFault { .wrong("\(name) is there twice for one content") }
    switch keyword {
    case .caseInsensitive:
      if content.isCaseInsensitive { throw twice() }
      content.isCaseInsensitive = true
    case .raw:
      let kind = rule.buffers[place.buffer].kind
      if kind != .payload { throw .wrong("rawbytes: the payload as it is, but the buffer is \(kind.keyword) here") }
      content.isRaw = true
    case .startsWith:
      if content.startsWith { throw twice() }
      content.startsWith = true
    case .endsWith:
      if content.endsWith { throw twice() }
      content.endsWith = true
    case .fastPattern:
      if content.fastPattern != .unmarked { throw twice() }
      content.fastPattern = try fastPattern(value, of: content)
    case .offset:
      if content.offset != nil { throw twice() }
      content.offset = try offset(value, name, in: 0...65_535, buffer: place.buffer)
    case .depth:
      if content.depth != nil { throw twice() }
      content.depth = try offset(value, name, in: 0...65_535, buffer: place.buffer)
    case .distance:
      if content.distance != nil { throw twice() }
      content.distance = try offset(value, name, in: -Self.farthest...Self.farthest, buffer: place.buffer)
    default:
      if content.within != nil { throw twice() }
      content.within = try offset(value, name, in: -Self.farthest...Self.farthest, buffer: place.buffer)
    }
    try check(content, after: name)
    rule.buffers[place.buffer].matches[place.match] = .content(content)
  }

  private func fastPattern(
    _ value: RuleBytes, of content: ContentMatch
  ) throws(RuleFault) -> ContentMatch.FastPattern {
    for case .content(let other) in rule.buffers.lazy.flatMap(\.matches) where other.fastPattern != .unmarked {
      throw .wrong("fast_pattern: another content has it, expected it for one content of a rule")
    }
    if value.isEmpty { return .marked }
    if value.elementsEqual("only".utf8) { return .only }
    let numbers = value.fields().map { RuleBytes.digits($0, base: 10).flatMap { UInt16(exactly: $0) } }
    guard numbers.count == 2, let start = numbers[0], let length = numbers[1], length > 0 else {
      throw .wrong("fast_pattern: \(value.shown) is none, expected only, or an offset and a length as 3,20")
    }
    if Int(start) + Int(length) > content.bytes.count {
      throw .wrong("fast_pattern: \(start),\(length) ends behind the \(content.bytes.count) bytes of the content")
    }
    return .part(offset: start, length: length)
  }

  /// That what is said of a content can hold together; `name` was said last.
  private func check(_ content: ContentMatch, after name: String) throws(RuleFault) {
    let count = content.bytes.count
    let isAbsolute = content.offset != nil || content.depth != nil
    if content.isRelative && isAbsolute {
      throw .wrong(
        "\(name): offset and depth are from the start, distance and within from the match before; expected one")
    }
    if content.startsWith && (isAbsolute || content.isRelative) {
      throw .wrong("\(name): startswith says the place, expected no offset, depth, distance or within with it")
    }
    if case .literal(let depth)? = content.depth, Int(depth) < count {
      throw .wrong("depth: \(depth) is less than the \(count) bytes of the content, so that it never matches")
    }
    if case .literal(let within)? = content.within, Int(within) < count {
      throw .wrong("within: \(within) is less than the \(count) bytes of the content, so that it never matches")
    }
    if content.fastPattern == .unmarked { return }
    if content.isNegated { throw .wrong("fast_pattern: the content is negated, expected one that has to be there") }
    if content.fastPattern == .only && (isAbsolute || content.isRelative || content.startsWith || content.endsWith) {
      throw .wrong("fast_pattern: only means anywhere, expected no place with it")
    }
  }

  /// A number, or a variable of the same buffer.
  func offset(
    _ value: RuleBytes, _ name: String, in range: ClosedRange<Int32>, buffer: Int
  ) throws(RuleFault) -> RuleOffset {
    if let variable = try variable(value, name, buffer: buffer) { return .variable(variable) }
    guard let number = value.signed.flatMap({ Int32(exactly: $0) }), range.contains(number) else {
      throw .wrong("\(name): \(value.shown) is not a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return .literal(number)
  }

  /// The index of a variable; nil for what does not begin as a name.
  func variable(_ value: RuleBytes, _ name: String, buffer: Int) throws(RuleFault) -> UInt8? {
    guard let first = value.first, Self.isLetter(first) else { return nil }
    let text = value.text
    if let index = rule.buffers[buffer].variables.firstIndex(of: text) { return UInt8(index) }
    if rule.buffers.contains(where: { $0.variables.contains(text) }) {
      throw .unsupported("\(name) with a variable of another buffer")
    }
    throw .wrong("\(name): there is no variable \(quoted(text)) so far, expected byte_extract or byte_math before it")
  }

  static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7a).contains(byte | 0x20) || byte == UInt8(ascii: "_") }
}
