import EventDSL
import Foundation
import TestSupport
import Testing

@testable import mos

/// Listens between the tracker's steps, so that packets are taken step by step.
private struct BetweenSteps: Middlebox {
  var events: some EventGraph {
    On(.packet, at: .sender) { _ in }
    On(.frame) { _ in }
  }
}

/// Decides about every packet, and lets it pass.
private struct LetsAllPass: Middlebox {
  var events: some EventGraph { Filter(.packet) { _, _ in } }
}

/// Drops whatever comes from a port.
private struct DropsFrom: Middlebox {
  let port: UInt16
  var events: some EventGraph {
    Filter(.packet) { event, control in
      if event.packet?.key.sourcePort == port { control.drop() }
    }
  }
}

/// Says when time is up, and of what happens with and without a packet.
private struct Talks: Middlebox {
  let timer = FlowTimer()
  let seen = FlowLocal(UInt64(0))

  var events: some EventGraph {
    On(.packet) { event in
      event.flow[seen] += 1
      event.flow.schedule(timer, after: .milliseconds(20))
    }
    On(.newData) { event in
      event.report("\(event.length) bytes")
      event.report("again")
    }
    On(timer) { event in event.report("silent after \(event.flow[seen]) packets") }
    On(.idle) { event in event.report("idle") }
    On(.connectionEnd) { event in event.report("end \(event.reason)") }
    On(.recordFinal) { event in event.report("final after \(event.flow.record.client.packets)") }
    On(.orphan) { event in event.report("orphan") }
  }
}

@Suite("mos replay with middleboxes")
struct MiddleboxRunTests {
  /// The files of records of one run.
  private struct Records {
    var result: ReplayResult
    var files: [String: [Substring]]

    subscript(name: String) -> [Substring] { files[name] ?? [] }

    func objects(_ name: String) -> [[String: Any]] {
      self[name].compactMap { try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] }
    }
  }

  private func replay(
    _ files: [String], _ boxes: [@Sendable () -> any Middlebox] = [], workers: Int = 1,
    _ configure: (inout ReplayOptions) -> Void = { _ in }
  ) throws -> Records {
    let folder = try CommandProcess.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
    var options = ReplayOptions()
    options.files = files
    options.decoder.verifyChecksums = false
    options.workers = workers
    options.quiet = true
    options.streamHash = true
    (options.connectionLog, options.eve, options.events) = (path("conn"), path("eve"), path("events"))
    options.middleboxes = boxes.map { MiddleboxChoice(name: "box", make: $0) }
    configure(&options)
    var engine = try ReplayEngine.open(options)
    let result = engine.run()
    var lines: [String: [Substring]] = [:]
    for name in ["conn", "eve", "events"] {
      lines[name] = try String(contentsOfFile: path(name), encoding: .utf8).split(separator: "\n")
        .filter { !$0.contains("\"event_type\":\"stats\"") }
    }
    return Records(result: result, files: lines)
  }

  /// All captures that there are, as one trace.
  private var captures: [String] { SharedMaterial.captures() }

  /// Says how many workers have seen packets.
  private struct WorkerCount: Middlebox {
    private final class Seen {
      var packets = 0
    }

    private let seen = Seen()

    var events: some EventGraph {
      On(.packet) { _ in seen.packets += 1 }
    }

    static func summary(of boxes: [Self]) -> Summary? {
      let busy = boxes.filter { $0.seen.packets > 0 }.count
      return Summary([Summary.Table("workers", ["busy"], [[.count(UInt64(busy))]])])
    }
  }

  @Test("flows are spread over all workers that there are")
  func spread() throws {
    let result = try replay(captures, [{ WorkerCount() }], workers: 4).result
    #expect(result.boxes.first?.summary?.tables.first?.rows == [[.count(4)]])
  }

  @Test("records are the same with a middlebox as without, taken whole or step by step, by one worker or several")
  func sameRecords() throws {
    let plain = try replay(captures)
    #expect(plain["conn"].count > 20 && plain["events"].count > 1000)
    let monitor = { @Sendable in MiddleboxChoice(named: "monitor")! }
    let rows: [(String, [@Sendable () -> any Middlebox])] = [
      ("monitor", [{ try! monitor().make() }]), ("steps", [{ BetweenSteps() }]), ("filter", [{ LetsAllPass() }]),
      ("row", [{ LetsAllPass() }, { try! monitor().make() }, { BetweenSteps() }]),
    ]
    for (name, boxes) in rows {
      for workers in [1, 3] {
        let run = try replay(captures, boxes, workers: workers)
        for file in ["conn", "eve", "events"] {
          #expect(run[file] == plain[file], "\(file), \(name), \(workers) workers")
        }
        #expect(run.result.inputProblems == plain.result.inputProblems)
        #expect(run.result.statistics[.newData] == plain.result.statistics[.newData])
      }
    }
  }

  @Test("what middleboxes report is the same in the same order for any number of workers", arguments: [2, 3, 5])
  func sameReports(workers: Int) throws {
    func run(_ workers: Int) throws -> Records {
      try replay(captures, [{ Talks() }], workers: workers) { options in
        // What it spreads flows by.
        options.tracker.secret = (UInt64(workers), 2)
        // So that much happens without a packet.
        options.tracker.idleTimeout = 100_000_000
        options.tracker.datagramTimeout = 50_000_000
        options.tracker.lingerTimeout = 30_000_000
      }
    }
    let (one, more) = (try run(1), try run(workers))
    let reports = one["eve"].filter { $0.contains("\"event_type\":\"middlebox\"") }
    // The package's own captures have no orphans.
    let orphan = SharedMaterial.folder == nil ? [] : ["orphan"]
    let parts = ["silent after", "idle", "end ", "final after", "bytes"] + orphan
    for part in parts {
      #expect(reports.contains { $0.contains(part) }, "\(part)")
    }
    #expect(more["eve"] == one["eve"])
    #expect(more.result.statistics.middleboxes == one.result.statistics.middleboxes)
    #expect(one.result.statistics.middleboxes?.reports == UInt64(reports.count))
  }

  @Test("a report has its packet, its flow as EVE's flow record names it, and its middlebox") func eve() throws {
    let run = try replay([CommandProcess.trace("mixed")], [{ Talks() }]) { $0.communityID = true }
    let objects = run.objects("eve")
    let reports = objects.filter { $0["event_type"] as? String == "middlebox" }
    let flows = objects.filter { $0["event_type"] as? String == "flow" }
    #expect(reports.count > 100)
    var ids: [String: String] = [:]
    for record in run.objects("conn") {
      guard let id = record["community_id"] as? String, let host = record["id.orig_h"], let port = record["id.orig_p"]
      else { continue }
      ids["\(host) \(port)"] = id
    }
    var last = 0
    for report in reports {
      let id = try #require(report["flow_id"] as? Int)
      let flow = try #require(flows.first { $0["flow_id"] as? Int == id })
      for member in ["src_ip", "src_port", "dest_ip", "dest_port", "proto", "ip_v"] {
        #expect("\(report[member] ?? "")" == "\(flow[member] ?? "")")
      }
      let said = try #require(report["middlebox"] as? [String: Any])
      #expect(said["name"] as? String == "Talks" && said["message"] as? String != nil)
      if let id = report["community_id"] as? String {
        #expect(id == ids["\(report["src_ip"] ?? "") \(report["src_port"] ?? "")"])
      } else {
        #expect(report["proto"] as? String == "ICMP" || report["proto"] as? String == "IPv6-ICMP")
      }
      guard let number = report["pcap_cnt"] as? Int else { continue }
      #expect(number >= last)
      last = number
    }
    #expect(last > 0)
  }

  @Test("a packet that a middlebox drops has no receiver, and is counted") func drop() throws {
    let plain = try replay([CommandProcess.trace("http")])
    let run = try replay([CommandProcess.trace("http")], [{ DropsFrom(port: 80) }])
    func packets(_ records: Records, _ hook: String, _ side: String) -> Int {
      records.objects("events").count {
        $0["event"] as? String == "packet" && $0["hook"] as? String == hook && $0["side"] as? String == side
      }
    }
    let sent = packets(plain, "sender", "server")
    #expect(sent > 0 && packets(run, "sender", "server") == sent)
    #expect(packets(plain, "receiver", "client") == sent && packets(run, "receiver", "client") == 0)
    #expect(packets(run, "receiver", "server") == packets(plain, "receiver", "server"))
    #expect(run.result.statistics.dropped == UInt64(sent) && run.result.boxes.map(\.dropped) == [UInt64(sent)])
    #expect(run.result.statistics.middleboxes?.forwarded == plain.result.statistics.packets - UInt64(sent))
  }

  @Test("a middlebox sees the whole frame, whichever worker has the packet", arguments: [1, 3]) func frames(
    workers: Int
  ) throws {
    struct Reads: Middlebox {
      var events: some EventGraph {
        On(.packet) { event in
          guard let packet = event.packet else { return }
          var sum: UInt32 = 0
          packet.withFrame { frame in frame.withUnsafeBytes { for byte in $0 { sum = sum &* 31 &+ UInt32(byte) } } }
          packet.withPayload { bytes in bytes.withUnsafeBytes { for byte in $0 { sum = sum &* 31 &+ UInt32(byte) } } }
          event.report("\(packet.length) \(sum)")
        }
      }
    }
    let trace = [CommandProcess.trace("mixed"), CommandProcess.trace("fragments")]
    let run = try replay(trace, [{ Reads() }], workers: workers)
    let one = try replay(trace, [{ Reads() }])
    #expect(run["eve"] == one["eve"] && one["eve"].count > 200)
  }

  @Test("without EVE, reports are lines on standard output, and the summary follows") func lines() throws {
    let rules = try CommandProcess.temporaryFolder().appendingPathComponent("rules.yaml")
    try Data("default: {action: drop, log: yes}\n".utf8).write(to: rules)
    let arguments = [
      "replay", "--middlebox", "firewall", "--config", rules.path, "--checksum", "ignore", CommandProcess.trace("http"),
    ]
    let run = try CommandProcess.run(arguments)
    let lines = run.output.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(run.status == 0 && run.messages == "")
    let first = try #require(lines.first)
    #expect(first.contains(" packet 1 firewall tcp ") && first.contains(" -> ") && first.contains(": drop new"))
    let summary = try #require(lines.firstIndex { $0.hasPrefix("packets ") })
    #expect(lines[..<summary].allSatisfy { $0.contains(" firewall ") })
    #expect(lines[summary...].contains { $0.hasPrefix("firewall, rules") })
    #expect(lines[summary...].contains { $0.hasPrefix("dropped ") })
    // Where records have standard output, people have standard error.
    let records = try CommandProcess.run(arguments + ["--quiet", "--conn-log", "-"])
    #expect(records.output.split(separator: "\n").count == records.records.count)
    #expect(records.messages.split(separator: "\n").elementsEqual(lines[..<summary]))
  }
}
