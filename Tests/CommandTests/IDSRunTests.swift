import Foundation
import Testing

@Suite("mos replay --middlebox ids")
struct IDSRunTests {
  private static let example = CommandProcess.root.appendingPathComponent("docs/ids-example.yaml").path

  @Test(
    "an alert is EVE's, with the addresses of who sent what was found, for one worker or several", arguments: [1, 3])
  func alert(workers: Int) throws {
    let run = try CommandProcess.run(
      "replay", "--quiet", "--middlebox", "ids", "--config", Self.example, "--workers", "\(workers)", "--eve", "-",
      CommandProcess.trace("http"))
    #expect(run.status == 0)
    let alerts = run.records.filter { $0["event_type"] as? String == "alert" }
    #expect(alerts.count == 1)
    let record = try #require(alerts.first)
    #expect(record["src_ip"] as? String == "198.51.100.80" && record["src_port"] as? Int == 80)
    #expect(record["dest_ip"] as? String == "192.0.2.10" && record["pcap_cnt"] as? Int == 11)
    #expect(record["direction"] as? String == "to_client" && record["proto"] as? String == "TCP")
    let alert = try #require(record["alert"] as? [String: Any])
    #expect(alert["signature_id"] as? Int == 1_000_002 && alert["gid"] as? Int == 1 && alert["rev"] as? Int == 1)
    #expect(alert["signature"] as? String == "a page that is not there")
    #expect(alert["action"] as? String == "allowed" && alert["severity"] as? Int == 2)
    let flow = try #require(record["flow"] as? [String: Any])
    #expect(flow["pkts_toserver"] as? Int == 6 && flow["pkts_toclient"] as? Int == 5)
    #expect(record["app_proto"] as? String == "http" && record["payload"] == nil)
    let alerted = run.records.filter { ($0["flow"] as? [String: Any])?["alerted"] as? Bool == true }
    #expect(alerted.count == 1 && alerted.first?["dest_port"] as? Int == 80)
  }

  @Test("alerts have the payload, and the summary the time of each rule, where the configuration asks for them")
  func payloadAndTimes() throws {
    let folder = try CommandProcess.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let rules = """
      alert http any any -> any any (flow:to_server; http.method; content:"GET"; http.uri; content:"/"; sid:1;)
      """
    try Data(rules.utf8).write(to: folder.appendingPathComponent("own.rules"))
    try Data("rules: [own.rules]\npayload: yes\n".utf8).write(
      to: folder.appendingPathComponent("ids.yaml"))
    #expect(
      try CommandProcess.run("replay", "--rule-stats", CommandProcess.trace("http")).messages.contains(
        "--middlebox ids"))
    let run = try CommandProcess.run(
      "replay", "--rule-stats", "--middlebox", "ids", "--config", folder.appendingPathComponent("ids.yaml").path,
      "--eve",
      folder.appendingPathComponent("eve.json").path, CommandProcess.trace("http"))
    #expect(run.status == 0)
    let eve = try String(contentsOf: folder.appendingPathComponent("eve.json"), encoding: .utf8)
    let records = try eve.split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
    let alert = try #require(records.first { $0["event_type"] as? String == "alert" })
    let payload = try #require((alert["payload"] as? String).flatMap { Data(base64Encoded: $0) })
    #expect(payload.starts(with: Data("GET /".utf8)) && payload.suffix(4) == Data("\r\n\r\n".utf8))
    #expect(alert["payload_printable"] as? String == String(decoding: payload, as: UTF8.self))
    #expect(alert["tx_id"] as? Int == 0)
    #expect(run.output.contains("rules that were asked") && run.output.contains("each, ns"))
  }

  @Test("a rule that is wrong, or needs what there is not, is in the summary with its line; the others are used")
  func leftOut() throws {
    let folder = try CommandProcess.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let rules = """
      alert tcp any any -> any any (content:"GET"; sid:1;)
      alert tcp any any -> any any (content:"GET; sid:2;)
      alert smb any any -> any any (content:"x"; sid:3;)
      """
    try Data(rules.utf8).write(to: folder.appendingPathComponent("own.rules"))
    try Data("rules: [own.rules]\n".utf8).write(to: folder.appendingPathComponent("ids.yaml"))
    let run = try CommandProcess.run(
      "replay", "--middlebox", "ids", "--config", folder.appendingPathComponent("ids.yaml").path,
      CommandProcess.trace("http"))
    #expect(run.status == 0)
    let text = run.output
    #expect(text.contains("own.rules:2: sid 2:") && text.contains("own.rules:3: sid 3: not used, the protocol smb"))
    #expect(text.contains("[1:1:0]"))
  }

  @Test("without rules nothing starts, and what is wrong is said in one line")
  func wrongFiles() throws {
    let folder = try CommandProcess.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appendingPathComponent("ids.yaml")
    for (text, part) in [
      ("rules: [absent.rules]\n", "absent.rules"), ("", "`rules`"), ("rules: [a]\nhome: x\n", "ids.yaml:2:1"),
      ("rules: [a]\naddresses: 5\n", "ids.yaml:2:"),
    ] {
      try Data(text.utf8).write(to: path)
      let run = try CommandProcess.run(
        "replay", "--middlebox", "ids", "--config", path.path, CommandProcess.trace("http"))
      #expect(run.status == 2)
      #expect(run.messages.contains(part) && run.messages.split(separator: "\n").count == 1, "\(run.messages)")
    }
    #expect(
      try CommandProcess.run("replay", "--middlebox", "ids", CommandProcess.trace("http")).messages.contains("--config")
    )
  }
}
