import DualStackTracker
import EventDSL
import Glibc
import MOSCore

/// What a rule found.
struct Detection {
  let rule: DetectionRule
  /// Which side sent it.
  let sender: Side
  /// The message's number in the flow, from 0; nil for what is not about a message.
  let transaction: UInt32?
  /// The bytes that were looked at, as far as alerts show them.
  let payload: [UInt8]
}

/// Looks for what rules describe, for one worker.
///
/// What it keeps, here and for each flow, is reached many times a packet, by one thread and never while a call that changes
/// it is under way: so exclusivity is not checked while it runs, which cost a tenth of the time.
final class Detector {
  /// Rules that can be candidates of a view at a time. When one more comes, all are asked, and if that leaves no room, the
  /// first is given up.
  static let mostCandidates = 256

  let rules: DetectionRules
  @exclusivity(unchecked) private var matcher: BufferMatcher
  @exclusivity(unchecked) var scratch: ScanScratch?
  /// As `DetectionRules.packets`.
  let packetSearches: [[BufferSearch?]]
  /// As `DetectionRules.messages`, by buffers.
  let messageSearches: [[BufferSearch?]]
  @exclusivity(unchecked) var inspectors: MessageInspectors
  @exclusivity(unchecked) var hits: [LiteralMatch] = []
  @exclusivity(unchecked) var thresholds = ThresholdTable()
  @exclusivity(unchecked) private var unusedFlows: [InspectedFlow] = []
  @exclusivity(unchecked) var unusedMessages: [MessageView] = []
  /// What each rule did.
  @exclusivity(unchecked) var counters: [RuleCounter]
  private let timesRules: Bool
  /// How many sets of rules were given up before these, and what is kept of the last ones.
  @exclusivity(unchecked) var generation = 0
  @exclusivity(unchecked) var earlier: [EarlierRules] = []
  /// What was found and not taken yet.
  @exclusivity(unchecked) var found: [Detection] = []

  /// What is dropped must be found before it is passed on.
  let isInline: Bool
  /// Alerts have the payload.
  let keepsPayload: Bool
  /// Bytes of it, the last ones; Suricata's `payload-buffer-size`.
  private static let mostPayload = 4_096

  init(_ configuration: IDSConfiguration) throws {
    rules = configuration.rules
    isInline = configuration.isInline
    keepsPayload = configuration.hasPayload
    timesRules = configuration.timesRules
    matcher = try BufferMatcher(hasExpressions: rules.hasExpressions)
    counters = [RuleCounter](repeating: RuleCounter(), count: rules.rules.count)
    scratch = nil
    packetSearches = try rules.packets.map { groups in try groups.map { group in try BufferSearch(group) } }
    messageSearches = try rules.messages.map { messages in
      try messages.groups.map { group in try group.flatMap { try BufferSearch($0) } }
    }
    inspectors = MessageInspectors(MessageInspectors.Limits(rules, isInline: isInline))
    for group in rules.streams + rules.packets.joined() + rules.messages.flatMap({ $0.groups.compactMap(\.self) }) {
      guard let database = group.database else { continue }
      if scratch == nil { scratch = try ScanScratch(for: database) } else { try scratch!.fit(database) }
    }
  }

  /// Searches that were given up because they took too long.
  var givenUp: UInt64 { matcher.givenUp }

  /// State for a flow.
  func begin() -> InspectedFlow {
    unusedFlows.popLast() ?? InspectedFlow(bitCount: rules.bitNames.count, generation: generation)
  }

  /// The flow has ended, and with it the turn.
  func end(_ flow: InspectedFlow, _ record: FlowRecord, at time: Timestamp) {
    finishTurn(flow, record, at: time)
    finishMessages(flow, record, at: time)
    flow.reset()
    if unusedFlows.count < 4_096 { unusedFlows.append(flow) }
  }

  /// What is looked at, and when.
  struct Context {
    let flow: InspectedFlow
    let record: FlowRecord
    let receiver: Side
    let time: Timestamp
    var transaction: UInt32?
    /// The datagram or segment that is looked at by itself; nil in a stream.
    var packet: UnsafeRawBufferPointer?
    /// Bytes of the stream that lie behind the message, which is over.
    var behind = 0
    /// The bytes that the receiver has got.
    var view: StreamView { flow.views[Int(receiver.rawValue)] }
    /// What its turn has up to the end of the message, as far as that is there.
    var turnUpToMessage: UnsafeRawBufferPointer {
      UnsafeRawBufferPointer(rebasing: view.turnOrRest.dropLast(behind))
    }
    /// Source and destination of what is looked at.
    var key: FlowKey { receiver == .server ? record.key : record.key.reversed }
  }

  /// In the order in which rules are asked.
  func order(_ index: UInt32) -> UInt64 { UInt64(rules.rules[Int(index)].rank) << 32 | UInt64(index) }

  /// What a rule about payload says of the bytes so far; `isWhole` where no more come.
  func outcome(
    _ index: UInt32, _ bytes: UnsafeRawBufferPointer, _ context: Context, isWhole: Bool
  ) -> BufferMatcher.Outcome {
    let rule = rules.rules[Int(index)]
    let start = beginCheck(index)
    defer { endCheck(index, start) }
    guard allows(rule, context) else { return isWhole ? .fails : .undecided }
    var result = BufferMatcher.Outcome.matches
    for (_, steps) in rule.buffers {
      switch matcher.match(steps, in: bytes, isWhole: isWhole) {
      case .matches: break
      case .undecided: result = .undecided
      case .fails: return .fails
      }
    }
    return result
  }

  /// What a rule says of a message, of which each buffer that it names has to be as it asks; of several of a kind one.
  func outcome(_ index: UInt32, _ message: MessageView, _ context: Context, isWhole: Bool) -> BufferMatcher.Outcome {
    let rule = rules.rules[Int(index)]
    let start = beginCheck(index)
    defer { endCheck(index, start) }
    guard allows(rule, context) else { return isWhole ? .fails : .undecided }
    var result = BufferMatcher.Outcome.matches
    for (kind, steps) in rule.buffers {
      var outcome = isWhole ? BufferMatcher.Outcome.fails : .undecided
      if kind == .payload {
        outcome = matcher.match(steps, in: context.packet ?? context.turnUpToMessage, isWhole: isWhole)
      } else {
        for part in message.parts where part.kind == kind && outcome != .matches {
          let ofPart = matcher.match(steps, in: message.bytes(of: part), isWhole: part.isWhole || isWhole)
          if ofPart != .fails { outcome = ofPart }
        }
      }
      switch outcome {
      case .matches: break
      case .undecided: result = .undecided
      case .fails: return .fails
      }
    }
    return result
  }

  private static var now: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  private func beginCheck(_ index: UInt32) -> UInt64 {
    counters[Int(index)].checks &+= 1
    return timesRules ? Self.now : 0
  }

  private func endCheck(_ index: UInt32, _ start: UInt64) {
    if timesRules { counters[Int(index)].nanoseconds &+= Self.now &- start }
  }

  /// Whether everything but bytes is as the rule asks.
  private func allows(_ rule: DetectionRule, _ context: Context) -> Bool {
    rule.allows(context.record) && rule.allowsSizes(context.record)
      && (rule.application == nil || rule.application == context.flow.application)
      && rule.bitTests.allSatisfy { isSet, bits in bits.contains { context.flow.isSet($0) } == isSet }
  }

  /// A rule has matched.
  func fire(_ index: UInt32, _ context: Context) {
    let rule = rules.rules[Int(index)]
    if context.flow.isPassed { return }
    counters[Int(index)].matches &+= 1
    for (change, bit) in rule.bitChanges { context.flow.change(bit, change) }
    if rule.rule.action == .pass {
      context.flow.isPassed = true
      return
    }
    if rule.rule.isSilent { return }
    guard
      thresholds.alerts(
        rule.rule, index: index, context.key, flow: context.record.firstPacket, at: context.time)
    else { return }
    let bytes = keepsPayload ? context.packet ?? context.view.bytes : UnsafeRawBufferPointer(start: nil, count: 0)
    found.append(
      Detection(
        rule: rule, sender: context.receiver.peer, transaction: context.transaction,
        payload: [UInt8](bytes.suffix(Self.mostPayload))))
  }
}
