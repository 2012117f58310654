import EventDSL
import EventSupport
import Testing

private let opening = """
  c > S seq 0
  s > SA seq 0 ack 1
  c > A seq 1 ack 1
  """

/// A segment of one byte as a command: `+` turns on, `-` off, `i` ignores the flow, and anything else does nothing.
private struct Commands: Middlebox {
  let name: String
  var fillers = 0
  let listening: Subscription
  let other = Subscription.on

  init(_ name: String, isOn: Bool = true, fillers: Int = 0) {
    self.name = name
    self.fillers = fillers
    listening = isOn ? .on : .off
  }

  var events: some EventGraph {
    On(.newData, as: listening) { $0.report("\(name) before \($0.offset)") }
    On(.newData) { event in
      event.forEachSpan { bytes in
        switch bytes.unsafeLoad(as: UInt8.self) {
        case UInt8(ascii: "+"): event.flow.start(listening)
        case UInt8(ascii: "-"): event.flow.stop(listening)
        case UInt8(ascii: "i"): event.flow.ignore()
        case UInt8(ascii: "o"): event.flow.stop(other)
        default: break
        }
      }
    }
    // So many that those behind are in another word of the flow's subscriptions.
    for _ in 0..<fillers { On(.gap) { _ in } }
    On(.newData, as: listening) { $0.report("\(name) behind \($0.offset)") }
    On(.newData, as: other) { $0.report("\(name) other") }
    On(.connectionEnd, as: listening) { $0.report("\(name) end") }
  }
}

private func commands(_ text: String, from first: Int = 0, port: Int = 40_000) -> String {
  text.enumerated().map { index, letter in "c > PA seq \(first + index + 1) ack 1 \"\(letter)\" port \(port)" }
    .joined(separator: "\n")
}

/// What is done in the first event of a flow.
private struct AtFirst: Middlebox {
  enum Deed: CaseIterable {
    case nothing
    case stop
    case ignore
    case ignoreAndStart
  }
  let deed: Deed
  let hook: Hook
  let all = Subscription.on

  var events: some EventGraph {
    On(.connectionStart, at: hook) { event in
      event.report("start")
      switch deed {
      case .nothing: break
      case .stop: event.flow.stop(all)
      case .ignore: event.flow.ignore()
      case .ignoreAndStart:
        event.flow.ignore()
        event.flow.start(all)
      }
    }
    On(.established, as: all) { $0.report("established") }
    On(.established) { $0.report("unconditional") }
    On(.newData, as: all) { $0.report("newData \($0.receiver)") }
  }
}

private struct Levels: Middlebox {
  let number = UserEvent<Int>("number")
  let even = UserEvent<Int>("even")
  let large = UserEvent<Int>("large")
  let wantsLarge = Subscription.off
  let wantsEven = Subscription.off
  var fillers = 0

  var events: some EventGraph {
    Define(number, from: .newData) { event in
      event.report("asked for a number")
      return Int(event.offset)
    }
    for _ in 0..<fillers { On(.gap) { _ in } }
    Define(even, from: number) { event in
      event.report("asked for even")
      return event.payload % 2 == 0 ? event.payload : nil
    }
    Define(large, from: even) { event in
      event.report("asked for large")
      return event.payload > 3 ? event.payload : nil
    }
    On(.packet, at: .sender) { event in
      switch event.packet!.window {
      case 1: event.flow.start(wantsLarge)
      case 2: event.flow.start(wantsEven)
      case 3: event.flow.stop(wantsLarge)
      case 4: event.flow.stop(wantsEven)
      default: break
      }
    }
    On(large, as: wantsLarge) { $0.report("large \($0.payload)") }
    On(even, as: wantsEven) { $0.report("even \($0.payload)") }
  }
}

private struct Once: Middlebox {
  let raised = UserEvent<Int>("raised")
  let once = Subscription.on
  var fillers = 0

  var events: some EventGraph {
    On(.newData) { event in
      event.raise(raised, 1)
      event.raise(raised, 2)
    }
    On(raised, as: once) { event in
      event.flow.stop(once)
      event.report("first \(event.payload)")
    }
    for _ in 0..<fillers { On(.gap) { _ in } }
    On(raised, as: once) { $0.report("second \($0.payload)") }
  }
}

@Suite("What a flow listens to")
struct SubscriptionTests {
  @Test("Handlers are on or off at a flow's start, as declared")
  func atStart() throws {
    var script = try EventScript(Commands("a"), Commands("b", isOn: false))
    try script.play(opening)
    #expect(try script.play(commands("x")) == ["a before 0", "a behind 0", "a other", "b other"])
    #expect(try script.play("c > R seq 2") == ["a end"])
  }

  @Test(
    "A change holds from the next event on, for all handlers of the Subscription", arguments: [0, 61, 62, 63, 64, 200],
    [1, 32])
  func change(fillers: Int, burst: Int) throws {
    var script = try EventScript(Commands("a", fillers: fillers), burst: burst)
    try script.play(opening)
    let reports = try script.play(commands("x-x+xox"))
    #expect(
      reports == [
        "a before 0", "a behind 0", "a other", "a before 1", "a behind 1", "a other", "a other", "a other",
        "a before 4", "a behind 4", "a other", "a before 5", "a behind 5", "a other", "a before 6", "a behind 6",
      ])
  }

  @Test("Other flows and other middleboxes go on listening", arguments: [0, 100])
  func others(fillers: Int) throws {
    var script = try EventScript(Commands("a", fillers: fillers))
    try script.play(opening + "\n" + opening.split(separator: "\n").map { "\($0) port 40001" }.joined(separator: "\n"))
    try script.play(commands("-"))
    #expect(try script.play(commands("x", port: 40_001)) == ["a before 0", "a behind 0", "a other"])
    #expect(try script.play(commands("x", from: 1)) == ["a other"])
  }

  @Test("A middlebox that ignores a flow hears no more of it, and others do", arguments: [0, 61, 64])
  func ignore(fillers: Int) throws {
    var script = try EventScript(Commands("a", fillers: fillers), Tail(), Commands("b", isOn: false))
    try script.play(opening)
    // Both are told by the same packet, and finish with its event.
    #expect(try script.play(commands("i")) == ["a before 0", "a behind 0", "a other", "tail 0", "b other"])
    #expect(try script.play(commands("x", from: 1)) == ["tail 1"])
    #expect(try script.play("c > R seq 3") == ["tail end"])
  }

  @Test("A flow can be left in its first event", arguments: AtFirst.Deed.allCases, [Hook.sender, .receiver])
  private func first(deed: AtFirst.Deed, hook: Hook) throws {
    var script = try EventScript(AtFirst(deed: deed, hook: hook))
    let reports = try script.play(opening + "\n" + commands("x") + "\n" + #"s > PA seq 1 ack 2 "y""#)
    let later: [String] =
      switch deed {
      case .nothing: ["established", "unconditional", "newData server", "newData client"]
      case .stop: ["unconditional"]
      case .ignore: []
      case .ignoreAndStart: ["established", "newData server", "newData client"]
      }
    #expect(reports == ["start"] + later)
  }

  @Test("A definition is asked while anything below it is listened to", arguments: [0, 64])
  func definitions(fillers: Int) throws {
    var script = try EventScript(Levels(fillers: fillers))
    try script.play(opening)
    func say(_ offset: Int, window: Int) throws -> [String] {
      try script.play("c > PA seq \(offset + 1) ack 1 win \(window) \"ab\"")
    }
    #expect(try say(0, window: 9) == [])
    #expect(try say(2, window: 1) == ["asked for a number", "asked for even", "asked for large"])
    #expect(try say(4, window: 9) == ["asked for a number", "asked for even", "asked for large", "large 4"])
    #expect(
      try say(6, window: 2) == ["asked for a number", "asked for even", "asked for large", "large 6", "even 6"])
    #expect(try say(8, window: 3) == ["asked for a number", "asked for even", "even 8"])
    #expect(try say(10, window: 4) == [])
    #expect(try say(12, window: 1) == ["asked for a number", "asked for even", "asked for large", "large 12"])
    #expect(try say(14, window: 3) == [])
  }

  @Test("A handler that turns itself off has run once", arguments: [0, 64])
  func once(fillers: Int) throws {
    var script = try EventScript(Once(fillers: fillers))
    try script.play(opening)
    #expect(try script.play(commands("xyz")) == ["first 1", "second 1"])
    let other = opening.split(separator: "\n").map { "\($0) port 40001" }.joined(separator: "\n")
    try script.play(other)
    #expect(try script.play(commands("x", port: 40_001)) == ["first 1", "second 1"])
  }
}

private struct Tail: Middlebox {
  var events: some EventGraph {
    On(.newData) { $0.report("tail \($0.offset)") }
    On(.connectionEnd) { $0.report("tail end") }
  }
}
