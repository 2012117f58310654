import EventDSL
import EventSupport
import Testing

/// Holds what the client sends, and decides when the receiver's tracked stack has a word.
private struct LateDecision: Middlebox {
  var word = "stop"
  var holdsAll = true
  var lets = false

  var events: some EventGraph {
    Filter(.packet) { event, packet in
      guard event.sender == .client, event.packet!.payloadLength > 0 else { return }
      if holdsAll || event.flow.heldPackets(from: .client) == 0 { packet.hold() }
    }
    On(.newData) { event in
      var has = false
      event.forEachSpan { if $0.text.contains(word) { has = true } }
      guard has else { return }
      if lets { event.flow.releaseHeld(from: .client) } else { event.flow.dropHeld(from: .client) }
    }
  }
}

@Suite("Decisions about held packets when the last of them is at hand")
struct HoldDecisionTests {
  private func sent(_ box: LateDecision, _ script: String) throws -> [String] {
    var runner = try EventScript(box)
    try runner.play(openConnection + script)
    let statistics = runner.engine.statistics
    #expect(runner.engine.heldBytesInUse == 0)
    #expect(statistics.forwarded + statistics.dropped == UInt64(3 + script.split(separator: "\n").count))
    return runner.output.dropFirst(3).map(\.text)
  }

  private let two = "c > PA seq 1 ack 1 \"don't \"\nc > PA seq 7 ack 1 \"stop\"\nc > PA seq 11 ack 1 \"now\""

  @Test(
    "The packet whose event brings the decision to drop does not leave, nor what follows", arguments: [true, false])
  func dropped(holdsAll: Bool) throws {
    #expect(try sent(LateDecision(holdsAll: holdsAll), two) == [])
  }

  @Test("It leaves with the others when they are let go", arguments: [true, false])
  func released(holdsAll: Bool) throws {
    let texts = try sent(
      LateDecision(holdsAll: holdsAll, lets: true), "c > PA seq 1 ack 1 \"don't \"\nc > PA seq 7 ack 1 \"stop\"")
    #expect(texts == ["c > PA seq 1 ack 1 \"don't \"", "c > PA seq 7 ack 1 \"stop\""])
  }

  @Test("Also when it is the first", arguments: [true, false])
  func first(lets: Bool) throws {
    let texts = try sent(LateDecision(lets: lets), "c > PA seq 1 ack 1 \"stop\"")
    #expect(texts == (lets ? ["c > PA seq 1 ack 1 \"stop\""] : []))
  }
}
