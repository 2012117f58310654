import MOSCore
import PacketIO
import Testing

@Suite("a port that does to frames what a bad network does") struct FaultPortTests {
  /// Virtual time, which the port asks for.
  final class Clock {
    var now: Int64 = 0
  }

  /// What leaves of `frames`, a millisecond apart, until nothing is under way.
  static func left(_ frames: [FrameCopy], _ faults: LinkConfiguration) -> (frames: [FrameCopy], faults: LinkStatistics)
  {
    let clock = Clock()
    var port = FaultPort(MemoryPort(slots: 8_192), faults) { Timestamp(nanoseconds: clock.now) }
    for frame in frames {
      #expect(port.send([frame]) == 1)
      clock.now += 1_000_000
    }
    while port.underWay > 0 {
      clock.now += 1_000_000
      port.release()
    }
    var sink = CaptureSink()
    port.port.drain(into: &sink)
    #expect(port.statistics.sent.frames == UInt64(sink.copies.count))
    return (sink.copies, port.faults)
  }

  @Test("without faults frames leave at once, in order, as they came; what comes in comes as it came")
  func transparent() {
    let frames = sampleFrames(100)
    let result = Self.left(frames, LinkConfiguration())
    #expect(result.frames.map(\.bytes) == frames.map(\.bytes))
    var port = FaultPort(MemoryPort(), LinkConfiguration()) { Timestamp(nanoseconds: 0) }
    #expect(port.port.deliver(frames) == 100)
    #expect(port.receive(100).map(\.bytes) == frames.map(\.bytes))
    #expect(port.statistics.received.frames == 100)
  }

  @Test("a frame leaves when its time has come and the port is polled, not before")
  func latency() {
    let clock = Clock()
    var faults = LinkConfiguration()
    faults.latency = 5_000
    var port = FaultPort(MemoryPort(), faults) { Timestamp(nanoseconds: clock.now) }
    #expect(port.send(sampleFrames(1)) == 1)
    clock.now = 4_999
    #expect(port.receive(8).isEmpty)
    #expect(port.port.waitingToLeave == 0 && port.underWay == 1)
    clock.now = 5_000
    #expect(port.port.waitingToLeave == 0)
    #expect(port.receive(8).isEmpty)
    #expect(port.port.waitingToLeave == 1 && port.underWay == 0)
  }

  @Test("what is lost, doubled and late is as the seed has it, and every frame is accounted for")
  func faults() {
    var faults = LinkConfiguration()
    (faults.loss, faults.duplication, faults.reordering, faults.reorderingDelay) = (0.1, 0.1, 0.1, 2_500_000)
    faults.seed = 9
    let frames = sampleFrames(2_000)
    let result = Self.left(frames, faults)
    let statistics = result.faults
    #expect((120...280).contains(statistics.lost) && (100...260).contains(statistics.duplicated))
    #expect((100...260).contains(statistics.reordered) && statistics.dropped == 0)
    #expect(UInt64(result.frames.count) == statistics.entered + statistics.duplicated - statistics.lost)
    let numbers = result.frames.map { number(of: $0) }
    #expect(Set(numbers).count == 2_000 - Int(statistics.lost))
    #expect(numbers != numbers.sorted())
    #expect(Self.left(frames, faults).frames.map(\.bytes) == result.frames.map(\.bytes))
    faults.seed = 10
    #expect(Self.left(frames, faults).frames.map(\.bytes) != result.frames.map(\.bytes))
  }

  @Test("corruption inverts one bit behind the Ethernet header, and leaves the other chances as they were")
  func corruption() {
    var faults = LinkConfiguration()
    (faults.loss, faults.corruption) = (0.1, 0.2)
    let frames = sampleFrames(2_000)
    let result = Self.left(frames, faults)
    var whole = faults
    whole.corruption = 0
    let reference = Self.left(frames, whole).frames
    #expect(result.frames.count == reference.count)
    var damaged = 0
    for (frame, original) in zip(result.frames, reference) where frame.bytes != original.bytes {
      let bits = zip(frame.bytes, original.bytes).map { ($0 ^ $1).nonzeroBitCount }
      #expect(bits.reduce(0, +) == 1 && bits.prefix(14).reduce(0, +) == 0)
      damaged += 1
    }
    #expect(damaged == result.faults.corrupted)
    #expect((280...440).contains(damaged))
  }

  @Test("what finds no room on the way is refused and counted")
  func room() {
    var faults = LinkConfiguration()
    (faults.slots, faults.latency) = (3, 1_000)
    var port = FaultPort(MemoryPort(), faults) { Timestamp(nanoseconds: 0) }
    #expect(port.send(sampleFrames(5)) == 3)
    #expect(port.statistics.sendDropped.frames == 2 && port.faults.dropped == 2)
  }
}
