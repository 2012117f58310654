import EventDSL
import MOSCore
import TestSupport

/// Plays scripts of timed segments, as real frames, through an engine, and collects what its middleboxes report.
package struct EventScript: ~Copyable {
  package var engine: EventEngine
  private let reports: Reports
  private var parser = ScriptParser()
  private var decoder = PacketDecoder(configuration: DecoderConfiguration())
  private var clock = Timestamp(nanoseconds: .min)
  private var number: UInt64 = 0
  private let burst: Int
  /// What left an engine with filters, in its order.
  package private(set) var output: [Output] = []

  /// Reports in their order.
  private final class Reports {
    var all: [Report] = []
  }

  /// An engine for `middleboxes` that takes `burst` packets at a time.
  package init(
    _ middleboxes: any Middlebox..., burst: Int = 1, streamBytes: Int = 1 << 20,
    _ configure: (inout TrackerConfiguration) -> Void = { _ in }
  ) throws {
    try self.init(middleboxes, burst: burst, streamBytes: streamBytes, configure)
  }

  package init(
    _ middleboxes: [any Middlebox], burst: Int, streamBytes: Int = 1 << 20,
    _ configure: (inout TrackerConfiguration) -> Void = { _ in }
  ) throws {
    var configuration = TrackerConfiguration()
    configuration.maximumFlows = 1_000
    configuration.secret = (1, 2)
    configure(&configuration)
    let reports = Reports()
    self.reports = reports
    self.burst = burst
    engine = try EventEngine(middleboxes, tracker: configuration, streamBytes: streamBytes) { reports.all.append($0) }
  }

  /// Plays the segments of a script; what is reported, in its order.
  @discardableResult
  package mutating func play(_ script: String) throws -> [String] {
    let before = reports.all.count
    var frames: [Frame] = []
    for (source, line) in try parser.parse(script) {
      switch line {
      case .segment(let segment): frames.append(Frame(segment))
      case .wait(let time):
        process(frames)
        frames = []
        wait(until: time)
      case .expect: throw Expectation(description: "an event script has no expectations: \(source)")
      }
    }
    process(frames)
    return reports.all[before...].map(\.text)
  }

  /// Plays segments that are not from a script.
  @discardableResult
  package mutating func play(_ segments: [ScriptedSegment]) -> [String] {
    let before = reports.all.count
    process(segments.map(Frame.init))
    return reports.all[before...].map(\.text)
  }

  /// Plays Ethernet frames of any kind, the first at `start` seconds, one a millisecond.
  @discardableResult
  package mutating func play(frames: [[UInt8]], start: Double = 0) -> [String] {
    let before = reports.all.count
    process(
      frames.enumerated().map { index, bytes in
        Frame(bytes: bytes, time: ScriptedSegment.timestamp(start + Double(index) * 0.001))
      })
    return reports.all[before...].map(\.text)
  }

  /// Moves packet time on without a packet, to `seconds`.
  package mutating func wait(until seconds: Double) {
    clock = max(clock, ScriptedSegment.timestamp(seconds))
    engine.advance(to: ScriptedSegment.timestamp(seconds))
    engine.collect()
    takeOutput()
  }

  /// Plays the segments of a script, and has the last one explained.
  package mutating func explainLast(of script: String) throws -> [String] {
    var lines = script.split(separator: "\n").filter { $0.contains { $0 != " " } }
    let last = lines.removeLast()
    try play(lines.joined(separator: "\n"))
    var explanation: [String] = []
    for case (_, .segment(let segment)) in try parser.parse(String(last)) {
      decode([Frame(segment)]) { engine, packets, _ in
        var burst = engine.prepare(packets, count: 1)
        _ = engine.explain(&burst, wanted: .all)
        while engine.process(&burst, wanted: .all) {}
        engine.collect()
        explanation = engine.takeExplanation()
      }
    }
    return explanation
  }

  /// Ends the trace; what is reported at that.
  @discardableResult
  package mutating func finish() -> [String] {
    let before = reports.all.count
    engine.finish()
    engine.collect()
    takeOutput()
    return reports.all[before...].map(\.text)
  }

  /// All reports so far.
  package var allReports: [Report] { reports.all }

  private mutating func process(_ frames: [Frame]) {
    for start in stride(from: 0, to: frames.count, by: burst) {
      let part = frames[start..<min(start + burst, frames.count)]
      decode(Array(part)) { engine, packets, count in engine.process(packets, count: count) }
    }
  }

  private mutating func takeOutput() {
    for index in 0..<engine.output.count { output.append(Output(engine.output[index], parser)) }
    engine.output.removeAll()
  }

  /// Gives the engine the packets that frames decode to, and takes its output.
  private mutating func decode(
    _ frames: [Frame], _ take: (inout EventEngine, UnsafeMutablePointer<DecodedPacket>, Int) -> Void
  ) {
    let captured = frames.map(\.captured)
    let packets = UnsafeMutablePointer<DecodedPacket>.allocate(capacity: frames.count)
    decoder.beginBurst()
    decoder.decode(captured, count: frames.count, number: number + 1, clock: &clock, into: packets)
    number += UInt64(frames.count)
    take(&engine, packets, frames.count)
    takeOutput()
    packets.deallocate()
    for frame in captured { frame.bytes.deallocate() }
  }

  /// A line that has no place in a script for events.
  private struct Expectation: Error, CustomStringConvertible {
    var description: String
  }

  /// A frame and its time.
  private struct Frame {
    var bytes: [UInt8]
    var time: Timestamp

    init(bytes: [UInt8], time: Timestamp) {
      self.bytes = bytes
      self.time = time
    }

    init(_ segment: ScriptedSegment) {
      bytes = segment.frame
      time = ScriptedSegment.timestamp(segment.time)
    }

    /// A copy in memory of its own, which the caller gives back.
    var captured: CapturedFrame {
      let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes.count, alignment: 1)
      memory.copyMemory(from: bytes, byteCount: bytes.count)
      return CapturedFrame(
        bytes: memory, capturedLength: UInt32(bytes.count), wireLength: UInt32(bytes.count), timestamp: time,
        linkType: .ethernet)
    }
  }

  /// A frame that left, as a host would read it: with checksums verified, and numbers relative to the ISNs.
  package struct Output: CustomStringConvertible {
    package var text: String
    package var anomalies: AnomalySet
    package var isAcceptable: Bool
    package var key: FlowKey
    package var bytes: [UInt8]
    package var isReturned: Bool
    package var leavesChecksum: Bool

    init(_ frame: PacketOutput.Frame, _ parser: ScriptParser) {
      var decoder = PacketDecoder(configuration: DecoderConfiguration())
      var packet = DecodedPacket(frame: frame.frame.bytes)
      decoder.beginBurst()
      decoder.decode(frame.frame, number: 1, into: &packet)
      anomalies = packet.anomalies
      isAcceptable = packet.isAcceptable
      key = packet.key
      isReturned = frame.isReturned
      leavesChecksum = frame.frame.leavesChecksum
      bytes = Array(UnsafeRawBufferPointer(start: frame.frame.bytes, count: Int(frame.frame.capturedLength)))
      let isClient = packet.key.destinationPort == 80
      let own = isClient ? parser.clientISN : parser.serverISN
      let other = isClient ? parser.serverISN : parser.clientISN
      var words = ["\(isClient ? "c" : "s") >"]
      let flags: [(TCPFlags, String)] = [(.syn, "S"), (.fin, "F"), (.rst, "R"), (.psh, "P"), (.ack, "A")]
      words.append(flags.filter { packet.flags.contains($0.0) }.map(\.1).joined())
      words.append("seq \(packet.sequence &- own)")
      if packet.flags.contains(.ack) { words.append("ack \(packet.acknowledgment &- other)") }
      if packet.payloadLength > 0 {
        let payload = UnsafeRawBufferPointer(start: packet.payload, count: Int(packet.payloadLength))
        words.append("\"" + String(decoding: payload, as: UTF8.self) + "\"")
      }
      text = words.joined(separator: " ")
    }

    package var description: String { text }
  }
}

extension Timestamp {
  /// Seconds since the script's start.
  package var inScript: Double {
    Double(nanoseconds - ScriptedSegment.timestamp(0).nanoseconds) / 1e9
  }
}
