import MOSCore
import MTCP

extension Tracker {
  /// Ends a flow as reset from between its ends, and says what to send them: both ends are CLOSED, the reason is
  /// `EndReason.resetByMiddlebox`, and `takeEnded` names the flow. Packets that still come are late packets of it.
  ///
  /// Each segment is in its receiver's own numbers, and exact: its sequence number is the next that the receiver expects
  /// (RFC 5961 3.2), as far as what passed here has reached it; its acknowledgment is all that the receiver sent. So it
  /// counts for what was received before, and has to leave behind it. A packet between its two steps is not received any
  /// more: neither `receive` nor `drop` does anything then. A step that can be undone is confirmed.
  ///
  /// A flow that is not TCP ends too, with nothing to send. Without effect on one that is not open. `packet` is the number
  /// of the packet that brought it about, 0 for none.
  public mutating func reset(_ flow: UInt32, packet: UInt64 = 0) -> FlowReset {
    var result = FlowReset()
    if revocation.flow == flow { confirmReceive() }
    guard isOpen(flow) else { return result }
    let record = records.pointer(flow)
    if record.pointee.connection != 0 {
      let connection = connections.pointer(record.pointee.connection)
      result.towardClient = exactReset(.client, record, connection)
      result.towardServer = exactReset(.server, record, connection)
      connection.endpoint(.client).pointee.state = .closed
      connection.endpoint(.server).pointee.state = .closed
    }
    statistics.resetFlows &+= 1
    end(flow, .resetByMiddlebox, packet: packet)
    appendEnded(flow)
    linger(flow, now: record.pointee.lastClock)
    if current.flow == flow { passOverCurrent() }
    return result
  }

  /// A packet between its two steps is not received any more.
  private mutating func passOverCurrent() {
    // What was not counted when it was sent is when it would be received.
    let isCounted = current.expectation == .none && !current.judgement.course.isTaken
    current.judgement = Judgement(isCounted ? .ignore : .process)
    current.expectation = .none
  }

  /// Resets one end of an open TCP connection from between its ends, and says what to send it, as exact as for both: that
  /// end is CLOSED, and its peer knows nothing of it. What the peer sends on is answered by a RST, which ends the flow when
  /// it passes; if the end does anything else, the reset never reached it, and it is in its old state. Where the peer has
  /// no connection, this is the flow's end, as the reset of both.
  ///
  /// A packet between its two steps counts as sent before and received behind it; a step that can be undone is confirmed.
  /// Returns nil, with nothing done, without an open TCP connection at `side`.
  public mutating func reset(_ side: Side, of flow: UInt32, packet: UInt64 = 0) -> TCPSegment? {
    if revocation.flow == flow { confirmReceive() }
    let record = records.pointer(flow)
    guard let connection = openConnection(flow), let segment = exactReset(side, record, connection) else { return nil }
    let peer = connection.endpoint(side.peer).pointee.state
    guard peer != .closed, peer != .listen, let own = intervention(of: connection)?.end(side) else {
      _ = reset(flow, packet: packet)
      return segment
    }
    let endpoint = connection.endpoint(side)
    own.pointee.stateBeforeReset = endpoint.pointee.state
    connection.pointee.traits.insert(.aborted(side))
    connection.pointee.step = .unknown
    endpoint.pointee.state = .closed
    if current.flow == flow, current.expectation != .none {
      current.expectation = .none
      current.judgement = Judgement(.process)
      current.judgement.acknowledges = true
    }
    if current.flow == flow, current.sender == side.peer {
      if current.judgement.course == .process { current.judgement.course = .doubt }
      if current.judgement.course != .doubt { passOverCurrent() }
    }
    record.counters(side).pointee.state = TCPState.closed.rawValue
    return segment
  }

  /// What `side` takes as its peer's reset; nil for an end that has no connection.
  private func exactReset(
    _ side: Side, _ record: UnsafeMutablePointer<FlowRecord>, _ connection: UnsafeMutablePointer<Connection>
  ) -> TCPSegment? {
    let end = connection.endpoint(side)
    if end.pointee.state == .closed || end.pointee.state == .listen { return nil }
    let acknowledgment = end.pointee.knows.contains(.sequence) ? end.pointee.sndNxt.rawValue : 0
    let view = EndpointView(connection, record, side)
    if let sequence = view.exactNext { return .reset(sequence: sequence, acknowledgment: acknowledgment) }
    // In SYN_SENT the acknowledgment is what counts (RFC 9293 3.10.7.3).
    return end.pointee.state == .synSent ? .reset(sequence: 0, acknowledgment: acknowledgment) : nil
  }
}
