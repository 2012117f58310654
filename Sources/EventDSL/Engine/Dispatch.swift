// Unsafe: runs handlers that reach the engine by pointer. See `EngineCore`.
import DualStackTracker
import MOSCore

/// Runs handlers, and what handlers ask for.
public enum Dispatch {
  /// User-defined events inside of each other's handlers and definitions.
  static let deepest: UInt8 = 128
  /// User-defined events that one can raise inside of its handlers.
  static let mostRaises: Int32 = 10_000

  /// Runs the handlers in a list, which is not empty, that the flow listens to. A change of what it listens to holds from
  /// the next event on.
  @inline(__always)
  static func run(_ list: UnsafePointer<DispatchList>, _ occurrence: UnsafeMutablePointer<Occurrence>) {
    if !list.pointee.isPlain { return runLong(list, occurrence) }
    let core = occurrence.pointee.core
    run(list, core.pointee.bits[Int(list.pointee.word)], occurrence, core.pointee.table.handlers)
  }

  /// The same for a list of several parts, or where middleboxes have wishes: what the flow listens to is read for all of them before the first handler runs.
  @inline(never)
  private static func runLong(_ list: UnsafePointer<DispatchList>, _ occurrence: UnsafeMutablePointer<Occurrence>) {
    let core = occurrence.pointee.core
    if list.pointee.asksWishes { core.pointee.listenAsWished(occurrence) }
    let handlers = core.pointee.table.handlers
    let more = core.pointee.table.more + Int(list.pointee.firstMore)
    let count = Int(list.pointee.moreCount)
    let words = core.pointee.listening + Int(occurrence.pointee.depth) &* core.pointee.table.longestList
    words[0] = core.pointee.bits[Int(list.pointee.word)]
    for index in 0..<count { words[index &+ 1] = core.pointee.bits[Int(more[index].word)] }
    run(list, words[0], occurrence, handlers)
    for index in 0..<count { run(more + index, words[index &+ 1], occurrence, handlers) }
  }

  /// Runs the handlers of a list's part whose bits are set.
  @inline(__always)
  private static func run(
    _ list: UnsafePointer<DispatchList>, _ bits: UInt64, _ occurrence: UnsafeMutablePointer<Occurrence>,
    _ handlers: UnsafeMutablePointer<HandlerBox>
  ) {
    var waiting = list.pointee.mask & bits
    let first = list.pointee.firstNode
    while waiting != 0 {
      let node = first &+ UInt32(truncatingIfNeeded: waiting.trailingZeroBitCount)
      waiting &= waiting &- 1
      occurrence.pointee.node = node
      handlers[Int(node)].call(occurrence)
    }
  }

  /// Raises an event of a middlebox's own.
  @usableFromInline
  static func raise(_ occurrence: UnsafeMutablePointer<Occurrence>, _ number: UInt32, _ payload: UnsafeRawPointer?) {
    let core = occurrence.pointee.core
    guard Int(number) < core.pointee.table.keyCount else { KeyPlaces.refuse() }
    let list = UnsafePointer(core.pointee.table.keyLists + Int(number))
    core.pointee.statistics.raised &+= 1
    if list.pointee.isEmpty { return }
    if occurrence.pointee.depth == 0 { core.pointee.raisesLeft = mostRaises }
    guard occurrence.pointee.depth < deepest, core.pointee.raisesLeft > 0 else { return cutOff(occurrence) }
    core.pointee.raisesLeft &-= 1
    var raised = occurrence.pointee
    raised.depth &+= 1
    raised.payload = payload
    withUnsafeMutablePointer(to: &raised) { run(list, $0) }
  }

  /// An event that is not raised; its handler is reported once.
  @inline(never)
  private static func cutOff(_ occurrence: UnsafeMutablePointer<Occurrence>) {
    let core = occurrence.pointee.core
    core.pointee.statistics.cutOff &+= 1
    guard core.pointee.reported.insert(occurrence.pointee.node).inserted else { return }
    let name = core.pointee.names[Int(occurrence.pointee.node)]
    report(
      occurrence,
      occurrence.pointee.depth >= deepest
        ? "\(name) raises events inside of each other without end: not more than \(deepest) deep"
        : "\(name) raises more than \(mostRaises) events inside of one: the rest are not raised")
  }

  /// Hands on what the handler that runs reports.
  @usableFromInline @inline(never)
  static func report(_ occurrence: UnsafeMutablePointer<Occurrence>, _ text: String) {
    report(occurrence, box: occurrence.pointee.core.pointee.table.box(of: occurrence.pointee.node), text)
  }

  /// Hands on what a signature of the handler that runs found.
  static func alert(_ occurrence: UnsafeMutablePointer<Occurrence>, _ alert: Alert) {
    let box = occurrence.pointee.core.pointee.table.box(of: occurrence.pointee.node)
    if occurrence.pointee.flow != 0 { occurrence.pointee.record.pointee.isAlerted = true }
    report(occurrence, box: box, "[\(alert.generator):\(alert.signature):\(alert.revision)] \(alert.message)", alert)
  }

  /// Hands on what is said for the middlebox at a place of the row.
  static func report(
    _ occurrence: UnsafeMutablePointer<Occurrence>, box: Int, _ text: String, _ alert: Alert? = nil
  ) {
    let core = occurrence.pointee.core
    let packet = occurrence.pointee.packet
    let record = occurrence.pointee.record
    let hasFlow = occurrence.pointee.flow != 0
    core.pointee.statistics.reports &+= 1
    core.pointee.sink(
      Report(
        middlebox: core.pointee.boxNames[box], time: occurrence.pointee.time,
        flow: hasFlow ? record.pointee.key : nil,
        packetKey: hasFlow ? nil : packet.flatMap { $0.pointee.ipVersion == 0 ? nil : $0.pointee.key },
        flowStart: (record.pointee.firstTimestamp, record.pointee.firstPacket), packet: packet?.pointee.number ?? 0,
        text: text, alert: alert, sent: hasFlow ? (count(record, .client), count(record, .server)) : nil))
  }

  private static func count(_ record: UnsafeMutablePointer<FlowRecord>, _ side: Side) -> FrameCount {
    FrameCount(frames: record.pointee[side].packets, bytes: record.pointee[side].ipBytes)
  }
}

/// Storage and subscriptions of flows.
extension Dispatch {
  /// The flow's storage, taken now if it had none.
  @inlinable @inline(__always)
  static func storage(_ occurrence: UnsafeMutablePointer<Occurrence>) -> UInt32 {
    let storage = occurrence.pointee.record.pointee.storage
    return storage != 0 ? storage : takeStorage(occurrence)
  }

  @usableFromInline @inline(never)
  static func takeStorage(_ occurrence: UnsafeMutablePointer<Occurrence>) -> UInt32 {
    let core = occurrence.pointee.core
    precondition(occurrence.pointee.flow != 0, "storage of a flow outside of any flow")
    let storage = core.pointee.storage.allocate()
    // As many blocks as flows, so there is one.
    precondition(storage != 0, "more flows with storage than flows")
    occurrence.pointee.record.pointee.storage = storage
    core.pointee.listen(occurrence.pointee.record)
    return storage
  }

  /// Turns the handlers of a Subscription on or off for the flow, and with them the definitions above them.
  @inlinable @inline(__always)
  static func change(_ occurrence: UnsafeMutablePointer<Occurrence>, _ number: UInt32, isOn: Bool) {
    let core = occurrence.pointee.core
    let group = core.pointee.groups + core.pointee.places.offset(of: number)
    guard group.pointee.isSimple else { return changeAll(occurrence, group, isOn) }
    let bits = core.pointee.blocks[storage(occurrence)].assumingMemoryBound(to: UInt64.self)
    let place = bits + Int(group.pointee.word)
    place.pointee = isOn ? place.pointee | group.pointee.mask : place.pointee & ~group.pointee.mask
    if core.pointee.hasWishes { changeWanted(core, bits) }
  }

  @usableFromInline @inline(never)
  static func changeAll(
    _ occurrence: UnsafeMutablePointer<Occurrence>, _ group: UnsafePointer<SubscriptionGroup>, _ isOn: Bool
  ) {
    let core = occurrence.pointee.core
    let bits = core.pointee.blocks[storage(occurrence)].assumingMemoryBound(to: UInt64.self)
    let handlers = group.pointee.handlers
    change(handlers, bits, isOn)
    for index in 0..<Int(handlers.moreCount) {
      change(core.pointee.table.more[Int(handlers.firstMore) + index], bits, isOn)
    }
    if group.pointee.definitionCount > 0 { settle(core, bits, group.pointee) }
    if core.pointee.hasWishes { changeWanted(core, bits) }
  }

  /// What the flow listens to was changed in `bits`: events that are raised inside of this one are heard by that.
  @usableFromInline @inline(never)
  static func changeWanted(_ core: UnsafeMutablePointer<EngineCore>, _ bits: UnsafeMutablePointer<UInt64>) {
    if core.pointee.bits == core.pointee.wantedBits { core.pointee.maskWanted(bits) }
  }

  @inline(__always)
  private static func change(_ list: DispatchList, _ bits: UnsafeMutablePointer<UInt64>, _ isOn: Bool) {
    let word = bits[Int(list.word)]
    bits[Int(list.word)] = isOn ? word | list.mask : word & ~list.mask
  }

  /// A definition is on while anything below it is.
  @inline(never)
  private static func settle(
    _ core: UnsafeMutablePointer<EngineCore>, _ bits: UnsafeMutablePointer<UInt64>, _ group: SubscriptionGroup
  ) {
    for index in Int(group.firstDefinition)..<Int(group.firstDefinition &+ group.definitionCount) {
      let definition = core.pointee.table.definitions[index]
      let below = definition.below
      var any = below.mask & bits[Int(below.word)]
      for index in 0..<Int(below.moreCount) {
        let more = core.pointee.table.more[Int(below.firstMore) + index]
        any |= more.mask & bits[Int(more.word)]
      }
      let word = Int(definition.node / 64)
      let bit = UInt64(1) &<< UInt64(definition.node & 63)
      bits[word] = any != 0 ? bits[word] | bit : bits[word] & ~bit
    }
  }

  /// Turns everything off that the middlebox has for the flow.
  static func ignore(_ occurrence: UnsafeMutablePointer<Occurrence>) {
    let core = occurrence.pointee.core
    let bits = core.pointee.blocks[storage(occurrence)].assumingMemoryBound(to: UInt64.self)
    let words = core.pointee.table.words
    let own = core.pointee.table.boxBits + core.pointee.table.box(of: occurrence.pointee.node) * words
    for word in 0..<words { bits[word] &= ~own[word] }
    if core.pointee.hasWishes { changeWanted(core, bits) }
    EngineStreams.ignore(occurrence)
  }
}

/// Timers.
extension Dispatch {
  static func schedule(_ occurrence: UnsafeMutablePointer<Occurrence>, _ timer: FlowTimer, after delay: Int64) {
    let core = occurrence.pointee.core
    let number = core.pointee.timers.number(
      ofFlowTimer: core.pointee.places.offset(of: timer.number), occurrence.pointee.flow)
    schedule(occurrence, number, after: delay)
  }

  static func cancel(_ occurrence: UnsafeMutablePointer<Occurrence>, _ timer: FlowTimer) {
    let core = occurrence.pointee.core
    let place = core.pointee.places.offset(of: timer.number)
    core.pointee.timers.cancel(core.pointee.timers.number(ofFlowTimer: place, occurrence.pointee.flow))
  }

  static func schedule(_ occurrence: UnsafeMutablePointer<Occurrence>, _ timer: BoxTimer, after delay: Int64) {
    let core = occurrence.pointee.core
    let number = core.pointee.timers.number(ofBoxTimer: core.pointee.places.offset(of: timer.number))
    schedule(occurrence, number, after: delay)
  }

  private static func schedule(_ occurrence: UnsafeMutablePointer<Occurrence>, _ number: UInt32, after delay: Int64) {
    let core = occurrence.pointee.core
    let isDone = core.pointee.timers.schedule(
      number, after: delay, from: occurrence.pointee.clock, repeats: occurrence.pointee.packet == nil)
    if !isDone { passOver(occurrence) }
  }

  /// A timer that would go off too often between two packets; its handler is reported once.
  @inline(never)
  private static func passOver(_ occurrence: UnsafeMutablePointer<Occurrence>) {
    let core = occurrence.pointee.core
    guard core.pointee.reported.insert(occurrence.pointee.node).inserted else { return }
    let name = core.pointee.names[Int(occurrence.pointee.node)]
    report(
      occurrence,
      "\(name) sets a timer more than \(EngineTimers.mostRepeats) times between two packets: the first are passed over")
  }

  static func cancel(_ occurrence: UnsafeMutablePointer<Occurrence>, _ timer: BoxTimer) {
    let core = occurrence.pointee.core
    core.pointee.timers.cancel(
      core.pointee.timers.number(ofBoxTimer: core.pointee.places.offset(of: timer.number)))
  }
}
