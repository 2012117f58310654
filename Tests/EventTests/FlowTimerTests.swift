import EventDSL
import EventSupport
import Testing

private let opening = """
  c > S seq 0
  s > SA seq 0 ack 1
  c > A seq 1 ack 1
  """

/// Timers that packets set, by their window field: 1 sets, 2 sets for later, 3 unsets, 4 sets the other.
private struct Alarm: Middlebox {
  var name = ""
  let first = FlowTimer()
  let second = FlowTimer()
  let count = FlowLocal(0)

  var events: some EventGraph {
    On(.packet, at: .sender) { event in
      event.flow[count] += 1
      switch event.packet!.window {
      case 1: event.flow.schedule(first, after: .milliseconds(1_500))
      case 2: event.flow.schedule(first, after: .seconds(5))
      case 3: event.flow.cancel(first)
      case 4: event.flow.schedule(second, after: .nanoseconds(1_999_999_999))
      case 5: event.flow.schedule(first, after: .zero)
      case 6: event.flow.schedule(first, after: .seconds(-10))
      case 7: event.flow.schedule(first, after: .seconds(Int64.max))
      default: event.report("\(name)packet \(event.time.inScript)")
      }
    }
    On(first) { event in
      event.report("\(name)first \(event.flow.key.sourcePort) \(event.time.inScript) \(event.flow[count])")
    }
    On(second) { event in event.report("\(name)second \(event.flow.key.sourcePort) \(event.time.inScript)") }
  }
}

/// Goes off again and again.
private struct Pulse: Middlebox {
  let tick = FlowTimer()
  let ticks = FlowLocal(0)

  var events: some EventGraph {
    On(.connectionStart, at: .sender) { $0.flow.schedule(tick, after: .seconds(1)) }
    On(tick) { event in
      event.flow[ticks] += 1
      event.report("\(event.flow.key.sourcePort) \(event.time.inScript)")
      if event.flow[ticks] < 5 { event.flow.schedule(tick, after: .seconds(1)) }
    }
    On(.packet, at: .receiver) { $0.report("packet \($0.time.inScript)") }
  }
}

/// Says when a flow has been quiet: every packet puts the timer off.
private struct Quiet: Middlebox {
  let quiet = FlowTimer()

  var events: some EventGraph {
    On(.packet) { event in event.flow.schedule(quiet, after: .seconds(2)) }
    On(quiet) { event in event.report("\(event.flow.key.sourcePort) quiet at \(event.time.inScript)") }
  }
}

/// What a timer's handler sees, and what it can do.
private struct Inside: Middlebox {
  let timer = FlowTimer()
  let raised = UserEvent<Int>()
  let listening = Subscription.off

  var events: some EventGraph {
    On(.established) { $0.flow.schedule(timer, after: .seconds(1)) }
    On(timer) { event in
      let packet = event.packet == nil ? "none" : "some"
      event.report("\(event.hook) \(packet) \(event.sender) \(event.flow.client.state) \(event.flow.server.state)")
      event.raise(raised, 3)
      event.flow.start(listening)
    }
    On(raised) { event in
      event.report("raised \(event.payload) at \(event.time.inScript), \(event.flow.key.sourcePort)")
    }
    On(.newData, as: listening) { $0.report("newData \($0.time.inScript)") }
    On(.connectionEnd) { event in
      event.report("end")
      event.flow.schedule(timer, after: .seconds(1))
    }
  }
}

@Suite("Timers of flows")
struct FlowTimerTests {
  /// What is reported, which must be the same at any size of the burst.
  private func play(_ middleboxes: [any Middlebox], _ script: String) throws -> [String] {
    var all: [[String]] = []
    for burst in [1, 3, 32] {
      var runner = try EventScript(middleboxes, burst: burst)
      all.append(try runner.play(script))
    }
    #expect(all[0] == all[1])
    #expect(all[0] == all[2])
    return all[0]
  }

  @Test("A timer goes off once, at its time to the nanosecond, before the packet at that time")
  func once() throws {
    let reports = try play(
      [Alarm()],
      """
      0.25 c > S seq 0 win 1
      0.5 c > S seq 0 port 40001 win 4
      1.749999999 c > S seq 0 port 40002
      1.75 c > S seq 0 port 40003
      2.499999999 c > S seq 0 port 40004
      9 c > S seq 0 port 40005
      """)
    #expect(
      reports == [
        "packet 1.749999999", "first 40000 1.75 1", "packet 1.75", "second 40001 2.499999999", "packet 2.499999999",
        "packet 9.0",
      ])
  }

  @Test("Time that passes without a packet makes timers go off, too")
  func advance() throws {
    let reports = try play([Alarm()], "0.25 c > S seq 0 win 1\ntime +1.499\ntime +0.001\ntime +5")
    #expect(reports == ["first 40000 1.75 1"])
  }

  @Test("After a time stamp that lies far ahead, timers count from packet time")
  func stampAhead() throws {
    let reports = try play(
      [Alarm()],
      """
      1000 c > S seq 0 port 40001
      0.25 c > S seq 0 win 1
      0.5 c > S seq 0 port 40002
      1001.499999999 c > S seq 0 port 40003
      1001.5 c > S seq 0 port 40004
      """)
    #expect(
      reports == ["packet 1000.0", "packet 0.5", "packet 1001.499999999", "first 40000 1001.5 1", "packet 1001.5"])
  }

  @Test("Set again, a timer goes off at the later or the earlier time only; unset, not at all")
  func again() throws {
    let reports = try play(
      [Alarm()],
      """
      0 c > S seq 0 win 1
      0 c > S seq 0 port 40001 win 2
      0 c > S seq 0 port 40002 win 2
      1 c > S seq 0 win 2
      1 c > S seq 0 port 40001 win 1
      1 c > S seq 0 port 40002 win 3
      1.25 c > S seq 0 port 40003 win 3
      20 c > S seq 0 port 40004
      """)
    #expect(reports == ["first 40001 2.5 2", "first 40000 6.0 2", "packet 20.0"])
  }

  @Test("Timers of several flows and middleboxes go off in the order of their times")
  func merged() throws {
    let reports = try play(
      [Alarm(name: "a "), Alarm(name: "b "), Quiet()],
      """
      0.1 c > S seq 0 win 1
      0.2 c > S seq 0 port 40001 win 4
      0.3 c > S seq 0 port 40002 win 1
      2.11 c > S seq 0 port 40003 win 1
      9 c > S seq 0 port 40004 win 1
      """)
    #expect(
      reports.filter { !$0.hasPrefix("b ") } == [
        "a first 40000 1.6 1", "a first 40002 1.8 1", "40000 quiet at 2.1", "a second 40001 2.199999999",
        "40001 quiet at 2.2", "40002 quiet at 2.3", "a first 40003 3.61 1", "40003 quiet at 4.11",
      ])
    let own = reports.filter { $0.hasPrefix("a ") }
    #expect(reports.filter { $0.hasPrefix("b ") } == own.map { "b" + $0.dropFirst() })
  }

  @Test("A timer that sets itself again goes off in equal steps, however far apart packets are")
  func repeating() throws {
    let reports = try play(
      [Pulse()],
      """
      0 c > S seq 0
      1.5 c > S seq 0 port 40001
      2 c > S seq 0
      2.25 c > S seq 0
      29 c > S seq 0
      """)
    #expect(
      reports == [
        "packet 0.0", "40000 1.0", "packet 1.5", "40000 2.0", "packet 2.0", "packet 2.25", "40001 2.5", "40000 3.0",
        "40001 3.5", "40000 4.0", "40001 4.5", "40000 5.0", "40001 5.5", "40001 6.5", "packet 29.0",
      ])
  }

  @Test("A timer that every packet puts off goes off behind the last one")
  func putOff() throws {
    let packets = (0..<100).map { "\(Double($0) * 0.5) c > S seq 0 port \(40_000 + $0 % 3)" }
    let reports = try play([Quiet()], packets.joined(separator: "\n") + "\n70 c > S seq 0 port 50000")
    #expect(reports == ["40001 quiet at 50.5", "40002 quiet at 51.0", "40000 quiet at 51.5"])
  }

  @Test("A delay that is not positive is over before the next packet; the longest never")
  func edges() throws {
    let reports = try play(
      [Alarm()],
      """
      1 c > S seq 0 win 5
      1 c > S seq 0 port 40001
      2 c > S seq 0 win 6
      2 c > S seq 0 port 40002
      3 c > S seq 0 win 7
      30 c > S seq 0 port 40003
      """)
    #expect(
      reports == ["first 40000 1.0 1", "packet 1.0", "first 40000 2.0 2", "packet 2.0", "packet 30.0"])
  }

  @Test("A timer's handler has its flow, can raise events and change what the flow listens to")
  func inside() throws {
    let reports = try play(
      [Inside()], opening + "\n" + #"c > PA seq 1 ack 1 "x""# + "\n" + #"2 c > PA seq 2 ack 1 "y""#)
    #expect(
      reports == ["timer none client established established", "raised 3 at 1.003, 40000", "newData 2.0"])
  }

  @Test("A timer goes with its flow: it does not go off when the flow has been released")
  func released() throws {
    var script = try EventScript(Pulse())
    let reports = try script.play(
      """
      0 c > S seq 0
      0.5 s > RA seq 0 ack 1
      time +0.25
      isn 500000 600000
      0.75 c > S seq 0 win 9
      1.25 c > S seq 0 port 40001
      1.5 c > S seq 0 port 40001
      1.8 c > S seq 0 port 40001
      """)
    // The ports were used again: the new flow's timer is set, and the old one's is not.
    #expect(
      reports == [
        "packet 0.0", "packet 0.5", "packet 0.75", "packet 1.25", "packet 1.5", "40000 1.75", "packet 1.8",
      ])
  }

  @Test("A timer that is set while its flow ends goes with it when the flow is released")
  func setAtEnd() throws {
    let reports = try play([Inside()], opening + "\ntime +8000\ntime +100")
    #expect(reports.suffix(1) == ["end"])
  }
}
