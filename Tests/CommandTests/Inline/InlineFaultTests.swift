import Foundation
import Testing

/// What the tracker says of a connection over a bad network, compared with what the two hosts' kernels say of their sockets.
@Suite(
  "mos inline beside a bad network", .serialized,
  .enabled(if: InlineNetwork.isPossible, "needs root, ip, ss, nft, ethtool, curl and python3: skipped"))
struct InlineFaultTests {
  /// A bad network at one end of the box.
  struct Fault: CustomTestStringConvertible {
    var name: String
    var end: InlineNetwork.End
    var address = "10.9.0.2"
    /// What the forwarder there does; nil for none.
    var faults: [String]?
    /// The hosts' segments have timestamps.
    var hasTimestamps = true
    /// A share of frames, in percent, that the host's own interface loses, in both directions; by nftables.
    var loss = 0

    var testDescription: String { "\(name) at the \(end), \(address)" }
  }

  static let everything = ["duplication=0.02", "reordering=0.05", "reorderingDelay=4", "latency=2", "seed=7"]
  static let cases: [Fault] = [
    Fault(name: "loss", end: .client, loss: 2),
    Fault(name: "loss", end: .server, address: "fd09::2", loss: 2),
    Fault(
      name: "reordering", end: .client, faults: ["reordering=0.1", "reorderingDelay=3", "seed=3"], hasTimestamps: false),
    Fault(name: "reordering", end: .server, faults: ["reordering=0.1", "reorderingDelay=3", "seed=3"]),
    Fault(name: "duplication", end: .client, faults: ["duplication=0.1", "seed=5"]),
    Fault(name: "reordering, duplication and delay", end: .client, address: "fd09::2", faults: everything),
    Fault(name: "reordering, duplication and delay", end: .server, faults: everything, hasTimestamps: false),
    Fault(name: "corruption and loss", end: .server, faults: ["corruption=0.01", "seed=11"], loss: 1),
  ]

  @Test(
    "at the end the tracker has the bytes, the retransmissions and the states that the two sockets have",
    arguments: cases)
  func sameAsSockets(fault: Fault) throws {
    let count = 3_000_000
    let network = try InlineNetwork(faults: fault.faults == nil ? nil : fault.end)
    let forwarder = try fault.faults.map { try network.startFaults($0) }
    let box = try network.startBox("box", ["--middlebox", "monitor", "--conn-log", network.path("conn.log")])
    if fault.loss > 0 { try lose(fault, network) }
    if !fault.hasTimestamps {
      for host in [network.client, network.server] { network.run(in: host, "sysctl -qw net.ipv4.tcp_timestamps=0") }
    }
    let server = try network.start(
      in: network.server, ["python3", "-c", TransferScripts.peer, "server", fault.address, "\(count)", "both"],
      messages: "server")
    _ = network.wait { network.run(in: network.server, "ss -ltn | grep -q ':9000 '").status == 0 }
    let client = try network.start(
      in: network.client, ["python3", "-c", TransferScripts.peer, "client", fault.address, "\(count)", "both"],
      messages: "client")
    var ends: (client: SocketInformation, server: SocketInformation)?
    let isDone = network.wait {
      guard ["client", "server"].allSatisfy({ network.output($0).contains("done") }),
        let atClient = SocketInformation(of: network, in: network.client),
        let atServer = SocketInformation(of: network, in: network.server), atClient.isQuiet, atServer.isQuiet
      else { return false }
      ends = (atClient, atServer)
      return true
    }
    #expect(isDone, "\(network.messages("client")) \(network.messages("server"))")
    let sockets = try #require(ends)
    func hash(_ end: String, _ what: String) -> Substring? {
      network.output(end).split(separator: "\n").first { $0.hasPrefix(what) }?.split(separator: " ").last
    }
    _ = network.wait {
      ["client", "server"].allSatisfy { end in ["sent", "received"].allSatisfy { hash(end, $0) != nil } }
    }
    #expect(hash("client", "sent") != nil && hash("client", "sent") == hash("server", "received"))
    #expect(hash("server", "sent") != nil && hash("server", "sent") == hash("client", "received"))

    InlineNetwork.shell("touch \(network.path("close"))")
    client.waitUntilExit()
    server.waitUntilExit()
    // The last acknowledgment may have to come again.
    let isClosed = network.wait {
      network.run(in: network.server, "ss -tanH '( sport = :9000 )' | grep -v TIME-WAIT").output.isEmpty
        && network.run(in: network.client, "ss -tanH '( dport = :9000 )' | grep -v TIME-WAIT").output.isEmpty
    }
    #expect(isClosed)
    _ = try network.end(box, "box")
    let copies = try forwarder.map { try checkForwarder($0, fault, network) } ?? 0
    let records = network.records("conn.log").filter { $0["id.resp_p"] as? Int == 9_000 }
    #expect(records.count == 1, "\(records)")
    try compare(try #require(records.first), sockets, fault, count, copies: copies)
  }

  private func lose(_ fault: Fault, _ network: InlineNetwork) throws {
    let (host, device) = fault.end == .client ? (network.client, "c0") : (network.server, "s0")
    let outcome = network.run(
      in: host,
      """
      nft add table netdev faults
      for hook in ingress egress; do
        nft "add chain netdev faults $hook { type filter hook $hook device \(device) priority 0; }"
        nft "add rule netdev faults $hook numgen random mod 100 < \(fault.loss) counter drop"
      done
      nft list table netdev faults | grep -c drop
      """)
    guard outcome.output == "2\n" else { throw InlineNetwork.NetworkError(message: outcome.output) }
  }

  /// Ends the forwarder, and returns how many copies it made on the way to the box.
  private func checkForwarder(_ forwarder: Process, _ fault: Fault, _ network: InlineNetwork) throws -> Int {
    kill(forwarder.processIdentifier, SIGINT)
    forwarder.waitUntilExit()
    let lines = network.output("faults").split(separator: "\n").dropFirst()
    #expect(lines.count == 2, "\(lines)")
    var copies = 0
    for line in lines {
      let words = line.split(separator: " ")
      func number(_ name: String) -> Int {
        words.firstIndex { $0 == name }.flatMap { Int(words[$0 + 1]) } ?? 0
      }
      #expect(number("entered") > 1_000 && number("dropped") == 0, "\(line)")
      for (name, counter) in [
        ("duplication", "duplicated"), ("reordering", "reordered"), ("corruption", "corrupted"),
      ] where fault.faults?.contains(where: { $0.hasPrefix("\(name)=") }) == true {
        #expect(number(counter) > 5, "\(line)")
      }
      if line.hasPrefix("to g0") { copies = number("duplicated") }
    }
    return copies
  }

  private func compare(
    _ record: [String: Any], _ sockets: (client: SocketInformation, server: SocketInformation), _ fault: Fault,
    _ count: Int, copies: Int
  ) throws {
    func number(_ name: String) -> Int { record[name] as? Int ?? -1 }
    #expect(sockets.client.state == "ESTAB" && sockets.server.state == "ESTAB")
    #expect(sockets.client["bytes_received"] == count && sockets.server["bytes_received"] == count)
    #expect(number("orig_bytes") == sockets.server["bytes_received"])
    #expect(number("resp_bytes") == sockets.client["bytes_received"])
    // The one who opens counts its SYN.
    #expect(number("orig_bytes") == sockets.client["bytes_acked"] - 1)
    #expect(number("resp_bytes") == sockets.server["bytes_acked"])
    // What the host on the good side sends again passes the box. Of the other's some is lost before the box, and copies come.
    // A FIN can follow that is sent again.
    let atClient = number("orig_retransmits") - sockets.client.retransmissions
    let atServer = number("resp_retransmits") - sockets.server.retransmissions
    let (good, bad) = fault.end == .client ? (atServer, atClient) : (atClient, atServer)
    #expect(number("missed_bytes") == 0 && 0...2 ~= good, "\(record) \(sockets)")
    #expect(bad <= copies + 2, "\(record) \(sockets)")
    // Each frame of the host on the good side is in the record.
    let (packets, sent) =
      fault.end == .client
      ? (number("resp_pkts"), sockets.server["segs_out"]) : (number("orig_pkts"), sockets.client["segs_out"])
    #expect(0...8 ~= packets - sent, "\(record) \(sockets)")
    #expect(record["conn_state"] as? String == "SF" && record["end"] as? String == "fin", "\(record)")
    let states = Set([record["orig_state"], record["resp_state"]].compactMap { $0 as? String })
    #expect(states.isSubset(of: ["TIME_WAIT", "CLOSED"]) && states.contains("TIME_WAIT"), "\(record)")
  }
}
