import DualStackTracker
import MOSCore

/// What an engine is told of its middleboxes, at its start: their keys, handlers and definitions.
public struct Registry {
  /// One middlebox.
  struct Box {
    var name: String
    var flowFilter: String?
    var orphanFilter: String?
    var needsDatagram: (UnsafePointer<DecodedPacket>) -> Bool
  }
  /// A value in every flow's storage.
  struct Local {
    var number: UInt32
    var offset: Int
    var initialize: (UnsafeMutableRawPointer) -> Void
    var destroy: ((UnsafeMutableRawPointer) -> Void)?
  }
  /// A timer of a middlebox.
  struct IntervalTimer {
    var number: UInt32
    var interval: Int64
  }

  var boxes: [Box] = []
  var nodes: [NodeDescription] = []
  var locals: [Local] = []
  /// Bytes of all values in a flow's storage.
  var localBytes = 0
  /// What the values of a flow's storage are aligned to.
  var localAlignment = 8
  var userEvents: [UInt32: String] = [:]
  var payloads: [UInt32: (UnsafeRawPointer) -> String] = [:]
  var subscriptions: [UInt32: Bool] = [:]
  var flowTimers: [UInt32] = []
  var boxTimers: [IntervalTimer] = []
  var names: [UInt32: String] = [:]
  var readers: [ReaderDeclaration] = []
  /// Where the streams of the client's and of the server's readers are among the values of a flow's storage.
  var readStreams: [Int?] = [nil, nil]

  /// What `middleboxes` declare, in their order. Throws what is wrong with the first that something is wrong with.
  init(_ middleboxes: [any Middlebox]) throws(EngineError) {
    for box in middleboxes { try add(box) }
    for node in nodes {
      if let number = node.subscription, subscriptions[number] == nil {
        throw EngineError(node.place, "its Subscription is no stored property of a middlebox of this engine")
      }
      if let key = node.missingKey(in: self) {
        throw EngineError(node.place, "its \(key) is no stored property of a middlebox of this engine")
      }
      if case .builtIn(.atHook(let kind), let hook) = node.trigger, hook == .wire || hook == .timer {
        throw EngineError(node.place, "\(kind.name) happens at .sender and .receiver")
      }
      if case .builtIn(let event, .some) = node.trigger, !event.hasHooks {
        throw EngineError(node.place, "\(event.name) takes no hook: it happens where it happens")
      }
    }
    if nodes.count > Registry.mostNodes {
      throw EngineError(description: "\(nodes.count) handlers and definitions; at most \(Registry.mostNodes)")
    }
    let (depth, above) = DispatchTableBuilder(nodes).deepestDefinitions
    if depth > Dispatch.deepest {
      throw EngineError(
        nodes[above].place, "\(depth) definitions one below the other hang here; at most \(Dispatch.deepest)")
    }
  }

  /// The most handlers and definitions of one engine.
  static let mostNodes = 65_536

  private mutating func add(_ box: any Middlebox) throws(EngineError) {
    boxes.append(
      Box(
        name: box.name, flowFilter: box.flowFilter, orphanFilter: box.orphanFilter,
        needsDatagram: { box.needsDatagram(of: PacketView($0)) }))
    for (key, name) in Registry.keys(of: box) {
      if names[key.number] != nil {
        throw EngineError(description: "\(box.name) is there twice, or shares its \(name) with another middlebox")
      }
      names[key.number] = name
      key.declare(in: &self, name: name)
    }
    declare(box.events)
  }

  /// The keys among the stored properties of a middlebox (of a class, its superclasses' too), and in arrays that are stored
  /// properties.
  private static func keys(of box: any Middlebox) -> [(any MiddleboxKey, String)] {
    var mirrors = [Mirror(reflecting: box)]
    while let mirror = mirrors.last?.superclassMirror { mirrors.append(mirror) }
    return mirrors.reversed().flatMap(\.children).flatMap { child -> [(any MiddleboxKey, String)] in
      let name = child.label ?? "key"
      if let key = child.value as? any MiddleboxKey { return [(key, name)] }
      let mirror = Mirror(reflecting: child.value)
      guard mirror.displayStyle == .collection else { return [] }
      return mirror.children.enumerated().compactMap { index, element in
        (element.value as? any MiddleboxKey).map { ($0, "\(name)[\(index)]") }
      }
    }
  }

  private mutating func declare(_ graph: some EventGraph) { graph.declare(in: &self) }

  /// A handler or definition of the middlebox that is being declared.
  mutating func add(_ node: NodeDescription) {
    var node = node
    node.box = boxes.count - 1
    nodes.append(node)
  }

  mutating func reserve(
    _ number: UInt32, size: Int, alignment: Int, initialize: @escaping (UnsafeMutableRawPointer) -> Void,
    destroy: ((UnsafeMutableRawPointer) -> Void)?
  ) {
    let offset = (localBytes + alignment - 1) / alignment * alignment
    locals.append(Local(number: number, offset: offset, initialize: initialize, destroy: destroy))
    localBytes = offset + size
    localAlignment = max(localAlignment, alignment)
  }

  /// `payload` shows what the event carries.
  mutating func defineUserEvent(_ number: UInt32, name: String, payload: @escaping (UnsafeRawPointer) -> String) {
    userEvents[number] = name
    payloads[number] = payload
  }

  mutating func defineSubscription(_ number: UInt32, name: String, isOn: Bool) { subscriptions[number] = isOn }

  mutating func defineFlowTimer(_ number: UInt32, name: String) { flowTimers.append(number) }

  mutating func defineBoxTimer(_ number: UInt32, name: String, interval: Int64) {
    boxTimers.append(IntervalTimer(number: number, interval: interval))
  }

  /// What a handler or definition is called in reports: its middlebox, its event, and where it stands.
  func name(of node: NodeDescription) -> String {
    let event =
      switch node.trigger {
      case .builtIn(.atHook(let kind), let hook): "\(kind.name) at .\((hook ?? .receiver).name)"
      case .builtIn(let event, _): event.name
      case .userEvent(let number): userEvents[number] ?? "?"
      case .flowTimer(let number), .boxTimer(let number): names[number] ?? "?"
      }
    let what =
      node.defines.map { "Define(\(userEvents[$0] ?? "?"), from: \(event))" }
      ?? "\(node.acts ? "Filter" : "On")(\(event))"
    return "\(boxes[node.box].name): \(what) in \(node.place.fileID), line \(node.place.line)"
  }
}

extension NodeDescription {
  /// What kind of key it names that nobody declared.
  fileprivate func missingKey(in registry: Registry) -> String? {
    if let defines, registry.userEvents[defines] == nil { return "UserEvent" }
    switch trigger {
    case .builtIn: return nil
    case .userEvent(let number): return registry.userEvents[number] == nil ? "UserEvent" : nil
    case .flowTimer(let number): return registry.flowTimers.contains(number) ? nil : "FlowTimer"
    case .boxTimer(let number): return registry.boxTimers.contains { $0.number == number } ? nil : "BoxTimer"
    }
  }
}

extension BuiltInTrigger {
  /// What the event is called.
  fileprivate var name: String {
    switch self {
    case .atHook(let kind), .always(let kind): kind.name
    case .frame: "frame"
    case .unknownFrame: "unknownFrame"
    case .release: "recordFinal"
    }
  }

  fileprivate var hasHooks: Bool {
    if case .atHook = self { true } else { false }
  }
}

/// Why an engine cannot begin; its description is one line for the user.
public struct EngineError: Error, CustomStringConvertible, Sendable {
  /// What is wrong, and where.
  public var description: String

  init(description: String) { self.description = description }

  init(_ place: SourcePlace, _ reason: String) { description = "\(place.fileID), line \(place.line): \(reason)" }
}
