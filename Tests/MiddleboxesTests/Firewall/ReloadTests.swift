import Foundation
import MOSCore
import Records
import Testing

@testable import Middleboxes

@Suite("Rules that are replaced while in use, and their counters")
struct ReloadTests {
  private static let before = """
    default: drop
    rules:
      - {name: web, protocol: tcp, ports: 80, action: pass}
      - {name: mail, protocol: tcp, ports: 25, action: pass, rate-limit: {rate: 1/hour, burst: 1}}
      - {name: ssh, protocol: tcp, ports: 22, action: reset}
    """
  private static let after = """
    default: {action: pass}
    rules:
      - {name: new, protocol: tcp, ports: 8080, action: drop}
      - {name: mail, protocol: tcp, ports: [25, 587], action: pass, rate-limit: {rate: 1/hour, burst: 1}}
      - {name: web, protocol: tcp, ports: 443, action: pass}
    """

  private func packet(_ port: UInt16) -> TestPacket {
    TestPacket(source: "10.0.0.1", destination: "192.0.2.1", port: port)
  }

  /// Decides about a packet of 100 bytes to each port, and counts it.
  private func play(_ ports: [UInt16], _ rules: inout FirewallRuleSet) {
    for port in ports {
      let decision = rules.decide(packet(port))
      rules.count(decision, bytes: 100)
    }
  }

  private func table(_ rules: borrowing FirewallRuleSet) -> String { rules.counters.description }

  @Test("every packet is counted in one place, by what decided it")
  func counters() throws {
    var rules = try ruleSet(Self.before)
    play([80, 80, 25, 25, 25, 22, 9], &rules)
    let expected = """
      packets  bytes  action  rule
            2    200  pass    web
            1    100  pass    mail
            2    200  limit   mail, over its rate
            1    100  reset   ssh
            1    100  drop    (default)

      """
    #expect(table(rules) == expected)
  }

  @Test("rules of the same name keep their counters and their buckets; those taken out are counted as earlier")
  func kept() throws {
    var rules = try ruleSet(Self.before)
    play([80, 25, 25, 22, 9], &rules)
    let old = rules.decide(packet(80))
    rules.replace(by: try policy(Self.after))
    #expect(rules.generation == old.generation + 1)
    // A flow that the rules before let pass and that was not asked about again.
    rules.count(old, packets: 3, bytes: 1000)
    #expect(rules.ruleName(of: old) == nil)
    play([443, 587, 8080, 22, 9], &rules)
    let expected = """
      packets  bytes  action  rule
            1    100  drop    new
            1    100  pass    mail
            2    200  limit   mail, over its rate
            2    200  pass    web
            3    300  pass    (default)
            4   1100          (earlier rules)

      """
    #expect(table(rules) == expected)
    // Without any rules everything counted by them is there, but not under their names.
    rules.replace(by: try policy("default: drop\n"))
    #expect(rules.counters.earlier == FirewallHits(packets: 10, bytes: 1700))
    #expect(rules.counters.defaultHits == FirewallHits(packets: 3, bytes: 300))
  }

  @Test("a rule with another rate begins with full buckets, one with the same rate goes on with its own")
  func buckets() throws {
    var rules = try ruleSet(Self.before)
    play([25], &rules)
    rules.replace(by: try policy(Self.before))
    let same = rules.verdict(packet(25))
    rules.replace(by: try policy(Self.before.replacingOccurrences(of: "burst: 1", with: "burst: 2")))
    let other = (0..<3).map { _ in rules.verdict(packet(25)) }
    // Back to the rate before: those buckets are not found again.
    rules.replace(by: try policy(Self.before))
    let back = (0..<2).map { _ in rules.verdict(packet(25)) }
    #expect(same == "drop over the rate of mail")
    #expect(other == ["pass mail", "pass mail", "drop over the rate of mail"])
    #expect(back == ["pass mail", "drop over the rate of mail"])
  }

  @Test("half-open connections stay known, and their sum also when sources are told apart otherwise")
  func halfOpen() throws {
    let text = "default: pass\nsyn-flood: {per-source: 1, total: 2}\n"
    var rules = try ruleSet(text)
    rules.halfOpenBegan(from: IPAddress("10.0.0.1")!)
    rules.replace(by: try policy(text))
    let kept = rules.verdict(packet(80))
    rules.replace(by: try policy(text + "sources: {ipv4-prefix: 24}\n"))
    let forgotten = rules.verdict(packet(80))
    rules.halfOpenBegan(from: IPAddress("10.0.7.1")!)
    let sum = rules.verdict(packet(80))
    #expect([kept, forgotten, sum] == ["drop SYN flood", "pass default", "drop SYN flood"])
    let counters = rules.counters
    #expect(counters.halfOpen == 2)
    #expect(counters.forgottenSources == 1)
  }

  @Test("a file with an error leaves everything as it was, and says what is wrong")
  func failedReload() throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).yaml").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    func write(_ text: String) throws { try Data(text.utf8).write(to: URL(fileURLWithPath: path)) }
    func reload(_ rules: inout FirewallRuleSet) -> String? {
      do {
        try rules.reload(path: path)
        return nil
      } catch {
        return error.description
      }
    }
    var rules = try ruleSet(Self.before)
    play([80, 25, 22], &rules)
    let counted = rules.counters
    let generation = rules.generation
    #expect(reload(&rules) == "\(path): No such file or directory")
    try write(Self.after.replacingOccurrences(of: "8080", with: "80-x"))
    let error = reload(&rules)
    #expect(
      error?.hasPrefix("\(path):3:39: ports: \"80-x\" is no port or range of them, expected") == true, "\(error ?? "")")
    let isUnchanged = rules.counters == counted
    #expect(isUnchanged)
    #expect(rules.generation == generation)
    let verdicts = [80, 8080, 25].map { rules.verdict(packet($0)) }
    #expect(verdicts == ["pass web", "drop default", "drop over the rate of mail"])
    try write(Self.after)
    #expect(reload(&rules) == nil)
    let verdict = rules.verdict(packet(8080))
    #expect(verdict == "drop new")
  }

  @Test("counters as JSON, names of any content escaped")
  func json() throws {
    var rules = try ruleSet(
      "default: drop\nrules:\n  - {name: 'say \"hi\" \\ &', protocol: tcp, ports: 80, action: pass}\n")
    play([80, 9], &rules)
    rules.halfOpenBegan(from: IPAddress("10.0.0.1")!)
    var text = RecordText()
    let counters = rules.counters
    counters.appendJSON(to: &text)
    let written = text.bytes.withMemoryRebound(to: UInt8.self) { Array($0) }
    let object = try #require(try JSONSerialization.jsonObject(with: Data(written)) as? NSDictionary)
    let none: [String: Int] = ["packets": 0, "bytes": 0]
    let expected: NSDictionary = [
      "rules": [
        [
          "name": "say \"hi\" \\ &", "action": "pass", "packets": 1, "bytes": 100, "limited_packets": 0,
          "limited_bytes": 0,
        ] as [String: Any]
      ],
      "default": ["action": "drop", "packets": 1, "bytes": 100] as [String: Any],
      "syn_flood": none, "earlier_rules": none, "half_open": 1, "forgotten_sources": 0,
    ]
    #expect(object == expected)
  }

  @Test("workers' counters are added rule by rule")
  func workers() throws {
    let policy = try policy(Self.before)
    var sum: FirewallCounters?
    for ports in [[80, 22, 9], [80, 80, 25, 25]] as [[UInt16]] {
      var rules = FirewallRuleSet(policy)
      play(ports, &rules)
      rules.halfOpenBegan(from: IPAddress("::1")!)
      let counters = rules.counters
      if sum == nil { sum = counters } else { sum! += counters }
    }
    #expect(sum?.rules.map(\.hits.packets) == [3, 1, 1])
    #expect(sum?.rules.map(\.limited.bytes) == [0, 100, 0])
    #expect(sum?.defaultHits.packets == 1)
    #expect(sum?.halfOpen == 2)
  }
}
