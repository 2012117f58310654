import CMachine
import MOSCore
import MTCP

/// Follows every flow from both ends at once.
///
/// `process` takes packets whole. For one packet step by step: `advance(to:)`, `lookUp(_:)`, `send(_:)`, `receive(_:)`
/// or, for one that was changed, `receive(_:insteadOf:)`, or that goes no further, `drop(_:)`; and
/// `receiveRevocably(_:)` where that is decided by what comes of the second step. Each returns what happened in `events` and calls nobody. `prepare` comes before, for a packet or for a burst. Flows that
/// ended without a packet of their own are named by `takeEnded()`; flows whose record is final by `takeReleased()`, and
/// given back with `free(_:)`.
public struct Tracker: ~Copyable {
  let configuration: TrackerConfiguration
  var table: FlowTable
  let flowHash: FlowHash
  /// The bits of `FlowKey.rest` that tell flows apart.
  let keyMask: UInt64
  /// By flow, the record of the last further key that it was given, if it has one.
  let furtherKeys: UnsafeMutablePointer<UInt32>
  private let furtherKeyMemory: ReservedMemory
  /// How many further keys all flows have.
  var furtherKeyCount = 0
  let furtherKeyLimit: Int
  var records: Slab<FlowRecord>
  var connections: Slab<Connection>
  var unconfirmed: Slab<Unconfirmed>
  var interventions: Slab<Intervention>
  @usableFromInline var wheel: TimerWheel
  var ages: AgeQueues
  var pool: SegmentPool
  var retainedBlocks: Slab<RetainedBlock>
  var ended: IndexQueue
  private var released: IndexQueue
  /// How many flows are in the two queues.
  @usableFromInline var endedCount = 0
  /// The most chains that one packet can lend.
  static var mostLent: Int { 32 }
  /// Chains of delivered bytes that are given back when the next packet is looked at that is not expected.
  var lentChains: InlineArray<32, UInt32> = .init(repeating: 0)
  var lentCount = 0
  /// The sides that they were delivered to.
  var lentSides: InlineArray<32, Side> = .init(repeating: .client)
  /// Delivered bytes are kept for comparison at once.
  var retains: Bool
  /// The current packet's flow, sender and judgement, from `lookUp` to `receive`.
  var current: CurrentPacket
  /// What the last step returned.
  public internal(set) var events = EventBuffer()
  /// What was counted so far.
  public internal(set) var statistics = TrackerStatistics()
  /// The receiver's step that can be undone.
  var revocation: Revocation
  let overlapNetworks: OverlapNetworks

  /// The most bytes that are retained of one stream for comparison.
  static let largestRetained: Int32 = 1 << 20

  /// Records beyond `maximumFlows` that may wait to be taken and freed.
  static let releaseSlack = 65_536

  /// A tracker with nothing in it. Memory is reserved for the configured limits and touched on demand.
  public init(configuration: TrackerConfiguration) {
    precondition(MemoryLayout<FlowRecord>.stride % 16 == 8, "records are cleared in pieces of 16 bytes, the last of 8")
    self.configuration = configuration
    let flows = max(1, min(configuration.maximumFlows, Int(Int32.max) - Tracker.releaseSlack))
    // Each flow can have one key more.
    let keys = min(flows, Int(Int32.max) - Tracker.releaseSlack - flows)
    furtherKeyLimit = keys
    let capacity = flows + Tracker.releaseSlack + keys
    table = FlowTable(maximumEntries: flows + keys)
    furtherKeyMemory = ReservedMemory(byteCount: (capacity + 1) * MemoryLayout<UInt32>.stride)
    furtherKeys = furtherKeyMemory.base.bindMemory(to: UInt32.self, capacity: capacity + 1)
    flowHash = configuration.secret.map { FlowHash(secret: $0) } ?? FlowHash.random()
    keyMask = configuration.distinguishesVLANs ? ~0 : ~0xffff_ff00
    records = Slab(capacity: capacity)
    connections = Slab(capacity: flows)
    unconfirmed = Slab(capacity: flows)
    interventions = Slab(capacity: flows)
    wheel = TimerWheel(capacity: capacity)
    ages = AgeQueues(capacity: capacity, classes: AgeClass.count)
    pool = SegmentPool(maximumBytes: configuration.bufferBytes)
    retainedBlocks = Slab(capacity: max(1, configuration.retainedBytes / MemoryLayout<RetainedBlock>.stride))
    ended = IndexQueue(capacity: capacity)
    released = IndexQueue(capacity: capacity)
    current = CurrentPacket(record: records.base)
    retains = configuration.comparesRetransmissions
    revocation = Revocation(record: records.base.pointee)
    overlapNetworks = OverlapNetworks(configuration.overlapPolicies)
  }

  /// Flows in the table, lingering ones included.
  public var flowCount: Int { table.count - furtherKeyCount }

  /// The largest number that a flow can have.
  public var largestFlow: Int { records.capacity }

  /// A flow's record. Precondition: `flow` was named by the tracker and not freed since.
  public func record(_ flow: UInt32) -> UnsafeMutablePointer<FlowRecord> { records.pointer(flow) }

  /// Where `record(0)` would be: `recordBase + flow` is `record(flow)`, for closures that cannot borrow the tracker. A record is
  /// there, which is no flow's and whose `storage` the tracker leaves as its user sets it.
  public var recordBase: UnsafeMutablePointer<FlowRecord> {
    mutating get { records.base }
  }

  /// Reads the bytes of a `newData` record in order, as spans that are valid until the tracker's next step.
  @inline(__always)
  public func forEachSpan(of event: EventRecord, _ body: (UnsafeRawBufferPointer) -> Void) {
    if let bytes = event.bytes { body(UnsafeRawBufferPointer(start: bytes, count: Int(event.bytesLength))) }
    guard event.chain != 0 else { return }
    var skip = Int(event.chainSkip)
    var left = Int(event.chainLength)
    pool.forEachSpan(event.chain) { span in
      if skip >= span.count {
        skip -= span.count
        return
      }
      let count = min(span.count - skip, left)
      if count > 0 { body(UnsafeRawBufferPointer(rebasing: span[skip..<skip + count])) }
      skip = 0
      left -= count
    }
  }

  /// Before the packets of a burst are looked at one by one: their hashes, and what they will need on its way to the
  /// cache, in three passes because each needs what the one before fetched. Fills `candidates` for `lookUp`.
  public mutating func prepare(
    _ packets: UnsafeMutablePointer<DecodedPacket>, count: Int, candidates: UnsafeMutablePointer<UInt32>
  ) {
    for index in 0..<count { prepare(packets + index) }
    let records = records.base
    for index in 0..<count {
      let candidate = table.firstCandidate(packets[index].hash)
      candidates[index] = candidate
      prefetch(records + Int(candidate))
    }
    let connections = connections.base
    for index in 0..<count {
      // Places 0 of both are never in use, and may be asked for.
      prefetch(connections + Int(records[Int(candidates[index])].connection))
    }
  }

  /// The packet's hash, and its bucket on the way to the cache.
  @inline(__always)
  public mutating func prepare(_ packet: UnsafeMutablePointer<DecodedPacket>) {
    let key = packet.pointee.key
    if packet.pointee.ipVersion == 4 {
      packet.pointee.hash = flowHash.hashV4(
        source: key.source.low, destination: key.destination.low, rest: key.rest & keyMask)
    } else {
      hashOther(packet)
    }
    table.prefetch(packet.pointee.hash)
  }

  @inline(never)
  private func hashOther(_ packet: UnsafeMutablePointer<DecodedPacket>) {
    var key = packet.pointee.key
    key.rest &= keyMask
    packet.pointee.hash = flowHash.hash(key)
  }

  @inline(__always)
  func prefetch<Element>(_ element: UnsafeMutablePointer<Element>) {
    let address = UnsafeRawPointer(element)
    mos_prefetch(address)
    mos_prefetch(address + 64)
    mos_prefetch(address + 128)
    mos_prefetch(address + 192)
    if MemoryLayout<Element>.stride > 256 { mos_prefetch(address + 256) }
  }

  /// `takeEnded` or `takeReleased` has something.
  @inlinable @inline(__always)
  public mutating func hasEnded() -> Bool { endedCount != 0 }

  /// A flow that ended without a packet of its own (time-out, eviction, reuse), 0 for none. Its `connectionEnd` is due,
  /// and `idle` before it when it ended by time-out; its record stays until `takeReleased` names it.
  public mutating func takeEnded() -> UInt32 {
    let flow = ended.take()
    if flow != 0 { endedCount &-= 1 }
    return flow
  }

  /// A flow that `takeEnded` will name and that this has not named yet, 0 for none: for those who are to hear of ends as
  /// soon as there are any, when ended flows are collected later.
  public mutating func nextEnded() -> UInt32 { ended.see() }

  /// Whether `advance` has work at `now`.
  public func isDue(_ now: Timestamp) -> Bool { wheel.isDue(now) }

  /// Before this time no flow times out, and none is released; nil when there are no flows.
  public var nextDue: Timestamp? { wheel.nextDue }

  /// A flow whose record is final, 0 for none. Give it back with `free(_:)`.
  public mutating func takeReleased() -> UInt32 {
    let flow = released.take()
    if flow != 0 { endedCount &-= 1 }
    return flow
  }

  /// Gives a released record back.
  public mutating func free(_ flow: UInt32) { records.free(flow) }

  /// Names a flow in `takeEnded`.
  mutating func appendEnded(_ flow: UInt32) {
    ended.append(flow)
    endedCount &+= 1
  }

  /// Names a flow in `takeReleased`.
  mutating func appendReleased(_ flow: UInt32) {
    released.append(flow)
    endedCount &+= 1
  }

  /// Gives back the memory of bytes that the last step delivered.
  @inline(__always) mutating func returnChains() {
    if lentCount == 0 { return }
    for index in 0..<lentCount { pool.releaseChain(lentChains[index]) }
    lentCount = 0
  }
}

/// The classes of flows by value, the least valuable first: what goes when the table is full.
enum AgeClass {
  static let lingering: UInt8 = 0
  static let halfOpen: UInt8 = 1
  static let datagram: UInt8 = 2
  static let established: UInt8 = 3
  static let count = 4
}

/// What is known of the packet between the tracker's steps.
struct CurrentPacket: BitwiseCopyable {
  var flow: UInt32 = 0
  var sender: Side = .client
  /// The flow's record.
  var record: UnsafeMutablePointer<FlowRecord>
  var judgement = Judgement()
  /// The sender's state before a RST that its peer will take.
  var stateBefore = TCPState.closed
  /// The sender's side has said that it was sent before, so the receiver's does not say it too.
  var wasSentAgain = false
  /// It is being judged as its receiver gets it, whose numbers are not the sender's.
  var numbersDiffer = false
  /// Whether the ends were in step before it, and expected it.
  var step = Step.unknown
  var expectation = Expectation.none
  var options = TCPOptions()
  var hasOptions = false
}

/// A first-in first-out queue of flow indices of fixed capacity.
///
/// Invariant of the pointer: `capacity` initialised numbers, capacity a power of two, from `init` to `deinit`.
struct IndexQueue: ~Copyable {
  private let storage: UnsafeMutableBufferPointer<UInt32>
  private let mask: Int
  private var head = 0
  /// Where the first is that `see` has not named.
  private var unseen = 0
  private var tail = 0

  init(capacity: Int) {
    var size = 64
    while size < capacity + 1 { size *= 2 }
    storage = .allocate(capacity: size)
    mask = size - 1
  }

  deinit { storage.deallocate() }

  @inline(__always) var isEmpty: Bool { head == tail }

  @inline(__always) mutating func append(_ index: UInt32) {
    storage[tail & mask] = index
    tail &+= 1
  }

  @inline(__always) var hasUnseen: Bool { unseen != tail }

  /// The next that was not seen, which stays; 0 for none.
  @inline(__always) mutating func see() -> UInt32 {
    if unseen == tail { return 0 }
    let index = storage[unseen & mask]
    unseen &+= 1
    return index
  }

  @inline(__always) mutating func take() -> UInt32 {
    if head == tail { return 0 }
    let index = storage[head & mask]
    head &+= 1
    if unseen < head { unseen = head }
    return index
  }
}
