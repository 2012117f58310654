// Unsafe: works on the engine's core by pointer, because handlers reach it the same way. See `EngineCore`.
import DualStackTracker
import MOSCore
import MTCP

/// The way of packets that middleboxes made.
extension EngineLoop {
  /// Sends what was made while `packet` was on its way, then what ends its connection.
  @inline(never)
  static func sendMade(_ core: UnsafeMutablePointer<EngineCore>, _ packet: UnsafePointer<DecodedPacket>) {
    core.pointee.isInjecting = true
    core.pointee.hasMade = false
    core.pointee.requestedReset?.lookBefore(core.pointee.tracker)
    for index in 0..<core.pointee.injections.count { sendInjected(core, index, packet) }
    core.pointee.injections.removeAll()
    if let reset = core.pointee.requestedReset {
      core.pointee.requestedReset = nil
      send(core, reset, packet)
      core.pointee.injections.removeAll()
    }
    core.pointee.isInjecting = false
  }

  /// The same of what was made in a timer's event.
  @inline(never)
  static func sendMade(_ core: UnsafeMutablePointer<EngineCore>, at time: Timestamp) {
    var packet = DecodedPacket(frame: core.pointee.work.pointee.packet.pointee.frame)
    packet.timestamp = time
    packet.clock = time
    withUnsafePointer(to: packet) { sendMade(core, $0) }
  }

  private static func sendInjected(
    _ core: UnsafeMutablePointer<EngineCore>, _ index: Int, _ packet: UnsafePointer<DecodedPacket>
  ) {
    var made = DecodedPacket(frame: packet.pointee.frame)
    var way = core.pointee.injections.describe(index, packet, into: &made)
    core.pointee.statistics.injected &+= 1
    if way.flow == 0 { return withUnsafeMutablePointer(to: &made) { sendAnswer(core, $0, way, behind: packet) } }
    var sent = made
    // As it would have come to here: with the key by which the flow is known, and the numbers of its sender.
    let key = core.pointee.tracker.record(way.flow).pointee.key
    sent.key = way.sender == .client ? key : key.reversed
    core.pointee.translateBack(&sent, way)
    way.isRenumbered = sent.sequence != made.sequence || sent.acknowledgment != made.acknowledgment
    withUnsafeMutablePointer(to: &sent) { sent in
      core.pointee.tracker.prepare(sent)
      guard case .flow(let flow, let sender) = core.pointee.tracker.lookUp(sent, candidate: way.flow) else {
        return core.pointee.output.append(
          made, copies: true, isReturned: way.isReturned,
          leavesChecksum: core.pointee.injections.leavesChecksum(index))
      }
      // Another one than before for the first segment of a new connection in the flow's place.
      way.flow = flow
      way.sender = sender
      core.pointee.tracker.send(sent)
      tellEnds(core, packet)
      withUnsafePointer(to: made) { made in
        core.pointee.work.pointee.begin(
          made, isMade: true, leavesChecksum: core.pointee.injections.leavesChecksum(index))
        core.pointee.work.pointee.enter(.sender)
        carry(core, sent, way)
      }
    }
  }

  /// Sends what answers a packet: to the wire, or as a packet of its own flow through the middleboxes on its way.
  private static func sendAnswer(
    _ core: UnsafeMutablePointer<EngineCore>, _ made: UnsafeMutablePointer<DecodedPacket>, _ way: PacketWay,
    behind packet: UnsafePointer<DecodedPacket>
  ) {
    let work = core.pointee.work
    let count = core.pointee.table.boxCount
    work.pointee.begin(made, isMade: true)
    if way.passed == count { return core.pointee.forward(way) }
    core.pointee.tracker.prepare(made)
    guard case .flow(let flow, let sender) = core.pointee.tracker.lookUp(made) else { return core.pointee.forward(way) }
    core.pointee.tracker.send(made)
    tellEnds(core, packet)
    work.pointee.enter(.sender)
    core.pointee.isCarrying = true
    core.pointee.carriedFrom = sender
    defer { core.pointee.isCarrying = false }
    for position in way.passed..<count {
      // Its own flow may say otherwise who is the client: what counts is from where it goes.
      let box = way.sender == .client ? position : count - 1 - position
      if box == way.maker { continue }
      dispatchStep(core, flow, work.pointee.packet, .sender, in: core.pointee.table.boxLists(box))
      work.pointee.forgetReplacements()
      if work.pointee.isDropped {
        core.pointee.tracker.drop(made)
        return core.pointee.countDropped(way)
      }
    }
    work.pointee.enter(.receiver)
    core.pointee.tracker.receive(work.pointee.packet)
    for box in 0..<count where box != way.maker {
      dispatchStep(core, flow, work.pointee.packet, .receiver, in: core.pointee.table.boxLists(box))
    }
    if work.pointee.isDropped { return core.pointee.countDropped(way) }
    core.pointee.forward(way)
  }

  /// Sends the segments that reset a connection through the middleboxes on their ways, which may change their addresses.
  /// Their numbers are those of the ends, whatever was translated on the way.
  private static func send(
    _ core: UnsafeMutablePointer<EngineCore>, _ reset: RequestedReset, _ packet: UnsafePointer<DecodedPacket>
  ) {
    let segments = core.pointee.end(reset, packet)
    for side in [Side.client, .server] {
      guard let segment = side == .client ? segments.client : segments.server else { continue }
      let way = side == .client ? reset.towardClient : reset.towardServer
      guard core.pointee.injections.add(reset.template.builder(of: way.sender), segment, way) else { continue }
      var made = DecodedPacket(frame: packet.pointee.frame)
      _ = core.pointee.injections.describe(core.pointee.injections.count - 1, packet, into: &made)
      core.pointee.statistics.injected &+= 1
      withUnsafePointer(to: made) { carryReset(core, $0, way) }
    }
    tellEnds(core, packet)
  }

  private static func carryReset(
    _ core: UnsafeMutablePointer<EngineCore>, _ made: UnsafePointer<DecodedPacket>, _ way: PacketWay
  ) {
    let work = core.pointee.work
    let count = core.pointee.table.boxCount
    work.pointee.begin(made, isMade: true)
    work.pointee.enter(.sender)
    core.pointee.isCarrying = true
    core.pointee.carriedFrom = way.sender
    defer { core.pointee.isCarrying = false }
    for position in way.passed..<count {
      let box = way.sender == .client ? position : count - 1 - position
      if box == way.maker { continue }
      dispatchPacket(
        core.pointee.begin(way.flow, work.pointee.packet), .sender, core.pointee.table.boxLists(box))
      work.pointee.forgetReplacements()
      if work.pointee.isDropped { return core.pointee.countDropped(way) }
    }
    core.pointee.forward(way)
  }
}

extension EngineCore {
  /// The numbers of a packet that begins its way between middleboxes, as its sender would have sent it.
  fileprivate mutating func translateBack(_ packet: inout DecodedPacket, _ way: PacketWay) {
    let record = tracker.record(way.flow)
    guard isTranslated(record) else { return }
    for position in (0..<way.passed).reversed() {
      let box = way.sender == .client ? position : table.boxCount - 1 - position
      guard let edits = edits(of: record, box) else { continue }
      let own = edits.pointee.translation(way.sender)
      let other = edits.pointee.translation(way.sender.peer)
      packet.sequence = own.originalAcknowledgment(SequenceNumber(packet.sequence)).rawValue
      packet.acknowledgment = other.translated(SequenceNumber(packet.acknowledgment)).rawValue
    }
  }
}
