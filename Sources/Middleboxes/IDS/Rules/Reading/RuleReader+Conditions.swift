import MOSCore

/// What a rule asks of packets besides bytes.
extension RuleReader {
  private static let protocolNumbers: [String: UInt64] = [
    "icmp": 1, "igmp": 2, "tcp": 6, "udp": 17, "gre": 47, "esp": 50, "ah": 51, "ipv6-icmp": 58, "icmpv6": 58,
    "ospf": 89, "sctp": 132,
  ]

  mutating func readField(_ field: PacketField, _ name: String, _ value: RuleBytes) throws(RuleFault) {
    // The same protocol cannot be two, but cannot be any of several either.
    if field != .ipProtocol { try once(field.rawValue) }
    var text = value
    if field == .typeOfService {
      // `x1c`, also behind a `!`, is hexadecimal.
      let negation: [UInt8] = value.first == UInt8(ascii: "!") ? [UInt8(ascii: "!")] : []
      let digits = value.dropFirst(negation.count)
      if digits.first == UInt8(ascii: "x") { text = (negation + [UInt8(ascii: "0")] + digits)[...] }
    }
    if field == .ipProtocol {
      let negation: [UInt8] = value.first == UInt8(ascii: "!") ? [UInt8(ascii: "!")] : []
      if let number = Self.protocolNumbers[value.dropFirst(negation.count).trimmed.text.lowercased()] {
        text = (negation + Array("\(number)".utf8))[...]
      }
    }
    if let transport = field.transport { try require(transport, name) }
    rule.conditions.append(.field(field, try integerMatch(text, name, limit: field.limit)))
  }

  /// That the header's protocol can have the transport that a keyword is about.
  private func require(_ transport: RuleProtocol.Transport, _ name: String) throws(RuleFault) {
    let header = rule.header.protocolName
    if header.allows(transport) { return }
    throw .wrong("\(name): there is none in \(header.rawValue), the header's protocol; expected \(transport.rawValue)")
  }

  mutating func readCondition(_ keyword: Keyword, _ name: String, _ value: RuleBytes) throws(RuleFault) {
    switch keyword {
    case .flow:
      try once(name)
      rule.conditions.append(.flow(try flow(value)))
    case .tcpFlags:
      try once("flags")
      try require(.tcp, name)
      rule.conditions.append(.tcpFlags(try tcpFlags(value)))
    case .fragmentBits:
      try once(name)
      rule.conditions.append(.fragmentBits(try fragmentBits(value)))
    case .ipOption:
      try once(name)
      rule.conditions.append(.ipOption(try word(value, name)))
    case .sameAddress:
      try once(name)
      rule.conditions.append(.sameAddress)
    case .uriLength: try readURILength(value)
    default: try readStreamSize(value)
    }
  }

  private func flow(_ value: RuleBytes) throws(RuleFault) -> FlowCondition {
    var flow = FlowCondition()
    func set<Word: Equatable & RawRepresentable<String>>(_ place: inout Word?, _ word: Word) throws(RuleFault) {
      if let before = place {
        throw .wrong("flow: \(before.rawValue) and \(word.rawValue) in one rule, expected one of them")
      }
      place = word
    }
    for field in value.fields() {
      switch field.text.lowercased() {
      case "to_server", "from_client": try set(&flow.direction, .toServer)
      case "to_client", "from_server": try set(&flow.direction, .toClient)
      case "established": try set(&flow.state, .established)
      case "not_established": try set(&flow.state, .notEstablished)
      case "stateless": try set(&flow.state, .stateless)
      case "only_stream": try set(&flow.stream, .only)
      case "no_stream": try set(&flow.stream, .no)
      case "only_frag": try set(&flow.fragments, .only)
      case "no_frag": try set(&flow.fragments, .no)
      default:
        throw .wrong(
          "flow: \(field.shown) is none of to_server, to_client, from_server, from_client, established, "
            + "not_established, stateless, only_stream, no_stream, only_frag, no_frag")
      }
    }
    return flow
  }

  /// Takes the sign off that stands before or behind letters.
  private func comparison(_ value: inout RuleBytes) throws(RuleFault) -> BitComparison? {
    func sign(_ byte: UInt8?) -> BitComparison? {
      switch byte {
      case UInt8(ascii: "+"): .all
      case UInt8(ascii: "*"): .any
      case UInt8(ascii: "!"), UInt8(ascii: "-"): .not
      case UInt8(ascii: "="): .exactly
      default: nil
      }
    }
    if let first = sign(value.first) {
      value = value.dropFirst().trimmed
      return first
    }
    if let last = sign(value.last) {
      value = value.dropLast().trimmed
      return last
    }
    return .exactly
  }

  private func tcpFlags(_ value: RuleBytes) throws(RuleFault) -> TCPFlagsCondition {
    let parts = value.fields()
    var letters = parts[0]
    let comparison = try comparison(&letters) ?? .exactly
    func flags(_ letters: RuleBytes) throws(RuleFault) -> TCPFlags {
      var flags: TCPFlags = []
      for letter in letters {
        guard let flag = Self.tcpFlag(letter) else {
          throw .wrong("flags: \([letter][...].shown) is no flag, expected of FSRPAUCE, or 0 for none")
        }
        flags.insert(flag)
      }
      return flags
    }
    let isNone = letters.elementsEqual([UInt8(ascii: "0")])
    if parts.count > 2 || letters.isEmpty || parts.last!.isEmpty {
      throw .wrong("flags: \(value.shown) is none, expected for example S, +SA, !R or S,CE")
    }
    let result = TCPFlagsCondition(
      comparison: comparison, flags: isNone ? [] : try flags(letters),
      ignored: parts.count == 2 ? try flags(parts[1]) : [])
    if comparison == .exactly && !result.flags.isDisjoint(with: result.ignored) {
      throw .wrong("flags: \(value.shown) ignores what it asks for")
    }
    return result
  }

  private static func tcpFlag(_ letter: UInt8) -> TCPFlags? {
    switch letter & ~0x20 {
    case UInt8(ascii: "F"): .fin
    case UInt8(ascii: "S"): .syn
    case UInt8(ascii: "R"): .rst
    case UInt8(ascii: "P"): .psh
    case UInt8(ascii: "A"): .ack
    case UInt8(ascii: "U"): .urg
    case UInt8(ascii: "C"): .cwr
    case UInt8(ascii: "E"): .ece
    // The two bits by their numbers, as before ECN.
    default: letter == UInt8(ascii: "1") ? .cwr : letter == UInt8(ascii: "2") ? .ece : nil
    }
  }

  private func fragmentBits(_ value: RuleBytes) throws(RuleFault) -> FragmentBitsCondition {
    var letters = value
    let comparison = try comparison(&letters) ?? .exactly
    var bits: FragmentBitsCondition.Bits = []
    for letter in letters {
      switch letter & ~0x20 {
      case UInt8(ascii: "M"): bits.insert(.moreFragments)
      case UInt8(ascii: "D"): bits.insert(.doNotFragment)
      case UInt8(ascii: "R"): bits.insert(.reserved)
      default: throw .wrong("fragbits: \([letter][...].shown) is no bit, expected of M, D and R")
      }
    }
    if bits.isEmpty { throw .wrong("fragbits: \(value.shown) names no bit, expected of M, D and R") }
    return FragmentBitsCondition(comparison: comparison, bits: bits)
  }

  private mutating func readURILength(_ value: RuleBytes) throws(RuleFault) {
    let fields = value.fields()
    let kind = fields.count == 2 ? fields[1].text : "norm"
    guard fields.count <= 2, kind == "norm" || kind == "raw" else {
      throw .wrong("urilen: \(value.shown) is none, expected for example 5, >100, 5<>10 or 5,raw")
    }
    try check(.httpURI)
    rule.conditions.append(
      .uriLength(try integerMatch(fields[0], "urilen", limit: 65_535), isRaw: kind == "raw"))
  }

  private mutating func readStreamSize(_ value: RuleBytes) throws(RuleFault) {
    let fields = value.fields()
    guard fields.count == 3, let number = fields[2].unsigned, let side = StreamSide(rawValue: fields[0].text),
      let comparison = Self.comparisons.first(where: { $0.sign == fields[1].text })?.comparison
    else { throw .wrong("stream_size: \(value.shown) is none, expected for example client,>,1000") }
    try require(.tcp, "stream_size")
    rule.conditions.append(.streamSize(side, IntegerMatch(comparison: comparison, value: number)))
  }

  private static let comparisons: [(sign: String, comparison: IntegerMatch.Comparison)] = [
    ("<=", .lessOrEqual), (">=", .greaterOrEqual), ("!=", .notEqual), ("<", .less), (">", .greater), ("=", .equal),
    ("!", .notEqual),
  ]

  /// A comparison with a number.
  func integerMatch(_ value: RuleBytes, _ name: String, limit: UInt64) throws(RuleFault) -> IntegerMatch {
    let text = value.filter { !RuleBytes.isSpace($0) }[...]
    let match = try Self.comparison(text, name, limit)
    if match.highest(upTo: limit) == nil {
      throw .wrong("\(name): \(value.shown) is never so: the number is from 0 to \(limit)")
    }
    return match
  }

  private static func comparison(_ text: RuleBytes, _ name: String, _ limit: UInt64) throws(RuleFault) -> IntegerMatch {
    func number(_ digits: RuleBytes) throws(RuleFault) -> UInt64 {
      guard let number = scaled(digits), number <= limit else {
        throw .wrong(
          "\(name): \(text.shown) is no comparison with a number from 0 to \(limit), expected for example 5, !5, >5, <=5 "
            + "or 5<>10")
      }
      return number
    }
    if let mask = text.dropping("&"), let equal = mask.firstIndex(of: UInt8(ascii: "=")) {
      let isNegated = equal > mask.startIndex && mask[equal - 1] == UInt8(ascii: "!")
      return IntegerMatch(
        comparison: isNegated ? .bitsNotEqual : .bitsEqual, value: try number(mask[..<(isNegated ? equal - 1 : equal)]),
        upper: try number(mask[(equal + 1)...]))
    }
    let negated = text.dropping("!")
    let range = negated ?? text
    if let dash = range.firstIndex(of: UInt8(ascii: "-")) {
      return IntegerMatch(
        comparison: negated == nil ? .between : .notBetween, value: try number(range[..<dash]),
        upper: try number(range[(dash + 1)...]))
    }
    if let less = range.firstIndex(of: UInt8(ascii: "<")), less > range.startIndex,
      range[less...].starts(with: "<>".utf8)
    {
      return IntegerMatch(
        comparison: negated == nil ? .between : .notBetween, value: try number(range[..<less]),
        upper: try number(range[(less + 2)...]))
    }
    for (sign, comparison) in comparisons where text.starts(with: sign.utf8) {
      return IntegerMatch(comparison: comparison, value: try number(text.dropFirst(sign.utf8.count)))
    }
    return IntegerMatch(value: try number(text))
  }

  /// A number, perhaps in a unit of 1,024: `4kb`, `1MiB`.
  private static func scaled(_ digits: RuleBytes) -> UInt64? {
    if let number = digits.unsigned { return number }
    let count = digits.prefix { (0x30...0x39).contains($0) }
    let shift: UInt64
    switch digits[count.endIndex...].text.lowercased() {
    case "kb", "kib": shift = 10
    case "mb", "mib": shift = 20
    case "gb", "gib": shift = 30
    default: return nil
    }
    guard let number = count.unsigned, number <= UInt64.max >> shift else { return nil }
    return number << shift
  }
}
