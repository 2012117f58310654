/// What becomes of packets for which there is no box, or for which it has no time.
enum FailMode: String, WordArgument {
  /// They pass without handlers.
  case open
  /// They do not pass.
  case closed
}

/// What a process of `mos inline --fail` is to the others.
enum FailRole: Hashable, Sendable {
  /// It has the ports and the middleboxes, maybe after one that crashed. The number is that of the socket to its parent.
  case box(Int32, isRestarted: Bool)
  /// It has the ports while no box has them.
  case bypass(Int32)

  /// A role from `box:3`, `restarted-box:3` or `bypass:3`, as `argument` has it.
  init?(_ text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, let descriptor = Int32(parts[1]), descriptor > 2 else { return nil }
    switch parts[0] {
    case "box": self = .box(descriptor, isRestarted: false)
    case "restarted-box": self = .box(descriptor, isRestarted: true)
    case "bypass": self = .bypass(descriptor)
    default: return nil
    }
  }

  /// How a process is told.
  var argument: String {
    switch self {
    case .box(let descriptor, let isRestarted): "\(isRestarted ? "restarted-" : "")box:\(descriptor)"
    case .bypass(let descriptor): "bypass:\(descriptor)"
    }
  }
}
