import DualStackTracker
import MOSCore

/// A rule, ready to be asked.
final class DetectionRule: Sendable {
  let rule: IDSRule
  /// What has to be in which buffers.
  let buffers: [(kind: InspectionBuffer, steps: MatchSteps)]
  /// What the rule is searched for by; nil for one that is always asked.
  let literal: LiteralDatabase.Literal?
  /// Where that is.
  let literalBuffer: InspectionBuffer?
  /// The side that gets what it is about; nil for either.
  let receiver: Side?
  let state: FlowCondition.State?
  /// What it is asked about.
  let subject: Subject
  /// What the flow has to carry; nil for anything.
  let application: ApplicationProtocol?
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

  /// What a rule can be asked about.
  enum Subject {
    /// Packets, each by itself.
    case packets
    /// What a side of TCP receives.
    case stream
    /// A message of an application protocol.
    case messages
  }

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
    var buffers = rule.buffers
    for condition in rule.conditions {
      switch condition {
      case .flow(let asked): flow = asked
      case .flowBits(let isSet, let names): bitTests.append((isSet, names.map(number)))
      case .field, .tcpFlags, .fragmentBits, .ipOption: packetConditions.append(condition)
      case .streamSize(let side, let match): streamSizes.append((side, match))
      case .sameAddress: wantsSameAddress = true
      case .flowInteger: throw Unsupported(reason: "flowint")
      case .crossBit: throw Unsupported(reason: "xbits")
      case .uriLength(let match, let isRaw):
        buffers.append(RuleBuffer(kind: isRaw ? .httpRawURI : .httpURI, matches: [.bufferSize(match)]))
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
    receiver =
      switch flow.direction ?? buffers.lazy.compactMap(\.kind.direction).first {
      case .toServer: .server
      case .toClient: .client
      case nil: nil
      }
    let application = try Self.application(of: rule, buffers)
    let isAboutMessages =
      buffers.contains { $0.kind != .payload }
      || application != nil && buffers.isEmpty
    if Set(buffers.compactMap { ApplicationProtocol(of: $0.kind) }).count > 1 {
      throw Unsupported(reason: "messages of different protocols")
    }
    if isAboutMessages && !packetConditions.isEmpty { throw Unsupported(reason: "ip_proto of a message") }
    do throws(PCREError) {
      var prepared: [(kind: InspectionBuffer, steps: MatchSteps)] = []
      for buffer in buffers { prepared.append((buffer.kind.canonical(for: receiver), try MatchSteps(buffer))) }
      self.buffers = prepared
    } catch {
      throw Unsupported(reason: error.description)
    }
    self.application = application
    literal = rule.fastPattern.map { LiteralDatabase.Literal($0, of: rule) }
    let receiver = receiver
    literalBuffer = rule.fastPattern.map { rule.buffer(of: $0).canonical(for: receiver) }
    state = flow.state
    let isAboutPackets =
      !packetConditions.isEmpty || rule.header.protocolName == .tcpPacket || flow.stream == .no || buffers.isEmpty
    subject = isAboutMessages ? .messages : isAboutPackets ? .packets : .stream
    self.bitTests = bitTests
    self.bitChanges = bitChanges
    self.packetConditions = packetConditions
    self.streamSizes = streamSizes
    self.wantsSameAddress = wantsSameAddress
    let matches = buffers.filter { $0.kind == .payload }.flatMap(\.matches)
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
    if record.key.protocolNumber != 6 { return record.client.packets > 0 && record.server.packets > 0 }
    if record.isMidstream { return false }
    // Bytes that a server took with the SYN (RFC 7413) are as good as those behind the handshake.
    return record.wasEstablished || subject != .packets
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

extension IDSRule {
  /// The buffer of a fast pattern.
  fileprivate func buffer(of pattern: RuleFastPattern) -> InspectionBuffer { buffers[Int(pattern.buffer)].kind }
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
