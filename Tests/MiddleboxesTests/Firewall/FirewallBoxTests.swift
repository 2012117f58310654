import EventDSL
import EventSupport
import Middleboxes
import Testing

@Suite("The firewall on packets")
struct FirewallBoxTests {
  /// The client is 10.0.0.1, the server 10.0.0.2, port 80.
  private func firewall(_ rules: String, other: String = "") throws -> Firewall {
    let text = "default: {action: drop, log: yes}\n\(other)\nrules:\n\(rules)"
    return Firewall(try FirewallPolicy(bytes: Array(text.utf8), file: "rules.yaml"))
  }

  private let web = "  - {name: web, protocol: tcp, ports: 80, to: 10.0.0.2, action: pass}\n"

  @Test("What a rule lets pass goes on in both directions, until the connection's end")
  func passes() throws {
    let box = try firewall(web)
    var script = try EventScript(box)
    try script.play(
      """
      c > S seq 0
      s > SA seq 0 ack 1
      c > A seq 1 ack 1
      c > PA seq 1 ack 1 "hello"
      s > FA seq 1 ack 6
      c > FA seq 6 ack 2
      s > A seq 2 ack 7
      """)
    #expect(script.output.count == 7)
    #expect(box.counters.rules[0].hits.packets == 7)
    #expect(box.counters.halfOpen == 0)
  }

  @Test("What no rule decides is dropped by the default, and logged once a flow")
  func dropsByDefault() throws {
    var script = try EventScript(try firewall("  - {name: ssh, protocol: tcp, ports: 22, action: pass}\n"))
    let reports = try script.play("c > S seq 0\nc > S seq 0\nc > S seq 0 port 40001")
    #expect(script.output.isEmpty)
    #expect(reports == ["drop new: no rule (defaultAction)", "drop new: no rule (defaultAction)"])
  }

  @Test("A reset answers the SYN as a closed port would, and the SYN goes nowhere")
  func resets() throws {
    var script = try EventScript(try firewall("  - {name: closed, protocol: tcp, ports: 80, action: reset}\n"))
    try script.play("c > S seq 0")
    #expect(script.output.map(\.text) == ["s > RA seq \(0 &- 5_000_000 as UInt32) ack 1"])
    #expect(script.output.first?.isReturned == true)
  }

  @Test("A packet that no stack would take is invalid, also within a connection that passes")
  func invalid() throws {
    var script = try EventScript(
      try firewall("  - {name: broken, states: invalid, action: drop, log: yes}\n" + web))
    let reports = try script.play(
      """
      c > S seq 0
      s > SA seq 0 ack 1
      c > A seq 1 ack 1
      c > PA seq 1 ack 1 "evil" badsum
      c > PA seq 1 ack 1 "good"
      """)
    #expect(reports == ["drop invalid: rule \"broken\" (rule)"])
    #expect(script.output.map(\.text).last == "c > PA seq 1 ack 1 \"good\"")
    #expect(script.output.count == 4)
  }

  @Test("A TCP packet without a connection is invalid where flows are not picked up")
  func orphan() throws {
    var script = try EventScript(
      [try firewall("  - {name: broken, states: invalid, action: drop, log: yes}\n" + web)], burst: 1
    ) { $0.midstream = false }
    let reports = try script.play("c > A seq 5 ack 7")
    #expect(reports == ["drop invalid: rule \"broken\" (rule)"])
    #expect(script.output.isEmpty)
  }

  @Test("SYN-flood protection counts connections until they are established or end")
  func flood() throws {
    let box = try firewall(web, other: "syn-flood: {per-source: 2, action: drop, log: yes}")
    var script = try EventScript(box)
    let reports = try script.play(
      """
      c > S seq 0 port 40000
      c > S seq 0 port 40001
      c > S seq 0 port 40002
      s > SA seq 0 ack 1 port 40000
      c > A seq 1 ack 1 port 40000
      c > S seq 0 port 40003
      """)
    #expect(reports == ["drop new: rule \"web\" (synFlood)"])
    #expect(script.output.count == 5)
    #expect(box.counters.halfOpen == 2)
  }
}
