import MOSCore
import MTCP

/// The usual handshake, told by comparisons like the segments that follow it: what is done here is what `sendOther`
/// comes to under these conditions, and nothing is changed before all of them are known to hold.
extension Tracker {
  /// Takes the sender's side of a client's first SYN, or of the SYN-ACK that answers it, both without text. Returns
  /// `false`, with nothing done, for any other packet.
  @inline(never)
  mutating func sendOpening(
    _ packet: UnsafePointer<DecodedPacket>, record: UnsafeMutablePointer<FlowRecord>,
    own: UnsafeMutablePointer<EndpointCounters>
  ) -> Bool {
    let side = current.sender
    let connection = connections.base + Int(record.pointee.connection)
    let sender = connection.endpoint(side)
    let receiver = connection.endpoint(side.peer)
    let sequence = SequenceNumber(packet.pointee.sequence)
    let acknowledgment = SequenceNumber(packet.pointee.acknowledgment)
    let isAnswer = side == .server
    guard record.pointee.connection != 0, packet.pointee.isAcceptable, packet.pointee.anomalies.rawValue == 0,
      packet.pointee.payloadWireLength == 0, packet.pointee.window != 0, connection.pointee.unconfirmed == 0,
      sender.pointee.timeToLive == 0, own.pointee.observed == .inactive
    else { return false }
    if isAnswer {
      let passive: EndpointTraits = [.expected, .timing, .timestampRecent]
      guard packet.pointee.flags.rawValue & 0x3f == 0x12, sender.pointee.state == .synReceived,
        receiver.pointee.state == .synSent, sender.pointee.knows.isSubset(of: passive),
        receiver.pointee.knows.isSuperset(of: [.syn, .seen, .sequence]), acknowledgment == receiver.pointee.sndNxt,
        acknowledgment == receiver.pointee.iss + 1, acknowledgment == sender.pointee.rcvNxt,
        !sender.pointee.receive.hasQueued, record.counters(.client).pointee.observed == .synSent,
        receiver.pointee.observed.distance(of: acknowledgment, record.counters(.client)) <= 0
      else { return false }
    } else {
      guard packet.pointee.flags.rawValue & 0x3f == 0x02, sender.pointee.state == .closed,
        receiver.pointee.state == .closed, sender.pointee.knows.isEmpty, receiver.pointee.knows.isEmpty
      else { return false }
    }
    readOptions(packet)
    if current.options.isMalformed || current.options.hasMD5 { return false }
    current.judgement = Judgement(isAnswer ? .answer : .open)
    if packet.pointee.timestamp > record.pointee.lastTimestamp {
      record.pointee.lastTimestamp = packet.pointee.timestamp
    }
    sender.pointee.timeToLive = packet.pointee.timeToLive
    Observer.observeOpening(packet, own: own, side: side, record: record, sender: sender)
    sender.pointee.iss = sequence
    sender.pointee.sndNxt = sequence + 1
    sender.pointee.sndUna = sequence + 1
    var knows = sender.pointee.knows.union([.syn, .seen, .sequence])
    sender.pointee.windowShift = 0
    if current.options.windowScale != 255 {
      sender.pointee.windowShift = current.options.windowScale
      knows.insert(.windowScale)
    }
    if current.options.hasTimestamp { knows.insert(.timestamps) }
    if current.options.sackPermitted { knows.insert(.sack) }
    sender.pointee.maximumWindow = UInt32(packet.pointee.window)
    time(receiver, until: sequence + 1, packet)
    if isAnswer {
      knows.insert(.window)
      sender.pointee.knows = knows
      sender.pointee.rcvEdge = acknowledgment + UInt32(packet.pointee.window)
      takeTime(sender, own, acknowledgment, packet)
      sender.pointee.acknowledged = acknowledgment
    } else {
      sender.pointee.knows = knows
      events.append(EventRecord(.connectionStart, .sender, side))
      change(sender, to: .synSent, side, .sender)
      receiver.pointee.state = .listen
    }
    return true
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
}
