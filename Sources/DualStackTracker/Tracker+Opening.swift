import MOSCore
import MTCP

/// The usual handshake, told by comparisons like the segments that follow it: a SYN that begins a flow, and the SYN-ACK
/// that answers it, both without text and with the options that the widespread stacks send.
///
/// What is done here is what `lookUp`, `send` and `receive` come to under these conditions, and nothing is changed before
/// all of them are known to hold.
extension Tracker {
  /// What `takeOpening` looks at in the options of a SYN or SYN-ACK, nil for any other packet.
  @inline(__always)
  private static func openingOptions(_ packet: UnsafePointer<DecodedPacket>) -> OpeningOptions? {
    guard packet.pointee.isAcceptable, packet.pointee.anomalies.rawValue == 0, packet.pointee.payloadWireLength == 0,
      packet.pointee.window != 0
    else { return nil }
    return OpeningOptions(packet.pointee.transport + 20, length: Int(packet.pointee.tcpHeaderLength) &- 20)
  }

  /// Both steps of a SYN that begins a flow, or of the SYN-ACK that answers it. Returns the flow; 0, with nothing done, for
  /// any other packet. `candidate` and `sender` are what is known of its flow. Precondition: the packet has a SYN.
  @inline(__always)
  mutating func takeOpening(
    _ packet: UnsafePointer<DecodedPacket>, _ candidate: UInt32, _ sender: Side?
  ) -> UInt32 {
    guard packet.pointee.kind == .tcp else { return 0 }
    if let sender {
      let isAnswer = packet.pointee.flags.rawValue & 0x3f == 0x12 && sender == .server
      return isAnswer && takeSynAck(packet, records.base + Int(candidate)) ? candidate : 0
    }
    return packet.pointee.flags.rawValue & 0x3f == 0x02 ? takeSyn(packet) : 0
  }

  /// Both steps of a SYN that begins a flow. Returns the flow; 0, with nothing done, for any other packet. Precondition:
  /// it is a TCP packet with no flag but SYN (of the six).
  @inline(never)
  mutating func takeSyn(_ packet: UnsafePointer<DecodedPacket>) -> UInt32 {
    guard packet.pointee.isSelected, flowCount < configuration.maximumFlows,
      let options = Tracker.openingOptions(packet)
    else { return 0 }
    let base = records.base
    let mask = keyMask
    let known = table.find(packet.pointee.hash) { index in Tracker.match(base + Int(index), packet, mask) != nil }
    guard known == 0 else { return 0 }
    let flow = records.allocate()
    if flow == 0 { return 0 }
    let index = connections.allocate()
    guard index != 0 else {
      records.free(flow)
      return 0
    }
    // The next flow's record is likely to be the one behind, in memory that nobody has touched for long.
    prefetch(base + (Int(flow) &+ 2))
    table.insert(packet.pointee.hash, flow)
    let record = base + Int(flow)
    record.begin(key: packet.pointee.key, with: packet)
    record.pointee.traits = [.inTable, .halfOpen]
    record.pointee.connection = index
    let sequence = SequenceNumber(packet.pointee.sequence)
    record.pointee.client.packets = 1
    record.pointee.client.ipBytes = UInt64(packet.pointee.ipLength)
    record.pointee.client.state = TCPState.synSent.rawValue
    record.pointee.server.state = TCPState.synReceived.rawValue
    let connection = connections.base + Int(index)
    connection.initialize(to: Connection())
    connection.pointee.step = .opening
    connection.pointee.clientSegmentSize = options.maximumSegmentSize
    let client = connection.endpoint(.client)
    client.pointee.state = .synSent
    send(sequence, packet, options, client)
    Observer.observeOpening(packet, own: record.counters(.client), side: .client, record: record, sender: client)
    let server = connection.endpoint(.server)
    server.pointee.state = .synReceived
    server.pointee.rcvNxt = sequence + 1
    server.pointee.knows = .expected
    time(server, until: sequence + 1, packet)
    if options.hasTimestamp { server.pointee.remember(options.timestampValue, packet.pointee.timestamp) }
    ages.append(flow, class: AgeClass.halfOpen)
    wheel.schedule(flow, at: packet.pointee.clock.advanced(by: configuration.halfOpenTimeout))
    statistics.tcpFlows &+= 1
    events.beginBothSteps()
    events.append(EventRecord(.connectionStart, .sender, .client))
    events.append(EventRecord(.sender, .client, from: .closed, to: .synSent))
    events.markSecondStep()
    events.append(EventRecord(.receiver, .server, from: .listen, to: .synReceived))
    events.append(EventRecord(.connectionStart, .receiver, .server))
    return flow
  }

  /// Both steps of the first SYN-ACK that answers a flow's SYN. Returns `false`, with nothing done, for any other packet.
  /// Precondition: it is a TCP packet of the server of `record`'s flow with no flags but SYN and ACK (of the six).
  @inline(never)
  mutating func takeSynAck(
    _ packet: UnsafePointer<DecodedPacket>, _ record: UnsafeMutablePointer<FlowRecord>
  ) -> Bool {
    let connection = connections.base + Int(record.pointee.connection)
    let client = connection.endpoint(.client)
    let server = connection.endpoint(.server)
    let sequence = SequenceNumber(packet.pointee.sequence)
    let acknowledgment = SequenceNumber(packet.pointee.acknowledgment)
    let own = record.counters(.server)
    guard connection.pointee.step == .opening, acknowledgment == client.pointee.sndNxt,
      let options = Tracker.openingOptions(packet)
    else { return false }
    record.noteTime(of: packet)
    own.pointee.packets &+= 1
    own.pointee.ipBytes &+= UInt64(packet.pointee.ipLength)
    Observer.observeOpening(packet, own: own, side: .server, record: record, sender: server)
    send(sequence, packet, options, server)
    server.pointee.knows.insert(.window)
    server.pointee.rcvEdge = acknowledgment + UInt32(packet.pointee.window)
    takeTime(server, own, acknowledgment, packet)
    server.pointee.acknowledged = acknowledgment
    time(client, until: sequence + 1, packet)
    client.pointee.rcvNxt = sequence + 1
    client.pointee.knows.insert([.expected, .window])
    // Both have the other options.
    if options.hasTimestamp != client.pointee.knows.contains(.timestamps) { negotiate(server, client) }
    if options.hasTimestamp { client.pointee.remember(options.timestampValue, packet.pointee.timestamp) }
    client.pointee.acknowledged = sequence + 1
    client.pointee.rcvEdge = sequence + 1 + client.pointee.maximumWindow
    client.pointee.sndUna = acknowledgment
    client.pointee.state = .established
    record.pointee.client.state = TCPState.established.rawValue
    connection.pointee.step = .other
    connection.pointee.serverSegmentSize = options.maximumSegmentSize
    events.beginBothSteps()
    events.append(EventRecord(.receiver, .client, from: .synSent, to: .established))
    return true
  }

  /// What a SYN, with or without ACK, says of its sender.
  @inline(__always)
  private mutating func send(
    _ sequence: SequenceNumber, _ packet: UnsafePointer<DecodedPacket>, _ options: OpeningOptions,
    _ sender: UnsafeMutablePointer<Endpoint>
  ) {
    sender.pointee.timeToLive = packet.pointee.timeToLive
    sender.pointee.iss = sequence
    sender.pointee.sndNxt = sequence + 1
    sender.pointee.sndUna = sequence + 1
    sender.pointee.windowShift = options.windowScale
    sender.pointee.maximumWindow = UInt32(packet.pointee.window)
    sender.pointee.knows.insert([.syn, .seen, .sequence, .windowScale, .sack])
    if options.hasTimestamp { sender.pointee.knows.insert(.timestamps) }
  }
}
