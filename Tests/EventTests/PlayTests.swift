import EventDSL
import PacketIO
import Testing

/// Says what comes, and when the flow ends.
private struct Listener: Middlebox {
  var events: some EventGraph {
    On(.packet) { event in event.report("packet \(event.packet!.number) from the \(event.sender)") }
    On(.connectionEnd) { event in event.report("end \(event.reason)") }
  }
}

@Suite("Playing captures")
struct PlayTests {
  private final class Log {
    var reports: [String] = []
    var frames: [[UInt8]] = []
    func append(_ frame: CapturedFrame) {
      frames.append(Array(UnsafeRawBufferPointer(start: frame.bytes, count: Int(frame.capturedLength))))
    }
  }

  private func play(_ captures: [String], _ middleboxes: any Middlebox...) throws -> Log {
    let log = Log()
    var trace = try TraceReader(paths: captures.map(Playback.path))
    var engine = try EventEngine(middleboxes) { log.reports.append($0.text) }
    engine.play(&trace) { log.append($0.frame) }
    #expect(trace.problems.isEmpty)
    return log
  }

  @Test(
    "Handlers hear what they hear from a loop by hand, the ends behind the last packet too",
    arguments: ["http", "mixed"])
  func reports(capture: String) throws {
    let expected = try Playback(Listener(), on: capture).reports
    #expect(expected.contains { $0.hasPrefix("end") })
    #expect(try play([capture], Listener()).reports == expected)
  }

  @Test("Frames leave as filters let them, in order: all of them where there is no filter")
  func leaving() throws {
    for capture in ["loss", "mixed"] {
      let log = Log()
      try playByHand([Playback.path(of: capture)], [ResetStep.LeakGuard()]) { log.append($0) }
      #expect(try play([capture], ResetStep.LeakGuard()).frames == log.frames)
    }
    let all = Log()
    var trace = try TraceReader(paths: [Playback.path(of: "mixed")])
    let frames = UnsafeMutablePointer<CapturedFrame>.allocate(capacity: 1)
    defer { frames.deallocate() }
    while trace.next(into: frames, capacity: 1) > 0 { all.append(frames[0]) }
    #expect(all.frames.count == 191)
    #expect(try play(["mixed"], Listener()).frames == all.frames)
  }

  @Test("Several captures are one trace; one after the other, the second is played with the flows of the first ended")
  func several() throws {
    #expect(try play(["http", "loss"], Listener()).frames.count == 88 + 229)
    let log = Log()
    var engine = try EventEngine([Listener()]) { log.reports.append($0.text) }
    var ends = 0
    for _ in 1...2 {
      var trace = try TraceReader(paths: [Playback.path(of: "http")])
      engine.play(&trace)
      ends += 3
      #expect(log.reports.count { $0.hasPrefix("end") } == ends)
    }
  }

  @Test("What the receiver of the frames throws ends the playing")
  func throwing() throws {
    struct Full: Error {}
    var trace = try TraceReader(paths: [Playback.path(of: "http")])
    var engine = try EventEngine([CutStep.LeakGuard()])
    var count = 0
    #expect(throws: Full.self) {
      try engine.play(&trace) { _ in
        count += 1
        if count == 40 { throw Full() }
      }
    }
    #expect(count == 40 && engine.output.count == 0)
  }
}
