import EventDSL
import EventSupport
import Testing

/// How often something was asked.
private final class Counter {
  var count = 0
}

private let talk = """
  c > S seq 0
  s > SA seq 0 ack 1
  c > A seq 1 ack 1
  """

/// What a request says, and what follows from it, each event with another payload.
private struct Requests: Middlebox {
  let request = UserEvent<String>("request")
  let upload = UserEvent<Int>("upload")
  let large = UserEvent<Void>("large")

  var events: some EventGraph {
    On(large) { $0.report("large") }
    On(upload) { $0.report("upload of \($0.payload)") }
    On(request) { $0.report("request \($0.payload)") }
    Define(request, from: .newData) { event in
      var text = ""
      event.forEachSpan { span in text += span.withUnsafeBytes { String(decoding: $0, as: UTF8.self) } }
      return text.contains(" ") ? text : nil
    }
    Define(upload, from: request) { event in
      event.payload.hasPrefix("PUT ") ? Int(event.payload.dropFirst(4)) : nil
    }
    Define(large, from: upload, where: { $0.payload > 1_000 })
  }
}

/// Definitions and handlers below one predicate, which counts how often it is asked.
private struct Counted: Middlebox {
  let asked: Counter
  let askedBelow: Counter
  let parent = UserEvent<UInt64>("parent")
  let children = (0..<3).map { _ in UserEvent<UInt64>("child") }
  let below = Subscription.on

  var events: some EventGraph {
    Define(parent, from: .newData) { event in
      asked.count += 1
      return event.length
    }
    for child in children {
      Define(child, from: parent) { event in
        askedBelow.count += 1
        return event.payload
      }
      for _ in 0..<4 { On(child, as: below) { $0.report("child \($0.payload)") } }
    }
    for _ in 0..<5 { On(parent, as: below) { $0.report("parent \($0.payload)") } }
    On(.packet) { event in if event.packet?.flags.contains(.urg) == true { event.flow.stop(below) } }
  }
}

private struct Chain: Middlebox {
  let links: [UserEvent<Int>]

  init(length: Int) { links = (0..<length).map { _ in UserEvent<Int>("link") } }

  var events: some EventGraph {
    Define(links[0], from: .established) { _ in 1 }
    for index in links.indices.dropFirst() { Define(links[index], from: links[index - 1]) { $0.payload + 1 } }
    On(links[links.count - 1]) { $0.report("\($0.payload)") }
  }
}

private struct Detector: Middlebox {
  struct Rule {
    var name: String
    var text: String
  }
  let rules = [Rule(name: "first", text: "evil"), Rule(name: "second", text: "worse"), Rule(name: "third", text: "e")]
  let matches = (0..<3).map { _ in UserEvent<Rule>("match") }
  let done = UserEvent<Int>("done")

  var events: some EventGraph {
    On(.newData) { event in
      var text = ""
      event.forEachSpan { span in text += span.withUnsafeBytes { String(decoding: $0, as: UTF8.self) } }
      var count = 0
      event.report("begin")
      for (rule, match) in zip(rules, matches) {
        for word in text.split(separator: " ") where word.contains(rule.text) {
          event.raise(match, rule)
          count += 1
        }
      }
      event.raise(done, count)
      event.report("end")
    }
    for (index, match) in matches.enumerated() {
      On(match) { event in event.report("\(index): \(event.payload.name) from \(event.sender) at \(event.hook)") }
    }
    On(done) { event in event.report("\(event.payload) of \(event.flow.key.destinationPort)") }
  }
}

private struct Everywhere: Middlebox {
  let seen = UserEvent<UInt64>("seen")

  var events: some EventGraph {
    On(.frame) { $0.raise(seen, $0.packet?.number ?? 0) }
    On(.orphan) { $0.raise(seen, 100) }
    On(.established) { $0.raise(seen, 200) }
    On(seen) { $0.report("\($0.payload) \($0.hasFlow)") }
  }
}

@Suite("User-defined events")
struct UserEventTests {
  @Test("Three deep, each with a payload of its own type")
  func nested() throws {
    var script = try EventScript(Requests())
    let reports = try script.play(
      talk + """

        c > PA seq 1 ack 1 "nothing"
        c > PA seq 8 ack 1 "GET x"
        c > PA seq 13 ack 1 "PUT 12"
        c > PA seq 19 ack 1 "PUT 4000"
        """)
    #expect(
      reports == [
        "request GET x", "request PUT 12", "upload of 12", "request PUT 4000", "upload of 4000", "large",
      ])
  }

  @Test("A predicate is asked once per parent event, however much hangs below it")
  func askedOnce() throws {
    let (asked, below) = (Counter(), Counter())
    var script = try EventScript(Counted(asked: asked, askedBelow: below))
    let reports = try script.play(talk + "\n" + #"c > PA seq 1 ack 1 "four""#)
    #expect(asked.count == 1)
    #expect(below.count == 3)
    #expect(reports.count == 3 * 4 + 5)
    try script.play(#"c > PA seq 5 ack 1 "five!""#)
    #expect(asked.count == 2)
    #expect(below.count == 6)
  }

  @Test("A predicate is not asked in a flow in which nobody below it listens")
  func notAsked() throws {
    let (asked, below) = (Counter(), Counter())
    var script = try EventScript(Counted(asked: asked, askedBelow: below))
    try script.play(talk + "\nc > AU seq 1 ack 1 urg 0\n" + #"c > PA seq 1 ack 1 "four""#)
    #expect(asked.count == 0)
    #expect(below.count == 0)
    let other = talk + "\n" + #"c > PA seq 1 ack 1 "four""#
    let lines = other.split(separator: "\n").map { "\($0) port 40001" }.joined(separator: "\n")
    #expect(try script.play(lines).count == 3 * 4 + 5)
    #expect(asked.count == 1)
  }

  @Test("Definitions nest to any depth", arguments: [1, 2, 16, 17, 64, 128])
  func deep(length: Int) throws {
    var script = try EventScript(Chain(length: length))
    #expect(try script.play(talk) == ["\(length)"])
    #expect(script.engine.statistics.cutOff == 0)
  }

  @Test("A detector raises any number of events, each handled before raise returns")
  func detector() throws {
    var script = try EventScript(Detector())
    try script.play(talk)
    #expect(
      try script.play(#"c > PA seq 1 ack 1 "evil good worse""#) == [
        "begin", "0: first from client at receiver", "1: second from client at receiver",
        "2: third from client at receiver", "2: third from client at receiver", "4 of 80", "end",
      ])
    #expect(try script.play(#"s > PA seq 1 ack 16 "x""#) == ["begin", "0 of 80", "end"])
    #expect(script.engine.statistics.raised == 6)
  }

  @Test("An event that is raised outside of any flow says so")
  func withoutFlow() throws {
    var script = try EventScript([Everywhere()], burst: 1) { $0.midstream = false }
    let reports = try script.play(
      """
      c > A seq 1 ack 1
      c > S seq 0
      s > SA seq 0 ack 1
      c > A seq 1 ack 1
      """)
    #expect(reports == ["1 false", "100 false", "2 false", "3 false", "4 false", "200 true"])
  }
}
