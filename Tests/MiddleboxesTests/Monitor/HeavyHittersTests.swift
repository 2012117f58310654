import Testing

@testable import Middleboxes

private struct Count: Counters, Equatable {
  var times = 0
  mutating func add(_ other: Count) { times += other.times }
}

private typealias Table = HeavyHitters<Int, Count>

@Suite("The largest among any number of keys")
struct HeavyHittersTests {
  private struct Item {
    var key: Int
    var weight: UInt64
  }

  /// Keys of very different weights, in any order.
  private func items(_ count: Int, keys: Int, seed: UInt64) -> [Item] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in
      // A small key is much more frequent than a large one.
      let key = Int.random(in: 1...keys, using: &generator)
      return Item(key: keys / key, weight: UInt64.random(in: 0...1500, using: &generator))
    }
  }

  private func table(_ items: some Sequence<Item>, capacity: Int) -> Table {
    var table = Table(capacity: capacity)
    for item in items { table.add(item.key, weight: item.weight) { $0.times += 1 } }
    return table
  }

  private func sums(_ items: [Item]) -> [Int: UInt64] {
    Dictionary(items.map { ($0.key, $0.weight) }, uniquingKeysWith: +)
  }

  @Test("while there is room everything is exact") func exact() {
    let items = items(5_000, keys: 900, seed: 1)
    let expected = sums(items)
    let table = table(items, capacity: expected.count)
    #expect(table.displaced == 0 && table.threshold == 0)
    let merged = Table.merged([table])
    #expect(Dictionary(uniqueKeysWithValues: merged.map { ($0.key, $0.weight) }) == expected)
    #expect(merged.allSatisfy { $0.error == 0 })
    #expect(merged.reduce(0) { $0 + $1.value.times } == items.count)
    #expect(merged.map(\.weight) == merged.map(\.weight).sorted(by: >))
  }

  @Test(
    "in a full table each key's weight lies between what is sure and what is possible, and no large key is missing",
    arguments: [1, 2, 3, 16, 100], [2, 3, 4] as [UInt64])
  func bounds(capacity: Int, seed: UInt64) {
    let items = items(10_000, keys: 100_000, seed: seed)
    let expected = sums(items)
    let table = table(items, capacity: capacity)
    #expect(table.entries.count == capacity && table.displaced > 0)
    for entry in table.entries {
      let sum = expected[entry.key] ?? 0
      #expect(entry.weight - entry.error <= sum && sum <= entry.weight)
    }
    let kept = Set(table.entries.map(\.key))
    for (key, weight) in expected where weight > table.threshold { #expect(kept.contains(key)) }
    // The weights in the table add up to all that was added.
    #expect(table.entries.reduce(0) { $0 + $1.weight } == items.reduce(0) { $0 + $1.weight })
    #expect(table.threshold == table.entries.map(\.weight).min())
  }

  @Test("tables of several workers come to what one would have, where there is room") func merging() {
    let items = items(4_000, keys: 500, seed: 5)
    let one = Table.merged([table(items, capacity: 1_000)])
    for parts in 2...4 {
      let tables = (0..<parts).map { part in table(items.filter { $0.key % parts == part }, capacity: 1_000) }
      let merged = Table.merged(tables)
      #expect(merged.map(\.key) == one.map(\.key))
      #expect(merged.map(\.weight) == one.map(\.weight) && merged.map(\.value) == one.map(\.value))
    }
    #expect(Table.merged([]).isEmpty)
  }

  @Test("full tables of several workers keep their bounds when they are merged", arguments: [6, 7, 8] as [UInt64])
  func mergingFull(seed: UInt64) {
    let items = items(3_000, keys: 100_000, seed: seed)
    let expected = sums(items)
    // The same keys in both: a worker has the flows, not the addresses.
    let halves = [items.indices.filter { $0 % 2 == 0 }, items.indices.filter { $0 % 3 == 0 && $0 % 2 == 1 }]
    let rest = items.indices.filter { $0 % 2 == 1 && $0 % 3 != 0 }
    let tables = (halves + [rest]).map { table($0.map { items[$0] }, capacity: 40) }
    for entry in Table.merged(tables) {
      let sum = expected[entry.key] ?? 0
      #expect(entry.weight - entry.error <= sum && sum <= entry.weight)
    }
  }
}

@Suite("Quantiles of times")
struct DistributionTests {
  @Test(
    "a quantile is within 1 % of the value at its rank",
    arguments: [1, 2, 5, 99, 100, 101, 2_500], [1, 200, 70_000, UInt32.max])
  func quantiles(count: Int, largest: UInt32) {
    var generator = SeededGenerator(seed: UInt64(count) &+ UInt64(largest))
    var distribution = Distribution()
    var other = Distribution()
    let values = (0..<count).map { _ in UInt32.random(in: 0...largest, using: &generator) }
    for (index, value) in values.enumerated() {
      if index % 2 == 0 { distribution.add(value) } else { other.add(value) }
    }
    distribution.add(other)
    #expect(distribution.count == UInt64(count))
    let sorted = values.sorted()
    for share in [0, 0.5, 0.9, 0.99, 1] {
      let rank = max(1, Int((share * Double(count)).rounded(.up)))
      let expected = Double(sorted[rank - 1])
      let found = Double(distribution.quantile(share) ?? 0)
      #expect(abs(found - expected) <= max(0.01 * expected, 0), "\(share)")
    }
  }

  @Test("short times are exact, and of nothing there is no quantile") func edges() {
    for value in [0, 1, 63, 64, 127] as [UInt32] {
      var distribution = Distribution()
      distribution.add(value)
      #expect(distribution.quantile(0.5) == UInt64(value))
    }
    #expect(Distribution().quantile(0.5) == nil)
  }
}
