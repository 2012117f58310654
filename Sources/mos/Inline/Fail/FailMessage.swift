/// What the processes of `mos inline --fail` say to each other, a line of text each.
enum FailMessage: Hashable, Sendable {
  /// A box has read its configurations and wants the ports.
  case wantsPorts
  /// The parent: it may have them. So many boxes were there before it, and this passed meanwhile.
  case go(restarts: Int, BypassCounts)
  /// A box works.
  case runs
  /// A bypass has started.
  case ready
  /// The parent: a bypass is to take the ports, or to leave them.
  case take
  case leave
  /// A bypass has the ports and passes what comes, or cannot have them.
  case took
  case failed(String)
  /// It has them no longer.
  case left(BypassCounts)

  var text: String {
    switch self {
    case .wantsPorts: "ports"
    case .go(let restarts, let counts): (["go", "\(restarts)"] + counts.words).joined(separator: " ")
    case .runs: "runs"
    case .ready: "ready"
    case .take: "take"
    case .leave: "leave"
    case .took: "took"
    case .failed(let reason): "failed \(reason)"
    case .left(let counts): (["left"] + counts.words).joined(separator: " ")
    }
  }

  init?(_ text: String) {
    let words = text.split(separator: " ")
    switch words.first {
    case "ports": self = .wantsPorts
    case "go":
      guard words.count > 1, let restarts = Int(words[1]), let counts = BypassCounts(words[2...]) else { return nil }
      self = .go(restarts: restarts, counts)
    case "runs": self = .runs
    case "ready": self = .ready
    case "take": self = .take
    case "leave": self = .leave
    case "took": self = .took
    case "failed": self = .failed(words.dropFirst().joined(separator: " "))
    case "left":
      guard let counts = BypassCounts(words.dropFirst()) else { return nil }
      self = .left(counts)
    default: return nil
    }
  }
}
