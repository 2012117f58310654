// Unsafe: works on the engine's core by pointer, because handlers reach it the same way. See `EngineCore`.
import DualStackTracker
import MOSCore

/// The way of a packet through an engine with filters.
extension EngineLoop {
  /// The next packet of a burst, through all middleboxes in the order of its direction, and out if none drops it.
  static func act(_ core: UnsafeMutablePointer<EngineCore>, _ burst: inout PacketBurst) {
    let packet = UnsafePointer(burst.packets + burst.next)
    let work = core.pointee.work
    work.pointee.begin(packet)
    let count = core.pointee.table.boxCount
    for box in 0..<count where !work.pointee.isDropped {
      dispatchFrame(core, packet, UnsafePointer(core.pointee.table.boxLists(box) + DispatchTable.frameList))
    }
    if work.pointee.isDropped {
      core.pointee.tracker.skipNext(&burst)
      return core.pointee.countDropped()
    }
    work.pointee.enter(.sender)
    let found = core.pointee.tracker.sendNext(&burst)
    tellEnds(core, packet)
    guard case .flow(let flow, let sender) = found else {
      for box in 0..<count where !work.pointee.isDropped {
        dispatchOutside(core, work.pointee.packet, in: core.pointee.table.boxLists(box))
      }
      return work.pointee.isDropped ? core.pointee.countDropped() : core.pointee.send()
    }
    let passes = pass(core, flow, .sender, sender) && core.pointee.mayGoOn(flow, sender)
    EngineStreams.settle(core, flow, work.pointee.packet, .sender)
    if !passes {
      core.pointee.tracker.drop(packet)
      return core.pointee.countDropped()
    }
    work.pointee.enter(.receiver)
    if core.pointee.table.dropsReceived {
      let changed = work.pointee.packet
      core.pointee.tracker.receiveRevocably(changed, insteadOf: work.pointee.hasNewNumbers ? packet : nil)
      EngineStreams.hold(core, flow)
      let arrives = pass(core, flow, .receiver, sender) && core.pointee.mayGoOn(flow, sender)
      if arrives { core.pointee.tracker.confirmReceive() } else { core.pointee.tracker.undoReceive(packet) }
      EngineStreams.letGo(core, flow, changed, isUndone: !arrives)
      if arrives { core.pointee.forward(flow, sender) } else { core.pointee.countDropped() }
      return
    }
    if !work.pointee.isChanged {
      core.pointee.tracker.receive(packet)
    } else if work.pointee.hasNewNumbers {
      core.pointee.tracker.receive(work.pointee.packet, insteadOf: packet)
    } else {
      core.pointee.tracker.receive(work.pointee.packet)
    }
    _ = pass(core, flow, .receiver, sender)
    EngineStreams.settle(core, flow, work.pointee.packet, .receiver)
    core.pointee.forward(flow, sender)
  }

  /// Runs the handlers of a step, middlebox by middlebox. `false` when one of them drops the packet.
  private static func pass(
    _ core: UnsafeMutablePointer<EngineCore>, _ flow: UInt32, _ hook: Hook, _ sender: Side
  ) -> Bool {
    let work = core.pointee.work
    let count = core.pointee.table.boxCount
    for position in 0..<count {
      let box = sender == .client ? position : count - 1 - position
      dispatchStep(core, flow, work.pointee.packet, hook, in: core.pointee.table.boxLists(box))
      if work.pointee.isDropped { return false }
      if hook == .sender { leave(core, box, flow, sender) }
      if work.pointee.isDropped { return false }
    }
    return true
  }
}

extension EngineCore {
  /// The packet of a flow leaves, or waits with those that are held.
  mutating func forward(_ flow: UInt32, _ sender: Side) {
    if wait(flow, sender) { return work.pointee.enter(.none) }
    send()
  }

  /// The packet leaves.
  mutating func send() {
    statistics.forwarded &+= 1
    output.append(work.pointee.packet.pointee, copies: work.pointee.isChanged)
    work.pointee.enter(.none)
  }

  /// The packet was dropped.
  mutating func countDropped() {
    statistics.dropped &+= 1
    drops[table.box(of: work.pointee.dropper)] &+= 1
    work.pointee.enter(.none)
  }
}
