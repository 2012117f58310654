import MOSCore

@testable import DualStackTracker

/// What must hold of a tracker whatever it was given: every payload byte in one counter, one end for every flow, and
/// streams whose pieces and gaps follow on each other.
struct TrackerLedger {
  /// TCP payload bytes given to the tracker, those of flows that were not selected left out.
  var givenBytes: UInt64 = 0
  private var endsOfFlow: [UInt32: Int] = [:]
  /// The stream offset where each flow's next piece begins, by side.
  private var offsets: [UInt32: [UInt64]] = [:]
  private var failures: [String] = []

  /// Flows that began and were not released.
  var liveFlows: Int { endsOfFlow.count }

  mutating func began(_ flow: UInt32) {
    if endsOfFlow[flow] == nil { endsOfFlow[flow] = 0 }
  }

  mutating func ended(_ flow: UInt32) {
    endsOfFlow[flow, default: 0] += 1
  }

  mutating func released(_ flow: UInt32) {
    let ends = endsOfFlow.removeValue(forKey: flow) ?? 0
    offsets[flow] = nil
    if ends != 1 { failures.append("flow \(flow) ended \(ends) times") }
  }

  /// A piece of the stream that `side` receives was delivered, or given up.
  mutating func advanced(_ flow: UInt32, _ side: Side, offset: UInt64, length: UInt64) {
    let expected = offsets[flow]?[Int(side.rawValue)] ?? 0
    if offset != expected { failures.append("flow \(flow), \(side): \(offset) follows on \(expected)") }
    if length == 0 { failures.append("flow \(flow), \(side): nothing at \(offset)") }
    offsets[flow, default: [0, 0]][Int(side.rawValue)] = offset + length
  }

  /// A piece of the stream that `side` receives was passed over, with its reassembly off.
  mutating func passed(_ flow: UInt32, _ side: Side, length: UInt64) {
    offsets[flow, default: [0, 0]][Int(side.rawValue)] += length
  }

  static func sum(_ statistics: TrackerStatistics) -> UInt64 {
    statistics.deliveredBytes &+ statistics.duplicateBytes &+ statistics.rejectedBytes &+ statistics.queuedBytes
      &+ statistics.overflowBytes &+ statistics.urgentBytes &+ statistics.droppedBytes &+ statistics.unassembledBytes
      &+ statistics.orphanBytes
  }

  /// The first thing that does not hold, nil when all does.
  func problem(in tracker: borrowing Tracker, finished: Bool) -> String? {
    if let failure = failures.first { return failure }
    let sum = TrackerLedger.sum(tracker.statistics)
    if sum != givenBytes { return "\(givenBytes) bytes given, \(sum) counted: \(tracker.statistics)" }
    guard finished else { return nil }
    if !endsOfFlow.isEmpty { return "flows not released: \(endsOfFlow)" }
    if tracker.flowCount != 0 { return "\(tracker.flowCount) flows left" }
    if tracker.retainedBlocks.count != 0 { return "\(tracker.retainedBlocks.count) retained blocks left" }
    if tracker.interventions.count != 0 { return "\(tracker.interventions.count) interventions left" }
    if tracker.pool.bytesInUse != 0 { return "\(tracker.pool.bytesInUse) bytes of the pool left" }
    return nil
  }

  /// A counter by its name.
  func statistic(_ name: String, of statistics: TrackerStatistics) -> UInt64? {
    switch name {
    case "delivered": statistics.deliveredBytes
    case "duplicate": statistics.duplicateBytes
    case "rejected": statistics.rejectedBytes
    case "queued": statistics.queuedBytes
    case "overflow": statistics.overflowBytes
    case "urgent": statistics.urgentBytes
    case "dropped": statistics.droppedBytes
    case "unassembled": statistics.unassembledBytes
    case "droppedPackets": statistics.droppedPackets
    case "orphan": statistics.orphanBytes
    case "missed": statistics.missedBytes
    case "tcpFlows": statistics.tcpFlows
    case "udpFlows": statistics.udpFlows
    case "closed": statistics.closedFlows
    case "evicted": statistics.evictedFlows
    case "orphanPackets": statistics.orphanPackets
    default: nil
    }
  }
}
