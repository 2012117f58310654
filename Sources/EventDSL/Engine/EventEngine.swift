// Unsafe: owns the engine's core, at an address that does not change from `init` to `deinit`.
import DualStackTracker
import MOSCore

/// One worker's engine: takes decoded packets through the tracker, and runs the handlers of its middleboxes.
///
/// An engine belongs to one thread. Middleboxes stand in a row: packets from the client pass them in the order in which
/// they are given, packets from the server in the other.
public struct EventEngine: ~Copyable {
  let core: UnsafeMutablePointer<EngineCore>
  private let candidates: UnsafeMutablePointer<UInt32>
  /// What follows the packet that is being explained.
  var explainer: Explainer?
  /// Packets that are prefetched together.
  public static var burst: Int { 32 }

  /// An engine for `middleboxes`. `streamBytes` is the most memory that bytes which are kept for readers may take; with
  /// no more, they are dropped (`EngineStatistics.unkeptBytes`). `heldBytes` is the same for packets that middleboxes hold.
  /// `report` is told what handlers report, on the engine's thread. Throws what is wrong with a middlebox.
  public init(
    _ middleboxes: [any Middlebox], tracker: TrackerConfiguration = TrackerConfiguration(),
    streamBytes: Int = 256 << 20, heldBytes: Int = 64 << 20, report: @escaping (Report) -> Void = { _ in }
  ) throws(EngineError) {
    let registry = try Registry(middleboxes)
    let filters = try FlowFilters(registry.boxes)
    core = .allocate(capacity: 1)
    core.initialize(
      to: EngineCore(
        at: core, registry, filters: filters, tracker: tracker, streamBytes: streamBytes, heldBytes: heldBytes,
        sink: report))
    candidates = .allocate(capacity: EventEngine.burst)
    candidates.initialize(repeating: 0, count: EventEngine.burst)
  }

  deinit {
    core.deinitialize(count: 1)
    core.deallocate()
    candidates.deallocate()
  }

  /// What was counted about the middleboxes.
  public var statistics: EngineStatistics { core.pointee.statistics }
  /// The port at which the packets of the next bursts come in, where there are several: what a middlebox held and lets go
  /// in an event of another port's packet is marked as returned (`PacketOutput.Frame`).
  public var ingress: UInt8 {
    get { core.pointee.ingress }
    set { core.pointee.ingress = newValue }
  }
  /// Whether middleboxes may change addresses and ports in the frames that are given to the engine, instead of in copies:
  /// where these lie in memory that can be written, as those of a `PacketPort`, and nobody looks at them afterwards but by
  /// `output`. `false` at first.
  public var changesFramesInPlace: Bool {
    get { core.pointee.work.pointee.changesInPlace }
    set { core.pointee.work.pointee.changesInPlace = newValue }
  }
  /// What becomes of a packet that a middlebox holds where no more can wait, and of those before it in its direction: `true`,
  /// they go on undecided; `false`, as at first, it is dropped.
  public var passesWhatCannotWait: Bool {
    get { core.pointee.passesWhatCannotWait }
    set { core.pointee.passesWhatCannotWait = newValue }
  }
  /// Whether the checksums of segments that middleboxes make may be left to the ports at which they leave: if all that `output` is
  /// sent at fill them in (`PacketPort.fillsInChecksums`). `false` at first.
  public var leavesChecksums: Bool {
    get { core.pointee.injections.leavesChecksums }
    set { core.pointee.injections.leavesChecksums = newValue }
  }
  /// Memory that packets take which middleboxes hold.
  public var heldBytesInUse: Int { core.pointee.held.bytesInUse }
  /// Memory that bytes take which are kept for readers.
  public var streamBytesInUse: Int { core.pointee.streams.bytesInUse }
  /// What the tracker counted.
  public var trackerStatistics: TrackerStatistics { core.pointee.tracker.statistics }
  /// How often an event happened.
  public func count(of kind: EventKind) -> UInt64 { core.pointee.tracker.events.count(of: kind) }

  /// The tracker, for who writes records beside the middleboxes.
  public var tracker: Tracker {
    _read { yield core.pointee.tracker }
    nonmutating _modify { yield &core.pointee.tracker }
  }

  /// What leaves for the wire, where there are filters: to be sent and emptied behind each burst.
  public var output: PacketOutput {
    _read { yield core.pointee.output }
    nonmutating _modify { yield &core.pointee.output }
  }

  /// Packets that each middlebox dropped, by its name, in the order of the row.
  public var drops: [(middlebox: String, packets: UInt64)] {
    Array(zip(core.pointee.boxNames, core.pointee.drops)).map { (middlebox: $0, packets: $1) }
  }

  /// Whether a filter dropped the packet that was taken last.
  public var hasDropped: Bool { core.pointee.table.acts && core.pointee.work.pointee.isDropped }

  /// Whether the engine decides what passes: it has filters, and an output.
  public var acts: Bool { core.pointee.table.acts }

  /// Takes a burst of at most `burst` packets, and gives back the flows that ended. The packets are seen one after the
  /// other: events are the same whatever the size of the burst.
  public mutating func process(_ packets: UnsafeMutablePointer<DecodedPacket>, count: Int) {
    var burst = prepare(packets, count: count)
    while process(&burst, wanted: EventSet(rawValue: 0)) {}
    collect()
  }

  /// Prepares a burst of at most `burst` packets for `process(_:wanted:)`.
  public mutating func prepare(_ packets: UnsafeMutablePointer<DecodedPacket>, count: Int) -> PacketBurst {
    precondition(count <= EventEngine.burst, "a burst of at most \(EventEngine.burst) packets")
    let burst = PacketBurst(packets, count: count, candidates: candidates)
    core.pointee.tracker.prepare(burst)
    return burst
  }

  /// Takes packets of a prepared burst up to and with the first that has an event in `wanted`, and runs the handlers of
  /// each. `true` for that packet, whose events are in `tracker.events`; `false` at the end of the burst, when `takeEnded`
  /// and `takeReleased` are to be asked.
  public mutating func process(_ burst: inout PacketBurst, wanted: EventSet) -> Bool {
    EngineLoop.process(core, &burst, wanted: wanted)
  }

  /// Moves packet time on without a packet; then `takeEnded` and `takeReleased` are to be asked, or `collect`.
  public mutating func advance(to clock: Timestamp) {
    EngineLoop.goOff(core, clock)
    core.pointee.tracker.advance(to: clock)
  }

  /// Ends all flows, as at the end of a trace; then `takeEnded` and `takeReleased` are to be asked, or `collect`. Without
  /// `releases`, for an engine that is thrown away next, `takeReleased` names none.
  public mutating func finish(releases: Bool = true) {
    let isAwaited =
      core.pointee.storage.hasManagedValues || !core.pointee.table.releases.pointee.isEmpty || heldBytesInUse > 0
    core.pointee.tracker.finish(releases: releases || isAwaited)
  }

  /// A flow that ended without a packet of its own (time-out, eviction, reuse, end of the trace), whose handlers have run;
  /// 0 for none.
  public mutating func takeEnded() -> UInt32 { EngineLoop.takeEnded(core) }

  /// A flow whose record is final, 0 for none. It is to be given back with `tracker.free`.
  public mutating func takeReleased() -> UInt32 { EngineLoop.takeReleased(core) }

  /// Runs the handlers of flows that ended without a packet of their own, and gives back those whose records are final.
  public mutating func collect() {
    guard core.pointee.tracker.hasEnded() else { return }
    while takeEnded() != 0 {}
    while case let flow = takeReleased(), flow != 0 { core.pointee.tracker.free(flow) }
  }
}
