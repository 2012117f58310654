import Foundation
import TestSupport
import Testing

@Suite("mos replay --middlebox monitor")
struct MonitorRunTests {
  private func tables(_ run: CommandProcess) throws -> [String: Any] {
    let statistics = try #require(run.records.last)
    let middleboxes = try #require(statistics["middleboxes"] as? [String: Any])
    let boxes = try #require(middleboxes["boxes"] as? [[String: Any]])
    #expect(boxes.count == 1 && boxes.first?["name"] as? String == "monitor")
    return try #require(boxes.first)
  }

  private func monitor(_ arguments: [String]) throws -> [String: Any] {
    let sizes = try CommandProcess.temporaryFolder().appendingPathComponent("monitor.yaml")
    try Data("top: 10000\n".utf8).write(to: sizes)
    return try tables(
      CommandProcess.run(
        ["replay", "--quiet", "--stats", "json", "--middlebox", "monitor", "--config", sizes.path] + arguments))
  }

  private func number(_ record: [String: Any], _ name: String) -> Int { record[name] as? Int ?? 0 }

  @Test("bytes and packets of each address and service are those of the connection records", arguments: [1, 3])
  func likeConnectionRecords(workers: Int) throws {
    let files = ["--checksum", "ignore", "--workers", "\(workers)"] + SharedMaterial.captures()
    let records = try CommandProcess.run(["replay", "--quiet", "--conn-log", "-"] + files).records
    let tables = try monitor(files)
    var addresses: [String: [Int]] = [:]
    var services: [String: [Int]] = [:]
    for record in records {
      let sent = number(record, "orig_ip_bytes")
      let received = number(record, "resp_ip_bytes")
      let packets = number(record, "orig_pkts") + number(record, "resp_pkts")
      let ends = [("id.orig_h", sent, received), ("id.resp_h", received, sent)]
      for (place, (member, sent, received)) in ends.enumerated() {
        let address = try #require(record[member] as? String)
        let values = [sent + received, sent, received, packets, 1 - place, place]
        addresses[address] = zip(addresses[address] ?? [0, 0, 0, 0, 0, 0], values).map(+)
      }
      let name = try #require(record["proto"] as? String)
      let service = name == "icmp" ? name : "\(number(record, "id.resp_p"))/\(name)"
      let failures = ["S0", "REJ", "RSTOS0", "RSTRH", "SH", "SHR"]
      let failed = name == "tcp" && failures.contains(record["conn_state"] as? String ?? "") ? 1 : 0
      let retransmits = number(record, "orig_retransmits") + number(record, "resp_retransmits")
      services[service] = zip(
        services[service] ?? [0, 0, 0, 0, 0], [1, packets, sent + received, failed, retransmits]
      ).map(+)
    }
    let talkers = try #require(tables["top_talkers"] as? [[String: Any]])
    #expect(talkers.count == addresses.count && addresses.count > 10)
    for talker in talkers {
      let columns = ["bytes", "sent_bytes", "received_bytes", "packets", "flows_as_client", "flows_as_server"]
      #expect(addresses[talker["address"] as? String ?? ""] == columns.map { number(talker, $0) })
      #expect(talker["uncertain_bytes"] == nil)
    }
    let bytes = talkers.map { number($0, "bytes") }
    #expect(bytes == bytes.sorted(by: >))
    let rows = try #require(tables["services"] as? [[String: Any]])
    #expect(rows.count == services.count)
    for row in rows {
      let columns = ["flows", "packets", "bytes", "failed", "retransmits"]
      #expect(services[row["service"] as? String ?? ""] == columns.map { number(row, $0) })
    }
    let tcp = records.filter { $0["proto"] as? String == "tcp" }
    for (table, column, members) in [
      ("tcp_states", "state", [("clients", "orig_state"), ("servers", "resp_state")]),
      ("conn_states", "conn_state", [("connections", "conn_state")]),
    ] {
      let rows = try #require(tables[table] as? [[String: Any]])
      for (count, member) in members {
        let expected = Dictionary(tcp.map { ($0[member] as? String ?? "", 1) }, uniquingKeysWith: +)
        let seen = rows.filter { number($0, count) > 0 }.map { ($0[column] as? String ?? "", number($0, count)) }
        #expect(Dictionary(uniqueKeysWithValues: seen) == expected)
      }
    }
  }

  @Test("tables of a bounded size say that they were full, and keep the largest") func bounded() throws {
    let sizes = try CommandProcess.temporaryFolder().appendingPathComponent("monitor.yaml")
    try Data("{top: 3, addresses: 16, services: 16}\n".utf8).write(to: sizes)
    let files = ["--checksum", "ignore"] + SharedMaterial.captures().filter { $0.contains("traces/") }
    let run = try CommandProcess.run(["replay", "--middlebox", "monitor", "--config", sizes.path] + files)
    #expect(run.status == 0)
    let lines = run.output.split(separator: "\n")
    let services = try #require(lines.firstIndex { $0.hasPrefix("monitor, services") })
    #expect(lines[services].contains("the table was full"))
    let all = try #require(monitor(files)["services"] as? [[String: Any]])
    #expect(all.count > 16)
    let first = lines[services + 2].split(separator: " ").first
    #expect(first.map(String.init) == all.first?["service"] as? String)
  }

  @Test("the tables stand behind the summary, and nowhere when nobody asked for it") func text() throws {
    let arguments = ["replay", "--middlebox", "monitor", CommandProcess.trace("mixed")]
    let run = try CommandProcess.run(arguments)
    for title in ["top talkers", "services", "tcp states", "conn states"] {
      #expect(run.output.contains("\nmonitor, \(title)"))
    }
    #expect(run.output.hasPrefix("packets "))
    #expect(run.output.split(separator: "\n").allSatisfy { $0.count <= 160 })
    #expect(try CommandProcess.run(arguments + ["--quiet"]).output == "")
  }
}
