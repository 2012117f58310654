import EventDSL
import EventSupport
import MOSCore
import PacketIO
import TestSupport
import Testing

/// Lets no line of the client's arrive before it is whole; one with "bad" in it never does.
private struct LineGuard: Middlebox {
  var name = "LineGuard"
  var bad = "bad"
  var resets = false
  let requests = StreamReader(of: .server)

  var events: some EventGraph {
    Filter(.newData) { event, packet in
      if event.receiver != .server { return }
      let line = event.flow.peekedText(requests)
      if line.contains(bad) {
        packet.drop()
        event.flow.dropHeld(from: .client)
        if resets { event.flow.reset() }
      } else if line.hasSuffix(";") {
        event.flow.read(requests) { _ in .all }
        event.flow.releaseHeld(from: .client)
      } else {
        event.report("\(packet.hold()) \(event.flow.heldPackets(from: .client))")
      }
    }
  }
}

/// Holds all data of the client's, and lets it go after a while.
private struct Delay: Middlebox {
  let timer = FlowTimer()
  var hook = Hook.sender

  var events: some EventGraph {
    Filter(.packet, at: hook) { event, packet in
      if event.sender == .client, event.packet!.payloadLength > 0 {
        packet.hold()
        event.flow.schedule(timer, after: .seconds(2))
      }
    }
    On(timer) { $0.flow.releaseHeld(from: .client) }
  }
}

/// Never decides.
private struct Forever: Middlebox {
  var events: some EventGraph {
    Filter(.packet) { event, packet in
      if event.sender == .client, event.flow.key.sourcePort == 1_000 { packet.hold() }
    }
    On(.connectionEnd) { $0.report("end \($0.flow.heldPackets(from: .client))") }
  }
}

/// Lets go what the client sent when the server says something.
private struct UntilAnswer: Middlebox {
  var events: some EventGraph {
    Filter(.packet) { event, packet in
      if event.packet!.payloadLength == 0 { return }
      if event.sender == .client { packet.hold() } else { event.flow.releaseHeld(from: .client) }
    }
  }
}

@Suite("Held packets")
struct HoldTests {
  @Test("What is held leaves in its order when its middlebox lets it go, before the packet at which it does")
  func released() throws {
    var script = try EventScript(LineGuard())
    let reports = try script.play(
      openConnection + """
        c > PA seq 1 ack 1 "GET "
        s > A seq 1 ack 1
        c > A seq 5 ack 1 "/ HT"
        c > A seq 9 ack 1
        """)
    #expect(reports == ["true 0", "true 1"])
    #expect(script.output.count == 4, "the handshake, and the server's packet")
    try script.play("c > PA seq 9 ack 1 \"TP;\"\ns > A seq 1 ack 12\nc > PA seq 12 ack 1 \"next;\"")
    #expect(
      script.output.dropFirst(4).map(\.text) == [
        "c > PA seq 1 ack 1 \"GET \"", "c > A seq 5 ack 1 \"/ HT\"", "c > A seq 9 ack 1", "c > PA seq 9 ack 1 \"TP;\"",
        "s > A seq 1 ack 12", "c > PA seq 12 ack 1 \"next;\"",
      ])
    #expect(script.output.allSatisfy { $0.isAcceptable && $0.anomalies.isEmpty })
    #expect(script.engine.heldBytesInUse == 0)
    #expect(script.engine.statistics.held == 3 && script.engine.statistics.forwarded == 10)
  }

  @Test("What is dropped never arrives, nor anything that its sender sends behind it; the other direction goes on")
  func dropped() throws {
    var script = try EventScript(LineGuard())
    try script.play(
      openConnection + """
        c > PA seq 1 ack 1 "GET "
        c > PA seq 5 ack 1 "/bad"
        c > PA seq 1 ack 1 "GET /good;"
        c > A seq 11 ack 1
        s > PA seq 1 ack 1 "hello"
        """)
    #expect(script.output.dropFirst(3).map(\.text) == ["s > PA seq 1 ack 1 \"hello\""])
    #expect(script.engine.drops.map(\.packets) == [4])
    #expect(script.engine.heldBytesInUse == 0)
  }

  @Test("Both ends are told, when a reset follows, and the receiver of a line that was held never had it")
  func reset() throws {
    var script = try EventScript(LineGuard(resets: true))
    try script.play(openConnection + "c > PA seq 1 ack 1 \"GET \"\nc > PA seq 5 ack 1 \"/bad\"")
    // The server still expects the first byte, and the client has sent eight.
    #expect(script.output.dropFirst(3).map(\.text) == ["s > RA seq 1 ack 9", "c > RA seq 1 ack 1"])
    #expect(!script.output.contains { $0.text.contains("GET") })
  }

  @Test("Where two middleboxes hold, the last that lets go does, whatever the other decided before")
  func twoHolders() throws {
    var script = try EventScript(LineGuard(), Delay(hook: .receiver))
    try script.play(openConnection + "c > PA seq 1 ack 1 \"GET \"\nc > PA seq 5 ack 1 \"/;\"")
    #expect(script.output.count == 3)
    try script.play("time +1.9")
    #expect(script.output.count == 3)
    try script.play("time +1")
    #expect(script.output.dropFirst(3).map(\.text) == ["c > PA seq 1 ack 1 \"GET \"", "c > PA seq 5 ack 1 \"/;\""])

    var other = try EventScript(Delay(), LineGuard())
    try other.play(openConnection + "c > PA seq 1 ack 1 \"GET \"")
    try other.play("time +5")
    #expect(other.output.count == 3)
    try other.play("6 c > PA seq 5 ack 1 \"/;\"\ntime +3")
    #expect(other.output.dropFirst(3).map(\.text) == ["c > PA seq 1 ack 1 \"GET \"", "c > PA seq 5 ack 1 \"/;\""])
  }

  @Test("A timer lets go, at its time, without a packet")
  func timer() throws {
    var script = try EventScript(Delay())
    try script.play(openConnection + "c > PA seq 1 ack 1 \"GET\"\ns > A seq 1 ack 4\ntime +1.9")
    #expect(script.output.map(\.text).last == "s > A seq 1 ack 4")
    try script.play("time +0.2")
    #expect(script.output.map(\.text).last == "c > PA seq 1 ack 1 \"GET\"")
  }

  @Test("A handler that never decides is bounded and reported, what it holds goes with the flow, and others go on")
  func bounded() throws {
    var script = try EventScript([Forever()], burst: 32)
    let flood = (0..<2_000).map { "c > A seq \(1 + $0 * 1_000) ack 1 \"x\" x1000 port 1000" }.joined(separator: "\n")
    let opening = "c > S seq 0 port 1000\ns > SA seq 0 ack 1 port 1000 <ws 14>\nc > A seq 1 ack 1 port 1000\n"
    let reports = try script.play(opening + flood + "\nc > S seq 0 port 2000\ns > SA seq 0 ack 1 port 2000")
    #expect(reports.count == 1 && reports[0].contains("Forever") && reports[0].contains("holds more packets"))
    #expect(script.output.count == 3, "the server's answer, and the other flow")
    #expect(script.engine.heldBytesInUse <= 3 << 20)
    #expect(script.finish() == ["end 0", "end 1024"])
    #expect(script.engine.heldBytesInUse == 0)
    #expect(script.engine.statistics.dropped == 2_002)
  }

  @Test("Where what cannot wait is to pass, all of it passes, in order, is reported once, and counted")
  func passing() throws {
    var script = try EventScript([Forever()], burst: 32)
    script.engine.passesWhatCannotWait = true
    let flood = (0..<2_000).map { "c > A seq \(1 + $0 * 1_000) ack 1 \"x\" x1000 port 1000" }.joined(separator: "\n")
    let opening = "c > S seq 0 port 1000\ns > SA seq 0 ack 1 port 1000 <ws 14>\nc > A seq 1 ack 1 port 1000\n"
    let reports = try script.play(opening + flood)
    #expect(reports.count == 1 && reports[0].contains("holds more packets than there is room for: they pass"))
    // 1,024 wait, and go with the one behind them; the last 977 wait again.
    let passed = script.output.map(\.text).filter { $0.hasPrefix("c >") }
    #expect(passed.count == 1_025 && script.engine.statistics.passedUndecided == 1_025)
    #expect(passed[2].contains("seq 1 ") && passed.last!.contains("seq \(1 + 1_022 * 1_000) "))
    let numbers = passed.compactMap { Int($0.split(separator: " ").drop { $0 != "seq" }.dropFirst().first ?? "") }
    #expect(numbers == numbers.sorted() && script.engine.statistics.dropped == 0)
  }

  @Test("What still waits when the trace ends is dropped, also in an engine that is thrown away next")
  func undecided() throws {
    var script = try EventScript(Forever())
    try script.play("c > S seq 0 port 1000\nc > S seq 0 port 2000")
    script.engine.finish(releases: false)
    script.engine.collect()
    let statistics = script.engine.statistics
    #expect(statistics.held == 1 && statistics.dropped == 1 && statistics.forwarded == 1)
  }

  @Test("A packet that a middlebox in front drops is not held, and one that is changed is held as changed")
  func changed() throws {
    struct Front: Middlebox {
      var events: some EventGraph {
        Filter(.packet) { event, packet in
          guard let view = event.packet, view.payloadLength > 0, event.sender == .client else { return }
          if view.withPayload({ $0.text }) == "no" { packet.drop() }
          _ = [UInt8]("and ".utf8).withUnsafeBytes { packet.insert(at: 0, $0) }
        }
      }
    }
    var script = try EventScript(Front(), UntilAnswer())
    try script.play(
      openConnection + """
        c > PA seq 1 ack 1 "one"
        c > PA seq 4 ack 1 "no"
        c > PA seq 4 ack 1 "two"
        s > PA seq 1 ack 1 "go"
        """)
    #expect(
      script.output.dropFirst(3).map(\.text) == [
        "c > PA seq 1 ack 1 \"and one\"", "c > PA seq 8 ack 1 \"and two\"", "s > PA seq 1 ack 1 \"go\"",
      ])
  }

  @Test("Between two ports what is held leaves at the other port than it came in at, whose packet ever lets it go")
  func ports() throws {
    var bridge = Bridge(try EventEngine([UntilAnswer()]))
    var clients = MemoryPort(slots: 64, slotByteCount: 2_048)
    var servers = MemoryPort(slots: 64, slotByteCount: 2_048)
    var toClients = CaptureSink()
    var toServers = CaptureSink()
    var sent: [Side: [[UInt8]]] = [:]
    var parser = ScriptParser()
    let script = openConnection + "c > PA seq 1 ack 1 \"question\"\ns > PA seq 1 ack 1 \"answer\""
    for (_, line) in try parser.parse(script) {
      guard case .segment(let segment) = line else { continue }
      let bytes = segment.frame
      sent[segment.sender, default: []].append(bytes)
      bytes.withUnsafeBytes { bytes in
        var frame = CapturedFrame(
          bytes: bytes.baseAddress!, capturedLength: UInt32(bytes.count), wireLength: UInt32(bytes.count),
          timestamp: ScriptedSegment.timestamp(segment.time), linkType: .ethernet)
        let taken = segment.sender == .client ? clients.deliver(&frame, count: 1) : servers.deliver(&frame, count: 1)
        #expect(taken == 1)
      }
      bridge.breathe(&clients, &servers)
      clients.drain(into: &toClients)
      servers.drain(into: &toServers)
    }
    #expect((0..<toServers.count).map { BridgeTests.Copy(toServers[$0]).bytes } == sent[.client])
    #expect((0..<toClients.count).map { BridgeTests.Copy(toClients[$0]).bytes } == sent[.server])
  }
}
