import MOSCore
import MTCP

/// Whether the two ends of a connection are in step: each has all that the other sent, nothing waits, is in doubt or was
/// lost, and each knows where the other is. And how far the connection is then.
enum Step: UInt8, BitwiseCopyable {
  /// They are not, or it was not looked at.
  case unknown = 0
  /// The connection has had its first packet, a usual SYN, and nothing else.
  case opening
  /// They are, and one is in SYN_RECEIVED, or has sent or received a FIN; or something is set for the flow alone.
  case other
  /// They are, and both are in ESTABLISHED.
  case established

  /// The ends are in step.
  @inline(__always) var isInStep: Bool { rawValue >= Step.other.rawValue }
}

/// What `Tracker.expectation` says of a segment.
enum Expectation: UInt8, BitwiseCopyable {
  /// The ends are not in step, or do not expect it.
  case none = 0
  /// They do, and stay in ESTABLISHED.
  case plain
  /// They do, and one may come to another state, or something is set for the flow alone.
  case turn
}

/// Header prediction (V. Jacobson, 4.3BSD-Reno; RFC 1185 A) for both ends at once: when they are in step, the next
/// segment is told by a few comparisons, and takes the few steps that remain of RFC 9293 3.10.7.4 for it.
///
/// What is done here is what `sendOther` and `receiveSegment` come to under these conditions. `Connection.step` is
/// `.unknown` while a packet is between its two steps, so a packet that the receiver never sees leaves it so; behind the
/// steps of a packet that was not expected, `noteStep` looks again.
extension Tracker {
  /// Whether the ends are in step, and expect this segment: ACK, perhaps PSH and FIN, nothing wrong by itself, the next
  /// number of its sender, an acknowledgment of what was sent, within the window, and a header of `headerLength` bytes.
  @inline(__always)
  mutating func expectation(
    of packet: UnsafePointer<DecodedPacket>, from side: Side, _ record: UnsafeMutablePointer<FlowRecord>,
    _ connection: UnsafeMutablePointer<Connection>, headerLength: UInt32 = 20
  ) -> Expectation {
    let sender = connection.endpoint(side)
    let receiver = connection.endpoint(side.peer)
    let sequence = SequenceNumber(packet.pointee.sequence)
    let length = packet.pointee.payloadWireLength
    // In one comparison without sign, because SND.UNA never passes SND.NXT.
    let acknowledged = packet.pointee.acknowledgment &- receiver.pointee.sndUna.rawValue
    guard connection.pointee.step.isInStep, packet.pointee.isAcknowledgment(headerLength: headerLength),
      packet.pointee.isAcceptable, packet.pointee.anomalies.rawValue == 0, sequence == sender.pointee.sndNxt,
      packet.pointee.timeToLive == sender.pointee.timeToLive, sequence + length < receiver.pointee.rcvEdge,
      acknowledged <= receiver.pointee.sndNxt.rawValue &- receiver.pointee.sndUna.rawValue,
      packet.pointee.payloadLength == length
    else { return .none }
    let isFin = packet.pointee.flags.contains(.fin)
    if connection.pointee.step == .established, !isFin { return .plain }
    // What else there is to see where the segment may bring an end to another state.
    guard sender.pointee.state.isSynchronized else { return .none }
    if !isFin { return length == 0 || !sender.pointee.knows.contains(.finSent) ? .turn : .none }
    let own = record.counters(side)
    let isFirst =
      !sender.pointee.knows.contains(.finSent) && own.pointee.observed == .established
      && !own.pointee.letters.contains(.fin)
    return isFirst && sequence + length + 1 < receiver.pointee.rcvEdge ? .turn : .none
  }

  /// The same for a segment whose only option is timestamps, where it lies as all stacks put it, and which is not older
  /// than the last that was taken (PAWS, RFC 7323 5.3).
  @inline(never)
  mutating func timestampedExpectation(
    of packet: UnsafePointer<DecodedPacket>, from side: Side, _ record: UnsafeMutablePointer<FlowRecord>,
    _ connection: UnsafeMutablePointer<Connection>
  ) -> Expectation {
    let receiver = connection.endpoint(side.peer)
    guard packet.pointee.tcpHeaderLength == 32, packet.pointee.transport.loadBE32(at: 20) == 0x0101_080a,
      !receiver.pointee.knows.contains(.timestampRecent)
        || !SegmentAcceptability.failsPAWS(
          value: packet.pointee.transport.loadBE32(at: 24), recent: receiver.pointee.timestampRecent)
    else { return .none }
    return expectation(of: packet, from: side, record, connection, headerLength: 32)
  }

  /// Takes the timestamp of an expected segment for its receiver, `side` (RFC 7323 4.3).
  @inline(__always)
  mutating func rememberExpected(
    _ packet: UnsafePointer<DecodedPacket>, _ side: Side, _ connection: UnsafeMutablePointer<Connection>
  ) {
    let receiver = connection.endpoint(side)
    guard receiver.pointee.knows.contains(.timestamps),
      connection.endpoint(side.peer).pointee.knows.contains(.timestamps),
      SequenceNumber(packet.pointee.sequence) <= receiver.pointee.acknowledged
    else { return }
    receiver.pointee.remember(packet.pointee.transport.loadBE32(at: 24), packet.pointee.timestamp)
  }

  /// First step of an expected segment that is plain.
  @inline(__always)
  mutating func sendPlain(
    _ packet: UnsafePointer<DecodedPacket>, _ side: Side, _ record: UnsafeMutablePointer<FlowRecord>,
    _ connection: UnsafeMutablePointer<Connection>
  ) {
    let sender = connection.endpoint(side)
    let own = record.counters(side)
    acknowledgeExpected(packet, sender, own, record)
    sendExpectedText(packet, sender, receiver: connection.endpoint(side.peer), own, side, record)
  }

  /// Second step of an expected segment that is plain; `side` receives it.
  @inline(__always)
  mutating func receivePlain(
    _ packet: UnsafePointer<DecodedPacket>, _ side: Side, _ record: UnsafeMutablePointer<FlowRecord>,
    _ connection: UnsafeMutablePointer<Connection>
  ) {
    let receiver = connection.endpoint(side)
    receiver.pointee.sndUna = SequenceNumber(packet.pointee.acknowledgment)
    let count = packet.pointee.payloadLength
    if count != 0 { deliver(packet.pointee.payload, count: count, receiver: receiver, side: side) }
  }

  /// First step of an expected segment that is a turn.
  @inline(__always)
  mutating func sendTurn(
    _ packet: UnsafePointer<DecodedPacket>, _ side: Side, _ record: UnsafeMutablePointer<FlowRecord>,
    _ connection: UnsafeMutablePointer<Connection>
  ) {
    let sender = connection.endpoint(side)
    let receiver = connection.endpoint(side.peer)
    let own = record.counters(side)
    acknowledgeExpected(packet, sender, own, record)
    guard packet.pointee.flags.contains(.fin) else {
      return sendExpectedText(packet, sender, receiver: receiver, own, side, record)
    }
    let end = sender.pointee.sndNxt + packet.pointee.payloadWireLength
    Observer.noteFin(at: end, packet.pointee.payloadWireLength, side, record, sender)
    time(receiver, until: end + 1, packet)
    sender.pointee.sndNxt = end + 1
    leave(end, sender, receiver: receiver, side, .sender)
  }

  /// Second step of an expected segment that is a turn: the receiver, `side`, is in SYN_RECEIVED, an end sent a FIN, or
  /// this is one.
  @inline(__always)
  mutating func receiveTurn(
    _ packet: UnsafePointer<DecodedPacket>, _ side: Side, _ record: UnsafeMutablePointer<FlowRecord>,
    _ connection: UnsafeMutablePointer<Connection>
  ) {
    let sender = connection.endpoint(side.peer)
    let receiver = connection.endpoint(side)
    let acknowledgment = SequenceNumber(packet.pointee.acknowledgment)
    receiver.pointee.sndUna = acknowledgment
    if receiver.pointee.state == .synReceived {
      change(receiver, to: .established, side, .receiver)
      establish(record)
    } else if receiver.pointee.knows.contains(.finSent), acknowledgment > receiver.pointee.finSequence {
      change(receiver, to: receiver.pointee.state.afterAckOfFin, side, .receiver)
    }
    let count = packet.pointee.payloadLength
    if count != 0 { deliverInTurn(packet, receiver, side, connection) }
    if packet.pointee.flags.contains(.fin) {
      receiver.pointee.rcvNxt = receiver.pointee.rcvNxt + 1
      receiver.pointee.knows.insert(.finReceived)
      change(receiver, to: receiver.pointee.state.afterReceivedFin, side, .receiver)
    }
    let established = sender.pointee.state == .established && receiver.pointee.state == .established
    connection.pointee.step = established && isOrdinary(record, connection) ? .established : .other
    if isClosed(sender), isClosed(receiver) { finish(record, .fin, packet) }
  }

  @inline(never)
  private mutating func deliverInTurn(
    _ packet: UnsafePointer<DecodedPacket>, _ receiver: UnsafeMutablePointer<Endpoint>, _ side: Side,
    _ connection: UnsafeMutablePointer<Connection>
  ) {
    if connection.pointee.traits.contains(.unassembled(side)) { return pass(packet.pointee.payloadLength, receiver) }
    deliver(packet.pointee.payload, count: packet.pointee.payloadLength, receiver: receiver, side: side)
  }

  /// Nothing is set for the flow alone that the steps of a plain segment know nothing of.
  @inline(__always)
  private func isOrdinary(
    _ record: UnsafeMutablePointer<FlowRecord>, _ connection: UnsafeMutablePointer<Connection>
  ) -> Bool {
    connection.pointee.traits.rawValue & ConnectionTraits.unassembledOfEither.rawValue == 0 && !isMuted(record)
  }

  /// Counts an expected segment, and takes its acknowledgment and window for its sender.
  @inline(__always)
  private mutating func acknowledgeExpected(
    _ packet: UnsafePointer<DecodedPacket>, _ sender: UnsafeMutablePointer<Endpoint>,
    _ own: UnsafeMutablePointer<EndpointCounters>, _ record: UnsafeMutablePointer<FlowRecord>
  ) {
    record.noteTime(of: packet)
    own.pointee.packets &+= 1
    own.pointee.ipBytes &+= UInt64(packet.pointee.ipLength)
    let acknowledgment = SequenceNumber(packet.pointee.acknowledgment)
    let window = UInt32(packet.pointee.window) &<< UInt32(sender.pointee.windowShift)
    if window > sender.pointee.maximumWindow { sender.pointee.maximumWindow = window }
    let edge = acknowledgment + window
    if edge > sender.pointee.rcvEdge { sender.pointee.rcvEdge = edge }
    takeTime(sender, own, acknowledgment, packet)
    sender.pointee.acknowledged = acknowledgment
    sender.pointee.retained.release(below: acknowledgment, blocks: &retainedBlocks)
  }

  /// The text of an expected segment, if it has any, leaves its sender.
  @inline(__always)
  private mutating func sendExpectedText(
    _ packet: UnsafePointer<DecodedPacket>, _ sender: UnsafeMutablePointer<Endpoint>,
    receiver: UnsafeMutablePointer<Endpoint>, _ own: UnsafeMutablePointer<EndpointCounters>, _ side: Side,
    _ record: UnsafeMutablePointer<FlowRecord>
  ) {
    let length = packet.pointee.payloadWireLength
    if length == 0 { return Observer.noteAcknowledgment(side, own, record) }
    Observer.noteText(length, side, own, record)
    let end = SequenceNumber(packet.pointee.sequence) + length
    time(receiver, until: end, packet)
    sender.pointee.sndNxt = end
  }

  /// Looks whether the ends of `record`'s connection, if it has one, are in step.
  @inline(__always)
  mutating func noteStep(_ record: UnsafeMutablePointer<FlowRecord>) {
    let connection = connections.base + Int(record.pointee.connection)
    let client = connection.endpoint(.client)
    let server = connection.endpoint(.server)
    guard client.pointee.state.rawValue >= TCPState.synReceived.rawValue,
      server.pointee.state.rawValue >= TCPState.synReceived.rawValue, connection.pointee.unconfirmed == 0,
      !isTranslated(connection), Tracker.hasAll(server, of: client, record.counters(.client)),
      Tracker.hasAll(client, of: server, record.counters(.server))
    else { return }
    let established = client.pointee.state == .established && server.pointee.state == .established
    connection.pointee.step = established && isOrdinary(record, connection) ? .established : .other
    // What was dropped has come again.
    connection.pointee.traits.subtract(.droppedOfEither)
  }

  /// Whether one end has all that the other sent.
  @inline(__always)
  private static func hasAll(
    _ receiver: UnsafeMutablePointer<Endpoint>, of sender: UnsafeMutablePointer<Endpoint>,
    _ counters: UnsafeMutablePointer<EndpointCounters>
  ) -> Bool {
    sender.pointee.knows.rawValue & (EndpointTraits.synchronized | EndpointTraits.irregular)
      == EndpointTraits.synchronized
      && sender.pointee.sndNxt == receiver.pointee.rcvNxt && !receiver.pointee.receive.hasQueued
      && sender.pointee.knows.contains(.finSent) == receiver.pointee.knows.contains(.finReceived)
      && counters.pointee.observed != .inactive && counters.pointee.observed != .reset
      && sender.pointee.observed.distance(of: sender.pointee.sndNxt, counters) == 0
  }
}

extension EndpointTraits {
  /// What is known of an end that has synchronised its numbers with its peer's.
  static var synchronized: UInt16 {
    EndpointTraits.sequence.rawValue | EndpointTraits.expected.rawValue | EndpointTraits.window.rawValue
      | EndpointTraits.seen.rawValue
  }
  /// What makes more of the text that an end sends or receives, or of an acknowledgment, than a step forward.
  static var irregular: UInt16 {
    EndpointTraits.acknowledgedUnseen.rawValue | EndpointTraits.urgentPending.rawValue
      | EndpointTraits.finAhead.rawValue
  }
}
