import EventDSL
import EventSupport
import MOSCore
import Testing

@testable import Middleboxes

@Suite("Rules that are replaced while flows go on")
struct RuleReplacementTests {
  private static let handshake = """
    0 c > S seq 0
    s > SA seq 0 ack 1
    c > A seq 1 ack 1

    """

  private func rule(_ sid: Int, _ options: String, _ header: String = "alert tcp any any -> any any") -> String {
    "\(header) (msg:\"m\(sid)\"; \(options) sid:\(sid);)\n"
  }

  private func configuration(_ rules: String) throws -> IDSConfiguration {
    let set = ruleSet(of: rules)
    try #require(set.errors.isEmpty, "\(set.errors)")
    return try IDSConfiguration(set)
  }

  /// The sids of the alerts of a flow during which rules are replaced by others, once or more often.
  private func alerts(_ steps: [(rules: String, script: String)], ids: IDS? = nil) throws -> [UInt32] {
    let ids = try ids ?? IDS(configuration(steps[0].rules))
    var script = try EventScript([ids], burst: 1)
    for (index, step) in steps.enumerated() {
      if index > 0 { try ids.replace(by: configuration(step.rules)) }
      try script.play((index == 0 ? Self.handshake : "") + step.script)
    }
    script.finish()
    return script.allReports.compactMap { $0.alert?.signature }
  }

  @Test("a rule that comes finds what had begun before it came")
  func newRule() throws {
    let old = rule(1, "content:\"nothing\";")
    #expect(
      try alerts([
        (old, "c > PA seq 1 ack 1 \"att\""), (old + rule(2, "content:\"attack\";"), "c > PA seq 4 ack 1 \"ack\""),
      ]) == [2])
  }

  @Test("a rule that stays does not alert again about what it found, and one that goes is gone")
  func sameRule() throws {
    let (first, second) = (rule(1, "content:\"one\";"), rule(2, "content:\"two\";"))
    #expect(
      try alerts([
        (second + first, "c > PA seq 1 ack 1 \"one\""), (first, "c > PA seq 4 ack 1 \"one two\""),
        (first + second, "c > PA seq 11 ack 1 \".\""), (rule(3, "content:\"x\";") + first, "c > PA seq 12 ack 1 \".\""),
      ]) == [1, 2])
  }

  @Test("bits of flows stay by their names, also over several sets of rules, where they have other numbers")
  func flowBits() throws {
    let set = rule(1, "flow:to_server; content:\"ask\"; flowbits:set,b; noalert;")
    let others = (10..<90).map { rule($0, "content:\"never\"; flowbits:set,a\($0);") }.joined()
    let test = rule(2, "flow:to_client; content:\"yes\"; flowbits:isset,b;")
    let script = (ask: "c > PA seq 1 ack 1 \"ask\"", wait: "c > A seq 4 ack 1", answer: "s > PA seq 1 ack 4 \"yes\"")
    #expect(
      try alerts([(set, script.ask), (others + set + test, script.wait), (test + others, script.answer)]) == [2])
    #expect(try alerts([(set, script.wait), (others + set + test, ""), (test + others, script.answer)]).isEmpty)
    // Nobody knew it in between.
    #expect(try alerts([(set, script.ask), (rule(3, "content:\"x\";"), script.wait), (test, script.answer)]) == [])
  }

  @Test("of a flow without a packet over more replacements than eight nothing is kept, so that memory has a bound")
  func manyReplacements() throws {
    let first = rule(1, "flow:to_server; content:\"ask\"; flowbits:set,b; noalert;")
    // They know the bit, and do not find its reason again in the bytes that are still there.
    let rules =
      rule(3, "content:\"never\"; flowbits:set,b; noalert;")
      + rule(2, "flow:to_client; content:\"yes\"; flowbits:isset,b;")
    for (count, expected) in [(8, [2]), (9, [])] as [(Int, [UInt32])] {
      let ids = try IDS(configuration(first))
      let steps =
        [(first, "c > PA seq 1 ack 1 \"ask\"")] + Array(repeating: (rules, ""), count: count - 1)
        + [(rules, "s > PA seq 1 ack 4 \"yes\"")]
      #expect(try alerts(steps, ids: ids) == expected)
      #expect(ids.detector.earlier.count == 8)
    }
  }

  @Test("a message that is under way is asked about by the rules that come")
  func message() throws {
    // Bodies are kept where a rule wants them.
    let old = rule(1, "http.uri; content:\"/never\"; http.request_body; content:\"x\";")
    let new = old + rule(2, "http.uri; content:\"/a\"; http.request_body; content:\"en\";")
    let request = Array("POST /a HTTP/1.1\r\nContent-Length: 7\r\n\r\nthe end".utf8)
    let frames = Conversation(turns: [(.client, request)]).frames(segment: request.count - 3)
    let ids = try IDS(configuration(old))
    var script = try EventScript([ids], burst: 1)
    // The handshake and the first segment.
    script.play(frames: Array(frames[..<4]))
    try ids.replace(by: configuration(new))
    script.play(frames: Array(frames[4...]))
    script.finish()
    #expect(script.allReports.compactMap { $0.alert?.signature } == [2])
  }

  @Test("counters and thresholds stay with the rules of the same sid")
  func counters() throws {
    let limit = rule(7, "flow:to_server; content:\"x\"; threshold: type limit, track by_src, count 1, seconds 60;")
    let ids = try IDS(configuration(limit))
    let steps = [
      (limit, "c > PA seq 1 ack 1 \"x\"\ns > PA seq 1 ack 2 \".\""),
      (rule(6, "content:\"y\";") + limit, "c > PA seq 2 ack 2 \"x\""),
    ]
    #expect(try alerts(steps, ids: ids) == [7])
    let counter = try #require(zip(ids.detector.rules.rules, ids.detector.counters).first { $0.0.rule.sid == 7 }).1
    #expect(counter.matches == 2 && counter.checks == 2)
  }

  @Test("rules that cannot be read leave those that there are")
  func unreadable() throws {
    let ids = try IDS(configuration(rule(1, "content:\"x\";")))
    #expect(throws: ConfigurationError.self) { try ids.reload(path: "/nonexistent/ids.yaml") }
    #expect(try alerts([(rule(1, "content:\"x\";"), "c > PA seq 1 ack 1 \"x\"")], ids: ids) == [1])
  }
}
