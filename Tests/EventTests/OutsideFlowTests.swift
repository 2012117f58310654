import EventDSL
import EventSupport
import TestSupport
import Testing

private struct Outside: Middlebox {
  var events: some EventGraph {
    On(.orphan) { event in event.report("orphan \(event.packet!.number) from \(event.packet!.key.sourcePort)") }
    On(.anomaly) { event in
      var flow = "no flow"
      if let own = event.flow { flow = "flow of \(own.key.sourcePort)" }
      event.report("\(event.anomaly.name) \(event.packet!.number) \(flow) \(event.hook)")
    }
    On(.connectionEnd) { event in event.report("end \(event.reason)") }
    On(.newData) { event in event.report("newData \(event.length)") }
  }
}

/// Counts what it finds in the flow, where there is one.
private struct Suspicion: Middlebox {
  let found = FlowLocal(0)

  var events: some EventGraph {
    On(.anomaly) { event in
      guard let flow = event.flow else { return event.report("none") }
      flow[found] += 1
    }
    On(.connectionEnd) { event in event.report("\(event.flow[found])") }
  }
}

private let opening = """
  c > S seq 0
  s > SA seq 0 ack 1
  c > A seq 1 ack 1

  """

@Suite("Orphans and anomalies")
struct OutsideFlowTests {
  @Test("A TCP packet without a flow is an orphan, where flows are not picked up in mid-stream", arguments: [1, 32])
  func orphan(burst: Int) throws {
    var script = try EventScript([Outside()], burst: burst) { $0.midstream = false }
    let reports = try script.play(
      """
      c > PA seq 1 ack 1 "x"
      s > A seq 1 ack 2
      s > R seq 1
      c > S seq 0 port 40001
      c > . port 40002 udp "x"
      """)
    #expect(reports == ["orphan 1 from 40000", "orphan 2 from 80", "orphan 3 from 80"])
    #expect(script.finish().count == 2)
  }

  @Test("It is none where they are picked up, and then it delivers what it brings")
  func midstream() throws {
    var script = try EventScript(Outside())
    #expect(try script.play("c > PA seq 1 ack 1 \"x\"") == ["newData 1"])
  }

  @Test("What opens no connection is an orphan, with its anomalies")
  func anomalousOrphan() throws {
    var script = try EventScript(Outside())
    #expect(
      try script.play("c > SF seq 0\nc > PA seq 1 ack 1 \"x\" badsum") == [
        "orphan 1 from 40000", "tcpFlagsInvalid 1 no flow wire", "orphan 2 from 40000",
        "tcpChecksumInvalid 2 no flow wire",
      ])
  }

  @Test("What a flow's receiver would ignore is an anomaly of that flow, and nothing else", arguments: [1, 32])
  func ofFlow(burst: Int) throws {
    var script = try EventScript(Outside(), burst: burst)
    let reports = try script.play(
      opening + """
        c > PA seq 1 ack 1 "x" badsum
        s > R seq 500
        c > PA seq 1000000 ack 1 "far"
        c > PA seq 1 ack 1 "x"
        """)
    #expect(
      reports == [
        "tcpChecksumInvalid 4 flow of 40000 sender", "resetNotExact 5 flow of 40000 sender",
        "dataOutsideWindow 6 flow of 40000 sender", "newData 1",
      ])
  }

  @Test("A handler tells anomalies with a flow from those without")
  func counted() throws {
    var script = try EventScript(Suspicion())
    let reports = try script.play(
      opening + "s > R seq 500\ns > R seq 501\nc > SF seq 1 port 40001\ns > R seq 502\nc > R seq 1")
    #expect(reports == ["none", "3"])
  }

  @Test("A broken packet that is not TCP has anomalies without a flow")
  func broken() throws {
    var script = try EventScript(Outside())
    var builder = PacketBuilder(payload: [1, 2, 3])
    builder.totalLength = 10
    let tooShort = builder.udpFrame
    builder.totalLength = nil
    builder.headerLength = 3
    let header = builder.udpFrame
    let reports = script.play(frames: [tooShort, header, Array(tooShort[..<20])])
    #expect(
      reports == [
        "ipTotalLengthInvalid 1 no flow wire", "ipHeaderLengthInvalid 2 no flow wire", "frameTruncated 3 no flow wire",
      ])
  }
}
