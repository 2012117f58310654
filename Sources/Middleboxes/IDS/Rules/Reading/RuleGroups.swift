import MOSCore

/// Reads address and port groups. What is the same in many rules is read and kept once.
struct RuleGroups {
  private static let deepest = 32

  let variables: IDSVariables
  private var addresses: [String: AddressGroup] = ["any": .any]
  private var ports: [String: PortGroup] = ["any": .any]
  private var addressVariables: [String: RangeSet<UInt128>] = [:]
  private var portVariables: [String: RangeSet<UInt16>] = [:]
  /// Variables that are being read, to see one that names itself.
  private var open: [String] = []

  init(_ variables: IDSVariables) { self.variables = variables }

  mutating func addresses(_ written: RuleBytes) throws(RuleFault) -> AddressGroup {
    let text = Self.withoutSpace(written).text
    if let known = addresses[text] { return known }
    let set = try addressSet(Array(text.utf8)[...], depth: 0)
    if set.isEmpty { throw .wrong("the addresses \(quoted(text)) leave none, expected at least one") }
    let group = AddressGroup(text: text, ranges: set.ranges.map { .init(first: $0.first, last: $0.last) })
    addresses[text] = group
    return group
  }

  mutating func ports(_ written: RuleBytes) throws(RuleFault) -> PortGroup {
    let text = Self.withoutSpace(written).text
    if let known = ports[text] { return known }
    let set = try portSet(Array(text.utf8)[...], depth: 0)
    if set.isEmpty { throw .wrong("the ports \(quoted(text)) leave none, expected at least one") }
    let group = PortGroup(text: text, ranges: set.ranges.map { $0.first...$0.last })
    ports[text] = group
    return group
  }

  private static func withoutSpace(_ bytes: RuleBytes) -> RuleBytes { bytes.filter { !RuleBytes.isSpace($0) }[...] }

  private mutating func addressSet(_ text: RuleBytes, depth: Int) throws(RuleFault) -> RangeSet<UInt128> {
    try Self.check(depth)
    if let rest = text.dropping("!") { return try addressSet(rest, depth: depth + 1).complement }
    if let elements = try elements(text) {
      return try Self.combined(elements) { element throws(RuleFault) in try addressSet(element, depth: depth + 1) }
    }
    if text.elementsEqual("any".utf8) { return .all }
    if let name = text.dropping("$")?.text {
      if let known = addressVariables[name] { return known }
      let value = try value(of: name, in: variables.addresses, noun: "address")
      let set = try addressSet(value[...], depth: depth + 1)
      open.removeLast()
      addressVariables[name] = set
      return set
    }
    return try AddressText.range(text)
  }

  private mutating func portSet(_ text: RuleBytes, depth: Int) throws(RuleFault) -> RangeSet<UInt16> {
    try Self.check(depth)
    if let rest = text.dropping("!") { return try portSet(rest, depth: depth + 1).complement }
    if let elements = try elements(text) {
      return try Self.combined(elements) { element throws(RuleFault) in try portSet(element, depth: depth + 1) }
    }
    if text.elementsEqual("any".utf8) { return .all }
    if let name = text.dropping("$")?.text {
      if let known = portVariables[name] { return known }
      let value = try value(of: name, in: variables.ports, noun: "port")
      let set = try portSet(value[...], depth: depth + 1)
      open.removeLast()
      portVariables[name] = set
      return set
    }
    return try Self.portRange(text)
  }

  private static func check(_ depth: Int) throws(RuleFault) {
    if depth > deepest { throw .wrong("groups lie in each other deeper than \(deepest)") }
  }

  /// What the elements have that are not negated, or everything where all are, without what the negated ones have.
  private static func combined<Number>(
    _ elements: [RuleBytes], _ read: (RuleBytes) throws(RuleFault) -> RangeSet<Number>
  ) throws(RuleFault) -> RangeSet<Number> {
    var included: [(first: Number, last: Number)] = []
    var excluded: [(first: Number, last: Number)] = []
    var includesSome = false
    for element in elements {
      if let rest = element.dropping("!") {
        excluded += try read(rest).ranges
      } else {
        included += try read(element).ranges
        includesSome = true
      }
    }
    return (includesSome ? RangeSet(joining: included) : .all).subtracting(RangeSet(joining: excluded))
  }

  private static func portRange(_ text: RuleBytes) throws(RuleFault) -> RangeSet<UInt16> {
    func fault() -> RuleFault {
      .wrong("\(text.shown) is no port, expected for example 80, 1024:, 8000:8080, [80,443] or $HTTP_PORTS")
    }
    func number(_ part: RuleBytes, or missing: UInt16) throws(RuleFault) -> UInt16 {
      if part.isEmpty { return missing }
      guard let port = RuleBytes.digits(part, base: 10).flatMap({ UInt16(exactly: $0) }) else { throw fault() }
      return port
    }
    let parts = text.fields(at: ":")
    if text.isEmpty || parts.count > 2 || parts.allSatisfy(\.isEmpty) { throw fault() }
    let first = try number(parts[0], or: 0)
    let last = parts.count == 1 ? first : try number(parts[1], or: .max)
    if first > last { throw .wrong("the ports \(text.shown) end before they begin") }
    return RangeSet(first: first, last: last)
  }

  /// What a variable stands for; it is open until the caller has read that.
  private mutating func value(
    of name: String, in table: [String: String], noun: String
  ) throws(RuleFault) -> [UInt8] {
    guard let value = table[name] else {
      let meant = Suggestion.text(for: name, among: table.keys.sorted(), expected: "one of the configuration")
      throw .wrong("there is no \(noun) variable \(quoted("$" + name))\(meant)")
    }
    if open.contains(name) { throw .wrong("the variable \(quoted("$" + name)) is said by itself") }
    open.append(name)
    return value.utf8.filter { !RuleBytes.isSpace($0) }
  }

  /// The elements of a list in brackets; nil where it is none.
  private func elements(_ text: RuleBytes) throws(RuleFault) -> [RuleBytes]? {
    guard let inner = text.dropping("[") else { return nil }
    guard inner.last == UInt8(ascii: "]") else { throw .wrong("the list \(text.shown) does not end, expected a ]") }
    var elements: [RuleBytes] = []
    var (start, level) = (inner.startIndex, 0)
    let body = inner.dropLast()
    for index in body.indices {
      switch body[index] {
      case UInt8(ascii: "["): level += 1
      case UInt8(ascii: "]"): level -= 1
      case UInt8(ascii: ",") where level == 0:
        elements.append(body[start..<index])
        start = index + 1
      default: break
      }
      if level < 0 { throw .wrong("the list \(text.shown) has a ] too many") }
    }
    elements.append(body[start...])
    if elements.contains(where: \.isEmpty) { throw .wrong("the list \(text.shown) has an empty element") }
    return elements
  }

  /// After a fault in a variable.
  mutating func reset() { open.removeAll() }
}
