import EventDSL
import MOSCore
import TestSupport
import Testing

/// Plays scripts of timed segments, as real frames, through an engine, and collects what its middleboxes report.
struct EventScript: ~Copyable {
  var engine: EventEngine
  private let reports: Reports
  private var parser = ScriptParser()
  private var decoder = PacketDecoder(configuration: DecoderConfiguration())
  private var clock = Timestamp(nanoseconds: .min)
  private var number: UInt64 = 0
  private let burst: Int

  /// Reports in their order.
  private final class Reports {
    var all: [Report] = []
  }

  /// An engine for `middleboxes` that takes `burst` packets at a time.
  init(
    _ middleboxes: any Middlebox..., burst: Int = 1, _ configure: (inout TrackerConfiguration) -> Void = { _ in }
  ) throws {
    try self.init(middleboxes, burst: burst, configure)
  }

  init(_ middleboxes: [any Middlebox], burst: Int, _ configure: (inout TrackerConfiguration) -> Void = { _ in }) throws
  {
    var configuration = TrackerConfiguration()
    configuration.maximumFlows = 1_000
    configuration.secret = (1, 2)
    configure(&configuration)
    let reports = Reports()
    self.reports = reports
    self.burst = burst
    engine = try EventEngine(middleboxes, tracker: configuration) { reports.all.append($0) }
  }

  /// Plays the segments of a script; what is reported, in its order.
  @discardableResult
  mutating func play(_ script: String) throws -> [String] {
    let before = reports.all.count
    var frames: [Frame] = []
    for (source, line) in try parser.parse(script) {
      switch line {
      case .segment(let segment): frames.append(Frame(segment))
      case .wait(let time):
        process(frames)
        frames = []
        clock = max(clock, ScriptedSegment.timestamp(time))
        engine.advance(to: ScriptedSegment.timestamp(time))
        engine.collect()
      case .expect: Issue.record("an event script has no expectations: \(source)")
      }
    }
    process(frames)
    return reports.all[before...].map(\.text)
  }

  /// Ends the trace; what is reported at that.
  @discardableResult
  mutating func finish() -> [String] {
    let before = reports.all.count
    engine.finish()
    engine.collect()
    return reports.all[before...].map(\.text)
  }

  /// All reports so far.
  var allReports: [Report] { reports.all }

  private mutating func process(_ frames: [Frame]) {
    for start in stride(from: 0, to: frames.count, by: burst) {
      let part = frames[start..<min(start + burst, frames.count)]
      let captured = part.map(\.captured)
      let packets = UnsafeMutablePointer<DecodedPacket>.allocate(capacity: part.count)
      decoder.beginBurst()
      decoder.decode(captured, count: part.count, number: number + 1, clock: &clock, into: packets)
      number += UInt64(part.count)
      engine.process(packets, count: part.count)
      packets.deallocate()
      for frame in captured { frame.bytes.deallocate() }
    }
  }

  /// A frame and its time.
  private struct Frame {
    var bytes: [UInt8]
    var time: Timestamp

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
}
