// Unsafe: works on the engine's core by pointer, because handlers reach it the same way. See `EngineCore`.
import DualStackTracker
import MOSCore

/// The way of a packet through an engine with filters.
extension EngineLoop {
  /// The next packet of a burst, through all middleboxes in the order of its direction, and out if none drops it.
  static func act(_ core: UnsafeMutablePointer<EngineCore>, _ burst: inout PacketBurst) {
    let packet = UnsafePointer(burst.packets + burst.next)
    let work = core.pointee.work
    var fragmentLength: UInt32 = 0
    if packet.pointee.kind == .fragment || packet.pointee.isReassembled {
      guard let length = takeFragment(core, &burst) else { return }
      fragmentLength = length
      work.pointee.identification = 0
    }
    work.pointee.begin(packet, fragmentLength: fragmentLength)
    let count = core.pointee.table.boxCount
    var isKnown = false
    let match = core.pointee.tracker.matchNext(burst, isKnown: &isKnown)
    let isUnknown =
      !isKnown && core.pointee.table.wantsUnknownFrames && !core.pointee.tracker.isNextKnown(burst, from: match)
    if isUnknown || core.pointee.table.wantsFrames {
      for box in 0..<count where !work.pointee.isDropped {
        let lists = core.pointee.table.boxLists(box)
        dispatchFrame(core, packet, UnsafePointer(lists + DispatchTable.frameList))
        if isUnknown, !work.pointee.isDropped {
          dispatchFrame(core, packet, UnsafePointer(lists + DispatchTable.unknownFrameList))
        }
      }
      if work.pointee.isDropped {
        core.pointee.tracker.skipNext(&burst)
        return core.pointee.countDropped()
      }
    }
    // What handlers of other flows' ends decide is not about this packet.
    work.pointee.enter(.none)
    let found = core.pointee.tracker.sendNext(&burst, from: match)
    tellEnds(core, packet)
    work.pointee.enter(.sender)
    guard case .flow(let flow, let sender) = found else {
      for box in 0..<count where !work.pointee.isDropped {
        dispatchOutside(core, work.pointee.packet, in: core.pointee.table.boxLists(box))
      }
      return work.pointee.isDropped ? core.pointee.countDropped() : core.pointee.send()
    }
    if core.pointee.keepsTemplates { core.pointee.keepTemplate(flow, sender, packet) }
    carry(core, packet, PacketWay(flow: flow, sender: sender))
  }

  /// A fragment that waits for its datagram, as a middlebox needs it: nil, and it is done with. Else the length of the
  /// fragments in which the packet came, which was made one of the whole datagram hereby; 0 for one that passes as it is.
  @inline(never)
  private static func takeFragment(
    _ core: UnsafeMutablePointer<EngineCore>, _ burst: inout PacketBurst
  ) -> UInt32? {
    let packet = burst.packets + burst.next
    guard core.pointee.datagrams.areAwaited(packet) else { return 0 }
    if packet.pointee.isReassembled {
      let length = packet.pointee.fragmentLength
      return core.pointee.datagrams.join(packet) ? length : 0
    }
    core.pointee.statistics.awaitedFragments &+= 1
    core.pointee.work.pointee.enter(.none)
    _ = core.pointee.tracker.sendNext(&burst, from: nil)
    tellEnds(core, packet)
    for box in 0..<core.pointee.table.boxCount { dispatchOutside(core, packet, in: core.pointee.table.boxLists(box)) }
    return nil
  }

  /// A packet of a flow from its sender's step on: through the middleboxes that lie on its way, to its receiver, and out.
  /// `packet` is what was sent, and may have other numbers than what is on its way.
  static func carry(
    _ core: UnsafeMutablePointer<EngineCore>, _ packet: UnsafePointer<DecodedPacket>, _ way: PacketWay
  ) {
    let work = core.pointee.work
    core.pointee.isCarrying = true
    core.pointee.carriedFrom = way.sender
    defer { core.pointee.isCarrying = false }
    let passes = pass(core, way, .sender) && (!core.pointee.holds || mayGoOn(core, way))
    EngineStreams.settle(core, way.flow, work.pointee.packet, .sender)
    if !passes {
      core.pointee.tracker.drop(packet)
      return core.pointee.countDropped(way)
    }
    work.pointee.enter(.receiver)
    let arriving = work.pointee.packet
    work.pointee.note(receiverNext: core.pointee.tracker.exactNext(of: way.sender.peer, in: way.flow))
    let original = work.pointee.hasNewNumbers || way.isRenumbered ? packet : nil
    if core.pointee.table.dropsReceived {
      core.pointee.tracker.receiveRevocably(arriving, insteadOf: original)
      EngineStreams.hold(core, way.flow)
      let arrives = pass(core, way, .receiver) && (!core.pointee.holds || mayGoOn(core, way))
      if arrives { core.pointee.tracker.confirmReceive() } else { core.pointee.tracker.undoReceive(packet) }
      EngineStreams.letGo(core, way.flow, arriving, isUndone: !arrives)
      if arrives { core.pointee.forward(way) } else { core.pointee.countDropped(way) }
      return
    }
    if let original {
      core.pointee.tracker.receive(arriving, insteadOf: original)
    } else {
      core.pointee.tracker.receive(arriving)
    }
    _ = pass(core, way, .receiver)
    EngineStreams.settle(core, way.flow, arriving, .receiver)
    core.pointee.forward(way)
  }

  /// Runs the handlers of a step, middlebox by middlebox. `false` when one of them drops the packet.
  private static func pass(_ core: UnsafeMutablePointer<EngineCore>, _ way: PacketWay, _ hook: Hook) -> Bool {
    let work = core.pointee.work
    let count = core.pointee.table.boxCount
    for position in (hook == .sender ? way.passed : 0)..<count {
      let box = way.sender == .client ? position : count - 1 - position
      // What a middlebox made itself it is not asked about on the way.
      if hook == .receiver || box != way.maker {
        dispatchStep(core, way.flow, work.pointee.packet, hook, in: core.pointee.table.boxLists(box))
      }
      if work.pointee.isDropped { return false }
      if hook == .sender, core.pointee.changesLengths { leave(core, box, way.flow, way.sender) }
      if work.pointee.isDropped { return false }
    }
    return true
  }
}

/// The way of a packet through the middleboxes.
struct PacketWay: BitwiseCopyable {
  var flow: UInt32
  var sender: Side
  /// How many middleboxes, in the packet's direction, lie behind it where it begins.
  var passed = 0
  /// The middlebox that made it; -1 where it came from outside.
  var maker = -1
  /// Where it begins its numbers are not those of its sender.
  var isRenumbered = false
  /// It goes back to where the packet came from in whose event it was made.
  var isReturned = false
}

extension EngineCore {
  /// A packet leaves that came from outside.
  mutating func send() {
    statistics.forwarded &+= 1
    if work.pointee.fragmentLength == 0 {
      output.append(work.pointee.packet.pointee, copies: work.pointee.isInMemory)
    } else {
      output.appendFragments(
        of: work.pointee.packet, longest: work.pointee.fragmentLength,
        identification: work.pointee.identification)
    }
    work.pointee.enter(.none)
  }

  /// A packet of a flow leaves, or waits with those that are held, unless a middlebox made it.
  mutating func forward(_ way: PacketWay) {
    guard way.maker >= 0 else {
      if !holds { return send() }
      if let queue = held(tracker.record(way.flow), way.sender), queue.pointee.isShut {
        work.pointee.drop(by: queue.pointee.node)
        return countDropped()
      }
      if wait(way.flow, way.sender) { return work.pointee.enter(.none) }
      return send()
    }
    output.append(
      work.pointee.packet.pointee, copies: true, isReturned: way.isReturned,
      leavesChecksum: work.pointee.leavesChecksum)
    work.pointee.enter(.none)
  }

  /// A packet of a flow was dropped. What a middlebox made is counted by itself.
  mutating func countDropped(_ way: PacketWay) {
    if way.maker < 0 { return countDropped() }
    statistics.injectedDropped &+= 1
    work.pointee.enter(.none)
  }

  /// A packet that came from outside was dropped.
  mutating func countDropped() {
    statistics.dropped &+= 1
    drops[table.box(of: work.pointee.dropper)] &+= 1
    work.pointee.enter(.none)
  }
}
