import MOSCore
import Middleboxes

/// The input is a firewall's rule file. Of one that is taken, packets are decided about whose fields are the file's bytes.
let rulesTarget = Target(
  name: "rules",
  run: { data, size in
    let bytes = [UInt8](UnsafeBufferPointer(start: data, count: size))
    do throws(ConfigurationError) {
      let policy = try FirewallPolicy(bytes: bytes, file: "rules.yaml")
      var rules = FirewallRuleSet(policy, hash: FlowHash(secret: (1, 2)))
      decide(&rules, count: policy.ruleCount, bytes)
      rules.replace(by: policy)
      decide(&rules, count: policy.ruleCount, bytes)
      precondition(rules.counters.rules.count == policy.ruleCount)
      sink ^= UInt8(truncatingIfNeeded: rules.counters.description.utf8.count)
    } catch {
      // What is missing at the end is missing behind the last line.
      let lines = bytes.count { $0 == 10 || $0 == 13 } + 2
      if let line = error.line, let column = error.column {
        precondition(line >= 1 && line <= lines && column >= 1 && column <= size + 1, "\(error)")
      }
      precondition(!error.description.utf8.contains { $0 < 0x20 || $0 == 0x7f }, "an error of more than a line")
    }
    return 0
  },
  seeds: { _ in RuleFiles.examples })

private func decide(_ rules: inout FirewallRuleSet, count: Int, _ bytes: [UInt8]) {
  func byte(_ place: Int) -> UInt64 { UInt64(bytes[place % bytes.count]) }
  var packets: UInt64 = 0
  for step in 0..<40 {
    let place = step * 7
    let v4 = IPAddress(v4: UInt32(byte(place) << 24 | byte(place + 1)))
    let v6 = IPAddress(high: byte(place) << 56, low: byte(place + 2))
    let key = FlowKey(
      source: step % 3 == 0 ? v6 : v4, sourcePort: UInt16(byte(place + 3)), destination: step % 3 == 0 ? v6 : v4,
      destinationPort: UInt16(byte(place + 4)), protocolNumber: [1, 6, 17, 58, UInt8(byte(place + 5))][step % 5])
    let time = Int64(bitPattern: byte(place + 6) << 56 | byte(place))
    let decision = rules.decide(
      FirewallQuery(
        key: key, sender: step % 2 == 0 ? .client : .server, state: FirewallState(rawValue: UInt8(step & 3))!,
        time: Timestamp(nanoseconds: time)))
    precondition(decision.rule == FirewallDecision.noRule || decision.rule < count)
    precondition((decision.cause == .rule || decision.cause == .rateLimit) <= (decision.rule < count))
    precondition(decision.action != .reset || key.protocolNumber == 6)
    rules.count(decision, bytes: 1)
    packets += 1
    if step % 4 == 0 { rules.halfOpenBegan(from: v4) } else { rules.halfOpenEnded(from: v4) }
  }
  let counters = rules.counters
  let counted =
    counters.rules.reduce(counters.defaultHits.packets + counters.synFlood.packets) {
      $0 + $1.hits.packets + $1.limited.packets
    }
  precondition(counted == packets || counted == 2 * packets, "\(packets) packets, \(counted) counted")
}

/// Implication.
private func <= (left: Bool, right: Bool) -> Bool { !left || right }

enum RuleFiles {
  /// The file in the documentation, and smaller ones of which little has to change to be another.
  static var examples: [[UInt8]] {
    let root = #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
    let texts = [
      "default: drop\n",
      "default: {action: pass, log: yes}\nzones: {a: [10.0.0.0/8, \"::/0\"]}\nrules:\n  - {name: x, from: a, action: drop}\n",
      "default: drop\nrules:\n- name: x\n  protocol: [tcp, 17]\n  ports: [1, 2-3]\n  action: pass\n  rate-limit: 1/hour\n",
      "default: pass\nsyn-flood: {total: 1, per-source: 2}\nsources: {maximum: 16}\ngroups:\n  g:\n    - fd00::/8\n",
      "a: &a [b, *a]\n? {c: 'd'}\n: |\n  e\n!!str \"\\x41\": >-\n  f\n--- %\n",
    ]
    return texts.map { Array($0.utf8) } + [head(of: "/" + root + "/docs/firewall-example.yaml", atMost: 8192)]
  }
}
