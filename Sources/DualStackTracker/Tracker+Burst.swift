import MOSCore
import MTCP

/// Both steps of a packet at once, for callers that change nothing between them.
extension Tracker {
  /// Prepares all packets of `burst` (see `prepare(_:count:candidates:)`).
  public mutating func prepare(_ burst: PacketBurst) {
    prepare(burst.packets, count: burst.count, candidates: burst.candidates)
    if burst.count > 0 { _ = wheel.passes(burst.packets[0].clock) }
  }

  /// Takes one packet by itself: prepares it, moves time on, and does both steps. Returns its flow, 0 for a packet without
  /// one. The events of both steps are in `events`, those of the sender's step first, until the next call.
  @discardableResult
  public mutating func process(_ packet: UnsafeMutablePointer<DecodedPacket>) -> UInt32 {
    prepare(packet)
    advance(to: packet.pointee.clock)
    return take(packet, table.firstCandidate(packet.pointee.hash))
  }

  /// Takes the packets of a prepared burst one after the other, each as `advance`, `lookUp`, `send` and `receive` do, up
  /// to and with the first that has an event in `wanted`.
  ///
  /// Returns `true` for that packet, which is `burst.packet`; the events of both steps are in `events`, those of the
  /// sender's step first, until the next call. A packet whose flow took the place of another has `connectionEnd` in
  /// `events.set`, whatever its own events are. `false` at the burst's `limit`, and where it waits for ends. What
  /// `takeEnded` and `takeReleased` name may be collected at either.
  public mutating func process(_ burst: inout PacketBurst, wanted: EventSet) -> Bool {
    while burst.next < burst.limit {
      let packet = UnsafePointer(burst.packets + burst.next)
      let candidate = burst.candidates[burst.next]
      if wheel.isDue(packet.pointee.clock) {
        expireAll(packet.pointee.clock)
        if burst.waitsForEnds, ended.hasUnseen { return false }
      }
      burst.next &+= 1
      burst.flow = take(packet, candidate)
      if events.set.rawValue & wanted.rawValue != 0 { return true }
    }
    return false
  }

  /// What looks at a packet in the loop below: called with the listener, the packet's flow and its `DecodedPacket`. A
  /// function of C's convention, because a closure's costs five instructions more for each call.
  public typealias Listener = @convention(c) (UnsafeMutableRawPointer, UInt32, UnsafeRawPointer) -> Void

  /// The same for a caller that looks at packets with an event in `heard` without leaving the loop: `tell` is called with
  /// `listener` for each of them, and for those with one in `wanted`, and may do with the tracker what can be done between
  /// two packets.
  public static func process(
    _ tracker: UnsafeMutablePointer<Tracker>, _ burst: inout PacketBurst, wanted: EventSet, heard: EventSet,
    tell: Listener, _ listener: UnsafeMutableRawPointer
  ) -> Bool {
    let either = heard.rawValue | wanted.rawValue
    while burst.next < burst.limit {
      let packet = UnsafePointer(burst.packets + burst.next)
      let candidate = burst.candidates[burst.next]
      if tracker.pointee.wheel.isDue(packet.pointee.clock) {
        tracker.pointee.expireAll(packet.pointee.clock)
        if burst.waitsForEnds, tracker.pointee.ended.hasUnseen { return false }
      }
      burst.next &+= 1
      burst.flow = tracker.pointee.take(packet, candidate)
      if tracker.pointee.events.set.rawValue & either == 0 { continue }
      tell(listener, burst.flow, packet)
      if tracker.pointee.events.set.rawValue & wanted.rawValue != 0 { return true }
    }
    return false
  }

  /// The next packet of a prepared burst up to the sender's step, for callers that act between the steps: as `advance`,
  /// `lookUp` and `send` do. `receive` follows where it has a flow. Precondition: `next` is below `count`.
  public mutating func sendNext(_ burst: inout PacketBurst) -> LookUp {
    advance(to: burst.packets[burst.next].clock)
    return sendNext(&burst, from: matchNext(burst))
  }

  /// Which side of the flow that `prepare` found sent the next packet of a burst; nil when it is another flow's, or a
  /// new one's. Precondition: `advance` was called with the packet's time.
  @inline(__always)
  public mutating func matchNext(_ burst: PacketBurst) -> Side? {
    let packet = UnsafePointer(burst.packets + burst.next)
    return Tracker.match(records.base + Int(burst.candidates[burst.next]), packet, keyMask)
  }

  /// The same, and whether `isNextKnown` can tell that at once: where it cannot, it has to be asked.
  public mutating func matchNext(_ burst: PacketBurst, isKnown: inout Bool) -> Side? {
    let packet = UnsafePointer(burst.packets + burst.next)
    let record = records.base + Int(burst.candidates[burst.next])
    let sender = Tracker.match(record, packet, keyMask)
    isKnown = sender != nil && !packet.pointee.flags.contains(.syn) && record.pointee.traits.isOfFlow
    return sender
  }

  /// Whether the next packet of a burst belongs to a flow that is known and selected, and is no SYN, which can begin a new
  /// connection in a flow's place. `sender` is what `matchNext` returned.
  @inline(__always)
  public mutating func isNextKnown(_ burst: PacketBurst, from sender: Side?) -> Bool {
    let packet = UnsafePointer(burst.packets + burst.next)
    if packet.pointee.flags.contains(.syn) { return false }
    if sender != nil, records.base[Int(burst.candidates[burst.next])].traits.isOfFlow { return true }
    return hasFlow(packet)
  }

  @inline(never)
  private mutating func hasFlow(_ packet: UnsafePointer<DecodedPacket>) -> Bool {
    guard packet.pointee.kind.rawValue <= PacketKind.icmpv6.rawValue else { return false }
    let base = records.base
    let mask = keyMask
    let index = table.find(packet.pointee.hash) { Tracker.match(base + Int($0), packet, mask) != nil }
    return index != 0 && base[Int(index)].traits.isOfFlow
  }

  /// `sendNext` behind `matchNext`.
  public mutating func sendNext(_ burst: inout PacketBurst, from sender: Side?) -> LookUp {
    let packet = UnsafePointer(burst.packets + burst.next)
    let found = lookUp(packet, burst.candidates[burst.next], sender)
    burst.next &+= 1
    burst.flow = 0
    if case .flow(let flow, _) = found {
      burst.flow = flow
      send(packet)
    }
    return found
  }

  /// Passes over the next packet of a burst, which was dropped before its flow was looked up.
  public mutating func skipNext(_ burst: inout PacketBurst) {
    advance(to: burst.packets[burst.next].clock)
    events.clear()
    burst.next &+= 1
    burst.flow = 0
  }

  /// Both steps of one packet. Returns the flow, 0 for a packet without one.
  @inline(__always)
  private mutating func take(_ packet: UnsafePointer<DecodedPacket>, _ candidate: UInt32) -> UInt32 {
    let record = records.base + Int(candidate)
    let sender = Tracker.match(record, packet, keyMask)
    if let sender {
      let connection = connections.base + Int(record.pointee.connection)
      switch expectation(of: packet, from: sender, record, connection) {
      case .plain:
        events.beginBothSteps()
        sendPlain(packet, sender, record, connection)
        receivePlain(packet, sender.peer, record, connection)
        return candidate
      case .turn:
        takeTurn(packet, candidate, sender)
        return candidate
      case .none: break
      }
    }
    if packet.pointee.flags.contains(.syn) {
      let flow = takeOpening(packet, candidate, sender)
      if flow != 0 { return flow }
    }
    return takeOther(packet, candidate, sender)
  }

  /// Both steps of an expected segment with timestamps. Returns `false`, with nothing done, for any other packet.
  @inline(never)
  private mutating func takeTimestamped(
    _ packet: UnsafePointer<DecodedPacket>, _ flow: UInt32, _ sender: Side
  ) -> Bool {
    let record = records.base + Int(flow)
    let connection = connections.base + Int(record.pointee.connection)
    switch timestampedExpectation(of: packet, from: sender, record, connection) {
    case .none: return false
    case .plain:
      rememberExpected(packet, sender.peer, connection)
      events.beginBothSteps()
      sendPlain(packet, sender, record, connection)
      receivePlain(packet, sender.peer, record, connection)
    case .turn:
      rememberExpected(packet, sender.peer, connection)
      takeTurn(packet, flow, sender)
    }
    return true
  }

  /// Both steps of an expected segment that may bring an end to another state.
  @inline(never)
  private mutating func takeTurn(_ packet: UnsafePointer<DecodedPacket>, _ flow: UInt32, _ sender: Side) {
    let record = records.base + Int(flow)
    let connection = connections.base + Int(record.pointee.connection)
    current.flow = flow
    current.record = record
    current.sender = sender
    events.beginBothSteps()
    sendTurn(packet, sender, record, connection)
    events.markSecondStep()
    receiveTurn(packet, sender.peer, record, connection)
    if isMuted(record) { muteBothSteps(record) }
  }

  /// All other packets. Returns the flow.
  @inline(never)
  private mutating func takeOther(
    _ packet: UnsafePointer<DecodedPacket>, _ candidate: UInt32, _ sender: Side?
  ) -> UInt32 {
    if let sender, packet.pointee.tcpHeaderLength == 32, takeTimestamped(packet, candidate, sender) {
      return candidate
    }
    let ends = endedCount
    guard case .flow(let flow, let side) = lookUp(packet, candidate, sender) else {
      if endedCount != ends { events.set.insert(.connectionEnd) }
      return 0
    }
    let record = current.record
    let connection = connections.base + Int(record.pointee.connection)
    if flow != candidate {
      // Not what `prepare` found: that was another flow's, or nothing, or a further key of this one.
      if expectation(of: packet, from: side, record, connection) != .none {
        takeTurn(packet, flow, side)
        return flow
      }
      if packet.pointee.tcpHeaderLength == 32, takeTimestamped(packet, flow, side) { return flow }
    }
    events.beginPacket()
    connection.pointee.step = .unknown
    sendOther(packet)
    events.beginSecondStep()
    receiveOther(packet, record, connection)
    if isMuted(record) { muteBothSteps(record) }
    if endedCount != ends { events.set.insert(.connectionEnd) }
    return flow
  }
}
