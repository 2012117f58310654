import MOSCore
import Testing

@testable import MTCP

@Suite("What is sent and not acknowledged")
struct RetransmissionQueueTests {
  @Test("Acknowledgments take segments away, whole and in part, and the round trip is that of the latest")
  func cumulative() {
    let sender = SenderFixture()
    sender.send(2, at: 0)
    sender.send(2, at: 30)
    let delivery = sender.acknowledge(3, at: 100)
    #expect(delivery.acknowledged == 3_000 && delivery.delivered == 3_000)
    #expect(delivery.roundTrip == 70_000)
    #expect(sender.queue.flightSize == 1_000 && sender.queue.count == 1)
    let part = sender.acknowledge(SenderFixture.boundary(3) + 400, [], at: 110)
    #expect(part.acknowledged == 400 && part.delivered == 400 && part.roundTrip == nil)
    #expect(sender.queue.flightSize == 600)
    #expect(sender.acknowledge(4, at: 120).delivered == 600)
    #expect(sender.queue.isEmpty && sender.segments.count == 0)
  }

  @Test("Karn's rule: what was sent twice gives no round trip")
  func karn() {
    let sender = SenderFixture()
    sender.send(1, at: 0)
    sender.queue.timeOut(sender.recent, at: sender.time(1_000), window: 0, hasSACK: true, segments: sender.segments)
    #expect(sender.resendLost(at: 1_000) == 0)
    let delivery = sender.acknowledge(1, at: 1_100)
    #expect(delivery.roundTrip == nil && delivery.hasRetransmitted)
  }

  @Test("Nor does what waited at the receiver for something that was sent twice")
  func waiting() {
    let sender = SenderFixture()
    sender.send(3, at: 0)
    #expect(sender.queue.loseFirst(segments: sender.segments) == 1_000)
    #expect(sender.resendLost(at: 1_000) == 0)
    #expect(sender.acknowledge(3, at: 1_100).roundTrip == nil)
  }

  @Test("RFC 2018: blocks in any order, again and again, count once; what they cover in part does not count")
  func selective() {
    let sender = SenderFixture()
    sender.send(10, at: 0)
    #expect(sender.acknowledge(1, [5..<7, 2..<4], at: 100).delivered == 5_000)
    #expect(sender.acknowledge(1, [5..<8, 2..<4], at: 100).delivered == 1_000)
    #expect(sender.acknowledge(1, [2..<4, 5..<8], at: 100).delivered == 0)
    let edge = SenderFixture.boundary(8)
    #expect(
      sender.acknowledge(SenderFixture.boundary(1), [((edge + 1).rawValue, (edge + 1_999).rawValue)], at: 100).delivered
        == 0)
    #expect(sender.queue.sackedBytes == 5_000 && sender.queue.sackedCount == 5 && sender.queue.pipe == 4_000)
    #expect(sender.acknowledge(10, at: 110).delivered == 4_000)
    #expect(sender.queue.isEmpty && sender.queue.sackedBytes == 0)
  }

  @Test("Blocks of what was never sent, turned round, empty or already acknowledged mean nothing")
  func hostileBlocks() {
    let sender = SenderFixture()
    sender.send(4, at: 0)
    _ = sender.acknowledge(1, at: 100)
    let first = SenderFixture.boundary(1).rawValue
    for block in [
      (first, first &+ 4_000), (first &+ 2_000, first), (first, first), (first &- 1_000, first &- 500),
      (first &+ 0x8000_0000, first &+ 0x8000_1000), (first &- 0x7fff_ffff, first &+ 5_000),
    ] {
      #expect(sender.acknowledge(SenderFixture.boundary(1), [(0, 0), block], at: 100).delivered == 0)
    }
    #expect(sender.queue.sackedCount == 0 && sender.queue.flightSize == 3_000)
  }

  @Test("RFC 2883: the first block tells of duplicates, before the acknowledgment or inside of the second block")
  func duplicate() {
    let sender = SenderFixture()
    sender.send(10, at: 0)
    #expect(sender.acknowledge(3, [1..<2], at: 100).duplicate?.left == SenderFixture.boundary(1))
    let inside = sender.acknowledge(3, [6..<7, 5..<8], at: 100)
    #expect(inside.duplicate?.right == SenderFixture.boundary(7))
    #expect(inside.delivered == 3_000)
    #expect(sender.acknowledge(3, [5..<8], at: 100).duplicate == nil)
  }

  @Test("A receiver that takes back what it acknowledged is not believed at the time-out")
  func reneging() {
    let sender = SenderFixture()
    sender.send(4, at: 0)
    _ = sender.acknowledge(0, [0..<2], at: 100)
    #expect(sender.queue.sackedBytes == 2_000)
    sender.queue.timeOut(sender.recent, at: sender.time(1_000), window: 0, hasSACK: true, segments: sender.segments)
    #expect(sender.queue.sackedBytes == 0 && sender.queue.sackedCount == 0)
    #expect(sender.queue.lostBytes == 4_000)
    #expect(sender.resendLost(at: 1_000) == 0)
  }

  @Test("Without SACK the first segment is lost at the third duplicate, and each partial acknowledgment loses the next")
  func withoutSACK() {
    let sender = SenderFixture()
    sender.send(4, at: 0)
    #expect(sender.queue.loseFirst(segments: sender.segments) == 1_000)
    #expect(sender.queue.loseFirst(segments: sender.segments) == 0)
    #expect(sender.resendLost(at: 100) == 0)
    _ = sender.acknowledge(2, at: 200)
    #expect(sender.queue.loseFirst(segments: sender.segments) == 1_000)
    #expect(sender.resendLost(at: 200) == 2)
  }

  @Test("A full slab refuses a segment, and what is there stays whole")
  func full() {
    let sender = SenderFixture()
    sender.segments = Slab(capacity: 3)
    sender.send(3, at: 0)
    #expect(sender.queue.append(sender.next, length: 1, at: sender.time(0), segments: &sender.segments) == 0)
    #expect(sender.queue.flightSize == 3_000 && sender.queue.count == 3)
    #expect(sender.acknowledge(3, at: 1).delivered == 3_000)
  }

  @Test("A sequence number is found in a logarithmic number of steps")
  func logarithmic() {
    let sender = SenderFixture()
    sender.send(4_096, at: 0)
    _ = sender.acknowledge(100, at: 10)
    var most = 0
    for number in 100..<4_096 as Range<UInt32> {
      let (index, steps) = sender.queue.find(SenderFixture.boundary(number) + 500, segments: sender.segments)
      #expect(sender.segments.pointer(index).pointee.sequence == SenderFixture.boundary(number))
      most = max(most, steps)
    }
    #expect(most <= 2 * 12 + 1, "\(most) steps")
  }

  @Test(
    "Random acknowledgments, losses and retransmissions: each segment's fate is that of a plain list's",
    arguments: 0..<40 as Range<UInt64>)
  func model(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let sender = SenderFixture()
    var model = SenderModel()
    for step in 1...600 as ClosedRange<Int64> {
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<4:
        let count = Int.random(in: 1...4, using: &random)
        sender.send(count, at: step)
        model.send(count)
      case 4, 5:
        let upTo = model.una + UInt32.random(in: 0...3, using: &random)
        var blocks: [Range<UInt32>] = []
        for _ in 0..<Int.random(in: 0...3, using: &random) {
          let left = model.una + UInt32.random(in: 0...20, using: &random)
          blocks.append(left..<left + UInt32.random(in: 1...6, using: &random))
        }
        guard upTo <= model.next else { continue }
        let expected = model.acknowledge(upTo, blocks)
        #expect(sender.acknowledge(upTo, [0..<0] + blocks, at: step).delivered == expected * 1_000)
      case 6:
        if sender.queue.loseFirst(segments: sender.segments) != 0 { model.loseFirst() }
      case 7:
        sender.queue.timeOut(sender.recent, at: sender.time(step), window: 0, hasSACK: false, segments: sender.segments)
        model.timeOut()
      case 8:
        #expect(sender.resendLost(at: step) == model.resendLost())
      default:
        sender.queue.undoLoss(segments: sender.segments)
        model.undo()
      }
      #expect(sender.queue.flightSize == (model.next - model.una) * 1_000)
      #expect(sender.queue.sackedBytes == UInt32(model.sacked.count) * 1_000)
      #expect(sender.queue.lostBytes == UInt32(model.lost.count) * 1_000)
      #expect(sender.underWayInOrder() == model.underWay)
    }
    sender.queue.removeAll(segments: &sender.segments)
    #expect(sender.segments.count == 0)
  }
}

/// The same in sets of segment numbers.
private struct SenderModel {
  var una: UInt32 = 0
  var next: UInt32 = 0
  var sacked: Set<UInt32> = []
  var lost: Set<UInt32> = []

  var underWay: Set<UInt32> { Set(una..<next).subtracting(sacked).subtracting(lost) }

  mutating func send(_ count: Int) { next += UInt32(count) }

  mutating func acknowledge(_ upTo: UInt32, _ blocks: [Range<UInt32>]) -> UInt32 {
    var delivered = UInt32(Set(una..<upTo).subtracting(sacked).count)
    una = upTo
    for block in blocks where block.upperBound <= next {
      for number in block where number >= una && sacked.insert(number).inserted { delivered += 1 }
    }
    sacked = sacked.filter { $0 >= una }
    lost = lost.filter { $0 >= una }.subtracting(sacked)
    return delivered
  }

  mutating func loseFirst() { lost.insert(una) }

  mutating func timeOut() {
    if sacked.contains(una) { sacked = [] }
    lost.formUnion(underWay)
  }

  mutating func resendLost() -> UInt32? {
    guard let first = lost.min() else { return nil }
    lost.remove(first)
    return first
  }

  mutating func undo() { lost = [] }
}

extension SenderFixture {
  /// The numbers of the segments that are under way, by the order of their sending, which is checked.
  func underWayInOrder() -> Set<UInt32> {
    var numbers: Set<UInt32> = []
    var index = queue.firstSent
    var before: Timestamp?
    while index != 0 {
      let segment = segments.pointer(index).pointee
      if let before, before > segment.sentTime { return [] }
      before = segment.sentTime
      numbers.insert(UInt32(bitPattern: segment.sequence.distance(from: Self.iss)) / 1_000)
      index = segment.sentAfter
    }
    return numbers
  }
}
