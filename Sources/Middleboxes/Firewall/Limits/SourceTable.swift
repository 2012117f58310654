// Unsafe: uses pointers into a slab it owns. Invariant: indices come from `slab`, and an index in `table` or `ages` is in
// use in `slab`.
import MOSCore

/// A value for each source (and number), for so many sources at most: of more, the one not asked for longest is
/// forgotten. The hash has a secret, so that nobody can choose addresses that collide.
struct SourceTable<Value: BitwiseCopyable>: ~Copyable {
  struct Entry: BitwiseCopyable {
    /// Also the free list's link.
    var number: UInt32
    var address: IPAddress
    var value: Value
  }

  private var slab: Slab<Entry>
  private var table: FlowTable
  private var ages: AgeQueues
  private let hash: FlowHash
  /// Sources forgotten for want of room.
  private(set) var forgotten: UInt64 = 0

  init(capacity: Int, hash: FlowHash) {
    slab = Slab(capacity: capacity)
    table = FlowTable(maximumEntries: capacity)
    ages = AgeQueues(capacity: capacity, classes: 1)
    self.hash = hash
  }

  var count: Int { slab.count }

  private func hash(_ address: IPAddress, _ number: UInt32) -> UInt64 {
    hash.hash(
      FlowKey(
        source: address, sourcePort: 0, destination: IPAddress(v4: number), destinationPort: 0, protocolNumber: 0))
  }

  /// The entry of a source, 0 for none.
  mutating func find(_ address: IPAddress, _ number: UInt32) -> UInt32 {
    let entries = slab.base
    return table.find(hash(address, number)) {
      entries[Int($0)].address == address && entries[Int($0)].number == number
    }
  }

  /// Where a source's value is, made from `initial` if it was not there; the source is now the last to be forgotten. Valid
  /// until the next call.
  mutating func entry(
    _ address: IPAddress, _ number: UInt32, initial: Value
  ) -> (index: UInt32, value: UnsafeMutablePointer<Value>) {
    var index = find(address, number)
    if index == 0 {
      if slab.count == slab.capacity {
        forgotten &+= 1
        remove(ages.oldest(class: 0))
      }
      index = slab.allocate()
      slab.pointer(index).initialize(to: Entry(number: number, address: address, value: initial))
      table.insert(hash(address, number), index)
    }
    ages.append(index, class: 0)
    return (index, value(index))
  }

  /// An entry's value. `index` is not 0.
  func value(_ index: UInt32) -> UnsafeMutablePointer<Value> {
    (UnsafeMutableRawPointer(slab.pointer(index)) + MemoryLayout<Entry>.offset(of: \.value)!)
      .assumingMemoryBound(to: Value.self)
  }

  /// Forgets an entry. `index` is not 0.
  mutating func remove(_ index: UInt32) {
    let entry = slab.pointer(index)
    _ = table.remove(hash(entry.pointee.address, entry.pointee.number), index)
    ages.remove(index)
    slab.free(index)
  }
}
