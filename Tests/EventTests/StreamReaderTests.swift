import EventDSL
import EventSupport
import Testing

/// Reports whole lines, and leaves what is not one yet.
private struct LineReader: Middlebox {
  let requests = StreamReader(of: .server)

  var events: some EventGraph {
    On(.newData) { event in
      guard event.receiver == .server else { return }
      event.flow.read(requests) { chunk in
        guard case .bytes(let bytes) = chunk else { return .all }
        let bytesOfLines = bytes.array.lastIndex(of: UInt8(ascii: ";")).map { $0 + 1 } ?? 0
        if bytesOfLines > 0 { event.report(String(bytes.text.prefix(bytesOfLines))) }
        return .more(after: bytesOfLines)
      }
    }
  }
}

@Suite("Stream readers")
struct StreamReaderTests {
  @Test(
    "At newData a reader has what its side receives, in order and each byte once, whatever the burst",
    arguments: [1, 32])
  func inOrder(burst: Int) throws {
    let requests = StreamReader(of: .server)
    let answers = StreamReader(of: .client)
    let box = ReaderBox(requests, answers) {
      $0.onData = { event in
        event.report("\(event.receiver) [\(event.flow.text(requests))] [\(event.flow.text(answers))]")
      }
    }
    var script = try EventScript(box, burst: burst)
    let reports = try script.play(
      handshake + """
        c > PA seq 1 ack 1 "GET "
        c > PA seq 1 ack 1 "GET "
        s > PA seq 1 ack 5 "100"
        c > PA seq 3 ack 4 "T /x"
        s > FPA seq 4 ack 7 "200"
        c > FPA seq 7 ack 8 " end"
        s > A seq 8 ack 12
        """)
    #expect(
      reports == [
        "server [GET ] []", "client [] [100]", "server [/x] []", "client [] [200]", "server [ end] []",
      ])
  }

  @Test("What a parser leaves comes again, with what has come since behind it")
  func parserWaits() throws {
    var script = try EventScript(LineReader())
    let reports = try script.play(
      handshake + """
        c > PA seq 1 ack 1 "one;tw"
        c > PA seq 7 ack 1 "o"
        c > PA seq 8 ack 1 ";three;four;fi"
        c > PA seq 22 ack 1 "ve;"
        """)
    #expect(reports == ["one;", "two;three;four;", "five;"])
  }

  @Test("Bytes that are consumed at their newData are never copied, others are kept until they are consumed")
  func copies() throws {
    let requests = StreamReader(of: .server)
    var isEager = true
    var inUse: [Int] = []
    let box = ReaderBox(requests) {
      $0.onData = { event in
        if isEager { event.report(event.flow.text(requests)) }
      }
    }
    var script = try EventScript(box)
    try script.play(handshake)
    for (line, eager) in [("1 ack 1 \"one\"", true), ("4 ack 1 \"two\"", false), ("7 ack 1 \"three\"", true)] {
      isEager = eager
      try script.play("c > PA seq \(line)")
      inUse.append(script.engine.streamBytesInUse)
    }
    #expect(inUse == [0, 1_536, 0])
    #expect(script.allReports.map(\.text) == ["one", "two|three"])
  }

  @Test("Bytes are given where they lie in the packet")
  func inPlace() throws {
    let requests = StreamReader(of: .server)
    let box = ReaderBox(requests) {
      $0.onData = { event in
        let packet = event.packet?.decoded.pointee.payload
        event.flow.read(requests) { chunk in
          if case .bytes(let bytes) = chunk {
            event.report("\(bytes.withUnsafeBytes { $0.baseAddress } == packet)")
          }
          return .all
        }
      }
    }
    var script = try EventScript(box)
    #expect(try script.play(handshake + "c > PA seq 1 ack 1 \"one\"") == ["true"])
  }

  @Test("Peeking and copying leave the cursor; offsets reach what has been read and is still there")
  func peeking() throws {
    let requests = StreamReader(of: .server)
    let tail = StreamReader(of: .server, last: 100)
    let box = ReaderBox(requests, tail) {
      $0.onData = { event in
        let flow = event.flow
        event.report(flow.peekedText(requests) + " " + flow.copiedText(requests, 4))
        guard event.offset > 0 else { return }
        event.report(flow.peekedText(tail, from: 2) + " " + flow.copiedText(tail, from: 2, 6))
        flow.read(requests) { chunk in .first(2) }
        event.report(flow.peekedText(requests) + " \(flow[requests].offset) \(flow[tail].offset)")
        event.report("[" + flow.peekedText(tail, from: 11) + flow.copiedText(tail, from: 12, 5) + "]")
      }
    }
    var script = try EventScript(box)
    let reports = try script.play(
      handshake + """
        c > PA seq 1 ack 1 "abcdef"
        c > PA seq 7 ack 1 "ghijk"
        """)
    #expect(reports == ["abcdef abcd", "abcdef|ghijk abcd", "cdef|ghijk cdefgh", "cdef|ghijk 2 0", "[]"])
  }

  @Test("A reader knows its offset, how much there is up to the first gap, and what is kept")
  func positions() throws {
    let requests = StreamReader(of: .server)
    let box = ReaderBox(requests) { box in
      func positions(_ flow: borrowing Flow) -> String {
        let stream = flow[requests]
        return "at \(stream.offset), \(stream.available) there, \(stream.firstOffset) to \(stream.nextOffset)"
      }
      box.onStart = { $0.report(positions($0.flow)) }
      box.onData = { event in
        event.report(positions(event.flow))
        if event.offset == 3 { event.flow.read(requests) { _ in .first(2) } }
        if event.offset == 3 { event.report(positions(event.flow)) }
      }
      box.onGap = { $0.report(positions($0.flow)) }
      box.onEnd = { $0.report(positions($0.flow)) }
    }
    var script = try EventScript(box)
    let reports = try script.play(
      handshake + """
        c > PA seq 1 ack 1 "abc"
        c > PA seq 4 ack 1 "def"
        s > A seq 1 ack 17
        c > PA seq 17 ack 1 "ghi"
        c > R seq 20
        """)
    #expect(
      reports == [
        "at 0, 0 there, 0 to 0", "at 0, 3 there, 0 to 3", "at 0, 6 there, 0 to 6", "at 2, 4 there, 2 to 6",
        "at 2, 4 there, 2 to 16", "at 2, 4 there, 2 to 19", "at 2, 4 there, 2 to 19",
      ])
  }

  @Test("Reading where there is nothing gives nothing")
  func nothing() throws {
    let requests = StreamReader(of: .server)
    let answers = StreamReader(of: .client, last: 10)
    let box = ReaderBox(requests, answers) { box in
      func all(_ flow: borrowing Flow) -> String {
        "[" + flow.text(requests) + flow.peekedText(answers) + flow.peekedText(answers, from: 7)
          + flow.copiedText(requests, 9) + flow.copiedText(answers, from: .max, 9) + "]"
      }
      box.onStart = { $0.report(all($0.flow)) }
      box.onState = { $0.report(all($0.flow)) }
      box.onEnd = { $0.report(all($0.flow)) }
    }
    var script = try EventScript(box)
    let reports = try script.play(handshake + "c > RA seq 1 ack 1") + script.finish()
    #expect(!reports.isEmpty && reports.allSatisfy { $0 == "[]" })
    #expect(try script.play("c > . seq 0 udp \"datagram\"") == [])
  }

  @Test("Gaps come in their order; who does not look at them passes them by reading on")
  func gaps() throws {
    let requests = StreamReader(of: .server)
    let late = StreamReader(of: .server)
    let box = ReaderBox(requests, late) {
      $0.onData = { $0.report($0.flow.text(requests)) }
      $0.onGap = { $0.report("gap: " + $0.flow.text(requests)) }
      $0.onEnd = { $0.report("end: " + $0.flow.text(requests) + $0.flow.text(late)) }
    }
    var script = try EventScript(box)
    let reports = try script.play(
      handshake + """
        c > PA seq 1 ack 1 "abc"
        s > A seq 1 ack 10
        c > PA seq 10 ack 1 "def"
        s > A seq 1 ack 20
        c > PA seq 20 ack 1 "ghi"
        c > R seq 23
        """)
    #expect(
      reports == [
        "abc", "gap: <gap 6>", "def", "gap: <gap 7>", "ghi", "end: abc|<gap 6>|def|<gap 7>|ghi",
      ])
  }

  @Test("Segments in any other order are read in that of the stream")
  func reordered() throws {
    let requests = StreamReader(of: .server)
    let box = ReaderBox(requests) {
      $0.onData = { $0.report($0.flow.text(requests)) }
    }
    var script = try EventScript(box)
    let reports = try script.play(
      handshake + """
        c > PA seq 7 ack 1 "ghi"
        c > PA seq 4 ack 1 "def"
        c > PA seq 10 ack 1 "jkl"
        c > PA seq 1 ack 1 "abc"
        """)
    #expect(reports.joined(separator: " ").filter { $0 != "|" && $0 != " " } == "abcdefghijkl")
    #expect(script.engine.streamBytesInUse == 0)
  }

  @Test("Text on a SYN, behind a half-close, and of a flow picked up in its middle is read from offset 0 on")
  func beginnings() throws {
    let requests = StreamReader(of: .server)
    let answers = StreamReader(of: .client)
    let box = ReaderBox(requests, answers) {
      $0.onEnd = { $0.report($0.flow.text(requests) + "/" + $0.flow.text(answers)) }
    }
    var script = try EventScript(box)
    let reports = try script.play(
      """
      c > S seq 0 "early" <tfo>
      s > SA seq 0 ack 6
      c > FA seq 6 ack 1
      s > A seq 1 ack 7
      s > PA seq 1 ack 7 "long"
      c > A seq 7 ack 5
      s > FPA seq 5 ack 7 " answer"
      c > A seq 7 ack 13
      c > PA seq 500 ack 700 "middle" port 50000
      s > PA seq 700 ack 506 "of it" port 50000
      c > RA seq 506 ack 705 port 50000
      """)
    #expect(reports == ["early/long answer", "middle/of it"])
  }
}
