import Testing

@testable import MTCP

@Suite struct HostileOrderTests {
  static let orders = ["reverse", "alternating holes", "outside in", "random"]

  /// One-byte segments at offsets 1 to `count`, each of which comes twice; 0 stays a hole.
  static func offsets(_ order: String, _ count: UInt32) -> [UInt32] {
    let once: [UInt32]
    switch order {
    case "reverse":
      once = (1...count).reversed()
    case "alternating holes":
      once = (1...count).filter { $0 % 2 == 1 } + (1...count).filter { $0 % 2 == 0 }.reversed()
    case "outside in":
      once = (0..<count).map { $0 % 2 == 0 ? 1 + $0 / 2 : count - $0 / 2 }
    default:
      var generator = SeededGenerator(seed: 5)
      once = (1...count).shuffled(using: &generator)
    }
    return once + once
  }

  @Test(arguments: orders, [OverlapPolicy.first, .linux])
  func theCostOfOneByteSegmentsGrowsAsNLogN(order: String, policy: OverlapPolicy) {
    func cost(_ count: UInt32) -> Int {
      var fixture = BufferFixture(maximumBytes: 32 << 20)
      var wrong = 0
      for offset in Self.offsets(order, count) {
        let result = fixture.insert(
          [UInt8(truncatingIfNeeded: offset)], at: offset, next: 0, policy: policy, limit: 32 << 20)
        if result.isFull || result.conflicting != 0 || result.stored + result.duplicate != 1 { wrong += 1 }
      }
      #expect(wrong == 0)
      let depth = fixture.checkQueue()
      #expect(depth < 60)
      fixture.insert([0], at: 0, next: 0, policy: policy)
      let taken = fixture.take(from: 0)
      #expect(taken == (0...count).map { UInt8(truncatingIfNeeded: $0) })
      let left = fixture.bytesInUse
      #expect(left == 0)
      return fixture.steps
    }
    let small = cost(4096)
    let large = cost(16384)
    // Four times as many: 4 to 7 times the steps with a logarithm, 16 times without.
    #expect(large < 8 * small, "\(small) steps for 4,096 bytes, \(large) for 16,384")
    #expect(small < 2 * 4096 * 60)
  }

  @Test(arguments: [OverlapPolicy.first, .linux, .solaris])
  func oneByteSegmentsInReverseOver64KiBFitIntoOneMiB(policy: OverlapPolicy) {
    var fixture = BufferFixture()
    for offset in (1...UInt32(65536)).reversed() {
      let result = fixture.insert([UInt8(truncatingIfNeeded: offset)], at: offset, next: 0, policy: policy)
      guard !result.isFull else {
        Issue.record("full at \(offset)")
        return
      }
    }
    let used = fixture.bytesInUse
    #expect(used <= 1 << 19)
    fixture.checkQueue()
    let ranges = fixture.ranges
    #expect(ranges == [[1, 65537]])
    fixture.insert([0], at: 0, next: 0, policy: policy)
    let taken = fixture.take(from: 0)
    #expect(taken == (0...65536).map { UInt8(truncatingIfNeeded: $0) })
  }

  @Test func oneByteSegmentsWithHolesEndAtTheLimit() {
    var fixture = BufferFixture()
    var stored: UInt32 = 0
    var refused: UInt32 = 0
    for offset in stride(from: UInt32(1), to: 1 << 20, by: 64) {
      let result = fixture.insert([1], at: offset, next: 0, policy: .linux, limit: 1 << 20)
      stored += result.stored
      refused += result.isFull ? 1 : 0
    }
    #expect(stored == 4096)
    #expect(refused == 16384 - 4096)
    let used = fixture.bytesInUse
    #expect(used == 1 << 20)
    fixture.checkQueue()
  }

  @Test func theLimitDoesNotBindASegmentInOrder() {
    var fixture = BufferFixture()
    fixture.insert(.init(repeating: 7, count: 2000), at: 1000, next: 0, policy: .linux, limit: 2560)
    let refused = fixture.insert(.init(repeating: 7, count: 200), at: 5000, next: 0, policy: .linux, limit: 2304)
    #expect(refused.isFull && refused.stored == 0)
    let taken = fixture.insert(.init(repeating: 8, count: 1200), at: 0, next: 0, policy: .linux, limit: 2304)
    #expect(!taken.isFull && taken.stored == 1000 && taken.duplicate == 200 && taken.conflicting == 200)
    let bytes = fixture.take(from: 0)
    #expect(bytes == .init(repeating: 8, count: 1200) + .init(repeating: 7, count: 1800))
  }

  /// Segments whose distance exceeds every window must not put the queue out of order.
  @Test func sequenceNumbersFromEverywhereKeepTheQueueInOrder() {
    for seed in 0..<30 {
      var generator = SeededGenerator(seed: UInt64(seed))
      var fixture = BufferFixture(maximumBytes: 1 << 20)
      for _ in 0..<400 {
        let start = UInt32.random(in: 0 ... .max, using: &generator)
        let next = UInt32.random(in: 0 ... .max, using: &generator)
        let data = generator.bytes(Int.random(in: 1...1500, using: &generator))
        fixture.insert(data, at: start, next: next, policy: OverlapPolicy.allCases[seed % 12], limit: 1 << 18)
        switch UInt8.random(in: 0..<30, using: &generator) {
        case 0: _ = fixture.take(from: start)
        case 1: fixture.buffer.dropQueued(below: SequenceNumber(start), pool: &fixture.pool)
        default: break
        }
        fixture.checkQueue()
      }
      fixture.removeAll()
      let left = fixture.bytesInUse
      #expect(left == 0)
    }
  }
}
