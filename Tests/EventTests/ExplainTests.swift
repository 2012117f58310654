import EventDSL
import EventSupport
import MOSCore
import TestSupport
import Testing

/// Does a little of everything that can be told.
private struct Busy: Middlebox {
  let long = UserEvent<UInt64>("long")
  let longer = UserEvent<Void>("longer")
  let unheard = UserEvent<Int>()
  let rest = Subscription.on
  let alarm = FlowTimer()

  var events: some EventGraph {
    Define(long, from: .newData, payload: { $0.length > 4 ? $0.length : nil })
    Define(longer, from: long, where: { $0.payload > 10 })
    On(.newData) { event in
      event.raise(unheard, 7)
      event.flow.schedule(alarm, after: .seconds(1))
    }
    On(long) { event in event.report("long: \(event.payload)") }
    On(longer) { event in
      event.report("longer")
      event.flow.stop(rest)
    }
    On(.newData, as: rest) { _ in }
    On(alarm) { _ in }
  }
}

private struct Guard: Middlebox {
  var flowFilter: String? { "tcp port 80" }
  var events: some EventGraph {
    Filter(.packet) { event, control in
      if event.packet?.payloadLength == 3 { control.drop() }
      if event.packet?.payloadLength == 5 { control.hold() }
      if event.packet?.payloadLength == 2 {
        _ = withUnsafeBytes(of: UInt16(0x4141)) { control.overwrite(at: 0, with: $0) }
      }
    }
    On(.newData) { _ in }
  }
}

private struct Behind: Middlebox {
  var events: some EventGraph { On(.packet, at: .sender) { _ in } }
}

private struct Quits: Middlebox {
  var events: some EventGraph {
    On(.connectionStart) { event in event.flow.ignore() }
    On(.newData) { _ in }
  }
}

@Suite("What happened to one packet is told")
struct ExplainTests {
  private static let handshake = """
    c > S seq 0
    s > SA seq 0 ack 1
    c > A seq 1 ack 1

    """

  /// The explanation of the last packet of a script, without the places of handlers in the source.
  private func explain(_ boxes: [any Middlebox], _ script: String) throws -> [String] {
    var player = try EventScript(boxes, burst: 1)
    return try player.explainLast(of: Self.handshake + script).map { line in
      line.replacing(/\ in EventTests\/ExplainTests.swift, line [0-9]+/, with: "")
    }
  }

  @Test("predicates, raised events with what they carry, reports, timers and switches, in order and by depth")
  func handlers() throws {
    let lines = try explain([Busy()], #"c > PA seq 1 ack 1 "hello world""#)
    let start = try #require(lines.firstIndex(of: "handlers"))
    #expect(
      lines[start...].dropFirst() == [
        "  .receiver newData",
        "    Busy: Define(long, from: newData)",
        "      holds",
        "      raises long: 11",
        "        Busy: Define(longer, from: long)",
        "          holds",
        "          raises longer",
        "            Busy: On(longer)",
        "              reports: longer",
        "              stops rest",
        "        Busy: On(long)",
        "          reports: long: 11",
        "    Busy: On(newData)",
        "      raises an event that nobody hears",
        "      sets alarm to go off at \(time(of: lines, plus: 1))",
        "    Busy: On(newData)",
      ])
  }

  /// The packet's time and some seconds more.
  private func time(of lines: [String], plus seconds: Int) -> String {
    let time = lines[0].split(separator: " ")[3].dropLast()
    let parts = time.split(separator: ".")
    return "\((Int(parts[0]) ?? 0) + seconds).\(parts[1])"
  }

  @Test("a predicate that does not hold is told, and a handler that is off for the flow") func others() throws {
    let lines = try explain(
      [Busy()],
      """
      c > PA seq 1 ack 1 "hello world"
      c > PA seq 12 ack 1 "hi"
      """)
    #expect(lines.contains("      does not hold"))
    let others = try #require(lines.firstIndex(of: "handlers that did not run"))
    #expect(Array(lines[(others + 1)...]) == ["  Busy: On(newData): off for this flow"])
  }

  @Test("the packet, its flow and its events are told") func packet() throws {
    let lines = try explain([Busy()], #"c > PA seq 1 ack 1 "hi""#)
    #expect(lines[0].contains(": tcp 10.1.0.1:40000 -> 10.2.0.2:80 [PA] seq ") || lines[0].contains(" [PA] seq "))
    #expect(lines[0].contains(", payload 2 bytes, frame 56 bytes"))
    #expect(
      lines[1] == "  from the client; the flow began with packet 1; afterwards client ESTABLISHED, server ESTABLISHED")
    let events = try #require(lines.firstIndex { $0.hasPrefix("events ") })
    #expect(
      lines[events...].dropFirst().prefix(3) == [
        "  .sender packet", "  .receiver packet", "  .receiver newData: 2 bytes at 0 of the stream to the server",
      ])
  }

  @Test("a packet that a filter drops: who did, and who did not see it") func drop() throws {
    let lines = try explain([Guard(), Behind()], #"c > PA seq 1 ack 1 "abc""#)
    #expect(lines.contains("    Guard: Filter(packet at .sender)") && lines.contains("      drops the packet"))
    #expect(!lines.contains("  .receiver packet"))
    #expect(lines.last == "verdict: dropped by Guard")
    let others = try #require(lines.firstIndex(of: "handlers that did not run"))
    #expect(lines[others + 1].hasPrefix("  Behind: On(packet at .sender)"))
    #expect(!lines.contains("    Behind: On(packet at .sender)"))
  }

  @Test("a packet that a filter changes, one that it holds, and one that it lets pass") func change() throws {
    let changed = try explain([Guard()], #"c > PA seq 1 ack 1 "ab""#)
    #expect(changed.contains("      changes the packet"))
    #expect(changed.last == "verdict: forwarded, changed")
    let held = try explain([Guard()], #"c > PA seq 1 ack 1 "abcde""#)
    #expect(held.last == "verdict: held, until a middlebox lets it go or drops it")
    let same = try explain([Guard()], #"c > PA seq 1 ack 1 "abcd""#)
    #expect(same.last == "verdict: forwarded as it came")
    #expect(same.contains("  Guard, filter \"tcp port 80\": was asked about packet 1"))
  }

  @Test("a flow's first packet: what the middlebox's filter says, and that it hears no more") func first() throws {
    var player = try EventScript([Guard(), Quits()], burst: 1)
    let lines = try player.explainLast(of: "c > S seq 0")
    #expect(lines.contains("  Guard, filter \"tcp port 80\": selects the flow"))
    #expect(lines.contains("      hears no more of the flow"))
    #expect(lines[1] == "  from the client; the flow begins with it; afterwards client SYN_SENT, server SYN_RECEIVED")
  }

  @Test("an orphan is told") func orphan() throws {
    var player = try EventScript([Busy()], burst: 1) { $0.midstream = false }
    let lines = try player.explainLast(of: "c > A seq 1 ack 1")
    #expect(lines[1] == "  flow: none, and it begins none: an orphan")
    #expect(lines.contains("  .wire orphan") && lines.contains("  none waits for these events"))
  }

  @Test("explaining changes nothing: reports and events are as without it") func unchanged() throws {
    let script = Self.handshake + #"c > PA seq 1 ack 1 "hello world""#
    var plain = try EventScript([Busy()], burst: 1)
    try plain.play(script)
    var told = try EventScript([Busy()], burst: 1)
    _ = try told.explainLast(of: script)
    #expect(told.allReports.map(\.text) == plain.allReports.map(\.text) && !plain.allReports.isEmpty)
    #expect(told.engine.statistics == plain.engine.statistics)
    let further = #"c > PA seq 12 ack 1 "hello once more""#
    let (one, other) = (try plain.play(further), try told.play(further))
    #expect(one == other && !one.isEmpty)
  }
}
