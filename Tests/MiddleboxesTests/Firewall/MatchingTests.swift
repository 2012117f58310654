import MOSCore
import Testing

@testable import Middleboxes

@Suite("Matching of packets and rules")
struct MatchingTests {
  @Test("decides as a walk over all rules, bit by bit, does", arguments: UInt64(0)..<40)
  func naive(seed: UInt64) {
    var random = RandomFirewall(seed: seed)
    let policy = random.policy()
    var rules = FirewallRuleSet(policy, hash: FlowHash(secret: (1, 2)))
    let naive = NaiveFirewall(policy: policy)
    var wrong: [String] = []
    for _ in 0..<100 {
      let query = random.query()
      let decision = rules.decide(query)
      let expected = naive.decide(query)
      let rule = decision.rule == FirewallDecision.noRule ? nil : Int(decision.rule)
      if decision.action != expected.action || rule != expected.rule { wrong.append("\(query): \(decision)") }
    }
    #expect(wrong.isEmpty)
  }

  @Test("an address has the value of the longest prefix that covers it", arguments: UInt64(0)..<40)
  func longestPrefix(seed: UInt64) {
    var random = RandomFirewall(seed: seed)
    var values: [IPPrefix: UInt8] = [:]
    for value in 1...UInt8(1 + seed) { values[random.prefix()] = value }
    let prefixes = values.map { (prefix: $0.key, value: $0.value) }
    let ranges = AddressRanges(prefixes)
    // A second map before it, so that a wrong start is seen.
    let table = AddressTable([AddressRanges([(IPPrefix(IPAddress(v4: 0), length: 0)!, 99)]), ranges])
    var addresses = (0..<100).map { _ in random.address() }
    for (prefix, _) in prefixes {
      for edge in [prefix.address, prefix.last] {
        addresses += [edge, IPAddress(edge.number &+ 1), IPAddress(edge.number &- 1)]
      }
    }
    var wrong: [String] = []
    for address in addresses {
      let covering = prefixes.filter { NaiveFirewall.covers($0.prefix, address) }
      let expected = covering.max { $0.prefix.length < $1.prefix.length }?.value ?? 0
      if table.value(of: address, in: 1) != expected { wrong.append("\(address), \(expected)") }
    }
    #expect(wrong.isEmpty)
    for (left, right) in zip(ranges.v6, ranges.v6.dropFirst()) + Array(zip(ranges.v4, ranges.v4.dropFirst())) {
      #expect(left.last < right.first)
      #expect(left.value != right.value || left.last + 1 < right.first)
    }
  }

  @Test("::/0 means IPv6 only, 0.0.0.0/0 IPv4 only")
  func families() throws {
    var rules = try ruleSet(
      """
      default: drop
      rules:
        - {name: six, from: "::/0", action: pass}
        - {name: mapped, from: "::fffe:0:0/95", action: pass}
        - {name: four, from: 0.0.0.0/0, action: pass}
      """)
    let names = ["::1", "255.255.255.255", "0.0.0.0", "::", "ffff:ffff::1"].map { address in
      rules.verdict(TestPacket(source: address, destination: address))
    }
    #expect(names == ["pass six", "pass four", "pass four", "pass six", "pass six"])
  }

  @Test("the first rule that matches decides, also when a later one fits better")
  func firstMatch() throws {
    var rules = try ruleSet(
      """
      default: pass
      rules:
        - {name: a, from: 10.0.0.0/8, action: drop}
        - {name: b, from: 10.0.0.1, action: pass}
      """)
    let verdicts = ["10.0.0.1", "11.0.0.1"].map { rules.verdict(TestPacket(source: $0, destination: "192.0.2.1")) }
    #expect(verdicts == ["drop a", "pass default"])
  }

  @Test("`from` is who opened the flow, whoever of the two sends")
  func direction() throws {
    var rules = try ruleSet(
      "default: drop\nrules:\n  - {name: web, from: 10.0.0.0/8, protocol: tcp, ports: 80, action: pass}\n")
    let request = TestPacket(source: "10.0.0.1", destination: "192.0.2.1", sourcePort: 40_000, port: 80)
    let reply = TestPacket(
      source: "192.0.2.1", destination: "10.0.0.1", sourcePort: 80, port: 40_000, sender: .server, state: .established)
    let backwards = TestPacket(source: "192.0.2.1", destination: "10.0.0.1", sourcePort: 80, port: 40_000)
    let verdicts = [request, reply, backwards].map { rules.verdict($0) }
    #expect(verdicts == ["pass web", "pass web", "drop default"])
  }

  @Test("a rule without states: one that passes leaves out invalid packets, one that stops does not")
  func statesLeftOut() throws {
    var rules = try ruleSet(
      """
      default: reset
      rules:
        - {name: stop, to: 10.0.0.1, action: drop}
        - {name: let, to: 10.0.0.2, action: pass}
        - {name: told, to: 10.0.0.3, states: [invalid, related], action: pass}
      """)
    func verdicts(_ address: String, _ rules: inout FirewallRuleSet) -> [String] {
      FirewallState.allCases.map { rules.verdict(TestPacket(source: "::1", destination: address, state: $0)) }
    }
    let stop = verdicts("10.0.0.1", &rules)
    #expect(stop == ["drop stop", "drop stop", "drop stop", "drop stop"])
    let pass = verdicts("10.0.0.2", &rules)
    #expect(pass == ["pass let", "pass let", "pass let", "reset default"])
    let told = verdicts("10.0.0.3", &rules)
    #expect(told == ["reset default", "reset default", "pass told", "pass told"])
  }

  @Test("what is not TCP is dropped where TCP is reset, by rules and by default")
  func resetIsForTCP() throws {
    var rules = try ruleSet("default: reset\nrules:\n  - {name: a, to: 10.0.0.1, action: reset}\n")
    let numbers: [UInt8] = [6, 17, 1]
    let byRule = numbers.map { rules.verdict(TestPacket(source: "10.0.0.2", destination: "10.0.0.1", number: $0)) }
    #expect(byRule == ["reset a", "drop a", "drop a"])
    let byDefault = numbers.map { rules.verdict(TestPacket(source: "10.0.0.2", destination: "10.0.0.3", number: $0)) }
    #expect(byDefault == ["reset default", "drop default", "drop default"])
  }

  @Test("the decision says whether to log, by the rule that decided or by the default")
  func logging() throws {
    var rules = try ruleSet(
      """
      default: {action: drop, log: yes}
      rules:
        - {name: quiet, to: 10.0.0.1, action: pass}
        - {name: loud, to: 10.0.0.2, action: pass, log: on}
        - {name: fast, to: 10.0.0.3, action: drop, rate-limit: 1/hour}
      """)
    let logs = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.3", "10.0.0.4"].map { address in
      rules.decide(TestPacket(source: "10.9.9.9", destination: address)).logs
    }
    // The first to 10.0.0.3 is within the rate, so that rule leaves it to the default.
    #expect(logs == [false, true, true, false, true])
  }

  @Test("ports at the ends of ranges, ICMP types, protocols by number")
  func ports() throws {
    var rules = try ruleSet(
      """
      default: drop
      rules:
        - {name: low, protocol: tcp, ports: [0, 5-6], action: pass}
        - {name: high, protocol: [udp, tcp], ports: 65535, source-ports: 10 - 20, action: pass}
        - {name: echo, protocol: icmp, icmp-types: 8, action: pass}
        - {name: neighbour, protocol: icmpv6, icmp-types: [133-137], action: pass}
        - {name: gre, protocol: 47, action: pass}
      """)
    func check(_ number: UInt8, _ sourcePort: UInt16, _ port: UInt16, _ expected: String) {
      let packet = TestPacket(
        source: "10.0.0.1", destination: "10.0.0.2", sourcePort: sourcePort, port: port, number: number)
      let verdict = rules.verdict(packet)
      #expect(verdict == expected, "\(number) \(sourcePort) \(port)")
    }
    check(6, 1, 0, "pass low")
    check(6, 1, 4, "drop default")
    check(6, 1, 5, "pass low")
    check(6, 1, 6, "pass low")
    check(6, 1, 7, "drop default")
    check(17, 1, 5, "drop default")
    check(17, 9, 65_535, "drop default")
    check(17, 10, 65_535, "pass high")
    check(6, 20, 65_535, "pass high")
    check(6, 21, 65_535, "drop default")
    check(1, 8, 0, "pass echo")
    check(1, 0, 8, "drop default")
    check(58, 8, 0, "drop default")
    check(58, 137, 0, "pass neighbour")
    check(47, 0, 0, "pass gre")
    check(48, 0, 0, "drop default")
  }

  @Test("names that look like something else in YAML are names")
  func names() throws {
    var rules = try ruleSet(
      "default: drop\nzones: {yes: 10.0.0.1, null-zone: 10.0.0.2}\ngroups: {e5: 10.0.0.3}\n"
        + "rules:\n  - {name: 007, from: yes, action: pass}\n  - {name: 1e3, from: [null-zone, e5], action: pass}\n")
    let verdicts = (1...4).map { rules.verdict(TestPacket(source: "10.0.0.\($0)", destination: "::1")) }
    #expect(verdicts == ["pass 007", "pass 1e3", "pass 1e3", "drop default"])
  }
}
