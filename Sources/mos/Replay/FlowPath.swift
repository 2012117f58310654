// Unsafe: owns a tracker or an engine in memory of its own. Invariant: exactly one of `direct` and `engine` is there,
// from `init` to `deinit`.
import DualStackTracker
import EventDSL
import MOSCore
import Records

/// Where a worker's packets go: through a tracker alone, or through an engine that runs middleboxes around one.
struct FlowPath: ~Copyable {
  private let direct: UnsafeMutablePointer<Tracker>?
  private let engine: UnsafeMutablePointer<EventEngine>?
  /// There are middleboxes, or a packet is to be explained.
  let hasEngine: Bool
  /// The row of middleboxes.
  let boxes: [any Middlebox]
  private let collector = ReportCollector()

  /// A way through `boxes`. Throws what is wrong with a middlebox.
  init(_ options: ReplayOptions, boxes: [any Middlebox]) throws(ReplayFailure) {
    self.boxes = boxes
    hasEngine = !boxes.isEmpty || options.explain != nil
    direct = hasEngine ? nil : .allocate(capacity: 1)
    direct?.initialize(to: Tracker(configuration: options.tracker))
    engine = hasEngine ? try FlowPath.engine(boxes, options, collector) : nil
  }

  private static func engine(
    _ boxes: [any Middlebox], _ options: ReplayOptions, _ collector: ReportCollector
  ) throws(ReplayFailure) -> UnsafeMutablePointer<EventEngine> {
    do {
      let engine = try EventEngine(boxes, tracker: options.tracker) { collector.reports.append($0) }
      let place = UnsafeMutablePointer<EventEngine>.allocate(capacity: 1)
      place.initialize(to: engine)
      return place
    } catch {
      throw ReplayFailure(message: error.description, status: 2)
    }
  }

  deinit {
    direct?.deinitialize(count: 1)
    direct?.deallocate()
    engine?.deinitialize(count: 1)
    engine?.deallocate()
  }

  /// The tracker.
  var tracker: Tracker {
    _read {
      if let engine { yield engine.pointee.tracker } else { yield direct!.pointee }
    }
    nonmutating _modify {
      if let engine { yield &engine.pointee.tracker } else { yield &direct!.pointee }
    }
  }

  /// Prepares a burst.
  mutating func prepare(
    _ packets: UnsafeMutablePointer<DecodedPacket>, count: Int, candidates: UnsafeMutablePointer<UInt32>
  ) -> PacketBurst {
    if let engine { return engine.pointee.prepare(packets, count: count) }
    let burst = PacketBurst(packets, count: count, candidates: candidates)
    direct!.pointee.prepare(burst)
    return burst
  }

  /// Takes packets of a prepared burst up to and with the first that has an event in `wanted`; `false` at its end.
  @inline(__always)
  mutating func process(_ burst: inout PacketBurst, wanted: EventSet) -> Bool {
    if let engine { return engine.pointee.process(&burst, wanted: wanted) }
    return direct!.pointee.process(&burst, wanted: wanted)
  }

  /// Takes the only packet of a prepared burst, and follows it; whether it has an event in `wanted`.
  mutating func explain(_ burst: inout PacketBurst, wanted: EventSet) -> Bool {
    engine?.pointee.explain(&burst, wanted: wanted) ?? false
  }

  /// What happened to the packet that was explained.
  mutating func takeExplanation() -> [String] { engine?.pointee.takeExplanation() ?? [] }

  /// Whether a middlebox dropped the packet that was taken last.
  var hasDropped: Bool { engine != nil && engine!.pointee.hasDropped }

  /// Forgets the packets that have left.
  func emptyOutput() {
    if let engine { engine.pointee.output.removeAll() }
  }

  /// What left goes to a file, and is forgotten; that is `frames`, as they came, where no middlebox decides about packets.
  func writeOutput(_ frames: UnsafePointer<CapturedFrame>, count: Int, to capture: inout ForwardedCapture) {
    guard let engine, engine.pointee.acts else { return capture.write(frames, count: count) }
    for index in 0..<engine.pointee.output.count { capture.write(engine.pointee.output[index].frame) }
    engine.pointee.output.removeAll()
  }

  /// Middleboxes may change packets where they lie, in a port's memory.
  func allowChangesInPlace() { engine?.pointee.changesFramesInPlace = true }

  /// The ports at which packets leave fill in checksums of what middleboxes make.
  func leaveChecksums() { engine?.pointee.leavesChecksums = true }

  /// Packets that a middlebox holds pass where no more can wait.
  func passWhatCannotWait() { engine?.pointee.passesWhatCannotWait = true }

  /// The port at which the next burst comes in, 0 or 1.
  @inline(__always)
  func comesIn(at port: UInt8) { engine?.pointee.ingress = port }

  /// Whether middleboxes decide what leaves.
  var acts: Bool { engine != nil && engine!.pointee.acts }

  /// Frames that left and were not yet taken away.
  var outputCount: Int { engine?.pointee.output.count ?? 0 }

  /// One of them. Precondition: `index` is below `outputCount`.
  func output(_ index: Int) -> PacketOutput.Frame { engine!.pointee.output[index] }

  /// Packets that found no room on their way out.
  var lostOutput: UInt64 { engine?.pointee.output.lost ?? 0 }

  /// Moves packet time on without a packet.
  mutating func advance(to clock: Timestamp) {
    if let engine { engine.pointee.advance(to: clock) } else { direct!.pointee.advance(to: clock) }
  }

  /// Ends all flows; they are named by `takeReleased` if `releases`.
  mutating func finish(releases: Bool) {
    if let engine { engine.pointee.finish(releases: releases) } else { direct!.pointee.finish(releases: releases) }
  }

  /// `takeEnded` or `takeReleased` has something.
  @inline(__always)
  mutating func hasEnded() -> Bool { engine != nil ? engine!.pointee.tracker.hasEnded() : direct!.pointee.hasEnded() }

  /// A flow that ended without a packet of its own, 0 for none.
  mutating func takeEnded() -> UInt32 { engine != nil ? engine!.pointee.takeEnded() : direct!.pointee.takeEnded() }

  /// A flow whose record is final, 0 for none.
  mutating func takeReleased() -> UInt32 {
    engine != nil ? engine!.pointee.takeReleased() : direct!.pointee.takeReleased()
  }

  /// What middleboxes reported since the last call.
  mutating func takeReports() -> [Report] {
    if collector.reports.isEmpty { return [] }
    defer { collector.reports.removeAll(keepingCapacity: true) }
    return collector.reports
  }

  /// What was counted about the middleboxes; nil without any.
  var statistics: EngineStatistics? { boxes.isEmpty ? nil : engine!.pointee.statistics }

  /// Packets that each middlebox dropped.
  var drops: [UInt64] { engine != nil ? engine!.pointee.drops.map(\.packets) : [] }
}

/// Reports of one worker's middleboxes on their way to its recorder.
private final class ReportCollector {
  var reports: [Report] = []
}
