import DualStackTracker
import MOSCore

/// Puts together what happened to one packet.
final class Explainer {
  private let core: UnsafeMutablePointer<EngineCore>
  private let tracer: ExplainTracer
  private let packet: DecodedPacket
  private var lines: [String] = []
  /// What the tracker said, in order, and which handlers wait for it.
  private var events: [(hook: Hook, kind: EventKind, record: Int?, text: String)] = []
  private var state: ExplainState?
  private var flow: UInt32 = 0
  /// What became of it; nil where nobody decides. Segments that it caused have passed the middleboxes when all is told.
  private var verdict: String?
  /// Packets that were held before this one.
  private let heldBefore: UInt64

  /// Begins with a packet that is not taken yet.
  init(_ core: UnsafeMutablePointer<EngineCore>, _ packet: UnsafePointer<DecodedPacket>) {
    self.core = core
    self.packet = packet.pointee
    heldBefore = core.pointee.statistics.held
    tracer = ExplainTracer(core)
    lines.append(ExplainText.packet(packet.pointee))
    for anomaly in Anomaly.allCases where packet.pointee.anomalies.contains(anomaly) {
      lines.append("  the decoder found: \(anomaly.name)")
    }
    if !packet.pointee.isAcceptable, packet.pointee.kind.rawValue <= PacketKind.icmpv6.rawValue {
      lines.append("  a host that gets it does not look at it")
    }
    if !packet.pointee.isSelected { lines.append("  filter: a flow that begins with it is not tracked") }
  }

  /// The tracker has taken it.
  func take(_ flow: UInt32) {
    self.flow = flow
    state = ExplainState(core, flow)
    lines.append("  \(flowText)")
    noteFilters()
    noteEvents()
    noteVerdict()
  }

  private var flowText: String {
    if flow == 0 {
      if core.pointee.tracker.events.set.contains(.orphan) { return "flow: none, and it begins none: an orphan" }
      if core.pointee.table.acts, core.pointee.work.pointee.isDropped { return "flow: not looked up: it was dropped" }
      return packet.kind.rawValue <= PacketKind.icmpv6.rawValue
        ? "flow: none that is tracked" : "flow: none, as it is not TCP, UDP or ICMP"
    }
    let record = core.pointee.tracker.record(flow).pointee
    let begins = record.firstPacket == packet.number ? "begins with it" : "began with packet \(record.firstPacket)"
    var text = "from the \(sender); the flow \(begins)"
    if record.key.protocolNumber == 6 {
      let (client, server) = (ExplainText.state(record.client.state), ExplainText.state(record.server.state))
      text += "; afterwards client \(client), server \(server)"
    }
    if record.end != .none { text += "; ended: \(record.end.recordName)" }
    return text
  }

  private var sender: Side {
    let key = core.pointee.tracker.record(flow).pointee.key
    return key.source == packet.key.source && key.sourcePort == packet.key.sourcePort ? .client : .server
  }

  /// What the middleboxes' own filter expressions say of it, where they are asked.
  private func noteFilters() {
    for (box, declared) in core.pointee.registry.boxes.enumerated() {
      if let filter = declared.flowFilter, flow != 0 {
        let first = core.pointee.tracker.record(flow).pointee.firstPacket
        let answer =
          first != packet.number
          ? "was asked about packet \(first)"
          : core.pointee.filters.selectsFlow(box, packet) ? "selects the flow" : "does not select the flow"
        lines.append("  \(declared.name), filter \"\(filter)\": \(answer)")
      }
      if let filter = declared.orphanFilter, core.pointee.tracker.events.set.contains(.orphan) {
        let selects = core.pointee.filters.selectsOrphan(box, packet)
        lines.append("  \(declared.name), filter \"\(filter)\": \(selects ? "selects" : "does not select") the orphan")
      }
    }
  }

  private func noteEvents() {
    let buffer = core.pointee.tracker.events.first
    let count = core.pointee.tracker.events.end - buffer
    let second = core.pointee.tracker.events.firstOfSecondStep - buffer
    let set = core.pointee.tracker.events.set
    if set.contains(.orphan) { events.append((.wire, .orphan, nil, "orphan")) }
    if set.contains(.packet), flow != 0 { events.append((.sender, .packet, nil, "packet")) }
    for index in 0...count {
      if index == second, set.contains(.packet), flow != 0, !wasDroppedBetween {
        events.append((.receiver, .packet, nil, "packet"))
      }
      if index == count { break }
      let event = buffer[index]
      events.append((event.hook, event.kind, index, ExplainText.event(event)))
    }
  }

  /// It did not come to its receiver.
  private var wasDroppedBetween: Bool {
    guard core.pointee.table.acts, core.pointee.work.pointee.isDropped else { return false }
    return !tracer.calls.contains { $0.hook == .receiver }
  }

  /// Everything, when the packet and what it caused have been taken.
  func finish() -> [String] {
    tracer.end()
    lines.append("events (.sender: that it was sent; .receiver: what its receiver makes of it)")
    if events.isEmpty { lines.append("  none") }
    for event in events { lines.append("  .\(event.hook.name) \(event.text)") }
    lines.append("handlers")
    if tracer.calls.isEmpty {
      lines.append(core.pointee.boxNames.isEmpty ? "  none: there is no middlebox" : "  none waits for these events")
    }
    var last: ExplainTracer.Call?
    for call in tracer.calls {
      if last.map({ !isSameEvent($0, call) }) ?? true { lines.append("  \(title(of: call))") }
      last = call
      append(call, indentation: "    ")
    }
    appendOthers()
    if let verdict { lines.append("verdict: \(verdict)") }
    return lines
  }

  private func isSameEvent(_ one: ExplainTracer.Call, _ other: ExplainTracer.Call) -> Bool {
    let (trigger, next) = (
      core.pointee.registry.nodes[one.node].trigger, core.pointee.registry.nodes[other.node].trigger
    )
    return one.flow == other.flow && one.hook == other.hook && one.kind == other.kind && one.record == other.record
      && one.isInjected == other.isInjected && trigger.kindNumber == next.kindNumber
  }

  /// The event that a handler of the tracker's own events ran for.
  private func title(of call: ExplainTracer.Call) -> String {
    let name =
      switch core.pointee.registry.nodes[call.node].trigger {
      case .builtIn(.frame, _): "frame"
      case .builtIn(.unknownFrame, _): "unknownFrame"
      case .builtIn(.release, _): "recordFinal"
      default: call.kind.name
      }
    let of =
      call.isInjected && call.hook != .timer
      ? " of a segment that a middlebox sent" : call.flow == flow || call.flow == 0 ? "" : " of another flow"
    return ".\(call.hook.name) \(name)\(of)"
  }

  private func append(_ call: ExplainTracer.Call, indentation: String) {
    lines.append(indentation + core.pointee.names[call.node])
    for effect in call.effects {
      switch effect {
      case .said(let text): lines.append(indentation + "  " + text)
      case .raised(let calls):
        guard let first = calls.first else { continue }
        lines.append(indentation + "  raises \(eventName(first))" + (first.payload.map { ": \($0)" } ?? ""))
        for call in calls { append(call, indentation: indentation + "    ") }
      }
    }
  }

  private func eventName(_ call: ExplainTracer.Call) -> String {
    guard case .userEvent(let number) = core.pointee.registry.nodes[call.node].trigger else { return "?" }
    return core.pointee.registry.userEvents[number] ?? "?"
  }

  /// Handlers of these events that did not run.
  private func appendOthers() {
    var isFirst = true
    for event in events {
      for (node, declared) in core.pointee.registry.nodes.enumerated()
      where declared.waits(forKind: Int(event.kind.rawValue), hook: event.hook) {
        let ran = tracer.calls.contains {
          $0.node == node && $0.hook == event.hook && $0.record == event.record && !$0.isInjected
        }
        if ran { continue }
        if isFirst { lines.append("handlers that did not run") }
        isFirst = false
        let isOff = state.map { !$0.listens(node) } ?? false
        lines.append("  \(core.pointee.names[node]): \(isOff ? "off for this flow" : "the packet was dropped before")")
      }
    }
  }

  private func noteVerdict() {
    guard core.pointee.table.acts else { return }
    let work = core.pointee.work
    if work.pointee.isDropped {
      verdict = "dropped by \(core.pointee.boxNames[core.pointee.table.box(of: work.pointee.dropper)])"
    } else if let state, state.statistics.held > heldBefore {
      verdict = "held, until a middlebox lets it go or drops it"
    } else if work.pointee.isChanged {
      let length = work.pointee.packet.pointee.payloadLength
      let isAsLong = length == packet.payloadLength
      verdict = "forwarded, changed" + (isAsLong ? "" : ": payload \(length) bytes instead of \(packet.payloadLength)")
    } else {
      verdict = "forwarded as it came"
    }
  }
}

extension Trigger {
  /// Which kind of event of the tracker or the engine is waited for; -1 for others.
  fileprivate var kindNumber: Int {
    switch self {
    case .builtIn(.atHook(let kind), _), .builtIn(.always(let kind), _): Int(kind.rawValue)
    case .builtIn(.frame, _): DispatchTable.frameKind
    case .builtIn(.unknownFrame, _): DispatchTable.unknownFrameKind
    case .builtIn(.release, _): DispatchTable.releaseKind
    case .userEvent, .flowTimer, .boxTimer: -1
    }
  }
}
