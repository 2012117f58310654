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
    var checks = [UInt64](repeating: 0, count: rules.count)
    var matches = checks
    var givenUp: UInt64 = 0
    for box in boxes {
      for index in rules.indices {
        checks[index] &+= box.detector.checks[index]
        matches[index] &+= box.detector.matches[index]
      }
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
        ])
    ]
    if !left.isEmpty {
      tables.append(Summary.Table("rules left out", ["why"], left.prefix(mostListed).map { [.text($0)] }))
    }
    let busy = rules.indices.filter { matches[$0] > 0 }.sorted { (matches[$1], $0) < (matches[$0], $1) }
    if !busy.isEmpty {
      tables.append(
        Summary.Table(
          "rules that matched", ["sid", "message", "matches", "checks"],
          busy.prefix(mostListed).map { index in
            let rule = rules[index].rule
            return [
              .text("\(rule.gid):\(rule.sid)"), .text(rule.message), .count(matches[index]), .count(checks[index]),
            ]
          }))
    }
    return Summary(tables)
  }
}
