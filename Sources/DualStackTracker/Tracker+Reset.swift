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
      result.towardClient = exactReset(.client, connection)
      result.towardServer = exactReset(.server, connection)
      connection.endpoint(.client).pointee.state = .closed
      connection.endpoint(.server).pointee.state = .closed
    }
    statistics.resetFlows &+= 1
    end(flow, .resetByMiddlebox, packet: packet)
    appendEnded(flow)
    linger(flow, now: record.pointee.lastTimestamp)
    if current.flow == flow {
      // What was not counted when it was sent is when it would be received.
      let isCounted = current.expectation == .none && !current.judgement.course.isTaken
      current.judgement = Judgement(isCounted ? .ignore : .process)
      current.expectation = .none
    }
    return result
  }

  /// What `side` takes as its peer's reset; nil for an end that has no connection.
  private func exactReset(_ side: Side, _ connection: UnsafeMutablePointer<Connection>) -> TCPSegment? {
    let end = connection.endpoint(side)
    if end.pointee.state == .closed || end.pointee.state == .listen { return nil }
    let acknowledgment = end.pointee.knows.contains(.sequence) ? end.pointee.sndNxt.rawValue : 0
    // In SYN_SENT the acknowledgment is what counts (RFC 9293 3.10.7.3).
    guard end.pointee.knows.contains(.expected) else {
      return end.pointee.state == .synSent ? .reset(sequence: 0, acknowledgment: acknowledgment) : nil
    }
    var sequence = end.pointee.rcvNxt
    if end.pointee.knows.contains(.acknowledgedUnseen) {
      sequence = SequenceNumber.later(sequence, end.pointee.acknowledged)
    }
    return .reset(sequence: sequence.rawValue, acknowledgment: acknowledgment)
  }
}
