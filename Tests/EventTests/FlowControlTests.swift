import EventDSL
import EventSupport
import Testing

/// Calls a test's closures, and says what it hears.
struct ControlBox: Middlebox {
  var name = "box"
  var onStart: (borrowing Event<ConnectionStart>) -> Void = { _ in }
  var onPacket: (borrowing Event<PacketPassage>) -> Void = { _ in }
  var tellsPackets = false
  var onData: (borrowing Event<NewData>) -> Void = { _ in }

  var events: some EventGraph {
    On(.connectionStart, at: .sender) { event in
      event.report("\(name) start")
      onStart(event)
    }
    On(.packet, at: .sender) { event in
      if tellsPackets { event.report("\(name) sent \(event.packet!.number)") }
      onPacket(event)
    }
    On(.packet) { event in
      if tellsPackets { event.report("\(name) received \(event.packet!.number)") }
    }
    On(.newData) { event in
      var text = ""
      event.forEachSpan { text += $0.text }
      event.report("\(name) \(event.receiver) \(text) at \(event.offset)")
      onData(event)
    }
    On(.gap) { event in event.report("\(name) gap of \(event.length)") }
    On(.overlapConflict) { event in event.report("\(name) conflict") }
    On(.idle) { event in event.report("\(name) idle at \(event.time.inScript)") }
    On(.connectionEnd) { event in event.report("\(name) end \(event.flow.record.end)") }
  }
}

private let opening = """
  c > S seq 0
  s > SA seq 0 ack 1
  c > A seq 1 ack 1

  """
private let talk = """
  c > PA seq 1 ack 1 "get"
  s > PA seq 1 ack 4 "page"
  c > PA seq 4 ack 5 "more"
  s > PA seq 5 ack 8 "text"

  """
private let close = """
  c > FA seq 8 ack 9
  s > FA seq 9 ack 9
  c > A seq 9 ack 10

  """
private let overlap = """
  c > PA seq 4 ack 1 "dddd"
  c > PA seq 4 ack 1 "eeeeee"
  c > PA seq 1 ack 1 "abc"

  """

/// `#expect` takes no expression with a view in it.
private func check(_ holds: Bool, sourceLocation: SourceLocation = #_sourceLocation) {
  #expect(holds, sourceLocation: sourceLocation)
}

@Suite("Controls of a flow, in handlers")
struct FlowControlTests {
  /// What is reported, which must be the same at any size of the burst.
  private func play(
    _ middleboxes: [any Middlebox], _ script: String, _ configure: (inout TrackerConfiguration) -> Void = { _ in }
  ) throws -> [String] {
    var all: [[String]] = []
    for burst in [1, 3, 32] {
      var runner = try EventScript(middleboxes, burst: burst, configure)
      all.append(try runner.play(script) + runner.finish())
    }
    #expect(all[0] == all[1] && all[0] == all[2])
    return all[0]
  }

  @Test("Whose bytes win is said for a side before its first byte; afterwards it is refused")
  func overlapPolicy() throws {
    let linux = try play([ControlBox()], opening + overlap)
    #expect(linux.contains("box server abceeeeee at 0"))
    let bsd = try play([ControlBox(onStart: { check($0.flow.server.setOverlapPolicy(.bsd)) })], opening + overlap)
    #expect(bsd.contains("box server abcddddee at 0"))
    let other = try play([ControlBox(onStart: { check($0.flow.client.setOverlapPolicy(.bsd)) })], opening + overlap)
    #expect(other == linux)
    let late = try play(
      [ControlBox(onData: { check(!$0.flow.server.setOverlapPolicy(.bsd)) })], opening + overlap)
    #expect(late == linux)
  }

  @Test("Whose bytes win can be that of the receiver's network")
  func overlapNetworks() throws {
    let server = NetworkOverlapPolicy(network: IPAddress(v4: 0x0a00_0002), prefixLength: 32, policy: .bsd)
    let reports = try play([ControlBox()], opening + overlap) { $0.overlapPolicies = [server] }
    #expect(reports.contains("box server abcddddee at 0"))
    let client = NetworkOverlapPolicy(network: IPAddress(v4: 0x0a00_0001), prefixLength: 32, policy: .bsd)
    let others = try play([ControlBox()], opening + overlap) { $0.overlapPolicies = [client] }
    #expect(others.contains("box server abceeeeee at 0"))
  }

  @Test("Reassembly of a side goes off and on at any time; offsets count what was passed over")
  func reassembly() throws {
    let box = ControlBox(onPacket: { event in
      if event.packet!.number == 4 { check(event.flow.server.setReassembly(.off)) }
      check(event.flow.server.reassembly == (4...5 ~= event.packet!.number ? .off : .on))
      if event.packet!.number == 5 { check(event.flow.server.setReassembly(.on)) }
    })
    #expect(
      try play([box], opening + talk + close) == [
        "box start", "box client page at 0", "box server more at 3", "box client text at 4", "box end fin",
      ])
  }

  @Test("With reassembly limited, what has no room behind a hole is lost to the stream")
  func limited() throws {
    let script =
      opening + """
        c > PA seq 4 ack 1 "behind"
        c > PA seq 1 ack 1 "abc"
        s > A seq 1 ack 10
        c > PA seq 10 ack 1 "on"

        """
    let all = try play([ControlBox()], script)
    #expect(all.contains("box server abcbehind at 0"))
    let none = try play([ControlBox(onStart: { check($0.flow.server.setReassembly(.limited(0))) })], script)
    #expect(
      none == ["box start", "box server abc at 0", "box gap of 6", "box server on at 9", "box end traceEnd"])
  }

  @Test("A side is stopped in the flow's first event: the other one is heard as before, and the end comes")
  func stopOneSide() throws {
    let server = ControlBox(onStart: { event in
      event.flow.server.stopMonitoring()
      check(!event.flow.server.isMonitored && event.flow.client.isMonitored)
      check(!event.flow.server.setReassembly(.on))
    })
    #expect(
      try play([server], opening + talk + close) == [
        "box start", "box client page at 0", "box client text at 4", "box end fin",
      ])
    let client = ControlBox(onStart: { $0.flow.client.stopMonitoring() })
    #expect(
      try play([client], opening + talk + close) == [
        "box start", "box server get at 0", "box server more at 3", "box end fin",
      ])
  }

  @Test("Both sides are stopped in the flow's first event: nothing more is heard but the end")
  func stopBoth() throws {
    var box = ControlBox(onStart: { $0.flow.stopMonitoring() })
    box.tellsPackets = true
    // The packet event of the same step comes before the connection's start.
    #expect(try play([box], opening + talk + close) == ["box sent 1", "box start", "box end fin"])
    #expect(try play([box], "c > S seq 0\ntime +100") == ["box sent 1", "box start", "box end timeout"])
    box.onStart = { _ in }
    box.onPacket = { event in if event.packet!.number == 5 { event.flow.stopMonitoring() } }
    #expect(
      try play([box], opening + talk + close).suffix(4) == [
        "box received 4", "box server get at 0", "box sent 5", "box end fin",
      ])
  }

  @Test("A packet is heard by the side that acts: the sender's at .sender, the receiver's at .receiver")
  func packetsOfStoppedSide() throws {
    var box = ControlBox(onPacket: { event in if event.packet!.number == 3 { event.flow.server.stopMonitoring() } })
    box.tellsPackets = true
    #expect(
      try play([box], opening + talk).dropFirst(6) == [
        "box sent 4", "box received 5", "box client page at 0", "box sent 6", "box received 7", "box client text at 4",
        "box end traceEnd",
      ])
  }

  @Test("One middlebox that stops takes nothing from the others, and is put in order for them what they want")
  func stopInRow() throws {
    var one = ControlBox(name: "one", onStart: { $0.flow.stopMonitoring() })
    one.tellsPackets = true
    let other = ControlBox(name: "other")
    let alone = try play([other], opening + talk + close)
    for row in [[one, other], [other, one]] {
      let reports = try play(row, opening + talk + close)
      #expect(reports.filter { $0.hasPrefix("other") } == alone)
      #expect(reports.filter { $0.hasPrefix("one") } == ["one sent 1", "one start", "one end fin"])
    }
    var script = try EventScript(
      ControlBox(name: "one", onStart: { $0.flow.stopMonitoring() }),
      ControlBox(name: "two", onStart: { $0.flow.stopMonitoring() }))
    try script.play(opening + talk)
    #expect(script.engine.trackerStatistics.unassembledBytes == 15)
  }

  @Test("Each middlebox of a row hears the bytes that it wants")
  func reassemblyInRow() throws {
    let off = ControlBox(name: "off", onStart: { check($0.flow.server.setReassembly(.off)) })
    let limited = ControlBox(name: "limited", onStart: { check($0.flow.server.setReassembly(.limited(0))) })
    let all = ControlBox(name: "all")
    let script = opening + "c > PA seq 4 ack 1 \"behind\"\nc > PA seq 1 ack 1 \"abc\"\n"
    let first = try play([off, all], script)
    #expect(first.filter { $0.hasPrefix("off") } == ["off start", "off end traceEnd"])
    #expect(first.contains("all server abcbehind at 0"))
    let second = try play([off, limited], script)
    #expect(second.contains("limited server abc at 0") && !second.contains { $0.contains("behind") })
    #expect(try play([limited, all], script).contains("limited server abcbehind at 0"))
  }

  @Test("A middlebox whose filter does not select a flow has no part in what is wanted of it")
  func notSelected() throws {
    struct Unconcerned: Middlebox {
      var flowFilter: String? { "port 1" }
      var events: some EventGraph { On(.newData) { _ in } }
    }
    var script = try EventScript(ControlBox(onStart: { $0.flow.server.setReassembly(.off) }), Unconcerned())
    try script.play(opening + talk)
    #expect(script.engine.trackerStatistics.unassembledBytes == 7)
  }

  @Test("The readers of a side that is stopped read no more, and their bytes are given back")
  func readers() throws {
    let reader = StreamReader(of: .server)
    let box = ReaderBox(reader) {
      $0.onData = { event in
        guard event.receiver == .client else { return }
        let isKept = event.flow.server.firstOffset < event.flow.server.nextOffset
        event.report(isKept ? event.flow.peekedText(reader) : "nothing")
        event.flow.server.stopMonitoring()
        event.report("\(event.flow[reader].isOn) \(event.flow.text(reader)).")
      }
    }
    var script = try EventScript(box)
    #expect(try script.play(opening + talk) == ["get", "false .", "nothing", "false ."])
    #expect(script.engine.streamBytesInUse == 0)
  }

  @Test("A subscription that is turned on in a flow with a stopped side is heard by what is raised next")
  func subscriptions() throws {
    struct Raiser: Middlebox {
      let raised = UserEvent<Void>()
      let later = Subscription.off
      var events: some EventGraph {
        On(.connectionStart, at: .sender) { $0.flow.server.stopMonitoring() }
        On(.newData) { event in
          event.flow.start(later)
          event.raise(raised)
          event.flow.stop(later)
          event.raise(raised)
        }
        On(raised, as: later) { $0.report("raised") }
      }
    }
    #expect(try play([Raiser()], opening + talk) == ["raised", "raised"])
  }

  @Test("A flow has an idle time-out of its own, and can have the configured one again")
  func idleTimeout() throws {
    let box = ControlBox(onPacket: { event in
      if event.packet!.number == 3 {
        check(event.flow.setIdleTimeout(.seconds(5)))
        check(event.flow.idleTimeout == .seconds(5))
      }
      if event.packet!.key.sourcePort == 40_001 { check(event.flow.setIdleTimeout(.seconds(7))) }
      if event.packet!.number == 6 { check(event.flow.setIdleTimeout(nil)) }
    })
    #expect(
      try play([box], opening + "3 c > PA seq 1 ack 1 \"x\"\ntime +4.999\ntime +0.001") == [
        "box start", "box server x at 0", "box idle at 8.0", "box end timeout",
      ])
    #expect(
      try play([box], opening + talk + "time +100") == [
        "box start", "box server get at 0", "box client page at 0", "box server more at 3", "box client text at 4",
        "box end traceEnd",
      ])
    #expect(
      try play([box], "0 c > . port 40001 udp \"x\"\ntime +10") == ["box idle at 7.0", "box end timeout"])
  }
}
