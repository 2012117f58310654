import MOSCore
import MTCP

/// Packets that reach the receiver otherwise than they were sent.
extension Tracker {
  /// Second step of a packet that was changed behind `send`: the receiver's stack takes `changed`, whose description was
  /// made by `PacketEditor.describe`, in place of `packet`, which was sent. Events are as those of `receive`.
  ///
  /// Needed when TCP's numbers, flags or options or the payload's length changed; where only addresses, ports, time to
  /// live or the values of payload bytes did, `receive(changed)` does the same in less time. The payload bytes of `changed`
  /// are counted, those of `packet` are not.
  public mutating func receive(
    _ changed: UnsafePointer<DecodedPacket>, insteadOf packet: UnsafePointer<DecodedPacket>
  ) {
    events.beginSecondStep()
    let record = current.record
    if packet.pointee.kind == .tcp { judgeAgain(changed, insteadOf: packet) }
    if current.judgement.course != .ignore { receiveSegment(changed) }
    noteStep(record)
    if isMuted(record) { mute(record, .receiver) }
  }

  /// From here on the two ends of `flow` count in different numbers, because somebody between them inserts or removes bytes
  /// of a stream, or shifts its numbers. No effect on a flow that is not an open TCP connection.
  ///
  /// `send` is given each packet with the numbers of its sender, `receive` with those of its receiver: sequence numbers and
  /// SACK blocks translated for it, acknowledgments translated back (`SequenceTranslation`). Each end's variables are in
  /// the end's own numbers then, and what one end does is never compared with the numbers of the other. May be called
  /// between two packets, or between `send` and `receive` of the first one that is translated.
  public mutating func beginTranslation(of flow: UInt32) {
    let record = records.pointer(flow)
    guard record.pointee.end == .none, record.pointee.connection != 0 else { return }
    let connection = connections.pointer(record.pointee.connection)
    guard !connection.pointee.traits.contains(.translated), let state = intervention(of: connection) else { return }
    connection.pointee.traits.insert(.translated)
    connection.pointee.step = .unknown
    for side in [Side.client, .server] {
      state.end(side).pointee.finAhead = connection.endpoint(side).pointee.finSequence
      connection.endpoint(side).pointee.knows.remove(.timing)
    }
    if current.flow == flow, current.expectation != .none {
      current.expectation = .none
      current.judgement = Judgement(.process)
      current.judgement.acknowledges = true
    }
  }

  /// Whether the two ends of the connection count in different numbers.
  @inline(__always)
  func isTranslated(_ connection: UnsafeMutablePointer<Connection>) -> Bool {
    connection.pointee.traits.contains(.translated)
  }

  /// Judges the current packet, which was `original` when it was sent, as its receiver gets it.
  @inline(never)
  mutating func judgeAgain(_ packet: UnsafePointer<DecodedPacket>, insteadOf original: UnsafePointer<DecodedPacket>) {
    var before = current.judgement
    if current.expectation != .none {
      before = Judgement(.process)
      before.acknowledges = true
    }
    current.expectation = .none
    if !before.course.isTaken { statistics.rejectedBytes &-= UInt64(original.pointee.payloadLength) }
    current.judgement = judgeForReceiver(packet, before)
    if !current.judgement.course.isTaken { statistics.rejectedBytes &+= UInt64(packet.pointee.payloadLength) }
  }

  private mutating func judgeForReceiver(
    _ packet: UnsafePointer<DecodedPacket>, _ before: Judgement
  ) -> Judgement {
    guard current.record.pointee.connection != 0, packet.pointee.isAcceptable else { return Judgement(.ignore) }
    let connection = connections.pointer(current.record.pointee.connection)
    let side = current.sender
    let receiver = connection.endpoint(side.peer)
    readOptions(packet)
    var judgement: Judgement
    if packet.pointee.flags.contains(.syn), receiver.pointee.state.rawValue > TCPState.synSent.rawValue {
      // What the receiver makes of it depends on whether it was sent before, which the sender's step has said.
      judgement = before.course == .process || before.course == .doubt ? Judgement(.ignore, .synOnConnection) : before
    } else {
      current.numbersDiffer = isTranslated(connection)
      judgement = judgeAsReceived(packet, connection)
      current.numbersDiffer = false
      // What an end offers is what its peer is told.
      if judgement.course == .open || judgement.course == .answer { readOffers(connection.endpoint(side)) }
    }
    if let anomaly = judgement.anomaly, anomaly != before.anomaly, !packet.pointee.anomalies.contains(anomaly) {
      events.anomaly(anomaly, .receiver, side)
    }
    if before.course == .reset, judgement.course != .reset { noteAbort(connection) }
    if connection.pointee.traits.contains(.aborted(side.peer)), judgement.course == .process {
      judgement.course = .doubt
    }
    if isTranslated(connection), judgement.course.isTaken { timeReceived(packet, receiver) }
    return judgement
  }

  /// Where numbers differ, what an end is sent is timed in its own.
  private mutating func timeReceived(
    _ packet: UnsafePointer<DecodedPacket>, _ receiver: UnsafeMutablePointer<Endpoint>
  ) {
    let end = SequenceNumber(packet.pointee.sequence) + packet.pointee.sequenceLength
    if end.rawValue == packet.pointee.sequence { return }
    let isNew = !receiver.pointee.knows.contains(.expected) || end > receiver.pointee.rcvNxt
    if isNew, !current.wasSentAgain {
      time(receiver, until: end, packet)
    } else {
      receiver.pointee.knows.remove(.timing)
    }
  }
}

/// The place of a FIN that lies ahead of a hole, which counts in its receiver's numbers.
extension Tracker {
  /// The number of `side`'s FIN ahead of a hole.
  mutating func finAhead(of side: Side, _ connection: UnsafeMutablePointer<Connection>) -> SequenceNumber {
    isTranslated(connection)
      ? interventions.pointer(connection.pointee.intervention).end(side).pointee.finAhead
      : connection.endpoint(side).pointee.finSequence
  }

  /// Notes that `side`'s FIN lies ahead of a hole.
  mutating func noteFinAhead(
    of side: Side, at sequence: SequenceNumber, _ connection: UnsafeMutablePointer<Connection>
  ) {
    if isTranslated(connection) {
      interventions.pointer(connection.pointee.intervention).end(side).pointee.finAhead = sequence
    } else {
      connection.endpoint(side).pointee.finSequence = sequence
    }
    connection.endpoint(side).pointee.knows.insert(.finAhead)
  }
}

extension Judgement.Course {
  /// Its payload is counted when the receiver gets it, and not when it is sent.
  var isTaken: Bool { self != .ignore && self != .reset }
}
