/// What is counted of a key.
protocol Counters {
  /// Nothing counted.
  init()
  /// Adds what was counted elsewhere.
  mutating func add(_ other: Self)
}

/// The keys with the largest weights among any number of keys, in a table of bounded size: the space-saving algorithm
/// (Metwally, Agrawal, El Abbadi 2005).
///
/// While there is room, everything is exact. Then a new key takes the place of the one with the least weight and
/// inherits that weight as its possible error. A key whose weight is above the table's smallest one is in it.
struct HeavyHitters<Key: Hashable & Comparable, Value: Counters> {
  struct Entry {
    var key: Key
    /// At least the key's weight.
    var weight: UInt64
    /// By how much that may be too large.
    var error: UInt64
    /// What was counted since the key has its place.
    var value: Value
  }

  private let capacity: Int
  private(set) var entries: [Entry] = []
  /// Keys that lost their place.
  private(set) var displaced: UInt64 = 0
  private var places: [Key: Int] = [:]
  /// Places of entries as a heap, the least weight first; made when the table is full.
  private var heap: [Int] = []
  /// Where in the heap an entry is.
  private var heapPlaces: [Int] = []

  init(capacity: Int) { self.capacity = capacity }

  /// The least weight in the table, if keys lost their place: what a key that is not there may have had.
  var threshold: UInt64 { displaced == 0 ? 0 : entries[heap[0]].weight }

  /// Adds to a key's weight, and to what is counted of it.
  mutating func add(_ key: Key, weight: UInt64, _ change: (inout Value) -> Void) {
    let place = places[key] ?? take(key)
    entries[place].weight &+= weight
    change(&entries[place].value)
    if !heap.isEmpty { sink(heapPlaces[place]) }
  }

  private mutating func take(_ key: Key) -> Int {
    if entries.count < capacity {
      places[key] = entries.count
      entries.append(Entry(key: key, weight: 0, error: 0, value: Value()))
      return entries.count - 1
    }
    if heap.isEmpty { makeHeap() }
    let place = heap[0]
    let least = entries[place].weight
    places[entries[place].key] = nil
    places[key] = place
    entries[place] = Entry(key: key, weight: least, error: least, value: Value())
    displaced &+= 1
    return place
  }

  private mutating func makeHeap() {
    heap = entries.indices.sorted { entries[$0].weight < entries[$1].weight }
    heapPlaces = heap
    for (position, place) in heap.enumerated() { heapPlaces[place] = position }
  }

  /// Puts an entry whose weight grew in its position.
  private mutating func sink(_ start: Int) {
    var position = start
    let place = heap[position]
    let weight = entries[place].weight
    while true {
      var child = 2 * position + 1
      guard child < heap.count else { break }
      if child + 1 < heap.count, entries[heap[child + 1]].weight < entries[heap[child]].weight { child += 1 }
      guard entries[heap[child]].weight < weight else { break }
      heap[position] = heap[child]
      heapPlaces[heap[position]] = position
      position = child
    }
    heap[position] = place
    heapPlaces[place] = position
  }

  /// What several tables have together, the largest weights first.
  static func merged(_ tables: [HeavyHitters]) -> [Entry] {
    var sum: [Key: Entry] = [:]
    for table in tables {
      for entry in table.entries {
        sum[entry.key, default: Entry(key: entry.key, weight: 0, error: 0, value: Value())].add(entry)
      }
    }
    for table in tables where table.displaced > 0 {
      for key in sum.keys where table.places[key] == nil {
        sum[key]?.weight &+= table.threshold
        sum[key]?.error &+= table.threshold
      }
    }
    // By what is sure: an upper bound would put those first of which least is known.
    return sum.values.sorted { one, other in
      let (own, others) = (one.weight - one.error, other.weight - other.error)
      return own != others ? own > others : one.key < other.key
    }
  }
}

extension HeavyHitters.Entry {
  fileprivate mutating func add(_ other: Self) {
    weight &+= other.weight
    error &+= other.error
    value.add(other.value)
  }
}
