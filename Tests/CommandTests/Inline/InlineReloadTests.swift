import Foundation
import Testing

/// Real programs through a `mos inline` that is sent SIGHUP.
@Suite(
  "mos inline at SIGHUP", .serialized,
  .enabled(if: InlineNetwork.isPossible, "needs root, ip, ethtool, curl and python3: skipped"))
struct InlineReloadTests {
  private func end(_ process: Process, _ network: InlineNetwork) {
    kill(process.processIdentifier, SIGINT)
    process.waitUntilExit()
    #expect(process.terminationReason == .exit && process.terminationStatus == 0, "\(network.messages("box"))")
  }

  private func write(_ text: String, _ name: String, _ network: InlineNetwork) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: network.path(name)))
  }

  /// Sends SIGHUP, and waits for the lines that the box says then.
  private func hangUp(_ box: Process, _ network: InlineNetwork, lines: Int = 1) -> [Substring] {
    func said() -> [Substring] { network.messages("box").split(separator: "\n") }
    let before = said().count
    kill(box.processIdentifier, SIGHUP)
    _ = network.wait { said().count >= before + lines }
    // What is too much has time to come.
    usleep(300_000)
    return Array(said().dropFirst(before))
  }

  @Test(
    "a firewall with two workers takes new rules, under which established flows go on; a wrong file changes nothing")
  func firewall() throws {
    let network = try InlineNetwork()
    network.makeFile("big", count: 12_000_000)
    network.makeFile("page", count: 10_000)
    try network.startWebServer()
    try write("default: pass\n", "rules.yaml", network)
    let box = try network.startBox(
      "box", ["--workers", "2", "--middlebox", "firewall", "--config", network.path("rules.yaml")], queues: 2)
    func page() -> Int32 {
      network.run(in: network.client, "curl -s --max-time 2 http://10.9.0.2/page | cmp - page").status
    }
    let downloads = try (1...4).map { number in
      try network.start(
        in: network.client,
        [
          "curl", "-s", "--limit-rate", "1500k", "--max-time", "60", "-o", network.path("copy\(number)"),
          "http://10.9.0.2/big",
        ])
    }
    #expect(page() == 0)
    let closed = "default: drop\nrules:\n  - {name: open ones, states: established, action: pass}\n"
    try write(closed, "rules.yaml", network)
    let changed = hangUp(box, network)
    #expect(changed.count == 1 && changed[0].contains("--middlebox firewall: 1 rules are in use now"), "\(changed)")
    #expect(page() != 0)
    try write("default: pass\nrules:\n  - {name: odd, action: sometimes}\n", "rules.yaml", network)
    let refused = hangUp(box, network)
    #expect(refused.count == 1 && refused[0].contains("rules.yaml:3:"), "\(refused)")
    #expect(refused.first?.hasSuffix("nothing was changed") == true)
    #expect(page() != 0)
    #expect(downloads.contains { $0.isRunning })
    for download in downloads { download.waitUntilExit() }
    #expect(downloads.map(\.terminationStatus) == [0, 0, 0, 0])
    for number in 1...4 {
      #expect(InlineNetwork.shell("cmp \(network.path("copy\(number)")) \(network.path("big"))").status == 0)
    }
    try write("default: pass\n", "rules.yaml", network)
    _ = hangUp(box, network)
    #expect(page() == 0)
    end(box, network)
  }

  @Test("an IDS's rule that came by reload alerts in a connection that began before")
  func intrusion() throws {
    let network = try InlineNetwork()
    try network.start(in: network.server, ["python3", "-c", Self.sink])
    _ = network.wait { network.run(in: network.server, "ss -ltn | grep -q ':9000 '").status == 0 }
    func rule(_ sid: Int, _ content: String) -> String {
      "alert tcp any any -> any 9000 (msg:\"\(content)\"; flow:established,to_server; content:\"\(content)\"; sid:\(sid);)\n"
    }
    try write(rule(1, "the first words"), "own.rules", network)
    try write("rules: [own.rules]\n", "ids.yaml", network)
    let box = try network.startBox(
      "box", ["--middlebox", "ids", "--config", network.path("ids.yaml"), "--eve", network.path("eve.json")])
    func alerts() -> [Int] {
      network.records("eve.json").compactMap { ($0["alert"] as? [String: Any])?["signature_id"] as? Int }
    }
    let talker = try network.start(in: network.client, ["python3", "-c", Self.talker])
    #expect(network.wait { alerts() == [1] })
    try write(rule(1, "the first words") + rule(2, "the last words"), "own.rules", network)
    let said = hangUp(box, network)
    #expect(said.count == 1 && said[0].contains("--middlebox ids: 2 rules are in use now"), "\(said)")
    try write("", "go", network)
    #expect(network.wait { alerts() == [1, 2] }, "\(alerts())")
    talker.waitUntilExit()
    end(box, network)
    let flows = network.records("eve.json").filter { $0["alert"] != nil }.compactMap { $0["flow_id"] as? Int }
    #expect(flows.count == 2 && Set(flows).count == 1)
  }

  @Test("records go on in new files where the old ones were moved away, and no line is lost")
  func rotation() throws {
    let network = try InlineNetwork()
    network.makeFile("page", count: 1_000)
    try network.startWebServer()
    let streams = ["conn", "eve", "events"]
    let box = try network.startBox(
      "box",
      [
        "--conn-log", network.path("conn"), "--conn-format", "zeek", "--eve", network.path("eve"), "--events",
        network.path("events"), "--udp-timeout", "1s",
      ])
    func text(_ name: String) -> String { (try? String(contentsOfFile: network.path(name), encoding: .utf8)) ?? "" }
    /// Flows whose records come soon: those of TCP linger.
    func send(from port: Int, _ count: Int) {
      let program =
        "import socket\nfor p in range(\(port), \(port + count)):\n"
        + "    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n    s.bind((\"\", p))\n"
        + "    s.sendto(b\"x\", (\"10.9.0.2\", 9))\n"
      network.run(in: network.client, "python3 -c '\(program)'")
    }
    func datagrams(_ name: String) -> [String] {
      text(name).split(separator: "\n").filter { $0.contains("\t9\tudp\t") }
        .map { String($0.split(separator: "\t")[3]) }.sorted()
    }
    func get(_ count: Int) {
      for _ in 0..<count {
        #expect(network.run(in: network.client, "curl -s http://10.9.0.2/page | cmp - page").status == 0)
      }
    }
    get(3)
    send(from: 5_001, 3)
    #expect(network.wait { datagrams("conn").count == 3 })
    for name in streams { InlineNetwork.shell("mv \(network.path(name)) \(network.path(name)).1") }
    #expect(hangUp(box, network, lines: 0) == [])
    #expect(network.wait { streams.allSatisfy { FileManager.default.fileExists(atPath: network.path($0)) } })
    // A file that was not moved goes on as it is.
    #expect(hangUp(box, network, lines: 0) == [])
    get(2)
    send(from: 5_004, 2)
    end(box, network)
    for name in ["conn", "conn.1"] {
      let lines = text(name).split(separator: "\n")
      #expect(lines.first == "#separator \\x09" && lines.last?.hasPrefix("#close") == true)
      #expect(lines.filter { $0.hasPrefix("#fields") }.count == 1, "\(name)")
    }
    #expect(datagrams("conn.1") == ["5001", "5002", "5003"] && datagrams("conn") == ["5004", "5005"])
    for name in ["eve", "events"] {
      for suffix in ["", ".1"] {
        let lines = text(name + suffix).split(separator: "\n")
        #expect(!lines.isEmpty && lines.count == network.records(name + suffix).count, "\(name)\(suffix)")
      }
    }
    let recorded = ["conn.1", "conn"].flatMap { name in
      text(name).split(separator: "\n").filter { $0.contains("\ttcp\t") }.map { String($0.split(separator: "\t")[1]) }
    }
    let begun = ["events.1", "events"].flatMap { name in
      network.records(name).filter { $0["event"] as? String == "connectionStart" && $0["hook"] as? String == "sender" }
        .compactMap { $0["uid"] as? String }
    }
    #expect(recorded.count == begun.count && Set(recorded) == Set(begun))
  }

  private static let sink = """
    import socket
    s = socket.create_server(("10.9.0.2", 9000))
    c, _ = s.accept()
    while c.recv(4096):
        c.send(b"more")
    """
  private static let talker = """
    import os, socket, time
    s = socket.create_connection(("10.9.0.2", 9000))
    s.send(b"the first words")
    s.recv(10)
    while not os.path.exists("go"):
        time.sleep(0.05)
    s.send(b"the last words")
    s.recv(10)
    time.sleep(2)
    """
}
