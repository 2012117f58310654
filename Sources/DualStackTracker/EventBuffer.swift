import MOSCore

/// The events that one step of the tracker returned, or both at once: a set, and a record for each that carries more than
/// the fact.
///
/// The records lie in a scratch area of fixed size that the next step reuses. Invariant of the pointer: it points to
/// `2 * stepCapacity` records from `init` to `deinit`, of which the first `count` are initialised.
public struct EventBuffer: ~Copyable {
  /// The most records of one step.
  static let stepCapacity = 64
  /// Counters: one for each event kind, then one for each anomaly.
  private var counts = InlineArray<80, UInt64>(repeating: 0)
  @usableFromInline let records: UnsafeMutablePointer<EventRecord>
  /// Where the next record goes.
  @usableFromInline private(set) var next: UnsafeMutablePointer<EventRecord>
  /// The first record of the second step, when both steps are here.
  @usableFromInline private(set) var second: UnsafeMutablePointer<EventRecord>
  /// Behind the last record that this step may have.
  private var limit: UnsafeMutablePointer<EventRecord>
  /// Which events happened.
  public internal(set) var set = EventSet(rawValue: 0)
  /// How many records there are of the first step, once the second was done.
  public var firstStepCount: Int { second - records }
  /// How many records there are.
  public var count: Int { next - records }

  init() {
    records = .allocate(capacity: 2 * EventBuffer.stepCapacity)
    records.initialize(repeating: EventRecord(.packet, .wire, .client), count: 2 * EventBuffer.stepCapacity)
    next = records
    second = records
    limit = records + EventBuffer.stepCapacity
  }

  deinit { records.deallocate() }

  /// The record at `index`, in the order in which things happened. Precondition: `index` is below `count`.
  public subscript(index: Int) -> EventRecord { records[index] }

  /// The first record; they lie one behind the other, as long as the tracker makes no other step.
  @inlinable @inline(__always) public var first: UnsafePointer<EventRecord> { UnsafePointer(records) }
  /// The first record of the second step, once that was done.
  @inlinable @inline(__always) public var firstOfSecondStep: UnsafePointer<EventRecord> { UnsafePointer(second) }
  /// Behind the last record.
  @inlinable @inline(__always) public var end: UnsafePointer<EventRecord> { UnsafePointer(next) }

  /// How often an event happened so far.
  public func count(of kind: EventKind) -> UInt64 { counts[Int(kind.rawValue)] }

  /// How often an anomaly was found so far.
  public func count(of anomaly: Anomaly) -> UInt64 { counts[16 + Int(anomaly.rawValue)] }

  /// A step that begins with `packet`, and nothing else so far.
  @inline(__always) mutating func beginPacket() {
    set = EventSet(rawValue: 1)
    next = records
    second = records
    limit = records + EventBuffer.stepCapacity
    counts[0] &+= 1
  }

  /// Both steps of a packet with few events, and nothing else so far. The limit, which they do not reach, stays.
  @inline(__always) mutating func beginBothSteps() {
    set = EventSet(rawValue: 1)
    next = records
    second = records
    counts[0] &+= 2
  }

  /// The receiver's step, whose events come behind those of the sender's.
  @inline(__always) mutating func beginSecondStep() {
    second = next
    limit = next + EventBuffer.stepCapacity
    counts[0] &+= 1
  }

  /// What follows belongs to the second step.
  @inline(__always) mutating func markSecondStep() { second = next }

  /// Counts an event that has no record.
  @inline(__always) mutating func note(_ kind: EventKind) {
    set.insert(kind)
    counts[Int(kind.rawValue)] &+= 1
  }

  /// Room for more records; a step that runs out of it leaves the rest of its work to the flow's next packet.
  @inline(__always) var room: Int { limit - next }

  @inline(__always) mutating func clear() {
    set = EventSet(rawValue: 0)
    next = records
    second = records
    limit = records + EventBuffer.stepCapacity
  }

  @inline(__always) mutating func append(_ record: EventRecord) {
    note(record.kind)
    guard next < limit else { return }
    next.initialize(to: record)
    next += 1
  }

  /// Leaves out the records of a side, but for the flow's end, and says whether the packet itself is told.
  mutating func leaveOut(client: Bool, server: Bool, isTold: Bool) {
    set = EventSet(rawValue: isTold ? 1 : 0)
    var target = records
    var boundary = second
    var source = records
    while source < next {
      let record = source.pointee
      source += 1
      if record.kind != .connectionEnd, record.side == .client ? client : server {
        counts[Int(record.kind.rawValue)] &-= 1
        if record.kind == .anomaly { counts[16 + Int(record.code)] &-= 1 }
        if source <= second { boundary -= 1 }
        continue
      }
      set.insert(record.kind)
      target.pointee = record
      target += 1
    }
    next = target
    second = boundary
  }

  /// A step of a packet is not told.
  mutating func uncountPacket() { counts[0] &-= 1 }

  mutating func anomaly(_ anomaly: Anomaly, _ hook: Hook, _ side: Side) {
    var record = EventRecord(.anomaly, hook, side)
    record.code = anomaly.rawValue
    counts[16 + Int(anomaly.rawValue)] &+= 1
    append(record)
  }
}
