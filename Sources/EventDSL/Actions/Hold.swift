// Unsafe: works on the engine's core by pointer, because handlers reach it the same way. See `EngineCore`.
import DualStackTracker
import MOSCore

extension Flow {
  /// Packets of `side` that wait for a decision (`PacketControl.hold()`), of whichever middlebox.
  public func heldPackets(from side: Side) -> Int {
    Int(occurrence.pointee.core.pointee.held(occurrence.pointee.record, side)?.pointee.packets ?? 0)
  }

  /// The middlebox that calls this holds packets of `side` no longer: they leave in their order, before the packet in whose
  /// event this is called, unless another middlebox holds them too. No effect when it holds none.
  public func releaseHeld(from side: Side) {
    let core = occurrence.pointee.core
    if core.pointee.isCarried(occurrence, side) {
      core.pointee.work.pointee.letGo(of: core.pointee.table.box(of: occurrence.pointee.node))
    }
    guard let queue = core.pointee.held(occurrence.pointee.record, side) else { return }
    queue.pointee.holders &= ~occurrence.pointee.holderBit
    if queue.pointee.holders == 0 { core.pointee.release(queue, occurrence.pointee.time) }
  }

  /// Drops the packets of `side` that the calling middlebox holds, and all that follow on them until the flow ends: their
  /// receiver will never have bytes that its tracked stack has taken, so that what is behind them is of no use to it. It is
  /// mostly followed by `reset`. No effect when it holds none.
  public func dropHeld(from side: Side) {
    let core = occurrence.pointee.core
    let bit = occurrence.pointee.holderBit
    let isCarried = core.pointee.isCarried(occurrence, side)
    let holdsPacket = isCarried && core.pointee.work.pointee.holders & bit != 0
    let queue =
      holdsPacket
      ? core.pointee.beginHeld(occurrence.pointee.record, side) : core.pointee.held(occurrence.pointee.record, side)
    guard let queue, holdsPacket || queue.pointee.holders & bit != 0 else { return }
    queue.pointee.node = occurrence.pointee.node
    core.pointee.drop(queue)
    queue.pointee.isShut = true
  }
}

extension Occurrence {
  /// The handler's middlebox among those that hold packets.
  fileprivate var holderBit: UInt64 {
    let box = core.pointee.table.box(of: node)
    return box < HeldPackets.mostHolders ? 1 &<< UInt64(box) : 0
  }
}

extension EngineCore {
  /// Whether the packet on its way, or any other, is held or was, in a flow that has not been given back.
  var holds: Bool {
    @inline(__always) mutating get { work.pointee.holders != 0 || held.flowCount > 0 }
  }

  /// What waits of a side's packets; nil if the flow never had any.
  mutating func held(
    _ record: UnsafeMutablePointer<FlowRecord>, _ side: Side
  ) -> UnsafeMutablePointer<HeldPackets.Queue>? {
    guard record.pointee.storage != 0 else { return nil }
    let index = storage.heldPlace(record.pointee.storage).pointee
    if index == 0 { return nil }
    return held.queue(index, side)
  }

  /// The same, made now for a flow that has none.
  mutating func beginHeld(
    _ record: UnsafeMutablePointer<FlowRecord>, _ side: Side
  ) -> UnsafeMutablePointer<HeldPackets.Queue> {
    if let queue = held(record, side) { return queue }
    if record.pointee.storage == 0 {
      record.pointee.storage = storage.allocate()
      listen(record)
    }
    let index = held.begin()
    storage.heldPlace(record.pointee.storage).pointee = index
    return held.queue(index, side)
  }

  /// Whether the packet on its way is one that `side` sent in the occurrence's flow.
  func isCarried(_ occurrence: UnsafeMutablePointer<Occurrence>, _ side: Side) -> Bool {
    isCarrying && occurrence.pointee.packet != nil && carriedFrom == side
  }

  /// The packet waits, when it is held or stands behind one that is. `false` when it need not.
  mutating func wait(_ flow: UInt32, _ sender: Side) -> Bool {
    let record = tracker.record(flow)
    guard work.pointee.holders | (held(record, sender)?.pointee.holders ?? 0) != 0 else { return false }
    let queue = beginHeld(record, sender)
    if work.pointee.holders != 0 {
      queue.pointee.holders |= work.pointee.holders
      queue.pointee.node = work.pointee.holder
    }
    if queue.pointee.packets == 0 { queue.pointee.receiverNext = work.pointee.receiverNext }
    held.append(
      work.pointee.packet, fragmentLength: work.pointee.fragmentLength, ingress: ingress, to: queue)
    statistics.held &+= 1
    return true
  }

  /// All that waits leaves.
  mutating func release(_ queue: UnsafeMutablePointer<HeldPackets.Queue>, _ time: Timestamp) {
    while let front = held.front(queue.pointee) {
      let head = front.pointee
      let room = output.room(Int(head.capturedLength))
      held.removeFront(of: queue, into: room)
      statistics.forwarded &+= 1
      guard let room else { continue }
      let frame = CapturedFrame(
        bytes: UnsafeRawPointer(room), capturedLength: head.capturedLength, wireLength: head.wireLength,
        timestamp: time, linkType: head.linkType)
      let isReturned = head.ingress != ingress
      if head.fragmentLength == 0 {
        output.append(frame, isReturned: isReturned)
      } else {
        output.appendFragments(
          of: frame, networkOffset: Int(head.networkOffset), longest: head.fragmentLength, isReturned: isReturned)
      }
    }
  }

  /// All that waits is dropped.
  mutating func drop(_ queue: UnsafeMutablePointer<HeldPackets.Queue>) {
    let box = table.box(of: queue.pointee.node)
    while queue.pointee.first != 0 {
      held.removeFront(of: queue, into: nil)
      statistics.dropped &+= 1
      drops[box] &+= 1
    }
    queue.pointee.holders = 0
  }

  /// Before an end is reset: drops what waits for it, and says with which number it has still to be reset, which its tracked
  /// stack has passed; nil where the tracked stack is what the end is. What follows goes on to an end that is reset alone, for
  /// it to answer.
  mutating func dropHeld(before side: Side, _ record: UnsafeMutablePointer<FlowRecord>, shuts: Bool) -> UInt32? {
    guard let queue = held(record, side.peer), queue.pointee.packets > 0 || queue.pointee.isShut else { return nil }
    drop(queue)
    queue.pointee.isShut = shuts
    return queue.pointee.receiverNext
  }

  /// Drops what still waits of a flow that is given back.
  mutating func freeHeld(of storage: UInt32) {
    let place = self.storage.heldPlace(storage)
    if place.pointee == 0 { return }
    drop(held.queue(place.pointee, .client))
    drop(held.queue(place.pointee, .server))
    held.end(place.pointee)
    place.pointee = 0
  }
}

extension EngineLoop {
  /// Whether the packet that passed so far may go on: its direction is not shut, and there is room if it must wait. Drops it
  /// otherwise, or lets it go on with all that waits of its direction.
  static func mayGoOn(_ core: UnsafeMutablePointer<EngineCore>, _ way: PacketWay) -> Bool {
    // What a middlebox made waits for nobody.
    if way.maker >= 0 { return true }
    let work = core.pointee.work
    let record = core.pointee.tracker.record(way.flow)
    let queue = core.pointee.held(record, way.sender)
    if let queue, queue.pointee.isShut {
      work.pointee.drop(by: queue.pointee.node)
      return false
    }
    let holders = work.pointee.holders | (queue?.pointee.holders ?? 0)
    if holders == 0 || core.pointee.held.hasRoom(work.pointee.packet, behind: queue) { return true }
    let node = work.pointee.holders != 0 ? work.pointee.holder : queue!.pointee.node
    reportFull(core, node, record)
    guard core.pointee.passesWhatCannotWait else {
      work.pointee.drop(by: node)
      return false
    }
    core.pointee.statistics.passedUndecided &+= UInt64(queue?.pointee.packets ?? 0) &+ 1
    work.pointee.letGoOfAll()
    queue?.pointee.holders = 0
    if let queue { core.pointee.release(queue, work.pointee.packet.pointee.timestamp) }
    return true
  }

  /// Says once who holds more than there is room for.
  private static func reportFull(
    _ core: UnsafeMutablePointer<EngineCore>, _ node: UInt32, _ record: UnsafeMutablePointer<FlowRecord>
  ) {
    guard core.pointee.reportedHolders.insert(node).inserted else { return }
    let packet = core.pointee.work.pointee.packet
    core.pointee.statistics.reports &+= 1
    core.pointee.sink(
      Report(
        middlebox: core.pointee.boxNames[core.pointee.table.box(of: node)], time: packet.pointee.timestamp,
        flow: record.pointee.key, packetKey: nil,
        flowStart: (record.pointee.firstTimestamp, record.pointee.firstPacket), packet: packet.pointee.number,
        text: "\(core.pointee.names[Int(node)]) holds more packets than there is room for: "
          + (core.pointee.passesWhatCannotWait ? "they pass" : "the rest are dropped")))
  }
}
