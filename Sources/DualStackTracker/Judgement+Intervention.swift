import MOSCore
import MTCP

/// Judging the segments of a connection that was interfered with.
extension Tracker {
  /// The course of `packet` at its sender's step.
  @inline(never)
  mutating func judgeIntervened(
    _ packet: UnsafePointer<DecodedPacket>, _ connection: UnsafeMutablePointer<Connection>
  ) -> Judgement {
    isTranslated(connection) ? judgeAsSent(packet, connection) : judgeAsReceived(packet, connection)
  }

  /// As `judge`, where one of the ends may be closed by a RST that its peer never got.
  mutating func judgeAsReceived(
    _ packet: UnsafePointer<DecodedPacket>, _ connection: UnsafeMutablePointer<Connection>
  ) -> Judgement {
    let side = current.sender
    let sender = connection.endpoint(side)
    let receiver = connection.endpoint(side.peer)
    guard connection.pointee.traits.contains(.aborted(side.peer)) else {
      return judge(packet, sender: sender, receiver: receiver)
    }
    receiver.pointee.state =
      interventions.pointer(connection.pointee.intervention).end(side.peer).pointee
      .stateBeforeReset
    let judgement = judge(packet, sender: sender, receiver: receiver)
    receiver.pointee.state = .closed
    return judgement
  }

  /// Where the receiver counts in other numbers: what the sender's own numbers say of a segment. What the receiver makes
  /// of it is told when it gets it.
  private mutating func judgeAsSent(
    _ packet: UnsafePointer<DecodedPacket>, _ connection: UnsafeMutablePointer<Connection>
  ) -> Judgement {
    let flags = packet.pointee.flags
    let sender = connection.endpoint(current.sender)
    let receiver = connection.endpoint(current.sender.peer)
    if flags.contains(.syn) {
      if flags.contains(.fin) || flags.contains(.rst) { return Judgement(.ignore, .tcpFlagsInvalid) }
      return judgeSynAsSent(packet, sender: sender, receiver: receiver)
    }
    let sequence = SequenceNumber(packet.pointee.sequence)
    let isKnown = sender.pointee.knows.contains(.sequence)
    if flags.contains(.rst) {
      // A stack resets with SND.NXT, or with what it was last acknowledged.
      let isPlausible = !isKnown || (sequence >= sender.pointee.sndUna && sequence <= sender.pointee.sndNxt)
      return isPlausible ? Judgement(.reset) : Judgement(.ignore, .resetOutsideWindow)
    }
    guard flags.contains(.ack) else {
      return Judgement(.ignore, packet.pointee.payloadLength > 0 ? .dataWithoutAck : .tcpFlagsInvalid)
    }
    if isKnown {
      // Nobody sends further than a window beyond what was acknowledged; inserted bytes may have taken some of it.
      let ahead = (sequence + packet.pointee.sequenceLength).distance(from: sender.pointee.sndUna)
      if ahead > 0, UInt32(ahead) > max(receiver.pointee.maximumWindow, 65_535) {
        return Judgement(.ignore, .dataOutsideWindow)
      }
    }
    var judgement = Judgement(.process)
    judgement.acknowledges = true
    guard sender.pointee.knows.rawValue & EndpointTraits.windowAndExpected == EndpointTraits.windowAndExpected else {
      return judgement
    }
    let acknowledgment = SequenceNumber(packet.pointee.acknowledgment)
    if acknowledgment > SequenceNumber.later(sender.pointee.rcvEdge, sender.pointee.rcvNxt) {
      return Judgement(.ignore, .ackBeyondSent)
    }
    let behind = sender.pointee.acknowledged.distance(from: acknowledgment)
    if behind > 0 {
      if UInt32(behind) > sender.pointee.maximumWindow { return Judgement(.ignore, .ackTooOld) }
      judgement.acknowledges = false
    }
    return judgement
  }

  private mutating func judgeSynAsSent(
    _ packet: UnsafePointer<DecodedPacket>, sender: UnsafeMutablePointer<Endpoint>,
    receiver: UnsafeMutablePointer<Endpoint>
  ) -> Judgement {
    let isAnswer = packet.pointee.flags.contains(.ack)
    switch receiver.pointee.state {
    case .closed, .listen: return Judgement(isAnswer ? .answer : .open)
    case .synSent: return Judgement(.answer)
    default: break
    }
    guard sender.pointee.knows.contains(.syn), packet.pointee.sequence == sender.pointee.iss.rawValue else {
      if !sender.pointee.knows.contains(.seen), isAnswer { return Judgement(.answer) }
      return Judgement(.ignore, isAnswer ? .synOnConnection : .synRetransmitWithOtherISN)
    }
    // Simultaneous open: the SYN is sent again, with the acknowledgment of the peer's.
    if isAnswer, receiver.pointee.state == .synReceived, receiver.pointee.knows.contains(.syn),
      sender.pointee.knows.contains(.expected), packet.pointee.acknowledgment == sender.pointee.rcvNxt.rawValue
    {
      return Judgement(.answer)
    }
    var judgement = Judgement(.ignore)
    judgement.repeats = isAnswer ? .synAck : .syn
    return judgement
  }

  /// An end that sends after its RST was dropped did not send the RST.
  mutating func resume(_ judgement: Judgement, _ connection: UnsafeMutablePointer<Connection>) {
    let side = current.sender
    guard connection.pointee.traits.contains(.aborted(side)),
      judgement.course == .process || judgement.course == .doubt
    else { return }
    connection.pointee.traits.remove(.aborted(side))
    let state = interventions.pointer(connection.pointee.intervention).end(side).pointee.stateBeforeReset
    change(connection.endpoint(side), to: state, side, .sender)
  }
}
