import EventDSL
import EventSupport
import Testing

/// What a flow delivers, and how it ends.
private struct Ends: Middlebox {
  let bytes = FlowLocal(UInt64(0))

  var events: some EventGraph {
    On(.newData) { event in
      event.flow[bytes] += event.length
      event.forEachSpan { span in
        let text = span.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
        event.report("\(event.flow.key.sourcePort) \(event.receiver) \(text)")
      }
    }
    On(.gap) { event in event.report("\(event.flow.key.sourcePort) gap of \(event.length)") }
    On(.idle) { event in event.report("\(event.flow.key.sourcePort) idle at \(event.time.inScript)") }
    On(.connectionEnd) { event in
      var packet = "no packet"
      if let own = event.packet { packet = "packet \(own.number)" }
      event.report("\(event.flow.key.sourcePort) end \(event.reason), \(packet), \(event.flow[bytes]) bytes")
    }
  }
}

/// When flows start and end, and where both ends are then.
private struct Life: Middlebox {
  var events: some EventGraph {
    On(.connectionStart) { event in event.report("start \(event.flow.record.firstPacket)") }
    On(.connectionEnd) { event in
      event.report(
        "end \(event.flow.record.firstPacket) \(event.reason) \(event.flow.client.state) \(event.flow.server.state)")
    }
  }
}

private let opening = """
  c > S seq 0
  s > SA seq 0 ack 1
  c > A seq 1 ack 1

  """

@Suite("The end of a connection")
struct ConnectionEndTests {
  /// What is reported up to the trace's end, which must be the same at any size of the burst.
  private func play(
    _ middlebox: any Middlebox, _ script: String, _ configure: (inout TrackerConfiguration) -> Void = { _ in }
  ) throws -> [String] {
    var all: [[String]] = []
    for burst in [1, 3, 32] {
      var runner = try EventScript([middlebox], burst: burst, configure)
      all.append(try runner.play(script) + ["finish"] + runner.finish())
    }
    #expect(all[0] == all[1])
    #expect(all[0] == all[2])
    return all[0]
  }

  @Test("FIN by both: once, with the last acknowledgment, whatever comes later")
  func fin() throws {
    let reports = try play(
      Ends(),
      opening + """
        c > FA seq 1 ack 1
        s > A seq 1 ack 2
        s > FA seq 1 ack 2
        c > A seq 2 ack 2
        c > A seq 2 ack 2
        s > FA seq 1 ack 2
        c > R seq 2
        time +61
        """)
    #expect(reports == ["40000 end fin, packet 7, 0 bytes", "finish"])
  }

  @Test("RST by either, once")
  func reset() throws {
    #expect(
      try play(Ends(), opening + "c > R seq 1\nc > R seq 1\ns > R seq 1\ntime +61")
        == ["40000 end resetByClient, packet 4, 0 bytes", "finish"])
    #expect(
      try play(Ends(), opening + "s > R seq 1\ns > R seq 1\nc > R seq 1\ntime +61")
        == ["40000 end resetByServer, packet 4, 0 bytes", "finish"])
    #expect(
      try play(Ends(), "c > S seq 0\ns > RA seq 0 ack 1") == ["40000 end resetByServer, packet 2, 0 bytes", "finish"])
  }

  @Test("A RST that its receiver does not take ends nothing")
  func refused() throws {
    #expect(
      try play(Ends(), opening + "c > R seq 500\nc > R seq 900000\n")
        == ["finish", "40000 end traceEnd, no packet, 0 bytes"])
  }

  @Test("Time-out: idle, then the end, at the time of the time-out")
  func timeout() throws {
    #expect(
      try play(Ends(), "0.5 c > S seq 0\ntime +29.999\ntime +0.001")
        == ["40000 idle at 30.5", "40000 end timeout, no packet, 0 bytes", "finish"])
    #expect(
      try play(Ends(), opening + "1 c > PA seq 1 ack 1 \"x\"\n2 c > S seq 9 port 40001\ntime +38\ntime +8000") == [
        "40000 server x", "40001 idle at 32.0", "40001 end timeout, no packet, 0 bytes", "40000 idle at 7441.0",
        "40000 end timeout, no packet, 1 bytes", "finish",
      ])
    #expect(
      try play(Ends(), "0.5 c > . udp \"x\"\ntime +60")
        == ["40000 idle at 60.5", "40000 end timeout, no packet, 0 bytes", "finish"])
  }

  @Test("Evicted: the flow that makes room, half-open ones first")
  func evicted() throws {
    let flows = (1...4).map { "c > S seq 0 port \($0)" }.joined(separator: "\n")
    let reports = try play(Ends(), opening + flows) { $0.maximumFlows = 3 }
    #expect(
      reports == [
        "1 end evicted, no packet, 0 bytes", "2 end evicted, no packet, 0 bytes", "finish",
        "3 end traceEnd, no packet, 0 bytes", "4 end traceEnd, no packet, 0 bytes",
        "40000 end traceEnd, no packet, 0 bytes",
      ])
  }

  @Test("Used again: the old flow ends when the server answers the new SYN")
  func reused() throws {
    var script = try EventScript(Ends())
    let reports = try script.play(
      opening + """
        c > PA seq 1 ack 1 "old"
        c > S seq 700000
        s > SA seq 800000 ack 700001
        c > A seq 700001 ack 800001
        c > PA seq 700001 ack 800001 "new!"
        """)
    #expect(
      reports == [
        "40000 server old", "40000 end reused, no packet, 3 bytes", "40000 server new!",
      ])
    #expect(script.finish() == ["40000 end traceEnd, no packet, 4 bytes"])
  }

  @Test("The trace's end ends what is open, and nothing that has ended")
  func traceEnd() throws {
    let reports = try play(
      Ends(), opening + "c > R seq 1\nc > S seq 0 port 1\nc > . port 2 udp \"x\"\nc > A seq 5 ack 6 port 3\n")
    #expect(reports.prefix(2) == ["40000 end resetByClient, packet 4, 0 bytes", "finish"])
    #expect(
      reports.dropFirst(2).sorted() == [
        "1 end traceEnd, no packet, 0 bytes", "2 end traceEnd, no packet, 0 bytes",
        "3 end traceEnd, no packet, 0 bytes",
      ])
  }

  @Test("Data that come with the FIN are delivered before the end")
  func dataWithFin() throws {
    let reports = try play(
      Ends(),
      opening + """
        c > PFA seq 1 ack 1 "question"
        s > PFA seq 1 ack 10 "answer"
        c > A seq 10 ack 8
        """)
    #expect(
      reports == [
        "40000 server question", "40000 client answer", "40000 end fin, packet 6, 14 bytes", "finish",
      ])
  }

  @Test("Data the other way after a half-close are delivered, however late")
  func halfClose() throws {
    let reports = try play(
      Ends(),
      opening + """
        c > FA seq 1 ack 1
        s > A seq 1 ack 2
        100 s > PA seq 1 ack 2 "one"
        200 c > A seq 2 ack 4
        4000 s > PA seq 4 ack 2 "two"
        s > PFA seq 7 ack 2 "three"
        c > A seq 2 ack 13
        """)
    #expect(
      reports == [
        "40000 client one", "40000 client two", "40000 client three", "40000 end fin, packet 10, 11 bytes", "finish",
      ])
  }

  @Test("Data in the burst of a RST are delivered before the end, those behind it are not")
  func dataBeforeReset() throws {
    let reports = try play(
      Ends(),
      opening + """
        c > PA seq 1 ack 1 "last words"
        c > R seq 11
        c > PA seq 11 ack 1 "too late"
        """)
    #expect(reports == ["40000 server last words", "40000 end resetByClient, packet 5, 10 bytes", "finish"])
  }

  @Test("Data behind a hole that the FIN's acknowledgment closes are delivered before the end")
  func holeAtEnd() throws {
    let reports = try play(
      Ends(),
      opening + """
        c > PA seq 4 ack 1 "def"
        c > PFA seq 7 ack 1 "ghi"
        s > FA seq 1 ack 11
        c > A seq 11 ack 2
        """)
    #expect(
      reports == [
        "40000 gap of 3", "40000 server def", "40000 server ghi", "40000 end fin, packet 7, 6 bytes", "finish",
      ])
  }

  @Test("Both ends' last states can be read at the end")
  func states() throws {
    #expect(
      try play(Life(), opening + "c > FA seq 1 ack 1\ns > FA seq 1 ack 2\nc > A seq 2 ack 2")
        == ["start 1", "end 1 fin timeWait closed", "finish"])
    #expect(try play(Life(), opening + "c > R seq 1") == ["start 1", "end 1 resetByClient closed closed", "finish"])
    #expect(try play(Life(), opening) == ["start 1", "finish", "end 1 traceEnd established established"])
    #expect(
      try play(Life(), "c > S seq 0\ntime +30") == ["start 1", "end 1 timeout synSent synReceived", "finish"])
  }
}
