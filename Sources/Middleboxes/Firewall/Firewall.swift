import EventDSL

/// The firewall: stateful rules from a file, with rate limits and SYN-flood protection.
///
/// Rules are asked about a flow's first packet; what they decide holds for the flow, both ways, until they are replaced.
/// Packets that no stack would take, and TCP packets without a flow, are asked about one by one, as `invalid`. What is not IP
/// passes. Of a fragmented datagram the fragment that completes it is asked about, and when that is dropped the datagram
/// cannot be put together.
public struct Firewall: Middlebox {
  /// Rules in use, by the engine of one worker.
  private final class Rules {
    var set: FirewallRuleSet
    init(_ policy: FirewallPolicy) { set = FirewallRuleSet(policy) }
  }

  private let rules: Rules
  private let decision = FlowLocal(FirewallDecision(action: .pass, cause: .defaultAction))
  /// It counts among the half-open connections.
  private let isHalfOpen = FlowLocal(false)

  /// A firewall with the rules of a file. Throws the first error in it, with line and column.
  public init(path: String) throws(ConfigurationError) { self.init(try FirewallPolicy(path: path)) }

  /// A firewall with these rules.
  public init(_ policy: FirewallPolicy) { rules = Rules(policy) }

  /// What was counted so far.
  public var counters: FirewallCounters { rules.set.counters }

  /// Replaces the rules by those of a file, between two bursts, on the engine's thread. When there is an error in it the
  /// old rules stay, and the error is thrown. Flows that are open are decided about anew.
  public func reload(path: String) throws(ConfigurationError) { try rules.set.reload(path: path) }

  /// The same by rules that were read already.
  public func replace(by policy: FirewallPolicy) { rules.set.replace(by: policy) }

  /// What it does when.
  public var events: some EventGraph {
    Filter(.frame) { event, packet in
      // Packets of other protocols have no flow to keep a decision in.
      guard let view = event.packet, view.kind == .otherIP || view.kind == .malformed && view.ipLength > 0 else {
        return
      }
      _ = judge(view, view.kind == .otherIP ? .new : .invalid, event, packet)
    }
    Filter(.orphan) { event, packet in
      guard let view = event.packet else { return }
      _ = judge(view, .invalid, event, packet)
    }
    Filter(.packet) { event, packet in
      guard let view = event.packet else { return }
      guard view.isAcceptable else {
        _ = judge(view, .invalid, event, packet)
        return
      }
      let flow = event.flow
      var known = flow[decision]
      if known.generation != rules.set.generation {
        known = judge(view, state(of: flow, view, event), event, packet)
        flow[decision] = known
        if known.action == .pass, view.flags.contains(.syn), !view.flags.contains(.ack), !flow[isHalfOpen] {
          flow[isHalfOpen] = true
          rules.set.halfOpenBegan(from: flow.key.source)
        }
      } else {
        rules.set.count(known, bytes: UInt64(view.ipLength))
        if known.action != .pass { packet.drop() }
      }
      if known.action == .reset { flow.reset() }
    }
    On(.established) { event in endHalfOpen(event.flow) }
    On(.connectionEnd) { event in endHalfOpen(event.flow) }
  }

  private func state(
    of flow: borrowing Flow, _ view: borrowing PacketView, _ event: borrowing Event<PacketPassage>
  ) -> FirewallState {
    if event.isAboutKnownFlow { return .related }
    let record = flow.record
    let isAnswered = record.client.packets > 0 && record.server.packets > 0
    return isAnswered || record.isMidstream ? .established : .new
  }

  /// Asks the rules about a packet, and does what they say.
  private func judge<Kind>(
    _ view: borrowing PacketView, _ state: FirewallState, _ event: borrowing Event<Kind>,
    _ packet: borrowing PacketControl
  ) -> FirewallDecision {
    let decision = rules.set.decide(
      FirewallQuery(key: view.key, sender: event.sender, state: state, time: event.time))
    rules.set.count(decision, bytes: UInt64(view.ipLength))
    if decision.action != .pass { packet.drop() }
    if decision.logs {
      let rule = rules.set.ruleName(of: decision)
      event.report("\(decision.action) \(state): \(rule.map { "rule \"\($0)\"" } ?? "no rule") (\(decision.cause))")
    }
    return decision
  }

  private func endHalfOpen(_ flow: borrowing Flow) {
    guard flow[isHalfOpen] else { return }
    flow[isHalfOpen] = false
    rules.set.halfOpenEnded(from: flow.key.source)
  }
}
