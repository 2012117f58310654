import MOSCore
import PacketIO
import Testing

/// A link like a network's path: it takes time for bytes, has a queue, and loses in bursts.
@Suite struct LinkPathTests {
  /// What arrives of `frames`, which enter one after the other, and what was counted.
  private func arrivals(
    _ frames: [FrameCopy], _ configuration: LinkConfiguration
  ) -> (frames: [FrameCopy], statistics: LinkStatistics) {
    var configuration = configuration
    configuration.slots = max(1, frames.count)
    var link = LinkDirection(configuration)
    for frame in frames { _ = link.deliver([frame]) }
    var sink = CaptureSink()
    link.advance(to: Timestamp(nanoseconds: .max), into: &sink)
    return (sink.copies, link.statistics)
  }

  /// Frames that enter at the same time.
  private func burst(_ count: Int, length: Int) -> [FrameCopy] { sampleFrames(count, length: length, spacing: 0) }

  @Test("10 Mbit/s take a millisecond for 1,250 bytes, one frame after the other, and the latency on top")
  func bandwidth() {
    var configuration = LinkConfiguration()
    configuration.bandwidth = 10_000_000
    configuration.latency = 500
    let result = arrivals(burst(4, length: 1_250), configuration)
    #expect(result.frames.map(\.nanoseconds) == [1_000_500, 2_000_500, 3_000_500, 4_000_500])
    #expect(result.frames.map(number) == [0, 1, 2, 3])
  }

  @Test("A link that has nothing to do begins at once, and does not save up what it did not carry")
  func idle() {
    var configuration = LinkConfiguration()
    configuration.bandwidth = 10_000_000
    let frames =
      sampleFrames(3, length: 1_250, spacing: 700_000) + [sampleFrames(10, length: 1_250, spacing: 1_000_000)[9]]
    #expect(arrivals(frames, configuration).frames.map(\.nanoseconds) == [1_000_000, 2_000_000, 3_000_000, 10_000_000])
  }

  @Test("What finds more waiting than the queue takes is dropped; there is room again as the link empties it")
  func queue() {
    var configuration = LinkConfiguration()
    configuration.bandwidth = 10_000_000
    configuration.queueByteCount = 5_000
    var frames = burst(10, length: 1_250)
    var late = sampleFrames(11, length: 1_250, spacing: 0)[10]
    late.nanoseconds = 2_000_000
    frames.append(late)
    let result = arrivals(frames, configuration)
    #expect(result.frames.map(number) == [0, 1, 2, 3, 4, 10])
    #expect(result.frames.last?.nanoseconds == 6_000_000)
    #expect(result.statistics.dropped == 5)
    configuration.queueByteCount = 0
    #expect(arrivals(frames, configuration).frames.map(number) == [0, 10])
  }

  @Test("Jitter delays each frame by another time, up to its limit, and none overtakes another")
  func jitter() {
    var configuration = LinkConfiguration()
    configuration.latency = 1_000
    configuration.jitter = 500
    let frames = sampleFrames(1_000, spacing: 10_000)
    let result = arrivals(frames, configuration)
    let delays = zip(result.frames, frames).map { $0.nanoseconds - $1.nanoseconds }
    #expect(delays.allSatisfy { $0 >= 1_000 && $0 <= 1_500 })
    #expect(delays.contains { $0 < 1_050 } && delays.contains { $0 > 1_450 })
    let close = arrivals(sampleFrames(1_000, spacing: 10), configuration).frames
    #expect(close.map(number) == Array(0..<1_000))
  }

  @Test("Losses come in bursts of the length that is configured, as often as they begin")
  func bursts() {
    var configuration = LinkConfiguration()
    configuration.lossBurst = 0.01
    configuration.lossBurstLength = 8
    let result = arrivals(sampleFrames(100_000, length: 14), configuration)
    var lost = [Bool](repeating: true, count: 100_000)
    for frame in result.frames { lost[number(of: frame)] = false }
    let count = lost.count { $0 }
    let begins = lost.indices.count { lost[$0] && ($0 == 0 || !lost[$0 - 1]) }
    #expect(result.statistics.lost == UInt64(count))
    #expect(abs(Double(count) / Double(begins) - 8) < 0.8)
    // One in 100 of the frames outside of bursts begins one.
    #expect(abs(Double(begins) / Double(100_000 - count) - 0.01) < 0.001)
  }

  @Test("Jitter, bursts and bandwidth do not change which frames the other chances pick")
  func independent() {
    var configuration = LinkConfiguration()
    configuration.loss = 0.2
    configuration.seed = 77
    let frames = sampleFrames(2_000, length: 100, spacing: 100_000)
    let plain = Set(arrivals(frames, configuration).frames.map(number))
    configuration.jitter = 3_000
    configuration.bandwidth = 1_000_000_000
    #expect(Set(arrivals(frames, configuration).frames.map(number)) == plain)
    configuration.lossBurst = 0.05
    let fewer = Set(arrivals(frames, configuration).frames.map(number))
    #expect(fewer.isStrictSubset(of: plain))
  }

  @Test("Times that run backwards, or lie at the end of all times, do not stop a link that is busy")
  func hostileTimes() {
    var configuration = LinkConfiguration()
    configuration.bandwidth = 1
    configuration.jitter = .max
    configuration.queueByteCount = 1 << 40
    var frames = sampleFrames(6, length: 1_500)
    for (index, time) in [Int64.max, .min, 0, -1, .max, 5].enumerated() { frames[index].nanoseconds = time }
    let result = arrivals(frames, configuration)
    #expect(result.statistics.arrived + result.statistics.dropped == 6)
  }
}
