import MOSCore

/// What a firewall does with a packet.
public enum FirewallAction: UInt8, BitwiseCopyable, Sendable, CaseIterable {
  /// It goes on its way.
  case pass
  /// It goes nowhere, and nobody is told.
  case drop
  /// It goes nowhere, and both ends of its TCP connection get a RST. Decided for TCP only.
  case reset
}

/// What connection tracking knows of a packet, in the words of Linux's netfilter.
public enum FirewallState: UInt8, BitwiseCopyable, Sendable, CaseIterable {
  /// It begins a flow.
  case new
  /// Its flow is known and has had an answer, or is picked up in the middle.
  case established
  /// It begins a flow that another flow is the cause of, as an ICMP error is.
  case related
  /// It belongs to no flow and cannot begin one, or no stack would take it.
  case invalid
}

/// What a firewall is asked about a packet.
@frozen
public struct FirewallQuery: BitwiseCopyable, Sendable {
  /// Addresses, ports and protocol as the packet carries them. ICMP has its type as source port (see `FlowKey`).
  public var key: FlowKey
  /// The side of the flow that sent the packet. Rules are written from the client to the server.
  public var sender: Side
  /// What the packet is to its flow.
  public var state: FirewallState
  /// Packet time, of a clock that does not go back. Rate limits run on it.
  public var time: Timestamp

  /// A query from its parts.
  @inlinable public init(key: FlowKey, sender: Side = .client, state: FirewallState = .new, time: Timestamp) {
    self.key = key
    self.sender = sender
    self.state = state
    self.time = time
  }
}

/// What brought a decision about.
public enum FirewallCause: UInt8, BitwiseCopyable, Sendable, CaseIterable {
  /// The first rule that matched.
  case rule
  /// No rule matched.
  case defaultAction
  /// The rule that matched passes so many a second, and this was one more.
  case rateLimit
  /// It would have passed, but there are too many half-open connections.
  case synFlood
}

/// What a firewall decided. It holds for all packets of the flow, until the rules are replaced.
@frozen
public struct FirewallDecision: BitwiseCopyable, Hashable, Sendable {
  /// What to do.
  public var action: FirewallAction
  /// Why.
  public var cause: FirewallCause
  /// Whether it is to be logged.
  public var logs: Bool
  /// The index of the rule that matched, `noRule` if none did.
  public var rule: UInt32
  /// Which load of the rules this was, counted from 1. Another one than the rule set's: they were replaced since.
  public var generation: UInt32

  /// The index where no rule matched.
  @inlinable public static var noRule: UInt32 { .max }

  /// A decision from its parts.
  @inlinable public init(
    action: FirewallAction, cause: FirewallCause, logs: Bool = false, rule: UInt32 = noRule, generation: UInt32 = 0
  ) {
    self.action = action
    self.cause = cause
    self.logs = logs
    self.rule = rule
    self.generation = generation
  }
}
