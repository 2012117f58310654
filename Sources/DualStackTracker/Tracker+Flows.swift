import CMachine
import MOSCore
import MTCP

extension Tracker {
  /// What `lookUp` found.
  @frozen
  public enum LookUp: BitwiseCopyable, Sendable {
    /// The packet belongs to this flow and was sent by this side.
    case flow(UInt32, sender: Side)
    /// TCP without a flow, and none begins: `orphan`.
    case orphan
    /// Not a packet of a flow (ARP, other protocols, fragments, malformed).
    case none
    /// A packet of a flow that is not tracked, because its first packet was not selected.
    case notSelected
  }

  /// Moves packet time on: flows whose time-out passed end, in the order of their time-outs; lingering ones are released.
  ///
  /// A time-out is exact: it has happened before the first packet at or after its time is looked at.
  @inlinable @inline(__always)
  public mutating func advance(to now: Timestamp) {
    if !wheel.passes(now) { expireAll(now) }
  }

  @usableFromInline @inline(never)
  mutating func expireAll(_ now: Timestamp) {
    while let time = wheel.nextDue, time <= now {
      let flow = wheel.nextExpired(time)
      if flow != 0 { expire(flow, now: time) }
    }
    _ = wheel.nextExpired(now)
  }

  @inline(never)
  private mutating func expire(_ flow: UInt32, now: Timestamp) {
    let record = records.pointer(flow)
    if record.pointee.end != .none {
      release(flow)
      return
    }
    let deadline = timeoutTime(of: record)
    if deadline > now {
      wheel.schedule(flow, at: deadline)
      return
    }
    if isOpen(flow) {
      if record.pointee.isMonitored(.client) || record.pointee.isMonitored(.server) { events.note(.idle) }
      let own = record.pointee.idleMilliseconds
      end(flow, .timeout, packet: 0)
      record.pointee.idleMilliseconds = own
      appendEnded(flow)
    }
    release(flow)
  }

  func isOpen(_ flow: UInt32) -> Bool {
    records.pointer(flow).pointee.end == .none && !records.pointer(flow).pointee.traits.contains(.notSelected)
  }

  /// When the flow times out, or timed out, in packet time.
  public func timeoutTime(of record: UnsafePointer<FlowRecord>) -> Timestamp {
    record.pointee.lastClock.advanced(by: timeout(of: record))
  }

  /// How long nothing may come before the flow ends, in nanoseconds.
  public func timeout(of record: UnsafePointer<FlowRecord>) -> Int64 {
    var own: Int64?
    if record.pointee.idleMilliseconds != 0, record.pointee.end == .none || record.pointee.end == .timeout,
      !record.pointee.traits.contains(.notSelected)
    {
      own = Int64(record.pointee.idleMilliseconds) &* 1_000_000
    }
    if record.pointee.key.protocolNumber != 6 { return own ?? configuration.datagramTimeout }
    let general =
      record.pointee.traits.contains(.halfOpen) ? configuration.halfOpenTimeout : configuration.idleTimeout
    guard let own else { return general }
    return record.pointee.traits.contains(.halfOpen) ? min(own, general) : own
  }

  /// Finds the packet's flow, or begins one. Precondition: `prepare` was called with this packet; `candidate` is what it
  /// found, or 0.
  ///
  /// A packet that begins a flow can end another: the one with the same addresses and ports, or the least valuable.
  public mutating func lookUp(_ packet: UnsafePointer<DecodedPacket>, candidate: UInt32 = 0) -> LookUp {
    lookUp(packet, candidate, Tracker.match(records.base + Int(candidate), packet, keyMask))
  }

  /// The same; `sender` is the side of the candidate's flow that sent the packet, nil when it is another flow's.
  @inline(__always)
  mutating func lookUp(_ packet: UnsafePointer<DecodedPacket>, _ candidate: UInt32, _ sender: Side?) -> LookUp {
    events.clear()
    let record = records.base + Int(candidate)
    // Place 0 is never in the table. The others may have left it since they were found: packets of the same burst came
    // in between.
    if record.pointee.traits.rawValue & FlowTraits.presence == FlowTraits.inTable.rawValue, lentCount == 0,
      packet.pointee.kind.rawValue <= PacketKind.icmpv6.rawValue, !packet.pointee.flags.contains(.syn), let sender
    {
      current.flow = candidate
      current.record = record
      current.sender = sender
      return .flow(candidate, sender: sender)
    }
    if record.pointee.traits.contains(.furtherKey), let sender, lookUpOwner(packet, of: record, from: sender) {
      return .flow(current.flow, sender: sender)
    }
    return lookUpOther(packet, candidate)
  }

  /// The flow of a packet that came with a further key, as long as nothing else is to be looked at.
  @inline(__always)
  private mutating func lookUpOwner(
    _ packet: UnsafePointer<DecodedPacket>, of stub: UnsafeMutablePointer<FlowRecord>, from sender: Side
  ) -> Bool {
    guard stub.pointee.traits.contains(.inTable), lentCount == 0, !packet.pointee.flags.contains(.syn) else {
      return false
    }
    let record = records.base + Int(stub.pointee.lastSYN)
    guard record.pointee.traits.rawValue & FlowTraits.presence == FlowTraits.inTable.rawValue else { return false }
    current.flow = stub.pointee.lastSYN
    current.record = record
    current.sender = sender
    return true
  }

  /// The same for SYNs, packets that begin a flow or belong to none, and those whose flow must be searched for.
  @inline(never)
  private mutating func lookUpOther(_ packet: UnsafePointer<DecodedPacket>, _ candidate: UInt32) -> LookUp {
    returnChains()
    guard packet.pointee.kind.rawValue <= PacketKind.icmpv6.rawValue else {
      if packet.pointee.anomalies.rawValue != 0 { reportPacketAnomalies(packet, hook: .wire, side: .client) }
      return .none
    }
    let base = records.base
    let mask = keyMask
    var flow = candidate
    var side: Side?
    if base[Int(candidate)].traits.contains(.inTable) { side = Tracker.match(base + Int(candidate), packet, mask) }
    if side == nil {
      flow = table.find(packet.pointee.hash) { index in
        Tracker.match(base + Int(index), packet, mask) != nil
      }
      guard flow != 0 else { return admit(packet) }
      side = Tracker.match(base + Int(flow), packet, mask)
    }
    let sender = side ?? .client
    flow = owner(of: flow)
    let record = records.pointer(flow)
    if record.pointee.traits.contains(.notSelected) { return passUnselected(packet, flow: flow) }
    if packet.pointee.kind == .tcp, packet.pointee.flags.contains(.syn), packet.pointee.isAcceptable,
      isReuse(packet, flow: flow, side: sender)
    {
      return reuse(packet, flow: flow)
    }
    current.flow = flow
    current.record = record
    current.sender = sender
    return .flow(flow, sender: sender)
  }

  /// Which side of `record`'s flow sent the packet; nil when it is another flow's.
  @inline(__always)
  static func match(
    _ record: UnsafeMutablePointer<FlowRecord>, _ packet: UnsafePointer<DecodedPacket>, _ mask: UInt64
  ) -> Side? {
    let rest = packet.pointee.key.rest
    if (record.pointee.key.rest ^ rest) & mask == 0, equal(record, packet, sourceAt: 0) { return .client }
    let ports = UInt32(truncatingIfNeeded: rest &>> 32)
    let swapped = UInt64(ports &<< 16 | ports &>> 16) &<< 32 | rest & 0xffff_ffff
    if (record.pointee.key.rest ^ swapped) & mask == 0, equal(record, packet, sourceAt: 16) { return .server }
    return nil
  }

  /// Whether the client's address is the one at `place` in the packet's key, and the server's the other one.
  @inline(__always)
  private static func equal(
    _ record: UnsafeMutablePointer<FlowRecord>, _ packet: UnsafePointer<DecodedPacket>, sourceAt place: Int
  ) -> Bool {
    withUnsafeBytes(of: &record.pointee.key) { known in
      withUnsafeBytes(of: &UnsafeMutablePointer(mutating: packet).pointee.key) { key in
        mos_equal_pairs(
          known.baseAddress!, key.baseAddress! + place, known.baseAddress! + 16, key.baseAddress! + (16 &- place)) != 0
      }
    }
  }

  /// A packet of a flow whose first packet was not selected. Only a new connection is looked at anew.
  @inline(never)
  private mutating func passUnselected(_ packet: UnsafePointer<DecodedPacket>, flow: UInt32) -> LookUp {
    let record = records.pointer(flow)
    record.noteTime(of: packet)
    guard packet.pointee.kind == .tcp, packet.pointee.flags.rawValue & 0x17 == TCPFlags.syn.rawValue,
      packet.pointee.isSelected, packet.pointee.sequence != record.pointee.lastSYN
    else { return passOver(packet) }
    release(flow)
    return admit(packet)
  }

  private mutating func passOver(_ packet: UnsafePointer<DecodedPacket>) -> LookUp {
    if packet.pointee.kind == .tcp { statistics.unselectedBytes &+= UInt64(packet.pointee.payloadLength) }
    return .notSelected
  }

  /// Whether a SYN on a known 4-tuple begins a new connection.
  ///
  /// After a close, any SYN with another ISN does, and the SYN-ACK that answers a candidate (see `noteCandidate`), or the
  /// SYN that came again after the server had refused it.
  @inline(never)
  private mutating func isReuse(_ packet: UnsafePointer<DecodedPacket>, flow: UInt32, side: Side) -> Bool {
    let record = records.pointer(flow)
    let flags = packet.pointee.flags
    if flags.contains(.fin) || flags.contains(.rst) { return false }
    if record.pointee.connection == 0 {
      let iss = record.pointee.lastSYN
      if flags.contains(.ack) {
        return side == .server && record.pointee.traits.contains(.refusedAgain)
          && packet.pointee.acknowledgment == iss &+ 1
      }
      if packet.pointee.sequence != iss || record.pointee.end == .fin { return true }
      // A SYN that is repeated after the server refused it belongs to the refused attempt, until it is answered: Windows
      // asks three times.
      if side == .client, !record.pointee.traits.contains(.established) {
        record.pointee.traits.insert(.refusedAgain)
      }
      return false
    }
    let connection = connections.pointer(record.pointee.connection)
    return flags.contains(.ack) && answersCandidate(packet, side: side, connection: connection)
  }

  /// Ends a flow and begins another with the same key.
  @inline(never)
  private mutating func reuse(_ packet: UnsafePointer<DecodedPacket>, flow: UInt32) -> LookUp {
    let old = records.pointer(flow)
    var candidate: CandidateSYN?
    let key = old.pointee.key
    let hash = old.pointee.hash
    if old.pointee.connection != 0 {
      let connection = connections.pointer(old.pointee.connection)
      if connection.pointee.unconfirmed != 0 {
        let found = unconfirmed.pointer(connection.pointee.unconfirmed).pointee.candidate
        let counters = old.counters(found.side)
        counters.pointee.packets &-= UInt64(found.packets)
        counters.pointee.ipBytes &-= UInt64(found.ipBytes)
        candidate = found
      }
    }
    if old.pointee.end == .none {
      end(flow, .reused, packet: packet.pointee.number)
      appendEnded(flow)
    }
    let keys = candidate == nil ? 0 : takeKeys(of: flow)
    release(flow)
    let found = admit(packet)
    guard case .flow(let new, _) = found, let candidate else {
      giveKeys(keys, to: 0)
      return found
    }
    // The SYN that this SYN-ACK answers was counted to the old connection when it came.
    begin(new, with: candidate)
    if keys != 0 {
      // It came with the old connection's key, and this may have come with another.
      _ = table.remove(packet.pointee.hash, new)
      table.insert(hash, new)
      records.pointer(new).pointee.key = candidate.side == .client ? key : key.reversed
      records.pointer(new).pointee.hash = hash
      giveKeys(keys, to: new, reversed: candidate.side == .server)
    }
    return found
  }

  /// Begins a flow for a packet that has none, or says that it is an orphan.
  @inline(never)
  private mutating func admit(_ packet: UnsafePointer<DecodedPacket>) -> LookUp {
    if packet.pointee.kind == .tcp {
      guard packet.pointee.isAcceptable, beginsFlow(packet.pointee.flags) else {
        statistics.orphanPackets &+= 1
        statistics.orphanBytes &+= UInt64(packet.pointee.payloadLength)
        events.note(.orphan)
        reportPacketAnomalies(packet, hook: .wire, side: .client)
        return .orphan
      }
    } else if !packet.pointee.isAcceptable {
      return .none
    }
    if flowCount >= configuration.maximumFlows { evict(packet) }
    let flow = records.allocate()
    guard flow != 0 else {
      // Too many records wait to be taken.
      if packet.pointee.kind == .tcp { statistics.orphanBytes &+= UInt64(packet.pointee.payloadLength) }
      return .none
    }
    let flips = packet.pointee.kind == .tcp && comesFromServer(packet)
    let record = records.pointer(flow)
    record.begin(key: flips ? packet.pointee.key.reversed : packet.pointee.key, with: packet)
    table.insert(packet.pointee.hash, flow)
    record.pointee.traits.insert(.inTable)
    guard packet.pointee.isSelected else {
      record.pointee.traits.insert(.notSelected)
      record.pointee.lastSYN = packet.pointee.sequence
      wheel.schedule(flow, at: packet.pointee.clock.advanced(by: timeout(of: record)))
      ages.append(flow, class: AgeClass.lingering)
      return passOver(packet)
    }
    switch packet.pointee.kind {
    case .tcp:
      statistics.tcpFlows &+= 1
      guard openConnection(record, packet, flips: flips) else {
        // There is a connection slot for every flow of the table, so this is not reached.
        forget(flow)
        statistics.orphanBytes &+= UInt64(packet.pointee.payloadLength)
        return .none
      }
      let halfOpen = packet.pointee.flags.contains(.syn)
      if halfOpen { record.pointee.traits.insert(.halfOpen) }
      // A flow of which one end was seen may be made up, whatever its flags say.
      ages.append(flow, class: AgeClass.halfOpen)
    case .udp:
      statistics.udpFlows &+= 1
      ages.append(flow, class: AgeClass.datagram)
    default:
      statistics.icmpFlows &+= 1
      ages.append(flow, class: AgeClass.datagram)
    }
    wheel.schedule(flow, at: packet.pointee.clock.advanced(by: timeout(of: record)))
    current.flow = flow
    current.record = record
    current.sender = flips ? .server : .client
    return .flow(flow, sender: current.sender)
  }

  private mutating func beginsFlow(_ flags: TCPFlags) -> Bool {
    // SYN with FIN or RST opens no connection, and no stack sends it.
    if flags.contains(.syn), flags.contains(.fin) || flags.contains(.rst) { return false }
    if flags.contains(.syn), !flags.contains(.ack) { return true }
    if flags.contains(.syn) { return true }
    return configuration.midstream
  }

  /// Whether the first packet seen of a flow was sent by the server.
  private mutating func comesFromServer(_ packet: UnsafePointer<DecodedPacket>) -> Bool {
    if packet.pointee.flags.contains(.syn) { return packet.pointee.flags.contains(.ack) }
    return ServerPorts.isLikely(packet.pointee.key.sourcePort)
      && !ServerPorts.isLikely(packet.pointee.key.destinationPort)
  }

  private mutating func openConnection(
    _ record: UnsafeMutablePointer<FlowRecord>, _ packet: UnsafePointer<DecodedPacket>, flips: Bool
  ) -> Bool {
    let index = connections.allocate()
    guard index != 0 else { return false }
    connections.pointer(index).initialize(to: Connection())
    record.pointee.connection = index
    if flips {
      record.pointee.traits.insert(.flipped)
      record.pointee.history.append(0x5e)
    }
    if !packet.pointee.flags.contains(.syn) { record.pointee.traits.insert(.midstream) }
    return true
  }

  /// Makes room: the oldest of the least valuable class goes.
  private mutating func evict(_ packet: UnsafePointer<DecodedPacket>) {
    for value in 0..<UInt8(AgeClass.count) {
      let flow = ages.oldest(class: value)
      if flow == 0 { continue }
      statistics.evictedFlows &+= 1
      if isOpen(flow) {
        end(flow, .evicted, packet: packet.pointee.number)
        appendEnded(flow)
      }
      release(flow)
      return
    }
  }
}
