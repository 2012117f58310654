// Unsafe: tables in raw memory. Invariant: they are filled by `init`, stay where they are until `deinit`, and are as long as
// their counts say; so what follows in a list, and the handlers that its bits stand for, are there.
import DualStackTracker
import MOSCore

/// Which handlers wait for what, in tables: made once from what the middleboxes declare.
///
/// Handlers and definitions are numbered in the order of their declaration, and number n is bit n of a flow's subscriptions.
@usableFromInline
struct DispatchTable: ~Copyable {
  /// Kinds of events for lists: those of the tracker, frames, flows that are released, and frames without a known flow.
  static let frameKind = 16
  static let releaseKind = 17
  static let unknownFrameKind = 18
  static let kindCount = 19
  static let listCount = kindCount * 4
  /// The place of the list for frames.
  static let frameList = frameKind * 4 + Int(Hook.wire.rawValue)
  /// The same for frames without a known flow.
  static let unknownFrameList = unknownFrameKind * 4 + Int(Hook.wire.rawValue)

  /// The handlers, and behind them one that does nothing.
  let handlers: UnsafeMutablePointer<HandlerBox>
  /// What follows in lists behind their first parts.
  let more: UnsafeMutablePointer<DispatchList>
  /// Of each kind of event, at each hook.
  let lists: UnsafeMutablePointer<DispatchList>
  /// The same for packets from the server, which pass the middleboxes in the other order; `lists` where there is one.
  let serverLists: UnsafeMutablePointer<DispatchList>
  /// The same for each middlebox by itself, where there are filters.
  private let boxLists: UnsafeMutablePointer<DispatchList>
  /// Of each key: what hangs below an event of a middlebox's own, or below a timer.
  let keyLists: UnsafeMutablePointer<DispatchList>
  let keyCount: Int
  /// What flows listen to at first.
  let initialBits: UnsafeMutablePointer<UInt64>
  let words: Int
  /// Of each Subscription: its bits.
  let groups: UnsafeMutablePointer<SubscriptionGroup>
  /// Definitions, deepest first: a definition is on while anything below it is.
  let definitions: UnsafeMutablePointer<Definition>
  /// Of each middlebox: all of its bits but those of timers, `words` numbers.
  let boxBits: UnsafeMutablePointer<UInt64>
  /// Of each handler or definition: its middlebox.
  private let boxes: UnsafeMutablePointer<UInt32>
  /// The most parts of a list of handlers.
  let longestList: Int
  let nodeCount: Int
  /// The number of the handler that does nothing.
  @inline(__always) var noHandler: UInt32 { UInt32(truncatingIfNeeded: nodeCount) }
  let boxCount: Int
  /// Which events have handlers at a hook.
  var wanted: InlineArray<4, EventSet> = .init(repeating: EventSet(rawValue: 0))

  /// Which events have handlers anywhere.
  let wantedAnywhere: EventSet
  /// Somebody listens between the tracker's steps.
  let needsSteps: Bool
  /// Somebody listens to every frame.
  let wantsFrames: Bool
  /// Somebody listens to frames without a known flow.
  let wantsUnknownFrames: Bool
  /// There are filters.
  let acts: Bool
  /// There are filters that can drop a packet which its receiver's stack has taken.
  let dropsReceived: Bool
  /// Every flow's first packet is to be looked at.
  let seesFirstPackets: Bool
  /// Somebody wants to hear of the ends of flows.
  let wantsEnds: Bool
  /// One middlebox, that neither chooses flows nor reads streams nor wants every packet.
  let isSimple: Bool
  /// Of each kind of event at each hook its one handler, or `noHandler`: what a flow listens to that changed nothing of
  /// it. At the two bytes with which an `EventRecord` begins, as one number: so its reading is one instruction.
  let soleHandlers: UnsafeMutablePointer<UInt32>
  /// Where a flow changed nothing, `soleHandlers` says who waits for the tracker's events.
  let hasSoleHandlers: Bool
  /// Somebody wants every packet.
  let wantsPackets: Bool

  /// A definition whose bit follows from those below it.
  struct Definition: BitwiseCopyable {
    var node: UInt32
    var below: DispatchList
  }

  init(_ registry: Registry, places: KeyPlaces, seesFirstPackets: Bool) {
    self.seesFirstPackets = seesFirstPackets
    var builder = DispatchTableBuilder(registry.nodes)
    nodeCount = registry.nodes.count
    boxCount = registry.boxes.count
    words = max(1, (nodeCount + 63) / 64)
    handlers = .allocate(capacity: nodeCount + 1)
    for (index, node) in registry.nodes.enumerated() { (handlers + index).initialize(to: HandlerBox(node.handler)) }
    (handlers + nodeCount).initialize(to: HandlerBox(Handler { _ in }))

    var lists: [DispatchList] = []
    var serverLists: [DispatchList] = []
    for kind in 0..<DispatchTable.kindCount {
      for hook in Hook.allCases {
        lists.append(builder.list { $0.waits(forKind: kind, hook: hook) })
        serverLists.append(builder.list(isReversed: true) { $0.waits(forKind: kind, hook: hook) })
        if lists.last?.isEmpty == false, let event = EventKind(rawValue: UInt8(kind)) {
          wanted[Int(hook.rawValue)].insert(event)
        }
      }
    }
    self.serverLists = copied(serverLists)
    self.lists = copied(lists)
    var anywhere = EventSet(rawValue: 0)
    for hook in Hook.allCases { anywhere.rawValue |= wanted[Int(hook.rawValue)].rawValue }
    wantsPackets = anywhere.contains(.packet)
    wantsEnds = anywhere.contains(.connectionEnd) || anywhere.contains(.idle)
    if seesFirstPackets { anywhere.insert(.packet) }
    anywhere.rawValue |= registry.readers.isEmpty ? 0 : EngineStreams.readEvents.rawValue
    wantedAnywhere = anywhere
    isSimple = boxCount == 1 && registry.readers.isEmpty && !wantsPackets && !seesFirstPackets
    wantsFrames = !self.lists[DispatchTable.frameList].isEmpty
    wantsUnknownFrames = !self.lists[DispatchTable.unknownFrameList].isEmpty
    acts = registry.nodes.contains { $0.acts }
    dropsReceived = registry.nodes.contains { $0.acts && $0.mayRunAtReceiver }
    var boxLists: [DispatchList] = []
    if acts {
      for box in registry.boxes.indices {
        for kind in 0..<DispatchTable.kindCount {
          for hook in Hook.allCases {
            boxLists.append(builder.list { $0.box == box && $0.waits(forKind: kind, hook: hook) })
          }
        }
      }
    }
    self.boxLists = copied(boxLists)
    needsSteps = registry.nodes.contains { $0.listensBetweenSteps }
    keyCount = KeyNumber.bound
    let keyLists = (0..<UInt32(keyCount)).map { number in builder.list(forKey: number) }
    self.keyLists = copied(keyLists)

    var groups: [SubscriptionGroup] = []
    var definitions: [Definition] = []
    for (number, _) in registry.subscriptions.sorted(by: { $0.key < $1.key }) {
      let list = builder.list(forSubscription: number)
      let above = builder.definitions(aboveSubscription: number)
      places.set(number, to: groups.count)
      groups.append(
        SubscriptionGroup(
          handlers: list, firstDefinition: UInt32(definitions.count), definitionCount: UInt32(above.count)))
      for node in above {
        definitions.append(Definition(node: UInt32(node), below: keyLists[Int(registry.nodes[node].defines!)]))
      }
    }
    self.groups = copied(groups)
    self.definitions = copied(definitions)
    let initialBits = builder.initialBits(words: words) { registry.subscriptions[$0] == false }
    self.initialBits = copied(initialBits)
    hasSoleHandlers = isSimple && lists.allSatisfy { $0.isEmpty || $0.soleHandler(initialBits) != nil }
    var soleHandlers = [UInt32](repeating: UInt32(nodeCount), count: Hook.allCases.count << 8)
    for (index, list) in lists.enumerated() {
      if let handler = list.soleHandler(initialBits) { soleHandlers[(index % 4) << 8 | index / 4] = handler }
    }
    self.soleHandlers = copied(soleHandlers)
    let words = self.words
    boxBits = copied(
      registry.boxes.indices.flatMap { box in builder.bits(words: words) { $0.box == box && !$0.waitsForTimer } })
    boxes = copied(registry.nodes.map { UInt32($0.box) })
    more = copied(builder.more)
    longestList = 1 + (builder.more.isEmpty ? 0 : Int((lists + keyLists).map(\.moreCount).max() ?? 0))
  }

  deinit {
    handlers.deinitialize(count: nodeCount + 1)
    handlers.deallocate()
    more.deallocate()
    lists.deallocate()
    soleHandlers.deallocate()
    boxLists.deallocate()
    serverLists.deallocate()
    keyLists.deallocate()
    initialBits.deallocate()
    groups.deallocate()
    definitions.deallocate()
    boxBits.deallocate()
    boxes.deallocate()
  }

  /// Middleboxes have wishes: whether the tracker's events are heard goes by them from now on.
  func askWishes() {
    for index in 0..<DispatchTable.listCount {
      lists[index].asksWishes = true
      serverLists[index].asksWishes = true
    }
    guard acts else { return }
    for index in 0..<DispatchTable.listCount * boxCount { boxLists[index].asksWishes = true }
  }

  /// What waits for every frame.
  var frames: UnsafePointer<DispatchList> { UnsafePointer(lists + DispatchTable.frameList) }

  /// What waits for frames without a known flow.
  var unknownFrames: UnsafePointer<DispatchList> { UnsafePointer(lists + DispatchTable.unknownFrameList) }

  /// What waits for flows that are released.
  var releases: UnsafePointer<DispatchList> {
    UnsafePointer(lists + (DispatchTable.releaseKind * 4 + Int(Hook.timer.rawValue)))
  }

  /// A handler of a middlebox, to name it by.
  func firstNode(of box: Int) -> UInt32 {
    for node in 0..<nodeCount where boxes[node] == UInt32(box) { return UInt32(node) }
    return 0
  }

  /// The middlebox of a handler or definition.
  func box(of node: UInt32) -> Int { Int(boxes[Int(node)]) }

  /// The lists of one middlebox. Precondition: there are filters.
  @inline(__always)
  func boxLists(_ box: Int) -> UnsafeMutablePointer<DispatchList> { boxLists + box &* DispatchTable.listCount }
}

private func copied<Element: BitwiseCopyable>(_ elements: [Element]) -> UnsafeMutablePointer<Element> {
  let copy = UnsafeMutablePointer<Element>.allocate(capacity: max(1, elements.count))
  for (index, element) in elements.enumerated() { (copy + index).initialize(to: element) }
  return copy
}
