import EventDSL
import EventSupport
import Testing

/// Says what it hears of one packet, and drops it at a place.
private struct Station: Middlebox {
  enum Place {
    case frame
    case sender
    case receiver
  }
  var name: String
  var drops: Place?
  var number: UInt64 = 4

  var events: some EventGraph {
    Filter(.frame) { event, packet in decide(event, packet, .frame, "frame") }
    On(.packet, at: .sender) { event in if event.packet!.number == number { event.report("\(name) sender") } }
    Filter(.packet) { event, packet in decide(event, packet, .sender, "filter") }
    On(.retransmission) { event in event.report("\(name) retransmission") }
    On(.overlapConflict) { event in event.report("\(name) conflict") }
    On(.newData) { event in event.report("\(name) newData") }
    On(.stateChange) { event in if event.new == .closeWait { event.report("\(name) closeWait") } }
    Filter(.packet, at: .receiver) { event, packet in decide(event, packet, .receiver, "receiver") }
  }

  private func decide<Kind>(
    _ event: borrowing Event<Kind>, _ packet: borrowing PacketControl, _ place: Place, _ text: String
  ) {
    guard event.packet!.number == number else { return }
    event.report("\(name) \(text)")
    if drops == place { packet.drop() }
  }
}

private let opening = """
  c > S seq 0
  s > SA seq 0 ack 1
  c > A seq 1 ack 1

  """

/// The order of the events of one packet in a row of two middleboxes that decide at each hook.
@Suite("The order of one packet's events")
struct PacketOrderTests {
  private func play(_ first: Station, _ second: Station, _ script: String) throws -> [String] {
    var runner = try EventScript(first, second)
    return try runner.play(opening + script)
  }

  @Test("Frame, sender's step, decisions, receiver's step, decisions; new data before a closing state")
  func all() throws {
    #expect(
      try play(Station(name: "a"), Station(name: "b"), "c > FPA seq 1 ack 1 \"abc\"") == [
        "a frame", "b frame", "a sender", "a filter", "b sender", "b filter", "a receiver", "a newData", "a closeWait",
        "b receiver", "b newData", "b closeWait",
      ])
    #expect(
      try play(Station(name: "a"), Station(name: "b"), "s > PA seq 1 ack 1 \"abc\"") == [
        "a frame", "b frame", "b sender", "b filter", "a sender", "a filter", "b receiver", "b newData", "a receiver",
        "a newData",
      ])
  }

  @Test("A packet that is dropped is not seen by who stands behind, at that hook and at later ones")
  func dropped() throws {
    let data = "c > PA seq 1 ack 1 \"abc\""
    #expect(try play(Station(name: "a", drops: .frame), Station(name: "b"), data) == ["a frame"])
    #expect(
      try play(Station(name: "a", drops: .sender), Station(name: "b"), data) == [
        "a frame", "b frame", "a sender", "a filter",
      ])
    #expect(
      try play(Station(name: "a"), Station(name: "b", drops: .sender), data) == [
        "a frame", "b frame", "a sender", "a filter", "b sender", "b filter",
      ])
    let received = try play(Station(name: "a", drops: .receiver), Station(name: "b"), data)
    #expect(received.prefix(7) == ["a frame", "b frame", "a sender", "a filter", "b sender", "b filter", "a receiver"])
    #expect(!received.dropFirst(7).contains { $0.hasPrefix("b") })
  }

  @Test("What comes again and what conflicts is told before what is new")
  func again() throws {
    let script = "c > PA seq 1 ack 1 \"abc\"\nc > PA seq 1 ack 1 \"aXcdef\"\nc > PA seq 1 ack 1 \"abc\""
    let reports = try play(Station(name: "a", number: 0), Station(name: "b", number: 0), script)
    #expect(
      reports == [
        "a newData", "b newData", "a conflict", "a newData", "b conflict", "b newData", "a retransmission",
        "b retransmission",
      ])
  }
}
