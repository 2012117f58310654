import MOSCore
import MTCP

extension Tracker {
  /// Of several SYN-ACKs with different ISNs the one counts that the client acknowledges.
  @inline(never)
  mutating func bindAnswer(_ packet: UnsafePointer<DecodedPacket>, connection: UnsafeMutablePointer<Connection>) {
    let side = current.sender
    let sender = connection.endpoint(side)
    let receiver = connection.endpoint(side.peer)
    let state = unconfirmed.pointer(connection.pointee.unconfirmed)
    guard state.pointee.hasOtherAnswer, !isTranslated(connection), receiver.pointee.state == .synReceived,
      packet.pointee.flags.rawValue & 0x16 == TCPFlags.ack.rawValue
    else {
      return
    }
    state.pointee.hasOtherAnswer = false
    let other = state.pointee.otherAnswer
    if packet.pointee.acknowledgment == (other + 1).rawValue {
      receiver.pointee.iss = other
      receiver.pointee.sndNxt = other + 1
      receiver.pointee.sndUna = other + 1
      sender.pointee.rcvNxt = other + 1
      sender.pointee.acknowledged = other + 1
    }
    // The numbers of the answers that do not count are no part of the stream.
    let counters = current.record.counters(side.peer)
    receiver.pointee.observed.begin(at: receiver.pointee.iss, counters)
    counters.pointee.streamBytes = 1
  }

  /// Finds the connection again after more was lost to the capture than a window: text beyond the window counts when
  /// the other end acknowledges it, and an acknowledgment beyond what was sent when the text goes on there.
  ///
  /// One end alone cannot bring this about, so a forged segment does not. Returns whether `packet` is to be judged anew.
  @inline(never)
  mutating func resynchronize(
    _ packet: UnsafePointer<DecodedPacket>, _ anomaly: Anomaly, side: Side,
    connection: UnsafeMutablePointer<Connection>
  ) -> Bool {
    let sequence = SequenceNumber(packet.pointee.sequence)
    let acknowledgment = SequenceNumber(packet.pointee.acknowledgment)
    let sender = connection.endpoint(side)
    let receiver = connection.endpoint(side.peer)
    guard anomaly == .dataOutsideWindow || anomaly == .finNotInOrder || anomaly == .ackBeyondSent,
      !isTranslated(connection), let state = unconfirmedState(of: connection)
    else { return false }
    switch anomaly {
    case .dataOutsideWindow, .finNotInOrder:
      if state.pointee.hasFarAcknowledgment, state.pointee.farSide == side.peer {
        let ahead = sequence.distance(from: state.pointee.farStart)
        if ahead >= 0, UInt32(ahead) <= receiver.pointee.maximumWindow {
          moveOn(sender: sender, receiver: receiver, to: state.pointee.farStart)
          state.pointee.hasFarAcknowledgment = false
          return true
        }
      }
      state.pointee.hasFarAcknowledgment = false
      state.pointee.hasFarText = true
      state.pointee.farSide = side
      state.pointee.farStart = sequence
      state.pointee.farEnd = sequence + packet.pointee.payloadWireLength + 1
    case .ackBeyondSent:
      if state.pointee.hasFarText, state.pointee.farSide == side.peer,
        acknowledgment >= state.pointee.farStart, acknowledgment <= state.pointee.farEnd
      {
        moveOn(sender: receiver, receiver: sender, to: acknowledgment)
        state.pointee.hasFarText = false
        return true
      }
      state.pointee.noteFarAcknowledgment(acknowledgment, side)
    default: break
    }
    return false
  }

  /// What `sender` sent up to `sequence` did not pass here, and `receiver` has it.
  private mutating func moveOn(
    sender: UnsafeMutablePointer<Endpoint>, receiver: UnsafeMutablePointer<Endpoint>, to sequence: SequenceNumber
  ) {
    // Jumps of more than half the sequence space cannot be told from jumps back: the stream goes on at the new place.
    if sequence.distance(from: receiver.pointee.rcvNxt) <= 0 { receiver.pointee.rcvNxt = sequence }
    sender.pointee.sndNxt = sequence
    receiver.pointee.acknowledged = sequence
    receiver.pointee.rcvEdge = sequence + max(receiver.pointee.maximumWindow, 1)
    if receiver.pointee.rcvNxt != sequence { receiver.pointee.knows.insert(.acknowledgedUnseen) }
    receiver.pointee.knows.remove(.timing)
  }
}
