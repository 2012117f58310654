import Testing

@testable import MTCP

@Suite("Tail loss probes, RFC 8985 7")
struct TailLossProbeTests {
  private let end = SequenceNumber(5_000)

  @Test(
    "7.2: two round trips, and what a receiver may delay one segment's acknowledgment by; a second without a sample; never behind the time-out",
    arguments: [
      (100_000, false, 1_000, 200), (100_000, true, 1_000, 400), (0, false, 3_000, 1_000), (0, true, 3_000, 1_000),
      (100_000, false, 150, 150), (100_000, false, -5, 0),
    ] as [(UInt32, Bool, Int64, Int64)])
  func timeout(smoothed: UInt32, isOneSegment: Bool, untilTimeout: Int64, expected: Int64) {
    let timeout = TailLossProbe.timeout(
      smoothedRoundTrip: smoothed, isOneSegment: isOneSegment, untilTimeout: untilTimeout * 1_000_000)
    #expect(timeout == expected * 1_000_000)
  }

  private func answer(
    _ probe: inout TailLossProbe, _ una: SequenceNumber, duplicate: (left: SequenceNumber, right: SequenceNumber)?,
    isPlainDuplicate: Bool
  ) -> Bool { probe.acknowledge(una, duplicate: duplicate, isPlainDuplicate: isPlainDuplicate) }

  @Test("7.3: one probe at a time, and none before another round trip was measured")
  func allowed() {
    var probe = TailLossProbe()
    #expect(probe.isAllowed)
    probe.send(isRetransmission: true, next: end)
    #expect(!probe.isAllowed)
    _ = probe.acknowledge(end + 1, duplicate: nil, isPlainDuplicate: false)
    #expect(!probe.isAllowed)
    probe.noteSample()
    #expect(probe.isAllowed)
  }

  @Test("7.4.2: a probe that was new data tells of no loss")
  func newData() {
    var probe = TailLossProbe()
    probe.send(isRetransmission: false, next: end)
    #expect(!answer(&probe, end + 1_000, duplicate: nil, isPlainDuplicate: false))
    #expect(probe.end == nil)
  }

  @Test(
    "7.4.2: a retransmission that arrived twice tells of no loss: by a duplicate block, or without SACK by a repeated number"
  )
  func duplicate() {
    var probe = TailLossProbe()
    probe.send(isRetransmission: true, next: end)
    #expect(!answer(&probe, end, duplicate: nil, isPlainDuplicate: false))
    #expect(probe.end == end, "the first copy, or the probe")
    #expect(!answer(&probe, end, duplicate: (end - 1_000, end), isPlainDuplicate: false))
    #expect(probe.end == nil)
    probe.send(isRetransmission: true, next: end)
    #expect(!answer(&probe, end, duplicate: nil, isPlainDuplicate: true))
    #expect(probe.end == nil)
  }

  @Test("7.4.2: a retransmission of which no duplicate is told before what follows is acknowledged made good a loss")
  func repaired() {
    var probe = TailLossProbe()
    probe.send(isRetransmission: true, next: end)
    #expect(!answer(&probe, end - 1, duplicate: nil, isPlainDuplicate: false))
    #expect(!answer(&probe, end, duplicate: nil, isPlainDuplicate: false))
    #expect(answer(&probe, end + 1, duplicate: nil, isPlainDuplicate: false))
    #expect(!answer(&probe, end + 2, duplicate: nil, isPlainDuplicate: false))
  }

  @Test("A recovery makes the answer meaningless")
  func cancel() {
    var probe = TailLossProbe()
    probe.send(isRetransmission: true, next: end)
    probe.cancel()
    #expect(!answer(&probe, end + 1, duplicate: nil, isPlainDuplicate: false))
  }
}
