// Unsafe: works on the engine's core by pointer, because handlers reach it the same way. See `EngineCore`.
import DualStackTracker
import MOSCore

/// From what the tracker returned to the handlers.
extension EngineLoop {
  /// Handlers of both steps of a packet.
  @inline(__always)
  static func dispatchBoth(
    _ core: UnsafeMutablePointer<EngineCore>, _ flow: UInt32, _ packet: UnsafePointer<DecodedPacket>
  ) {
    if flow == 0 { return dispatchOutside(core, packet) }
    var event = core.pointee.tracker.events.first
    let end = core.pointee.tracker.events.end
    let occurrence = core.pointee.begin(flow, packet)
    let lists = lists(core, occurrence)
    if core.pointee.table.wantsPackets {
      let second = core.pointee.tracker.events.firstOfSecondStep
      // Where somebody listens to packets at `.sender`, packets are taken step by step.
      if event < second { run(&event, second, lists, occurrence) }
      occurrence.pointee.event = core.pointee.fact(.packet, .receiver)
      Dispatch.run(lists + Hook.receiver.list(of: .packet), occurrence)
    }
    run(&event, end, lists, occurrence)
    EngineStreams.settle(core, occurrence)
  }

  /// The same for one middlebox that neither chooses flows nor reads streams nor wants every packet.
  @inline(__always)
  static func dispatchSimply(
    _ core: UnsafeMutablePointer<EngineCore>, _ flow: UInt32, _ packet: UnsafePointer<DecodedPacket>
  ) {
    if flow == 0 { return dispatchOutside(core, packet) }
    var event = core.pointee.tracker.events.first
    run(&event, core.pointee.tracker.events.end, core.pointee.table.lists, core.pointee.occurrence(flow, packet))
  }

  /// What `tellEnds` and `dispatchSimply` do, where in addition no event has more than one handler. Precondition: `bits` are
  /// those that flows have at first.
  @inline(__always)
  static func dispatchToSoleHandlers(
    _ core: UnsafeMutablePointer<EngineCore>, _ flow: UInt32, _ packet: UnsafePointer<DecodedPacket>
  ) {
    let record = core.pointee.tracker.recordBase + Int(flow)
    // What it listens to can have been changed; where there is no flow, record 0 says so.
    if record.pointee.storage != 0 { return dispatchByLists(core, flow, packet) }
    let soleHandlers = core.pointee.table.soleHandlers
    let last = core.pointee.tracker.events.end - 1
    var event = core.pointee.tracker.events.first
    // What somebody waits for comes last, and mostly alone. Where a flow takes another's place it is not alone.
    if event != last {
      if core.pointee.tracker.hasEnded() { return dispatchByLists(core, flow, packet) }
      repeat {
        let handler = soleHandlers[soleHandlerIndex(event)]
        if handler != core.pointee.table.noHandler { return dispatchByLists(core, flow, packet) }
        event += 1
      } while event != last
    }
    let handler = soleHandlers[soleHandlerIndex(last)]
    let occurrence = core.pointee.occurrence(flow, record, packet)
    occurrence.pointee.event = last
    occurrence.pointee.node = handler
    core.pointee.table.handlers[Int(handler)].call(occurrence)
  }

  /// The same for packets of which the event alone does not name the handler. Out of the way, so that the others' way saves
  /// no registers for it.
  @inline(never)
  private static func dispatchByLists(
    _ core: UnsafeMutablePointer<EngineCore>, _ flow: UInt32, _ packet: UnsafePointer<DecodedPacket>
  ) {
    tellEnds(core, packet)
    dispatchSimply(core, flow, packet)
    core.pointee.bits = core.pointee.table.initialBits
  }

  /// The place of an event's handler among `DispatchTable.soleHandlers`: `kind` and `hook`, with which a record begins.
  @inline(__always)
  private static func soleHandlerIndex(_ event: UnsafePointer<EventRecord>) -> Int {
    Int(UInt16(littleEndian: UnsafeRawPointer(event).load(as: UInt16.self)))
  }

  /// The lists for the order of the packet's direction.
  @inline(__always)
  static func lists(
    _ core: UnsafeMutablePointer<EngineCore>, _ occurrence: UnsafeMutablePointer<Occurrence>
  ) -> UnsafeMutablePointer<DispatchList> {
    core.pointee.table.boxCount > 1 && occurrence.pointee.sender == .server
      ? core.pointee.table.serverLists : core.pointee.table.lists
  }

  /// Handlers of one step of a packet that are in `lists`.
  static func dispatchStep(
    _ core: UnsafeMutablePointer<EngineCore>, _ flow: UInt32, _ packet: UnsafePointer<DecodedPacket>, _ hook: Hook,
    in boxLists: UnsafeMutablePointer<DispatchList>? = nil
  ) {
    let occurrence = core.pointee.begin(flow, packet)
    let lists = boxLists ?? lists(core, occurrence)
    dispatchPacket(occurrence, hook, lists)
    var event =
      hook == .sender ? core.pointee.tracker.events.first : core.pointee.tracker.events.firstOfSecondStep
    run(&event, core.pointee.tracker.events.end, lists, occurrence)
  }

  /// Handlers of a packet itself.
  @inline(__always)
  static func dispatchPacket(
    _ occurrence: UnsafeMutablePointer<Occurrence>, _ hook: Hook, _ lists: UnsafeMutablePointer<DispatchList>
  ) {
    let list = UnsafePointer(lists + hook.list(of: .packet))
    if list.pointee.isEmpty { return }
    occurrence.pointee.event = occurrence.pointee.core.pointee.fact(.packet, hook)
    Dispatch.run(list, occurrence)
  }

  /// Handlers of the events from one up to before another.
  @inline(__always)
  private static func run(
    _ event: inout UnsafePointer<EventRecord>, _ end: UnsafePointer<EventRecord>,
    _ lists: UnsafeMutablePointer<DispatchList>, _ occurrence: UnsafeMutablePointer<Occurrence>
  ) {
    while event < end {
      let list = UnsafePointer(lists + event.pointee.listIndex)
      if !list.pointee.isEmpty {
        occurrence.pointee.event = event
        Dispatch.run(list, occurrence)
      }
      event += 1
    }
  }

  /// Handlers of a packet without a flow that are in `lists`.
  @inline(never)
  static func dispatchOutside(
    _ core: UnsafeMutablePointer<EngineCore>, _ packet: UnsafePointer<DecodedPacket>,
    in boxLists: UnsafeMutablePointer<DispatchList>? = nil
  ) {
    let lists = boxLists ?? core.pointee.table.lists
    var occurrence = core.pointee.begin(core, 0, packet, packet.pointee.timestamp, .wire)
    let isOrphan = core.pointee.tracker.events.set.contains(.orphan)
    if isOrphan, core.pointee.filters.hasOrphans { core.pointee.selectOrphan(packet) }
    withUnsafeMutablePointer(to: &occurrence) { occurrence in
      if isOrphan { runFact(.orphan, .wire, occurrence, lists) }
      var event = core.pointee.tracker.events.first
      run(&event, core.pointee.tracker.events.end, lists, occurrence)
    }
  }

  /// Handlers of an event that has no record.
  @inline(__always)
  private static func runFact(
    _ kind: EventKind, _ hook: Hook, _ occurrence: UnsafeMutablePointer<Occurrence>,
    _ lists: UnsafeMutablePointer<DispatchList>
  ) {
    let core = occurrence.pointee.core
    let list = UnsafePointer(lists + hook.list(of: kind))
    if list.pointee.isEmpty { return }
    occurrence.pointee.event = core.pointee.fact(kind, hook)
    Dispatch.run(list, occurrence)
  }

  /// Handlers of a frame, before its flow is looked up, that are in `list`.
  static func dispatchFrame(
    _ core: UnsafeMutablePointer<EngineCore>, _ packet: UnsafePointer<DecodedPacket>,
    _ list: UnsafePointer<DispatchList>
  ) {
    if list.pointee.isEmpty { return }
    var occurrence = core.pointee.begin(core, 0, packet, packet.pointee.timestamp, .wire)
    withUnsafeMutablePointer(to: &occurrence) { Dispatch.run(list, $0) }
  }

  /// Handlers of the end of a flow that ended without a packet of its own; `packet` is the one that took its place.
  @inline(never)
  static func dispatchEnd(
    _ core: UnsafeMutablePointer<EngineCore>, _ flow: UInt32, _ packet: UnsafePointer<DecodedPacket>?
  ) {
    let record = core.pointee.tracker.record(flow)
    let hasTimedOut = record.pointee.end == .timeout
    var time = record.pointee.lastClock
    if hasTimedOut {
      time = core.pointee.tracker.timeoutTime(of: record)
    } else if let packet {
      time = packet.pointee.clock
    }
    var occurrence = core.pointee.begin(core, flow, nil, time, .timer)
    withUnsafeMutablePointer(to: &occurrence) { occurrence in
      if hasTimedOut { runFact(.idle, .timer, occurrence, core.pointee.table.lists) }
      runFact(.connectionEnd, .timer, occurrence, core.pointee.table.lists)
      core.pointee.streams.removeAll(of: record, in: core.pointee.blocks)
    }
  }

  /// Handlers of a flow whose record is final.
  static func dispatchRelease(_ core: UnsafeMutablePointer<EngineCore>, _ flow: UInt32) {
    var occurrence = core.pointee.begin(
      core, flow, nil, core.pointee.tracker.record(flow).pointee.lastClock, .timer)
    withUnsafeMutablePointer(to: &occurrence) { Dispatch.run(core.pointee.table.releases, $0) }
  }

  /// Timers and time-outs that are due, in the order of their times; at the same time, time-outs first.
  static func goOff(_ core: UnsafeMutablePointer<EngineCore>, _ now: Timestamp) {
    guard core.pointee.timers.isDue(now) || core.pointee.tracker.isDue(now) else { return }
    // Also where only time-outs are due: their handlers can set timers.
    if core.pointee.hasTimers { core.pointee.timers.begin(now) }
    while true {
      let timer = core.pointee.timers.wheel.nextDue
      if let timeout = core.pointee.tracker.nextDue, timeout <= min(timer ?? now, now) {
        core.pointee.tracker.advance(to: timeout)
        tellEnds(core, nil)
      } else if let timer, timer <= now {
        let number = core.pointee.timers.nextExpired(timer)
        if number != 0 { goOff(core, number) }
      } else {
        break
      }
    }
    core.pointee.tracker.advance(to: now)
    _ = core.pointee.timers.nextExpired(now)
  }

  private static func goOff(_ core: UnsafeMutablePointer<EngineCore>, _ number: UInt32) {
    let time = core.pointee.timers.wheel.deadline(of: number)
    let (flow, place) = core.pointee.timers.timer(number)
    // Its flow ended, and waits to be collected.
    if flow != 0, !core.pointee.tracker.record(flow).pointee.isTracked { return }
    core.pointee.statistics.timers &+= 1
    let key = flow == 0 ? core.pointee.timers.boxTimers[place].number : core.pointee.timers.flowTimers[place]
    if flow == 0, core.pointee.timers.boxTimers[place].interval > 0 {
      let next = time.nanoseconds.addingReportingOverflow(core.pointee.timers.boxTimers[place].interval)
      if !next.overflow { core.pointee.timers.schedule(number, at: Timestamp(nanoseconds: next.partialValue)) }
    }
    var occurrence = core.pointee.begin(core, flow, nil, time, .timer)
    withUnsafeMutablePointer(to: &occurrence) { occurrence in
      let list = UnsafePointer(core.pointee.table.keyLists + Int(key))
      if !list.pointee.isEmpty { Dispatch.run(list, occurrence) }
      if core.pointee.hasMade { sendMade(core, at: time) }
    }
  }
}

extension Hook {
  /// The place of the list for a kind of event at this hook.
  @inline(__always)
  func list(of kind: EventKind) -> Int { Int(kind.rawValue) &* 4 &+ Int(rawValue) }
}

extension EventRecord {
  /// The place of the list with its handlers.
  @inline(__always) fileprivate var listIndex: Int { Int(kind.rawValue) &* 4 &+ Int(hook.rawValue) }
}
