import Foundation
import Testing

@Suite("mos inline from captures and its options", .serialized)
struct InlineRecordTests {
  /// Runs a bridge from a capture until it has passed, and ends it.
  private func bridge(
    _ capture: String, output: String, _ arguments: [String]
  ) throws -> CommandProcess {
    try CommandProcess.run(
      [
        "inline", "--port", "net_pcap0,rx_pcap=\(capture)", "--port", "net_pcap1,tx_pcap=\(output)", "--eal",
        "--no-huge -m 256",
      ] + arguments,
      whileRunning: { process in
        // There is no end of a capture for a port: it falls silent.
        usleep(2_500_000)
        process.interrupt()
      })
  }

  @Test(
    "a capture that plays at a port gives the records of a replay, event by event, and leaves as it came",
    arguments: ["mixed", "loss", "half-close", "reset", "probes", "fragments", "ipv6", "tunnel", "attacks"])
  func dualDeployment(trace: String) throws {
    let folder = try CommandProcess.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
    func arguments(_ prefix: String) -> [String] {
      ["conn-log", "eve", "events"].flatMap { ["--\($0)", path("\(prefix).\($0)")] } + ["--middlebox", "monitor"]
    }
    let replay = try CommandProcess.run(
      ["replay", "--quiet", "--write-pcap", path("replay.pcap")] + arguments("replay") + [CommandProcess.trace(trace)])
    #expect(replay.status == 0)
    let inline = try bridge(CommandProcess.trace(trace), output: path("inline.pcap"), arguments("inline"))
    #expect(inline.status == 0, "\(inline.messages)")
    for name in ["conn-log", "eve", "events"] {
      func lines(_ prefix: String) throws -> [Substring] {
        try String(contentsOfFile: path("\(prefix).\(name)"), encoding: .utf8).split(separator: "\n")
          .filter { !$0.contains("\"event_type\":\"stats\"") }
      }
      let expected = try lines("replay")
      #expect(expected.count > 0 || name == "eve")
      #expect(try lines("inline") == expected, "\(name)")
    }
    #expect(try frames(path("inline.pcap")) == frames(path("replay.pcap")))
  }

  /// The frames' bytes in a pcap file of this machine's byte order.
  private func frames(_ path: String) throws -> [Data] {
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    var frames: [Data] = []
    var offset = 24
    while offset + 16 <= data.count {
      let length = data[offset + 8..<offset + 12].reversed().reduce(0) { $0 << 8 | Int($1) }
      frames.append(data.subdata(in: offset + 16..<offset + 16 + length))
      offset += 16 + length
    }
    return frames
  }

  @Test(
    "two workers behind ports of one queue have the connection records of a replay together, and pass every frame",
    arguments: ["mixed", "loss", "fragments", "ipv6", "tunnel", "attacks"])
  func distributed(trace: String) throws {
    let folder = try CommandProcess.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
    // A uid comes from the packet's number too, and each worker counts its own.
    func records(_ name: String) throws -> [String] {
      try String(contentsOfFile: path(name), encoding: .utf8).split(separator: "\n")
        .map { String($0).replacing(/"uid":"[^"]*",/, with: "") }.sorted()
    }
    let replay = try CommandProcess.run(
      ["replay", "--quiet", "--conn-log", path("replay"), "--write-pcap", path("replay.pcap")]
        + [CommandProcess.trace(trace)])
    let inline = try bridge(
      CommandProcess.trace(trace), output: path("inline.pcap"), ["--workers", "2", "--conn-log", path("inline")])
    #expect(replay.status == 0 && inline.status == 0, "\(inline.messages)")
    #expect(inline.output.contains("workers    2"))
    #expect(try records("inline") == records("replay"))
    func sorted(_ name: String) throws -> [[UInt8]] {
      try frames(path(name)).map { [UInt8]($0) }.sorted { $0.lexicographicallyPrecedes($1) }
    }
    #expect(try sorted("inline.pcap") == sorted("replay.pcap"))
  }

  @Test("what a firewall lets pass inline is what it lets pass in a replay")
  func sameVerdicts() throws {
    let folder = try CommandProcess.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
    let firewall = [
      "--middlebox", "firewall", "--config", CommandProcess.root.appendingPathComponent("traces/firewall.yaml").path,
    ]
    let capture = CommandProcess.trace("mixed")
    let replay = try CommandProcess.run(
      ["replay", "--quiet", "--write-pcap", path("replay.pcap")] + firewall + [capture])
    let inline = try bridge(capture, output: path("inline.pcap"), firewall)
    #expect(replay.status == 0 && inline.status == 0)
    let passed = try frames(path("replay.pcap"))
    #expect(passed.count > 50 && passed.count < 191)
    #expect(try frames(path("inline.pcap")) == passed)
  }

  @Test("the alerts of an IDS inline are those of a replay", arguments: ["http", "mixed"])
  func sameAlerts(trace: String) throws {
    let folder = try CommandProcess.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
    let rules = """
      alert http any any -> any any (flow:to_client; http.stat_code; content:"404"; sid:1;)
      alert tcp any any -> any any (flow:to_server; content:"GET "; startswith; fast_pattern; pcre:"/./U"; sid:2;)
      alert udp any any -> any 53 (dns.query; content:"."; sid:3;)
      alert tcp any any -> any any (flags:S; sid:4;)
      """
    try Data(rules.utf8).write(to: folder.appendingPathComponent("own.rules"))
    try Data("rules: [own.rules]\n".utf8).write(to: folder.appendingPathComponent("ids.yaml"))
    let ids = ["--middlebox", "ids", "--config", path("ids.yaml"), "--eve"]
    let replay = try CommandProcess.run(["replay", "--quiet"] + ids + [path("replay"), CommandProcess.trace(trace)])
    let inline = try bridge(CommandProcess.trace(trace), output: path("inline.pcap"), ids + [path("inline")])
    #expect(replay.status == 0 && inline.status == 0, "\(inline.messages)")
    func alerts(_ name: String) throws -> [Substring] {
      try String(contentsOfFile: path(name), encoding: .utf8).split(separator: "\n")
        .filter { $0.contains("\"event_type\":\"alert\"") }
    }
    let expected = try alerts("replay")
    #expect(expected.count > 3)
    #expect(try alerts("inline") == expected)
  }

  @Test("what is wrong with the options or the ports is said in a line, with the exit status of its kind")
  func mistakes() throws {
    let null = ["--port", "net_null0", "--port", "net_null1"]
    let cases: [(arguments: [String], status: Int32, part: String)] = [
      ([], 2, "two ports, not 0"), (["--port", "net_null0"], 2, "two ports, not 1"),
      (["--port", "net_null0", "--port", "net_null0"], 2, "given twice"),
      (["--port", "net_null0", "--port", "net_null0,size=64"], 2, "given twice"),
      (["--port", "net_af_packet0,iface=x", "--port", "net_af_packet1,iface=x"], 2, "interface of the other port"),
      (["--port", "net_null0", "--port", ",size=3"], 2, "name of the device"),
      (null + ["--mtu", "20"], 2, "68 to 65000"), (null + ["--workers", "0"], 2, "1 to 64"),
      (null + ["--middlebox", "absent"], 2, "none of that name"),
      (null + ["--middlebox", "firewall"], 2, "needs a file with rules"),
      (null + ["--conn-format", "zeek"], 2, "--conn-log"),
      (null + ["--conn-log", "/absent/conn.log"], 3, "/absent/conn.log"),
      (["--port", "net_nothing0", "--port", "net_null1"], 3, "net_nothing0: no such device"),
      (["--port", "net_null0", "--port", "net_pcap0,rx_pcap=/absent.pcap"], 3, "/absent.pcap"),
    ]
    for (arguments, status, part) in cases {
      let run = try CommandProcess.run(["inline", "--eal", "--no-huge -m 256"] + arguments)
      #expect(run.status == status, "\(arguments): \(run.messages)")
      #expect(run.messages.contains(part), "\(arguments): \(run.messages)")
      #expect(run.messages.split(separator: "\n").count == 1, "\(run.messages)")
      #expect(run.output == "")
    }
  }
}
