import EventDSL
import EventSupport
import Testing

/// A middlebox whose graph a test gives it.
private struct Given<Graph: EventGraph>: Middlebox {
  let event = UserEvent<Int>("event")
  let local = FlowLocal(0)
  @EventGraphBuilder let graph: (Self) -> Graph

  var name: String { "Given" }
  var events: some EventGraph { graph(self) }
}

private struct Twice: Middlebox {
  let seen = FlowLocal(0)
  var events: some EventGraph { On(.packet) { $0.flow[seen] += 1 } }
}

private struct Keyless: Middlebox {
  var events: some EventGraph { On(.established) { $0.report("established") } }
}

/// Its keys are in another middlebox, which it listens to.
private struct Listener: Middlebox {
  let other: Raiser
  var events: some EventGraph { On(other.event) { $0.report("heard \($0.payload)") } }
}

private struct Raiser: Middlebox {
  let event = UserEvent<Int>("event")
  var events: some EventGraph { On(.established) { $0.raise(event, 4) } }
}

private struct Outer: Middlebox {
  struct Keys { let local = FlowLocal(0) }
  let keys = Keys()
  var events: some EventGraph { On(.packet) { $0.flow[keys.local] += 1 } }
}

private class Base {
  let counted = FlowLocal(7)
  let event = UserEvent<Int>("event")
}

private final class Derived: Base, Middlebox {
  let own = FlowLocal(1)
  var events: some EventGraph {
    On(.established) { [counted, own, event] in
      $0.flow[counted] += $0.flow[own]
      $0.raise(event, $0.flow[counted])
    }
    On(event) { $0.report("\($0.payload)") }
  }
}

private let opening = "c > S seq 0\ns > SA seq 0 ack 1\nc > A seq 1 ack 1"

@Suite("What an engine refuses at its start")
struct EngineErrorTests {
  /// Why middleboxes are refused, nothing if they are not.
  private func refusal(_ middleboxes: any Middlebox...) -> String? {
    do {
      _ = try EventEngine(middleboxes)
      return nil
    } catch { return error.description }
  }

  /// The same for handlers and definitions.
  private func refusal<Graph: EventGraph>(_ graph: @escaping (Given<Graph>) -> Graph) -> String? {
    refusal(Given(graph: graph))
  }

  @Test("The same middlebox twice, because its keys are there once")
  func twice() {
    let one = Twice()
    #expect(refusal(one, one) == "Twice is there twice, or shares its seen with another middlebox")
    #expect(refusal(Twice(), Twice()) == nil)
  }

  @Test("Without keys it can be there twice, and is")
  func keyless() throws {
    let one = Keyless()
    var script = try EventScript(one, one)
    #expect(try script.play(opening) == ["established", "established"])
  }

  @Test("A key that is no stored property: the place and the kind of key are named")
  func missingKeys() {
    let wanted = " is no stored property of a middlebox of this engine"
    let event = UserEvent<Int>("nowhere")
    #expect(
      refusal { _ in On(event, fileID: "Box.swift", line: 12) { _ in } } == "Box.swift, line 12: its UserEvent" + wanted
    )
    #expect(
      refusal { box in Define(box.event, from: event, fileID: "Box.swift", line: 13) { $0.payload } }
        == "Box.swift, line 13: its UserEvent" + wanted)
    #expect(
      refusal { _ in Define(event, from: .gap, fileID: "Box.swift", line: 14) { Int($0.length) } }
        == "Box.swift, line 14: its UserEvent" + wanted)
    #expect(
      refusal { _ in On(FlowTimer(), fileID: "Box.swift", line: 15) { _ in } } == "Box.swift, line 15: its FlowTimer"
        + wanted)
    #expect(
      refusal { _ in On(BoxTimer(), fileID: "Box.swift", line: 16) { _ in } } == "Box.swift, line 16: its BoxTimer"
        + wanted)
    #expect(
      refusal { _ in On(.gap, as: .off, fileID: "Box.swift", line: 17) { _ in } }
        == "Box.swift, line 17: its Subscription" + wanted)
    #expect(
      refusal { _ in Filter(event, fileID: "Box.swift", line: 18) { _, _ in } }
        == "Box.swift, line 18: its UserEvent" + wanted)
  }

  @Test("A hook where none belongs: the event is named")
  func hooks() {
    let one = { (_: Given<On>) in On(.newData, at: .sender, fileID: "Box.swift", line: 3) { _ in } }
    #expect(refusal(one) == "Box.swift, line 3: newData takes no hook: it happens where it happens")
    let two = { (_: Given<On>) in On(.frame, at: .wire, fileID: "Box.swift", line: 4) { _ in } }
    #expect(refusal(two) == "Box.swift, line 4: frame takes no hook: it happens where it happens")
    let three = { (_: Given<On>) in On(.packet, at: .wire, fileID: "Box.swift", line: 5) { _ in } }
    #expect(refusal(three) == "Box.swift, line 5: packet happens at .sender and .receiver")
    let four = { (_: Given<On>) in On(.stateChange, at: .timer, fileID: "Box.swift", line: 6) { _ in } }
    #expect(refusal(four) == "Box.swift, line 6: stateChange happens at .sender and .receiver")
    let five = { (box: Given<Define>) in
      Define(box.event, from: .anomaly, at: .receiver, fileID: "Box.swift", line: 7) { _ in 1 }
    }
    #expect(refusal(five) == "Box.swift, line 7: anomaly takes no hook: it happens where it happens")
  }

  @Test("Where nothing else is said, the place is where the handler stands")
  func place() {
    let line = #line
    let text = refusal { _ in On(.newData, at: .receiver) { _ in } }
    #expect(text?.hasPrefix("EventTests/EngineErrorTests.swift, line \(line + 1): ") == true)
  }

  @Test("Definitions that hang 129 deep, at the uppermost of them")
  func deep() {
    struct Deep: Middlebox {
      let links = (0..<129).map { _ in UserEvent<Int>() }
      var events: some EventGraph {
        for index in links.indices.dropFirst().reversed() {
          Define(links[index], from: links[index - 1], fileID: "Deep.swift", line: UInt(index)) { $0.payload }
        }
        Define(links[0], from: .gap, fileID: "Deep.swift", line: 1_000) { _ in 1 }
      }
    }
    #expect(refusal(Deep()) == "Deep.swift, line 1000: 129 definitions one below the other hang here; at most 128")
  }

  @Test("More handlers than 65,536")
  func many() {
    struct Many: Middlebox {
      let count: Int
      var events: some EventGraph { for _ in 0..<count { On(.gap) { _ in } } }
    }
    #expect(refusal(Many(count: 2_000)) == nil)
    #expect(refusal(Many(count: 65_537)) == "65537 handlers and definitions; at most 65536")
  }

  @Test("An event of another middlebox can be listened to; it is declared there")
  func ofAnother() throws {
    let raiser = Raiser()
    #expect(refusal(Listener(other: raiser)) != nil)
    var script = try EventScript(raiser, Listener(other: raiser))
    #expect(try script.play(opening) == ["heard 4"])
  }

  @Test("A class has its superclass's keys")
  func superclass() throws {
    var script = try EventScript(Derived())
    #expect(try script.play(opening) == ["8"])
  }

  @Test("A FlowLocal that is in no stored property ends the process at its first use, and says why")
  func undeclared() async throws {
    let result = try await #require(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      var script = try EventScript(Outer())
      try script.play("c > S seq 0")
    }
    let text = String(decoding: result.standardErrorContent, as: UTF8.self)
    #expect(text.contains("a FlowLocal, Subscription or timer is used that is no stored property of a middlebox"))
  }
}
