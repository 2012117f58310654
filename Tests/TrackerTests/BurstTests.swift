import TestSupport
import Testing

@testable import DualStackTracker
@testable import MTCP

@Suite("Bursts")
struct BurstTests {
  @Test("Bursts of any size give the same events as packets one by one", arguments: [1_000, 12])
  func sameEvents(flows: Int) {
    let traffic = RandomConnection.traffic()
    var single = TrackerScript { $0.maximumFlows = flows }
    for segment in traffic { single.play(segment) }
    for size in [1, 2, 7, 64, traffic.count] {
      var script = TrackerScript { $0.maximumFlows = flows }
      var start = 0
      while start < traffic.count {
        let end = min(start + size, traffic.count)
        script.play(burst: traffic[start..<end])
        start = end
      }
      #expect(script.happened == single.happened, "bursts of \(size)")
      #expect(script.ends == single.ends)
      script.finish()
    }
    #expect(single.ends.contains("fin"))
    #expect(flows > 100 || single.ends.contains("evicted"))
    single.finish()
  }

  /// What happened, but for packets without a flow, and for when ended flows were asked for.
  private func events(_ happened: [String]) -> [String] {
    happened.filter { $0 != "none" && $0 != "released" && !$0.hasPrefix("connectionEnd") && $0 != "idle" }
  }

  @Test(
    "Both steps at once, and what is expected, give the same events as judging each packet by the rules",
    arguments: [1, 2, 7, 64, 5_000])
  func bothStepsAtOnce(size: Int) {
    for seed in 0..<6 {
      var generator = SeededGenerator(seed: UInt64(seed) + 900)
      let isPlain = seed % 2 == 0
      let traffic =
        seed == 0 ? RandomConnection.traffic() : RandomSegments.make(count: 5_000, plain: isPlain, &generator)
      func configure(_ configuration: inout TrackerConfiguration) {
        configuration.maximumFlows = seed < 3 ? 1_000 : 12
        configuration.bufferBytes = seed == 5 ? 16 << 10 : 1 << 20
      }
      var byTheRules = TrackerScript(.byTheRules, configure)
      var stepwise = TrackerScript(.stepwise, configure)
      var atOnce = TrackerScript(.atOnce, configure)
      var start = 0
      while start < traffic.count {
        let end = min(start + size, traffic.count)
        byTheRules.play(burst: traffic[start..<end])
        stepwise.play(burst: traffic[start..<end])
        atOnce.play(burst: traffic[start..<end])
        start = end
      }
      #expect(events(atOnce.happened) == events(byTheRules.happened), "seed \(seed)")
      #expect(events(stepwise.happened) == events(byTheRules.happened), "seed \(seed)")
      byTheRules.finish()
      stepwise.finish()
      atOnce.finish()
      #expect(atOnce.ends.sorted() == byTheRules.ends.sorted(), "seed \(seed)")
      #expect("\(atOnce.tracker.statistics)" == "\(byTheRules.tracker.statistics)", "seed \(seed)")
      #expect("\(stepwise.tracker.statistics)" == "\(byTheRules.tracker.statistics)", "seed \(seed)")
      for kind in EventKind.allCases {
        let count = byTheRules.tracker.events.count(of: kind)
        #expect(atOnce.tracker.events.count(of: kind) == count, "\(kind), seed \(seed)")
        #expect(stepwise.tracker.events.count(of: kind) == count, "\(kind), seed \(seed)")
      }
    }
  }

  /// All that a tracker has of the flow that it met last.
  private func state(_ script: borrowing TrackerScript) -> String {
    guard script.latest != 0 else { return "none" }
    let record = script.tracker.record(script.latest)
    let history = (0..<Int(record.pointee.history.count)).map { record.pointee.history[$0] }
    guard record.pointee.connection != 0 else { return "\(record.pointee) \(history)" }
    let connection = script.tracker.connections.pointer(record.pointee.connection)
    let traits = connection.pointee.traits
    return "\(record.pointee) \(history) \(connection.pointee.client) \(connection.pointee.server) \(traits)"
  }

  @Test(
    "Both steps at once, and what is expected, leave the same of a flow as judging each packet by the rules",
    arguments: 0..<6)
  func bothStepsLeaveTheSame(seed: Int) {
    var generator = SeededGenerator(seed: UInt64(seed) + 950)
    let traffic =
      seed < 3 ? RandomConnection.traffic(seed: seed) : RandomSegments.make(count: 2_000, plain: seed == 4, &generator)
    var byTheRules = TrackerScript(.byTheRules)
    var stepwise = TrackerScript(.stepwise)
    var atOnce = TrackerScript(.atOnce)
    // The shape of the trees is part of the state.
    byTheRules.tracker.pool.random = 1
    stepwise.tracker.pool.random = 1
    atOnce.tracker.pool.random = 1
    for (index, segment) in traffic.prefix(2_000).enumerated() {
      byTheRules.play(segment)
      stepwise.play(segment)
      atOnce.play(segment)
      let right = state(byTheRules)
      let isRight = state(atOnce) == right && state(stepwise) == right
      #expect(isRight, "packet \(index + 1)\n\(right)\n\(state(stepwise))\n\(state(atOnce))")
      if !isRight { return }
    }
  }

  @Test("Data in the burst of the close are delivered before the end")
  func dataAndCloseInOneBurst() throws {
    var script = TrackerScript()
    let connection = RandomConnection(seed: 3)
    script.play(burst: connection.packets[...])
    #expect(script.stream(.server) == connection.clientText)
    #expect(script.stream(.client) == connection.serverText)
    #expect(script.happened.last == "connectionEnd fin")
    script.finish()
  }
}
