import DualStackTracker
import MOSCore

/// Makes a dispatch table's lists.
struct DispatchTableBuilder {
  private let nodes: [NodeDescription]
  private let subscriptions: [UInt32: Bool]
  /// What follows in lists behind their first parts.
  private(set) var more: [DispatchList] = []

  init(_ registry: Registry) {
    nodes = registry.nodes
    subscriptions = registry.subscriptions
  }

  /// The list of those that a condition holds for. `isReversed` says that the middleboxes are in the order of packets from
  /// the server; the handlers of each stay in theirs.
  mutating func list(isReversed: Bool = false, where condition: (NodeDescription) -> Bool) -> DispatchList {
    var parts: [DispatchList] = []
    let order = isReversed ? nodes.indices.sorted { (-nodes[$0].box, $0) < (-nodes[$1].box, $1) } : Array(nodes.indices)
    for index in order where condition(nodes[index]) {
      let node = nodes[index]
      let word = UInt32(index / 64)
      if parts.last?.word != word || parts.last?.box != UInt16(node.box) {
        parts.append(DispatchList(word: word, firstNode: word * 64, box: UInt16(node.box)))
      }
      parts[parts.count - 1].mask |= 1 << UInt64(index % 64)
    }
    guard var list = parts.first else { return DispatchList() }
    list.firstMore = UInt32(more.count)
    list.moreCount = UInt16(parts.count - 1)
    more += parts.dropFirst()
    return list
  }

  /// The bits of those that a condition holds for.
  func bits(words: Int, where condition: (NodeDescription) -> Bool) -> [UInt64] {
    var bits = [UInt64](repeating: 0, count: words)
    for (index, node) in nodes.enumerated() where condition(node) { bits[index / 64] |= 1 << UInt64(index % 64) }
    return bits
  }

  /// The definitions above those that a condition holds for, each behind all that are below it.
  func definitions(above condition: (NodeDescription) -> Bool) -> [Int] {
    var found: Set<Int> = []
    var events = Set(nodes.filter(condition).compactMap(\.trigger.userEvent))
    while !events.isEmpty {
      let above = nodes.indices.filter { index in
        nodes[index].defines.map(events.contains) == true && !found.contains(index)
      }
      found.formUnion(above)
      events = Set(above.compactMap { nodes[$0].trigger.userEvent })
    }
    return found.sorted { (depth(of: $0), $0) > (depth(of: $1), $1) }
  }

  /// Definitions between one and the built-in event that it comes from, the longest way; at most all there are, so that a
  /// circle of definitions has an end.
  private func depth(of index: Int, limit: Int = 64) -> Int {
    guard let event = nodes[index].trigger.userEvent, limit > 0 else { return 0 }
    return 1 + (nodes.indices.filter { nodes[$0].defines == event }.map { depth(of: $0, limit: limit - 1) }.max() ?? 0)
  }

  /// What a flow listens to at first: handlers unless their Subscription is off, definitions that something listens to.
  func initialBits(words: Int) -> [UInt64] {
    var isOn = nodes.map { node in node.defines == nil && node.subscription.map { subscriptions[$0] ?? true } ?? true }
    for index in nodes.indices where nodes[index].defines != nil { isOn[index] = false }
    var hasChanged = true
    while hasChanged {
      hasChanged = false
      for index in nodes.indices where !isOn[index] {
        guard let event = nodes[index].defines else { continue }
        if nodes.indices.contains(where: { isOn[$0] && nodes[$0].trigger == .userEvent(event) }) {
          isOn[index] = true
          hasChanged = true
        }
      }
    }
    var bits = [UInt64](repeating: 0, count: words)
    for index in nodes.indices where isOn[index] { bits[index / 64] |= 1 << UInt64(index % 64) }
    return bits
  }
}

extension Trigger {
  /// The event of a middlebox's own that is waited for.
  fileprivate var userEvent: UInt32? {
    if case .userEvent(let number) = self { number } else { nil }
  }
}

extension NodeDescription {
  /// Whether it waits for events of a kind, by its number in the table, at a hook.
  func waits(forKind kind: Int, hook: Hook) -> Bool {
    switch trigger {
    case .builtIn(.atHook(let own), let ownHook): Int(own.rawValue) == kind && (ownHook ?? .receiver) == hook
    case .builtIn(.always(let own), _): Int(own.rawValue) == kind
    case .builtIn(.frame, _): kind == DispatchTable.frameKind && hook == .wire
    case .userEvent, .flowTimer, .boxTimer: false
    }
  }

  /// Whether it is to see what is known before the receiver's stack has the packet.
  var listensBetweenSteps: Bool {
    if acts { return true }
    return switch trigger {
    case .builtIn(.atHook, .sender), .builtIn(.frame, _): true
    default: false
    }
  }

  /// Whether it can run behind the receiver's step.
  var mayRunAtReceiver: Bool {
    switch trigger {
    case .builtIn(.atHook, let hook): hook != .sender
    case .builtIn(.always(let kind), _): kind != .orphan
    case .builtIn(.frame, _): false
    case .userEvent, .flowTimer, .boxTimer: true
    }
  }

  /// Whether it waits for an event of a middlebox's own, or for a timer.
  func waits(forKey number: UInt32) -> Bool {
    switch trigger {
    case .userEvent(let own), .flowTimer(let own), .boxTimer(let own): own == number
    case .builtIn: false
    }
  }
}
