import EventDSL
import EventSupport
import Testing

/// A filter that lets everything pass, so that an engine takes packets step by step, middlebox by middlebox.
private struct Open: Middlebox {
  var events: some EventGraph {
    Filter(.packet) { _, _ in }
  }
}

@Suite("Stream readers of a flow")
struct StreamSwitchTests {
  @Test("A reader that is stopped gives its bytes back, and reads on where it is started again")
  func stopAndStart() throws {
    let requests = StreamReader(of: .server)
    let box = ReaderBox(requests) {
      $0.onData = { event in
        switch event.offset {
        case 3: event.flow.stop(requests)
        case 9: event.flow.start(requests)
        default: break
        }
        event.report("\(event.flow[requests].isOn) \(event.flow.peekedText(requests))")
      }
    }
    var script = try EventScript(box)
    try script.play(openConnection)
    var inUse: [Int] = []
    for (offset, text) in [(1, "abc"), (4, "def"), (7, "ghi"), (10, "jkl"), (13, "mno")] {
      try script.play("c > PA seq \(offset) ack 1 \"\(text)\"")
      inUse.append(script.engine.streamBytesInUse)
    }
    #expect(script.allReports.map(\.text) == ["true abc", "false ", "false ", "true jkl", "true jkl|mno"])
    #expect(inUse == [1_536, 0, 0, 1_536, 1_536])
  }

  @Test("A reader that is off at first begins with the data in whose handler it is started, or with the next")
  func startedLater() throws {
    let requests = StreamReader(of: .server, isOn: false)
    let answers = StreamReader(of: .client, isOn: false)
    let box = ReaderBox(requests, answers) {
      $0.onData = { event in
        if event.offset == 3 {
          event.flow.start(requests)
          event.flow.start(answers)
        }
        event.report("\(event.receiver) [\(event.flow.text(requests))] [\(event.flow.text(answers))]")
      }
      $0.onEnd = { $0.report("\($0.flow[requests].offset) \($0.flow[answers].offset)") }
    }
    var script = try EventScript(box)
    let reports = try script.play(
      openConnection + """
        s > PA seq 1 ack 1 "12"
        c > PA seq 1 ack 1 "abc"
        c > PA seq 4 ack 3 "def"
        s > PA seq 3 ack 7 "34"
        c > PA seq 7 ack 5 "ghi"
        c > R seq 10
        """)
    #expect(
      reports == [
        "client [] []", "server [] []", "server [def] []", "client [] [34]", "server [ghi] []", "9 4",
      ])
    #expect(script.engine.streamBytesInUse == 0)
  }

  @Test("A middlebox that ignores a flow, or does not select it, keeps nothing of it; the others read on")
  func ignored() throws {
    let requests = StreamReader(of: .server)
    let others = StreamReader(of: .server)
    let ignoring = ReaderBox(requests) {
      $0.onData = { event in event.flow.ignore() }
    }
    let reading = ReaderBox(others) {
      $0.onEnd = { $0.report($0.flow.text(others)) }
    }
    var script = try EventScript(ignoring, reading)
    let play = openConnection + "c > PA seq 1 ack 1 \"abc\"\nc > PA seq 4 ack 1 \"def\""
    #expect(try script.play(play + "\nc > R seq 7") == ["abcdef"])
    var alone = try EventScript(ignoring)
    try alone.play(play)
    #expect(alone.engine.streamBytesInUse == 0)
    var selecting = try EventScript(Selecting())
    try selecting.play(play)
    #expect(selecting.engine.streamBytesInUse == 0)
  }

  @Test("Readers of one side share what is kept, each with its own cursor")
  func sharing() throws {
    let first = StreamReader(of: .server)
    let second = StreamReader(of: .server, limit: 10)
    let third = StreamReader(of: .server, last: 4)
    let box = ReaderBox(first, second, third) {
      $0.onData = { event in
        event.flow.read(first) { _ in .first(1) }
        if event.offset == 6 { event.report(event.flow.text(second)) }
      }
      $0.onEnd = { $0.report("\($0.flow.text(first)) \($0.flow.text(second)) \($0.flow.peekedText(third, from: 4))") }
    }
    var script = try EventScript(box)
    try script.play(
      openConnection + "c > PA seq 1 ack 1 \"abc\"\nc > PA seq 4 ack 1 \"def\"\nc > PA seq 7 ack 1 \"ghi\"")
    #expect(script.engine.streamBytesInUse == 1_536)
    try script.play("c > R seq 10")
    #expect(script.allReports.map(\.text) == ["abcdef|ghi", "defghi  <dropped 1>|fghi"])
    #expect(script.engine.streamBytesInUse == 0)
  }

  @Test("Handlers step by step and middlebox by middlebox read the same as at once")
  func steps() throws {
    let requests = StreamReader(of: .server, limit: 5)
    let late = StreamReader(of: .server, limit: 5)
    func boxes() -> [any Middlebox] {
      [(requests, "one"), (late, "two")].map { reader, title in
        ReaderBox(reader) {
          $0.title = title
          $0.onState = { $0.report("\(title) \($0.new): " + $0.flow.peekedText(reader)) }
          $0.onData = { event in
            event.report("\(title) \(event.offset): " + event.flow.peekedText(reader))
            event.flow.read(reader) { chunk in .first(4) }
          }
          $0.onGap = { $0.report("\(title) gap: " + $0.flow.peekedText(reader)) }
          $0.onEnd = { $0.report("\(title) end: " + $0.flow.text(reader)) }
        }
      }
    }
    let play =
      openConnection + """
        c > PA seq 1 ack 1 "abcde"
        c > PA seq 13 ack 1 "m"
        c > PA seq 17 ack 1 "qrst"
        s > A seq 1 ack 21
        c > PA seq 6 ack 1 "f"
        c > PA seq 21 ack 1 "u"
        c > FPA seq 22 ack 1 "vwxyz"
        c > R seq 28
        """
    var atOnce = try EventScript(boxes(), burst: 1)
    let expected = try atOnce.play(play)
    var step = try EventScript(boxes() + [Open()], burst: 1)
    let reports = try step.play(play)
    #expect(reports.count == expected.count && expected.count > 20)
    for title in ["one", "two"] {
      #expect(reports.filter { $0.hasPrefix(title) } == expected.filter { $0.hasPrefix(title) })
    }
    #expect(step.engine.statistics.unreadBytes == atOnce.engine.statistics.unreadBytes)
  }

  @Test("What a closure that reads does to its reader holds")
  func inside() throws {
    let requests = StreamReader(of: .server)
    let box = ReaderBox(requests) {
      $0.onData = { event in
        guard event.offset == 6 else { return }
        var count = 0
        event.flow.read(requests) { chunk in
          count += 1
          // Also read inside of the reading: the chunk stays what it is.
          if count == 1 { event.report(event.flow.text(requests)) }
          event.report(chunk.text + " at \(event.flow[requests].offset)")
          if count == 1 { event.flow.stop(requests) }
          event.report(chunk.text)
          return .all
        }
        event.report("\(event.flow[requests].isOn)")
      }
    }
    var script = try EventScript(box)
    try script.play(
      openConnection + "c > PA seq 1 ack 1 \"abc\"\nc > PA seq 4 ack 1 \"def\"\nc > PA seq 7 ack 1 \"ghi\"")
    #expect(script.allReports.map(\.text) == ["abcdef|ghi", "abcdef at 9", "abcdef", "false"])
    #expect(script.engine.streamBytesInUse == 0)
  }

  @Test("What is skipped before it comes is never kept")
  func skipping() throws {
    let requests = StreamReader(of: .server)
    let box = ReaderBox(requests) {
      $0.onStart = { event in event.flow.skip(requests, 2) }
      $0.onData = { event in
        if event.offset == 0 { event.flow.skip(requests, 6) }
        event.report(event.flow.peekedText(requests) + " \(event.flow[requests].available)")
      }
    }
    var script = try EventScript(box)
    try script.play(openConnection)
    var inUse: [Int] = []
    for (offset, text) in [(1, "abc"), (4, "def"), (7, "ghi"), (10, "jkl")] {
      try script.play("c > PA seq \(offset) ack 1 \"\(text)\"")
      inUse.append(script.engine.streamBytesInUse)
    }
    #expect(script.allReports.map(\.text) == [" 0", " 0", "i 1", "i|jkl 4"])
    #expect(inUse == [0, 0, 1_536, 1_536])
  }
}

/// Selects no flow of the scripts.
private struct Selecting: Middlebox {
  let requests = StreamReader(of: .server)
  var flowFilter: String? { "tcp port 9" }
  var events: some EventGraph {
    On(.newData) { event in event.report(event.flow.text(requests)) }
  }
}
