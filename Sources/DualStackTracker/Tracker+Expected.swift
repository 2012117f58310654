import MOSCore
import MTCP

/// Header prediction (V. Jacobson, 4.3BSD-Reno; RFC 1185 A) for both ends at once: the segment that a connection most
/// often brings is told by a few comparisons, and takes the few steps that remain of RFC 9293 3.10.7.4 for it.
///
/// What is done here is what `sendOther` and `receiveSegment` come to under these conditions, and nothing is changed
/// before all of them are known to hold.
extension Tracker {
  /// Whether a segment has no options and nothing that is wrong by itself, both ends know where the other is, its place
  /// is in the window, and it acknowledges only what passed here and nothing that was acknowledged before.
  @inline(__always)
  mutating func expects(
    _ packet: UnsafePointer<DecodedPacket>, _ connection: UnsafeMutablePointer<Connection>,
    sender: UnsafeMutablePointer<Endpoint>, receiver: UnsafeMutablePointer<Endpoint>
  ) -> Bool {
    let end = SequenceNumber(packet.pointee.sequence) + packet.pointee.payloadWireLength
    let acknowledgment = SequenceNumber(packet.pointee.acknowledgment)
    return packet.pointee.tcpHeaderLength == 20 && packet.pointee.isAcceptable
      && packet.pointee.anomalies.rawValue == 0 && packet.pointee.window != 0
      && sender.pointee.state.rawValue > TCPState.synReceived.rawValue
      && receiver.pointee.state.rawValue >= TCPState.synReceived.rawValue
      && sender.pointee.knows.rawValue & EndpointTraits.synchronized == EndpointTraits.synchronized
      && receiver.pointee.knows.rawValue & EndpointTraits.synchronized == EndpointTraits.synchronized
      && sender.pointee.timeToLive == packet.pointee.timeToLive && connection.pointee.unconfirmed == 0
      && end < receiver.pointee.rcvEdge && acknowledgment >= receiver.pointee.sndUna
      && acknowledgment <= receiver.pointee.sndNxt && acknowledgment <= sender.pointee.rcvNxt
  }

  /// Takes the sender's side of a segment with ACK, perhaps PSH, and text or none, of which nothing was sent before.
  /// Returns `false`, with nothing done, for any other packet. Precondition: no flag but ACK and PSH (of the six).
  @inline(__always)
  mutating func sendExpected(
    _ packet: UnsafePointer<DecodedPacket>, _ side: Side, record: UnsafeMutablePointer<FlowRecord>,
    connection: UnsafeMutablePointer<Connection>
  ) -> Bool {
    let own = record.counters(side)
    let sender = connection.endpoint(side)
    let receiver = connection.endpoint(side.peer)
    guard expects(packet, connection, sender: sender, receiver: receiver) else { return false }
    let sequence = SequenceNumber(packet.pointee.sequence)
    let length = packet.pointee.payloadWireLength
    let end = sequence + length
    if length != 0 {
      guard end > sender.pointee.sndNxt, sequence <= sender.pointee.sndNxt else { return false }
    }
    guard
      Observer.observeExpected(packet, own: own, side: side, record: record, sender: sender, receiver: receiver)
    else { return false }
    if length != 0 {
      time(receiver, until: end, packet)
      sender.pointee.sndNxt = end
    }
    acknowledgeExpected(packet, sender, own: own, record: record)
    return true
  }

  /// Counts an expected packet, and takes its acknowledgment for its sender.
  @inline(__always)
  private mutating func acknowledgeExpected(
    _ packet: UnsafePointer<DecodedPacket>, _ sender: UnsafeMutablePointer<Endpoint>,
    own: UnsafeMutablePointer<EndpointCounters>, record: UnsafeMutablePointer<FlowRecord>
  ) {
    if packet.pointee.timestamp > record.pointee.lastTimestamp {
      record.pointee.lastTimestamp = packet.pointee.timestamp
    }
    own.pointee.packets &+= 1
    own.pointee.ipBytes &+= UInt64(packet.pointee.ipLength)
    let acknowledgment = SequenceNumber(packet.pointee.acknowledgment)
    let window = UInt32(packet.pointee.window) &<< UInt32(min(sender.pointee.windowShift, 14))
    if window > sender.pointee.maximumWindow { sender.pointee.maximumWindow = window }
    let edge = acknowledgment + window
    if edge > sender.pointee.rcvEdge { sender.pointee.rcvEdge = edge }
    takeTime(sender, own, acknowledgment, packet)
    sender.pointee.acknowledged = acknowledgment
    sender.pointee.receive.release(below: acknowledgment, pool: &pool)
  }

  /// Takes the receiver's side of a packet that `sendExpected` took. Returns `false`, with nothing done, where more is to
  /// be done than a step forward.
  @inline(__always)
  mutating func receiveExpected(
    _ packet: UnsafePointer<DecodedPacket>, _ side: Side, connection: UnsafeMutablePointer<Connection>
  ) -> Bool {
    let sender = connection.endpoint(side.peer)
    let receiver = connection.endpoint(side)
    let sequence = SequenceNumber(packet.pointee.sequence)
    let count = packet.pointee.payloadLength
    let next = receiver.pointee.rcvNxt
    guard receiver.pointee.state.rawValue >= TCPState.established.rawValue,
      receiver.pointee.knows.rawValue & EndpointTraits.unusual == 0, !sender.pointee.knows.contains(.finAhead)
    else { return false }
    if count == 0 {
      if sequence == next - 1 { return false }
      receiver.pointee.sndUna = SequenceNumber(packet.pointee.acknowledgment)
      return true
    }
    if sequence != next || receiver.pointee.receive.hasQueued { return false }
    receiver.pointee.sndUna = SequenceNumber(packet.pointee.acknowledgment)
    deliver(packet.pointee.payload, count: count, receiver: receiver, side: side)
    return true
  }
}

extension Judgement {
  /// That of a packet which `Tracker.sendExpected` took.
  static var expected: Judgement {
    var judgement = Judgement(.expected)
    judgement.acknowledges = true
    return judgement
  }
}

extension EndpointTraits {
  /// What is known of an end that has synchronised its numbers with its peer's.
  static var synchronized: UInt16 {
    EndpointTraits.sequence.rawValue | EndpointTraits.expected.rawValue | EndpointTraits.window.rawValue
      | EndpointTraits.seen.rawValue
  }
  /// What makes more of the text that an end receives, or of an acknowledgment, than a step forward.
  static var unusual: UInt16 {
    EndpointTraits.finSent.rawValue | EndpointTraits.finReceived.rawValue
      | EndpointTraits.acknowledgedUnseen.rawValue | EndpointTraits.urgentPending.rawValue
  }
}
