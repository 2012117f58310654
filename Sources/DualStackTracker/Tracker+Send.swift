import MOSCore
import MTCP

extension Tracker {
  /// First step: the sender's stack has sent the packet that `lookUp` found a flow for. Events of the `.sender` hook
  /// are in `events`.
  public mutating func send(_ packet: UnsafePointer<DecodedPacket>) {
    events.beginPacket()
    let record = current.record
    let connection = connections.base + Int(record.pointee.connection)
    current.step = connection.pointee.step
    current.expectation = expectation(of: packet, from: current.sender, record, connection)
    if current.expectation == .none, packet.pointee.tcpHeaderLength == 32 {
      current.expectation = timestampedExpectation(of: packet, from: current.sender, record, connection)
    }
    switch current.expectation {
    case .plain: sendPlain(packet, current.sender, record, connection)
    case .turn: sendTurn(packet, current.sender, record, connection)
    case .none: sendOther(packet)
    }
    connection.pointee.step = .unknown
    if isMuted(record) { mute(record, .sender) }
  }

  /// The same for all packets but the most usual.
  @inline(never)
  mutating func sendOther(_ packet: UnsafePointer<DecodedPacket>) {
    let record = current.record
    let own = record.counters(current.sender)
    own.pointee.packets &+= 1
    own.pointee.ipBytes &+= UInt64(packet.pointee.ipLength)
    if record.pointee.end == .none { record.noteTime(of: packet) }
    if packet.pointee.anomalies.rawValue != 0 {
      reportPacketAnomalies(packet, hook: .sender, side: current.sender)
    }
    if packet.pointee.kind == .tcp {
      sendSegment(packet, record: record)
    } else {
      current.judgement = Judgement(.ignore)
      own.pointee.streamBytes &+= UInt64(packet.pointee.payloadWireLength)
    }
  }

  /// Reads the packet's options into `current`.
  @inline(__always)
  mutating func readOptions(_ packet: UnsafePointer<DecodedPacket>) {
    let length = Int(packet.pointee.tcpHeaderLength) &- 20
    if length > 0 {
      current.options = TCPOptions(packet.pointee.transport + 20, length: length)
      current.hasOptions = true
    } else if current.hasOptions {
      current.options = TCPOptions()
      current.hasOptions = false
    }
  }

  /// Takes what the options in `current` offer on a SYN of `sender`.
  mutating func readOffers(_ sender: UnsafeMutablePointer<Endpoint>) {
    sender.pointee.windowShift = current.options.windowScale != 255 ? current.options.windowScale : 0
    sender.pointee.set(.windowScale, current.options.windowScale != 255)
    sender.pointee.set(.timestamps, current.options.hasTimestamp)
    sender.pointee.set(.sack, current.options.sackPermitted)
  }

  /// One event for each anomaly that the decoder saw.
  @inline(never)
  mutating func reportPacketAnomalies(_ packet: UnsafePointer<DecodedPacket>, hook: Hook, side: Side) {
    var bits = packet.pointee.anomalies.rawValue
    while bits != 0 {
      let bit = UInt8(truncatingIfNeeded: bits.trailingZeroBitCount)
      bits &= bits &- 1
      if let anomaly = Anomaly(rawValue: bit) { events.anomaly(anomaly, hook, side) }
    }
  }

  @inline(__always)
  private mutating func sendSegment(_ packet: UnsafePointer<DecodedPacket>, record: UnsafeMutablePointer<FlowRecord>) {
    let side = current.sender
    guard record.pointee.connection != 0 else {
      current.judgement = Judgement(.ignore)
      sendOnClosed(packet, record: record)
      return
    }
    let connection = connections.pointer(record.pointee.connection)
    let sender = connection.endpoint(side)
    let receiver = connection.endpoint(side.peer)
    if !packet.pointee.isAcceptable {
      current.judgement = Judgement(.ignore)
      statistics.rejectedBytes &+= UInt64(packet.pointee.payloadLength)
      if packet.pointee.anomalies.contains(.tcpChecksumInvalid) || packet.pointee.anomalies.contains(.ipChecksumInvalid)
      {
        Observer.scaled(&sender.pointee.observed.checksumErrors, 0x43, side, &record.pointee.history)
      }
      return
    }
    readOptions(packet)
    if current.options.isMalformed { events.anomaly(.tcpOptionInvalid, .sender, side) }
    if connection.pointee.unconfirmed != 0 { bindAnswer(packet, connection: connection) }
    let isPlain = connection.pointee.traits.rawValue == 0
    var judgement =
      isPlain ? judge(packet, sender: sender, receiver: receiver) : judgeIntervened(packet, connection)
    if judgement.course == .ignore, let anomaly = judgement.anomaly,
      resynchronize(packet, anomaly, side: side, connection: connection)
    {
      judgement = judge(packet, sender: sender, receiver: receiver)
    }
    current.wasSentAgain = false
    if !isPlain { resume(judgement, connection) }
    current.judgement = judgement
    // The decoder may have said the same of the control bits.
    if let anomaly = judgement.anomaly, !packet.pointee.anomalies.contains(anomaly) {
      events.anomaly(anomaly, .sender, side)
    }
    noteTimeToLive(packet, sender: sender)
    switch judgement.course {
    case .process, .doubt:
      Observer.observe(packet, from: side, record: record, connection: connection)
      sendText(packet, judgement, record: record, connection: connection)
      if connection.pointee.traits.contains(.aborted(side.peer)) { current.judgement.course = .doubt }
    case .open, .answer:
      Observer.observe(packet, from: side, record: record, connection: connection)
      sendSyn(packet, record: record, connection: connection)
    case .reset:
      // What a RST carries is no part of the stream.
      statistics.rejectedBytes &+= UInt64(packet.pointee.payloadLength)
      Observer.observe(packet, from: side, record: record, connection: connection)
      current.stateBefore = sender.pointee.state
      change(sender, to: sender.pointee.state.after(.abort), side, .sender)
    case .ignore:
      sendIgnored(packet, judgement, record: record, connection: connection)
    }
  }

  /// What the receiver's stack throws away: it changes no state, but it was sent.
  @inline(never)
  private mutating func sendIgnored(
    _ packet: UnsafePointer<DecodedPacket>, _ judgement: Judgement, record: UnsafeMutablePointer<FlowRecord>,
    connection: UnsafeMutablePointer<Connection>
  ) {
    let side = current.sender
    statistics.rejectedBytes &+= UInt64(packet.pointee.payloadLength)
    if let repeats = judgement.repeats {
      Observer.observe(packet, from: side, record: record, connection: connection)
      noteRetransmission(repeats, side, record)
      connection.endpoint(side.peer).pointee.knows.remove(.timing)
      return
    }
    if judgement.anomaly == nil { Observer.observe(packet, from: side, record: record, connection: connection) }
    if judgement.anomaly == .resetNotExact { record.pointee.traits.insert(.suspect) }
    if packet.pointee.flags.contains(.syn), !packet.pointee.flags.contains(.fin), !packet.pointee.flags.contains(.rst),
      !packet.pointee.flags.contains(.ack)
    {
      noteCandidate(packet, side: side, connection: connection)
    }
  }

  /// Late and repeated packets of a closed flow are counted in it and change nothing but the observer's view.
  @inline(never)
  private mutating func sendOnClosed(_ packet: UnsafePointer<DecodedPacket>, record: UnsafeMutablePointer<FlowRecord>) {
    let side = current.sender
    statistics.rejectedBytes &+= UInt64(packet.pointee.payloadLength)
    guard packet.pointee.isAcceptable else { return }
    if packet.pointee.payloadLength > 0 {
      let reset = record.pointee.end.isReset
      events.anomaly(reset ? .dataAfterReset : .dataAfterFin, .sender, side)
    }
    Observer.observe(packet, from: side, record: record, connection: nil)
  }

  @inline(__always)
  private mutating func noteTimeToLive(_ packet: UnsafePointer<DecodedPacket>, sender: UnsafeMutablePointer<Endpoint>) {
    let last = sender.pointee.timeToLive
    if last == packet.pointee.timeToLive { return }
    sender.pointee.timeToLive = packet.pointee.timeToLive
    // A route can change; a packet made to die on the way to the receiver looks like this too.
    if last != 0, last > packet.pointee.timeToLive, last &- packet.pointee.timeToLive > 4 {
      events.anomaly(.timeToLiveChanged, .sender, current.sender)
    }
  }

  @inline(never)
  mutating func noteRetransmission(
    _ kind: RetransmissionKind, _ side: Side, _ record: UnsafeMutablePointer<FlowRecord>, offset: UInt64 = 0,
    length: UInt32 = 0, differs: Bool = false, hook: Hook = .receiver
  ) {
    if current.wasSentAgain { return }
    record.counters(side).pointee.retransmits &+= 1
    var event = EventRecord(.retransmission, hook, side.peer)
    event.code = kind.rawValue
    event.detail = differs ? 1 : 0
    event.offset = offset
    event.length = UInt64(length)
    events.append(event)
  }

  /// Sets a side's state and says so, once a change.
  @inline(__always)
  mutating func change(
    _ endpoint: UnsafeMutablePointer<Endpoint>, to state: TCPState, _ side: Side, _ hook: Hook
  ) {
    let old = endpoint.pointee.state
    if old == state { return }
    endpoint.pointee.state = state
    current.record.counters(side).pointee.state = state.rawValue
    events.append(EventRecord(hook, side, from: old, to: state))
  }

  /// The sender opens: SYN, or SYN-ACK.
  @inline(never)
  private mutating func sendSyn(
    _ packet: UnsafePointer<DecodedPacket>, record: UnsafeMutablePointer<FlowRecord>,
    connection: UnsafeMutablePointer<Connection>
  ) {
    let side = current.sender
    let sender = connection.endpoint(side)
    let receiver = connection.endpoint(side.peer)
    let sequence = SequenceNumber(packet.pointee.sequence)
    let first = !sender.pointee.knows.contains(.syn)
    if packet.pointee.flags.contains(.ack), !first, sequence != sender.pointee.iss {
      // Several answers: the last one, until the client says which it took.
      if let state = unconfirmedState(of: connection) {
        state.pointee.otherAnswer = sender.pointee.iss
        state.pointee.hasOtherAnswer = true
      }
    }
    sender.pointee.iss = sequence
    sender.pointee.sndNxt = sequence + 1 + packet.pointee.payloadWireLength
    sender.pointee.sndUna = sequence + 1
    if current.options.hasMD5, !sender.pointee.knows.contains(.seen) { sender.pointee.knows.insert(.signs) }
    sender.pointee.knows.insert([.syn, .seen, .sequence])
    if record.pointee.traits.contains(.established) { promote(record) }
    readOffers(sender)
    sender.pointee.maximumWindow = UInt32(packet.pointee.window)
    if packet.pointee.payloadLength > 0 { events.anomaly(.synWithData, .sender, side) }
    if connection.pointee.traits.contains(.dropped(side)) { noteSentAgain(packet, connection) }
    if !isTranslated(connection) { time(receiver, until: sequence + 1, packet) }
    if packet.pointee.flags.contains(.ack) {
      let acknowledgment = SequenceNumber(packet.pointee.acknowledgment)
      if !receiver.pointee.knows.contains(.seen) { inferSyn(receiver, acknowledgment: acknowledgment, side: side.peer) }
      sendAcknowledgment(packet, acknowledgment, record: record, connection: connection)
      dropUnanswered(sender, acknowledgment: acknowledgment)
      if sender.pointee.state.rawValue < TCPState.synReceived.rawValue {
        change(sender, to: sender.pointee.state.after(.sendSynAck), side, .sender)
        events.append(EventRecord(.connectionStart, .sender, side))
      }
    } else {
      if first, side == .client {
        events.append(EventRecord(.connectionStart, .sender, side))
      }
      // An end that has the peer's SYN and sends one without ACK had sent it before: simultaneous open.
      change(sender, to: sender.pointee.state.after(.sendSyn), side, .sender)
      if receiver.pointee.state == .closed {
        receiver.pointee.state = .listen
        record.counters(side.peer).pointee.state = TCPState.listen.rawValue
      }
    }
  }

  /// A segment without SYN and RST: what its sending says of the sender.
  @inline(__always)
  private mutating func sendText(
    _ packet: UnsafePointer<DecodedPacket>, _ judgement: Judgement, record: UnsafeMutablePointer<FlowRecord>,
    connection: UnsafeMutablePointer<Connection>
  ) {
    let side = current.sender
    let sender = connection.endpoint(side)
    let receiver = connection.endpoint(side.peer)
    let sequence = SequenceNumber(packet.pointee.sequence)
    if !sender.pointee.knows.contains(.seen) { inferMidstream(packet, sender: sender, receiver: receiver, side: side) }
    if sender.pointee.state.rawValue <= TCPState.synReceived.rawValue {
      inferHandshake(packet, record: record, connection: connection)
    }
    if judgement.acknowledges {
      sendAcknowledgment(packet, SequenceNumber(packet.pointee.acknowledgment), record: record, connection: connection)
    }
    var length = packet.pointee.payloadWireLength
    if packet.pointee.flags.contains(.fin) { length &+= 1 }
    if judgement.course == .doubt {
      // The peer's acknowledgment of it, which settles the doubt, is then one of bytes that were sent.
      sender.pointee.sndNxt = SequenceNumber.later(sender.pointee.sndNxt, sequence + length)
      if judgement.anomaly == .ackBeyondSent, let state = unconfirmedState(of: connection) {
        state.pointee.noteFarAcknowledgment(SequenceNumber(packet.pointee.acknowledgment), side)
      }
      return
    }
    if length == 0 { return }
    let end = sequence + length
    let inOrder = sequence <= sender.pointee.sndNxt
    if end > sender.pointee.sndNxt {
      if inOrder, !isTranslated(connection) { time(receiver, until: end, packet) }
      sender.pointee.sndNxt = end
    } else {
      // Karn's rule: what was sent twice is not timed.
      receiver.pointee.knows.remove(.timing)
      if connection.pointee.traits.contains(.dropped(side)) { noteSentAgain(packet, connection) }
    }
    // Where the receiver's numbers do not tell, the sender's do.
    let isNext =
      connection.pointee.traits.isDisjoint(with: [.translated, .aborted(side.peer)])
      ? end - 1 == nextAfter(packet, receiver) : inOrder
    if packet.pointee.flags.contains(.fin), isNext || sender.pointee.knows.contains(.finSent) {
      sendFin(end - 1, sender: sender, receiver: receiver, side: side, hook: .sender)
    }
  }

  /// RCV.NXT after this segment's text, if that is in order.
  @inline(__always)
  private mutating func nextAfter(
    _ packet: UnsafePointer<DecodedPacket>, _ receiver: UnsafeMutablePointer<Endpoint>
  ) -> SequenceNumber {
    let end = SequenceNumber(packet.pointee.sequence) + packet.pointee.payloadLength
    guard receiver.pointee.knows.contains(.expected) else { return end }
    let inOrder = SequenceNumber(packet.pointee.sequence) <= receiver.pointee.rcvNxt && end >= receiver.pointee.rcvNxt
    return inOrder ? end : receiver.pointee.rcvNxt
  }

  /// The sender's FIN, in order.
  @inline(never)
  mutating func sendFin(
    _ sequence: SequenceNumber, sender: UnsafeMutablePointer<Endpoint>, receiver: UnsafeMutablePointer<Endpoint>,
    side: Side, hook: Hook
  ) {
    if sender.pointee.knows.contains(.finSent) { return }
    sender.pointee.knows.remove(.finAhead)
    leave(sequence, sender, receiver: receiver, side, hook)
  }

  /// The sender closes with its first FIN, at `sequence`.
  @inline(__always)
  mutating func leave(
    _ sequence: SequenceNumber, _ sender: UnsafeMutablePointer<Endpoint>, receiver: UnsafeMutablePointer<Endpoint>,
    _ side: Side, _ hook: Hook
  ) {
    sender.pointee.knows.insert(.finSent)
    sender.pointee.finSequence = sequence
    // A FIN that does not acknowledge the peer's was sent before that arrived: simultaneous close.
    let crossed = sender.pointee.state == .closeWait && sender.pointee.acknowledged < sender.pointee.rcvNxt
    change(sender, to: crossed ? .closing : sender.pointee.state.after(.sendFin), side, hook)
  }

  /// The acknowledgment and window that a side sends: how far its own receiving went.
  @inline(__always)
  private mutating func sendAcknowledgment(
    _ packet: UnsafePointer<DecodedPacket>, _ acknowledgment: SequenceNumber, record: UnsafeMutablePointer<FlowRecord>,
    connection: UnsafeMutablePointer<Connection>
  ) {
    let side = current.sender
    let sender = connection.endpoint(side)
    // The window of a SYN-ACK is not scaled (RFC 7323 2.2).
    let shift = packet.pointee.flags.contains(.syn) ? 0 : sender.pointee.windowShift
    let window = UInt32(packet.pointee.window) &<< UInt32(shift)
    if window > sender.pointee.maximumWindow { sender.pointee.maximumWindow = window }
    let edge = acknowledgment + window
    if !sender.pointee.knows.contains(.window) || edge > sender.pointee.rcvEdge {
      sender.pointee.rcvEdge = edge
      sender.pointee.knows.insert(.window)
    }
    takeTime(sender, record.counters(side), acknowledgment, packet)
    let receiver = connection.endpoint(side.peer)
    if !receiver.pointee.knows.contains(.seen), acknowledgment > receiver.pointee.sndNxt, !isTranslated(connection) {
      receiver.pointee.sndNxt = acknowledgment
    }
    guard sender.pointee.knows.contains(.expected) else { return }
    if acknowledgment > sender.pointee.rcvNxt {
      acknowledgeUnseen(acknowledgment, record: record, connection: connection, side: side)
    }
    sender.pointee.acknowledged = acknowledgment
    sender.pointee.retained.release(below: acknowledgment, blocks: &retainedBlocks)
  }

  /// Both ends are past the handshake.
  @inline(never)
  mutating func establish(_ record: UnsafeMutablePointer<FlowRecord>) {
    if record.pointee.traits.contains(.established) { return }
    record.pointee.traits.insert(.established)
    record.pointee.traits.remove(.halfOpen)
    promote(record)
    events.append(EventRecord(.established, .receiver, .server))
  }

  /// A flow of which both ends were seen, past the handshake, is among the last to be evicted.
  mutating func promote(_ record: UnsafeMutablePointer<FlowRecord>) {
    let connection = connections.pointer(record.pointee.connection)
    guard !record.pointee.traits.contains(.halfOpen), connection.pointee.client.knows.contains(.seen),
      connection.pointee.server.knows.contains(.seen)
    else { return }
    if revocation.isActive {
      revocation.promotes = true
    } else {
      ages.append(current.flow, class: AgeClass.established)
    }
  }
}
