import EventDSL

extension NAT {
  /// `nat`.
  public var name: String { "nat" }

  /// What was translated, and what was dropped why, in all workers together.
  public static func summary(of boxes: [NAT]) -> Summary? {
    guard var counters = boxes.first?.counters else { return nil }
    for box in boxes.dropFirst() { counters += box.counters }
    var rows: [[Summary.Value]] = [
      [.text("packets translated"), .count(counters.translated)], [.text("mappings begun"), .count(counters.created)],
      [.text("mappings now"), .count(counters.mappings)],
    ]
    if counters.ftpTranslated > 0 { rows.append([.text("FTP ends translated"), .count(counters.ftpTranslated)]) }
    if counters.ftpRefused > 0 { rows.append([.text("FTP ends refused"), .count(counters.ftpRefused)]) }
    if counters.errorsSent > 0 { rows.append([.text("ICMP errors sent"), .count(counters.errorsSent)]) }
    if counters.echoesAnswered > 0 { rows.append([.text("echo requests answered"), .count(counters.echoesAnswered)]) }
    for refusal in NATRefusal.allCases where counters[refusal] > 0 {
      rows.append([.text("dropped: \(refusal.name)"), .count(counters[refusal])])
    }
    return Summary([Summary.Table("translation", ["what", "count"], rows)])
  }
}
