import EventDSL
import EventSupport
import Testing

/// Says what each side receives, and what it never will.
private struct Streams: Middlebox {
  var events: some EventGraph {
    On(.gap) { $0.report("gap \($0.offset) \($0.length)") }
    On(.newData) { event in event.forEachSpan { event.report($0.text) } }
  }
}

@Suite("Text in a SYN that another SYN took the place of")
struct SynTextTests {
  @Test("It is never delivered, also where the stream comes to its numbers", arguments: ["", "s > SA seq 0 ack 101\n"])
  func replaced(answer: String) throws {
    var script = try EventScript(Streams())
    let reports = try script.play(
      "c > S seq 100 \"EVIL\"\n" + answer + """
        c > S seq 0
        s > SA seq 0 ack 1
        c > A seq 1 ack 1
        c > PA seq 1 ack 1 "x" x100
        c > PA seq 105 ack 1 "rest"
        s > A seq 1 ack 109
        """)
    #expect(reports == [String(repeating: "x", count: 100), "gap 100 4", "rest"])
  }
}
