import EventDSL

extension IDS {
  /// `ids`.
  public var name: String { "ids" }

  /// Rules that are listed by name.
  private static let mostListed = 20

  /// How many rules there are, which are not used and why, and those that matched most often, in all workers together.
  public static func summary(of boxes: [IDS]) -> Summary? {
    guard let configuration = boxes.first?.configuration else { return nil }
    let rules = configuration.rules.rules
    var counters = [RuleCounter](repeating: RuleCounter(), count: rules.count)
    var givenUp: UInt64 = 0
    for box in boxes {
      for index in rules.indices { counters[index] += box.detector.counters[index] }
      givenUp &+= box.detector.givenUp
    }
    let left = configuration.ruleSet.errors.map(\.description) + configuration.unused.map(\.description)
    var tables = [
      Summary.Table(
        "rules", ["what", "count"],
        [
          [.text("in use"), .count(UInt64(rules.count))], [.text("left out"), .count(UInt64(left.count))],
          [.text("disabled"), .count(UInt64(configuration.ruleSet.disabledCount))],
          [.text("searches given up"), .count(givenUp)],
          [.text("search state of a flow"), .bytes(UInt64(configuration.rules.streamByteCount))],
        ])
    ]
    if !left.isEmpty {
      tables.append(Summary.Table("rules left out", ["why"], left.prefix(mostListed).map { [.text($0)] }))
    }
    func identifier(_ index: Int) -> Summary.Value {
      .text("\(rules[index].rule.gid):\(rules[index].rule.sid)")
    }
    let busy = rules.indices.filter { counters[$0].matches > 0 }
      .sorted { (counters[$1].matches, $0) < (counters[$0].matches, $1) }
    if !busy.isEmpty {
      tables.append(
        Summary.Table(
          "rules that matched", ["sid", "message", "matches", "checks"],
          busy.prefix(mostListed).map { index in
            let counter = counters[index]
            return [
              identifier(index), .text(rules[index].rule.message), .count(counter.matches), .count(counter.checks),
            ]
          }))
    }
    if configuration.timesRules {
      let asked = rules.indices.filter { counters[$0].checks > 0 }
        .sorted { (counters[$1].nanoseconds, $0) < (counters[$0].nanoseconds, $1) }
      tables.append(
        Summary.Table(
          "rules that were asked", ["sid", "checks", "matches", "time", "each, ns"],
          asked.map { index in
            let counter = counters[index]
            return [
              identifier(index), .count(counter.checks), .count(counter.matches),
              .microseconds(counter.nanoseconds / 1_000), .count(counter.nanoseconds / counter.checks),
            ]
          }))
    }
    return Summary(tables)
  }
}
