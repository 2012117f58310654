import DualStackTracker

/// A built-in event: `.newData`, `.connectionEnd` ... `Kind` is what its handlers' `Event` is of.
public struct BuiltIn<Kind>: Sendable {
  let trigger: BuiltInTrigger
}

/// Which built-in events a handler hears of.
@usableFromInline
enum BuiltInTrigger: Hashable, Sendable {
  /// An event of the tracker, at the hook that the handler names.
  case atHook(EventKind)
  /// An event of the tracker, whenever it happens.
  case always(EventKind)
  /// Every frame, before its flow is looked up.
  case frame
  /// A frame that belongs to no known flow, before one begins with it.
  case unknownFrame
  /// A flow is released.
  case release
}

extension BuiltIn where Kind == PacketPassage {
  /// A packet of a flow passes: any of TCP, UDP, ICMP.
  public static var packet: Self { Self(trigger: .atHook(.packet)) }
}
extension BuiltIn where Kind == ConnectionStart {
  /// The client entered SYN_SENT (at `.sender`) or the server SYN_RECEIVED (at `.receiver`); a flow that is picked up in
  /// mid-stream has none.
  public static var connectionStart: Self { Self(trigger: .atHook(.connectionStart)) }
}
extension BuiltIn where Kind == Established {
  /// The three-way handshake is complete.
  public static var established: Self { Self(trigger: .always(.established)) }
}
extension BuiltIn where Kind == StateChange {
  /// A side changed its TCP state: the sender's at `.sender`, the receiver's at `.receiver`.
  public static var stateChange: Self { Self(trigger: .atHook(.stateChange)) }
}
extension BuiltIn where Kind == NewData {
  /// In-order bytes became readable.
  public static var newData: Self { Self(trigger: .always(.newData)) }
}
extension BuiltIn where Kind == Retransmission {
  /// A segment brought nothing that its receiver had not received before: at `.receiver`. One that had been dropped on its
  /// way before, so that the receiver has not got it, is a retransmission of its sender's: at `.sender`.
  public static var retransmission: Self { Self(trigger: .atHook(.retransmission)) }
}
extension BuiltIn where Kind == StreamRange {
  /// A segment started beyond the next expected byte.
  public static var outOfOrder: Self { Self(trigger: .always(.outOfOrder)) }
  /// Bytes that will never come were skipped.
  public static var gap: Self { Self(trigger: .always(.gap)) }
  /// The same range came with other bytes.
  public static var overlapConflict: Self { Self(trigger: .always(.overlapConflict)) }
}
extension BuiltIn where Kind == AnomalyFound {
  /// Something that the endpoint ignores, or that a stack never sends.
  public static var anomaly: Self { Self(trigger: .always(.anomaly)) }
}
extension BuiltIn where Kind == Orphan {
  /// A TCP packet without a flow.
  public static var orphan: Self { Self(trigger: .always(.orphan)) }
}
extension BuiltIn where Kind == FrameArrival {
  /// A frame came, of whatever protocol, before its flow is looked up; each frame exactly once.
  public static var frame: Self { Self(trigger: .frame) }
  /// A frame that belongs to no known flow, before one begins with it; and every SYN, which may begin a connection in the
  /// place of a flow. Behind `frame`. A filter of it decides which flows begin, and costs the packets of flows that have
  /// begun next to nothing: those it does not hear of.
  public static var unknownFrame: Self { Self(trigger: .unknownFrame) }
}
extension BuiltIn where Kind == Idle {
  /// Nothing came for the flow's time-out; `connectionEnd` follows.
  public static var idle: Self { Self(trigger: .always(.idle)) }
}
extension BuiltIn where Kind == ConnectionEnd {
  /// The flow ended; exactly once a flow.
  public static var connectionEnd: Self { Self(trigger: .always(.connectionEnd)) }
}
extension BuiltIn where Kind == RecordFinal {
  /// The flow's record is final, once a flow: it has ended, and the time for its late and repeated packets is over.
  /// What `connectionEnd` shows may still grow by these.
  public static var recordFinal: Self { Self(trigger: .release) }
}
