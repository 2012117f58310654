import DualStackTracker
import EventDSL
import MOSCore

/// An intrusion detection system: rules in the language of Suricata and Snort, over the streams that endpoints receive.
///
/// What a rule looks for is found however it was cut into segments, repeated and reordered. A stream is looked at turn by
/// turn: what one side says until the other answers; `offset` and `depth` count from the beginning of a turn. With
/// `inline`, `drop` and `reject` rules drop the packet that brings the last byte of what they look for, before its receiver
/// gets it, and all of the flow behind it; `reject` rules reset the sender's end of a TCP connection besides.
public struct IDS: Middlebox {
  private let use: RulesInUse
  private let state = FlowLocal<InspectedFlow?>(nil)
  /// What comes of the flow is dropped, also when it has ended.
  private let isDropped = FlowLocal(false)

  /// An IDS with these rules, for one worker. Throws where a library is missing or has no memory.
  public init(_ configuration: IDSConfiguration) throws { use = try RulesInUse(configuration) }

  var detector: Detector { use.detector }
  var configuration: IDSConfiguration { use.configuration }

  /// Replaces the rules, between two bursts, on the engine's thread. Flows go on: their bits stay, by their names (of
  /// a flow without a packet over eight replacements they do not), and the
  /// turn and the message that are under way are asked about again, as far as their bytes are still there. Rules of the
  /// same sid keep what they counted. Whether packets are dropped cannot change. Throws, with everything as it was, where
  /// there is no memory.
  public func replace(by configuration: IDSConfiguration) throws { replace(by: try prepare(configuration)) }

  /// Readies rules for `replace(by:)`: what takes time, on any thread, while the engine goes on. Throws where there is no
  /// memory.
  public func prepare(_ configuration: IDSConfiguration) throws -> IDSReplacement { try use.prepare(configuration) }

  /// Replaces the rules by those that this IDS has prepared, as the other `replace(by:)`. It cannot fail.
  public func replace(by replacement: IDSReplacement) { use.replace(by: replacement) }

  /// The same by a configuration's file, as `IDSConfiguration(path:)` reads it.
  public func reload(path: String) throws { try replace(by: IDSConfiguration(path: path)) }

  /// What it does when.
  public var events: some EventGraph {
    if configuration.isInline {
      Filter(.packet) { event, packet in
        inspectPacket(event)
        if event.flow[isDropped] { packet.drop() }
      }
      Filter(.newData) { event, packet in
        inspectStream(event)
        if event.flow[isDropped] { packet.drop() }
      }
    } else {
      On(.packet) { event in inspectPacket(event) }
      On(.newData) { event in inspectStream(event) }
    }
    On(.gap) { event in
      guard event.flow[state] != nil else { return }
      let flow = flow(event)
      detector.takeGap(event.length, for: event.receiver, of: flow, event.flow.record, at: event.time)
      tell(event, flow)
    }
    On(.connectionEnd) { event in
      guard event.flow[state] != nil else { return }
      let flow = flow(event)
      detector.end(flow, event.flow.record, at: event.time)
      tell(event, flow)
      event.flow[state] = nil
    }
  }

  private func inspectPacket(_ event: borrowing Event<PacketPassage>) {
    guard let view = event.packet, view.isAcceptable, detector.rules.inspectsPackets(view.kind) else { return }
    let flow = flow(event)
    detector.take(view, for: event.sender.peer, of: flow, event.flow.record)
    tell(event, flow)
  }

  private func inspectStream(_ event: borrowing Event<NewData>) {
    let flow = flow(event)
    let record = event.flow.record
    let (receiver, time) = (event.receiver, event.time)
    event.forEachSpan { span in
      span.withUnsafeBytes { detector.take($0, for: receiver, of: flow, record, at: time) }
    }
    tell(event, flow)
  }

  private func flow<Kind: FlowEvent>(_ event: borrowing Event<Kind>) -> InspectedFlow {
    let view = event.flow
    if let known = view[state] {
      if known.generation != detector.generation { detector.update(known, view.record, at: event.time) }
      return known
    }
    let flow = detector.begin()
    view[state] = flow
    return flow
  }

  private func tell<Kind: FlowEvent>(_ event: borrowing Event<Kind>, _ flow: InspectedFlow) {
    if detector.found.isEmpty { return }
    for detection in detector.found {
      let rule = detection.rule.rule
      let isBlocked = configuration.isInline && detection.rule.drops
      if isBlocked {
        event.flow[isDropped] = true
        switch rule.action {
        case .reject, .rejectsrc: event.flow[detection.sender].reset()
        case .rejectdst: event.flow[detection.sender.peer].reset()
        case .rejectboth: event.flow.reset()
        case .alert, .pass, .drop, .log: break
        }
      }
      event.alert(
        Alert(
          action: isBlocked ? .blocked : .allowed, generator: rule.gid, signature: rule.sid, revision: rule.revision,
          message: rule.message, category: rule.classType, severity: detection.rule.severity,
          sender: detection.sender, applicationProtocol: flow.application?.name, transaction: detection.transaction,
          payload: detection.payload))
    }
    detector.found.removeAll(keepingCapacity: true)
  }
}
