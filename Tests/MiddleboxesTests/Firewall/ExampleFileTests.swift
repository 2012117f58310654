import MOSCore
import Testing

@testable import Middleboxes

@Suite("docs/firewall-example.yaml")
struct ExampleFileTests {
  private func example() throws -> FirewallRuleSet {
    let path = packageRoot.appendingPathComponent("docs/firewall-example.yaml").path
    return FirewallRuleSet(try FirewallPolicy(path: path), hash: FlowHash(secret: (1, 2)))
  }

  @Test("decides as its comments say")
  func decides() throws {
    var rules = try example()
    func check(_ packet: TestPacket, _ expected: String, _ rules: inout FirewallRuleSet) {
      let verdict = rules.verdict(packet)
      #expect(verdict == expected, "\(packet)")
    }
    let web = TestPacket(source: "203.0.113.9", destination: "10.99.0.80", port: 443)
    check(web, "pass web", &rules)
    check(TestPacket(source: "2a00::9", destination: "fd00:99::80"), "pass web", &rules)
    check(TestPacket(source: "203.0.113.9", destination: "10.99.0.82", port: 443), "drop default", &rules)
    check(TestPacket(source: "192.0.2.200", destination: "10.99.0.80"), "drop known scanners", &rules)
    check(TestPacket(source: "2001:db8:bad:1::5", destination: "fd00:99::80"), "drop known scanners", &rules)
    check(
      TestPacket(source: "127.1.2.3", destination: "10.99.0.80"), "drop outside with addresses of the inside", &rules)
    check(TestPacket(source: "10.1.2.3", destination: "10.99.3.4", port: 22), "pass administration", &rules)
    check(
      TestPacket(source: "10.1.2.16", destination: "10.99.3.4", port: 22), "reset no other ssh, and at once", &rules)
    check(TestPacket(source: "10.1.2.3", destination: "10.99.3.4", port: 8080), "pass administration", &rules)
    check(TestPacket(source: "10.1.2.3", destination: "10.99.3.4", port: 8081), "drop default", &rules)
    check(TestPacket(source: "10.7.7.7", destination: "203.0.113.9", port: 8081), "pass office to the internet", &rules)
    // A server is not in the office's zone, though 10.0.0.0/8 covers it.
    check(TestPacket(source: "10.99.7.7", destination: "203.0.113.9", port: 8081), "drop default", &rules)
    check(
      TestPacket(source: "10.99.7.7", destination: "203.0.113.9", port: 53, number: 17), "pass names and time", &rules)
    check(
      TestPacket(source: "203.0.113.9", destination: "10.99.0.80", state: .invalid),
      "drop packets that no stack would take", &rules)
    check(
      TestPacket(source: "203.0.113.9", destination: "10.1.1.1", sourcePort: 3, port: 1, number: 1, state: .related),
      "pass errors about known flows", &rules)
    check(
      TestPacket(source: "10.1.1.1", destination: "203.0.113.9", sourcePort: 8, port: 0, number: 1), "pass ping", &rules
    )
    check(
      TestPacket(source: "fe80::1", destination: "ff02::1", sourcePort: 134, port: 133, number: 58),
      "pass ping over IPv6, and what IPv6 needs", &rules)
    check(TestPacket(source: "10.1.1.1", destination: "203.0.113.9", number: 50), "pass IPsec", &rules)
  }

  @Test("a host that opens connections without end passes up to its rate, and every other one as before")
  func connectionsWithoutEnd() throws {
    var rules = try example()
    var verdicts: [String: Int] = [:]
    for number in 0..<1000 {
      // A millisecond apart: ten times what is allowed.
      let packet = TestPacket(source: "203.0.113.9", destination: "10.99.0.80", time: Int64(number) * 1_000_000)
      verdicts[rules.verdict(packet), default: 0] += 1
    }
    // The burst, and 0.1 for each of the 999 milliseconds.
    #expect(verdicts == ["pass web": 299, "drop more connections than anybody needs": 701])
    let other = TestPacket(source: "203.0.113.10", destination: "10.99.0.80", time: 999_000_000)
    let verdict = rules.verdict(other)
    #expect(verdict == "pass web")
  }

  @Test("mail beyond its rate is reset")
  func mail() throws {
    var rules = try example()
    let mail = TestPacket(source: "203.0.113.9", destination: "10.99.0.25", port: 25)
    for _ in 0..<10 {
      let verdict = rules.verdict(mail)
      #expect(verdict == "pass mail")
    }
    let verdict = rules.verdict(mail)
    #expect(verdict == "reset over the rate of mail")
  }
}
