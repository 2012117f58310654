// Unsafe: lives in memory that its engine owns, and is reached by pointer from handlers while the loop runs. Invariant: no
// access to a part of it lasts while a handler runs, except to the dispatch table and the key places, which stay where they are.
import DualStackTracker
import MOSCore

/// What an engine consists of, at an address that does not change.
@usableFromInline
struct EngineCore: ~Copyable {
  var tracker: Tracker
  var storage: FlowStorage
  @usableFromInline let blocks: StorageBlocks
  @usableFromInline let places: KeyPlaces
  @usableFromInline let groups: UnsafePointer<SubscriptionGroup>
  let table: DispatchTable
  var timers: EngineTimers
  var streams: EngineStreams
  let hasTimers: Bool
  var statistics = EngineStatistics()
  /// What the flow of the event that is dispatched listens to.
  @usableFromInline var bits: UnsafeMutablePointer<UInt64>
  /// What the flow listens to at the parts of a list whose handlers run, for each depth of raised events.
  let listening: UnsafeMutablePointer<UInt64>
  /// A middlebox has, or had, a wish for a flow.
  @usableFromInline var hasWishes = false
  /// What a flow listens to at an event, as far as its middleboxes want to hear of it.
  let wantedBits: UnsafeMutablePointer<UInt64>
  /// Which handlers' middleboxes want to hear of it.
  let wantedMask: UnsafeMutablePointer<UInt64>
  /// Events that may still be raised inside of one.
  var raisesLeft: Int32 = 0
  /// Handlers that have been reported for raising without end.
  var reported: Set<UInt32> = []
  /// The packet on its way, where there are filters.
  let work: UnsafeMutablePointer<PacketWork>
  /// What leaves.
  var output = PacketOutput()
  var injections = Injections()
  var answerLimit = AnswerLimit()
  var held: HeldPackets
  var passesWhatCannotWait = false
  var datagrams: Datagrams
  var templates: Slab<FlowTemplate>
  /// Timers of flows may send something.
  let keepsTemplates: Bool
  /// Handlers that were reported for holding more than there is room for.
  var reportedHolders: Set<UInt32> = []
  /// The port at which packets come in.
  var ingress: UInt8 = 0
  /// A packet that a middlebox made is on its way.
  var isInjecting = false
  /// Something was made that is to be sent: injections, or a reset.
  var hasMade = false
  /// The end of a connection that was asked for in an event of the packet.
  var requestedReset: RequestedReset?
  /// A packet of a flow is on its way through middleboxes that may change it.
  @usableFromInline var isCarrying = false
  /// Who sent it.
  @usableFromInline var carriedFrom = Side.client
  var streamEdits: Slab<StreamEdits>
  var insertedBytes: Slab<InsertedBytes>
  /// Packets that each middlebox dropped.
  var drops: [UInt64]
  let filters: FlowFilters
  /// Who listens to an orphan, where there are expressions for them.
  let orphanBits: UnsafeMutablePointer<UInt64>
  let names: [String]
  let boxNames: [String]
  /// What the middleboxes declared.
  let registry: Registry
  var sink: (Report) -> Void
  /// A record for events without a flow: all zero.
  let noRecord: UnsafeMutablePointer<FlowRecord>
  /// The event that is dispatched, unless it is one of a middlebox's own, a timer's or outside of any flow.
  private var occurrence: Occurrence
  /// The tracker's words for events that have none: of each kind, one for each hook.
  private let facts: UnsafeMutablePointer<EventRecord>

  /// Flows whose streams' lengths are changed at a time, counted for each middlebox.
  static let mostStreamEdits = 65_536
  /// Edits whose bytes are held until they are acknowledged.
  static let mostInsertedBytes = 65_536

  /// A core that will be at `place`.
  init(
    at place: UnsafeMutablePointer<EngineCore>, _ registry: Registry, filters: FlowFilters,
    tracker: TrackerConfiguration, streamBytes: Int, heldBytes: Int, sink: @escaping (Report) -> Void
  ) {
    let tracker = Tracker(configuration: tracker)
    let places = KeyPlaces()
    let table = DispatchTable(registry, places: places, seesFirstPackets: filters.hasFlows)
    self.filters = filters
    orphanBits = .allocate(capacity: table.words)
    let values = FlowStorage.valuesOffset(
      words: table.words, boxes: registry.boxes.count, alignment: registry.localAlignment)
    for local in registry.locals { places.set(local.number, to: values + local.offset) }
    let first = (0..<table.words).map { table.initialBits[$0] }
    storage = FlowStorage(registry, bits: first, capacity: tracker.largestFlow)
    blocks = storage.blocks
    timers = EngineTimers(registry, flows: tracker.largestFlow, places: places)
    hasTimers = !registry.flowTimers.isEmpty || !registry.boxTimers.isEmpty
    streams = EngineStreams(registry, values: values, bytes: streamBytes)
    names = registry.nodes.map(registry.name(of:))
    boxNames = registry.boxes.map(\.name)
    wantedBits = .allocate(capacity: table.words)
    wantedMask = .allocate(capacity: table.words)
    listening = .allocate(capacity: table.longestList * (Int(Dispatch.deepest) + 1))
    work = .allocate(capacity: 1)
    work.initialize(to: PacketWork())
    streamEdits = Slab(capacity: EngineCore.mostStreamEdits)
    keepsTemplates = table.acts && !registry.flowTimers.isEmpty
    templates = Slab(capacity: keepsTemplates ? tracker.largestFlow : 1)
    held = HeldPackets(flows: table.acts ? tracker.largestFlow : 1, bytes: heldBytes)
    datagrams = Datagrams(registry.boxes.map(\.needsDatagram))
    insertedBytes = Slab(capacity: EngineCore.mostInsertedBytes)
    drops = registry.boxes.map { _ in 0 }
    noRecord = .allocate(capacity: 1)
    UnsafeMutableRawPointer(noRecord).initializeMemory(
      as: UInt8.self, repeating: 0, count: MemoryLayout<FlowRecord>.stride)
    facts = .allocate(capacity: EventKind.allCases.count * Hook.allCases.count)
    for kind in EventKind.allCases {
      for hook in Hook.allCases { (facts + hook.list(of: kind)).initialize(to: EventRecord(kind, hook, .client)) }
    }
    occurrence = Occurrence(
      core: place, flow: 0, record: noRecord, event: UnsafePointer(facts), packet: nil, time: Timestamp(nanoseconds: 0))
    self.registry = registry
    self.sink = sink
    bits = table.initialBits
    groups = UnsafePointer(table.groups)
    self.places = places
    self.table = table
    self.tracker = tracker
    // No flow's record: who looks there at what a flow listens to finds that there is more to look at.
    self.tracker.recordBase.pointee.storage = .max
  }

  deinit {
    places.deallocate()
    noRecord.deallocate()
    listening.deallocate()
    wantedBits.deallocate()
    wantedMask.deallocate()
    orphanBits.deallocate()
    work.deinitialize(count: 1)
    work.deallocate()
    facts.deallocate()
  }

  /// The words for an event of which the tracker has none.
  @inline(__always)
  func fact(_ kind: EventKind, _ hook: Hook) -> UnsafePointer<EventRecord> {
    UnsafePointer(facts + hook.list(of: kind))
  }

  /// An event of the flow is dispatched next.
  @inline(__always)
  mutating func listen(_ record: UnsafeMutablePointer<FlowRecord>) {
    let storage = record.pointee.storage
    bits = storage == 0 ? table.initialBits : blocks[storage].assumingMemoryBound(to: UInt64.self)
  }

  /// The events of a packet of a flow.
  @inline(__always)
  mutating func begin(_ flow: UInt32, _ packet: UnsafePointer<DecodedPacket>) -> UnsafeMutablePointer<Occurrence> {
    if table.seesFirstPackets, !tracker.record(flow).pointee.isMarked {
      select(tracker.record(flow), packet)
    }
    return occurrence(flow, packet)
  }

  /// The same where no middlebox chooses flows.
  @inline(__always)
  mutating func occurrence(
    _ flow: UInt32, _ packet: UnsafePointer<DecodedPacket>
  ) -> UnsafeMutablePointer<Occurrence> {
    let record = tracker.record(flow)
    listen(record)
    return occurrence(flow, record, packet)
  }

  /// The same where `bits` are the flow's.
  @inline(__always)
  mutating func occurrence(
    _ flow: UInt32, _ record: UnsafeMutablePointer<FlowRecord>, _ packet: UnsafePointer<DecodedPacket>
  ) -> UnsafeMutablePointer<Occurrence> {
    occurrence.flow = flow
    occurrence.record = record
    occurrence.packet = packet
    // By pointer: no access to it lasts while a handler runs.
    return withUnsafeMutablePointer(to: &occurrence) { $0 }
  }

  /// Events without a packet, or outside of any flow.
  mutating func begin(
    _ core: UnsafeMutablePointer<EngineCore>, _ flow: UInt32, _ packet: UnsafePointer<DecodedPacket>?,
    _ time: Timestamp,
    _ hook: Hook
  ) -> Occurrence {
    let record = flow == 0 ? noRecord : tracker.record(flow)
    listen(record)
    return Occurrence(
      core: core, flow: flow, record: record, event: fact(.packet, hook), packet: packet, time: time)
  }
}
