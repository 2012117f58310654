import EventDSL
import EventSupport
import Testing

/// When flows start and end, by the number of their first packet.
private struct Life: Middlebox {
  let timer = FlowTimer()
  let isKnown = FlowLocal(false)

  var events: some EventGraph {
    On(.packet) { event in
      if event.flow[isKnown] { return }
      event.flow[isKnown] = true
      event.report("start \(event.flow.record.firstPacket)")
      event.flow.schedule(timer, after: .seconds(40))
    }
    On(timer) { event in event.report("timer \(event.flow.record.firstPacket) at \(event.time.inScript)") }
    On(.connectionEnd) { event in event.report("end \(event.flow.record.firstPacket) \(event.reason)") }
  }
}

/// Another that looks at the packets themselves.
private struct Frames: Middlebox {
  var events: some EventGraph {
    On(.frame) { event in event.report("frame \(event.packet!.number)") }
  }
}

private let opening = """
  c > S seq 0
  s > SA seq 0 ack 1
  c > A seq 1 ack 1

  """

/// Flows that end without a packet of their own, among the events of others.
@Suite("The order of ends")
struct EndOrderTests {
  private func play(
    _ middleboxes: [any Middlebox], burst: Int, _ script: String,
    _ configure: (inout TrackerConfiguration) -> Void = { _ in }
  ) throws -> [String] {
    var runner = try EventScript(middleboxes, burst: burst, configure)
    return try runner.play(script)
  }

  @Test("When a 4-tuple is used again, the old flow ends before the new one starts", arguments: [1, 3, 32])
  func reused(burst: Int) throws {
    let script = opening + "c > S seq 700000\ns > SA seq 800000 ack 700001\nc > A seq 700001 ack 800001"
    let reports = try play([Life()], burst: burst, script)
    #expect(reports == ["start 1", "end 1 reused", "start 4"])
  }

  @Test("A flow that makes room ends before the one that takes it starts", arguments: [1, 3, 32])
  func evicted(burst: Int) throws {
    let script = (1...4).map { "c > S seq 0 port \($0)" }.joined(separator: "\n")
    let reports = try play([Life()], burst: burst, script) { $0.maximumFlows = 2 }
    #expect(
      reports == ["start 1", "start 2", "end 1 evicted", "start 3", "end 2 evicted", "start 4"])
  }

  @Test("It ends behind the frame of the packet that takes its place", arguments: [1, 3, 32])
  func evictedBehindFrame(burst: Int) throws {
    let script = (1...3).map { "c > S seq 0 port \($0)" }.joined(separator: "\n")
    let reports = try play([Life(), Frames()], burst: burst, script) { $0.maximumFlows = 2 }
    #expect(
      reports == ["frame 1", "start 1", "frame 2", "start 2", "frame 3", "end 1 evicted", "start 3"])
  }

  @Test("A time-out comes before the packet at its time, and before its frame", arguments: [1, 3, 32])
  func timeout(burst: Int) throws {
    let reports = try play([Life(), Frames()], burst: burst, "0 c > S seq 0\n1 c > S seq 0 port 1\n30 c > S seq 0")
    #expect(
      reports == ["frame 1", "start 1", "frame 2", "start 2", "end 1 timeout", "frame 3", "start 3"])
  }

  @Test("Timers and time-outs come in the order of their times, and a flow's timers go with it", arguments: [1, 3, 32])
  func timers(burst: Int) throws {
    let script = opening + "1 c > S seq 0 port 1\n20 c > S seq 0 port 2\n25 c > S seq 0 port 1\n70 c > A seq 1 ack 1"
    let reports = try play([Life()], burst: burst, script)
    #expect(
      reports == [
        "start 1", "start 4", "start 5", "timer 1 at 40.001", "timer 4 at 41.0", "end 5 timeout", "end 4 timeout",
      ])
  }

  @Test("A timer does not go off in the burst in which its flow was released", arguments: [1, 3, 32])
  func released(burst: Int) throws {
    let script = "0 c > S seq 0\n1 s > RA seq 0 ack 1\n39 c > S seq 500\n41 c > S seq 0 port 1\n42 c > S seq 0 port 2"
    let reports = try play([Life()], burst: burst, script)
    #expect(
      reports == ["start 1", "end 1 resetByServer", "start 3", "start 4", "start 5"])
  }
}
