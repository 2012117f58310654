import MOSCore

/// Reads rules, one after the other. What many of them share is read and kept once.
struct RuleReader {
  /// Where a match of the rule is.
  struct Place: Equatable {
    var buffer: Int
    var match: Int
  }

  var groups: RuleGroups
  var knownMetadata: [String: [IDSRule.Metadata]] = [:]

  private static let mostSuggestions = 8
  private static let keywords = Keyword.named.keys.sorted()
  private var suggestions: [String: String] = [:]

  var rule = IDSRule()
  /// The buffer that a sticky keyword chose.
  var sticky: Int?
  /// The content that modifiers are about.
  var lastContent: Place?
  /// The buffer of the match before, for those that are relative to it.
  var lastBuffer: Int?
  /// Keywords that may be said once, and were.
  var seen: Set<String> = []

  init(_ variables: IDSVariables) { groups = RuleGroups(variables) }

  mutating func read(_ line: RuleLines.Line) throws(RuleFault) -> IDSRule {
    rule = IDSRule()
    rule.line = UInt32(clamping: line.number)
    (sticky, lastContent, lastBuffer) = (nil, nil, nil)
    seen.removeAll(keepingCapacity: true)
    groups.reset()

    let text = try RuleText(line.text)
    try readHeader(text.words)
    for option in text.options { try read(option) }
    try finish()
    return rule
  }

  private mutating func readHeader(_ words: [RuleBytes]) throws(RuleFault) {
    guard let first = words.first else { throw .wrong("there is no action before the options") }
    guard let action = IDSRule.Action(rawValue: first.text) else {
      let names = IDSRule.Action.allCases.map(\.rawValue)
      let meant = Suggestion.text(for: first.text, among: names, expected: names.joined(separator: ", "))
      throw .wrong("\(first.shown) is no action\(meant)")
    }
    rule.action = action
    guard words.count == 7 else {
      throw .wrong(
        "the header has \(words.count) words, expected 7: action, protocol, addresses, ports, -> or <>, addresses, ports"
      )
    }
    let name = words[1].text.lowercased()
    guard let protocolName = RuleProtocol(name: name) else {
      if ["pkthdr", "ether", "arp", "decode", "doh2", "mdns", "sctp-pkt", "dnp", "template"].contains(name) {
        throw .unsupported("the protocol \(name)")
      }
      let names = RuleProtocol.allCases.map(\.rawValue)
      throw .wrong(
        "\(words[1].shown) is no protocol"
          + Suggestion.text(for: name, among: names, expected: "tcp, udp, icmp, ip or an application protocol"))
    }
    rule.header.protocolName = protocolName
    switch words[4].text {
    case "->": rule.header.isBidirectional = false
    case "<>": rule.header.isBidirectional = true
    case "<-": throw .wrong("the direction \"<-\" is none, expected -> or <>; exchange source and destination")
    default: throw .wrong("the direction \(words[4].shown) is none, expected -> or <>")
    }
    rule.header.source = try groups.addresses(words[2])
    rule.header.sourcePorts = try groups.ports(words[3])
    rule.header.destination = try groups.addresses(words[5])
    rule.header.destinationPorts = try groups.ports(words[6])
  }

  private mutating func read(_ option: RuleText.Option) throws(RuleFault) {
    let name = option.keyword
    guard let keyword = Keyword.named[name] else {
      throw .wrong("there is no keyword \(quoted(name))\(suggestion(for: name))")
    }
    switch (keyword.needsValue, option.value) {
    case (true?, nil), (true?, []?): throw .wrong("\(name) says nothing, expected \(name): and a value")
    case (false?, let value?) where !value.isEmpty:
      throw .wrong("\(name): \(value.shown) is too much, expected nothing behind \(name)")
    default: break
    }
    try read(keyword, name, option.value ?? [])
  }

  private mutating func read(_ keyword: Keyword, _ name: String, _ value: RuleBytes) throws(RuleFault) {
    switch keyword {
    case .message, .sid, .gid, .revision, .classType, .priority, .reference, .metadata, .target, .noAlert:
      try readDescription(keyword, name, value)
    case .content, .uriContent: try readContent(value, name, in: name == "content" ? nil : .httpURI)
    case .caseInsensitive, .raw, .startsWith, .endsWith, .fastPattern, .offset, .depth, .distance, .within:
      try readModifier(keyword, name, value)
    case .pcre: try readExpression(value)
    case .byteTest: try readByteTest(value)
    case .byteJump: try readByteJump(value)
    case .byteExtract: try readByteExtract(value)
    case .byteMath: try readByteMath(value)
    case .isDataAt: try readIsDataAt(value)
    case .bufferSize: try readBufferSize(value)
    case .bufferModifier(let buffer): try moveContent(to: buffer, name)
    case .stickyBuffer(let buffer): try choose(buffer)
    case .field(let field): try readField(field, name, value)
    case .tcpFlags, .fragmentBits, .ipOption, .sameAddress, .uriLength, .streamSize, .flow:
      try readCondition(keyword, name, value)
    case .flowBits: try readFlowBits(value)
    case .flowInteger: try readFlowInteger(value)
    case .crossBits: try readCrossBits(value)
    case .threshold: try readThreshold(value)
    case .detectionFilter: try readDetectionFilter(value)
    case .tag: try readTag(value)
    case .unsupported: throw .unsupported("the keyword \(name)")
    }
  }

  /// Which keyword was meant. The comparison with all of them takes long: only for the first names that are none.
  private mutating func suggestion(for name: String) -> String {
    if let known = suggestions[name] { return known }
    if suggestions.count >= Self.mostSuggestions { return "" }
    // No word is nearer than the difference of the lengths.
    let similar = Self.keywords.filter { abs($0.utf8.count - name.utf8.count) <= max(1, $0.utf8.count / 3) }
    let text = Suggestion.text(for: name, among: similar, expected: "one of Suricata or Snort")
    suggestions[name] = text
    return text
  }

  /// For keywords that a rule has once.
  mutating func once(_ name: String) throws(RuleFault) {
    if !seen.insert(name).inserted { throw .wrong("\(name) is there twice, expected it once") }
  }
}
