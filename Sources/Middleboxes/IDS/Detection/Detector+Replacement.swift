import DualStackTracker
import MOSCore

/// What of rules that were given up matters to flows that had begun.
struct EarlierRules {
  /// The names of flows' bits.
  var bitNames: [String]
  /// Where rules of the same sid are among those that came next.
  var places: [UInt32: UInt32]
}

/// Other rules for flows that go on.
extension Detector {
  /// Replacements that a flow's state outlasts without a packet: of more nothing is kept, however often rules are replaced.
  static let mostEarlier = 8

  /// Goes on where other rules are given up.
  func takeOver(_ old: Detector) {
    let limits = inspectors.limits
    swap(&inspectors, &old.inspectors)
    inspectors.limits = limits
    var known: [UInt64: UInt32] = [:]
    for (index, rule) in rules.rules.enumerated() { known[rule.rule.identifier] = UInt32(index) }
    var places: [UInt32: UInt32] = [:]
    for (index, rule) in old.rules.rules.enumerated() {
      guard let place = known[rule.rule.identifier] else { continue }
      places[UInt32(index)] = place
      counters[Int(place)] = old.counters[index]
    }
    thresholds = old.thresholds.moved(by: places)
    generation = old.generation + 1
    earlier = (old.earlier + [EarlierRules(bitNames: old.rules.bitNames, places: places)]).suffix(Self.mostEarlier)
  }

  /// Makes a flow's state, which is of earlier rules, one of these, and searches what is there of its turns and messages again.
  func update(_ flow: InspectedFlow, _ record: FlowRecord, at time: Timestamp) {
    let age = generation - flow.generation
    let steps = age <= earlier.count ? earlier.suffix(age) : []
    let old = steps.first?.bitNames ?? []
    var names = Set(old.indices.lazy.filter { flow.isSet($0) }.map { old[$0] })
    // The same whether the flow had packets under the rules in between or not.
    for step in steps.dropFirst() { names.formIntersection(step.bitNames) }
    let bits = rules.bitNames.indices.filter { names.contains(rules.bitNames[$0]) }
    flow.replaceBits(by: bits, count: rules.bitNames.count, generation: generation)
    func moved(_ settled: Set<UInt32>) -> Set<UInt32> {
      steps.isEmpty ? [] : steps.reduce(settled) { settled, step in Set(settled.lazy.compactMap { step.places[$0] }) }
    }
    for side in Side.allCases {
      let context = Context(flow: flow, record: record, receiver: side, time: time)
      let view = context.view
      view.replaceRules(settled: moved(view.settled))
      search(view.bytes, rules.streams[Int(side.rawValue)], view, context)
      guard let message = flow.message(to: side) else { continue }
      message.replaceRules(settled: moved(message.settled))
      searchAgain(message, context)
    }
  }
}
