// Unsafe: wraps handlers that reach the engine by pointer. See `EngineCore`.
import DualStackTracker
import MOSCore

/// Follows what handlers do while one packet is on its way.
///
/// For that time each handler in the engine's table is exchanged for one that tells the tracer before and behind it, so
/// that nothing is asked or noted at any other time.
final class ExplainTracer {
  /// A handler or predicate that ran.
  final class Call {
    let node: Int
    let hook: Hook
    let kind: EventKind
    /// Its event's place among the packet's records; nil for a mere fact.
    let record: Int?
    let flow: UInt32
    /// The event is of a segment that a middlebox sent.
    let isInjected: Bool
    /// What the event carries that it handles, if that is one of a middlebox's own.
    let payload: String?
    /// What it did, in order.
    var effects: [Effect] = []

    init(_ node: Int, _ occurrence: Occurrence, record: Int?, payload: String?) {
      self.node = node
      self.payload = payload
      hook = occurrence.hook
      kind = occurrence.event.pointee.kind
      flow = occurrence.flow
      isInjected = occurrence.core.pointee.isInjecting
      self.record = record
    }
  }

  /// Something that a handler did.
  enum Effect {
    case said(String)
    /// It raised an event, whose handlers these are.
    case raised([Call])
  }

  let core: UnsafeMutablePointer<EngineCore>
  let sink: (Report) -> Void
  /// Handlers of the tracker's own events, in the order in which they ran.
  private(set) var calls: [Call] = []
  private var open: [Open] = []

  /// A handler that runs.
  private struct Open {
    var call: Call
    var before: ExplainState
    /// Events that were raised before it ran.
    let raisedBefore: UInt64
    /// Events that handlers inside of it raised.
    var raisedInside: UInt64 = 0
  }

  /// Begins to follow.
  init(_ core: UnsafeMutablePointer<EngineCore>) {
    self.core = core
    sink = core.pointee.sink
    for node in 0..<core.pointee.table.nodeCount {
      let handler = core.pointee.registry.nodes[node].handler
      replace(
        node,
        by: Handler<Never> { [unowned self] event in
          enter(node, event.occurrence)
          handler.body(event)
          leave(event.occurrence)
        })
    }
    core.pointee.sink = { [unowned self] report in
      open.last?.call.effects.append(.said("reports: \(report.text)"))
      sink(report)
    }
  }

  /// Follows no more.
  func end() {
    for node in 0..<core.pointee.table.nodeCount { replace(node, by: core.pointee.registry.nodes[node].handler) }
    core.pointee.sink = sink
  }

  private func replace(_ node: Int, by handler: Handler<Never>) {
    let place = core.pointee.table.handlers + node
    place.deinitialize(count: 1)
    place.initialize(to: HandlerBox(handler))
  }

  private func enter(_ node: Int, _ occurrence: UnsafeMutablePointer<Occurrence>) {
    let events = core.pointee.tracker.events.first..<core.pointee.tracker.events.end
    let event = occurrence.pointee.event
    var payload: String?
    if case .userEvent(let number) = core.pointee.registry.nodes[node].trigger, let place = occurrence.pointee.payload {
      payload = core.pointee.registry.payloads[number]?(place)
    }
    let call = Call(
      node, occurrence.pointee, record: events.contains(event) ? event - events.lowerBound : nil, payload: payload)
    if let parent = open.last { add(call, to: parent.call) } else { calls.append(call) }
    open.append(
      Open(
        call: call, before: ExplainState(core, occurrence.pointee.flow),
        raisedBefore: core.pointee.statistics.raised))
  }

  /// Handlers of one event run in the order of their numbers, so that another begins where the number does not rise.
  private func add(_ call: Call, to parent: Call) {
    if case .raised(let known)? = parent.effects.last, let last = known.last, last.node < call.node,
      core.pointee.registry.nodes[last.node].trigger == core.pointee.registry.nodes[call.node].trigger
    {
      parent.effects[parent.effects.count - 1] = .raised(known + [call])
    } else {
      parent.effects.append(.raised([call]))
    }
  }

  private func leave(_ occurrence: UnsafeMutablePointer<Occurrence>) {
    let done = open.removeLast()
    let after = ExplainState(core, occurrence.pointee.flow)
    let call = done.call
    let raised = after.statistics.raised &- done.raisedBefore
    let heard = call.effects.reduce(into: UInt64(0)) { count, effect in
      if case .raised = effect { count += 1 }
    }
    let unheard = raised &- done.raisedInside &- heard
    if core.pointee.registry.nodes[call.node].defines != nil {
      call.effects.insert(.said(raised > 0 ? "holds" : "does not hold"), at: 0)
    }
    if unheard > 0 {
      call.effects.append(.said("raises \(unheard == 1 ? "an event" : "\(unheard) events") that nobody hears"))
    }
    for change in after.changes(since: done.before, by: call.node, core) { call.effects.append(.said(change)) }
    guard !open.isEmpty else { return }
    // What was done inside is not told of again outside.
    open[open.count - 1].raisedInside &+= raised
    open[open.count - 1].before = after
  }
}
