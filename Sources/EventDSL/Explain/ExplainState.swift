import DualStackTracker
import MOSCore

/// What a handler can change, as it is at one time.
struct ExplainState {
  var statistics: EngineStatistics
  private var bits: [UInt64]
  /// Of each timer that the flow and the middleboxes have, by its key: when it goes off, if it is set.
  private var timers: [UInt32: Timestamp] = [:]
  private var isDropped: Bool
  private var isChanged: Bool
  private var replacements: Int
  private var injections: Int
  private var isReset: Bool

  /// The state now, as the flow sees it.
  init(_ core: UnsafeMutablePointer<EngineCore>, _ flow: UInt32) {
    statistics = core.pointee.statistics
    bits = (0..<core.pointee.table.words).map { core.pointee.bits[$0] }
    isDropped = core.pointee.table.acts && core.pointee.work.pointee.isDropped
    isChanged = core.pointee.table.acts && core.pointee.work.pointee.isChanged
    replacements = core.pointee.table.acts ? core.pointee.work.pointee.replacementCount : 0
    injections = core.pointee.injections.count
    isReset = core.pointee.requestedReset != nil
    for (number, key) in ExplainState.timerNumbers(core, flow) where core.pointee.timers.wheel.isScheduled(number) {
      timers[key] = core.pointee.timers.wheel.deadline(of: number)
    }
  }

  /// The timers' numbers in the wheel, and their keys.
  private static func timerNumbers(
    _ core: UnsafeMutablePointer<EngineCore>, _ flow: UInt32
  ) -> [(number: UInt32, key: UInt32)] {
    guard core.pointee.hasTimers else { return [] }
    var numbers: [(UInt32, UInt32)] = []
    if flow != 0 {
      for (place, key) in core.pointee.timers.flowTimers.enumerated() {
        numbers.append((core.pointee.timers.number(ofFlowTimer: place, flow), key))
      }
    }
    for (place, timer) in core.pointee.timers.boxTimers.enumerated() {
      numbers.append((core.pointee.timers.number(ofBoxTimer: place), timer.number))
    }
    return numbers
  }

  /// What became different since `before`, when `node` ran.
  func changes(since before: ExplainState, by node: Int, _ core: UnsafeMutablePointer<EngineCore>) -> [String] {
    var changes = subscriptionChanges(since: before, by: node, core)
    for key in Set(timers.keys).union(before.timers.keys).sorted() where timers[key] != before.timers[key] {
      let name = core.pointee.registry.names[key] ?? "?"
      changes.append(timers[key].map { "sets \(name) to go off at \(ExplainText.seconds($0))" } ?? "unsets \(name)")
    }
    if replacements > before.replacements {
      changes.append("asks for \(count(replacements - before.replacements, "change")) of the payload's length")
    }
    if isChanged && !before.isChanged { changes.append("changes the packet") }
    if isDropped && !before.isDropped { changes.append("drops the packet") }
    if injections > before.injections { changes.append("sends \(count(injections - before.injections, "segment"))") }
    if isReset && !before.isReset { changes.append("resets the connection, or an end of it") }
    let cutOff = statistics.cutOff &- before.statistics.cutOff
    if cutOff > 0 { changes.append("cannot raise \(count(Int(cutOff), "event")): too deep, or too many") }
    return changes
  }

  /// Whether the flow listens to a handler.
  func listens(_ node: Int) -> Bool { bits[node / 64] >> UInt64(node % 64) & 1 != 0 }

  /// Which switches were turned, by what they are called; or that the middlebox turned everything off.
  private func subscriptionChanges(
    since before: ExplainState, by node: Int, _ core: UnsafeMutablePointer<EngineCore>
  ) -> [String] {
    let nodes = core.pointee.registry.nodes
    let changed = nodes.indices.filter { listens($0) != before.listens($0) }
    // Handlers without a switch are only turned off with all others.
    if changed.contains(where: { nodes[$0].subscription == nil && nodes[$0].defines == nil }) {
      return ["hears no more of the flow"]
    }
    let switches = Set(changed.compactMap { nodes[$0].subscription }).sorted()
    return switches.map { number in
      let isOn = nodes.indices.contains { nodes[$0].subscription == number && listens($0) }
      return "\(isOn ? "starts" : "stops") \(core.pointee.registry.names[number] ?? "?")"
    }
  }
}

/// A number of things.
private func count(_ number: Int, _ thing: String) -> String { number == 1 ? "1 \(thing)" : "\(number) \(thing)s" }
