import DualStackTracker
import MOSCore

/// A rule, ready to be asked.
final class DetectionRule: Sendable {
  let rule: IDSRule
  /// What has to be in the payload; nil for a rule that asks for no bytes.
  let steps: MatchSteps?
  /// What the rule is searched for by; nil for one that is always asked.
  let literal: LiteralDatabase.Literal?
  /// The side that gets what it is about; nil for either.
  let receiver: Side?
  let state: FlowCondition.State?
  /// It is about packets, each by itself, and not about the stream.
  let isAboutPackets: Bool
  let bitTests: [(isSet: Bool, anyOf: [Int])]
  let bitChanges: [(change: BitChange, bit: Int)]
  let packetConditions: [RuleCondition]
  let streamSizes: [(side: StreamSide, match: IntegerMatch)]
  let wantsSameAddress: Bool
  /// It says where in the turn, and not only where behind each other, its bytes are.
  let isAnchored: Bool
  /// It is about the turn, and not also about what came before it.
  let looksAtTurn: Bool
  let severity: UInt8
  /// Rules that pass before others, and those that set bits before those that ask for them.
  let rank: Int

  /// What this rule needs that is not looked at.
  struct Unsupported: Error {
    var reason: String
  }

  /// `bits` are the numbers of the flow's bits by their names so far.
  init(_ rule: IDSRule, bits: inout [String: Int]) throws(Unsupported) {
    self.rule = rule
    func number(of name: String) -> Int {
      if let known = bits[name] { return known }
      bits[name] = bits.count
      return bits.count - 1
    }
    var flow = FlowCondition()
    var bitTests: [(isSet: Bool, anyOf: [Int])] = []
    var packetConditions: [RuleCondition] = []
    var streamSizes: [(side: StreamSide, match: IntegerMatch)] = []
    var wantsSameAddress = false
    for condition in rule.conditions {
      switch condition {
      case .flow(let asked): flow = asked
      case .flowBits(let isSet, let names): bitTests.append((isSet, names.map(number)))
      case .field, .tcpFlags, .fragmentBits, .ipOption: packetConditions.append(condition)
      case .streamSize(let side, let match): streamSizes.append((side, match))
      case .sameAddress: wantsSameAddress = true
      case .flowInteger: throw Unsupported(reason: "flowint")
      case .crossBit: throw Unsupported(reason: "xbits")
      case .uriLength: throw Unsupported(reason: "urilen")
      }
    }
    if flow.fragments == .only { throw Unsupported(reason: "flow:only_frag") }
    var bitChanges: [(change: BitChange, bit: Int)] = []
    for effect in rule.effects {
      switch effect {
      case .flowBit(let change, let name): bitChanges.append((change, number(of: name)))
      case .flowInteger: throw Unsupported(reason: "flowint")
      case .crossBit: throw Unsupported(reason: "xbits")
      }
    }
    if let buffer = rule.buffers.first(where: { $0.kind != .payload }) {
      throw Unsupported(reason: "\(buffer.kind.keyword)")
    }
    if rule.header.protocolName.isApplication {
      throw Unsupported(reason: "the protocol \(rule.header.protocolName.rawValue)")
    }
    if rule.buffers.count > 1 { throw Unsupported(reason: "pkt_data more than once") }
    do throws(PCREError) { steps = try rule.buffers.first.map(MatchSteps.init) } catch {
      throw Unsupported(reason: error.description)
    }
    literal = rule.fastPattern.map { LiteralDatabase.Literal($0, of: rule) }
    receiver =
      switch flow.direction {
      case .toServer: .server
      case .toClient: .client
      case nil: nil
      }
    state = flow.state
    isAboutPackets =
      !packetConditions.isEmpty || rule.header.protocolName == .tcpPacket || flow.stream == .no || rule.buffers.isEmpty
    self.bitTests = bitTests
    self.bitChanges = bitChanges
    self.packetConditions = packetConditions
    self.streamSizes = streamSizes
    self.wantsSameAddress = wantsSameAddress
    let matches = rule.buffers.flatMap(\.matches)
    isAnchored = matches.contains(where: \.isAnchored)
    looksAtTurn = isAnchored || matches.contains(where: \.isAbsence)
    severity = rule.priority ?? RuleClass.priority(of: rule.classType)
    let bitRank = bitChanges.isEmpty ? (bitTests.isEmpty ? 3 : 2) : (bitTests.isEmpty ? 0 : 1)
    rank = (rule.action == .pass ? 0 : 4) + bitRank
  }

  /// Whether inline it drops what it is about.
  var drops: Bool {
    switch rule.action {
    case .drop, .reject, .rejectsrc, .rejectdst, .rejectboth: true
    case .alert, .pass, .log: false
    }
  }

  /// Whether the header allows what `key`'s source sends.
  func allows(_ key: FlowKey) -> Bool {
    let header = rule.header
    if wantsSameAddress && key.source != key.destination { return false }
    if isAllowed(key.source, key.sourcePort, key.destination, key.destinationPort) { return true }
    return header.isBidirectional && isAllowed(key.destination, key.destinationPort, key.source, key.sourcePort)
  }

  private func isAllowed(
    _ source: IPAddress, _ sourcePort: UInt16, _ destination: IPAddress, _ destinationPort: UInt16
  ) -> Bool {
    let header = rule.header
    return header.destinationPorts.contains(destinationPort) && header.sourcePorts.contains(sourcePort)
      && header.source.contains(source) && header.destination.contains(destination)
  }

  /// Whether the flow's state is the one that the rule asks for.
  func allows(_ record: FlowRecord) -> Bool {
    switch state {
    case nil, .stateless: true
    case .established: isEstablished(record)
    case .notEstablished: !isEstablished(record)
    }
  }

  private func isEstablished(_ record: FlowRecord) -> Bool {
    record.key.protocolNumber == 6
      ? record.wasEstablished && !record.isMidstream : record.client.packets > 0 && record.server.packets > 0
  }

  /// Whether the streams are as long as the rule asks.
  func allowsSizes(_ record: FlowRecord) -> Bool {
    streamSizes.allSatisfy { side, match in
      let (client, server) = (record.client.streamBytes, record.server.streamBytes)
      return switch side {
      case .client: match.holds(for: client)
      case .server: match.holds(for: server)
      case .both: match.holds(for: client) && match.holds(for: server)
      case .either: match.holds(for: client) || match.holds(for: server)
      }
    }
  }
}

extension LiteralDatabase.Literal {
  /// What a rule is searched for by.
  init(_ pattern: RuleFastPattern, of rule: IDSRule) {
    guard case .content(let content) = rule.buffers[Int(pattern.buffer)].matches[Int(pattern.match)] else {
      preconditionFailure("a fast pattern is a content")
    }
    let start = Int(pattern.offset)
    self.init(
      bytes: Array(content.bytes[start..<start + Int(pattern.length)]), isCaseInsensitive: content.isCaseInsensitive)
  }
}

extension PayloadMatch {
  /// Whether it asks that something is nowhere.
  fileprivate var isAbsence: Bool {
    switch self {
    case .content(let content): content.isNegated && !content.isRelative
    case .pcre(let pcre): pcre.isNegated && !pcre.flags.contains(.relative)
    default: false
    }
  }

  /// Whether it is at a place counted from the buffer's start.
  fileprivate var isAnchored: Bool {
    switch self {
    case .content(let content): content.offset != nil || content.depth != nil || content.startsWith
    case .pcre(let pcre): pcre.flags.contains(.anchored)
    case .byteTest(let test): !test.source.isRelative
    case .byteJump(let jump): !jump.source.isRelative || jump.origin == .beginning
    case .byteExtract(let extract): !extract.source.isRelative
    case .byteMath(let math): !math.source.isRelative
    case .isDataAt(let data): !data.isRelative
    case .bufferSize: true
    }
  }
}
