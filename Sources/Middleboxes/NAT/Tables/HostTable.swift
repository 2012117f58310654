// Unsafe: uses pointers into a slab it owns. Invariant: indices come from `slab`, and an index in `table` is in use there.
import MOSCore

/// Hosts that have mappings, and how many.
struct HostTable: ~Copyable {
  struct Host: BitwiseCopyable {
    /// Belongs to the slab while the host is free.
    var link: UInt32 = 0
    var address: IPAddress
    var mappings: UInt32 = 0
  }

  private var slab: Slab<Host>
  private var table: FlowTable
  private let hash: FlowHash

  /// Room for as many hosts as there can be mappings.
  init(capacity: Int, hash: FlowHash) {
    slab = Slab(capacity: capacity)
    table = FlowTable(maximumEntries: capacity)
    self.hash = hash
  }

  var count: Int { slab.count }

  private func hash(_ address: IPAddress) -> UInt64 {
    hash.hash(
      FlowKey(source: address, sourcePort: 0, destination: address, destinationPort: 0, protocolNumber: 0))
  }

  /// A host's number, 0 for one without a mapping.
  mutating func find(_ address: IPAddress) -> UInt32 {
    let base = slab.base
    return table.find(hash(address)) { base[Int($0)].address == address }
  }

  /// The address of a host that has a mapping.
  func address(of index: UInt32) -> IPAddress { slab.pointer(index).pointee.address }

  /// Mappings of a host.
  mutating func mappings(of address: IPAddress) -> UInt32 {
    let index = find(address)
    return index == 0 ? 0 : slab.pointer(index).pointee.mappings
  }

  /// A host gets one mapping more. Returns the host, for `remove`.
  mutating func add(_ address: IPAddress) -> UInt32 {
    var index = find(address)
    if index == 0 {
      index = slab.allocate()
      precondition(index != 0, "more hosts than mappings")
      slab.pointer(index).initialize(to: Host(address: address))
      table.insert(hash(address), index)
    }
    slab.pointer(index).pointee.mappings &+= 1
    return index
  }

  /// A host has one mapping less.
  mutating func remove(_ index: UInt32) {
    let host = slab.pointer(index)
    host.pointee.mappings &-= 1
    guard host.pointee.mappings == 0 else { return }
    _ = table.remove(hash(host.pointee.address), index)
    slab.free(index)
  }
}
