/// Keywords that take numbers out of a buffer.
extension RuleReader {
  private static let farthestOffset: Int32 = 65_535

  /// What `byte_test` and its kin say behind their first values, in any order.
  private struct ByteOptions {
    var isRelative = false
    var byteOrder: ByteSource.ByteOrder?
    var isText = false
    var base: ByteSource.Base?
    var bitmask: UInt32 = 0
    var multiplier: UInt16 = 1
    /// 4 where it is only said that it is aligned.
    var alignment: UInt8 = 0
    var origin = ByteJump.Origin.number
    var postOffset: RuleBytes?
  }

  private func byteOptions(
    _ fields: ArraySlice<RuleBytes>, _ name: String, also allowed: [String]
  ) throws(RuleFault) -> ByteOptions {
    var options = ByteOptions()
    var seen: Set<String> = []
    for field in fields {
      let (key, value) = field.firstWord
      let word = key.text.lowercased()
      func unknown() -> RuleFault {
        let names = ["relative", "big", "little", "string", "hex", "dec", "oct", "bitmask"] + allowed
        let meant = Suggestion.text(for: word, among: names, expected: names.joined(separator: ", "))
        return .wrong("\(name): there is no option \(field.shown)\(meant)")
      }
      if !seen.insert(word).inserted { throw .wrong("\(name): \(quoted(word)) is there twice") }
      let takesValue = ["bitmask", "multiplier", "post_offset", "endian"].contains(word)
      let mayTakeValue = takesValue || word == "align" && name == "byte_extract" || word == "string"
      if value.isEmpty && takesValue || !value.isEmpty && !mayTakeValue { throw unknown() }
      switch word {
      case "relative": options.isRelative = true
      case "big", "little", "endian":
        if options.byteOrder != nil { throw .wrong("\(name): the byte order is said twice") }
        let order = word == "endian" ? value.text.lowercased() : word
        if order == "dce" { throw .unsupported("\(name) with the byte order of DCE/RPC") }
        guard let byteOrder = ByteSource.ByteOrder(rawValue: order) else { throw unknown() }
        options.byteOrder = byteOrder
      case "dce": throw .unsupported("\(name) with the byte order of DCE/RPC")
      case "string":
        options.isText = true
        if !value.isEmpty { options.base = try self.word(value, name) }
      case "hex", "dec", "oct":
        if options.base != nil { throw .wrong("\(name): the base is said twice") }
        options.base = ByteSource.Base(rawValue: word)
      case "bitmask": options.bitmask = UInt32(try number(value, "\(name): bitmask", in: 1...UInt64(UInt32.max)))
      case "multiplier" where allowed.contains(word):
        options.multiplier = UInt16(try number(value, "\(name): multiplier", in: 1...65_535))
      case "align" where allowed.contains(word):
        options.alignment = value.isEmpty ? 4 : UInt8(try number(value, "\(name): align", in: 2...4))
        if options.alignment == 3 { throw .wrong("\(name): align: \"3\" is none, expected 2 or 4") }
      case "from_beginning" where allowed.contains(word), "from_end" where allowed.contains(word):
        if options.origin != .number { throw .wrong("\(name): from_beginning and from_end cannot both be") }
        options.origin = word == "from_end" ? .end : .beginning
      case "post_offset" where allowed.contains(word): options.postOffset = value
      default: throw unknown()
      }
    }
    if options.base != nil && !options.isText { throw .wrong("\(name): a base of digits without string") }
    // Digits have no byte order; rules say one all the same.
    if options.isText { options.byteOrder = nil }
    if options.isText && options.base == nil { options.base = .decimal }
    return options
  }

  private func word<Word: RawRepresentable<String> & CaseIterable>(
    _ bytes: RuleBytes, _ name: String
  ) throws(RuleFault) -> Word {
    try Middleboxes.word(bytes, name)
  }

  private func source(
    _ count: RuleBytes, _ offset: RuleBytes, _ options: ByteOptions, _ name: String, buffer: Int, least: Int32 = 1
  ) throws(RuleFault) -> ByteSource {
    let longest = options.base?.longest ?? 8
    let number = try self.offset(count, "\(name): bytes", in: least...longest, buffer: buffer)
    let start = try self.offset(
      offset, "\(name): offset", in: -Self.farthestOffset...Self.farthestOffset, buffer: buffer)
    return ByteSource(
      count: number, offset: start, isRelative: options.isRelative, byteOrder: options.byteOrder ?? .big,
      base: options.base, bitmask: options.bitmask)
  }

  private func value(
    _ text: RuleBytes, _ name: String, buffer: Int
  ) throws(RuleFault) -> RuleNumber<UInt64> {
    if let variable = try variable(text, name, buffer: buffer) { return .variable(variable) }
    // A negative number is meant as its bits.
    guard let number = text.unsigned ?? text.signed.map({ UInt64(bitPattern: $0) }) else {
      throw .wrong("\(name): \(text.shown) is no number")
    }
    return .literal(number)
  }

  private func fields(_ value: RuleBytes, _ name: String, atLeast: Int, _ form: String) throws(RuleFault) -> [RuleBytes]
  {
    let fields = value.fields()
    if fields.count < atLeast || fields.contains(where: \.isEmpty) {
      throw .wrong("\(name): \(value.shown) is incomplete, expected \(form)")
    }
    return fields
  }

  mutating func readByteTest(_ text: RuleBytes) throws(RuleFault) {
    let name = "byte_test"
    let fields = try fields(text, name, atLeast: 4, "bytes, operator, value, offset, as 2,>,1000,0,relative")
    let options = try byteOptions(fields[4...], name, also: [])
    let index = bufferIndex(isRelative: options.isRelative)
    let negated = fields[1].dropping("!")
    let sign = negated?.trimmed ?? fields[1]
    // `!` alone, or `!=`, which is `!` before the equal sign.
    let operation = sign.isEmpty ? .equal : try Middleboxes.word(sign, name, as: ByteTest.Operation.self)
    let test = ByteTest(
      source: try source(fields[0], fields[3], options, name, buffer: index), operation: operation,
      isNegated: negated != nil, value: try value(fields[2], name, buffer: index))
    add(.byteTest(test), at: index)
  }

  mutating func readByteJump(_ text: RuleBytes) throws(RuleFault) {
    let name = "byte_jump"
    let fields = try fields(text, name, atLeast: 2, "bytes, offset, as 2,0,relative")
    let options = try byteOptions(
      fields[2...], name, also: ["multiplier", "align", "from_beginning", "from_end", "post_offset"])
    let index = bufferIndex(isRelative: options.isRelative)
    // No bytes are the number 0: a jump by post_offset alone.
    var jump = ByteJump(
      source: try source(fields[0], fields[1], options, name, buffer: index, least: 0),
      origin: options.origin, multiplier: options.multiplier, isAligned: options.alignment != 0)
    if let postOffset = options.postOffset {
      jump.postOffset = try offset(
        postOffset, "\(name): post_offset", in: -Self.farthestOffset...Self.farthestOffset, buffer: index)
    }
    add(.byteJump(jump), at: index)
  }

  mutating func readByteExtract(_ text: RuleBytes) throws(RuleFault) {
    let name = "byte_extract"
    let fields = try fields(text, name, atLeast: 3, "bytes, offset, name, as 2,0,length,relative")
    let options = try byteOptions(fields[3...], name, also: ["multiplier", "align"])
    let index = bufferIndex(isRelative: options.isRelative)
    let source = try source(fields[0], fields[1], options, name, buffer: index)
    if source.hasVariable { throw .unsupported("byte_extract with a variable") }
    if options.bitmask != 0 { throw .unsupported("byte_extract with a bitmask") }
    let variable = try define(fields[2], name, buffer: index)
    add(
      .byteExtract(
        ByteExtract(
          source: source, variable: variable, multiplier: options.multiplier, alignment: options.alignment)),
      at: index)
  }

  mutating func readByteMath(_ text: RuleBytes) throws(RuleFault) {
    let name = "byte_math"
    let form = "as bytes 2, offset 0, oper +, rvalue 4, result length"
    var named: [String: RuleBytes] = [:]
    var others: [RuleBytes] = []
    for field in try fields(text, name, atLeast: 5, form) {
      let (key, value) = field.firstWord
      guard ["bytes", "offset", "oper", "rvalue", "result"].contains(key.text) else {
        others.append(field)
        continue
      }
      if named.updateValue(value, forKey: key.text) != nil { throw .wrong("\(name): \(key.text) is there twice") }
    }
    guard let count = named["bytes"], let offset = named["offset"], let sign = named["oper"],
      let operand = named["rvalue"], let result = named["result"]
    else { throw .wrong("\(name): \(text.shown) is incomplete, expected for example \(form)") }
    let options = try byteOptions(others[...], name, also: ["endian"])
    let index = bufferIndex(isRelative: options.isRelative)
    let source = try source(count, offset, options, name, buffer: index)
    let operation = try Middleboxes.word(sign, "\(name): oper", as: ByteMath.Operation.self)
    if case .literal(let bytes) = source.count, bytes > 4, operation == .shiftLeft || operation == .shiftRight {
      throw .wrong("\(name): \(bytes) bytes to be shifted, expected 4 at most")
    }
    let value = try value(operand, "\(name): rvalue", buffer: index)
    if operation == .divide && value == .literal(0) { throw .wrong("\(name): a division by 0 never matches") }
    let variable = try define(result, name, buffer: index)
    add(.byteMath(ByteMath(source: source, operation: operation, value: value, variable: variable)), at: index)
  }

  /// A variable by this name from here on.
  private mutating func define(_ text: RuleBytes, _ name: String, buffer: Int) throws(RuleFault) -> UInt8 {
    let isName =
      text.first.map(Self.isLetter) == true
      && text.allSatisfy { Self.isLetter($0) || (0x30...0x39).contains($0) || "-.".utf8.contains($0) }
    guard isName else { throw .wrong("\(name): \(text.shown) is no name for a variable, expected a letter first") }
    let new = text.text
    if let known = rule.buffers[buffer].variables.firstIndex(of: new) { return UInt8(known) }
    guard let index = UInt8(exactly: rule.buffers[buffer].variables.count) else {
      throw .wrong("\(name): a buffer may have 256 variables")
    }
    rule.buffers[buffer].variables.append(new)
    return index
  }

  mutating func readIsDataAt(_ text: RuleBytes) throws(RuleFault) {
    let name = "isdataat"
    let negated = text.dropping("!")
    let fields = (negated?.trimmed ?? text).fields()
    let words = Set(fields.dropFirst().map(\.text))
    if words.count != fields.count - 1 || !words.isSubset(of: ["relative", "rawbytes"]) {
      throw .wrong("\(name): \(text.shown) is none, expected for example 10, !1,relative or 5,relative,rawbytes")
    }
    let isRelative = words.contains("relative")
    let index = bufferIndex(isRelative: isRelative)
    let place = try offset(fields[0], name, in: 0...Self.farthestOffset, buffer: index)
    add(
      .isDataAt(
        IsDataAt(
          place: place, isNegated: negated != nil, isRelative: isRelative, isRaw: words.contains("rawbytes"))),
      at: index)
  }

  mutating func readBufferSize(_ text: RuleBytes) throws(RuleFault) {
    guard let sticky else { throw .wrong("bsize: no buffer is chosen, expected one before it, as http.uri") }
    let size = try integerMatch(text, "bsize", limit: .max)
    let longest = size.highest(upTo: .max) ?? 0
    for case .content(let content) in rule.buffers[sticky].matches where !content.isNegated {
      if content.bytes.count > longest {
        throw .wrong("bsize: \(text.shown) has no room for the \(content.bytes.count) bytes of a content before it")
      }
    }
    add(.bufferSize(size), at: sticky)
  }
}
