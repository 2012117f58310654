import Foundation
import Testing

@Suite("mos replay, run as a command")
struct ReplayRunTests {
  static let traces = ["http", "tls", "loss", "ipv6", "reset", "half-close", "mixed"]

  @Test("the records are the same for any number of workers", arguments: traces)
  func workers(trace: String) throws {
    for stream in ["--conn-log", "--events", "--eve"] {
      let arguments = ["replay", "--quiet", stream, "-", "--checksum", "ignore", CommandProcess.trace(trace)]
      let one = try CommandProcess.run(arguments)
      #expect(one.status == 0 && !one.records.isEmpty)
      for workers in 2...3 {
        let more = try CommandProcess.run(arguments + ["--workers", "\(workers)"])
        #expect(lines(more) == lines(one), "\(stream) with \(workers) workers")
      }
    }
  }

  /// The lines but EVE's `stats`, which has the time that the run took.
  private func lines(_ run: CommandProcess) -> [Substring] {
    run.output.split(separator: "\n").filter { !$0.contains("\"event_type\":\"stats\"") }
  }

  @Test("standard input gives what the file gives") func standardInput() throws {
    let data = try Data(contentsOf: URL(fileURLWithPath: CommandProcess.trace("http")))
    let file = try CommandProcess.run("replay", "--quiet", "--conn-log", "-", CommandProcess.trace("http"))
    let stream = try CommandProcess.run(["replay", "--quiet", "--conn-log", "-", "-"], input: data)
    #expect(stream.status == 0 && stream.output == file.output)
  }

  @Test("every packet and every payload byte ends in one counter", arguments: traces)
  func accounting(trace: String) throws {
    let run = try CommandProcess.run("replay", "--quiet", "--stats", "json", CommandProcess.trace(trace))
    let statistics = try #require(run.records.first)
    let kinds = try #require(statistics["packet_kinds"] as? [String: Int])
    #expect(kinds.values.reduce(0, +) == statistics["packets"] as? Int)
  }

  @Test("a trace may have more files than a process usually has open") func manyFiles() throws {
    let files = Array(repeating: CommandProcess.trace("http"), count: 100)
    let run = try CommandProcess.run(
      ["replay", "--quiet", "--stats", "json"] + files, before: "ulimit -Sn 50")
    let one = try CommandProcess.run("replay", "--quiet", "--stats", "json", files[0])
    #expect(run.status == 0 && run.messages == "")
    #expect(run.records.first?["packets"] as? Int == (one.records.first?["packets"] as? Int).map { $0 * 100 })
  }

  @Test("connectionEnd comes once a flow", arguments: traces)
  func endsOnce(trace: String) throws {
    let run = try CommandProcess.run(
      "replay", "--quiet", "--events", "-", "--checksum", "ignore", CommandProcess.trace(trace))
    let ends = run.records.filter { $0["event"] as? String == "connectionEnd" }.compactMap { $0["uid"] as? String }
    let flows = Set(run.records.compactMap { $0["uid"] as? String })
    #expect(Set(ends).count == ends.count)
    #expect(Set(ends) == flows)
  }

  @Test("a flow that is silent for its time-out is idle at that time, and then ends") func idle() throws {
    let arguments = [
      "replay", "--quiet", "--idle-timeout", "50ms", "--half-open-timeout", "50ms", "--udp-timeout", "50ms",
      "--checksum", "ignore", CommandProcess.trace("mixed"),
    ]
    let run = try CommandProcess.run(arguments + ["--events", "-"])
    var lastPacket: [String: Double] = [:]
    var idle: [String: Double] = [:]
    for record in run.records {
      guard let uid = record["uid"] as? String, let time = record["ts"] as? Double else { continue }
      switch record["event"] as? String {
      case "packet": lastPacket[uid] = time
      case "idle":
        #expect(record["hook"] as? String == "timer" && record["n"] == nil)
        #expect(abs(time - (lastPacket[uid] ?? 0) - 0.05) < 1e-5)
        #expect(idle.updateValue(time, forKey: uid) == nil)
      case "connectionEnd":
        #expect((record["reason"] as? String == "timeout") == (idle[uid] != nil))
        if let idle = idle[uid] { #expect(time == idle) }
      default: break
      }
    }
    let summary = try CommandProcess.run(arguments + ["--stats", "json"])
    let events = try #require(summary.records.first?["events"] as? [String: Int])
    #expect(!idle.isEmpty && events["idle"] == idle.count)
  }

  @Test("loops over a trace in memory are new flows") func loops() throws {
    let once = try CommandProcess.run("replay", "--quiet", "--stats", "json", CommandProcess.trace("http"))
    let thrice = try CommandProcess.run(
      "replay", "--quiet", "--stats", "json", "--preload", "--loop", "3", CommandProcess.trace("http"))
    let flows = try #require(once.records.first?["flows"] as? [String: Int])
    let more = try #require(thrice.records.first?["flows"] as? [String: Int])
    #expect(more["tcp"] == flows["tcp"].map { $0 * 3 })
    #expect(thrice.records.first?["ns_per_packet_min"] != nil)
  }

  @Test("a filter says which flows are tracked, on their first packet alone") func filter() throws {
    let trace = CommandProcess.trace("http")
    let all = try CommandProcess.run("replay", "--quiet", "--conn-log", "-", "--checksum", "ignore", trace)
    // Only the SYN of a flow comes from a port above 1023 with nothing but SYN set.
    let bySyn = try CommandProcess.run(
      "replay", "--quiet", "--conn-log", "-", "--checksum", "ignore", "--filter",
      "tcp[tcpflags] & (tcp-syn|tcp-ack) = tcp-syn", trace)
    let none = try CommandProcess.run("replay", "--quiet", "--conn-log", "-", "--filter", "udp port 1", trace)
    let tcp = all.records.filter { $0["proto"] as? String == "tcp" }
    #expect(!tcp.isEmpty)
    #expect(bySyn.records.map { $0["orig_pkts"] as? Int } == tcp.map { $0["orig_pkts"] as? Int })
    #expect(none.records.isEmpty)
  }

  @Test("payload of flows that the filter leaves out has a counter of its own") func unselected() throws {
    let trace = CommandProcess.trace("http")
    func payload(_ arguments: String...) throws -> [String: Int] {
      let run = try CommandProcess.run(
        ["replay", "--quiet", "--stats", "json", "--checksum", "ignore"] + arguments + [trace])
      return try #require(run.records.first?["payload_bytes"] as? [String: Int])
    }
    let all = try payload()
    let none = try payload("--filter", "udp port 1")
    let kept = ["delivered", "duplicate", "rejected", "queued", "overflow", "urgent", "orphan"]
    #expect(kept.reduce(0) { $0 + (all[$1] ?? 0) } == none["unselected"])
    #expect(kept.allSatisfy { none[$0] == 0 })
  }

  @Test("without mid-stream pickup a flow without a SYN is no flow") func midstream() throws {
    let data = try Data(contentsOf: URL(fileURLWithPath: CommandProcess.trace("http")))
    // The file header, then everything behind the first packet: its length stands in the record header.
    let length = data[32..<36].enumerated().reduce(0) { $0 + Int($1.element) << (8 * $1.offset) }
    let headless = data.prefix(24) + data.dropFirst(24 + 16 + length)
    let yes = try CommandProcess.run(
      ["replay", "--quiet", "--conn-log", "-", "--checksum", "ignore", "-"], input: headless)
    let no = try CommandProcess.run(
      ["replay", "--quiet", "--conn-log", "-", "--checksum", "ignore", "--midstream", "no", "-"], input: headless)
    #expect(yes.status == 0 && no.status == 0)
    #expect(yes.records.count >= no.records.count)
  }
}
