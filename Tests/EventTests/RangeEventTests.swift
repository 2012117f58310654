import EventDSL
import EventSupport
import Testing

/// Says what it hears of ranges of streams.
private struct Ranges: Middlebox {
  var events: some EventGraph {
    On(.retransmission, at: .sender) { event in event.report("sent again: \(Ranges.text(event))") }
    On(.retransmission) { event in event.report("came again: \(Ranges.text(event))") }
    On(.outOfOrder) { event in event.report("early: \(event.receiver) \(event.offset)+\(event.length)") }
    On(.gap) { event in event.report("gap: \(event.receiver) \(event.offset)+\(event.length)") }
    On(.overlapConflict) { event in event.report("conflict: \(event.receiver) \(event.offset)+\(event.length)") }
    On(.newData) { event in
      var text = ""
      event.forEachSpan { text += $0.text }
      event.report("new: \(event.receiver) \(event.offset) \(text)")
    }
    On(.stateChange) { event in
      if event.new == .closeWait { event.report("\(event.side) \(event.new)") }
    }
    On(.connectionEnd) { event in event.report("end \(event.reason)") }
  }

  static func text(_ event: borrowing Event<Retransmission>) -> String {
    "\(event.receiver) \(event.offset)+\(event.length) \(event.kind)\(event.bytesDiffer ? " differs" : "")"
  }
}

private let opening = """
  c > S seq 0
  s > SA seq 0 ack 1
  c > A seq 1 ack 1

  """

@Suite("Events of ranges")
struct RangeEventTests {
  /// What is reported, which must be the same at any size of the burst.
  private func play(_ script: String) throws -> [String] {
    var all: [[String]] = []
    for burst in [1, 3, 32] {
      var runner = try EventScript(Ranges(), burst: burst)
      all.append(try runner.play(script))
    }
    #expect(all[0] == all[1] && all[0] == all[2])
    return all[0]
  }

  @Test("What is sent again is told with its kind, its range and whether its bytes differ")
  func retransmissions() throws {
    let opened = try play("c > S seq 0\nc > S seq 0\ns > SA seq 0 ack 1\ns > SA seq 0 ack 1")
    #expect(opened == ["came again: server 0+0 syn", "came again: client 0+0 synAck"])
    let data = try play(
      opening + """
        c > PA seq 1 ack 1 "abc"
        c > PA seq 1 ack 1 "abc"
        c > PA seq 1 ack 1 "aXc"
        """)
    #expect(
      data == [
        "new: server 0 abc", "came again: server 0+3 data", "conflict: server 1+2",
        "came again: server 0+3 data differs",
      ])
    let closed = try play(opening + "c > FA seq 1 ack 1\nc > FA seq 1 ack 1")
    #expect(closed == ["server closeWait", "came again: server 0+0 fin"])
    let behindFin = try play(
      opening + """
        c > PA seq 1 ack 1 "abc"
        c > FPA seq 4 ack 1 "de"
        c > PA seq 4 ack 1 "de"
        c > PA seq 5 ack 1 "e"
        c > PA seq 1 ack 1 "abX"
        s > A seq 1 ack 7
        c > PA seq 1 ack 1 "abX"
        """)
    #expect(
      behindFin == [
        "new: server 0 abc", "new: server 3 de", "server closeWait", "came again: server 3+2 data",
        "came again: server 4+1 data", "conflict: server 2+1", "came again: server 0+3 data differs",
        "came again: server 0+3 data",
      ])
  }

  @Test("What went no further when it was first sent is sent again at its sender, and new to its receiver")
  func sentAgain() throws {
    struct Lossy: Middlebox {
      var events: some EventGraph {
        Filter(.packet) { event, packet in if event.packet!.number == 4 { packet.drop() } }
      }
    }
    var script = try EventScript(Lossy(), Ranges())
    let reports = try script.play(opening + "c > PA seq 1 ack 1 \"abc\"\nc > PA seq 1 ack 1 \"abc\"")
    #expect(reports == ["sent again: server 0+3 data", "new: server 0 abc"])
  }

  @Test("Keep-alives and zero-window probes are retransmissions of their own kinds, and no data")
  func probes() throws {
    let keepAlive = try play(
      opening + """
        c > PA seq 1 ack 1 "abc"
        s > A seq 1 ack 4
        60 c > A seq 3 ack 1 "c"
        """)
    #expect(keepAlive == ["new: server 0 abc", "came again: server 2+1 keepAlive"])
    let probe = try play(
      """
      c > S seq 0 <mss 1460>
      s > SA seq 0 ack 1 win 5 <mss 1460>
      c > A seq 1 ack 1
      c > PA seq 1 ack 1 "abcde"
      s > A seq 1 ack 6 win 0
      c > A seq 6 ack 1 "f"
      s > A seq 1 ack 6 win 0
      """)
    #expect(probe.count == 2 && probe[0] == "new: server 0 abcde" && probe[1].hasSuffix(" zeroWindowProbe"))
  }

  @Test("What comes early is told when it comes and is new when the hole is filled; what was lost for good is a gap")
  func holes() throws {
    let reports = try play(
      opening + """
        c > PA seq 4 ack 1 "def"
        c > PA seq 1 ack 1 "abc"
        c > PA seq 10 ack 1 "jkl"
        s > A seq 1 ack 13
        """)
    #expect(
      reports == [
        "early: server 3+3", "new: server 0 abcdef", "early: server 9+3", "gap: server 6+3", "new: server 9 jkl",
      ])
  }

  @Test("Overlaps come before new data, new data before a closing state, and the end last")
  func order() throws {
    let reports = try play(
      opening + """
        c > PA seq 1 ack 1 "abcd"
        c > PA seq 9 ack 1 "ijkl"
        c > FPA seq 3 ack 1 "xxefghxxxxmn"
        s > RA seq 1 ack 16
        """)
    #expect(
      reports == [
        "new: server 0 abcd", "early: server 8+4", "conflict: server 2+2", "conflict: server 8+4",
        "new: server 4 efghxxxxmn", "server closeWait", "end resetByServer",
      ])
  }
}
