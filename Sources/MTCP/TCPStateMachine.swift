/// What moves a connection from one state to another (RFC 9293 3.3.2, figure 5, and 3.10). Every event is about one end:
/// it sends or receives. Whether a segment is acceptable is decided before.
@frozen
public enum TCPStateEvent: UInt8, BitwiseCopyable, Sendable, CaseIterable {
  /// OPEN to a given peer: a SYN is sent.
  case activeOpen = 0
  /// OPEN to wait for a peer.
  case passiveOpen
  /// A SYN without ACK was sent.
  case sendSyn
  /// A SYN with ACK was sent.
  case sendSynAck
  /// A SYN without ACK, or one whose ACK does not acknowledge a SYN of ours, was received.
  case receiveSyn
  /// A SYN with an ACK of our SYN was received.
  case receiveSynAck
  /// Our SYN was acknowledged by a segment without SYN.
  case ackOfSyn
  /// A FIN was sent (CLOSE).
  case sendFin
  /// The peer's FIN was received in order.
  case receiveFin
  /// Our FIN was acknowledged.
  case ackOfFin
  /// One segment brought the peer's FIN and acknowledged ours.
  case receiveFinAndAckOfFin
  /// An acceptable RST was received.
  case reset
  /// A RST was sent (ABORT).
  case abort
  /// CLOSE before anything was sent that would need a FIN.
  case closeUnsynchronized
  /// 2 MSL are over.
  case timeWaitExpired
  /// USER TIMEOUT expired (3.10.8).
  case userTimeout
}

extension TCPState {
  /// The state after `event`; the same state where the RFC gives no transition.
  ///
  /// A RST in SYN-RECEIVED ends in CLOSED also after a passive OPEN: a listener is another object than the connections
  /// that come from it, and stays as it is.
  @inlinable @inline(__always) public func after(_ event: TCPStateEvent) -> TCPState {
    switch event {
    case .passiveOpen:
      return self == .closed ? .listen : self
    case .activeOpen, .sendSyn:
      return self == .closed || self == .listen ? .synSent : self
    case .sendSynAck, .receiveSyn:
      // SYN-SENT: simultaneous open. CLOSED: only a listener takes a SYN; one that answers it was listening.
      if self == .listen || self == .synSent { return .synReceived }
      return self == .closed && event == .sendSynAck ? .synReceived : self
    case .receiveSynAck:
      return self == .synSent || self == .synReceived ? .established : self
    case .ackOfSyn:
      return self == .synReceived ? .established : self
    case .sendFin:
      if self == .synReceived || self == .established { return .finWait1 }
      return self == .closeWait ? .lastAck : self
    case .receiveFin:
      return afterReceivedFin
    case .ackOfFin:
      return afterAckOfFin
    case .receiveFinAndAckOfFin:
      return afterAckOfFin.afterReceivedFin
    case .reset, .userTimeout:
      return self == .listen ? .listen : .closed
    case .abort:
      return .closed
    case .closeUnsynchronized:
      return self == .listen || self == .synSent ? .closed : self
    case .timeWaitExpired:
      return self == .timeWait ? .closed : self
    }
  }

  /// `after(.receiveFin)`.
  @inlinable public var afterReceivedFin: TCPState {
    switch self {
    case .synReceived, .established: .closeWait
    case .finWait1: .closing
    case .finWait2: .timeWait
    default: self
    }
  }

  /// `after(.ackOfFin)`.
  @inlinable public var afterAckOfFin: TCPState {
    switch self {
    case .finWait1: .finWait2
    case .closing: .timeWait
    case .lastAck: .closed
    default: self
    }
  }

  /// Whether both ends know each other's sequence numbers (RFC 9293 3.5.1): ESTABLISHED and all later states.
  @inlinable public var isSynchronized: Bool { rawValue >= TCPState.established.rawValue }

  /// Whether in-order data of the peer is still taken (RFC 9293 3.10.7.4, seventh): no FIN has been received.
  @inlinable public var receivesData: Bool { self == .established || self == .finWait1 || self == .finWait2 }
}
