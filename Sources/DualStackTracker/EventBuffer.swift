import MOSCore

/// The events that one step of the tracker returned: a set, and a record for each that carries more than the fact.
///
/// The records lie in a scratch area of fixed size that the next step reuses. Invariant of the pointer: it points to
/// `capacity` records from `init` to `deinit`, of which the first `count` are initialised.
public struct EventBuffer: ~Copyable {
  static let capacity = 64
  let records: UnsafeMutablePointer<EventRecord>
  /// Which events happened.
  public internal(set) var set = EventSet(rawValue: 0)
  /// How many records there are.
  public internal(set) var count = 0

  init() {
    records = .allocate(capacity: EventBuffer.capacity)
  }

  deinit {
    records.deallocate()
  }

  /// The record at `index`, in the order in which things happened. Precondition: `index` is below `count`.
  public subscript(index: Int) -> EventRecord { records[index] }

  /// Room for more records; a step that runs out of it leaves the rest of its work to the flow's next packet.
  @inline(__always) var room: Int { EventBuffer.capacity &- count }

  @inline(__always) mutating func clear() {
    set = EventSet(rawValue: 0)
    count = 0
  }

  @inline(__always) mutating func append(_ record: EventRecord) {
    set.insert(record.kind)
    guard count < EventBuffer.capacity else { return }
    records[count] = record
    count &+= 1
  }

  mutating func anomaly(_ anomaly: Anomaly, _ hook: Hook, _ side: Side) {
    var record = EventRecord(.anomaly, hook, side)
    record.code = anomaly.rawValue
    append(record)
  }
}
