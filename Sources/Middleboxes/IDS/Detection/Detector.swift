import DualStackTracker
import EventDSL
import MOSCore

/// What a rule found.
struct Detection {
  let rule: DetectionRule
  /// Which side sent it.
  let sender: Side
}

/// Looks for what rules describe, for one worker.
final class Detector {
  /// Rules that can be candidates of a view at a time. When one more comes, all are asked, and if that leaves no room, the
  /// first is given up.
  static let mostCandidates = 256

  let rules: DetectionRules
  private var matcher: BufferMatcher
  private var scratch: ScanScratch?
  /// As `DetectionRules.packets`.
  private let packetSearches: [[PacketSearch?]]
  private var hits: [LiteralMatch] = []
  private var thresholds = ThresholdTable()
  private var unusedFlows: [InspectedFlow] = []
  /// For each rule, how often it was asked and how often it matched.
  private(set) var checks: [UInt64]
  private(set) var matches: [UInt64]
  /// What was found and not taken yet.
  var found: [Detection] = []

  /// What is dropped must be found before it is passed on.
  private let isInline: Bool

  init(_ rules: DetectionRules, isInline: Bool) throws {
    self.rules = rules
    self.isInline = isInline
    matcher = try BufferMatcher(hasExpressions: rules.hasExpressions)
    checks = [UInt64](repeating: 0, count: rules.rules.count)
    matches = checks
    scratch = nil
    packetSearches = try rules.packets.map { groups in
      try groups.map { group in try group.database.map { PacketSearch(stream: try LiteralStream($0)) } }
    }
    for group in rules.streams + rules.packets.joined() {
      guard let database = group.database else { continue }
      if scratch == nil { scratch = try ScanScratch(for: database) } else { try scratch!.fit(database) }
    }
  }

  /// Searches that were given up because they took too long.
  var givenUp: UInt64 { matcher.givenUp }

  /// State for a flow.
  func begin() -> InspectedFlow { unusedFlows.popLast() ?? InspectedFlow(bitCount: rules.bitCount) }

  /// The flow has ended, and with it the turn.
  func end(_ flow: InspectedFlow, _ record: FlowRecord, at time: Timestamp) {
    finishTurn(flow, record, at: time)
    flow.reset()
    if unusedFlows.count < 4_096 { unusedFlows.append(flow) }
  }

  /// New bytes of a stream, which `receiver` gets.
  func take(
    _ bytes: UnsafeRawBufferPointer, for receiver: Side, of flow: InspectedFlow, _ record: FlowRecord,
    at time: Timestamp
  ) {
    let group = rules.streams[Int(receiver.rawValue)]
    var isNewTurn = false
    if flow.receiver != receiver {
      finishTurn(flow, record, at: time)
      flow.receiver = receiver
      isNewTurn = true
    }
    if group.isEmpty || flow.isPassed { return }
    let context = Context(flow: flow, record: record, receiver: receiver, time: time)
    let view = flow.views[Int(receiver.rawValue)]
    if isNewTurn {
      view.beginTurn()
      // What is looked for can have begun in the turn before.
      search(view.tail(group.longestLiteral - 1), group, view, context)
    }
    var rest = bytes[...]
    while !rest.isEmpty {
      let part = UnsafeRawBufferPointer(rebasing: rest.prefix(view.room))
      rest = rest.dropFirst(part.count)
      view.append(part)
      search(part, group, view, context)
      if view.room > 0 { continue }
      ask(view, context, isWhole: true)
      view.goOn()
      search(view.bytes, group, view, context)
    }
    // Not for each byte again from the beginning, in however small pieces they come.
    let isDue = view.askedCount == 0 || view.count - view.askedCount >= view.askedCount / 16
    if isDue || isInline && view.candidates.contains(where: { rules.rules[Int($0)].drops }) {
      ask(view, context, isWhole: false)
    }
  }

  /// Bytes that `receiver` would have got are missing.
  func takeGap(for receiver: Side, of flow: InspectedFlow, _ record: FlowRecord, at time: Timestamp) {
    finishTurn(flow, record, at: time)
    flow.receiver = receiver
    flow.views[Int(receiver.rawValue)].beginBehindGap()
  }

  private struct Context {
    let flow: InspectedFlow
    let record: FlowRecord
    let receiver: Side
    let time: Timestamp
    /// Source and destination of what is looked at.
    var key: FlowKey { receiver == .server ? record.key : record.key.reversed }
  }

  private func finishTurn(_ flow: InspectedFlow, _ record: FlowRecord, at time: Timestamp) {
    guard let receiver = flow.receiver, !flow.isPassed else { return }
    let view = flow.views[Int(receiver.rawValue)]
    ask(view, Context(flow: flow, record: record, receiver: receiver, time: time), isWhole: true)
  }

  /// Which rules the bytes could be about.
  private func search(_ bytes: UnsafeRawBufferPointer, _ group: RuleGroup, _ view: StreamView, _ context: Context) {
    if !view.hasOthers {
      view.hasOthers = true
      for index in group.others { consider(index, view, context) }
    }
    guard let database = group.database else { return }
    // Where there is no memory for the search, the rules are asked all the same.
    if view.literals == nil {
      do { view.literals = try LiteralStream(database) } catch {
        for indices in group.rulesOfLiteral { for index in indices { consider(index, view, context) } }
        return
      }
    }
    hits.removeAll(keepingCapacity: true)
    view.literals!.scan(bytes, scratch: scratch!, into: &hits)
    for hit in hits {
      for index in group.rulesOfLiteral[Int(hit.literal)] { consider(index, view, context) }
    }
  }

  private func consider(_ index: UInt32, _ view: StreamView, _ context: Context) {
    let rule = rules.rules[Int(index)]
    guard rule.allows(context.key), !(rule.isAnchored && view.turn == nil), !view.settled.contains(index),
      !view.candidates.contains(index)
    else { return }
    if view.candidates.count >= Self.mostCandidates { ask(view, context, isWhole: false) }
    if view.candidates.count >= Self.mostCandidates { view.candidates.removeFirst() }
    view.candidates.append(index)
    // Those before did not see it coming.
    view.askedCount = 0
  }

  /// Asks all candidates what they say of the bytes so far.
  private func ask(_ view: StreamView, _ context: Context, isWhole: Bool) {
    view.askedCount = view.count
    if view.candidates.isEmpty { return }
    view.candidates.sort { order($0) < order($1) }
    var undecided: [UInt32] = []
    for index in view.candidates {
      let bytes = rules.rules[Int(index)].looksAtTurn ? view.turnBytes ?? view.bytes : view.bytes
      switch outcome(index, bytes, context, isWhole: isWhole) {
      case .matches:
        view.settled.insert(index)
        fire(index, context)
      case .fails: view.settled.insert(index)
      case .undecided: undecided.append(index)
      }
    }
    view.candidates = isWhole ? [] : undecided
  }

  private func order(_ index: UInt32) -> UInt64 { UInt64(rules.rules[Int(index)].rank) << 32 | UInt64(index) }

  private func outcome(
    _ index: UInt32, _ bytes: UnsafeRawBufferPointer, _ context: Context, isWhole: Bool
  ) -> BufferMatcher.Outcome {
    let rule = rules.rules[Int(index)]
    checks[Int(index)] &+= 1
    guard rule.allows(context.record), rule.allowsSizes(context.record), allowsBits(rule, context.flow) else {
      return isWhole ? .fails : .undecided
    }
    guard let steps = rule.steps else { return .matches }
    return matcher.match(steps, in: bytes, isWhole: isWhole)
  }

  private func allowsBits(_ rule: DetectionRule, _ flow: InspectedFlow) -> Bool {
    rule.bitTests.allSatisfy { isSet, bits in bits.contains { flow.isSet($0) } == isSet }
  }

  private func fire(_ index: UInt32, _ context: Context) {
    let rule = rules.rules[Int(index)]
    if context.flow.isPassed { return }
    matches[Int(index)] &+= 1
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
    found.append(Detection(rule: rule, sender: context.receiver.peer))
  }

  /// A packet of a flow, each by itself. `receiver` gets it.
  func take(
    _ packet: borrowing PacketView, for receiver: Side, of flow: InspectedFlow, _ record: FlowRecord
  ) {
    let transport: Int
    switch packet.kind {
    case .tcp: transport = 0
    case .udp: transport = 1
    default: transport = 2
    }
    let group = rules.packets[transport][Int(receiver.rawValue)]
    if group.isEmpty || flow.isPassed { return }
    let context = Context(flow: flow, record: record, receiver: receiver, time: packet.time)
    var candidates = group.others
    if let search = packetSearches[transport][Int(receiver.rawValue)], packet.payloadLength > 0 {
      hits.removeAll(keepingCapacity: true)
      packet.withPayload { span in
        span.withUnsafeBytes { bytes in search.run(bytes, scratch: scratch!, into: &hits) }
      }
      for hit in hits { candidates += group.rulesOfLiteral[Int(hit.literal)] }
    }
    if candidates.isEmpty { return }
    candidates.sort { order($0) < order($1) }
    for index in candidates {
      let rule = rules.rules[Int(index)]
      guard rule.allows(context.key),
        rule.packetConditions.allSatisfy({ PacketFields.holds($0, for: packet.decoded) })
      else { continue }
      packet.withPayload { span in
        span.withUnsafeBytes { bytes in
          if outcome(index, bytes, context, isWhole: true) == .matches { fire(index, context) }
        }
      }
    }
  }
}

/// Searches packets, each by itself.
private final class PacketSearch {
  private var stream: LiteralStream

  init(stream: consuming LiteralStream) { self.stream = stream }

  func run(_ bytes: UnsafeRawBufferPointer, scratch: borrowing ScanScratch, into hits: inout [LiteralMatch]) {
    stream.reset()
    stream.scan(bytes, scratch: scratch, into: &hits)
  }
}
