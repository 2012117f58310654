/// What can only be said of a rule as a whole.
extension RuleReader {
  mutating func finish() throws(RuleFault) {
    try leaveSticky()
    if rule.sid == 0 { throw .wrong("there is no sid, expected sid: and a number of the rule's own") }
    removeEmptyBuffers()
    lowercaseDigests()
    for buffer in rule.buffers { try checkAround(buffer) }
    try checkPackets()
    try checkDirections()
    rule.fastPattern = RuleFastPattern(for: rule.buffers)
  }

  /// The payload's buffer, after its contents were said to be another one's.
  private mutating func removeEmptyBuffers() {
    if rule.buffers.contains(where: \.matches.isEmpty) { rule.buffers.removeAll(where: \.matches.isEmpty) }
  }

  /// People write digests in either case.
  private mutating func lowercaseDigests() {
    for index in rule.buffers.indices where rule.buffers[index].kind.isDigest {
      for place in rule.buffers[index].matches.indices {
        guard case .content(var content) = rule.buffers[index].matches[place] else { continue }
        content.bytes = content.bytes.map(ASCII.lowercased)
        content.isCaseInsensitive = false
        rule.buffers[index].matches[place] = .content(content)
      }
    }
  }

  /// What is about one packet cannot be asked of a message, nor of a stream.
  private func checkPackets() throws(RuleFault) {
    guard let keyword = rule.conditions.lazy.compactMap(\.packetKeyword).first else { return }
    let name = rule.header.protocolName
    var other = name.isApplication || name == .tcpStream ? "the protocol \(name.rawValue)" : nil
    for condition in rule.conditions {
      if case .flow(let flow) = condition, flow.stream == .only { other = "flow:only_stream" }
    }
    if let buffer = rule.buffers.first(where: { $0.kind != .payload }) { other = buffer.kind.keyword }
    if let other { throw .wrong("\(keyword) is about one packet, \(other) is not; expected one of them in a rule") }
  }

  /// Requests go to the server, responses to the client, and a rule is about one of them.
  private func checkDirections() throws(RuleFault) {
    var known: (direction: FlowCondition.Direction, keyword: String)?
    for condition in rule.conditions {
      if case .flow(let flow) = condition, let direction = flow.direction {
        known = (direction, "flow:\(direction.rawValue)")
      }
    }
    for buffer in rule.buffers {
      guard let direction = buffer.kind.direction else { continue }
      if let known, known.direction != direction {
        throw .wrong("\(buffer.kind.keyword) is never together with \(known.keyword), which goes the other way")
      }
      known = (direction, buffer.kind.keyword)
    }
  }

  /// A content that is only searched for in all traffic at once has no place that another could be relative to.
  private func checkAround(_ buffer: RuleBuffer) throws(RuleFault) {
    var isBehindOnly = false
    for match in buffer.matches {
      switch match {
      case .content(let content):
        if content.isRelative && isBehindOnly {
          throw .wrong("fast_pattern: only means anywhere, but distance and within behind it is relative to it")
        }
        isBehindOnly = content.fastPattern == .only
      case .pcre: isBehindOnly = false
      default: break
      }
    }
  }
}

extension RuleFastPattern {
  /// The content that is marked; else the one in the best buffer, there the longest, and of equal ones that of the rarest
  /// bytes, the first one.
  init?(for buffers: [RuleBuffer]) {
    var best: (pattern: RuleFastPattern, rank: Int, length: Int, strength: Int)?
    for (index, buffer) in buffers.enumerated() {
      for (place, match) in buffer.matches.enumerated() {
        guard case .content(let content) = match, !content.isNegated else { continue }
        var pattern = RuleFastPattern(
          buffer: UInt16(clamping: index), match: UInt16(clamping: place), offset: 0,
          length: UInt16(clamping: content.bytes.count))
        if case .part(let offset, let length) = content.fastPattern {
          (pattern.offset, pattern.length) = (offset, length)
        }
        if content.fastPattern != .unmarked {
          self = pattern
          return
        }
        let rank = buffer.kind.fastPatternRank
        let length = content.bytes.count
        if let best, (rank, -length) > (best.rank, -best.length) { continue }
        let strength = Self.strength(of: content.bytes)
        if let best, rank == best.rank, length == best.length, strength <= best.strength { continue }
        best = (pattern, rank, length, strength)
      }
    }
    guard let best else { return nil }
    self = best.pattern
  }

  /// How rare bytes are in traffic: a byte that occurs again adds little; of the others letters are the most common, then
  /// what is printed besides, zeros, ones and all bits set.
  static func strength(of bytes: [UInt8]) -> Int {
    var seen = InlineArray<4, UInt64>(repeating: 0)
    var strength = 0
    for byte in bytes {
      let bit = UInt64(1) << UInt64(byte & 63)
      if seen[Int(byte >> 6)] & bit != 0 {
        strength += 1
        continue
      }
      seen[Int(byte >> 6)] |= bit
      switch byte {
      case 0x41...0x5a, 0x61...0x7a: strength += 3
      case 0x20...0x7e, 0x00, 0x01, 0xff: strength += 4
      default: strength += 6
      }
    }
    return strength
  }
}
