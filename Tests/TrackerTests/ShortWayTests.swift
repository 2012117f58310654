import MOSCore
import Testing

@testable import DualStackTracker

/// `Tracker.process` takes most packets a short way, and must come to what the three steps come to.
@Suite("The short way of a burst")
struct ShortWayTests {
  /// What is left of a run: counters and final records, as text.
  private struct Outcome: Equatable {
    var statistics = ""
    var counts: [UInt64] = []
    var records: [String] = []
    var poolBytes = 0
  }

  private func outcome(
    of traffic: [ScriptedSegment], burst: Int, short: Bool, _ configure: (inout TrackerConfiguration) -> Void
  ) -> Outcome {
    var configuration = TrackerConfiguration()
    configuration.maximumFlows = 1_000
    configuration.secret = (1, 2)
    configure(&configuration)
    var tracker = Tracker(configuration: configuration)
    var result = Outcome()
    let packets = UnsafeMutablePointer<DecodedPacket>.allocate(capacity: burst)
    let candidates = UnsafeMutablePointer<UInt32>.allocate(capacity: burst)
    func collect(_ tracker: inout Tracker) {
      while case let flow = tracker.takeEnded(), flow != 0 {}
      while case let flow = tracker.takeReleased(), flow != 0 {
        result.records.append("\(tracker.record(flow).pointee)")
        tracker.free(flow)
      }
    }
    var start = 0
    while start < traffic.count {
      let count = min(burst, traffic.count - start)
      var blocks: [UnsafeMutableRawPointer] = []
      for index in 0..<count {
        var segment = traffic[start + index]
        segment.number = UInt64(start + index + 1)
        let bytes = segment.bytes
        blocks.append(.allocate(byteCount: bytes.count, alignment: 1))
        (packets + index).initialize(to: segment.packet(bytes, in: blocks[index]))
      }
      tracker.prepare(packets, count: count, candidates: candidates)
      if short {
        tracker.process(packets, count: count, candidates: candidates)
      } else {
        for index in 0..<count {
          tracker.advance(to: packets[index].clock)
          if case .flow = tracker.lookUp(packets + index, candidate: candidates[index]) {
            tracker.send(packets + index)
            // Only TCP has a stack that receives, as in the replay's loop.
            if packets[index].kind == .tcp { tracker.receive(packets + index) }
          }
        }
      }
      collect(&tracker)
      for block in blocks { block.deallocate() }
      start += count
    }
    packets.deallocate()
    candidates.deallocate()
    result.poolBytes = tracker.pool.bytesInUse
    tracker.finish()
    collect(&tracker)
    result.statistics = "\(tracker.statistics)"
    result.counts = EventKind.allCases.map { tracker.events.count(of: $0) }
    result.counts += Anomaly.allCases.map { tracker.events.count(of: $0) }
    #expect(tracker.pool.bytesInUse == 0)
    return result
  }

  private func expectSame(
    _ traffic: [ScriptedSegment], seed: Int, _ configure: (inout TrackerConfiguration) -> Void = { _ in }
  ) {
    let steps = outcome(of: traffic, burst: 32, short: false, configure)
    let short = outcome(of: traffic, burst: 32, short: true, configure)
    #expect(short.statistics == steps.statistics, "seed \(seed)")
    #expect(short.counts == steps.counts, "seed \(seed)")
    #expect(short.records.count == steps.records.count, "seed \(seed)")
    for (one, other) in zip(short.records, steps.records) where one != other {
      Issue.record("seed \(seed): \(one) is not \(other)")
      break
    }
  }

  @Test("Connections in order, duplicated, shuffled and with losses", arguments: 0..<20)
  func connections(block: Int) {
    for seed in block * 20..<block * 20 + 20 {
      var generator = SeededGenerator(seed: UInt64(seed) + 5_000_000)
      let connection = RandomConnection(seed: UInt64(seed))
      var traffic =
        seed % 2 == 0 ? connection.packets : connection.shuffled(distance: generator.number(1...8), &generator)
      if seed % 3 == 0 { traffic.removeAll { _ in generator.once(in: 15) } }
      if seed % 5 == 0 { traffic = traffic.flatMap { generator.once(in: 5) ? [$0, $0] : [$0] } }
      if seed % 7 == 0, !traffic.isEmpty { traffic.removeFirst(min(traffic.count, generator.number(1...3))) }
      expectSame(traffic, seed: seed)
    }
  }

  @Test("Segments that no stack would send", arguments: 0..<12)
  func anything(seed: Int) {
    var generator = SeededGenerator(seed: UInt64(seed) + 6_000_000)
    expectSame(RandomSegments.make(count: 5_000, plain: seed % 2 == 0, &generator), seed: seed) {
      $0.maximumFlows = [1_000, 20][seed / 2 % 2]
      $0.bufferBytes = [1 << 24, 16 << 10][seed / 4 % 2]
    }
  }
}
