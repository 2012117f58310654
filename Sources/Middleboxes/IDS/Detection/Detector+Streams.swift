import DualStackTracker
import MOSCore

/// What sides of TCP receive, turn by turn.
extension Detector {
  /// New bytes of a stream, which `receiver` gets.
  func take(
    _ bytes: UnsafeRawBufferPointer, for receiver: Side, of flow: InspectedFlow, _ record: FlowRecord,
    at time: Timestamp
  ) {
    takeStream(bytes, for: receiver, of: flow, record, at: time)
    takeMessages(bytes, for: receiver, of: flow, record, at: time)
  }

  private func takeStream(
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
    let isWanted = !group.isEmpty || rules.messages[Int(receiver.rawValue)].looksIntoPayload || keepsPayload
    if !isWanted || flow.isPassed { return }
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
  func takeGap(
    _ count: UInt64, for receiver: Side, of flow: InspectedFlow, _ record: FlowRecord, at time: Timestamp
  ) {
    finishTurn(flow, record, at: time)
    flow.receiver = receiver
    flow.views[Int(receiver.rawValue)].beginBehindGap()
    skipMessages(count, for: receiver, of: flow, record, at: time)
  }

  /// Asks the candidates of the turn, which is over, for the last time.
  func finishTurn(_ flow: InspectedFlow, _ record: FlowRecord, at time: Timestamp) {
    guard let receiver = flow.receiver, !flow.isPassed else { return }
    let view = flow.views[Int(receiver.rawValue)]
    ask(view, Context(flow: flow, record: record, receiver: receiver, time: time), isWhole: true)
  }

  /// Which rules the bytes could be about.
  func search(_ bytes: UnsafeRawBufferPointer, _ group: RuleGroup, _ view: StreamView, _ context: Context) {
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
    if rule.subject == .messages {
      if !view.ofMessages.contains(index) { view.ofMessages.append(index) }
      return
    }
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
  func ask(_ view: StreamView, _ context: Context, isWhole: Bool) {
    view.askedCount = view.count
    if view.candidates.isEmpty { return }
    view.candidates.sort { order($0) < order($1) }
    var undecided: [UInt32] = []
    for index in view.candidates {
      let bytes = rules.rules[Int(index)].looksAtTurn ? view.turnOrRest : view.bytes
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
}
