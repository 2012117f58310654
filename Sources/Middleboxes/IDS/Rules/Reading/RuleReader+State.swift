/// What a rule remembers: of a flow, of hosts, and of its own matches.
extension RuleReader {
  mutating func readFlowBits(_ value: RuleBytes) throws(RuleFault) {
    let fields = value.fields()
    let verb = fields[0].text
    if verb == "noalert" && fields.count == 1 {
      rule.isSilent = true
      return
    }
    if verb == "reset" || verb == "setx" || fields.count == 3 && verb != "noalert" {
      throw .unsupported("groups of flowbits")
    }
    guard fields.count == 2, ["set", "unset", "toggle", "isset", "isnotset"].contains(verb) else {
      throw .wrong(
        "flowbits: \(value.shown) is none, expected set, unset, toggle, isset or isnotset and a name, or noalert")
    }
    let names = fields[1].fields(at: "|")
    for name in names { try checkName(name, "flowbits") }
    if let change = BitChange(rawValue: verb) {
      if names.count > 1 { throw .unsupported("flowbits: \(verb) with several names") }
      rule.effects.append(.flowBit(change, name: names[0].text))
    } else {
      rule.conditions.append(.flowBits(isSet: verb == "isset", anyOf: names.map(\.text)))
    }
  }

  /// That it can be a variable's name.
  private func checkName(_ name: RuleBytes, _ keyword: String) throws(RuleFault) {
    if name.isEmpty { throw .wrong("\(keyword): a name is missing") }
    if name.contains(where: { RuleBytes.isSpace($0) || "&|,".utf8.contains($0) }) {
      throw .wrong("\(keyword): \(name.shown) is no name, expected one word")
    }
  }

  mutating func readFlowInteger(_ value: RuleBytes) throws(RuleFault) {
    let fields = value.fields()
    try checkName(fields[0], "flowint")
    let name = fields[0].text
    let verb = fields.count > 1 ? fields[1].text : ""
    switch (verb, fields.count) {
    case ("isset", 2): rule.conditions.append(.flowInteger(name: name, .isSet))
    case ("isnotset", 2), ("notset", 2): rule.conditions.append(.flowInteger(name: name, .isNotSet))
    case (_, 3):
      let operand: FlowIntegerOperand
      if let number = fields[2].unsigned {
        guard let small = UInt32(exactly: number) else {
          throw .wrong("flowint: \(fields[2].shown) is not a number from 0 to \(UInt32.max)")
        }
        operand = .literal(small)
      } else {
        try checkName(fields[2], "flowint")
        operand = .variable(fields[2].text)
      }
      if let comparison = FlowIntegerTest.Comparison(rawValue: verb) {
        rule.conditions.append(.flowInteger(name: name, .compare(comparison, operand)))
      } else if let operation = FlowIntegerChange.Operation(rawValue: verb) {
        rule.effects.append(.flowInteger(name: name, .init(operation: operation, operand: operand)))
      } else {
        fallthrough
      }
    default:
      throw .wrong("flowint: \(value.shown) is none, expected for example name,isset or name,+,1 or name,>,5")
    }
  }

  mutating func readCrossBits(_ value: RuleBytes) throws(RuleFault) {
    let fields = value.fields()
    let expected = "expected for example set,name,track ip_src,expire 60"
    guard fields.count >= 3, fields.count <= 4 else { throw .wrong("xbits: \(value.shown) is none, \(expected)") }
    try checkName(fields[1], "xbits")
    let (verb, name) = (fields[0].text, fields[1].text)
    let (key, tracked) = fields[2].firstWord
    guard key.text == "track" else { throw .wrong("xbits: \(fields[2].shown) is none, \(expected)") }
    if tracked.text == "tx" { throw .unsupported("xbits of transactions") }
    let track = try word(tracked, "xbits", as: CrossBitTrack.self)
    var expire: UInt32?
    if fields.count == 4 {
      let (key, seconds) = fields[3].firstWord
      guard key.text == "expire" else { throw .wrong("xbits: \(fields[3].shown) is none, \(expected)") }
      expire = UInt32(try number(seconds, "xbits: expire", in: 1...UInt64(UInt32.max)))
    }
    if let change = BitChange(rawValue: verb) {
      rule.effects.append(.crossBit(change, name: name, track: track, expire: expire))
    } else if verb == "isset" || verb == "isnotset" {
      if expire != nil { throw .wrong("xbits: expire with \(verb), expected it with set") }
      rule.conditions.append(.crossBit(isSet: verb == "isset", name: name, track: track))
    } else {
      throw .wrong("xbits: \(fields[0].shown) is none of set, unset, toggle, isset, isnotset")
    }
  }

  /// `type limit, track by_src, count 1, seconds 60`, in any order.
  private func pairs(_ value: RuleBytes, _ name: String, keys: [String]) throws(RuleFault) -> [RuleBytes] {
    var found: [String: RuleBytes] = [:]
    for field in value.fields() {
      let (key, rest) = field.firstWord
      let word = key.text
      guard keys.contains(word) else {
        if word == "multiplier" || word == "unique_on" { throw .unsupported("\(word) of \(name)") }
        throw .wrong("\(name): \(field.shown) is none, expected \(keys.joined(separator: ", "))")
      }
      if found.updateValue(rest, forKey: word) != nil { throw .wrong("\(name): \(word) is there twice") }
    }
    var result: [RuleBytes] = []
    for key in keys {
      guard let value = found[key] else { throw .wrong("\(name): \(key) is missing") }
      result.append(value)
    }
    return result
  }

  mutating func readThreshold(_ value: RuleBytes) throws(RuleFault) {
    let name = "threshold"
    try onceOf(name, "detection_filter")
    if value.fields().contains(where: { $0.elementsEqual("type backoff".utf8) }) {
      throw .unsupported("threshold of type backoff")
    }
    let parts = try pairs(value, name, keys: ["type", "track", "count", "seconds"])
    rule.threshold = RuleThreshold(
      kind: try word(parts[0], name), track: try word(parts[1], name), count: try count(parts[2], "\(name): count"),
      seconds: try count(parts[3], "\(name): seconds"))
  }

  mutating func readDetectionFilter(_ value: RuleBytes) throws(RuleFault) {
    let name = "detection_filter"
    try onceOf(name, "threshold")
    let parts = try pairs(value, name, keys: ["track", "count", "seconds"])
    rule.detectionFilter = RuleDetectionFilter(
      track: try word(parts[0], name), count: try count(parts[1], "\(name): count"),
      seconds: try count(parts[2], "\(name): seconds"))
  }

  private mutating func onceOf(_ name: String, _ other: String) throws(RuleFault) {
    try once(name)
    if seen.contains(other) { throw .wrong("\(name) and \(other) in one rule, expected one of them") }
  }

  private func count(_ value: RuleBytes, _ name: String) throws(RuleFault) -> UInt32 {
    UInt32(try number(value, name, in: 1...UInt64(UInt32.max)))
  }

  mutating func readTag(_ value: RuleBytes) throws(RuleFault) {
    let fields = value.fields()
    let fault = RuleFault.wrong(
      "tag: \(value.shown) is none, expected for example session, or host,100,packets,src")
    var tag = RuleTag(scope: .session)
    switch fields[0].text {
    case "session": if fields.count == 4 || fields.count == 2 { throw fault }
    case "host":
      tag.scope = .destinationHost
      if fields.count == 2 { throw fault }
    default: throw fault
    }
    if fields.count > 4 { throw fault }
    if fields.count >= 3 {
      tag.count = try count(fields[1], "tag")
      tag.metric = try word(fields[2], "tag")
    }
    if fields.count == 4 {
      switch fields[3].text {
      case "src": tag.scope = .sourceHost
      case "dst": break
      default: throw fault
      }
    }
    rule.tags.append(tag)
  }
}
