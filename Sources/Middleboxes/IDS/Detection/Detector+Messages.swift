import DualStackTracker
import EventDSL
import MOSCore

/// Messages of application protocols.
extension Detector {
  /// Takes a flow's new bytes apart, after its streams have got them.
  func takeMessages(
    _ bytes: UnsafeRawBufferPointer, for receiver: Side, of flow: InspectedFlow, _ record: FlowRecord,
    at time: Timestamp
  ) {
    if flow.isPassed || flow.inspection.isOver(record.key) { return }
    let wasKnown = flow.application != nil
    var sink = MessageSink(detector: self, flow: flow, record: record, time: time)
    inspectors.take(bytes, from: receiver.peer, of: &flow.inspection, record.key, into: &sink)
    if !wasKnown, let known = flow.inspection.application {
      flow.application = known
      // They waited for this.
      for side in Side.allCases { ask(flow.views[Int(side.rawValue)], sink.context(side), isWhole: false) }
    }
    settle(flow, sink)
  }

  /// The same for a datagram, before rules about packets are asked.
  func takeDatagram(
    _ packet: borrowing PacketView, for receiver: Side, of flow: InspectedFlow, _ record: FlowRecord
  ) {
    if flow.isPassed || !MessageInspectors.State.isDNS(record.key) { return }
    let time = packet.time
    packet.withPayload { span in
      span.withUnsafeBytes { bytes in
        var sink = MessageSink(detector: self, flow: flow, record: record, time: time, packet: bytes)
        inspectors.take(datagram: bytes, from: receiver.peer, of: &flow.inspection, into: &sink)
        flow.application = flow.inspection.application
      }
    }
  }

  /// Bytes that `receiver` would have got are missing.
  func skipMessages(
    _ count: UInt64, for receiver: Side, of flow: InspectedFlow, _ record: FlowRecord, at time: Timestamp
  ) {
    if flow.inspection.isOver(record.key) { return }
    var sink = MessageSink(detector: self, flow: flow, record: record, time: time)
    inspectors.skip(count, from: receiver.peer, of: &flow.inspection, record.key, into: &sink)
    settle(flow, sink)
  }

  /// No more comes of a flow.
  func finishMessages(_ flow: InspectedFlow, _ record: FlowRecord, at time: Timestamp) {
    var sink = MessageSink(detector: self, flow: flow, record: record, time: time)
    inspectors.end(&flow.inspection, into: &sink)
  }

  /// Asks about what came of the messages under way.
  private func settle(_ flow: InspectedFlow, _ sink: MessageSink) {
    for side in Side.allCases {
      guard let message = flow.message(to: side), message.isChanged else { continue }
      considerByPayload(message, sink.context(side))
      ask(message, sink.context(side, message.transaction), isWhole: false)
    }
  }

  /// A buffer of a message, or more of the last one.
  func take(
    _ kind: InspectionBuffer, _ bytes: UnsafeRawBufferPointer, isWhole: Bool, _ context: Context
  ) {
    let receiver = Int(context.receiver.rawValue)
    let rules = rules.messages[receiver]
    if rules.isEmpty { return }
    let message = begin(rules, context)
    let new = message.take(kind, bytes, isWhole: isWhole)
    search(bytes, from: new.lowerBound, kind, message, context)
  }

  /// Which rules a buffer could be about, from a place on.
  private func search(
    _ bytes: UnsafeRawBufferPointer, from place: Int, _ kind: InspectionBuffer, _ message: MessageView,
    _ context: Context
  ) {
    let receiver = Int(context.receiver.rawValue)
    guard let group = rules.messages[receiver].group(kind),
      let search = messageSearches[receiver][Int(kind.rawValue)]
    else { return }
    // What is looked for can have begun in what came before.
    let start = max(0, place - (group.longestLiteral - 1))
    hits.removeAll(keepingCapacity: true)
    search.run(UnsafeRawBufferPointer(rebasing: bytes[start...]), scratch: scratch!, into: &hits)
    for hit in hits {
      for index in group.rulesOfLiteral[Int(hit.literal)] { consider(index, message, context) }
    }
  }

  /// The same for all that there is of a message, by other rules than before.
  func searchAgain(_ message: MessageView, _ context: Context) {
    if message.parts.isEmpty { return }
    var context = context
    context.transaction = message.transaction
    for index in rules.messages[Int(context.receiver.rawValue)].others { consider(index, message, context) }
    for part in message.parts { search(message.bytes(of: part), from: 0, part.kind, message, context) }
  }

  /// The message is over.
  func end(_ context: Context) {
    let rules = rules.messages[Int(context.receiver.rawValue)]
    if rules.isEmpty { return }
    let message = begin(rules, context)
    considerByPayload(message, context)
    // Their bits come first.
    if !message.candidates.isEmpty {
      var ofStream = context
      ofStream.transaction = nil
      ask(context.view, ofStream, isWhole: false)
    }
    ask(message, context, isWhole: true)
    context.flow.setMessage(nil, to: context.receiver)
    message.reset()
    if unusedMessages.count < 16 { unusedMessages.append(message) }
  }

  /// The message under way.
  private func begin(_ rules: MessageRules, _ context: Context) -> MessageView {
    if let known = context.flow.message(to: context.receiver) { return known }
    let message = unusedMessages.popLast() ?? MessageView()
    context.flow.setMessage(message, to: context.receiver)
    message.transaction = context.transaction
    for index in rules.others { consider(index, message, context) }
    return message
  }

  /// Takes up the rules about messages whose literal was found in the payload: of the datagram, or of the stream so far.
  private func considerByPayload(_ message: MessageView, _ context: Context) {
    let inDatagram = context.packet != nil
    let rules = inDatagram ? rules.messages[Int(context.receiver.rawValue)].byPayload : context.view.ofMessages
    for index in rules { consider(index, message, context) }
  }

  private func consider(_ index: UInt32, _ message: MessageView, _ context: Context) {
    let rule = rules.rules[Int(index)]
    guard rule.application == context.flow.application, rule.allows(context.key),
      rule.rule.header.protocolName.allows(context.packet == nil ? .tcp : .udp),
      // A flow's protocol by itself is told of once.
      !(rule.buffers.isEmpty && (context.transaction ?? 0) > 0),
      !message.settled.contains(index), !message.candidates.contains(index)
    else { return }
    if message.candidates.count >= Self.mostCandidates { ask(message, context, isWhole: false) }
    if message.candidates.count >= Self.mostCandidates { message.candidates.removeFirst() }
    message.candidates.append(index)
  }

  private func ask(_ message: MessageView, _ context: Context, isWhole: Bool) {
    message.isChanged = false
    if message.candidates.isEmpty || context.flow.isPassed { return }
    message.candidates.sort { order($0) < order($1) }
    var undecided: [UInt32] = []
    for index in message.candidates {
      switch outcome(index, message, context, isWhole: isWhole) {
      case .matches:
        message.settled.insert(index)
        fire(index, context)
      case .fails: message.settled.insert(index)
      case .undecided: undecided.append(index)
      }
    }
    message.candidates = undecided
  }
}
