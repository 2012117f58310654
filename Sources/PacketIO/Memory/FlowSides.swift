// Unsafe: indexes raw memory it owns. Invariant: `keys` has room for 1...`capacity`; the table has exactly the indices
// 1...min(capacity, all that were ever added).
import MOSCore

/// Remembers who spoke first: the side that each flow's packets come from.
///
/// Holds a fixed number of flows. When there are more, the one that was added first is forgotten; its next packet is then
/// taken for its first.
struct FlowSides: ~Copyable {
  private var table: FlowTable
  private let keys: UnsafeMutablePointer<FlowKey>
  private let memory: ReservedMemory
  private let capacity: Int
  private var next = 1
  // Which bucket a flow is in has no influence on what is answered.
  private let hash = FlowHash.random()

  init(capacity: Int) {
    self.capacity = capacity
    table = FlowTable(maximumEntries: capacity)
    memory = ReservedMemory(byteCount: (capacity + 1) * MemoryLayout<FlowKey>.stride)
    keys = memory.base.bindMemory(to: FlowKey.self, capacity: capacity + 1)
  }

  /// The side that a packet with this key comes from. The first packet between two ends comes from the client.
  mutating func side(of key: FlowKey) -> Side {
    let value = hash.hash(key)
    let keys = keys
    let reversed = key.reversed
    let index = table.find(value) { keys[Int($0)] == key || keys[Int($0)] == reversed }
    if index != 0 { return keys[Int(index)] == key ? .client : .server }
    if table.count == capacity { _ = table.remove(hash.hash(keys[next]), UInt32(next)) }
    keys[next] = key
    table.insert(value, UInt32(next))
    next = next == capacity ? 1 : next + 1
    return .client
  }
}
