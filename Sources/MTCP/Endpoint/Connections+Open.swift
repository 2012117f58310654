import MOSCore

/// How connections begin.
extension Connections {
  /// Opens a connection (OPEN, active): sends a SYN. Returns its number; 0 where there is no room.
  ///
  /// - Parameters:
  ///   - key: addresses and ports of the segments that leave.
  ///   - iss: the initial sequence number (`InitialSequenceNumbers`).
  public mutating func open<Sink: SegmentSink & ~Copyable>(
    _ key: FlowKey, _ configuration: ConnectionConfiguration = ConnectionConfiguration(), iss: SequenceNumber,
    at now: Timestamp, into sink: inout Sink
  ) -> UInt32 {
    let connection = begin(key, configuration, iss: iss)
    guard connection != 0 else { return 0 }
    let block = blocks.pointer(connection)
    if configuration.usesTimestamps { block.pointee.traits.insert(.timestamps) }
    if configuration.usesSACK { block.pointee.traits.insert(.selectiveAcknowledgments) }
    if configuration.usesWindowScale { block.pointee.traits.insert(.windowScale) }
    block.pointee.state = block.pointee.state.after(.activeOpen)
    sendSYN(connection, at: now, into: &sink)
    return connection
  }

  /// Answers a SYN that came to a listener: sends a SYN-ACK. Returns the connection's number; 0 where there is no room. `key` is of
  /// the segments that leave.
  public mutating func accept<Sink: SegmentSink & ~Copyable>(
    _ syn: IncomingSegment, _ key: FlowKey, _ configuration: ConnectionConfiguration = ConnectionConfiguration(),
    iss: SequenceNumber, at now: Timestamp, into sink: inout Sink
  ) -> UInt32 {
    let connection = begin(key, configuration, iss: iss)
    guard connection != 0 else { return 0 }
    let block = blocks.pointer(connection)
    block.pointee.state = .listen
    takeOffer(of: syn, block, at: now)
    block.pointee.state = block.pointee.state.after(.receiveSyn)
    sendSYN(connection, at: now, into: &sink)
    return connection
  }

  private mutating func begin(
    _ key: FlowKey, _ configuration: ConnectionConfiguration, iss: SequenceNumber
  ) -> UInt32 {
    let connection = blocks.allocate()
    guard connection != 0 else { return 0 }
    let block = blocks.pointer(connection)
    block.initialize(to: TransmissionControlBlock(key, configuration))
    block.pointee.iss = iss
    block.pointee.sndUna = iss
    block.pointee.sndNxt = iss
    block.pointee.recoveryPoint = iss
    if configuration.usesWindowScale { block.pointee.receiveScale = configuration.windowScale }
    return connection
  }

  private mutating func sendSYN<Sink: SegmentSink & ~Copyable>(
    _ connection: UInt32, at now: Timestamp, into sink: inout Sink
  ) {
    let block = blocks.pointer(connection)
    guard block.pointee.sent.append(block.pointee.iss, length: 1, at: now, segments: &segments) != 0 else {
      return end(connection, .aborted)
    }
    block.pointee.sndNxt = block.pointee.iss + 1
    block.pointee.waitingSince = now
    send(block, at: block.pointee.iss, payload: 0, flags: .syn, now, into: &sink)
    arm(connection, at: now, hasProgress: true)
  }

  /// What the peer's SYN offers, as far as it was asked for or is taken (RFC 7323 2.2 and 3.2, RFC 2018 2).
  private func takeOffer(
    of syn: IncomingSegment, _ block: UnsafeMutablePointer<TransmissionControlBlock>, at now: Timestamp
  ) {
    let configuration = block.pointee.configuration
    let options = syn.options
    block.pointee.irs = syn.sequence
    block.pointee.rcvNxt = syn.sequence + 1
    block.pointee.rcvEdge = block.pointee.rcvNxt
    block.pointee.lastAcknowledgment = block.pointee.rcvNxt
    // The path may be worse than the peer says, and what it says may be nonsense: no less than IPv4's least (RFC 9293 3.7.1).
    let offered = options.maximumSegmentSize == 0 ? 536 : max(options.maximumSegmentSize, 64)
    block.pointee.sendMaximumSegmentSize = UInt32(min(offered, configuration.maximumSegmentSize))
    block.pointee.congestion = Cubic(maximumSegmentSize: block.pointee.sendMaximumSegmentSize)
    if configuration.usesWindowScale, options.windowScale <= 14 {
      block.pointee.traits.insert(.windowScale)
      block.pointee.sendScale = options.windowScale
    } else {
      block.pointee.traits.remove(.windowScale)
      block.pointee.receiveScale = 0
    }
    if configuration.usesSACK, options.sackPermitted {
      block.pointee.traits.insert(.selectiveAcknowledgments)
    } else {
      block.pointee.traits.remove(.selectiveAcknowledgments)
    }
    if configuration.usesTimestamps, options.hasTimestamp {
      block.pointee.traits.insert([.timestamps, .hasTimestampRecent])
      block.pointee.timestampRecent = options.timestampValue
      block.pointee.timestampRecentTime = now
    } else {
      block.pointee.traits.remove(.timestamps)
    }
    block.pointee.sndWnd = UInt32(syn.window)
    block.pointee.maximumSendWindow = UInt32(syn.window)
    block.pointee.sndWl1 = syn.sequence
    block.pointee.sndWl2 = syn.acknowledgment
    openWindow(block, always: true)
  }

  /// A segment in SYN-SENT (RFC 9293 3.10.7.3).
  mutating func receiveInSYNSent<Sink: SegmentSink & ~Copyable>(
    _ connection: UInt32, _ segment: IncomingSegment, at now: Timestamp, into sink: inout Sink
  ) {
    let block = blocks.pointer(connection)
    let hasAcknowledgment = segment.flags.contains(.ack)
    if hasAcknowledgment, segment.acknowledgment != block.pointee.sndNxt {
      if !segment.flags.contains(.rst) { sendReset(block, sequence: segment.acknowledgment, now, into: &sink) }
      return
    }
    if segment.flags.contains(.rst) {
      if hasAcknowledgment { end(connection, .refused) }
      return
    }
    guard segment.flags.contains(.syn) else { return }
    takeOffer(of: segment, block, at: now)
    if hasAcknowledgment {
      block.pointee.state = block.pointee.state.after(.receiveSynAck)
      takeAcknowledgment(connection, segment, at: now)
      note(.established, connection)
      setLifeTime(block, at: now)
      block.pointee.traits.insert(.acknowledgesNow)
    } else {
      // Both have opened it: our SYN is sent again, with the acknowledgment of theirs.
      block.pointee.state = block.pointee.state.after(.receiveSyn)
      _ = block.pointee.sent.loseFirst(segments: segments)
    }
  }
}
