// Unsafe: works on the engine's core by pointer, because handlers reach it the same way. See `EngineCore`.
import DualStackTracker
import MOSCore

/// The way of a burst through an engine.
enum EngineLoop {
  /// Takes packets up to and with the first that has an event in `wanted`: both steps of the tracker at once where nobody
  /// listens between them, step by step otherwise. `false` at the end of the burst.
  static func process(
    _ core: UnsafeMutablePointer<EngineCore>, _ burst: inout PacketBurst, wanted: EventSet
  ) -> Bool {
    burst.waitsForEnds = core.pointee.table.wantsEnds
    if core.pointee.table.needsSteps { return takeInSteps(core, &burst, wanted) }
    if core.pointee.hasTimers { return takeBetweenTimers(core, &burst, wanted) }
    if core.pointee.table.hasSoleHandlers { return takeWhole(core, &burst, wanted, tell: tellSoleHandlers) }
    if core.pointee.table.isSimple { return takeWhole(core, &burst, wanted, tell: tellSimply) }
    return takeWhole(core, &burst, wanted, tell: tellBoth)
  }

  /// Each packet step by step.
  private static func takeInSteps(
    _ core: UnsafeMutablePointer<EngineCore>, _ burst: inout PacketBurst, _ wanted: EventSet
  ) -> Bool {
    while true {
      // Behind the packet's own events, which somebody may have looked at in between.
      if core.pointee.hasMade { sendMade(core, burst.packet) }
      goOff(core, &burst)
      guard burst.next < burst.count else { return false }
      if core.pointee.table.acts { act(core, &burst) } else { step(core, &burst) }
      if core.pointee.tracker.events.set.rawValue & wanted.rawValue != 0 { return true }
    }
  }

  /// Each packet at once, up to the next timer.
  private static func takeBetweenTimers(
    _ core: UnsafeMutablePointer<EngineCore>, _ burst: inout PacketBurst, _ wanted: EventSet
  ) -> Bool {
    let both = EventSet(rawValue: core.pointee.table.wantedAnywhere.rawValue | wanted.rawValue)
    while true {
      goOff(core, &burst)
      if core.pointee.tracker.process(&burst, wanted: both) {
        tellEnds(core, burst.packet)
        dispatchBoth(core, burst.flow, burst.packet)
        if core.pointee.tracker.events.set.rawValue & wanted.rawValue != 0 { return true }
      } else {
        tellEnds(core, nil)
        if burst.next == burst.count { return false }
      }
    }
  }

  /// Each packet at once, in the tracker's own loop: handlers of every event cost a tenth less than if it was left for each.
  @inline(__always)
  private static func takeWhole(
    _ core: UnsafeMutablePointer<EngineCore>, _ burst: inout PacketBurst, _ wanted: EventSet,
    tell: Tracker.Listener
  ) -> Bool {
    // By pointer: no access to the tracker lasts while a handler runs.
    let tracker = withUnsafeMutablePointer(to: &core.pointee.tracker) { $0 }
    let heard = core.pointee.table.wantedAnywhere
    while true {
      core.pointee.bits = core.pointee.table.initialBits
      if Tracker.process(tracker, &burst, wanted: wanted, heard: heard, tell: tell, core) { return true }
      tellEnds(core, nil)
      if burst.next == burst.count { return false }
    }
  }

  /// Both steps of the next packet, the handlers of each behind it.
  private static func step(_ core: UnsafeMutablePointer<EngineCore>, _ burst: inout PacketBurst) {
    let packet = UnsafePointer(burst.packets + burst.next)
    dispatchFrame(core, packet, core.pointee.table.frames)
    let sender = core.pointee.tracker.matchNext(burst)
    if core.pointee.table.wantsUnknownFrames, !core.pointee.tracker.isNextKnown(burst, from: sender) {
      dispatchFrame(core, packet, core.pointee.table.unknownFrames)
    }
    let found = core.pointee.tracker.sendNext(&burst, from: sender)
    tellEnds(core, packet)
    guard case .flow(let flow, _) = found else { return dispatchOutside(core, packet) }
    dispatchStep(core, flow, packet, .sender)
    EngineStreams.settle(core, flow, packet, .sender)
    core.pointee.tracker.receive(packet)
    dispatchStep(core, flow, packet, .receiver)
    EngineStreams.settle(core, flow, packet, .receiver)
  }

  /// Timers and time-outs that are due before the next packet; and up to which packet no timer is.
  private static func goOff(_ core: UnsafeMutablePointer<EngineCore>, _ burst: inout PacketBurst) {
    guard burst.next < burst.count else { return }
    goOff(core, burst.packets[burst.next].clock)
    if core.pointee.table.needsSteps { return }
    var limit = burst.next + 1
    while limit < burst.count && !core.pointee.timers.isDue(burst.packets[limit].clock) { limit += 1 }
    burst.limit = limit
  }

  /// A flow that ended without a packet of its own, whose handlers have run; 0 for none.
  static func takeEnded(_ core: UnsafeMutablePointer<EngineCore>) -> UInt32 {
    tellEnds(core, nil)
    return core.pointee.tracker.takeEnded()
  }

  /// Handlers of flows that ended without a packet of their own; `packet` is the one that took their place.
  @inline(__always)
  static func tellEnds(_ core: UnsafeMutablePointer<EngineCore>, _ packet: UnsafePointer<DecodedPacket>?) {
    guard core.pointee.tracker.hasEnded() else { return }
    while case let flow = core.pointee.tracker.nextEnded(), flow != 0 { dispatchEnd(core, flow, packet) }
  }

  /// A flow whose record is final, and which has no more storage and no timers; 0 for none.
  static func takeReleased(_ core: UnsafeMutablePointer<EngineCore>) -> UInt32 {
    let flow = core.pointee.tracker.takeReleased()
    if flow == 0 { return 0 }
    if !core.pointee.table.releases.pointee.isEmpty { dispatchRelease(core, flow) }
    core.pointee.timers.cancelAll(of: flow)
    let record = core.pointee.tracker.record(flow)
    core.pointee.streams.removeAll(of: record, in: core.pointee.blocks)
    if record.pointee.storage != 0 {
      core.pointee.freeEdits(of: record.pointee.storage)
      core.pointee.freeHeld(of: record.pointee.storage)
      core.pointee.freeTemplate(of: record.pointee.storage)
      core.pointee.storage.free(record.pointee.storage)
      record.pointee.storage = 0
    }
    return flow
  }
}

// What the tracker's loop calls: each is inlined into the function of C's convention that the compiler makes of it, which
// it does not do with a closure.

@inline(__always)
private func tellSoleHandlers(_ core: UnsafeMutableRawPointer, _ flow: UInt32, _ packet: UnsafeRawPointer) {
  let packet = packet.assumingMemoryBound(to: DecodedPacket.self)
  EngineLoop.dispatchToSoleHandlers(core.assumingMemoryBound(to: EngineCore.self), flow, packet)
}

@inline(__always)
private func tellSimply(_ core: UnsafeMutableRawPointer, _ flow: UInt32, _ packet: UnsafeRawPointer) {
  let core = core.assumingMemoryBound(to: EngineCore.self)
  let packet = packet.assumingMemoryBound(to: DecodedPacket.self)
  EngineLoop.tellEnds(core, packet)
  EngineLoop.dispatchSimply(core, flow, packet)
}

@inline(__always)
private func tellBoth(_ core: UnsafeMutableRawPointer, _ flow: UInt32, _ packet: UnsafeRawPointer) {
  let core = core.assumingMemoryBound(to: EngineCore.self)
  let packet = packet.assumingMemoryBound(to: DecodedPacket.self)
  EngineLoop.tellEnds(core, packet)
  EngineLoop.dispatchBoth(core, flow, packet)
}
