import Testing

@testable import MOSCore

@Suite("Flow table")
struct FlowTableTests {
  /// Runs random operations against a dictionary from index to hash, and checks every answer.
  private func compareWithModel(
    seed: UInt64, maximum: Int, operations: Int, insertionPercent: Int, hash: (inout SeededGenerator) -> UInt64
  ) {
    var generator = SeededGenerator(seed: seed)
    var table = FlowTable(maximumEntries: maximum, firstBucketCount: 64)
    var hashes: [UInt32: UInt64] = [:]
    var alive: [UInt32] = []
    var unused = Array((1...UInt32(maximum)).reversed())
    var wrong = 0
    for _ in 0..<operations {
      let choice = Int.random(in: 0..<100, using: &generator)
      let before = table.movedBuckets
      let wasGrowing = table.isGrowing
      if choice < insertionPercent, let index = unused.popLast() {
        let value = hash(&generator)
        table.insert(value, index)
        hashes[index] = value
        alive.append(index)
      } else if choice < 80 && !alive.isEmpty {
        let place = Int.random(in: 0..<alive.count, using: &generator)
        let index = alive[place]
        if choice % 2 == 0 {
          if table.find(hashes[index]!, where: { $0 == index }) != index { wrong += 1 }
          let candidate = table.firstCandidate(hashes[index]!)
          // None where the home bucket is full of others.
          if candidate != 0 && hashes[candidate].map({ $0 >> 33 }) != hashes[index]! >> 33 { wrong += 1 }
        } else {
          if !table.remove(hashes[index]!, index) { wrong += 1 }
          if table.remove(hashes[index]!, index) { wrong += 1 }
          if table.find(hashes[index]!, where: { $0 == index }) != 0 { wrong += 1 }
          hashes[index] = nil
          alive.swapAt(place, alive.count - 1)
          alive.removeLast()
          unused.append(index)
        }
      } else {
        let value = hash(&generator)
        let found = table.find(value) { hashes[$0] == value }
        let exists = hashes.values.contains(value)
        if (found != 0) != exists { wrong += 1 }
      }
      if wasGrowing && table.isGrowing && table.movedBuckets - before > 3 { wrong += 1 }
      if table.count != alive.count { wrong += 1 }
    }
    for (index, value) in hashes where table.find(value, where: { $0 == index }) != index { wrong += 1 }
    #expect(wrong == 0)
  }

  @Test("answers as a dictionary does, with random hashes", arguments: [1, 2, 3, 4] as [UInt64])
  func randomHashes(seed: UInt64) {
    compareWithModel(seed: seed, maximum: 3000, operations: 20_000, insertionPercent: 60) { $0.next() }
  }

  @Test("answers as a dictionary does when homes collide, also around the end of the ring", arguments: [5, 6, 7])
  func collidingHomes(seed: UInt64) {
    compareWithModel(seed: seed, maximum: 2000, operations: 15_000, insertionPercent: 55) { generator in
      // Few homes: the first, the last and one between.
      let homes: [UInt64] = [0, 0xffff_ff00, 0xfffe_0000, 0x7fff_0000]
      return (homes.randomElement(using: &generator)! | UInt64.random(in: 0..<64, using: &generator)) << 32
    }
  }

  @Test("stays correct when all hashes are equal", arguments: [0, .max, 0x8000_0000_0000_0000] as [UInt64])
  func equalHashes(value: UInt64) {
    compareWithModel(seed: value ^ 8, maximum: 1500, operations: 8000, insertionPercent: 65) { _ in value }
  }

  @Test("an empty table finds and removes nothing")
  func empty() {
    var table = FlowTable(maximumEntries: 1, firstBucketCount: 64)
    #expect(table.find(0) { _ in true } == 0)
    #expect(table.firstCandidate(.max) == 0)
    let removed = table.remove(1, 1)
    #expect(!removed)
    let removedNothing = table.remove(1, 0)
    #expect(!removedNothing)
    #expect(table.count == 0)
  }

  @Test("an entry is removed only under its own hash and index")
  func removesOwnEntryOnly() {
    var table = FlowTable(maximumEntries: 10, firstBucketCount: 64)
    table.insert(2 << 32, 5)
    let removals = [table.remove(4 << 32, 5), table.remove(2 << 32, 6), table.remove(2 << 32, 5)]
    #expect(removals == [false, false, true])
  }

  @Test("fills up to the maximum and empties again", arguments: [1, 383, 384, 385, 50_000])
  func fillsUp(maximum: Int) {
    var generator = SeededGenerator(seed: 9)
    let hashes = (0...maximum).map { _ in generator.next() }
    var table = FlowTable(maximumEntries: maximum, firstBucketCount: 64)
    for index in 1...maximum { table.insert(hashes[index], UInt32(index)) }
    #expect(table.count == maximum)
    var missing = 0
    for index in 1...maximum where table.find(hashes[index], where: { $0 == UInt32(index) }) == 0 { missing += 1 }
    #expect(missing == 0)
    for index in 1...maximum where !table.remove(hashes[index], UInt32(index)) { missing += 1 }
    #expect(missing == 0)
    #expect(table.count == 0)
  }

  @Test("growth moves at most two buckets with an insertion and one with a search")
  func boundedGrowth() {
    var generator = SeededGenerator(seed: 10)
    var table = FlowTable(maximumEntries: 100_000, firstBucketCount: 64)
    var sawGrowth = 0
    var worstInsertion = 0
    var worstSearch = 0
    for index in 1...UInt32(100_000) {
      var before = table.isGrowing ? table.movedBuckets : 0
      table.insert(generator.next(), index)
      if table.isGrowing {
        sawGrowth += 1
        worstInsertion = max(worstInsertion, table.movedBuckets - before)
      }
      before = table.movedBuckets
      if index % 3 == 0 {
        _ = table.find(generator.next()) { _ in false }
        worstSearch = max(worstSearch, table.movedBuckets - before)
      }
    }
    #expect(sawGrowth > 1000)
    #expect(worstInsertion == 2)
    #expect(worstSearch == 1)
  }

  @Test("removals during growth keep the entries of both generations reachable")
  func removalsDuringGrowth() {
    var generator = SeededGenerator(seed: 11)
    for _ in 0..<40 {
      var table = FlowTable(maximumEntries: 4000, firstBucketCount: 64)
      var hashes: [UInt32: UInt64] = [:]
      var next: UInt32 = 1
      while !table.isGrowing {
        let value = generator.next()
        table.insert(value, next)
        hashes[next] = value
        next += 1
      }
      var wrong = 0
      for index in hashes.keys.shuffled(using: &generator) {
        let value = hashes.removeValue(forKey: index)!
        if !table.remove(value, index) { wrong += 1 }
        if index % 8 == 0 { _ = table.find(value) { _ in false } }
        if index % 16 == 0 {
          // firstCandidate does not move buckets: it looks at both generations as they stand.
          for (other, otherHash) in hashes.prefix(8) {
            let candidate = table.firstCandidate(otherHash)
            if candidate != other && candidate != 0 && hashes[candidate].map({ $0 >> 33 }) != otherHash >> 33 {
              wrong += 1
            }
          }
        }
      }
      #expect(wrong == 0)
      #expect(table.count == 0)
    }
  }

  @Test("churn leaves no trace: after 200,000 replacements a search looks at no more buckets than at first")
  func churn() {
    var generator = SeededGenerator(seed: 12)
    let live = 8000
    var table = FlowTable(maximumEntries: 8192, firstBucketCount: 64)
    var hashes = (0..<live).map { _ in generator.next() }
    for place in 0..<live { table.insert(hashes[place], UInt32(place + 1)) }
    while table.isGrowing { _ = table.find(0) { _ in false } }
    let before = table.fullBuckets
    for _ in 0..<200_000 {
      let place = Int.random(in: 0..<live, using: &generator)
      _ = table.remove(hashes[place], UInt32(place + 1))
      hashes[place] = generator.next()
      table.insert(hashes[place], UInt32(place + 1))
    }
    // A search passes full buckets only; their number depends on the load alone when nothing is left behind.
    #expect(table.fullBuckets < before * 5 / 4)
    var missing = 0
    for place in 0..<live where table.find(hashes[place], where: { $0 == UInt32(place + 1) }) == 0 { missing += 1 }
    #expect(missing == 0)
    for place in 0..<live { _ = table.remove(hashes[place], UInt32(place + 1)) }
    #expect(table.fullBuckets == 0)
    #expect(table.occupiedPlaces == 0)
  }
}

extension FlowTable {
  fileprivate var fullBuckets: Int {
    (0..<current.bucketCount).count { current.bucket($0)[15] != 0 }
  }

  fileprivate var occupiedPlaces: Int {
    (0..<current.bucketCount).reduce(0) { sum, number in
      sum + (8..<16).count { current.bucket(number)[$0] != 0 }
    }
  }
}
