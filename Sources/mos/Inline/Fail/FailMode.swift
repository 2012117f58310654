/// What becomes of packets for which there is no box, or for which it has no time.
enum FailMode: String, WordArgument {
  /// They pass without handlers.
  case open
  /// They do not pass.
  case closed
}

/// What a process of `mos inline --fail` is to the others.
enum FailRole: Hashable, Sendable {
  /// It has the ports and the middleboxes, maybe after one that crashed. The numbers are those of the socket to its parent and of
  /// the file with its heartbeats.
  case box(Int32, heartbeats: Int32, isRestarted: Bool)
  /// It has the ports while no box has them.
  case bypass(Int32)

  /// A role from `box:3:4`, `restarted-box:3:4` or `bypass:3`, as `argument` has it.
  init?(_ text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    let numbers = parts.dropFirst().compactMap { Int32($0) }
    guard numbers.count == parts.count - 1, numbers.allSatisfy({ $0 > 2 }) else { return nil }
    switch (parts[0], numbers.count) {
    case ("box", 2): self = .box(numbers[0], heartbeats: numbers[1], isRestarted: false)
    case ("restarted-box", 2): self = .box(numbers[0], heartbeats: numbers[1], isRestarted: true)
    case ("bypass", 1): self = .bypass(numbers[0])
    default: return nil
    }
  }

  /// How a process is told.
  var argument: String {
    switch self {
    case .box(let descriptor, let heartbeats, let isRestarted):
      "\(isRestarted ? "restarted-" : "")box:\(descriptor):\(heartbeats)"
    case .bypass(let descriptor): "bypass:\(descriptor)"
    }
  }
}
