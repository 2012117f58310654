import Foundation
import Testing

/// Real programs through a bridge with more workers than its ports have queues.
@Suite(
  "mos inline with workers behind ports of one queue", .serialized,
  .enabled(if: InlineNetwork.isPossible, "needs root, ip, ethtool, curl and python3: skipped"))
struct DistributorTrafficTests {
  private func count(_ name: String, _ port: String, _ summary: String) -> Int {
    let line = summary.split(separator: "\n").first { $0.hasPrefix(port) } ?? ""
    guard let range = line.range(of: "\(name) ") else { return 0 }
    return Int(line[range.upperBound...].prefix { $0.isNumber }) ?? 0
  }

  @Test("two workers share the flows of af_packet ports, in order, intact, and every packet is in one counter")
  func twoWorkers() throws {
    let network = try InlineNetwork()
    network.makeFile("page", count: 5_000_000)
    try network.startWebServer()
    let box = try network.startBox(
      "box",
      [
        "--workers", "2", "--middlebox", "monitor", "--conn-log", network.path("conn.log"), "--events",
        network.path("events"),
      ])
    #expect(network.messages("box").contains("it has 1 queue, not 2: one thread takes packets"))
    let downloads = network.run(
      in: network.client,
      """
      for n in $(seq 1 12); do (curl -s --max-time 60 http://10.9.0.2/page | cmp - page && echo same) & done
      wait
      """)
    #expect(downloads.output.split(separator: "\n").count == 12, "\(downloads.output)")
    let ping = network.run(in: network.client, "ping -q -c 20 -i 0.02 -W 2 10.9.0.2")
    #expect(ping.output.contains("20 received"), "\(ping.output)")
    kill(box.processIdentifier, SIGINT)
    box.waitUntilExit()
    #expect(box.terminationReason == .exit && box.terminationStatus == 0)
    let summary = network.output("box")
    #expect(summary.contains("workers    2"))
    for (port, other) in [("net_af_packet0", "net_af_packet1"), ("net_af_packet1", "net_af_packet0")] {
      let received = count("received", port, summary)
      let dropped = count("dropped before full workers", port, summary)
      let left = ["sent", "not sent for want of room", "dropped behind workers"].map { count($0, other, summary) }
      #expect(received > 1_000 && received - dropped == left.reduce(0, +), "\(summary)")
    }
    let flows = network.records("conn.log").filter { $0["proto"] as? String == "tcp" }
    #expect(flows.count == 12)
    for flow in flows {
      #expect(flow["conn_state"] as? String == "SF" && flow["missed_bytes"] as? Int == 0)
    }
    // The hosts send in order over links that keep it: what the box passed on out of order would have come so to the second
    // end of the connection only, and what it took in out of order would be said here.
    let disorder = network.records("events").filter { $0["event"] as? String == "outOfOrder" }
    #expect(disorder.isEmpty, "\(disorder.prefix(3))")
  }
}
