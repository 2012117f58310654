import MOSCore
import Testing

@testable import MTCP

@Suite("RACK, RFC 8985 6")
struct RecentAcknowledgmentTests {
  @Test("One segment is lost, and the three behind it arrive: it is lost at once, as with duplicate acknowledgments")
  func fastRetransmit() {
    let sender = SenderFixture()
    sender.send(10, at: 0)
    for arrived in 2...4 as ClosedRange<UInt32> {
      let delivery = sender.acknowledge(0, [1..<arrived], at: 100)
      #expect(delivery.delivered == 1_000)
      #expect(delivery.acknowledged == 0)
      #expect(sender.detect(at: 100).lost == (arrived == 4 ? 1_000 : 0))
    }
    #expect(sender.queue.pipe == 6_000)
    #expect(sender.resendLost(at: 100) == 0)
    #expect(sender.queue.pipe == 7_000)
    #expect(sender.resendLost(at: 100) == nil)
  }

  @Test("Two segments arrive behind a hole: it is lost when a quarter of the smallest round trip has passed")
  func reorderingTimer() {
    let sender = SenderFixture()
    sender.send(3, at: 0)
    _ = sender.acknowledge(0, [1..<3], at: 100)
    let answer = sender.detect(at: 100)
    #expect(answer.lost == 0)
    #expect(answer.wait == 25_000_000)
    #expect(sender.detect(at: 124).lost == 0)
    #expect(sender.detect(at: 125).lost == 1_000)
  }

  @Test("Where segments overtake each other a quarter of a round trip is waited for, however many have arrived")
  func seenReordering() {
    let sender = SenderFixture()
    sender.send(2, at: 0)
    _ = sender.acknowledge(0, [1..<2], at: 100)
    _ = sender.acknowledge(2, at: 110)
    #expect(sender.recent.hasSeenReordering)
    sender.send(10, at: 200)
    _ = sender.acknowledge(2, [3..<12], at: 300)
    #expect(sender.detect(at: 300).lost == 0)
    #expect(sender.detect(at: 300).wait == 25_000_000)
    #expect(sender.detect(isRecovering: true, at: 300).lost == 0)
    #expect(sender.detect(at: 325).lost == 1_000)
  }

  @Test("A retransmission that is lost as well is found by what was sent behind it")
  func lostRetransmission() {
    let sender = SenderFixture()
    sender.send(4, at: 0)
    _ = sender.acknowledge(0, [1..<4], at: 100)
    #expect(sender.detect(at: 100).lost == 1_000)
    #expect(sender.resendLost(at: 100) == 0)
    sender.send(1, at: 101)
    // Nothing behind the retransmission has arrived.
    #expect(sender.detect(isRecovering: true, at: 150).lost == 0)
    _ = sender.acknowledge(0, [1..<5], at: 201)
    #expect(sender.detect(isRecovering: true, at: 201).lost == 1_000)
    #expect(sender.resendLost(at: 201) == 0)
  }

  @Test("The last of a flight: it is lost with the first, once what was sent behind both has arrived")
  func applicationLimited() {
    let sender = SenderFixture()
    sender.send(2, at: 0)
    sender.send(1, at: 10)
    _ = sender.acknowledge(0, [2..<3], at: 110)
    #expect(sender.detect(isRecovering: true, at: 110).lost == 2_000)
  }

  @Test("An acknowledgment that echoes a time before the retransmission tells of the first copy, not of it")
  func ambiguous() {
    let sender = SenderFixture()
    sender.send(4, at: 0)
    let before = RecentAcknowledgment.timestampValue(sender.time(0))
    _ = sender.acknowledge(0, [1..<4], echo: before, at: 100)
    _ = sender.detect(at: 100)
    _ = sender.resendLost(at: 100)
    let latest = sender.recent.sentTime
    // The first copy was late by 50 ms.
    let delivery = sender.acknowledge(4, echo: before, at: 150)
    #expect(delivery.hasRetransmitted)
    #expect(delivery.roundTrip == nil)
    #expect(sender.recent.sentTime == latest)
  }

  @Test("Without timestamps, an acknowledgment that comes sooner than any round trip does not tell of a retransmission")
  func tooSoon() {
    let sender = SenderFixture()
    sender.send(4, at: 0)
    _ = sender.acknowledge(0, [1..<4], at: 100)
    _ = sender.detect(at: 100)
    _ = sender.resendLost(at: 100)
    let latest = sender.recent.sentTime
    _ = sender.acknowledge(4, at: 110)
    #expect(sender.recent.sentTime == latest)
  }

  @Test(
    "Each round trip with a duplicate makes the window a quarter wider, up to SRTT; 16 recoveries without make it small again"
  )
  func duplicates() {
    let sender = SenderFixture()
    sender.send(2, at: 0)
    _ = sender.acknowledge(0, [1..<2], at: 100)
    _ = sender.acknowledge(2, at: 100)
    func window(_ recent: RecentAcknowledgment) -> Int64 {
      recent.reorderingWindow(isRecovering: true, sackedCount: 0, smoothedRoundTrip: 120_000) / 1_000_000
    }
    #expect(window(sender.recent) == 25)
    let una = SenderFixture.boundary(2)
    sender.recent.noteDuplicate(true, una: una, next: una + 5_000)
    sender.recent.noteDuplicate(true, una: una + 1_000, next: una + 6_000)
    #expect(window(sender.recent) == 50, "once a round trip")
    sender.recent.noteDuplicate(true, una: una + 5_000, next: una + 9_000)
    #expect(window(sender.recent) == 75)
    for round in 2...10 as ClosedRange<UInt32> {
      sender.recent.noteDuplicate(true, una: una + (round &* 10_000), next: una + (round &* 10_000 &+ 1))
    }
    #expect(window(sender.recent) == 120)
    for _ in 0..<15 { sender.recent.endRecovery() }
    #expect(window(sender.recent) == 120)
    sender.recent.endRecovery()
    #expect(window(sender.recent) == 25)
  }

  @Test("6.3: a time-out loses the first segment, and of the others those that are late")
  func timeOut() {
    let sender = SenderFixture()
    sender.send(1, at: 0)
    _ = sender.acknowledge(1, at: 100)
    sender.send(2, at: 200)
    sender.send(2, at: 1_150)
    sender.queue.timeOut(sender.recent, at: sender.time(1_200), window: 0, hasSACK: true, segments: sender.segments)
    #expect(sender.queue.lostBytes == 2_000)
    sender.queue.timeOut(sender.recent, at: sender.time(1_200), window: 0, hasSACK: false, segments: sender.segments)
    #expect(sender.queue.lostBytes == 4_000)
    #expect([sender.resendLost(at: 1_200), sender.resendLost(at: 1_200)] == [1, 2])
    sender.queue.undoLoss(segments: sender.segments)
    #expect(sender.queue.lostBytes == 0)
    #expect(sender.queue.pipe == 4_000)
  }
}
