import EventDSL
import EventSupport
import Testing

private struct Late: Middlebox {
  let packets = FlowLocal(0)

  var events: some EventGraph {
    On(.packet) { event in event.flow[packets] += 1 }
    On(.anomaly) { event in event.report("\(event.anomaly.name) \(event.packet!.number)") }
    On(.connectionEnd) { event in event.report("end \(event.reason), \(Late.text(event.flow)), \(event.flow[packets])")
    }
    On(.recordFinal) { event in
      event.report("final \(event.reason), \(Late.text(event.flow)), \(event.flow[packets]) \(event.packet == nil)")
    }
  }

  static func text(_ flow: borrowing Flow) -> String {
    "\(flow.client.counters.packets)+\(flow.server.counters.packets) packets"
  }
}

private let talk = """
  c > S seq 0
  s > SA seq 0 ack 1
  c > A seq 1 ack 1
  s > R seq 1

  """

@Suite("Final records")
struct RecordFinalTests {
  @Test(
    "A record is final behind its late packets, once, with the flow's values; then the values are gone",
    arguments: [1, 32])
  func late(burst: Int) throws {
    var script = try EventScript(Late(), burst: burst)
    let reports = try script.play(talk + "c > PA seq 1 ack 1 \"late\"\ntime +59\ntime +2\n70 c > S seq 500 port 1")
    #expect(
      reports == [
        "end resetByServer, 2+2 packets, 4", "dataAfterReset 5", "final resetByServer, 3+2 packets, 5 true",
      ])
    #expect(script.finish() == ["end traceEnd, 1+0 packets, 1", "final traceEnd, 1+0 packets, 1 true"])
  }

  @Test("At the end of the trace, each record is final behind its end")
  func traceEnd() throws {
    var script = try EventScript(Late())
    try script.play(talk + "c > S seq 0 port 1")
    #expect(
      script.finish() == [
        "end traceEnd, 1+0 packets, 1", "final resetByServer, 2+2 packets, 4 true",
        "final traceEnd, 1+0 packets, 1 true",
      ])
  }
}
