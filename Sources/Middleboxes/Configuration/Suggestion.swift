/// Finds what somebody meant who wrote a name that is none.
enum Suggestion {
  /// The longest name that is looked at: the distance takes the product of two lengths.
  private static let longestName = 64
  /// What other programs call it.
  private static let synonyms = [
    "accept": "pass", "allow": "pass", "permit": "pass", "block": "drop", "deny": "drop", "reject": "reset",
    "source": "from", "src": "from", "destination": "to", "dst": "to", "proto": "protocol", "dport": "ports",
    "sport": "source-ports", "all": "any", "icmp6": "icmpv6", "ipv6-icmp": "icmpv6", "limit": "rate-limit",
  ]

  /// The end of a message about `name`: what was expected, and before it what may have been meant.
  static func text(for name: String, among known: [String], expected: String) -> String {
    guard let meant = nearest(to: name, among: known) else { return ", expected \(expected)" }
    return ", did you mean \(quoted(meant))? Expected: \(expected)"
  }

  static func nearest(to name: String, among known: [String]) -> String? {
    if name.utf8.count > longestName { return nil }
    let lower = name.lowercased()
    if let synonym = synonyms[lower], known.contains(synonym) { return synonym }
    let nearest = known.map { ($0, distance(lower, $0.lowercased())) }.min { $0.1 < $1.1 }
    guard let (word, distance) = nearest, distance <= max(1, word.utf8.count / 3) else { return nil }
    return word
  }

  /// Levenshtein's distance: how many letters to change, insert or leave out; or neighbours to exchange.
  static func distance(_ left: String, _ right: String) -> Int {
    let (left, right) = (Array(left.utf8), Array(right.utf8))
    var rows = [Array(0...right.count)]
    for line in 0..<left.count {
      var row = [line + 1]
      for place in 0..<right.count {
        var best = rows[line][place] + (left[line] == right[place] ? 0 : 1)
        best = min(best, rows[line][place + 1] + 1, row[place] + 1)
        if line > 0, place > 0, left[line] == right[place - 1], left[line - 1] == right[place] {
          best = min(best, rows[line - 1][place - 1] + 1)
        }
        row.append(best)
      }
      rows.append(row)
    }
    return rows[left.count][right.count]
  }
}
