// Unsafe: uses pointers into a slab it owns. Invariant: indices come from `slab`; the permits of a mapping form a chain by
// `next` and `previous`, and all of them are in use.
import MOSCore

/// Whom a mapping lets in: an address that its host has sent to, or an address and port.
struct PermitTable: ~Copyable {
  struct Permit: BitwiseCopyable {
    /// Belongs to the slab while the permit is free.
    var link: UInt32 = 0
    var mapping: UInt32
    var remote: NATEnd
    var next: UInt32
    var previous: UInt32 = 0
  }

  private var slab: Slab<Permit>
  private var table: FlowTable
  private var wheel: TimerWheel
  private let hash: FlowHash

  init(capacity: Int, hash: FlowHash) {
    slab = Slab(capacity: capacity)
    table = FlowTable(maximumEntries: capacity)
    wheel = TimerWheel(capacity: capacity)
    self.hash = hash
  }

  var count: Int { slab.count }

  private func hash(_ mapping: UInt32, _ remote: NATEnd) -> UInt64 {
    hash.hashV4(source: UInt64(remote.address), destination: UInt64(mapping), rest: UInt64(remote.port) << 48)
  }

  /// The permit of a mapping for somebody, 0 for none.
  mutating func find(_ mapping: UInt32, _ remote: NATEnd) -> UInt32 {
    let base = slab.base
    return table.find(hash(mapping, remote)) { base[Int($0)].mapping == mapping && base[Int($0)].remote == remote }
  }

  /// Whether a permit that was found before is still that of a mapping for somebody.
  @inline(__always) func isValid(_ index: UInt32, _ mapping: UInt32, _ remote: NATEnd) -> Bool {
    guard index != 0 else { return false }
    let permit = slab.pointer(index)
    return permit.pointee.mapping == mapping && permit.pointee.remote == remote
  }

  /// Adds a permit before `first`, the first of the mapping's; 0 when there is no room.
  mutating func insert(_ mapping: UInt32, _ remote: NATEnd, before first: UInt32) -> UInt32 {
    if slab.count == slab.capacity { return 0 }
    let index = slab.allocate()
    slab.pointer(index).initialize(to: Permit(mapping: mapping, remote: remote, next: first))
    if first != 0 { slab.pointer(first).pointee.previous = index }
    table.insert(hash(mapping, remote), index)
    return index
  }

  @inline(__always) mutating func keep(_ index: UInt32, until deadline: Timestamp) {
    wheel.schedule(index, at: deadline)
  }

  @inline(__always) func isDue(_ now: Timestamp) -> Bool { wheel.isDue(now) }

  /// A permit whose time is over, 0 for none, with its mapping. To be called until it returns 0, each one being removed.
  mutating func nextExpired(_ now: Timestamp) -> (index: UInt32, mapping: UInt32) {
    let index = wheel.nextExpired(now)
    return (index, index == 0 ? 0 : slab.pointer(index).pointee.mapping)
  }

  /// Takes a permit out. Returns which is the first of its mapping's now, if `first` was.
  mutating func remove(_ index: UInt32, first: UInt32) -> UInt32 {
    let permit = slab.pointer(index).pointee
    if permit.next != 0 { slab.pointer(permit.next).pointee.previous = permit.previous }
    if permit.previous != 0 { slab.pointer(permit.previous).pointee.next = permit.next }
    _ = table.remove(hash(permit.mapping, permit.remote), index)
    wheel.cancel(index)
    // Nobody who remembers it finds it valid.
    slab.pointer(index).pointee.mapping = 0
    slab.free(index)
    return first == index ? permit.next : first
  }
}
