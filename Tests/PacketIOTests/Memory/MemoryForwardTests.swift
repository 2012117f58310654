import Foundation
import MOSCore
import PacketIO
import TestSupport
import Testing

@Suite struct MemoryForwardTests {
  /// Captures small enough to go through in every test run.
  static let captures = SharedMaterial.captures().filter {
    let size = try? FileManager.default.attributesOfItem(atPath: $0)[.size] as? Int
    return (size ?? 0) <= 2 << 20
  }

  struct Passage: Equatable {
    var toServer: [FrameCopy] = []
    var toClient: [FrameCopy] = []
  }

  /// What the feeder makes of a capture, without ports.
  static func split(_ path: String) throws -> Passage {
    var feeder = CaptureFeeder(try TraceReader(paths: [path]))
    var client = CaptureSink()
    var server = CaptureSink()
    while feeder.feed(client: &client, server: &server, limit: 100) > 0 {}
    #expect(feeder.client == client.taken)
    #expect(feeder.server == server.taken)
    return Passage(toServer: client.copies, toClient: server.copies)
  }

  /// Sends a capture through two ports that are forwarded, with the client at the first of them or at the second.
  static func pass(_ path: String, clientIsFirst: Bool, seed: UInt64) throws -> Passage {
    var random = SplitMix(state: seed)
    var first = MemoryPort(slots: 64, slotByteCount: 262_144)
    var second = MemoryPort(slots: 64, slotByteCount: 262_144)
    var feeder = CaptureFeeder(try TraceReader(paths: [path]))
    var leftFirst = CaptureSink()
    var leftSecond = CaptureSink()
    while true {
      // With what is lent (one burst at most) never more than the ring holds.
      let limit = Int.random(in: 1...30, using: &random)
      let fed =
        clientIsFirst
        ? feeder.feed(client: &first, server: &second, limit: limit)
        : feeder.feed(client: &second, server: &first, limit: limit)
      if fed == 0 { break }
      while forward(&first, &second, burst: Int.random(in: 1...32, using: &random)) > 0 {}
      first.drain(into: &leftFirst)
      second.drain(into: &leftSecond)
    }
    let fed = feeder.client + feeder.server
    #expect(first.statistics.received + second.statistics.received == fed)
    #expect(first.statistics.sent + second.statistics.sent == fed)
    #expect(first.statistics.dropped + second.statistics.dropped == FrameCount())
    return clientIsFirst
      ? Passage(toServer: leftSecond.copies, toClient: leftFirst.copies)
      : Passage(toServer: leftFirst.copies, toClient: leftSecond.copies)
  }

  @Test(
    "the shared captures are among those forwarded",
    .enabled(if: SharedMaterial.folder != nil, "no folder of shared captures: set MOS_SHARED"))
  func sharedMaterial() {
    #expect(Self.captures.count > 250)
  }

  @Test("every capture leaves byte for byte as it entered, in order, both ways", arguments: captures)
  func everyCapture(path: String) throws {
    let whole = readAll(try TraceReader(paths: [path])).frames
    let expected = try Self.split(path)
    #expect(expected.toServer.count + expected.toClient.count == whole.count)
    #expect(Self.isInterleaving(whole, expected), "the feeder leaves out, adds, changes or reorders frames")
    #expect(try Self.pass(path, clientIsFirst: true, seed: 1) == expected)
    #expect(try Self.pass(path, clientIsFirst: false, seed: 2) == expected)
  }

  @Test(
    "a capture also passes a box between two links: same bytes, same order, later by both latencies",
    arguments: ["http", "fragments", "ipv6", "mixed", "probes"])
  func throughLinks(name: String) throws {
    let path = SharedMaterial.packageRoot.appendingPathComponent("traces/\(name).pcap").path
    var configuration = LinkConfiguration()
    configuration.slotByteCount = 65_536
    configuration.latency = 700_000
    var left = MemoryLink(configuration)
    configuration.latency = 50_000
    var right = MemoryLink(configuration)
    var a = MemoryPort(slots: 64, slotByteCount: 65_536)
    var b = MemoryPort(slots: 64, slotByteCount: 65_536)
    var feeder = CaptureFeeder(try TraceReader(paths: [path]))
    var client = CaptureSink()
    var server = CaptureSink()
    while true {
      // The next thing that happens: a frame of the capture, or an arrival.
      let times = [feeder.nextTimestamp(), left.nextArrival, right.nextArrival].compactMap { $0 }
      guard let clock = times.min() else { break }
      _ = feeder.feed(client: &left.forward, server: &right.backward, until: clock)
      left.forward.advance(to: clock, into: &a)
      right.backward.advance(to: clock, into: &b)
      while forward(&a, &b) > 0 {}
      a.drain(into: &left.backward)
      b.drain(into: &right.forward)
      left.backward.advance(to: clock, into: &client)
      right.forward.advance(to: clock, into: &server)
    }
    let expected = try Self.split(path)
    #expect(server.copies.map(\.bytes) == expected.toServer.map(\.bytes))
    #expect(client.copies.map(\.bytes) == expected.toClient.map(\.bytes))
    #expect(server.copies.map(\.nanoseconds) == expected.toServer.map { $0.nanoseconds + 750_000 })
    #expect(client.copies.map(\.nanoseconds) == expected.toClient.map { $0.nanoseconds + 750_000 })
    #expect(!server.copies.isEmpty && !client.copies.isEmpty)
  }

  /// Whether `whole` is what both directions together come to, each in its order.
  static func isInterleaving(_ whole: [FrameCopy], _ parts: Passage) -> Bool {
    // Positions in `toServer` at which the frames so far can end; that in `toClient` follows. More than one where the
    // same frame is next in both.
    var ends: Set<Int> = [0]
    for (index, frame) in whole.enumerated() {
      var next: Set<Int> = []
      for end in ends {
        if end < parts.toServer.count, parts.toServer[end] == frame { next.insert(end + 1) }
        if index - end < parts.toClient.count, parts.toClient[index - end] == frame { next.insert(end) }
      }
      if next.isEmpty { return false }
      ends = next
    }
    return true
  }

  @Test("what is edited between the ports leaves exactly as edited, what is dropped does not leave")
  func edited() {
    var a = MemoryPort(slots: 64, slotByteCount: 256)
    var b = MemoryPort(slots: 64, slotByteCount: 256)
    let frames = sampleFrames(40, length: 100)
    #expect(a.deliver(frames) == 40)
    // Another frame is under way in the other direction meanwhile.
    #expect(b.deliver(sampleFrames(1, from: 900)) == 1)
    withUnsafeTemporaryAllocation(of: CapturedFrame.self, capacity: 16) { burst in
      while case let count = a.receive(into: burst.baseAddress!, capacity: 16), count > 0 {
        var kept = 0
        for index in 0..<count {
          var frame = burst[index]
          let bytes = UnsafeMutableRawPointer(mutating: frame.bytes)
          switch bytes.load(fromByteOffset: 3, as: UInt8.self) % 4 {
          case 0: continue
          case 1: bytes.storeBytes(of: 0xff, toByteOffset: 99, as: UInt8.self)
          case 2: frame.capturedLength = 50
          default: break
          }
          burst[kept] = frame
          kept += 1
        }
        #expect(b.send(UnsafePointer(burst.baseAddress!), count: kept) == kept)
      }
    }
    var sink = CaptureSink()
    b.drain(into: &sink)
    let expected = frames.enumerated().compactMap { number, frame -> FrameCopy? in
      var frame = frame
      switch number % 4 {
      case 0: return nil
      case 1: frame.bytes[99] = 0xff
      case 2: frame.bytes.removeLast(50)
      default: break
      }
      return frame
    }
    #expect(sink.copies == expected)
    #expect(b.receive() == sampleFrames(1, from: 900))
  }

  @Test("the forwarder says how much there was, and takes no more than a burst each way")
  func bursts() {
    var a = MemoryPort(slots: 64, slotByteCount: 64)
    var b = MemoryPort(slots: 8, slotByteCount: 64)
    #expect(a.deliver(sampleFrames(40)) == 40)
    #expect(b.deliver(sampleFrames(3)) == 3)
    #expect(forward(&a, &b) == 35)
    #expect(forward(&a, &b) == 8)
    #expect(forward(&a, &b) == 0)
    #expect(b.statistics.sent.frames == 8)
    #expect(b.statistics.sendDropped.frames == 32)
    #expect(a.waitingToLeave == 3)
  }
}
