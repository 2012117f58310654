import EventDSL
import EventSupport
import Testing

@Suite("Stream readers at the end of flows")
struct StreamEndTests {
  /// Keeps everything, and says at the end what that is.
  private static func keeper(_ readers: [StreamReader]) -> ReaderBox {
    ReaderBox(readers[0], readers[1]) {
      $0.onEnd = { $0.report("\($0.reason) \($0.flow.text(readers[0]))/\($0.flow.text(readers[1]))") }
    }
  }

  private static let data =
    handshake + """
      c > PA seq 1 ack 1 "abc"
      s > PA seq 1 ack 4 "123"

      """

  @Test("However a flow ends, what is kept is readable at connectionEnd and given back behind it")
  func ends() throws {
    let readers = [StreamReader(of: .server), StreamReader(of: .client, last: 100)]
    for (last, reason) in [
      ("c > FA seq 4 ack 4\ns > FA seq 4 ack 5\nc > A seq 5 ack 5", "fin"), ("c > R seq 4", "resetByClient"),
      ("s > R seq 4", "resetByServer"), ("time +8000", "timeout"),
    ] {
      var script = try EventScript(Self.keeper(readers))
      let reports = try script.play(Self.data + last)
      #expect(reports == ["\(reason) abc/123"])
      #expect(script.engine.streamBytesInUse == 0)
    }
    var script = try EventScript(Self.keeper(readers))
    try script.play(Self.data)
    #expect(script.engine.streamBytesInUse == 2 * 1_536)
    #expect(script.finish() == ["traceEnd abc/123"])
    #expect(script.engine.streamBytesInUse == 0)
  }

  @Test(
    "A flow that is evicted, and one whose 4-tuple is used again, give theirs back; the new one begins with nothing")
  func replaced() throws {
    let readers = [StreamReader(of: .server), StreamReader(of: .client)]
    var script = try EventScript(Self.keeper(readers)) { $0.maximumFlows = 1 }
    #expect(try script.play(Self.data + "c > S seq 0 port 50000") == ["evicted abc/123"])
    #expect(script.engine.streamBytesInUse == 0)
    var other = try EventScript(Self.keeper(readers))
    try other.play(Self.data)
    let reports = try other.play(
      """
      time +100
      c > S seq 70000
      s > SA seq 90000 ack 70001
      c > A seq 70001 ack 90001
      c > PA seq 70001 ack 90001 "new"
      c > R seq 70004
      """)
    #expect(reports == ["reused abc/123", "resetByClient new/"])
    #expect(other.engine.streamBytesInUse == 0)
  }

  @Test("What comes with the packet that ends a flow is read before connectionEnd, and a late packet adds nothing")
  func lastPacket() throws {
    let requests = StreamReader(of: .server)
    let box = ReaderBox(requests) {
      $0.onData = { $0.report($0.flow.peekedText(requests)) }
      $0.onEnd = { $0.report("end " + $0.flow.text(requests) + " " + $0.flow.text(requests)) }
    }
    var script = try EventScript(box)
    let reports = try script.play(
      handshake + """
        s > FA seq 1 ack 1
        c > A seq 1 ack 2
        c > FPA seq 1 ack 2 "last words"
        s > A seq 2 ack 12
        c > PA seq 12 ack 2 "late"
        """)
    #expect(reports == ["last words", "end last words "])
    #expect(script.engine.streamBytesInUse == 0)
  }

  @Test("Streams of more than 4 GiB are read at their offsets")
  func beyondFourGigabytes() throws {
    let requests = StreamReader(of: .server)
    var gaps: UInt64 = 0
    let box = ReaderBox(requests) {
      $0.onData = { event in
        event.flow.read(requests) { chunk in
          switch chunk {
          case .bytes(let bytes): event.report("\(event.flow[requests].offset) \(bytes.text)")
          case .gap(let count): gaps += count
          case .dropped(let count): event.report("dropped \(count)")
          }
          return .all
        }
      }
    }
    var script = try EventScript(box)
    try script.play(
      """
      c > S seq 0 <ws 14>
      s > SA seq 0 ack 1 <ws 14>
      c > A seq 1 ack 1
      s > A seq 1 ack 1
      """)
    // The capture misses 800 MB a time; 65,535 << 14 bytes fit into the window.
    var texts: [String] = []
    for index in 1...8 {
      let start = 1 + 800_000_000 * index
      try script.play("c > PA seq \(start) ack 1 \"part\"\ns > A seq 1 ack \(start + 4)")
      texts.append("\(start - 1) part")
    }
    #expect(script.allReports.map(\.text) == texts)
    #expect(gaps == UInt64(800_000_000 * 8 - 4 * 7))
    #expect(script.engine.statistics.unreadBytes == 0)
  }
}
