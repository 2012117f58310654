import Foundation
import Testing

/// Load of all kinds through `mos inline`: nothing is lost, changed or reordered by the box.
@Suite(
  "mos inline under load", .serialized,
  .enabled(
    if: InlineNetwork.isPossible && InlineNetwork.shell("command -v iperf3").status == 0,
    "needs root, ip, ss, nft, ethtool, curl, python3 and iperf3: skipped"))
struct InlineLoadTests {
  private func startBox(_ network: InlineNetwork) throws -> Process {
    try network.startBox("box", ["--middlebox", "monitor", "--conn-log", network.path("conn.log")])
  }

  /// Every frame that came in at one port left at the other.
  private func expectNothingLost(_ summary: String) {
    let ports = ["net_af_packet0", "net_af_packet1"]
    for (port, other) in [(ports[0], ports[1]), (ports[1], ports[0])] {
      let received = InlineNetwork.count("received", port, summary)
      #expect(received > 0 && received == InlineNetwork.count("sent", other, summary), "\(summary)")
    }
    for loss in ["not sent", "too long", "missed", "dropped before", "dropped behind"] {
      #expect(!summary.contains(loss), "\(summary)")
    }
  }

  @Test("1 GB in each direction of one connection arrives intact, and the record has every byte")
  func gigabyte() throws {
    let count = 1_000_000_000
    let network = try InlineNetwork()
    let box = try startBox(network)
    let server = try network.start(
      in: network.server, ["python3", "-c", TransferScripts.peer, "server", "10.9.0.2", "\(count)", "turns"],
      messages: "server")
    _ = network.wait { network.run(in: network.server, "ss -ltn | grep -q ':9000 '").status == 0 }
    let client = try network.start(
      in: network.client, ["python3", "-c", TransferScripts.peer, "client", "10.9.0.2", "\(count)", "turns"],
      messages: "client")
    let ends = ["client", "server"]
    for _ in 0..<12 where !network.wait(until: { ends.allSatisfy { network.output($0).contains("done") } }) {}
    InlineNetwork.shell("touch \(network.path("close"))")
    client.waitUntilExit()
    server.waitUntilExit()
    func hash(_ end: String, _ what: String) -> Substring? {
      network.output(end).split(separator: "\n").first { $0.hasPrefix(what) }?.split(separator: " ").last
    }
    #expect(hash("client", "sent") != nil && hash("client", "sent") == hash("server", "received"))
    #expect(hash("server", "sent") != nil && hash("server", "sent") == hash("client", "received"))
    usleep(300_000)
    _ = try network.end(box, "box")
    let record = try #require(network.records("conn.log").first { $0["id.resp_p"] as? Int == 9_000 })
    #expect(record["orig_bytes"] as? Int == count && record["resp_bytes"] as? Int == count, "\(record)")
    #expect(record["conn_state"] as? String == "SF", "\(record)")
  }

  @Test("iperf3 in both directions with 1 and 8 flows, IPv4 and IPv6: what it counts is in the records")
  func iperf() throws {
    let network = try InlineNetwork()
    let box = try startBox(network)
    try network.start(in: network.server, ["iperf3", "-s"])
    _ = network.wait { network.run(in: network.server, "ss -ltn | grep -q ':5201 '").status == 0 }
    let bytes = 8_000_000
    var expected: [Int] = []
    var counted = 0
    for address in ["10.9.0.2", "fd09::2"] {
      for (direction, flows) in [("", 1), ("-R", 1), ("", 8), ("-R", 8)] {
        // Moderate, and an amount that iperf3's blocks of 125 kB are a part of.
        let run = network.run(
          in: network.client,
          "iperf3 -J -c \(address) \(direction) -P \(flows) -n \(bytes) -l 125000 -b \(400 / flows)M")
        #expect(run.status == 0, "\(run.output)")
        let result = try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any]
        let end = try #require(result?["end"] as? [String: Any])
        let received = (end["sum_received"] as? [String: Any])?["bytes"] as? Int ?? 0
        // The last bytes may be on their way when it asks the other side.
        #expect(received >= bytes / 2, "\(end)")
        expected.append(flows)
        counted += received
      }
    }
    usleep(300_000)
    let summary = try network.end(box, "box")
    expectNothingLost(summary)
    let records = network.records("conn.log").filter { $0["id.resp_p"] as? Int == 5_201 }
    // With a connection for control in each run.
    #expect(records.count == expected.reduce(expected.count, +), "\(records.count)")
    var carried: [Int] = []
    for record in records {
      #expect(record["missed_bytes"] as? Int == 0, "\(record)")
      carried.append(max(record["orig_bytes"] as? Int ?? 0, record["resp_bytes"] as? Int ?? 0))
    }
    #expect(carried.filter { $0 > 500_000 }.count == expected.reduce(0, +))
    #expect(carried.reduce(0, +) >= counted)
  }

  @Test("40,000 numbered datagrams at 10,000 a second arrive, all of them, once, in their order; so do pings")
  func order() throws {
    let network = try InlineNetwork()
    let box = try startBox(network)
    let receiver = try network.start(in: network.server, ["python3", "-c", Scripts.receiver], messages: "receiver")
    _ = network.wait { network.output("receiver").contains("ready") }
    let ping = try network.start(
      in: network.client, ["ping", "-q", "-c", "50", "-i", "0.05", "-W", "2", "10.9.0.2"], messages: "ping")
    network.run(in: network.client, "python3 -c '\(Scripts.sender)'")
    ping.waitUntilExit()
    receiver.waitUntilExit()
    #expect(network.output("receiver") == "ready\n40000 of 40000, 0 out of order\n")
    #expect(network.output("ping").contains("50 received"), "\(network.output("ping"))")
    expectNothingLost(try network.end(box, "box"))
    let record = try #require(network.records("conn.log").first { $0["id.resp_p"] as? Int == 7_000 })
    #expect(record["orig_pkts"] as? Int == 40_000 && record["orig_bytes"] as? Int == 40_000 * 200, "\(record)")
  }

  private enum Scripts {
    static let receiver = """
      import socket
      s = socket.socket(type=socket.SOCK_DGRAM)
      s.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
      s.bind(("10.9.0.2", 7000))
      s.settimeout(10)
      print("ready", flush=True)
      count = disorder = 0
      last = -1
      try:
          while last < 39999:
              number = int.from_bytes(s.recv(2048)[:4], "big")
              count += 1
              disorder += number != last + 1
              last = max(last, number)
      except TimeoutError:
          pass
      print(count, "of 40000,", disorder, "out of order", flush=True)
      """
    static let sender = """
      import socket, time
      s = socket.socket(type=socket.SOCK_DGRAM)
      s.connect(("10.9.0.2", 7000))
      start = time.monotonic()
      for number in range(40000):
          if number % 50 == 0:
              time.sleep(max(0, start + number / 10000 - time.monotonic()))
          s.send(number.to_bytes(4, "big") + bytes(196))
      """
  }
}
