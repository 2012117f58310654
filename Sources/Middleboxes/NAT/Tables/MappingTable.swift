// Unsafe: uses pointers into a slab it owns. Invariant: indices come from `slab`; an index in a table or scheduled in `wheel`
// is in use in `slab`.
import MOSCore

/// A host's end and the one that stands for it outside.
struct NATMapping: BitwiseCopyable {
  /// Belongs to the slab while the mapping is free.
  var link: UInt32 = 0
  /// Counts the mappings that had this place, so that who knows an older one notices.
  var generation: UInt32 = 0
  var host: NATEnd
  var external: NATEnd
  /// TCP connections that are established.
  var established: UInt32 = 0
  /// The first of its permits, 0 for none.
  var permits: UInt32 = 0
  /// Its host, in the table of hosts; 0 for a forward.
  var hostIndex: UInt32 = 0
  var protocolNumber: UInt8
  /// A forward: it never ends, and lets everybody in.
  var isStatic = false

  init(host: NATEnd, external: NATEnd, protocolNumber: UInt8) {
    self.host = host
    self.external = external
    self.protocolNumber = protocolNumber
  }
}

/// A mapping at one time: another one may have its place since.
struct NATMappingReference: BitwiseCopyable, Equatable {
  var index: UInt32 = 0
  var generation: UInt32 = 0
}

/// Mappings, found by both of their ends, and when they end.
struct MappingTable: ~Copyable {
  private var slab: Slab<NATMapping>
  private var byHost: FlowTable
  private var byExternal: FlowTable
  private var wheel: TimerWheel
  private let hash: FlowHash

  init(capacity: Int, hash: FlowHash) {
    slab = Slab(capacity: capacity)
    byHost = FlowTable(maximumEntries: capacity)
    byExternal = FlowTable(maximumEntries: capacity)
    wheel = TimerWheel(capacity: capacity)
    self.hash = hash
  }

  var count: Int { slab.count }
  var isFull: Bool { slab.count == slab.capacity }

  /// A mapping in use.
  @inline(__always) func pointer(_ index: UInt32) -> UnsafeMutablePointer<NATMapping> { slab.pointer(index) }

  func reference(_ index: UInt32) -> NATMappingReference {
    NATMappingReference(index: index, generation: slab.pointer(index).pointee.generation)
  }

  /// Whether another mapping has its place by now, or none. Not of a reference to none.
  @inline(__always) func isStale(_ reference: NATMappingReference) -> Bool {
    reference.index != 0 && slab.pointer(reference.index).pointee.generation != reference.generation
  }

  @inline(__always) private func hash(_ end: NATEnd, _ protocolNumber: UInt8) -> UInt64 {
    hash.hashV4(
      source: UInt64(end.address), destination: 0, rest: UInt64(end.port) << 48 | UInt64(protocolNumber))
  }

  /// The mapping of a host's end, 0 for none.
  mutating func find(host end: NATEnd, _ protocolNumber: UInt8) -> UInt32 {
    let base = slab.base
    return byHost.find(hash(end, protocolNumber)) {
      base[Int($0)].host == end && base[Int($0)].protocolNumber == protocolNumber
    }
  }

  /// The mapping of an external end, 0 for none.
  mutating func find(external end: NATEnd, _ protocolNumber: UInt8) -> UInt32 {
    let base = slab.base
    return byExternal.find(hash(end, protocolNumber)) {
      base[Int($0)].external == end && base[Int($0)].protocolNumber == protocolNumber
    }
  }

  /// Adds a mapping, of whose ends there is none. Precondition: there is room.
  mutating func insert(_ mapping: NATMapping) -> UInt32 {
    let index = slab.allocate()
    precondition(index != 0, "more mappings than there is room for")
    let place = slab.pointer(index)
    let generation = place.pointee.generation
    place.initialize(to: mapping)
    place.pointee.generation = generation &+ 1
    byHost.insert(hash(mapping.host, mapping.protocolNumber), index)
    byExternal.insert(hash(mapping.external, mapping.protocolNumber), index)
    return index
  }

  /// Takes a mapping out. What it said stays readable until the next one is added.
  mutating func remove(_ index: UInt32) {
    let mapping = slab.pointer(index)
    _ = byHost.remove(hash(mapping.pointee.host, mapping.pointee.protocolNumber), index)
    _ = byExternal.remove(hash(mapping.pointee.external, mapping.pointee.protocolNumber), index)
    wheel.cancel(index)
    mapping.pointee.generation &+= 1
    slab.free(index)
  }

  /// Lets a mapping live until `deadline`.
  @inline(__always) mutating func keep(_ index: UInt32, until deadline: Timestamp) {
    wheel.schedule(index, at: deadline)
  }

  @inline(__always) func isDue(_ now: Timestamp) -> Bool { wheel.isDue(now) }

  /// A mapping whose time is over, 0 for none. To be called until it returns 0, each one being removed.
  mutating func nextExpired(_ now: Timestamp) -> UInt32 { wheel.nextExpired(now) }
}
