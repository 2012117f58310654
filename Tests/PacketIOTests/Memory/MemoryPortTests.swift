import Foundation
import MOSCore
import PacketIO
import Testing

@Suite struct MemoryPortTests {
  @Test("what is delivered is received, what is sent leaves, in order, with time and length on the wire")
  func bothDirections() {
    var port = MemoryPort(slots: 8, slotByteCount: 64)
    var incoming = sampleFrames(5, spacing: 1000)
    incoming[2].wireLength = 1500
    incoming[3].linkType = .raw
    let outgoing = sampleFrames(3, length: 20, from: 100)
    #expect(port.deliver(incoming) == 5)
    #expect(port.send(outgoing) == 3)
    #expect(port.waitingToBeReceived == 5)
    #expect(port.waitingToLeave == 3)
    #expect(port.receive(2) == Array(incoming[..<2]))
    #expect(port.receive(32) == Array(incoming[2...]))
    #expect(port.receive(32).isEmpty)
    var sink = CaptureSink()
    #expect(port.drain(into: &sink, limit: 1) == 1)
    #expect(port.drain(into: &sink) == 2)
    #expect(port.drain(into: &sink) == 0)
    #expect(sink.copies == outgoing)
    #expect(port.statistics.received == FrameCount(incoming))
    #expect(port.statistics.sent == FrameCount(outgoing))
    #expect(port.statistics.dropped == FrameCount())
  }

  @Test("a full ring drops the newest frames, and counts them; those that wait stay as they are")
  func fullRing() {
    var port = MemoryPort(slots: 4, slotByteCount: 64)
    let frames = sampleFrames(7)
    #expect(port.deliver(frames) == 4)
    #expect(port.send(frames) == 4)
    #expect(port.statistics.receiveDropped == FrameCount(Array(frames[4...])))
    #expect(port.statistics.sendDropped == FrameCount(Array(frames[4...])))
    #expect(port.statistics.dropped == FrameCount(frames: 6, bytes: 360))
    #expect(port.receive() == Array(frames[..<4]))
    var sink = CaptureSink()
    port.drain(into: &sink)
    #expect(sink.copies == Array(frames[..<4]))
  }

  @Test("a received frame keeps its slot until the next receive")
  func lentSlots() {
    var port = MemoryPort(slots: 4, slotByteCount: 64)
    let frames = sampleFrames(4)
    #expect(port.deliver(frames) == 4)
    withUnsafeTemporaryAllocation(of: CapturedFrame.self, capacity: 4) { lent in
      #expect(port.receive(into: lent.baseAddress!, capacity: 3) == 3)
      // Three are lent, one waits: no room.
      #expect(port.deliver(sampleFrames(1, from: 50)) == 0)
      #expect(lent[..<3].map { FrameCopy($0) } == Array(frames[..<3]))
      #expect(port.receive(into: lent.baseAddress!, capacity: 4) == 1)
    }
    #expect(port.deliver(sampleFrames(4, from: 60)) == 3)
  }

  @Test("a frame longer than a slot is dropped whole and counted; one as long as a slot passes, and what follows too")
  func longFrames() {
    var port = MemoryPort(slots: 8, slotByteCount: 100)
    let frames = [100, 101, 0, 5000, 99].map { FrameCopy(bytes: sampleFrame($0), nanoseconds: Int64($0)) }
    let fitting = frames.filter { $0.bytes.count <= 100 }
    let long = frames.filter { $0.bytes.count > 100 }
    #expect(port.deliver(frames) == 3)
    #expect(port.send(frames) == 3)
    #expect(port.receive() == fitting)
    #expect(port.statistics.receiveDropped == FrameCount(long))
    #expect(port.statistics.sendDropped == FrameCount(long))
    var sink = CaptureSink()
    port.drain(into: &sink)
    #expect(sink.copies == fitting)
  }

  @Test("100,000 frames pass through the memory that the port took at its start")
  func reusedSlots() {
    var port = MemoryPort(slots: 48, slotByteCount: 256)
    let frames = sampleFrames(10, length: 200)
    var places: Set<UnsafeRawPointer> = []
    var sent = 0
    var sink = DiscardingSink()
    withUnsafeTemporaryAllocation(of: CapturedFrame.self, capacity: 10) { burst in
      withFrames(frames) { first, count in
        for _ in 0..<10_000 {
          #expect(port.deliver(first, count: count) == 10)
          #expect(port.receive(into: burst.baseAddress!, capacity: 10) == 10)
          for frame in burst { places.insert(frame.bytes) }
          sent += port.send(burst.baseAddress!, count: 10)
          port.drain(into: &sink)
        }
      }
    }
    #expect(sent == 100_000)
    #expect(places.count == 48)
    #expect(sink.places.count == 48)
    #expect(places.isDisjoint(with: sink.places))
  }

  /// Notes where frames lie.
  struct DiscardingSink: FrameSink {
    var places: Set<UnsafeRawPointer> = []

    mutating func deliver(_ frames: UnsafePointer<CapturedFrame>, count: Int) -> Int {
      for index in 0..<count { places.insert(frames[index].bytes) }
      return count
    }
  }

  @Test("random bursts agree with a queue that is an array", arguments: 0..<12)
  func againstModel(seed: Int) {
    var random = SplitMix(state: UInt64(seed))
    let slots = Int.random(in: 1...40, using: &random)
    var port = MemoryPort(slots: slots, slotByteCount: 128)
    var inbound: [FrameCopy] = []
    var outbound: [FrameCopy] = []
    var lent: [FrameCopy] = []
    var expected = PortStatistics()
    var left: [FrameCopy] = []
    var sink = CaptureSink()
    var serial = 0
    func burst() -> [FrameCopy] {
      (0..<Int.random(in: 0...20, using: &random)).map { _ in
        serial += 1
        return FrameCopy(
          bytes: sampleFrame(Int.random(in: 0...140, using: &random), seed: serial), nanoseconds: Int64(serial))
      }
    }
    withUnsafeTemporaryAllocation(of: CapturedFrame.self, capacity: 50) { frames in
      for _ in 0..<1500 {
        switch Int.random(in: 0..<4, using: &random) {
        case 0:
          let offered = burst()
          let before = inbound.count
          for frame in offered {
            if frame.bytes.count <= 128, inbound.count + lent.count < slots {
              inbound.append(frame)
            } else {
              expected.receiveDropped = expected.receiveDropped + FrameCount([frame])
            }
          }
          #expect(port.deliver(offered) == inbound.count - before)
        case 1:
          // What was lent is as it was, whatever happened since.
          #expect(frames[..<lent.count].map { FrameCopy($0) } == lent)
          let capacity = Int.random(in: 0...50, using: &random)
          lent = Array(inbound.prefix(capacity))
          inbound.removeFirst(lent.count)
          expected.received = expected.received + FrameCount(lent)
          #expect(port.receive(into: frames.baseAddress!, capacity: capacity) == lent.count)
          #expect(frames[..<lent.count].map { FrameCopy($0) } == lent)
        case 2:
          let offered = burst()
          let before = outbound.count
          for frame in offered {
            if frame.bytes.count <= 128, outbound.count < slots {
              outbound.append(frame)
              expected.sent = expected.sent + FrameCount([frame])
            } else {
              expected.sendDropped = expected.sendDropped + FrameCount([frame])
            }
          }
          #expect(port.send(offered) == outbound.count - before)
        default:
          let limit = Int.random(in: 0...50, using: &random)
          let count = min(limit, outbound.count)
          left += outbound.prefix(count)
          outbound.removeFirst(count)
          #expect(port.drain(into: &sink, limit: limit) == count)
        }
      }
    }
    #expect(port.statistics == expected)
    #expect(port.waitingToBeReceived == inbound.count)
    #expect(port.waitingToLeave == outbound.count)
    #expect(sink.copies == left)
  }

  @Test("a sink that is full drops and counts; what it holds can be written as a capture and read again")
  func sink() throws {
    let frames = sampleFrames(20_000, length: 100, spacing: 1_000_000)
    var sink = CaptureSink(maximumBytes: 1_999_999)
    #expect(sink.deliver(frames) == 19_999)
    #expect(sink.dropped == FrameCount(frames: 1, bytes: 100))
    #expect(sink.linkType == .ethernet)
    let folder = try TemporaryFolder()
    let path = folder.path("out.pcap")
    var writer = try CaptureWriter(path: path, linkType: .ethernet)
    try sink.write(to: &writer)
    try writer.close()
    #expect(readAll(try CaptureReader(path: path)).frames == Array(frames.dropLast()))
    sink.removeAll()
    #expect(sink.count == 0)
    #expect(sink.linkType == nil)
    var other = frames[0]
    other.linkType = .raw
    #expect(sink.deliver([frames[0], other]) == 2)
    #expect(sink.linkType == nil)
    #expect(sink.taken == FrameCount(frames: 20_001, bytes: 2_000_100))
  }
}
