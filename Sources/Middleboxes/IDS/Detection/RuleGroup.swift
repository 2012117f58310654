import MOSCore

/// Rules that are asked about the same bytes: those that are searched for by a literal, all at once, and the others.
final class RuleGroup: Sendable {
  /// Nil where no rule has a literal.
  let database: LiteralDatabase?
  /// For each of its literals, the rules by their indices.
  let rulesOfLiteral: [[UInt32]]
  /// Bytes of the longest literal, at least 1.
  let longestLiteral: Int
  /// Rules without a literal.
  let others: [UInt32]

  var isEmpty: Bool { database == nil && others.isEmpty }

  /// `indices` are places in `rules`.
  init(_ indices: [UInt32], of rules: [DetectionRule]) throws(HyperscanError) {
    var literals: [LiteralDatabase.Literal: Int] = [:]
    var rulesOfLiteral: [[UInt32]] = []
    var others: [UInt32] = []
    for index in indices {
      guard let literal = rules[Int(index)].literal else {
        others.append(index)
        continue
      }
      if let known = literals[literal] {
        rulesOfLiteral[known].append(index)
      } else {
        literals[literal] = rulesOfLiteral.count
        rulesOfLiteral.append([index])
      }
    }
    self.rulesOfLiteral = rulesOfLiteral
    self.others = others
    longestLiteral = max(1, literals.keys.map(\.bytes.count).max() ?? 1)
    let ordered = literals.sorted { $0.value < $1.value }.map(\.key)
    database = ordered.isEmpty ? nil : try LiteralDatabase(ordered, reportsOnce: true)
  }
}

/// All rules that are used, ready for any number of workers.
final class DetectionRules: Sendable {
  let rules: [DetectionRule]
  /// Rules about the streams of TCP, by the side that receives them, and those about messages that are searched for by
  /// what the payload has.
  let streams: [RuleGroup]
  /// Rules about packets of TCP, of UDP and of ICMP, by the side that receives them.
  let packets: [[RuleGroup]]
  /// Rules about messages, by the side that receives them.
  let messages: [MessageRules]
  private let inspectsSegments: Bool
  private let inspectsDatagrams: Bool
  private let inspectsOthers: Bool
  /// Rules that need what is not looked at, by their places in the set, with the reason.
  let unsupported: [(place: Int, reason: String)]
  /// The names of flows' bits, by their numbers.
  let bitNames: [String]
  let hasExpressions: Bool

  /// What searching takes for a flow both of whose sides have said something.
  var streamByteCount: Int { streams.reduce(0) { $0 + ($1.database?.streamByteCount ?? 0) } }

  static let transports: [RuleProtocol.Transport] = [.tcp, .udp, .icmp]

  init(_ set: IDSRuleSet) throws(HyperscanError) {
    var bits: [String: Int] = [:]
    var rules: [DetectionRule] = []
    var unsupported: [(place: Int, reason: String)] = []
    for (place, rule) in set.rules.enumerated() {
      do throws(DetectionRule.Unsupported) {
        rules.append(try DetectionRule(rule, bits: &bits))
      } catch {
        unsupported.append((place, error.reason))
      }
    }
    self.rules = rules
    self.unsupported = unsupported
    bitNames = bits.sorted { $0.value < $1.value }.map(\.key)
    hasExpressions = rules.contains { rule in
      rule.buffers.contains { buffer in
        buffer.steps.steps.contains { step in if case .pcre = step { true } else { false } }
      }
    }
    func group(
      _ transport: RuleProtocol.Transport, _ receiver: Side, _ subject: DetectionRule.Subject
    ) throws(HyperscanError) -> RuleGroup {
      var indices: [UInt32] = []
      for (index, rule) in rules.enumerated() {
        guard rule.rule.header.protocolName.allows(transport), rule.receiver == nil || rule.receiver == receiver,
          rule.subject == subject || transport != .tcp && rule.subject == .stream
            || subject == .stream && rule.subject == .messages && rule.literalBuffer == .payload
        else { continue }
        indices.append(UInt32(index))
      }
      return try RuleGroup(indices, of: rules)
    }
    var streams: [RuleGroup] = []
    var packets: [[RuleGroup]] = [[], [], []]
    var messages: [MessageRules] = []
    // In the order of the sides' numbers.
    for receiver in [Side.client, .server] {
      streams.append(try group(.tcp, receiver, .stream))
      for (index, transport) in Self.transports.enumerated() {
        packets[index].append(try group(transport, receiver, .packets))
      }
      messages.append(try MessageRules(of: rules, for: receiver))
    }
    self.streams = streams
    self.packets = packets
    self.messages = messages
    inspectsSegments = packets[0].contains { !$0.isEmpty }
    inspectsDatagrams = packets[1].contains { !$0.isEmpty } || rules.contains { $0.application == .dns }
    inspectsOthers = packets[2].contains { !$0.isEmpty }
  }

  /// Whether packets of a kind are looked at, each by itself.
  func inspectsPackets(_ kind: PacketKind) -> Bool {
    switch kind {
    case .tcp: inspectsSegments
    case .udp: inspectsDatagrams
    default: inspectsOthers
    }
  }
}
