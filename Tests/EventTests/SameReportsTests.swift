import EventDSL
import EventSupport
import TestSupport
import Testing

/// Says of every event at the receiver's hook what can be known of it there.
private struct Everything: Middlebox {
  let segments = FlowLocal(0)
  let large = UserEvent<UInt64>("large")

  var events: some EventGraph {
    On(.packet) { event in
      event.flow[segments] += 1
      event.report("packet \(event.flow[segments]) by \(event.sender), \(states(event.flow))")
    }
    On(.connectionStart) { $0.report("connectionStart \($0.side), \(states($0.flow))") }
    On(.established) { $0.report("established, \(states($0.flow))") }
    On(.stateChange) { $0.report("stateChange \($0.side) \($0.old) \($0.new)") }
    On(.newData) { event in
      var hash: UInt64 = 0xcbf2_9ce4_8422_2325
      event.forEachSpan { span in
        for index in 0..<span.byteCount {
          hash = (hash ^ UInt64(span.unsafeLoad(fromByteOffset: index, as: UInt8.self))) &* 0x100_0000_01b3
        }
      }
      event.report("newData \(event.receiver) \(event.offset) \(event.length) \(hash)")
    }
    On(.retransmission) { event in
      event.report(
        "retransmission \(event.kind) \(event.receiver) \(event.offset) \(event.length) \(event.bytesDiffer)")
    }
    On(.outOfOrder) { $0.report("outOfOrder \($0.receiver) \($0.offset) \($0.length)") }
    On(.gap) { $0.report("gap \($0.receiver) \($0.offset) \($0.length)") }
    On(.overlapConflict) { $0.report("overlapConflict \($0.receiver) \($0.offset) \($0.length)") }
    On(.anomaly) { $0.report("anomaly \($0.anomaly.name) \($0.hook)") }
    On(.orphan) { $0.report("orphan \($0.packet!.flags.rawValue)") }
    On(.idle) { $0.report("idle \($0.time.inScript)") }
    On(.connectionEnd) { $0.report("connectionEnd \($0.reason) \($0.flow[segments]), \(states($0.flow))") }
    Define(large, from: .newData) { $0.length > 1_000 ? $0.length : nil }
    On(large) { $0.report("large \($0.payload)") }
  }

  private func states(_ flow: borrowing Flow) -> String {
    "\(flow.record.firstPacket) \(flow.client.state) \(flow.server.state)"
  }
}

/// Counts time beside it.
private struct Clock: Middlebox {
  let interval = BoxTimer(every: .milliseconds(700))
  let quiet = FlowTimer()

  var events: some EventGraph {
    On(interval) { $0.report("interval \($0.time.inScript)") }
    On(.newData) { $0.flow.schedule(quiet, after: .milliseconds(45)) }
    On(quiet) { $0.report("quiet \($0.flow.key.sourcePort) at \($0.time.inScript)") }
  }
}

/// Listens where packets are taken in another way, or has so many handlers that subscriptions take several words.
private struct Companion: Middlebox {
  enum Place: CaseIterable {
    case sender
    case frame
    case filter
    case manyHandlers
  }
  let place: Place

  var events: some EventGraph {
    switch place {
    case .sender: On(.stateChange, at: .sender) { _ in }
    case .frame: On(.frame) { _ in }
    case .filter: Filter(.packet) { _, _ in }
    case .manyHandlers: for _ in 0..<130 { On(.newData) { _ in } }
    }
  }
}

@Suite("The same traffic gives the same reports")
struct SameReportsTests {
  private func play(
    _ traffic: [ScriptedSegment], _ middleboxes: [any Middlebox], burst: Int, flows: Int
  ) throws -> [Report] {
    var script = try EventScript(middleboxes, burst: burst) { $0.maximumFlows = flows }
    script.play(traffic)
    script.finish()
    return script.allReports.filter { $0.middlebox == "Everything" || $0.middlebox == "Clock" }
  }

  /// What a packet caused, in its order.
  private func ofPackets(_ reports: [Report]) -> [String] {
    reports.filter { $0.packet != 0 }.map { "\($0.packet) \($0.text)" }
  }

  /// What is said of each flow, in its order.
  private func ofFlows(_ reports: [Report]) -> [String: [String]] {
    Dictionary(grouping: reports.filter { $0.flow != nil }) { report in
      let key = report.flow!
      return "\(key.source):\(key.sourcePort) \(key.destination):\(key.destinationPort)"
    }
    .mapValues { $0.map { "\($0.packet) \($0.text)" } }
  }

  /// Says no more of texts that differ than where they begin to.
  private func expectSame(_ own: [String], _ right: [String], _ name: String) {
    if own == right { return }
    let place = zip(own, right).enumerated().first { $1.0 != $1.1 }?.offset ?? min(own.count, right.count)
    let part = max(0, place - 3)..<place + 3
    Issue.record("\(name)\n\(own[part.clamped(to: own.indices)])")
    Issue.record("\(name)\n\(right[part.clamped(to: right.indices)])")
  }

  @Test(
    "In bursts of any size, and wherever other middleboxes listen: random connections and random segments",
    arguments: 0..<6)
  func everywhere(seed: Int) throws {
    var generator = SeededGenerator(seed: UInt64(seed) + 4_711)
    let traffic =
      seed < 2
      ? Array(RandomConnection.traffic(seed: seed).prefix(1_200))
      : RandomSegments.make(count: 1_200, plain: seed % 2 == 0, &generator)
    let flows = seed == 1 || seed > 3 ? 12 : 1_000
    let expected = try play(traffic, [Everything()], burst: 1, flows: flows)
    let variants: [(companion: Companion.Place?, burst: Int)] =
      [(nil, 3), (nil, 32)] + Companion.Place.allCases.flatMap { [($0, 1), ($0, 32)] }
    for (place, burst) in variants {
      let companion: [any Middlebox] = place.map { [Companion(place: $0)] } ?? []
      let reports = try play(traffic, companion + [Everything()], burst: burst, flows: flows)
      let name = "burst \(burst), beside \(place.map { "\($0)" } ?? "nobody")"
      expectSame(ofPackets(reports), ofPackets(expected), name)
      let (own, right) = (ofFlows(reports), ofFlows(expected))
      #expect(own.count == right.count, "\(name)")
      for (flow, texts) in right { expectSame(own[flow] ?? [], texts, name) }
    }
    for (what, least) in [("newData", 100), ("connectionEnd", 20), ("anomaly", seed < 2 ? 0 : 50), ("large", 5)] {
      #expect(expected.filter { $0.text.hasPrefix(what) }.count >= least, "\(what) is rare")
    }
  }

  @Test("Each flow ends once, and hears nothing before its start and of no flow but itself", arguments: 0..<4)
  func ends(seed: Int) throws {
    var generator = SeededGenerator(seed: UInt64(seed) + 815)
    let traffic =
      seed == 0
      ? RandomConnection.traffic(seed: 7) : RandomSegments.make(count: 3_000, plain: seed == 1, &generator)
    let reports = try play(traffic, [Everything()], burst: 32, flows: seed == 3 ? 12 : 1_000)
    var firsts: [String: Int] = [:]
    var ends: [String: Int] = [:]
    for report in reports {
      guard let words = report.text.split(separator: ",").last?.split(separator: " "), report.flow != nil else {
        continue
      }
      if report.text.hasPrefix("packet 1 ") { firsts[String(words[0]), default: 0] += 1 }
      if report.text.hasPrefix("connectionEnd") { ends[String(words[0]), default: 0] += 1 }
    }
    #expect(ends.values.allSatisfy { $0 == 1 })
    #expect(firsts.values.allSatisfy { $0 == 1 })
    #expect(Set(ends.keys) == Set(firsts.keys))
    #expect(ends.count > 40)
  }

  @Test("Timers go off at the same times among the same packets", arguments: 0..<3)
  func timers(seed: Int) throws {
    let traffic = Array(RandomConnection.traffic(seed: seed + 20).prefix(1_500))
    let expected = try play(traffic, [Everything(), Clock()], burst: 1, flows: 1_000)
    let all = expected.map { "\($0.packet) \($0.text)" }
    for (burst, place) in [(3, nil), (32, nil), (1, .sender), (32, .frame), (32, .manyHandlers)]
      as [(Int, Companion.Place?)]
    {
      let companion: [any Middlebox] = place.map { [Companion(place: $0)] } ?? []
      let reports = try play(traffic, companion + [Everything(), Clock()], burst: burst, flows: 1_000)
      let own = reports.map { "\($0.packet) \($0.text)" }
      expectSame(own, all, "burst \(burst), beside \(place.map { "\($0)" } ?? "nobody")")
    }
    #expect(all.filter { $0.contains("interval") }.count > 10)
    #expect(all.filter { $0.contains("quiet") }.count > 40)
  }
}
