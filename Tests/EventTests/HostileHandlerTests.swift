import EventDSL
import EventSupport
import Testing

/// How often something was done.
private final class Counter {
  var count = 0
}

/// A healthy middlebox beside those that are not.
private struct Witness: Middlebox {
  var events: some EventGraph {
    On(.established) { $0.report("established \($0.flow.key.sourcePort)") }
    On(.newData) { $0.report("newData \($0.flow.key.sourcePort)") }
    On(.connectionEnd) { $0.report("end \($0.flow.key.sourcePort)") }
  }
}

/// Two flows, one byte in each, and their ends; what a witness says of them.
private let script = [40_000, 40_001].map { port in
  ["c > S seq 0", "s > SA seq 0 ack 1", "c > A seq 1 ack 1", "c > PA seq 1 ack 1 \"x\"", "c > R seq 2"]
    .map { "\($0) port \(port)" }.joined(separator: "\n")
}.joined(separator: "\n")
private let witnessed = [40_000, 40_001].flatMap { ["established \($0)", "newData \($0)", "end \($0)"] }

/// Plays the two flows; what the others than the witness say.
private func play(_ hostile: any Middlebox, burst: Int = 32, _ text: String = script) throws -> (
  reports: [Report], statistics: EngineStatistics
) {
  var runner = try EventScript([hostile, Witness()], burst: burst)
  try runner.play(text)
  #expect(runner.allReports.filter { $0.middlebox == "Witness" }.map(\.text) == witnessed)
  return (runner.allReports.filter { $0.middlebox != "Witness" }, runner.engine.statistics)
}

private struct Cycle: Middlebox {
  let counter: Counter
  let width: Int
  let ping = UserEvent<Int>("ping")
  let pong = UserEvent<Int>("pong")

  var events: some EventGraph {
    On(.newData) { event in event.raise(ping, 0) }
    On(ping, fileID: "Cycle.swift", line: 1) { event in
      counter.count += 1
      for _ in 0..<width { event.raise(pong, event.payload + 1) }
    }
    On(pong, fileID: "Cycle.swift", line: 2) { event in
      counter.count += 1
      for _ in 0..<width { event.raise(ping, event.payload + 1) }
    }
  }
}

private struct Circle: Middlebox {
  let counter: Counter
  let copies: Int
  let first = UserEvent<Int>("first")
  let second = UserEvent<Int>("second")

  var events: some EventGraph {
    for _ in 0..<copies {
      Define(second, from: first, fileID: "Circle.swift", line: 1) { $0.payload + 1 }
      Define(first, from: second, fileID: "Circle.swift", line: 2) { $0.payload + 1 }
    }
    On(.newData) { $0.raise(first, 0) }
    On(second) { _ in counter.count += 1 }
  }
}

private struct Many: Middlebox {
  let counter: Counter
  let count: Int
  let events_ = UserEvent<Int>("many")

  var events: some EventGraph {
    On(.newData) { event in for number in 0..<count { event.raise(events_, number) } }
    On(events_) { event in
      if event.payload == counter.count % count { counter.count += 1 }
    }
  }
}

private struct Restless: Middlebox {
  let counter: Counter
  let delay: Duration
  let own = FlowTimer()
  let other = FlowTimer()

  var events: some EventGraph {
    On(.newData) { $0.flow.schedule(own, after: .milliseconds(1)) }
    On(own, fileID: "Restless.swift", line: 1) { event in
      counter.count += 1
      event.flow.schedule(other, after: delay)
    }
    On(other, fileID: "Restless.swift", line: 2) { event in
      counter.count += 1
      event.flow.schedule(own, after: delay)
    }
  }
}

private struct Busy: Middlebox {
  let counter: Counter
  let timer = FlowTimer()
  let once = BoxTimer()
  let switched = Subscription.on
  let local = FlowLocal([Int]())

  var events: some EventGraph {
    On(.newData) { event in
      let times = event.flow.key.sourcePort == 40_000 ? 1_000_000 : 10
      for number in 0..<times { event.flow.schedule(timer, after: .nanoseconds(1_000_000 - number)) }
      for number in 0..<times / 10 { event.schedule(once, after: .nanoseconds(number)) }
      for _ in 0..<times / 10 {
        event.flow.stop(switched)
        event.flow.start(switched)
      }
    }
    On(timer) { _ in counter.count += 1 }
    On(once) { _ in counter.count += 100 }
    On(.newData, as: switched) { _ in counter.count += 10_000 }
  }
}

private struct Thousands: Middlebox {
  let counter: Counter
  let count: Int
  let definitions: [UserEvent<Int>]
  let switches: [Subscription]

  init(_ counter: Counter, _ count: Int) {
    self.counter = counter
    self.count = count
    definitions = (0..<count).map { _ in UserEvent() }
    switches = (0..<count).map { $0 % 2 == 0 ? .on : .off }
  }

  var events: some EventGraph {
    for index in 0..<count {
      On(.newData) { _ in counter.count += 1 }
      Define(definitions[index], from: .newData) { event in index % 10 == 3 ? index : nil }
      On(definitions[index], as: switches[index]) { event in
        counter.count += 10_000
        event.flow.start(switches[(index + 1) % count])
        event.flow.stop(switches[index])
      }
    }
  }
}

@Suite("Handlers that ask for too much")
struct HostileHandlerTests {
  @Test(
    "Events that are raised in a cycle are cut off, and the handler that was last is named once", arguments: [1, 32])
  func cycle(burst: Int) throws {
    let counter = Counter()
    let (reports, statistics) = try play(Cycle(counter: counter, width: 1), burst: burst)
    #expect(counter.count == 2 * 128)
    #expect(statistics.cutOff == 2)
    #expect(
      reports.map(\.text) == [
        "Cycle: On(pong) in Cycle.swift, line 2 raises events inside of each other without end: not more than 128 deep"
      ])
    #expect(reports.first?.flow?.sourcePort == 40_000)
  }

  @Test("A cycle that multiplies is bounded for each event")
  func multiplying() throws {
    let counter = Counter()
    let (reports, statistics) = try play(Cycle(counter: counter, width: 3))
    #expect(counter.count == 2 * 10_000)
    #expect(statistics.cutOff > 0)
    #expect(
      reports.contains { $0.text.hasSuffix("raises more than 10000 events inside of one: the rest are not raised") })
    #expect(reports.count <= 2)
  }

  @Test("Definitions in a circle are cut off and reported", arguments: [1, 2])
  func circle(copies: Int) throws {
    let counter = Counter()
    let (reports, statistics) = try play(Circle(counter: counter, copies: copies))
    #expect(counter.count > 0 && counter.count <= 2 * 10_000)
    #expect(statistics.cutOff > 0)
    #expect(
      reports.first?.text.hasPrefix("Circle: Define(first, from: second) in Circle.swift, line 2 raises ") == true)
  }

  @Test("A hundred thousand events from one handler all come, in their order")
  func many() throws {
    let counter = Counter()
    let (reports, statistics) = try play(Many(counter: counter, count: 100_000))
    #expect(counter.count == 2 * 100_000)
    #expect(statistics.raised == 2 * 100_000)
    #expect(statistics.cutOff == 0)
    #expect(reports.isEmpty)
  }

  @Test(
    "Timers that set each other at once do not hold the next packet up; the handler is named",
    arguments: [Duration.zero, .seconds(-1), .nanoseconds(1), .nanoseconds(500)])
  func restless(delay: Duration) throws {
    let counter = Counter()
    let text = script.replacing("c > R", with: "100 c > R")
    let (reports, statistics) = try play(Restless(counter: counter, delay: delay), text)
    #expect(statistics.timers == UInt64(counter.count))
    #expect(counter.count >= 100_000)
    #expect(counter.count < 1_000_000)
    #expect(reports.count >= 1 && reports.count <= 2)
    #expect(
      reports.allSatisfy {
        $0.text.hasPrefix("Restless: On(o") && $0.text.contains(") in Restless.swift, line ")
          && $0.text.hasSuffix("sets a timer more than 100000 times between two packets: the first are passed over")
      })
  }

  @Test("A timer that is set a million times goes off once; a switch that is turned as often is where it was left")
  func busy() throws {
    let counter = Counter()
    let (reports, _) = try play(Busy(counter: counter), script.replacing("c > R", with: "time +1\nc > R"))
    #expect(counter.count == 2 * (1 + 100 + 10_000))
    #expect(reports.isEmpty)
  }

  @Test("Thousands of handlers, definitions and subscriptions", arguments: [1_000, 5_000])
  func thousands(count: Int) throws {
    let counter = Counter()
    _ = try play(Thousands(counter, count))
    // Every tenth holds; of those only the odd ones, which are off, would be heard.
    #expect(counter.count == 2 * count)
  }
}
