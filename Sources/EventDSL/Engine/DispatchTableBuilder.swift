import DualStackTracker
import MOSCore

/// Makes a dispatch table's lists.
struct DispatchTableBuilder {
  private let nodes: [NodeDescription]
  /// Their numbers in the order of packets from the server.
  private let reversed: [Int]
  /// Who waits for each key.
  private let listeners: [UInt32: [Int]]
  /// The definitions of each event of a middlebox's own.
  private let definers: [UInt32: [Int]]
  /// The handlers of each Subscription.
  private let subscribers: [UInt32: [Int]]
  /// What follows in lists behind their first parts.
  private(set) var more: [DispatchList] = []

  init(_ nodes: [NodeDescription]) {
    self.nodes = nodes
    reversed = nodes.indices.sorted { (-nodes[$0].box, $0) < (-nodes[$1].box, $1) }
    func group(_ key: (NodeDescription) -> UInt32?) -> [UInt32: [Int]] {
      var groups: [UInt32: [Int]] = [:]
      for (index, node) in nodes.enumerated() { if let key = key(node) { groups[key, default: []].append(index) } }
      return groups
    }
    listeners = group(\.trigger.key)
    definers = group(\.defines)
    subscribers = group(\.subscription)
  }

  /// The list of those that a condition holds for. `isReversed` says that the middleboxes are in the order of packets from
  /// the server; the handlers of each stay in theirs.
  mutating func list(isReversed: Bool = false, where condition: (NodeDescription) -> Bool) -> DispatchList {
    list((isReversed ? reversed : Array(nodes.indices)).filter { condition(nodes[$0]) })
  }

  /// The list of those that wait for a key.
  mutating func list(forKey number: UInt32) -> DispatchList { list(listeners[number] ?? []) }

  /// The list of those that a Subscription turns on and off.
  mutating func list(forSubscription number: UInt32) -> DispatchList { list(subscribers[number] ?? []) }

  private mutating func list(_ indices: [Int]) -> DispatchList {
    var parts: [DispatchList] = []
    for index in indices {
      let word = UInt16(index / 64)
      if parts.last?.word != word || parts.last?.box != UInt16(nodes[index].box) {
        parts.append(DispatchList(word: index / 64, box: nodes[index].box))
      }
      parts[parts.count - 1].mask |= 1 << UInt64(index % 64)
    }
    guard var list = parts.first else { return DispatchList() }
    list.firstMore = UInt32(more.count)
    list.moreCount = UInt32(parts.count - 1)
    more += parts.dropFirst()
    return list
  }

  /// The bits of those that a condition holds for.
  func bits(words: Int, where condition: (NodeDescription) -> Bool) -> [UInt64] {
    bits(words: words, nodes.indices.filter { condition(nodes[$0]) })
  }

  private func bits(words: Int, _ indices: [Int]) -> [UInt64] {
    var bits = [UInt64](repeating: 0, count: words)
    for index in indices { bits[index / 64] |= 1 << UInt64(index % 64) }
    return bits
  }

  /// The definitions above the handlers of a Subscription, each behind all that are below it, where they make no circle.
  func definitions(aboveSubscription number: UInt32) -> [Int] {
    var found: Set<Int> = []
    var waiting = subscribers[number] ?? []
    while let index = waiting.popLast() {
      let above = nodes[index].trigger.userEvent.flatMap { definers[$0] } ?? []
      waiting += above.filter { found.insert($0).inserted }
    }
    return belowFirst(found)
  }

  /// Definitions in an order in which each comes behind all that are below it, where they make no circle.
  private func belowFirst(_ definitions: Set<Int>) -> [Int] {
    var result: [Int] = []
    var seen: Set<Int> = []
    for first in definitions.sorted() where seen.insert(first).inserted {
      // Depth first, with a stack of its own: each with those below it that have not been looked at.
      var way = [(node: first, below: below(first)[...])]
      while let (node, below) = way.last {
        guard let next = below.first else {
          result.append(node)
          way.removeLast()
          continue
        }
        way[way.count - 1].below.removeFirst()
        if definitions.contains(next), seen.insert(next).inserted {
          way.append((next, self.below(next)[...]))
        }
      }
    }
    return result
  }

  /// Who listens to what a definition defines.
  private func below(_ definition: Int) -> [Int] { nodes[definition].defines.flatMap { listeners[$0] } ?? [] }

  /// How many definitions hang below each other, and the one above them all; in a circle each counts once.
  var deepestDefinitions: (count: Int, above: Int) {
    var depths: [Int: Int] = [:]
    var deepest = (count: 0, above: 0)
    for index in belowFirst(Set(definers.values.joined())) {
      let depth = 1 + (below(index).map { depths[$0] ?? 0 }.max() ?? 0)
      depths[index] = depth
      if depth > deepest.count { deepest = (depth, index) }
    }
    return deepest
  }

  /// What a flow listens to at first: handlers unless their Subscription is `off`, definitions that something listens to.
  func initialBits(words: Int, off: (UInt32) -> Bool) -> [UInt64] {
    var isOn = nodes.map { node in node.defines == nil && !(node.subscription.map(off) ?? false) }
    var waiting = nodes.indices.filter { isOn[$0] }
    while let index = waiting.popLast() {
      for above in nodes[index].trigger.userEvent.flatMap({ definers[$0] }) ?? [] where !isOn[above] {
        isOn[above] = true
        waiting.append(above)
      }
    }
    return bits(words: words, nodes.indices.filter { isOn[$0] })
  }
}

extension Trigger {
  /// The event of a middlebox's own that is waited for.
  fileprivate var userEvent: UInt32? {
    if case .userEvent(let number) = self { number } else { nil }
  }

  /// The key that is waited for: of an event of a middlebox's own, or of a timer.
  fileprivate var key: UInt32? {
    switch self {
    case .userEvent(let number), .flowTimer(let number), .boxTimer(let number): number
    case .builtIn: nil
    }
  }
}

extension NodeDescription {
  /// Whether it waits for events of a kind, by its number in the table, at a hook.
  func waits(forKind kind: Int, hook: Hook) -> Bool {
    switch trigger {
    case .builtIn(.atHook(let own), let ownHook): Int(own.rawValue) == kind && (ownHook ?? .receiver) == hook
    case .builtIn(.always(let own), _): Int(own.rawValue) == kind
    case .builtIn(.frame, _): kind == DispatchTable.frameKind && hook == .wire
    case .builtIn(.unknownFrame, _): kind == DispatchTable.unknownFrameKind && hook == .wire
    case .builtIn(.release, _): kind == DispatchTable.releaseKind && hook == .timer
    case .userEvent, .flowTimer, .boxTimer: false
    }
  }

  /// Whether it is to see what is known before the receiver's stack has the packet.
  var listensBetweenSteps: Bool {
    if acts { return true }
    return switch trigger {
    case .builtIn(.atHook, .sender), .builtIn(.frame, _), .builtIn(.unknownFrame, _): true
    default: false
    }
  }

  /// Whether it can run behind the receiver's step.
  var mayRunAtReceiver: Bool {
    switch trigger {
    case .builtIn(.atHook, let hook): hook != .sender
    case .builtIn(.always(let kind), _): kind != .orphan
    case .builtIn(.frame, _), .builtIn(.unknownFrame, _), .builtIn(.release, _): false
    case .userEvent, .flowTimer, .boxTimer: true
    }
  }

  /// Whether it waits for a timer.
  var waitsForTimer: Bool {
    switch trigger {
    case .flowTimer, .boxTimer: true
    case .builtIn, .userEvent: false
    }
  }
}
