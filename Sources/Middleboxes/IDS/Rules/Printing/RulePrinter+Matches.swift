extension RulePrinter {
  mutating func print(_ match: PayloadMatch, variables: [String]) {
    switch match {
    case .content(let content): print(content, variables)
    case .pcre(let expression): print(expression)
    case .byteTest(let test):
      let sign = (test.isNegated ? "!" : "") + test.operation.rawValue
      let source = test.source
      option(
        "byte_test",
        "\(text(source.count, variables)),\(sign),\(text(test.value, variables)),\(text(source.offset, variables))"
          + text(of: source))
    case .byteJump(let jump): print(jump, variables)
    case .byteExtract(let extract):
      let source = extract.source
      option(
        "byte_extract",
        "\(text(source.count, variables)),\(text(source.offset, variables)),\(variables[Int(extract.variable)])"
          + text(of: source) + (extract.multiplier == 1 ? "" : ",multiplier \(extract.multiplier)")
          + (extract.alignment == 0 ? "" : ",align \(extract.alignment)"))
    case .byteMath(let math):
      let source = math.source
      option(
        "byte_math",
        "bytes \(text(source.count, variables)),offset \(text(source.offset, variables)),oper \(math.operation.rawValue),"
          + "rvalue \(text(math.value, variables)),result \(variables[Int(math.variable)])"
          + text(of: source, isNamed: true))
    case .isDataAt(let data):
      option(
        "isdataat",
        (data.isNegated ? "!" : "") + text(data.place, variables) + (data.isRelative ? ",relative" : "")
          + (data.isRaw ? ",rawbytes" : ""))
    case .bufferSize(let size): option("bsize", size.text)
    }
  }

  private mutating func print(_ content: ContentMatch, _ variables: [String]) {
    write(" content:" + (content.isNegated ? "!\"" : "\""))
    write(Self.escaped(content.bytes))
    write("\";")
    if content.isCaseInsensitive { option("nocase") }
    if content.isRaw { option("rawbytes") }
    if content.startsWith { option("startswith") }
    if content.endsWith { option("endswith") }
    for (name, place) in [
      ("offset", content.offset), ("depth", content.depth), ("distance", content.distance), ("within", content.within),
    ] {
      if let place { option(name, text(place, variables)) }
    }
    switch content.fastPattern {
    case .unmarked: break
    case .marked: option("fast_pattern")
    case .only: option("fast_pattern", "only")
    case .part(let offset, let length): option("fast_pattern", "\(offset),\(length)")
    }
  }

  /// What is no printable ASCII, or has a meaning in a rule, in hexadecimal.
  private static func escaped(_ content: [UInt8]) -> [UInt8] {
    let digits = Array("0123456789abcdef".utf8)
    var result: [UInt8] = []
    var isHexadecimal = false
    for byte in content {
      let isPlain = (0x20...0x7e).contains(byte) && !"\"\\;:|".utf8.contains(byte)
      if isPlain == isHexadecimal {
        result.append(UInt8(ascii: "|"))
        isHexadecimal.toggle()
      } else if isHexadecimal {
        result.append(UInt8(ascii: " "))
      }
      if isPlain { result.append(byte) } else { result += [digits[Int(byte >> 4)], digits[Int(byte & 15)]] }
    }
    if isHexadecimal { result.append(UInt8(ascii: "|")) }
    return result
  }

  private mutating func print(_ expression: PCREMatch) {
    write(" pcre:" + (expression.isNegated ? "!\"/" : "\"/"))
    write(expression.pattern)
    write("/")
    for (bit, letter) in PCREMatch.Flags.letters.enumerated()
    where expression.flags.contains(.init(rawValue: 1 << UInt16(bit))) { write([letter]) }
    write("\";")
  }

  private mutating func print(_ jump: ByteJump, _ variables: [String]) {
    var value = "\(text(jump.source.count, variables)),\(text(jump.source.offset, variables))" + text(of: jump.source)
    if jump.multiplier != 1 { value += ",multiplier \(jump.multiplier)" }
    if jump.isAligned { value += ",align" }
    switch jump.origin {
    case .number: break
    case .beginning: value += ",from_beginning"
    case .end: value += ",from_end"
    }
    if jump.postOffset != .literal(0) { value += ",post_offset \(text(jump.postOffset, variables))" }
    option("byte_jump", value)
  }

  /// The options of a source; `byte_math` has names before their values.
  private func text(of source: ByteSource, isNamed: Bool = false) -> String {
    var text = source.isRelative ? ",relative" : ""
    if let base = source.base {
      text += isNamed ? ",string \(base.rawValue)" : ",string,\(base.rawValue)"
    } else if source.byteOrder == .little {
      text += isNamed ? ",endian little" : ",little"
    }
    if source.bitmask != 0 { text += ",bitmask 0x" + String(source.bitmask, radix: 16) }
    return text
  }

  private func text<Literal>(_ number: RuleNumber<Literal>, _ variables: [String]) -> String {
    switch number {
    case .literal(let literal): "\(literal)"
    case .variable(let index): variables[Int(index)]
    }
  }
}

extension IntegerMatch {
  /// As a rule has it.
  var text: String {
    switch comparison {
    case .equal: "\(value)"
    case .notEqual: "!\(value)"
    case .less: "<\(value)"
    case .lessOrEqual: "<=\(value)"
    case .greater: ">\(value)"
    case .greaterOrEqual: ">=\(value)"
    case .between: "\(value)<>\(upper)"
    case .notBetween: "!\(value)<>\(upper)"
    case .bitsEqual: "&\(value)=\(upper)"
    case .bitsNotEqual: "&\(value)!=\(upper)"
    }
  }
}
