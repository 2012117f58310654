import MOSCore
import MTCP

/// What packets that were not seen must have said.
extension Tracker {
  /// A SYN-ACK tells of a SYN that did not pass here.
  mutating func inferSyn(
    _ receiver: UnsafeMutablePointer<Endpoint>, acknowledgment: SequenceNumber, side: Side
  ) {
    receiver.pointee.iss = acknowledgment - 1
    receiver.pointee.sndNxt = acknowledgment
    receiver.pointee.sndUna = acknowledgment
    receiver.pointee.knows.insert(.sequence)
    receiver.pointee.windowShift = Endpoint.widestShift
    let sender = connections.pointer(records.pointer(current.flow).pointee.connection).endpoint(side.peer)
    sender.pointee.rcvNxt = acknowledgment
    sender.pointee.knows.insert(.expected)
    receiver.pointee.state = .synSent
  }

  /// Text on a SYN that the SYN-ACK does not acknowledge is thrown away, and sent again.
  @inline(never)
  mutating func dropUnanswered(_ sender: UnsafeMutablePointer<Endpoint>, acknowledgment: SequenceNumber) {
    guard acknowledgment == sender.pointee.rcvNxt, sender.pointee.receive.hasQueued else { return }
    let dropped = UInt64(sender.pointee.receive.queuedBytes)
    statistics.queuedBytes &-= dropped
    statistics.rejectedBytes &+= dropped
    sender.pointee.receive.dropQueued(pool: &pool)
  }

  /// The first packet of a side whose SYN was not seen.
  @inline(never)
  mutating func inferMidstream(
    _ packet: UnsafePointer<DecodedPacket>, sender: UnsafeMutablePointer<Endpoint>,
    receiver: UnsafeMutablePointer<Endpoint>, side: Side
  ) {
    if current.options.hasMD5 { sender.pointee.knows.insert(.signs) }
    sender.pointee.knows.insert([.seen, .sequence])
    promote(records.pointer(current.flow))
    if sender.pointee.sndNxt == SequenceNumber(0), sender.pointee.iss == SequenceNumber(0) {
      let sequence = SequenceNumber(packet.pointee.sequence)
      sender.pointee.iss = sequence - 1
      sender.pointee.sndNxt = sequence
      sender.pointee.sndUna = sequence
    }
    if !sender.pointee.knows.contains(.syn) { sender.pointee.windowShift = Endpoint.widestShift }
    if sender.pointee.state == .closed || sender.pointee.state == .listen {
      change(sender, to: .established, side, .sender)
    }
    if receiver.pointee.state == .closed || receiver.pointee.state == .listen {
      receiver.pointee.windowShift = Endpoint.widestShift
      change(receiver, to: .established, side.peer, .sender)
    }
    if receiver.pointee.state == .synSent, !isTranslated(connections.pointer(current.record.pointee.connection)) {
      // Its SYN-ACK was lost to the capture.
      receiver.pointee.rcvNxt = SequenceNumber(packet.pointee.sequence)
      receiver.pointee.knows.insert(.expected)
      change(receiver, to: .established, side.peer, .sender)
    }
  }

  /// An end that sends text has finished its part of the handshake, whether or not all of it passed here.
  @inline(never)
  mutating func inferHandshake(
    _ packet: UnsafePointer<DecodedPacket>, record: UnsafeMutablePointer<FlowRecord>,
    connection: UnsafeMutablePointer<Connection>
  ) {
    let side = current.sender
    let sender = connection.endpoint(side)
    let peer = connection.endpoint(side.peer)
    if sender.pointee.state == .synSent {
      let acknowledgment = SequenceNumber(packet.pointee.acknowledgment)
      if peer.pointee.receive.hasQueued, !isTranslated(connection) {
        // Text on its SYN: where it goes on tells whether the answer, which was not seen, acknowledged that.
        dropUnanswered(peer, acknowledgment: SequenceNumber(packet.pointee.sequence))
        takeQueued(peer, side.peer, .sender)
      }
      if !peer.pointee.knows.contains(.sequence), !isTranslated(connection) {
        peer.pointee.iss = acknowledgment - 1
        peer.pointee.sndNxt = acknowledgment
        peer.pointee.sndUna = acknowledgment
        peer.pointee.knows.insert(.sequence)
        peer.pointee.windowShift = Endpoint.widestShift
      }
      sender.pointee.rcvNxt = acknowledgment
      sender.pointee.knows.insert(.expected)
      change(sender, to: .established, side, .sender)
    } else if sender.pointee.state == .synReceived,
      packet.pointee.payloadLength > 0 || packet.pointee.flags.contains(.fin),
      !peer.pointee.knows.contains(.seen)
    {
      change(sender, to: .established, side, .sender)
      establish(record)
    }
  }
}
