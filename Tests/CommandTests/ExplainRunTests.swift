import Foundation
import Testing

@Suite("mos replay --explain")
struct ExplainRunTests {
  @Test("a packet's flow, events and handlers are told, by one worker or several", arguments: [1, 3])
  func explains(workers: Int) throws {
    let run = try CommandProcess.run(
      "replay", "--quiet", "--explain", "3", "--middlebox", "monitor", "--checksum", "ignore", "--workers",
      "\(workers)", CommandProcess.trace("http"))
    let lines = run.output.split(separator: "\n").map(String.init)
    #expect(run.status == 0 && run.messages == "")
    let first = try #require(lines.first)
    #expect(first.hasPrefix("packet 3 at ") && first.contains(": tcp ") && first.contains(" [A] "))
    #expect(
      lines.contains { $0.hasPrefix("  from the client; the flow began with packet 1; afterwards client ESTABLISHED") })
    #expect(lines.contains("  .receiver stateChange: server SYN_RECEIVED -> ESTABLISHED"))
    #expect(lines.contains { $0.hasPrefix("    monitor: On(established) in ") })
  }

  @Test("without middleboxes there is what the tracker says, and records are the same") func withoutBoxes() throws {
    let arguments = ["replay", "--quiet", "--events", "-", "--checksum", "ignore", CommandProcess.trace("loss")]
    let plain = try CommandProcess.run(arguments)
    let run = try CommandProcess.run(arguments + ["--explain", "20"])
    #expect(run.output == plain.output)
    // Standard output has the records.
    let lines = run.messages.split(separator: "\n").map(String.init)
    #expect(lines.first?.hasPrefix("packet 20 at ") == true && lines.contains("  none: there is no middlebox"))
    let events = plain.records.filter { $0["n"] as? Int == 20 }.map { ".\($0["hook"] ?? "") \($0["event"] ?? "")" }
    let told = lines.filter { $0.hasPrefix("  .") }.map { $0.dropFirst(2).prefix { $0 != ":" } }
    #expect(events.count >= 2 && told.map(String.init) == events)
  }

  @Test("what a middlebox decides is told") func decision() throws {
    let rules = try CommandProcess.temporaryFolder().appendingPathComponent("rules.yaml")
    try Data("default: {action: reset, log: yes}\n".utf8).write(to: rules)
    let run = try CommandProcess.run(
      "replay", "--quiet", "--explain", "1", "--middlebox", "firewall", "--config", rules.path, "--checksum", "ignore",
      CommandProcess.trace("http"))
    let lines = run.output.split(separator: "\n").map { $0.drop { $0 == " " } }
    // Not among the reports about all other packets.
    #expect(lines.first?.hasPrefix("packet 1 at ") == true)
    #expect(lines.contains { $0.hasPrefix("firewall: Filter(packet at .sender) in ") })
    #expect(lines.contains { $0.hasPrefix("reports: reset new") })
    #expect(lines.contains("drops the packet") && lines.contains("resets the connection, or an end of it"))
    #expect(lines.last == "verdict: dropped by firewall")
  }

  @Test("a packet that does not come is said, with how many there were") func absent() throws {
    let run = try CommandProcess.run("replay", "--quiet", "--explain", "1000", CommandProcess.trace("http"))
    #expect(run.status == 1 && run.messages.contains("--explain 1000: the trace has"))
    #expect(run.messages.split(separator: "\n").count == 1)
  }
}
