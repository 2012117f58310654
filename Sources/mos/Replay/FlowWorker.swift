import DualStackTracker
import MOSCore
import Records

/// One worker: takes decoded packets through its own tracker, and hands what happened to its recorder.
struct FlowWorker: ~Copyable {
  /// Packets that are prefetched together.
  static let burst = 32

  var tracker: Tracker
  var recorder: Recorder
  private var timedEnds: UInt64 = 0
  private let candidates: UnsafeMutablePointer<UInt32>

  init(_ options: ReplayOptions, recorder: consuming Recorder) {
    tracker = Tracker(configuration: options.tracker)
    self.recorder = recorder
    candidates = .allocate(capacity: FlowWorker.burst)
    candidates.initialize(repeating: 0, count: FlowWorker.burst)
  }

  deinit { candidates.deallocate() }

  /// The way of a burst: memory on its way first, then packet by packet. Precondition: `count` is at most `burst`.
  mutating func process(_ packets: UnsafeMutablePointer<DecodedPacket>, count: Int) {
    var burst = PacketBurst(packets, count: count, candidates: candidates)
    tracker.prepare(burst)
    while tracker.process(&burst, wanted: recorder.wanted) {
      recorder.record(&tracker, flow: burst.flow, packet: burst.packet)
    }
    if tracker.hasEnded() { reportEnded() }
  }

  /// What was counted so far.
  var statistics: ReplayStatistics {
    var statistics = ReplayStatistics()
    for kind in EventKind.allCases { statistics.events[Int(kind.rawValue)] = tracker.events.count(of: kind) }
    statistics.events[Int(EventKind.connectionEnd.rawValue)] &+= timedEnds
    for anomaly in Anomaly.allCases { statistics.anomalies[Int(anomaly.rawValue)] = tracker.events.count(of: anomaly) }
    statistics.tracker = tracker.statistics
    return statistics
  }

  /// Moves packet time on without a packet, and collects the flows that ended.
  mutating func advance(to clock: Timestamp) {
    tracker.advance(to: clock)
    reportEnded()
  }

  /// Ends all flows.
  mutating func finish() {
    tracker.finish(releases: recorder.keepsFlows)
    reportEnded()
  }

  /// Puts the flows that ended in the order of their records.
  mutating func sortFinished() { recorder.sortFinished(&tracker) }

  /// Formats the records of the flows that ended into the recorder's blocks, in their order.
  mutating func formatFinished() {
    recorder.sortFinished(&tracker)
    for flow in recorder.finished { recorder.write(flow, &tracker) }
    recorder.finished.removeAll(keepingCapacity: true)
  }

  /// The key of the flow that ended at `position` in the order of records; nil behind the last.
  func nextFinishedKey(_ position: Int) -> (UInt64, UInt64)? {
    guard position < recorder.finished.count else { return nil }
    return Recorder.key(tracker.record(recorder.finished[position]))
  }

  /// Formats the record of one flow that ended.
  mutating func formatFinished(at position: Int) { recorder.write(recorder.finished[position], &tracker) }

  /// Writes the records that the epoch brought, those of flows in the order of their ends.
  mutating func writeFinished(to outputs: inout RecordOutputs) {
    outputs.write(&recorder)
    if recorder.finished.isEmpty { return }
    recorder.sortFinished(&tracker)
    for index in recorder.finished.indices {
      formatFinished(at: index)
      // In pieces, so that the text of many flows is never in memory at once.
      if index % 256 == 255 { outputs.write(&recorder) }
    }
    recorder.finished.removeAll(keepingCapacity: true)
    outputs.write(&recorder)
  }

  private mutating func reportEnded() {
    while true {
      let flow = tracker.takeEnded()
      if flow == 0 { break }
      timedEnds &+= 1
      recorder.recordEnd(flow, &tracker)
    }
    while true {
      let flow = tracker.takeReleased()
      if flow == 0 { return }
      if recorder.keepsFlows { recorder.finished.append(flow) } else { tracker.free(flow) }
    }
  }
}
