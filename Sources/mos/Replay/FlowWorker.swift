import DualStackTracker
import MOSCore
import Records

/// One worker: takes decoded packets through its own tracker, counts, and hands what happened to its recorder.
struct FlowWorker: ~Copyable {
  /// Packets that are prefetched together.
  static let burst = 32

  var tracker: Tracker
  var recorder: Recorder
  var statistics = ReplayStatistics()
  private let verifiesChecksums: Bool
  private let candidates: UnsafeMutablePointer<UInt32>

  init(_ options: ReplayOptions, recorder: consuming Recorder) {
    tracker = Tracker(configuration: options.tracker)
    self.recorder = recorder
    verifiesChecksums = options.decoder.verifyChecksums
    candidates = .allocate(capacity: FlowWorker.burst)
    candidates.initialize(repeating: 0, count: FlowWorker.burst)
  }

  deinit { candidates.deallocate() }

  /// The way of a burst: memory on its way first, then packet by packet. Precondition: `count` is at most `burst`.
  mutating func process(_ packets: UnsafeMutablePointer<DecodedPacket>, count: Int) {
    for index in 0..<count { tracker.prepare(packets + index) }
    for index in 0..<count { candidates[index] = tracker.prefetchRecord(packets + index) }
    for index in 0..<count { tracker.prefetchConnection(candidates[index]) }
    for index in 0..<count { process(packets + index) }
  }

  @inline(__always)
  private mutating func process(_ packet: UnsafePointer<DecodedPacket>) {
    statistics.packets &+= 1
    statistics.bytes &+= UInt64(packet.pointee.capturedLength)
    statistics.count(packet.pointee.kind)
    if packet.pointee.kind == .tcp, verifiesChecksums {
      statistics.checksums.count(
        source: packet.pointee.key.source, isWrong: packet.pointee.anomalies.contains(.tcpChecksumInvalid))
    }
    tracker.advance(to: packet.pointee.clock)
    let found = tracker.lookUp(packet)
    reportEnded()
    switch found {
    case .flow(let flow, _):
      tracker.send(packet)
      report(flow, packet)
      if packet.pointee.kind == .tcp {
        tracker.receive(packet)
        report(flow, packet)
      }
    case .orphan:
      report(0, packet)
    case .none, .notSelected:
      break
    }
  }

  /// Moves packet time on without a packet, and collects the flows that ended.
  mutating func advance(to clock: Timestamp) {
    tracker.advance(to: clock)
    reportEnded()
  }

  /// Ends all flows.
  mutating func finish() {
    tracker.finish()
    reportEnded()
  }

  /// Writes the records that the epoch brought, those of flows in the order of their ends.
  mutating func writeFinished(to outputs: inout RecordOutputs) {
    outputs.write(&recorder)
    if recorder.finished.isEmpty { return }
    recorder.sortFinished(tracker)
    for (index, flow) in recorder.finished.enumerated() {
      recorder.write(flow, &tracker)
      if index % 256 == 255 { outputs.write(&recorder) }
    }
    recorder.finished.removeAll(keepingCapacity: true)
    outputs.write(&recorder)
  }

  /// Counts what the last step returned, and records what somebody asked for.
  @inline(__always)
  private mutating func report(_ flow: UInt32, _ packet: UnsafePointer<DecodedPacket>) {
    let set = tracker.events.set
    if set.contains(.packet) { statistics.count(.packet) }
    if set.contains(.orphan) { statistics.count(.orphan) }
    let count = tracker.events.count
    for index in 0..<count {
      let event = tracker.events[index]
      statistics.count(event.kind)
      if event.kind == .anomaly, let anomaly = Anomaly(rawValue: event.code) { statistics.count(anomaly) }
    }
    if recorder.wantsPackets || (recorder.wantsEvents && count > 0) {
      recorder.record(&tracker, flow: flow, packet: packet)
    }
  }

  @inline(__always)
  private mutating func reportEnded() {
    while true {
      let flow = tracker.takeEnded()
      if flow == 0 { break }
      statistics.count(.connectionEnd)
      recorder.recordEnd(tracker.record(flow))
    }
    while true {
      let flow = tracker.takeReleased()
      if flow == 0 { return }
      if recorder.keepsFlows { recorder.finished.append(flow) } else { tracker.free(flow) }
    }
  }
}
