import MOSCore
import PacketIO
import Testing

@Suite struct MemoryLinkTests {
  static func time(_ nanoseconds: Int64) -> Timestamp { Timestamp(nanoseconds: nanoseconds) }

  /// What arrives of `frames` when all that enters by a time has entered, in steps of `step` nanoseconds.
  static func arrivals(
    _ frames: [FrameCopy], _ configuration: LinkConfiguration, step: Int64 = .max
  ) -> (frames: [FrameCopy], statistics: LinkStatistics) {
    var link = LinkDirection(configuration)
    var sink = CaptureSink()
    var clock: Int64 = 0
    var position = 0
    while position < frames.count || link.underWay > 0 {
      while position < frames.count, frames[position].nanoseconds <= clock {
        #expect(link.deliver([frames[position]]) == 1)
        position += 1
      }
      link.advance(to: time(clock), into: &sink)
      clock = clock > .max - step ? .max : clock + step
    }
    return (sink.copies, link.statistics)
  }

  /// A link that does a little of everything.
  static func rough(seed: UInt64) -> LinkConfiguration {
    var configuration = LinkConfiguration()
    configuration.latency = 5000
    configuration.loss = 0.1
    configuration.duplication = 0.1
    configuration.reordering = 0.2
    configuration.reorderingDelay = 1050
    configuration.seed = seed
    configuration.slots = 20_000
    return configuration
  }

  @Test("a frame arrives when its latency is over, no earlier, with that as its time")
  func latency() {
    var configuration = LinkConfiguration()
    configuration.latency = 250
    var link = LinkDirection(configuration)
    var sink = CaptureSink()
    let frames = sampleFrames(3, spacing: 100)
    #expect(link.nextArrival == nil)
    #expect(link.deliver(frames) == 3)
    #expect(link.nextArrival == Self.time(250))
    #expect(link.advance(to: Self.time(249), into: &sink) == 0)
    #expect(link.advance(to: Self.time(350), into: &sink) == 2)
    #expect(link.nextArrival == Self.time(450))
    #expect(link.underWay == 1)
    #expect(link.advance(to: Self.time(100), into: &sink) == 0)
    #expect(link.advance(to: Self.time(450), into: &sink) == 1)
    #expect(sink.copies.map(\.nanoseconds) == [250, 350, 450])
    #expect(sink.copies.map(\.bytes) == frames.map(\.bytes))
  }

  @Test("frames whose time stamps run backwards stay in order; so do those of one time")
  func backwards() {
    var configuration = LinkConfiguration()
    configuration.latency = 10
    var link = LinkDirection(configuration)
    var frames = sampleFrames(6)
    for (index, nanoseconds) in [100, 40, 100, Int64.max, 30, 30].enumerated() {
      frames[index].nanoseconds = nanoseconds
    }
    #expect(link.deliver(frames) == 6)
    var sink = CaptureSink()
    #expect(link.advance(to: Self.time(.max), into: &sink) == 6)
    #expect(sink.copies.map { number(of: $0) } == [0, 1, 2, 3, 4, 5])
    #expect(sink.copies.map(\.nanoseconds) == [110, 110, 110, 110, 110, 110])
  }

  @Test("the same seed gives the same arrivals, another seed others; the length of the steps makes no difference")
  func deterministic() {
    let frames = sampleFrames(3000, spacing: 100)
    let once = Self.arrivals(frames, Self.rough(seed: 7), step: 1000)
    let again = Self.arrivals(frames, Self.rough(seed: 7), step: 1000)
    #expect(once.frames == again.frames)
    #expect(once.statistics == again.statistics)
    for step: Int64 in [1, 333, 5_000_000] {
      // What enters after an arrival of later time cannot arrive before it: compared are the frames of each time.
      let other = Self.arrivals(frames, Self.rough(seed: 7), step: step)
      #expect(other.frames == once.frames)
    }
    #expect(Self.arrivals(frames, Self.rough(seed: 8), step: 1000).frames != once.frames)
  }

  @Test("loss, duplication and reordering happen as often as they are asked for")
  func rates() {
    let frames = sampleFrames(10_000, spacing: 100)
    let (arrived, statistics) = Self.arrivals(frames, Self.rough(seed: 3), step: 1000)
    // Five standard deviations to each side.
    #expect((850...1150).contains(statistics.lost))
    #expect((750...1050).contains(statistics.duplicated))
    #expect((1600...2000).contains(statistics.reordered))
    let numbers = arrived.map { number(of: $0) }
    #expect(10_000 - Set(numbers).count == Int(statistics.lost))
    #expect(numbers.count - Set(numbers).count == Int(statistics.duplicated))
    // A copy follows at once, at the same time.
    let twice = zip(arrived, arrived.dropFirst()).filter { $0 == $1 }
    #expect(twice.count == Int(statistics.duplicated))
    // Late are exactly those that were picked; the others are in order, and so are the late ones.
    let late = Set(arrived.filter { $0.nanoseconds != Int64(number(of: $0)) * 100 + 5000 }.map { number(of: $0) })
    #expect(late.count == Int(statistics.reordered))
    #expect(arrived.allSatisfy { [0, 1050].contains($0.nanoseconds - Int64(number(of: $0)) * 100 - 5000) })
    #expect(numbers.filter { !late.contains($0) } == numbers.filter { !late.contains($0) }.sorted())
    #expect(numbers != numbers.sorted())
  }

  @Test("what one chance picks does not depend on the other chances")
  func independence() {
    let frames = sampleFrames(2000, spacing: 100)
    var lossOnly = Self.rough(seed: 5)
    lossOnly.duplication = 0
    lossOnly.reordering = 0
    var reorderingOnly = Self.rough(seed: 5)
    reorderingOnly.loss = 0
    reorderingOnly.duplication = 0
    let both = Self.arrivals(frames, Self.rough(seed: 5), step: 1000).frames
    let some = Self.arrivals(frames, lossOnly, step: 1000).frames
    let late = Self.arrivals(frames, reorderingOnly, step: 1000).frames
    let arrived = Set(both.map { number(of: $0) })
    #expect(Set(some.map { number(of: $0) }) == arrived)
    #expect(some.count < 2000)
    #expect(late.count == 2000)
    let times = Dictionary(uniqueKeysWithValues: late.map { (number(of: $0), $0.nanoseconds) })
    #expect(both.allSatisfy { times[number(of: $0)] == $0.nanoseconds })
  }

  @Test("chances of 1 and 0 are certainties", arguments: [0.0, 1.0])
  func certainties(chance: Double) {
    let frames = sampleFrames(500, spacing: 100)
    var configuration = LinkConfiguration()
    configuration.loss = chance
    #expect(Self.arrivals(frames, configuration, step: 100).frames.count == (chance == 1 ? 0 : 500))
    configuration.loss = 0
    configuration.duplication = chance
    #expect(Self.arrivals(frames, configuration, step: 100).frames.count == (chance == 1 ? 1000 : 500))
    configuration.duplication = 0
    configuration.reordering = chance
    let delay = chance == 1 ? configuration.reorderingDelay : 0
    let late = Self.arrivals(frames, configuration, step: 100).frames
    #expect(late.map(\.nanoseconds) == frames.map { $0.nanoseconds + delay })
  }

  @Test("a link has room for a fixed number of frames of a fixed length; what is beyond is dropped whole and counted")
  func full() {
    var configuration = LinkConfiguration()
    configuration.slots = 3
    configuration.slotByteCount = 60
    var link = LinkDirection(configuration)
    #expect(link.deliver(sampleFrames(1, length: 61)) == 0)
    #expect(link.deliver(sampleFrames(5)) == 3)
    #expect(link.statistics.dropped == 3)
    var sink = CaptureSink()
    #expect(link.advance(to: Self.time(1), into: &sink) == 2)
    // The slots are free again.
    #expect(link.deliver(sampleFrames(3, from: 10)) == 2)
    #expect(link.advance(to: Self.time(100), into: &sink) == 3)
    #expect(sink.copies.map { number(of: $0) } == [0, 1, 2, 10, 11])
  }

  @Test("every frame that enters is accounted for", arguments: 0..<8)
  func accounting(seed: Int) {
    var random = SplitMix(state: UInt64(seed))
    var configuration = Self.rough(seed: UInt64(seed))
    configuration.slots = Int.random(in: 1...50, using: &random)
    configuration.slotByteCount = 64
    var link = LinkDirection(configuration)
    var sink = CaptureSink()
    var clock: Int64 = 0
    for _ in 0..<400 {
      let length = Int.random(in: 4...66, using: &random)
      _ = link.deliver(
        sampleFrames(Int.random(in: 0...20, using: &random), length: length).map {
          FrameCopy(bytes: $0.bytes, nanoseconds: clock)
        })
      clock += Int64.random(in: 0...6000, using: &random)
      link.advance(to: Self.time(clock), into: &sink)
      let counts = link.statistics
      #expect(
        counts.entered + counts.duplicated == counts.arrived + counts.lost + counts.dropped + UInt64(link.underWay))
      #expect(counts.arrived == UInt64(sink.count))
    }
    #expect(sink.copies.map(\.nanoseconds) == sink.copies.map(\.nanoseconds).sorted())
    #expect(link.statistics.dropped > 0 && link.statistics.lost > 0)
  }

  @Test("two hosts, two links and a box between: frames go there and back, each link's latency later")
  func aBoxBetween() {
    var configuration = LinkConfiguration()
    configuration.latency = 1000
    var left = MemoryLink(configuration)
    configuration.latency = 300
    var right = MemoryLink(configuration)
    var client = MemoryPort(slots: 32, slotByteCount: 128)
    var a = MemoryPort(slots: 32, slotByteCount: 128)
    var b = MemoryPort(slots: 32, slotByteCount: 128)
    var server = MemoryPort(slots: 32, slotByteCount: 128)
    let requests = sampleFrames(10, spacing: 10)
    let replies = sampleFrames(10, spacing: 10, from: 50)
    #expect(client.send(requests) == 10)
    #expect(server.send(replies) == 10)
    for clock in stride(from: Int64(0), through: 3000, by: 100) {
      left.advance(to: Self.time(clock), &client, &a)
      right.advance(to: Self.time(clock), &b, &server)
      while forward(&a, &b) > 0 {}
    }
    #expect(left.nextArrival == nil && right.nextArrival == nil)
    let atServer = server.receive()
    let atClient = client.receive()
    #expect(atServer.map(\.bytes) == requests.map(\.bytes))
    #expect(atServer.map(\.nanoseconds) == requests.map { $0.nanoseconds + 1300 })
    #expect(atClient.map(\.bytes) == replies.map(\.bytes))
    #expect(atClient.map(\.nanoseconds) == replies.map { $0.nanoseconds + 1300 })
  }

  @Test("the next arrival of a link is the earlier one of its two directions")
  func nextArrival() {
    var configuration = LinkConfiguration()
    configuration.latency = 5
    var link = MemoryLink(configuration)
    #expect(link.nextArrival == nil)
    #expect(link.backward.deliver([FrameCopy(bytes: [1], nanoseconds: 70)]) == 1)
    #expect(link.nextArrival == Self.time(75))
    #expect(link.forward.deliver([FrameCopy(bytes: [1], nanoseconds: 60)]) == 1)
    #expect(link.nextArrival == Self.time(65))
  }

  @Test("each direction of a link has chances of its own")
  func twoDirections() {
    var link = MemoryLink(Self.rough(seed: 1))
    let frames = sampleFrames(500, spacing: 100)
    #expect(link.forward.deliver(frames) == 500)
    #expect(link.backward.deliver(frames) == 500)
    var there = CaptureSink()
    var back = CaptureSink()
    link.forward.advance(to: Self.time(.max), into: &there)
    link.backward.advance(to: Self.time(.max), into: &back)
    #expect(there.copies != back.copies)
  }

  @Test("what finds no room at the port where it arrives is counted there")
  func fullPort() {
    var link = MemoryLink()
    var a = MemoryPort(slots: 8, slotByteCount: 64)
    var b = MemoryPort(slots: 2, slotByteCount: 64)
    #expect(a.send(sampleFrames(5)) == 5)
    #expect(link.advance(to: Self.time(10), &a, &b) == 5)
    #expect(b.statistics.receiveDropped.frames == 3)
    #expect(link.forward.statistics.arrived == 5)
    #expect(b.receive().count == 2)
  }
}
