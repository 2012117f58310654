import DualStackTracker
import MOSCore
import MTCP

/// A frame, before its flow is looked up.
public enum FrameArrival {}
/// A packet of a flow.
public enum PacketPassage: FlowEvent {}
/// A side began a connection.
public enum ConnectionStart: FlowEvent {}
/// The three-way handshake is complete.
public enum Established: FlowEvent {}
/// A side changed its state.
public enum StateChange: FlowEvent {}
/// In-order bytes became readable.
public enum NewData: RangeEvent {}
/// A segment that brought nothing new.
public enum Retransmission: RangeEvent {}
/// A range of a stream that is out of order, missing for ever, or there in two versions.
public enum StreamRange: RangeEvent {}
/// Something that the endpoint ignores, or that a stack never sends.
public enum AnomalyFound {}
/// A TCP packet without a flow.
public enum Orphan {}
/// Nothing came for the flow's time-out.
public enum Idle: FlowEvent {}
/// The flow ended.
public enum ConnectionEnd: FlowEvent {}
/// The flow's record is final.
public enum RecordFinal: FlowEvent {}
/// A timer of a flow went off.
public enum FlowTimerExpiry: FlowEvent {}
/// A timer of the middlebox went off.
public enum BoxTimerExpiry {}
/// An event of a middlebox's own.
public enum Raised<Payload>: PayloadEvent {}

extension Event where Kind == ConnectionStart {
  /// The side: the client's entered SYN_SENT, the server's SYN_RECEIVED.
  @inlinable public var side: Side { occurrence.pointee.event.pointee.side }
}

extension Event where Kind == StateChange {
  /// Whose state it is.
  @inlinable public var side: Side { occurrence.pointee.event.pointee.side }
  /// The state before.
  @inlinable public var old: TCPState { TCPState(rawValue: occurrence.pointee.event.pointee.detail) ?? .closed }
  /// The state now.
  @inlinable public var new: TCPState { TCPState(rawValue: occurrence.pointee.event.pointee.code) ?? .closed }
}

extension Event where Kind == NewData {
  /// Gives the new bytes to `body` in their order, in one piece or in several, where they lie.
  public func forEachSpan(_ body: (RawSpan) -> Void) {
    occurrence.pointee.core.pointee.tracker.forEachSpan(of: occurrence.pointee.event.pointee) {
      body(RawSpan(_unsafeBytes: $0))
    }
  }
}

extension Event where Kind == Retransmission {
  /// What was sent again.
  @inlinable public var kind: RetransmissionKind {
    RetransmissionKind(rawValue: occurrence.pointee.event.pointee.code) ?? .data
  }
  /// Whether its bytes differ from those that were sent first, as far as those are still known.
  @inlinable public var bytesDiffer: Bool { occurrence.pointee.event.pointee.detail != 0 }
}

extension Event where Kind == AnomalyFound {
  /// What it is.
  @inlinable public var anomaly: Anomaly { Anomaly(rawValue: occurrence.pointee.event.pointee.code) ?? .frameTruncated }
  /// The flow; `nil` for a packet without one, which has anomalies too.
  @inlinable public var flow: Flow? { occurrence.pointee.flow == 0 ? nil : Flow(occurrence) }
}

extension Event where Kind == RecordFinal {
  /// Why the flow ended.
  @inlinable public var reason: EndReason { occurrence.pointee.record.pointee.end }
}

extension Event where Kind == ConnectionEnd {
  /// Why.
  @inlinable public var reason: EndReason { occurrence.pointee.record.pointee.end }
}

/// Kinds of events that carry something.
public protocol PayloadEvent {
  /// What.
  associatedtype Payload
}

extension Event where Kind: PayloadEvent {
  /// What it carries.
  @inlinable public var payload: Kind.Payload {
    // A pointer to the value that was raised, of this type; none where it takes no bytes.
    guard let payload = occurrence.pointee.payload else { return unsafeBitCast((), to: Kind.Payload.self) }
    return payload.assumingMemoryBound(to: Kind.Payload.self).pointee
  }
  /// The flow in which it was raised. Precondition: `hasFlow`.
  @inlinable public var flow: Flow {
    precondition(hasFlow, "an event that was raised outside of any flow has no flow")
    return Flow(occurrence)
  }
  /// Whether it was raised in the handler of an event that belongs to a flow.
  @inlinable public var hasFlow: Bool { occurrence.pointee.flow != 0 }
}
