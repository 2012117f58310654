import MOSCore
import MTCP

/// Packets that were sent and go no further.
extension Tracker {
  /// In place of `receive`: the packet that `send` took is dropped, and never reaches the receiver. `events` stays as it
  /// is; there are none of a second step.
  ///
  /// The sender's stack has sent it: it waits for an acknowledgment, and sends it again. That is a `retransmission` of the
  /// `.sender` hook then, and what it carries is new to the receiver, whose side is left as it was. An end whose RST is
  /// dropped is CLOSED, and the flow goes on: what is sent to it is in doubt until it acknowledges it, and if it sends
  /// anything but a RST it is in its old state again, because then somebody else had sent the RST.
  public mutating func drop(_ packet: UnsafePointer<DecodedPacket>) {
    events.markSecondStep()
    dropSent(packet)
  }

  /// The same, whatever `events` are.
  mutating func dropSent(_ packet: UnsafePointer<DecodedPacket>) {
    statistics.droppedPackets &+= 1
    let course = current.expectation == .none ? current.judgement.course : .process
    current.expectation = .none
    current.judgement = Judgement(.ignore)
    guard packet.pointee.kind == .tcp else { return }
    if course.isTaken { statistics.droppedBytes &+= UInt64(packet.pointee.payloadLength) }
    guard current.record.pointee.connection != 0 else { return }
    let connection = connections.pointer(current.record.pointee.connection)
    switch course {
    case .ignore:
      // Its bytes were counted when it was sent, and it changed nothing.
      return
    case .reset:
      noteAbort(connection)
    case .open, .answer, .process, .doubt:
      noteDropped(packet, connection)
    }
  }

  /// Remembers which numbers the current packet's sender will send again.
  private mutating func noteDropped(
    _ packet: UnsafePointer<DecodedPacket>, _ connection: UnsafeMutablePointer<Connection>
  ) {
    let side = current.sender
    let receiver = connection.endpoint(side.peer)
    let start = SequenceNumber(packet.pointee.sequence)
    let end = start + packet.pointee.sequenceLength
    if start == end || hasAll(to: end, connection) { return }
    // It is not acknowledged before it is sent again (Karn's rule).
    receiver.pointee.knows.remove(.timing)
    guard let own = intervention(of: connection)?.end(side) else { return }
    if connection.pointee.traits.contains(.dropped(side)) {
      own.pointee.droppedStart = SequenceNumber.earlier(own.pointee.droppedStart, start)
      own.pointee.droppedEnd = SequenceNumber.later(own.pointee.droppedEnd, end)
    } else {
      connection.pointee.traits.insert(.dropped(side))
      own.pointee.droppedStart = start
      own.pointee.droppedEnd = end
    }
  }

  /// Whether the current packet's receiver is known to have all of its sender's numbers before `end`.
  private func hasAll(to end: SequenceNumber, _ connection: UnsafeMutablePointer<Connection>) -> Bool {
    let receiver = connection.endpoint(current.sender.peer)
    if isTranslated(connection) { return end <= connection.endpoint(current.sender).pointee.sndUna }
    return receiver.pointee.knows.contains(.expected) && end <= receiver.pointee.rcvNxt
  }

  /// The current packet's sender says `retransmission` of what was dropped before, where the receiver has none of it.
  @inline(never)
  mutating func noteSentAgain(
    _ packet: UnsafePointer<DecodedPacket>, _ connection: UnsafeMutablePointer<Connection>
  ) {
    let side = current.sender
    let own = interventions.pointer(connection.pointee.intervention).end(side)
    let receiver = connection.endpoint(side.peer)
    let flags = packet.pointee.flags
    if !flags.contains(.syn), connection.endpoint(side).pointee.sndUna >= own.pointee.droppedEnd {
      connection.pointee.traits.remove(.dropped(side))
      return
    }
    let start = SequenceNumber(packet.pointee.sequence)
    let end = start + packet.pointee.sequenceLength
    guard start != end, start >= own.pointee.droppedStart, end <= own.pointee.droppedEnd,
      isTranslated(connection) || !receiver.pointee.knows.contains(.expected) || start >= receiver.pointee.rcvNxt
    else { return }
    let kind: RetransmissionKind =
      flags.contains(.syn) ? flags.contains(.ack) ? .synAck : .syn : packet.pointee.payloadWireLength > 0 ? .data : .fin
    // Where the text begins, by what its sender has sent.
    let back = UInt64(UInt32(bitPattern: connection.endpoint(side).pointee.sndNxt.distance(from: start))) &+ 1
    let sent = current.record.counters(side).pointee.streamBytes
    let offset = kind == .data && sent >= back ? sent &- back : 0
    noteRetransmission(
      kind, side, current.record, offset: offset, length: kind == .data ? packet.pointee.payloadWireLength : 0,
      hook: .sender)
    current.wasSentAgain = true
  }

  /// The current packet's sender is closed by the RST that it sent, and its peer is not.
  mutating func noteAbort(_ connection: UnsafeMutablePointer<Connection>) {
    let side = current.sender
    if connection.pointee.traits.contains(.aborted(side)) { return }
    guard let own = intervention(of: connection)?.end(side) else { return }
    connection.pointee.traits.insert(.aborted(side))
    own.pointee.stateBeforeReset = current.stateBefore
  }
}

extension DecodedPacket {
  /// SEG.LEN: the numbers that the segment takes, those of SYN and FIN included.
  var sequenceLength: UInt32 {
    payloadWireLength &+ (flags.contains(.syn) ? 1 : 0) &+ (flags.contains(.fin) ? 1 : 0)
  }
}
