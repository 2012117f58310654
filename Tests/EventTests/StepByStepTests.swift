import EventDSL
import Testing

@Suite("What the articles say that their code reports, it reports")
struct StepByStepTests {
  @Test("Building a middlebox step by step")
  func stepByStep() throws {
    let slow = ForgetStep.LeakGuard(limit: 5_000)
    let quick = ForgetStep.LeakGuard(limit: 5_000, period: .milliseconds(200))
    let cut = try Playback(CutStep.LeakGuard(), on: "loss")
    let reset = try Playback(ResetStep.LeakGuard(), on: "loss")
    let played = [
      try Playback(LookStep.LeakGuard(), on: "http"), try Playback(CountStep.LeakGuard(), on: "http"),
      try Playback(RaiseStep.LeakGuard(), on: "loss"), try Playback(slow, on: "half-close"),
      try Playback(quick, on: "half-close"), try Playback(SelectStep.LeakGuard(limit: 600), on: "mixed"), cut, reset,
    ]
    #expect(try Article("BuildingAMiddlebox").outputs == played.map(\.reports))
    #expect(cut.dropped == 150)
    #expect(reset.dropped == 1)
    #expect(try BridgeStep.leaving("loss") == 79)
  }

  @Test("Connections below the limit pass the finished middlebox untouched", arguments: ["http", "tls", "probes"])
  func untouched(capture: String) throws {
    let played = try Playback(ResetStep.LeakGuard(), on: capture)
    #expect(played.reports.isEmpty && played.dropped == 0)
  }

  @Test("The order of events")
  func order() throws {
    #expect(try Article("OrderOfEvents").outputs == [try Playback(EventLog(), on: "http").reports])
  }

  @Test("Storage, events, switches and timers")
  func stateOfAFlow() throws {
    let played = [
      try Playback(FailedAnswers(), on: "http"), try Playback(AfterLoss(), on: "loss"),
      try Playback(FirstWords(), on: "probes"), try Playback(Rates(), on: "mixed"),
    ]
    #expect(try Article("StateOfAFlow").outputs == played.map(\.reports))
  }

  @Test("Reading streams")
  func streams() throws {
    let played = [
      try Playback(RequestLines(), on: "http"), try Playback(LastWords(), on: "loss"),
      try Playback(Holes(), on: "loss"),
    ]
    #expect(try Article("ReadingStreams").outputs == played.map(\.reports))
  }

  @Test("Running middleboxes")
  func running() throws {
    let boxes = [SentByPort(), SentByPort()]
    _ = try Playback(boxes[0], on: "http")
    _ = try Playback(boxes[1], on: "loss")
    // What the servers of the two captures sent, as tshark counts it.
    let sum: UInt64 = 997 + 50_235 + 271 + 187_437
    let expected = Summary([.init("ports", ["port", "sent_bytes"], [[.text("80"), .bytes(sum)]])])
    #expect(SentByPort.summary(of: boxes) == expected)
    #expect(boxes[0].summary(with: [boxes[1], EventLog()]) == expected)
  }

  @Test("Filters: dropping and changing packets")
  func filters() throws {
    let dropping = try Playback(NoSuchPage(), on: "http")
    let changing = try Playback(NamelessServer(), on: "http")
    let holding = try Playback(UploadScan(), on: "half-close")
    let dropped = try Playback(UploadScan(word: Array("has to say".utf8)), on: "half-close")
    let answering = try Playback(NoNameServers(), on: "nat")
    let played = [dropping, changing, holding, dropped, answering]
    #expect(try Article("Filters").outputs == played.map(\.reports))
    // Of the fourth, the client's text and all that it sends behind it.
    #expect(played.map(\.dropped) == [1, 0, 0, 14, 2])
  }
}
