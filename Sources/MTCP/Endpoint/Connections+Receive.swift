import MOSCore

/// What arrives (RFC 9293 3.10.7).
extension Connections {
  /// A segment came for a connection. What is to be sent because of it is sent, but for acknowledgments that may wait.
  public mutating func receive<Sink: SegmentSink & ~Copyable>(
    _ connection: UInt32, _ segment: IncomingSegment, at now: Timestamp, into sink: inout Sink
  ) {
    let block = blocks.pointer(connection)
    switch block.pointee.state {
    case .closed, .listen: return
    case .synSent: receiveInSYNSent(connection, segment, at: now, into: &sink)
    default:
      if isTaken(connection, segment, at: now, into: &sink) { take(connection, segment, at: now) }
    }
    if block.pointee.end == nil { transmit(connection, at: now, into: &sink) }
  }

  /// The tests of 3.10.7.4, first to fifth. What fails one is answered here.
  private mutating func isTaken<Sink: SegmentSink & ~Copyable>(
    _ connection: UInt32, _ segment: IncomingSegment, at now: Timestamp, into sink: inout Sink
  ) -> Bool {
    let block = blocks.pointer(connection)
    let isReset = segment.flags.contains(.rst)
    if !isReset, block.pointee.traits.contains(.timestamps), !isTimely(segment, block, at: now) { return false }
    guard
      SegmentAcceptability.isAcceptable(
        sequence: segment.sequence, length: segment.length, rcvNxt: block.pointee.rcvNxt,
        rcvWindow: block.pointee.rcvWnd)
    else {
      if !isReset { answerUnacceptable(segment, block, at: now) }
      return false
    }
    if isReset {
      switch SegmentAcceptability.resetDecision(
        sequence: segment.sequence, rcvNxt: block.pointee.rcvNxt, rcvWindow: block.pointee.rcvWnd)
      {
      case .accept: end(connection, block.pointee.state == .timeWait ? .closed : .reset)
      case .challenge: challenge(block, at: now)
      case .ignore: break
      }
      return false
    }
    if segment.flags.contains(.syn) {
      challenge(block, at: now)
      return false
    }
    guard segment.flags.contains(.ack) else { return false }
    if block.pointee.state == .synReceived {
      guard segment.acknowledgment == block.pointee.sndNxt else {
        sendReset(block, sequence: segment.acknowledgment, now, into: &sink)
        return false
      }
      block.pointee.state = block.pointee.state.after(.ackOfSyn)
      note(.established, connection)
      // What the SYN said was not scaled.
      block.pointee.sndWl1 = segment.sequence - 1
    }
    switch SegmentAcceptability.acknowledgmentDecision(
      acknowledgment: segment.acknowledgment, sndUna: block.pointee.sndUna, sndNxt: block.pointee.sndNxt,
      maximumSendWindow: block.pointee.maximumSendWindow)
    {
    case .new, .duplicate: return true
    case .tooOld, .beyondSent:
      challenge(block, at: now)
      return false
    }
  }

  /// PAWS, and that there is a timestamp where both have agreed on them (RFC 7323 3.2 and 5.3).
  private func isTimely(
    _ segment: IncomingSegment, _ block: UnsafeMutablePointer<TransmissionControlBlock>, at now: Timestamp
  ) -> Bool {
    guard segment.options.hasTimestamp else { return false }
    guard block.pointee.traits.contains(.hasTimestampRecent) else { return true }
    let isStale = now.since(block.pointee.timestampRecentTime) > 24 * 86_400 * 1_000_000_000
    if SegmentAcceptability.failsPAWS(
      value: segment.options.timestampValue, recent: block.pointee.timestampRecent, recentIsStale: isStale)
    {
      noteDuplicate(segment, block)
      block.pointee.traits.insert(.acknowledgesNow)
      return false
    }
    return true
  }

  /// A segment outside of the window is answered with an acknowledgment (3.10.7.4, first).
  private func answerUnacceptable(
    _ segment: IncomingSegment, _ block: UnsafeMutablePointer<TransmissionControlBlock>, at now: Timestamp
  ) {
    noteDuplicate(segment, block)
    if segment.length > 0 {
      block.pointee.traits.insert(.acknowledgesNow)
      // The peer's FIN came again: it has not got our acknowledgment (3.10.7.4, eighth).
      if block.pointee.state == .timeWait, segment.flags.contains(.fin) {
        block.pointee.lifeTime = now.advanced(by: block.pointee.configuration.timeWait)
      }
    } else {
      challenge(block, at: now)
    }
  }

  /// Remembers bytes that have come before (RFC 2883 4).
  private func noteDuplicate(_ segment: IncomingSegment, _ block: UnsafeMutablePointer<TransmissionControlBlock>) {
    guard segment.payloadLength > 0, segment.sequence < block.pointee.rcvNxt else { return }
    let end = SequenceNumber.earlier(segment.sequence + segment.payloadLength, block.pointee.rcvNxt)
    block.pointee.duplicate = (segment.sequence, end)
  }

  /// A challenge ACK (RFC 5961), as many as may be sent.
  private func challenge(_ block: UnsafeMutablePointer<TransmissionControlBlock>, at now: Timestamp) {
    if block.pointee.challenges.admits(at: now) { block.pointee.traits.insert(.acknowledgesNow) }
  }

  /// A segment that passed the tests: its acknowledgment, its bytes, its FIN.
  private mutating func take(_ connection: UInt32, _ segment: IncomingSegment, at now: Timestamp) {
    let block = blocks.pointer(connection)
    if segment.options.hasTimestamp, segment.sequence <= block.pointee.lastAcknowledgment,
      block.pointee.traits.contains(.timestamps),
      !SegmentAcceptability.failsPAWS(value: segment.options.timestampValue, recent: block.pointee.timestampRecent)
    {
      block.pointee.timestampRecent = segment.options.timestampValue
      block.pointee.timestampRecentTime = now
      block.pointee.traits.insert(.hasTimestampRecent)
    }
    block.pointee.keepAlivesSent = 0
    takeAcknowledgment(connection, segment, at: now)
    if block.pointee.end != nil { return }
    if segment.length > 0 { takeText(connection, segment, at: now) }
    setLifeTime(block, at: now)
  }
}
