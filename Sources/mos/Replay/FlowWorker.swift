import DualStackTracker
import EventDSL
import MOSCore
import Records

/// One worker: takes decoded packets through its own tracker and middleboxes, and hands what happened to its recorder.
struct FlowWorker: ~Copyable {
  /// Packets that are prefetched together.
  static let burst = 32

  private(set) var path: FlowPath
  var recorder: Recorder
  private var timedEnds: UInt64 = 0
  private let candidates: UnsafeMutablePointer<UInt32>
  /// The number of the packet that is to be explained.
  private let explained: UInt64?
  /// What happened to it, once it came.
  private(set) var explanation: [String] = []

  init(path: consuming FlowPath, recorder: consuming Recorder, explained: UInt64? = nil) {
    self.path = path
    self.explained = explained
    self.recorder = recorder
    candidates = .allocate(capacity: FlowWorker.burst)
    candidates.initialize(repeating: 0, count: FlowWorker.burst)
  }

  deinit { candidates.deallocate() }

  /// The way of a burst: memory on its way first, then packet by packet. Precondition: `count` is at most `burst`.
  mutating func process(_ packets: UnsafeMutablePointer<DecodedPacket>, count: Int) {
    if path.hasEngine { return processInEngine(packets, count: count) }
    var burst = path.prepare(packets, count: count, candidates: candidates)
    while path.process(&burst, wanted: recorder.wanted) {
      recorder.record(&path.tracker, flow: burst.flow, packet: burst.packet)
    }
    if path.hasEnded() { reportEnded() }
  }

  /// The same where there are middleboxes, or where a packet is to be explained.
  private mutating func processInEngine(_ packets: UnsafeMutablePointer<DecodedPacket>, count: Int) {
    path.emptyOutput()
    guard let number = explained, let index = (0..<count).first(where: { packets[$0].number == number }) else {
      return takeThrough(packets, count: count)
    }
    takeThrough(packets, count: index)
    // What time brings before the packet is not the packet's doing.
    advance(to: packets[index].clock)
    explain(packets + index)
    takeThrough(packets + (index + 1), count: count - index - 1)
  }

  /// The recorder looks at what the tracker says behind the handlers.
  private mutating func takeThrough(_ packets: UnsafeMutablePointer<DecodedPacket>, count: Int) {
    if count == 0 { return }
    var burst = path.prepare(packets, count: count, candidates: candidates)
    takeRest(of: &burst)
  }

  private mutating func takeRest(of burst: inout PacketBurst) {
    while path.process(&burst, wanted: recorder.wanted) { record(burst) }
    recorder.write(path.takeReports())
    if path.hasEnded() { reportEnded() }
  }

  private mutating func record(_ burst: PacketBurst) {
    recorder.write(path.takeReports())
    recorder.record(&path.tracker, flow: burst.flow, packet: burst.packet, isDropped: path.hasDropped)
  }

  private mutating func explain(_ packet: UnsafeMutablePointer<DecodedPacket>) {
    var burst = path.prepare(packet, count: 1, candidates: candidates)
    if path.explain(&burst, wanted: recorder.wanted) { record(burst) }
    takeRest(of: &burst)
    explanation = path.takeExplanation()
  }

  /// What was counted so far.
  var statistics: ReplayStatistics {
    var statistics = ReplayStatistics()
    for kind in EventKind.allCases { statistics.events[Int(kind.rawValue)] = path.tracker.events.count(of: kind) }
    statistics.events[Int(EventKind.connectionEnd.rawValue)] &+= timedEnds
    for anomaly in Anomaly.allCases {
      statistics.anomalies[Int(anomaly.rawValue)] = path.tracker.events.count(of: anomaly)
    }
    statistics.tracker = path.tracker.statistics
    statistics.middleboxes = path.statistics
    statistics.dropped = path.statistics?.dropped ?? 0
    return statistics
  }

  /// Moves packet time on without a packet, and collects the flows that ended.
  mutating func advance(to clock: Timestamp) {
    path.advance(to: clock)
    reportEnded()
  }

  /// Ends all flows.
  mutating func finish() {
    path.finish(releases: recorder.keepsFlows)
    reportEnded()
  }

  /// Puts the flows that ended in the order of their records.
  mutating func sortFinished() { recorder.sortFinished(&path.tracker) }

  /// Formats the records of the flows that ended into the recorder's blocks, in their order.
  mutating func formatFinished() {
    recorder.sortFinished(&path.tracker)
    recorder.writeFinished(recorder.finished.indices, &path.tracker)
    recorder.finished.removeAll(keepingCapacity: true)
  }

  /// The key of the flow that ended at `position` in the order of records; nil behind the last.
  func nextFinishedKey(_ position: Int) -> (UInt64, UInt64)? {
    guard position < recorder.finished.count else { return nil }
    return Recorder.key(path.tracker.record(recorder.finished[position]))
  }

  /// Formats the record of one flow that ended.
  mutating func formatFinished(at position: Int) { recorder.write(recorder.finished[position], &path.tracker) }

  /// Writes the records that the epoch brought, those of flows in the order of their ends.
  mutating func writeFinished(to outputs: inout RecordOutputs) {
    outputs.write(&recorder)
    if recorder.finished.isEmpty { return }
    recorder.sortFinished(&path.tracker)
    // In pieces, so that the text of many flows is never in memory at once.
    for first in stride(from: 0, to: recorder.finished.count, by: 256) {
      recorder.writeFinished(first..<min(first + 256, recorder.finished.count), &path.tracker)
      outputs.write(&recorder)
    }
    recorder.finished.removeAll(keepingCapacity: true)
  }

  private mutating func reportEnded() {
    while true {
      let flow = path.takeEnded()
      if flow == 0 { break }
      timedEnds &+= 1
      if path.hasEngine { recorder.write(path.takeReports()) }
      recorder.recordEnd(flow, &path.tracker)
    }
    while true {
      let flow = path.takeReleased()
      if flow == 0 { break }
      if recorder.keepsFlows { recorder.finished.append(flow) } else { path.tracker.free(flow) }
    }
    if path.hasEngine { recorder.write(path.takeReports()) }
  }
}
