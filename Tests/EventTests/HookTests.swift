import EventDSL
import EventSupport
import Testing

/// Both ends' states at one hook.
private struct States: Middlebox {
  var name = ""
  let hook: Hook

  var events: some EventGraph {
    On(.packet, at: hook) { event in
      let states = "\(event.flow.client.state) \(event.flow.server.state)"
      event.report("\(name)\(event.packet!.number) \(event.hook) by \(event.sender): \(states)")
    }
  }
}

/// The changes of state themselves.
private struct Changes: Middlebox {
  let hook: Hook

  var events: some EventGraph {
    On(.stateChange, at: hook) { event in
      let state = event.flow[event.side].state
      event.report("\(event.packet!.number) \(event.side) \(event.old) \(event.new) \(state == event.new)")
    }
  }
}

/// Listens somewhere else, so that packets take another way through the engine.
private struct Elsewhere: Middlebox {
  enum Place: CaseIterable {
    case nowhere
    case sender
    case receiver
    case frame
    case filter
    case filteredFrame
    case end
    case timer
  }
  let place: Place
  let timer = BoxTimer(every: .microseconds(1_500))
  let counted = FlowLocal(0)

  var events: some EventGraph {
    switch place {
    case .nowhere: On(.gap) { _ in }
    case .sender: On(.packet, at: .sender) { $0.flow[counted] += 1 }
    case .receiver: On(.packet) { $0.flow[counted] += 1 }
    case .frame: On(.frame) { _ in }
    case .filter: Filter(.packet) { _, _ in }
    case .filteredFrame: Filter(.frame) { _, _ in }
    case .end: On(.connectionEnd) { _ in }
    case .timer: On(timer) { _ in }
    }
  }
}

private let talk = """
  c > S seq 0
  s > SA seq 0 ack 1
  c > A seq 1 ack 1
  c > PA seq 1 ack 1 "hello"
  s > PFA seq 1 ack 6 "bye"
  c > A seq 6 ack 5
  c > FA seq 6 ack 5
  s > A seq 5 ack 7
  """

@Suite("Hooks")
struct HookTests {
  @Test(
    "At the sender's hook the receiver is still as it was; at the receiver's, both have changed",
    arguments: Elsewhere.Place.allCases, [1, 32])
  private func states(elsewhere: Elsewhere.Place, burst: Int) throws {
    var sender = try EventScript([States(hook: .sender), Elsewhere(place: elsewhere)], burst: burst)
    #expect(
      try sender.play(talk) == [
        "1 sender by client: synSent listen", "2 sender by server: synSent synReceived",
        "3 sender by client: established synReceived", "4 sender by client: established established",
        "5 sender by server: established finWait1", "6 sender by client: closeWait finWait1",
        "7 sender by client: lastAck finWait2", "8 sender by server: lastAck timeWait",
      ])
    var receiver = try EventScript([Elsewhere(place: elsewhere), States(hook: .receiver)], burst: burst)
    #expect(
      try receiver.play(talk) == [
        "1 receiver by client: synSent synReceived", "2 receiver by server: established synReceived",
        "3 receiver by client: established established", "4 receiver by client: established established",
        "5 receiver by server: closeWait finWait1", "6 receiver by client: closeWait finWait2",
        "7 receiver by client: lastAck timeWait", "8 receiver by server: closed timeWait",
      ])
  }

  @Test("At both hooks of one packet, one behind the other, in each middlebox")
  func both() throws {
    var script = try EventScript(States(name: "a ", hook: .receiver), States(name: "b ", hook: .sender))
    #expect(
      try script.play("c > S seq 0\ns > SA seq 0 ack 1") == [
        "b 1 sender by client: synSent listen", "a 1 receiver by client: synSent synReceived",
        "b 2 sender by server: synSent synReceived", "a 2 receiver by server: established synReceived",
      ])
  }

  @Test("A change of state is told at the hook of the side that it happens to", arguments: Elsewhere.Place.allCases)
  private func changes(elsewhere: Elsewhere.Place) throws {
    var sender = try EventScript(Changes(hook: .sender), Elsewhere(place: elsewhere))
    #expect(
      try sender.play(talk) == [
        "1 client closed synSent true", "5 server established finWait1 true", "7 client closeWait lastAck true",
      ])
    var receiver = try EventScript(Changes(hook: .receiver), Elsewhere(place: elsewhere))
    #expect(
      try receiver.play(talk) == [
        "1 server listen synReceived true", "2 client synSent established true",
        "3 server synReceived established true",
        "5 client established closeWait true", "6 server finWait1 finWait2 true", "7 server finWait2 timeWait true",
        "8 client lastAck closed true",
      ])
  }
}
