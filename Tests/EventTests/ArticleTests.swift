import EventDSL
import EventSupport
import Testing

struct RetransmissionTheft: Middlebox {
  let wasted = FlowLocal(UInt64(0))
  let theft = UserEvent<UInt64>("theft")

  var events: some EventGraph {
    On(.retransmission, at: .receiver) { event in
      guard event.bytesDiffer else { return }
      event.flow[wasted] += UInt64(event.length)
      if event.flow[wasted] > 10 { event.raise(theft, event.flow[wasted]) }
    }
    On(theft) { event in
      event.report("tunnel in retransmissions: \(event.payload) bytes")
    }
  }
}

struct EverySeen: Middlebox {
  var events: some EventGraph {
    On(.connectionStart, at: .sender) { $0.report("start \($0.side)") }
    On(.connectionStart) { $0.report("start \($0.side)") }
    On(.established) { $0.report("established") }
    On(.stateChange, at: .sender) { $0.report("\($0.side) \($0.new)") }
    On(.stateChange) { $0.report("\($0.side) \($0.new)") }
    On(.newData) { event in
      event.forEachSpan { bytes in
        event.report(
          "\(event.receiver) \(event.offset) " + bytes.withUnsafeBytes { String(decoding: $0, as: UTF8.self) })
      }
    }
    On(.connectionEnd) { $0.report("end \($0.reason)") }
  }
}

@Suite("Events")
struct ArticleTests {
  @Test("A tunnel in retransmissions is found by what its segments hold")
  func theft() throws {
    var script = try EventScript(RetransmissionTheft())
    let reports = try script.play(
      """
      c > S seq 0
      s > SA seq 0 ack 1
      c > A seq 1 ack 1
      c > PA seq 1 ack 1 "hello world"
      c > PA seq 1 ack 1 "HELLO WORLD"
      c > PA seq 1 ack 1 "HELLO WORLD"
      """)
    #expect(reports == ["tunnel in retransmissions: 11 bytes", "tunnel in retransmissions: 22 bytes"])
  }

  @Test("A connection's events come in their order, whatever the size of the burst", arguments: [1, 3, 32])
  func order(burst: Int) throws {
    var script = try EventScript(EverySeen(), burst: burst)
    let reports = try script.play(
      """
      c > S seq 0
      s > SA seq 0 ack 1
      c > A seq 1 ack 1
      c > PA seq 1 ack 1 "hello world"
      s > PA seq 1 ack 12 "hi"
      s > FA seq 3 ack 12
      c > A seq 12 ack 4
      c > FA seq 12 ack 4
      s > A seq 4 ack 13
      """)
    #expect(
      reports == [
        "start client", "client synSent", "server synReceived", "start server", "client established",
        "server established", "established", "server 0 hello world", "client 0 hi", "server finWait1",
        "client closeWait", "server finWait2", "client lastAck", "server timeWait", "client closed", "end fin",
      ])
  }
}
