import EventDSL
import EventSupport
import MOSCore
import Testing

/// Decides to drop when a flow ends.
private struct DropsAtEnd: Middlebox {
  var events: some EventGraph {
    Filter(.connectionEnd) { event, packet in
      packet.drop()
      packet.hold()
      event.report("\(event.reason) \(packet.isDropped)")
    }
  }
}

/// A timer of the middlebox's own that its end handler sets, and that sets itself again.
private struct Rearming: Middlebox {
  let timer = BoxTimer()
  let count = BoxTimer()

  var events: some EventGraph {
    On(.connectionEnd) { $0.schedule(timer, after: .milliseconds(1)) }
    On(timer) { $0.schedule(timer, after: .milliseconds(1)) }
  }
}

@Suite("What is decided and set when flows end")
struct EndDecisionTests {
  @Test("A decision in the event of another flow's end is not about the packet that took its place")
  func otherFlow() throws {
    var script = try EventScript(DropsAtEnd()) { $0.maximumFlows = 1 }
    #expect(try script.play("c > S seq 0 port 1\nc > S seq 0 port 2") == ["evicted false"])
    #expect(script.output.count == 2)
  }

  @Test("A timer that is set when a flow times out, and sets itself again, does not hold up a packet years later")
  func leap() throws {
    var script = try EventScript(Rearming())
    try script.play("0 c > S seq 0\n315360000 c > S seq 0 port 2")
    #expect(script.engine.statistics.timers <= 200_001)
  }

  @Test("Nor does one at the end of time")
  func endOfTime() throws {
    var script = try EventScript(Rearming())
    try script.play("0 c > S seq 0")
    script.engine.advance(to: Timestamp(nanoseconds: .max))
    script.engine.advance(to: Timestamp(nanoseconds: .max))
    script.engine.finish()
    script.engine.collect()
    #expect(script.engine.statistics.timers < 300_000)
  }
}
