import EventDSL

extension Firewall {
  /// `firewall`.
  public var name: String { "firewall" }

  /// The rules' hits, and what else was counted, in all workers together.
  public static func summary(of boxes: [Firewall]) -> Summary? {
    guard var counters = boxes.first?.counters else { return nil }
    for box in boxes.dropFirst() { counters += box.counters }
    var rows: [[Summary.Value]] = []
    func add(_ name: String, _ action: String, _ hits: FirewallHits, limited: FirewallHits? = nil) {
      rows.append([
        .text(name), .text(action), .count(hits.packets), .bytes(hits.bytes),
        limited.map { $0.packets == 0 ? .none : .count($0.packets) } ?? .none,
      ])
    }
    for rule in counters.rules { add(rule.name, "\(rule.action)", rule.hits, limited: rule.limited) }
    add("(default)", "\(counters.defaultAction)", counters.defaultHits)
    if counters.synFlood.packets > 0 { add("(SYN flood)", "limit", counters.synFlood) }
    if counters.earlier.packets > 0 { add("(earlier rules)", "", counters.earlier) }
    let forgotten = counters.forgottenSources
    return Summary([
      Summary.Table(
        "rules", ["rule", "action", "packets", "bytes", "over_rate"], rows,
        note: forgotten > 0 ? "\(forgotten) sources were forgotten for want of room" : "")
    ])
  }
}
