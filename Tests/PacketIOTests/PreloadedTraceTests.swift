import Foundation
import MOSCore
import PacketIO
import TestSupport
import Testing

@Suite struct PreloadedTraceTests {
  /// What the decoder makes of the frames, with everything verified.
  struct Decoded {
    var keys: [FlowKey] = []
    var anomalies: [AnomalySet] = []
    var kinds: [PacketKind] = []
    var frames: [FrameCopy] = []
  }

  static func decode(_ trace: borrowing PreloadedTrace) -> Decoded {
    var decoder = PacketDecoder(configuration: DecoderConfiguration())
    var result = Decoded()
    for (index, frame) in trace.frames.enumerated() {
      var packet = DecodedPacket(frame: frame.bytes)
      decoder.beginBurst()
      decoder.decode(frame, number: UInt64(index + 1), into: &packet)
      result.keys.append(packet.key)
      result.anomalies.append(packet.anomalies)
      result.kinds.append(packet.kind)
      result.frames.append(FrameCopy(frame))
    }
    return result
  }

  static func traces() -> [String] {
    SharedMaterial.captures().filter { path in
      // What is inside of a fragmented tunnel keeps its addresses.
      if path.hasSuffix("gtp1_gn_normal_incl_fragmentation.pcap") { return false }
      return (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int).map { $0 < 600_000 } ?? false
    }
  }

  @Test("a trace in memory has the frames of the file, as often as it is rewound", arguments: [1, 32, 1000])
  func frames(capacity: Int) throws {
    var builder = CaptureBuilder.records(linkType: 127)
    for index in 0..<5000 { builder.record(sampleFrame(index % 300, seed: index), seconds: UInt32(index)) }
    let expected = readAll(builder.bytes).frames
    try builder.bytes.withUnsafeBytes { bytes in
      var trace = try PreloadedTrace(buffers: [bytes])
      let count = trace.count
      #expect(count == 5000)
      for loop in 0..<3 {
        var seen: [FrameCopy] = []
        let burst = UnsafeMutablePointer<CapturedFrame>.allocate(capacity: capacity)
        defer { burst.deallocate() }
        while true {
          let taken = trace.next(into: burst, capacity: capacity)
          if taken == 0 { break }
          for index in 0..<taken { seen.append(FrameCopy(burst[index])) }
        }
        // Seconds 0 to 4999, and a second between loops.
        for index in seen.indices { seen[index].nanoseconds -= Int64(loop) * 5_000_000_000_000 }
        #expect(seen == expected)
        let atEnd = trace.next(into: burst, capacity: capacity)
        #expect(atEnd == 0)
        trace.rewind()
      }
      let read = trace.packetsRead
      #expect(read == 15_000)
    }
  }

  @Test("each loop's flows are new ones, and every checksum is as right or wrong as before", arguments: traces())
  func newFlows(path: String) throws {
    var trace = try PreloadedTrace(paths: [path])
    let first = Self.decode(trace)
    let isShiftable = zip(first.keys, first.kinds).map { key, kind in
      key.source != key.destination && [.tcp, .udp, .icmp, .icmpv6].contains(kind)
    }
    var seen = Set(zip(first.keys, isShiftable).filter { $1 }.map(\.0.canonical))
    for loop in 1...4 {
      trace.rewind()
      let again = Self.decode(trace)
      #expect(again.kinds == first.kinds)
      for index in again.keys.indices where again.anomalies[index] != first.anomalies[index] {
        Issue.record("packet \(index + 1) of loop \(loop): \(again.anomalies[index].rawValue)")
        return
      }
      #expect(zip(again.keys, first.keys).allSatisfy { $0.rest == $1.rest })
      // The same packets belong together as before.
      let pairs = Set(zip(first.keys, again.keys).map { [$0.canonical, $1.canonical] })
      #expect(pairs.count == Set(first.keys.map(\.canonical)).count)
      let keys = Set(zip(again.keys, isShiftable).filter { $1 }.map(\.0.canonical))
      #expect(seen.isDisjoint(with: keys), "loop \(loop)")
      seen.formUnion(keys)
    }
  }

  @Test("time of each loop begins a second after the end of the one before, also when times run backwards")
  func times() throws {
    var builder = CaptureBuilder.records()
    for seconds in [7, 5, 9] as [UInt32] { builder.record([1], seconds: seconds) }
    try builder.bytes.withUnsafeBytes { bytes in
      var trace = try PreloadedTrace(buffers: [bytes])
      trace.rewind()
      trace.rewind()
      let times = trace.frames.map { $0.timestamp.nanoseconds / 1_000_000_000 }
      let loop = trace.loop
      #expect(times == [17, 15, 19])
      #expect(loop == 2)
    }
  }

  @Test("damage leaves what came before it")
  func damage() throws {
    var builder = CaptureBuilder.records()
    for _ in 0..<3 { builder.record(sampleFrame(50)) }
    try Array(builder.bytes.dropLast()).withUnsafeBytes { bytes in
      let trace = try PreloadedTrace(buffers: [bytes])
      let (count, problems, captured) = (trace.count, trace.problems, trace.capturedBytes)
      #expect(count == 2)
      #expect(captured == 100)
      #expect(problems.map(\.packet) == [3])
    }
  }

  @Test("an empty trace can be rewound")
  func empty() throws {
    try CaptureBuilder.records().bytes.withUnsafeBytes { bytes in
      var trace = try PreloadedTrace(buffers: [bytes])
      trace.rewind()
      let (count, duration) = (trace.count, trace.duration)
      #expect(count == 0)
      #expect(duration == 0)
    }
  }
}
