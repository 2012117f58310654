/// Which buffer a match is in.
extension RuleReader {
  /// The buffer of this kind; a new one where there is none.
  mutating func buffer(_ kind: InspectionBuffer) -> Int {
    if let known = rule.buffers.lastIndex(where: { $0.kind == kind }) { return known }
    rule.buffers.append(RuleBuffer(kind: kind))
    return rule.buffers.count - 1
  }

  /// Adds a match where the rule is at: the given buffer, the sticky one, or the payload.
  @discardableResult
  mutating func add(_ match: PayloadMatch, to kind: InspectionBuffer? = nil) -> Place {
    add(match, at: kind.map { buffer($0) } ?? sticky ?? buffer(.payload))
  }

  @discardableResult
  mutating func add(_ match: PayloadMatch, at index: Int) -> Place {
    rule.buffers[index].matches.append(match)
    lastBuffer = index
    return Place(buffer: index, match: rule.buffers[index].matches.count - 1)
  }

  /// Where a match goes that is relative to the one before, whose buffer it is then about.
  mutating func bufferIndex(isRelative: Bool) -> Int {
    if let sticky { return sticky }
    if isRelative, let lastBuffer { return lastBuffer }
    return buffer(.payload)
  }

  /// `http.uri`
  mutating func choose(_ kind: InspectionBuffer) throws(RuleFault) {
    try leaveSticky()
    lastContent = nil
    if kind == .payload {
      (sticky, lastBuffer) = (nil, nil)
      return
    }
    try check(kind)
    if kind.isMultiple { rule.buffers.append(RuleBuffer(kind: kind)) }
    sticky = buffer(kind)
  }

  /// A sticky buffer in which nothing is looked for is a mistake.
  func leaveSticky() throws(RuleFault) {
    guard let sticky, rule.buffers[sticky].matches.isEmpty else { return }
    throw .wrong("\(rule.buffers[sticky].kind.keyword): nothing is looked for in it, expected a content behind it")
  }

  /// `http_uri`
  mutating func moveContent(to kind: InspectionBuffer, _ name: String) throws(RuleFault) {
    if let sticky {
      throw .wrong("\(name): the buffer is \(rule.buffers[sticky].kind.keyword) here, expected pkt_data before \(name)")
    }
    guard let place = lastContent else { throw .wrong("\(name): there is no content before it") }
    let old = rule.buffers[place.buffer].kind
    if old != .payload {
      throw .wrong("\(name): the content is looked for in \(old.modifier ?? old.keyword) already")
    }
    try check(kind)
    let match = rule.buffers[place.buffer].matches.remove(at: place.match)
    if case .content(let content) = match, content.hasVariable {
      throw .unsupported("\(name) with a variable of another buffer")
    }
    if case .content(let content) = match, content.isRaw {
      throw .wrong("\(name): the content has rawbytes, the payload as it is")
    }
    // The buffers are in the order in which something is looked for in them.
    if rule.buffers[place.buffer].matches.isEmpty, place.buffer == rule.buffers.count - 1 { rule.buffers.removeLast() }
    lastContent = add(match, to: kind)
  }

  /// That the header's protocol can have such a buffer.
  func check(_ kind: InspectionBuffer) throws(RuleFault) {
    let name = rule.header.protocolName
    if kind.isPossible(in: name) { return }
    throw .wrong("\(kind.keyword): there is none in \(name.rawValue), the header's protocol")
  }
}
