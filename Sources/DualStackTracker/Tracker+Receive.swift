import MOSCore
import MTCP

extension Tracker {
  /// Second step: the receiver's stack takes the packet. Events of the `.receiver` hook come behind those of `send` in
  /// `events`, from `firstStepCount` on.
  public mutating func receive(_ packet: UnsafePointer<DecodedPacket>) {
    events.beginSecondStep()
    let record = current.record
    let connection = connections.base + Int(record.pointee.connection)
    if current.expectation == .none {
      receiveOther(packet, record, connection)
    } else {
      connection.pointee.step = current.step
      if packet.pointee.tcpHeaderLength == 32 { rememberExpected(packet, current.sender.peer, connection) }
      if current.expectation == .plain {
        receivePlain(packet, current.sender.peer, record, connection)
      } else {
        receiveTurn(packet, current.sender.peer, record, connection)
      }
    }
    if isMuted(record) { mute(record, .receiver) }
  }

  /// The same for all packets but the most usual.
  @inline(__always)
  mutating func receiveOther(
    _ packet: UnsafePointer<DecodedPacket>, _ record: UnsafeMutablePointer<FlowRecord>,
    _ connection: UnsafeMutablePointer<Connection>
  ) {
    if isTranslated(connection) { judgeAgain(packet, insteadOf: packet) }
    if current.judgement.course != .ignore { receiveSegment(packet) }
    noteStep(record)
  }

  /// The same for segments that the receiver looks at.
  @inline(never)
  mutating func receiveSegment(_ packet: UnsafePointer<DecodedPacket>) {
    let record = current.record
    guard record.pointee.connection != 0 else {
      // The flow was reset between the steps.
      statistics.rejectedBytes &+= UInt64(packet.pointee.payloadLength)
      return
    }
    let connection = connections.pointer(record.pointee.connection)
    let side = current.sender.peer
    let sender = connection.endpoint(side.peer)
    let receiver = connection.endpoint(side)
    switch current.judgement.course {
    case .process:
      receiveText(packet, record: record, sender: sender, receiver: receiver)
    case .doubt:
      if revocation.isActive {
        revocation.doubted = packet
      } else {
        keepInDoubt(packet, connection: connection, side: side)
      }
      if let repeats = current.judgement.repeats { noteRetransmission(repeats, side.peer, record) }
      return
    case .open:
      receiveSyn(packet, sender: sender, receiver: receiver, side: side)
    case .answer:
      receiveAnswer(packet, record: record, sender: sender, receiver: receiver, side: side)
    case .reset:
      change(receiver, to: receiver.pointee.state.after(.reset), side, .receiver)
      finish(record, side == .server ? .resetByClient : .resetByServer, packet)
      return
    case .ignore:
      return
    }
    if isClosed(sender), isClosed(receiver) { finish(record, .fin, packet) }
  }

  @inline(__always)
  mutating func isClosed(_ endpoint: UnsafeMutablePointer<Endpoint>) -> Bool {
    endpoint.pointee.state == .timeWait || endpoint.pointee.state == .closed
  }

  /// The flow ended with this packet: `connectionEnd`, and it begins to linger.
  @inline(never)
  mutating func finish(
    _ record: UnsafeMutablePointer<FlowRecord>, _ reason: EndReason, _ packet: UnsafePointer<DecodedPacket>
  ) {
    statistics.closedFlows &+= 1
    // Bytes that were acknowledged and not seen will not come any more.
    let connection = connections.pointer(record.pointee.connection)
    skipUnseen(record: record, connection: connection, side: current.sender)
    skipUnseen(record: record, connection: connection, side: current.sender.peer)
    var event = EventRecord(.connectionEnd, .receiver, current.sender.peer)
    event.code = reason.rawValue
    events.append(event)
    if revocation.isActive {
      conclude(record, reason, packet: packet.pointee.number)
      revocation.ends = true
      revocation.endTime = packet.pointee.clock
      return
    }
    end(current.flow, reason, packet: packet.pointee.number)
    linger(current.flow, now: packet.pointee.clock)
  }

  /// A SYN reaches an end that listens (RFC 9293 3.10.7.2).
  @inline(never)
  mutating func receiveSyn(
    _ packet: UnsafePointer<DecodedPacket>, sender: UnsafeMutablePointer<Endpoint>,
    receiver: UnsafeMutablePointer<Endpoint>, side: Side
  ) {
    receiver.pointee.rcvNxt = SequenceNumber(packet.pointee.sequence) + 1
    receiver.pointee.knows.insert(.expected)
    rememberTimestamp(receiver, sender: sender, packet, force: true)
    change(receiver, to: receiver.pointee.state.after(.receiveSyn), side, .receiver)
    events.append(EventRecord(.connectionStart, .receiver, side))
    takeSynContents(packet, receiver: receiver, side: side)
    if sender.pointee.state == .closed { sender.pointee.state = .synSent }
  }

  /// What a SYN says for good: the largest segment that its sender takes. Text on it belongs to the stream only if its
  /// receiver acknowledges it (RFC 7413 4.2); it waits until then.
  @inline(never)
  private mutating func takeSynContents(
    _ packet: UnsafePointer<DecodedPacket>, receiver: UnsafeMutablePointer<Endpoint>, side: Side
  ) {
    let connection = connections.pointer(current.record.pointee.connection)
    if side == .server {
      connection.pointee.clientSegmentSize = current.options.maximumSegmentSize
    } else {
      connection.pointee.serverSegmentSize = current.options.maximumSegmentSize
    }
    guard packet.pointee.payloadLength > 0 else { return }
    if connection.pointee.traits.contains(.unassembled(side)) {
      statistics.unassembledBytes &+= UInt64(packet.pointee.payloadLength)
      return
    }
    if revocation.isActive {
      saveQueue(receiver, count: packet.pointee.payloadLength, at: receiver.pointee.rcvNxt)
    }
    let result = receiver.pointee.receive.insert(
      packet.pointee.payload, count: packet.pointee.payloadLength, at: receiver.pointee.rcvNxt,
      next: receiver.pointee.rcvNxt, policy: overlapPolicy(of: side, current.record, connection),
      limit: bufferLimit(of: side, connection), pool: &pool)
    statistics.queuedBytes &+= UInt64(result.stored)
    statistics.duplicateBytes &+= UInt64(result.duplicate)
    let overflow = packet.pointee.payloadLength &- min(packet.pointee.payloadLength, result.stored &+ result.duplicate)
    statistics.overflowBytes &+= UInt64(overflow)
  }

  /// A SYN-ACK reaches an end in SYN_SENT, or a SYN crosses its own (RFC 9293 3.10.7.3).
  @inline(never)
  mutating func receiveAnswer(
    _ packet: UnsafePointer<DecodedPacket>, record: UnsafeMutablePointer<FlowRecord>,
    sender: UnsafeMutablePointer<Endpoint>, receiver: UnsafeMutablePointer<Endpoint>, side: Side
  ) {
    receiver.pointee.rcvNxt = SequenceNumber(packet.pointee.sequence) + 1
    receiver.pointee.knows.insert(.expected)
    negotiate(sender, receiver)
    rememberTimestamp(receiver, sender: sender, packet, force: true)
    // The window of this end's SYN, which counts from here.
    receiver.pointee.acknowledged = receiver.pointee.rcvNxt
    if receiver.pointee.knows.contains(.syn) {
      receiver.pointee.rcvEdge = receiver.pointee.rcvNxt + receiver.pointee.maximumWindow
      receiver.pointee.knows.insert(.window)
    }
    takeSynContents(packet, receiver: receiver, side: side)
    guard packet.pointee.flags.contains(.ack) else {
      change(receiver, to: receiver.pointee.state.after(.receiveSyn), side, .receiver)
      return
    }
    receiver.pointee.sndUna = SequenceNumber.later(
      receiver.pointee.sndUna, SequenceNumber(packet.pointee.acknowledgment))
    let crossed = receiver.pointee.state == .synReceived
    if receiver.pointee.state.rawValue <= TCPState.synReceived.rawValue {
      change(receiver, to: receiver.pointee.state.after(.receiveSynAck), side, .receiver)
    }
    // Simultaneous open: each end answers the other's SYN.
    if crossed, sender.pointee.state == .established { establish(record) }
  }

  /// Options count only if both ends offered them (RFC 7323 1.3 and 3.2).
  mutating func negotiate(_ one: UnsafeMutablePointer<Endpoint>, _ other: UnsafeMutablePointer<Endpoint>) {
    guard one.pointee.knows.contains(.syn), other.pointee.knows.contains(.syn) else { return }
    if !one.pointee.knows.contains(.windowScale) || !other.pointee.knows.contains(.windowScale) {
      one.pointee.windowShift = 0
      other.pointee.windowShift = 0
    }
    if !one.pointee.knows.contains(.timestamps) || !other.pointee.knows.contains(.timestamps) {
      one.pointee.knows.remove([.timestamps, .timestampRecent])
      other.pointee.knows.remove([.timestamps, .timestampRecent])
    }
  }

  /// RFC 7323 4.3: the timestamp, unless it is older, of a segment that reaches what was acknowledged last and does not begin
  /// behind it. What lies before the window is refused before its timestamp counts (5.3, R2).
  @inline(__always)
  private mutating func rememberTimestamp(
    _ receiver: UnsafeMutablePointer<Endpoint>, sender: UnsafeMutablePointer<Endpoint>,
    _ packet: UnsafePointer<DecodedPacket>, force: Bool = false
  ) {
    guard current.options.hasTimestamp else { return }
    if !force {
      guard sender.pointee.knows.contains(.timestamps), receiver.pointee.knows.contains(.timestamps) else { return }
      let reference =
        receiver.pointee.knows.contains(.window) ? receiver.pointee.acknowledged : receiver.pointee.rcvNxt
      let sequence = SequenceNumber(packet.pointee.sequence)
      guard sequence <= reference, sequence + packet.pointee.payloadWireLength >= reference else { return }
      if isTimestampOld(packet, receiver: receiver) { return }
    }
    receiver.pointee.remember(current.options.timestampValue, packet.pointee.timestamp)
  }

  /// RFC 9293 3.10.7.4, fifth to eighth: acknowledgment, URG, text, FIN.
  @inline(__always)
  private mutating func receiveText(
    _ packet: UnsafePointer<DecodedPacket>, record: UnsafeMutablePointer<FlowRecord>,
    sender: UnsafeMutablePointer<Endpoint>, receiver: UnsafeMutablePointer<Endpoint>
  ) {
    let side = current.sender.peer
    if !receiver.pointee.knows.contains(.expected) { beginStream(packet, receiver: receiver) }
    rememberTimestamp(receiver, sender: sender, packet)
    if current.judgement.acknowledges {
      receiveAcknowledgment(packet, record: record, sender: sender, receiver: receiver, side: side)
    }
    if packet.pointee.flags.contains(.urg), packet.pointee.payloadLength > 0 || packet.pointee.urgentPointer > 0 {
      receiveUrgent(packet, receiver: receiver, side: side)
    }
    let end = SequenceNumber(packet.pointee.sequence) + packet.pointee.payloadWireLength
    if packet.pointee.payloadLength > 0 {
      receiveData(packet, record: record, sender: sender, receiver: receiver, side: side)
    } else if packet.pointee.payloadWireLength == 0, packet.pointee.flags.rawValue & 0x7 == 0,
      end == receiver.pointee.rcvNxt - 1
    {
      // A keep-alive without the garbage byte (RFC 9293 3.8.4).
      noteRetransmission(.keepAlive, side.peer, record)
    }
    if packet.pointee.flags.contains(.fin) {
      receiveFin(packet, at: end, record: record, sender: sender, receiver: receiver, side: side)
    } else if sender.pointee.knows.contains(.finAhead) {
      takeFinAhead(record: record, sender: sender, receiver: receiver, side: side)
    }
  }

  /// The stream of a flow that is picked up begins with the first byte seen.
  mutating func beginStream(_ packet: UnsafePointer<DecodedPacket>, receiver: UnsafeMutablePointer<Endpoint>) {
    receiver.pointee.rcvNxt = SequenceNumber(packet.pointee.sequence)
    receiver.pointee.acknowledged = receiver.pointee.rcvNxt
    receiver.pointee.knows.insert(.expected)
  }

  @inline(__always)
  private mutating func receiveAcknowledgment(
    _ packet: UnsafePointer<DecodedPacket>, record: UnsafeMutablePointer<FlowRecord>,
    sender: UnsafeMutablePointer<Endpoint>, receiver: UnsafeMutablePointer<Endpoint>, side: Side
  ) {
    let acknowledgment = SequenceNumber(packet.pointee.acknowledgment)
    if acknowledgment <= receiver.pointee.sndNxt {
      receiver.pointee.sndUna = SequenceNumber.later(receiver.pointee.sndUna, acknowledgment)
    }
    if receiver.pointee.state.rawValue <= TCPState.synReceived.rawValue {
      if receiver.pointee.state == .synReceived {
        change(receiver, to: receiver.pointee.state.after(.ackOfSyn), side, .receiver)
        if sender.pointee.state.rawValue >= TCPState.established.rawValue { establish(record) }
      }
      return
    }
    guard receiver.pointee.knows.contains(.finSent), acknowledgment > receiver.pointee.finSequence else { return }
    change(receiver, to: receiver.pointee.state.after(.ackOfFin), side, .receiver)
  }

  /// A FIN: taken when it is next, remembered when a hole lies before it.
  @inline(__always)
  private mutating func receiveFin(
    _ packet: UnsafePointer<DecodedPacket>, at sequence: SequenceNumber, record: UnsafeMutablePointer<FlowRecord>,
    sender: UnsafeMutablePointer<Endpoint>,
    receiver: UnsafeMutablePointer<Endpoint>, side: Side
  ) {
    if receiver.pointee.knows.contains(.finReceived) {
      // With text, the segment has been counted for that.
      if sequence < receiver.pointee.rcvNxt, packet.pointee.payloadLength == 0 {
        noteRetransmission(.fin, side.peer, record)
      }
      return
    }
    if sequence == receiver.pointee.rcvNxt {
      takeFin(sequence, record: record, sender: sender, receiver: receiver, side: side)
    } else if sequence > receiver.pointee.rcvNxt {
      noteFinAhead(of: side.peer, at: sequence, connections.pointer(record.pointee.connection))
      takeFinAhead(record: record, sender: sender, receiver: receiver, side: side)
    }
  }

  /// Takes a FIN that waited for a hole to be filled. Data past it wins: then it was none.
  @inline(never)
  mutating func takeFinAhead(
    record: UnsafeMutablePointer<FlowRecord>, sender: UnsafeMutablePointer<Endpoint>,
    receiver: UnsafeMutablePointer<Endpoint>, side: Side
  ) {
    guard sender.pointee.knows.contains(.finAhead) else { return }
    let sequence = finAhead(of: side.peer, connections.pointer(record.pointee.connection))
    if sequence == receiver.pointee.rcvNxt {
      // Bytes behind the FIN may wait, but nothing at its place.
      if let first = receiver.pointee.receive.firstQueued(pool: pool), first.start == sequence { return }
      sender.pointee.knows.remove(.finAhead)
      takeFin(sequence, record: record, sender: sender, receiver: receiver, side: side)
    } else if sequence < receiver.pointee.rcvNxt {
      sender.pointee.knows.remove(.finAhead)
      events.anomaly(.finNotInOrder, .receiver, side.peer)
    }
  }

  @inline(never)
  private mutating func takeFin(
    _ sequence: SequenceNumber, record: UnsafeMutablePointer<FlowRecord>, sender: UnsafeMutablePointer<Endpoint>,
    receiver: UnsafeMutablePointer<Endpoint>, side: Side
  ) {
    let connection = connections.pointer(record.pointee.connection)
    // It is the last that its sender sent.
    let sent = isTranslated(connection) ? sender.pointee.sndNxt - 1 : sequence
    sendFin(sent, sender: sender, receiver: receiver, side: side.peer, hook: .receiver)
    receiver.pointee.rcvNxt = sequence + 1
    receiver.pointee.knows.insert(.finReceived)
    change(receiver, to: receiver.pointee.state.after(.receiveFin), side, .receiver)
    // The capture can have the acknowledgment of a FIN before the FIN.
    let index = connection.pointee.unconfirmed
    let acknowledgedText =
      index != 0 && unconfirmed.pointer(index).pointee.hasFarAcknowledgment(of: sequence + 1, by: side)
    if acknowledgedText
      || (receiver.pointee.knows.contains(.acknowledgedUnseen) && receiver.pointee.acknowledged > sequence)
    {
      receiver.pointee.knows.remove(.acknowledgedUnseen)
      change(sender, to: sender.pointee.state.after(.ackOfFin), side.peer, .receiver)
    }
  }

  /// Where the urgent byte lies (RFC 9293 3.8.5, as Linux reads it): the pointer counts from 1, and 0 is 1.
  @inline(never)
  private mutating func receiveUrgent(
    _ packet: UnsafePointer<DecodedPacket>, receiver: UnsafeMutablePointer<Endpoint>, side: Side
  ) {
    events.anomaly(.urgentData, .receiver, side.peer)
    if configuration.urgentInline { return }
    let pointer = packet.pointee.urgentPointer == 0 ? 0 : UInt32(packet.pointee.urgentPointer) - 1
    let sequence = SequenceNumber(packet.pointee.sequence) + pointer
    if sequence < receiver.pointee.rcvNxt { return }
    if receiver.pointee.knows.contains(.urgentPending), sequence <= receiver.pointee.urgentSequence { return }
    receiver.pointee.urgentSequence = sequence
    receiver.pointee.knows.insert(.urgentPending)
  }
}
