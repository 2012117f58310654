import EventDSL
import EventSupport
import MOSCore
import Testing

@testable import Middleboxes

@Suite("What rules find")
struct DetectionTests {
  private static let handshake = """
    0 c > S seq 0
    s > SA seq 0 ack 1
    c > A seq 1 ack 1

    """

  /// What rules say of a script's segments behind a handshake.
  private func alerts(
    _ rules: String, _ script: String, inline: Bool = false, burst: Int = 1
  ) throws -> [String] {
    var runner = try self.runner(rules, inline: inline, burst: burst)
    try runner.play(Self.handshake + script)
    runner.finish()
    return runner.allReports.compactMap { report in
      report.alert.map { "\(report.packet) \($0.signature) \($0.sender) \($0.action)" }
    }
  }

  private func runner(_ rules: String, inline: Bool, burst: Int = 1) throws -> EventScript {
    let set = ruleSet(of: rules)
    try #require(set.errors.isEmpty, "\(set.errors)")
    var configuration = try IDSConfiguration(set)
    configuration.isInline = inline
    try #require(configuration.unused.isEmpty, "\(configuration.unused)")
    return try EventScript([try IDS(configuration)], burst: burst)
  }

  private func rule(_ sid: Int, _ options: String, _ header: String = "alert tcp any any -> any any") -> String {
    "\(header) (msg:\"m\(sid)\"; \(options) sid:\(sid);)\n"
  }

  @Test("a content that lies in two segments, for the side that receives it")
  func acrossSegments() throws {
    let rules =
      rule(1, "flow:to_server,established; content:\"attack\";") + rule(2, "flow:to_client; content:\"attack\";")
    #expect(
      try alerts(rules, "c > PA seq 1 ack 1 \"an att\"\nc > PA seq 7 ack 1 \"ack\"") == ["5 1 client allowed"])
    #expect(try alerts(rules, "s > PA seq 1 ack 1 \"attack\"") == ["4 2 server allowed"])
    #expect(try alerts(rules, "c > PA seq 1 ack 1 \"attach\"").isEmpty)
  }

  @Test("bytes that a server takes with the SYN are of an established connection; those that it does not take are not")
  func fastOpen() throws {
    let rules = rule(1, "flow:to_server,established; content:\"attack\";")
    func alerts(_ acknowledged: Int) throws -> [UInt32] {
      var script = try runner(rules, inline: false)
      try script.play(
        """
        c > S seq 0 "attack" <mss 1460,tfo>
        s > SA seq 0 ack \(acknowledged) <mss 1460>
        c > A seq 7 ack 1
        c > FA seq 7 ack 1
        """)
      script.finish()
      return script.allReports.compactMap { $0.alert?.signature }
    }
    #expect(try alerts(7) == [1])
    #expect(try alerts(1) == [])
  }

  @Test("places count from the beginning of a turn: what one side says until the other answers")
  func turns() throws {
    let rules = rule(1, "flow:to_server; content:\"USER\"; depth:4;")
    #expect(try alerts(rules, "c > PA seq 1 ack 1 \"NOOP\"\nc > PA seq 5 ack 1 \"USER\"").isEmpty)
    #expect(
      try alerts(
        rules, "c > PA seq 1 ack 1 \"NOOP\"\ns > PA seq 1 ack 5 \"ok\"\nc > PA seq 5 ack 3 \"USER\"")
        == ["6 1 client allowed"])
  }

  @Test("what begins in one turn and ends in the next is found, too")
  func acrossTurns() throws {
    let rules = rule(1, "flow:to_server; content:\"attack\";")
    #expect(
      try alerts(rules, "c > PA seq 1 ack 1 \"att\"\ns > PA seq 1 ack 4 \"go on\"\nc > PA seq 4 ack 6 \"ack\"")
        == ["6 1 client allowed"])
  }

  @Test("an absence is told when the turn is over, and not because a segment ends")
  func absence() throws {
    let rules = rule(1, "flow:to_server; content:\"one\"; content:!\"two\";")
    #expect(try alerts(rules, "c > PA seq 1 ack 1 \"one\"\nc > PA seq 4 ack 1 \"two\"").isEmpty)
    #expect(
      try alerts(rules, "c > PA seq 1 ack 1 \"one\"\nc > PA seq 4 ack 1 \"six\"\ns > PA seq 1 ack 7 \"x\"")
        == ["6 1 client allowed"])
  }

  @Test("contents, expressions and numbers relative to each other, with every place of a content")
  func relative() throws {
    let rules =
      rule(1, "content:\"a\"; content:\"b\"; distance:1; within:1;")
      + rule(2, "content:\"len\"; byte_jump:1,0,relative; content:\"end\"; within:3;")
      + rule(3, "content:\"id=\"; pcre:\"/^[0-9]{3}x/R\";")
      + rule(4, "content:\"size\"; byte_test:2,>,256,0,relative;")
      + rule(5, "content:\"at\"; byte_extract:1,0,n,relative; content:\"end\"; distance:n; within:3;")
    #expect(try alerts(rules, "c > PA seq 1 ack 1 \"aaxcaab\"") == ["4 1 client allowed"])
    #expect(try alerts(rules, "c > PA seq 1 ack 1 \"acc a ab\"").isEmpty)
    #expect(try alerts(rules, "c > PA seq 1 ack 1 \"id=12345x id=123x\"") == ["4 3 client allowed"])
    #expect(try alerts(rules, "c > PA seq 1 ack 1 \"id=12345x id=12x\"").isEmpty)
    #expect(try alerts(rules, "c > PA seq 1 ack 1 \"size00\"") == ["4 4 client allowed"])
  }

  @Test("bits of a flow, set by one rule and asked for by another in the other direction; noalert")
  func flowBits() throws {
    let rules =
      rule(2, "flow:to_client; content:\"yes\"; flowbits:isset,asked;")
      + rule(1, "flow:to_server; content:\"may I\"; flowbits:set,asked; noalert;")
    #expect(try alerts(rules, "s > PA seq 1 ack 1 \"yes\"").isEmpty)
    #expect(
      try alerts(rules, "c > PA seq 1 ack 1 \"may I\"\ns > PA seq 1 ack 6 \"yes\"") == ["5 2 server allowed"])
  }

  @Test("a threshold lets the first alert of a period through, a filter those behind the first")
  func thresholds() throws {
    let limit = rule(1, "flow:to_server; content:\"x\"; threshold: type limit, track by_src, count 1, seconds 60;")
    let filter = rule(2, "flow:to_server; content:\"x\"; detection_filter: track by_src, count 1, seconds 60;")
    let turns = """
      c > PA seq 1 ack 1 "x"
      s > PA seq 1 ack 2 "."
      c > PA seq 2 ack 2 "x"
      s > PA seq 2 ack 3 "."
      100 c > PA seq 3 ack 3 "x"
      """
    #expect(try alerts(limit, turns) == ["4 1 client allowed", "8 1 client allowed"])
    #expect(try alerts(filter, turns) == ["6 2 client allowed"])
  }

  @Test("conditions on single packets, and rules about datagrams")
  func packets() throws {
    let rules =
      rule(1, "dsize:5; content:\"x\";") + rule(2, "flags:R;")
      + rule(3, "content:\"query\"; dsize:>4;", "alert udp any any -> any any")
    #expect(
      try alerts(rules, "c > PA seq 1 ack 1 \"xx\"\nc > PA seq 3 ack 1 \"abcdx\"\nc > R seq 8\nc > . udp \"query\"")
        == ["5 1 client allowed", "6 2 client allowed", "7 3 client allowed"])
  }

  @Test("alerts have the last bytes that were looked at, where that is asked for, and the protocol of their flow")
  func payload() throws {
    var configuration = try IDSConfiguration(
      ruleSet(
        of: rule(1, "flow:to_server; content:\"tail\";") + rule(2, "content:\"gram\";", "alert udp any any -> any any")
          + rule(3, "http.uri; content:\"/\";")))
    configuration.hasPayload = true
    var script = try EventScript([try IDS(configuration)], burst: 1)
    let long = String(repeating: "x", count: 5_000)
    try script.play(
      Self.handshake + "c > PA seq 1 ack 1 \"\(long)\"\nc > PA seq 5001 ack 1 \"tail\"\nc > . udp \"datagram\"")
    script.finish()
    let alerts = script.allReports.compactMap(\.alert)
    #expect(alerts.map { String(decoding: $0.payload, as: UTF8.self) } == [long.dropFirst(908) + "tail", "datagram"])
    #expect(alerts.allSatisfy { $0.applicationProtocol == nil && $0.transaction == nil })
  }

  @Test("a rule that passes comes before all others")
  func pass() throws {
    let rules = rule(1, "content:\"bad\";") + rule(2, "content:\"bad friend\";", "pass tcp any any -> any any")
    #expect(try alerts(rules, "c > PA seq 1 ack 1 \"bad friend\"").isEmpty)
    #expect(try alerts(rules, "c > PA seq 1 ack 1 \"bad enemy!\"") == ["4 1 client allowed"])
  }

  @Test("inline, the packet with the last byte and what comes behind it in its flow do not reach the receiver")
  func inline() throws {
    let rules = rule(1, "flow:to_server; content:\"attack\";", "drop tcp any any -> any any")
    var script = try runner(rules, inline: true)
    try script.play(
      Self.handshake + """
        c > PA seq 1 ack 1 "att"
        c > PA seq 4 ack 1 "ack"
        c > PA seq 7 ack 1 "more"
        s > A seq 1 ack 4
        """)
    let alerts = script.allReports.compactMap(\.alert)
    #expect(alerts.map(\.signature) == [1] && alerts.map(\.action) == [.blocked])
    // The handshake and the first three bytes.
    #expect(script.output.count == 4)
    #expect(try self.alerts(rules, "c > PA seq 1 ack 1 \"attack\"") == ["4 1 client allowed"])
  }

  @Test(
    "inline, who sent what is rejected is reset, or its receiver, or both; nothing of it reaches the receiver",
    arguments: [("reject", ["c"]), ("rejectsrc", ["c"]), ("rejectdst", ["s"]), ("rejectboth", ["c", "s"])])
  func reject(action: String, expected: [String]) throws {
    let rules = rule(1, "flow:to_server; content:\"attack\";", "\(action) tcp any any -> any any")
    var script = try runner(rules, inline: true)
    try script.play(Self.handshake + "c > PA seq 1 ack 1 \"attack\"\nc > PA seq 7 ack 1 \"more\"")
    #expect(script.allReports.compactMap(\.alert).map(\.action) == [.blocked])
    let resets = script.output.map(\.description).filter { $0.contains(" R") }
    // Who is reset is whom the packet goes to.
    #expect(Set(resets.map { $0.hasPrefix("s >") ? "c" : "s" }) == Set(expected), "\(resets)")
    #expect(!script.output.contains { $0.description.contains("attack") || $0.description.contains("more") })
  }

  @Test("how long each rule is asked, where that is measured")
  func ruleTimes() throws {
    let set = ruleSet(of: rule(1, "content:\"x\"; pcre:\"/x+y/\";") + rule(2, "content:\"never\";"))
    var configuration = try IDSConfiguration(set)
    configuration.timesRules = true
    let ids = try IDS(configuration)
    var script = try EventScript([ids], burst: 1)
    try script.play(Self.handshake + "c > PA seq 1 ack 1 \"xxxxy\"")
    script.finish()
    let counters = ids.detector.counters
    #expect(counters[0].matches == 1 && counters[0].nanoseconds > 0)
    #expect(counters[1].checks == 0 && counters[1].nanoseconds == 0)
    let tables = try #require(IDS.summary(of: [ids])).tables
    let table = try #require(tables.last)
    #expect("\(table.name)" == "rules that were asked" && table.rows.count == 1)
    #expect(table.rows[0].prefix(3) == [.text("1:1"), .count(1), .count(1)])
  }

  @Test("inline, a rule that drops is asked for each byte, however long its turn is")
  func inlineBytes() throws {
    let rules = rule(
      1, "flow:to_server; content:\"start\"; fast_pattern; content:\"Z\";", "drop tcp any any -> any any")
    var script = try runner(rules, inline: true)
    let long = String(repeating: "x", count: 1_000)
    try script.play(
      Self.handshake + "c > PA seq 1 ack 1 \"start\"\nc > PA seq 6 ack 1 \"\(long)\"\nc > PA seq 1006 ack 1 \"Z\"")
    #expect(script.allReports.compactMap(\.alert).map(\.action) == [.blocked])
    #expect(script.output.count == 5)
  }

  @Test("a hostile sender of single bytes does not make the whole be searched for each of them")
  func singleBytes() throws {
    let rules = rule(1, "flow:to_server; content:\"a\"; pcre:\"/zzzzzz$/\";")
    let set = ruleSet(of: rules)
    let ids = try IDS(try IDSConfiguration(set))
    var script = try EventScript([ids], burst: 32)
    try script.play(Self.handshake)
    var lines: [String] = []
    for place in 0..<10_000 { lines.append("c > A seq \(1 + place) ack 1 \"a\"") }
    try script.play(lines.joined(separator: "\n"))
    #expect(ids.detector.counters[0].checks > 10 && ids.detector.counters[0].checks < 300)
  }
}
