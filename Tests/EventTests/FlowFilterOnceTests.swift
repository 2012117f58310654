import EventDSL
import EventSupport
import MOSCore
import MTCP
import Testing

/// Says which flows it hears of.
private struct Chooser: Middlebox {
  var name = "chooser"
  var flowFilter: String?

  var events: some EventGraph {
    On(.packet) { $0.report("packet \($0.packet!.number)") }
    On(.connectionEnd) { $0.report("end") }
  }
}

/// Answers each SYN in the server's place.
private struct Answerer: Middlebox {
  var events: some EventGraph {
    Filter(.packet) { event, _ in
      guard event.packet!.flags == .syn else { return }
      let segment = TCPSegment(
        sequence: 7, acknowledgment: event.packet!.sequence &+ 1, flags: [.syn, .ack], window: 1_000)
      event.flow.inject(segment, toward: .client)
    }
  }
}

/// Changes where the client's packets seem to come from.
private struct Masquerade: Middlebox {
  var events: some EventGraph {
    Filter(.packet) { event, packet in
      if event.sender == .client { _ = packet.setSourcePort(5_000) }
    }
  }
}

@Suite("Which flows a middlebox hears of is asked once for each")
struct FlowFilterOnceTests {
  @Test("Not of a segment that another middlebox sends on the flow's first packet")
  func injected() throws {
    var script = try EventScript(Chooser(flowFilter: "dst port 80"), Answerer())
    let reports = try script.play("c > S seq 0\nc > A seq 1 ack 8") + script.finish()
    #expect(reports.filter { $0 == "packet 2" }.count == 1 && reports.last == "end")
  }

  @Test("Nor of its first packet as another middlebox has changed it")
  func changed() throws {
    var script = try EventScript(Masquerade(), Chooser(flowFilter: "src port 40000 or src port 80"))
    #expect(try script.play("c > S seq 0\ns > SA seq 0 ack 1 port 40000").contains("packet 1"))
  }

  @Test("A connection that begins with a SYN that was taken for another's is asked about as that SYN")
  func candidate() throws {
    var script = try EventScript(Chooser(flowFilter: "dst port 22"))
    let opening = "c > S seq 0\ns > SA seq 0 ack 1\nc > A seq 1 ack 1\n"
    #expect(
      try script.play(opening + "c > S seq 700000\ns > SA seq 900000 ack 700001\nc > A seq 700001 ack 900001") == [])
    var other = try EventScript(Chooser(flowFilter: "dst port 80 and tcp[tcpflags] == tcp-syn"))
    let reports = try other.play(
      opening + "c > S seq 700000\ns > SA seq 900000 ack 700001\nc > A seq 700001 ack 900001")
    #expect(reports == ["packet 1", "packet 2", "packet 3", "packet 4", "end", "packet 5", "packet 6"])
  }
}
