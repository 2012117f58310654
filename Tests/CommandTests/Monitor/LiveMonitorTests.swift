import Foundation
import Testing

/// `mos monitor` at interfaces of namespaces that the tests make.
@Suite(
  "mos monitor at interfaces", .serialized,
  .enabled(
    if: InlineNetwork.isPossible && InlineNetwork.shell("command -v tcpdump && command -v setpriv").status == 0,
    "needs root, ip, ss, nft, ethtool, curl, python3, tcpdump and setpriv: skipped"))
struct LiveMonitorTests {
  /// A record without what depends on when exactly each program was given a packet, and on how many came before.
  private func comparable(_ record: [String: Any]) -> String {
    var record = record.filter { key, _ in !["ts", "uid", "duration"].contains(key) && !key.hasSuffix("_rtt_us") }
    // Packets of both directions that come at once are in one order here, in the other there.
    if let history = record["history"] as? String { record["history"] = String(history.sorted()) }
    return record.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
  }

  @Test(
    "records are those of a replay of what tcpdump captured meanwhile",
    arguments: [["--interface", "s0"], ["-i", "s0", "--workers", "2"]])
  func sameAsReplay(arguments: [String]) throws {
    let network = try InlineNetwork()
    try network.bridgePorts()
    network.makeFile("page", count: 3_000_000)
    try network.startWebServer()
    let capture = try network.startCapture(in: network.server, at: "s0", "s0.pcap")
    let monitor = try network.startMonitor(
      in: network.server, "monitor",
      arguments + ["--conn-log", network.path("live"), "--eve", network.path("live.eve"), "--middlebox", "monitor"])
    let traffic = network.run(
      in: network.client,
      """
      for n in 1 2 3 4; do curl -s --max-time 30 http://10.9.0.2/page | cmp - page && echo same & done
      wait
      curl -s --max-time 30 'http://[fd09::2]/page' | cmp - page && echo same
      ping -q -c 10 -i 0.02 -W 2 10.9.0.2 | grep -o '10 received'
      curl -s --max-time 3 http://10.9.0.2:81/
      python3 -c 'import socket; s = socket.socket(type=socket.SOCK_DGRAM)
      for n in range(50): s.sendto(b"x" * n, ("10.9.0.2", 7000))'
      """)
    #expect(traffic.output.split(separator: "\n").filter { $0 == "same" }.count == 5, "\(traffic.output)")
    #expect(traffic.output.contains("10 received"))
    usleep(300_000)
    let summary = try network.end(monitor, "monitor")
    kill(capture.processIdentifier, SIGINT)
    capture.waitUntilExit()
    #expect(network.messages("tcpdump").contains("\n0 packets dropped by kernel"), "\(network.messages("tcpdump"))")
    #expect(!summary.contains("dropped by"), "\(summary)")
    let replay = try CommandProcess.run([
      "replay", "--quiet", "--conn-log", network.path("replay"), network.path("s0.pcap"),
    ])
    #expect(replay.status == 0)
    // Neighbour discovery is nobody's traffic: it may lie before or behind one of the captures.
    func records(_ name: String) -> Set<String> {
      Set(
        network.records(name).filter { $0["proto"] as? String != "icmp" || $0["id.orig_p"] as? Int == 8 }.map(
          comparable))
    }
    let live = records("live")
    #expect(live.count == 8, "\(live)")
    let difference = live.symmetricDifference(records("replay"))
    #expect(difference.isEmpty, "\(difference.sorted())")
    let flows = network.records("live.eve").filter { $0["event_type"] as? String == "flow" }
    #expect(flows.count >= 9)
    #expect(network.records("live.eve").last?["event_type"] as? String == "stats")
    #expect(summary.contains("80/tcp"), "\(summary)")
  }

  @Test("the two directions of a tap are one trace: each packet once, none before what it answers")
  func tap() throws {
    let network = try InlineNetwork()
    try network.bridgePorts()
    network.makeFile("page", count: 2_000_000)
    try network.startWebServer()
    let monitor = try network.startMonitor(
      in: network.box, "monitor",
      [
        "-i", "m0", "-i", "m1", "--direction", "in", "--filter", "tcp port 80", "--conn-log", network.path("conn.log"),
        "--events", network.path("events"),
      ])
    let traffic = network.run(
      in: network.client, "for n in 1 2 3 4; do curl -s --max-time 30 http://10.9.0.2/page | cmp - page || exit 1; done"
    )
    #expect(traffic.status == 0, "\(traffic.output)")
    usleep(200_000)
    let summary = try network.end(monitor, "monitor")
    for port in ["m0", "m1"] { #expect(InlineNetwork.count("received", "\(port):", summary) > 100, "\(summary)") }
    let records = network.records("conn.log")
    #expect(records.count == 4)
    for record in records {
      #expect(record["conn_state"] as? String == "SF" && record["missed_bytes"] as? Int == 0, "\(record)")
      #expect((record["resp_bytes"] as? Int ?? 0) > 2_000_000, "\(record)")
    }
    // An acknowledgment before the data would be one of data that were not captured.
    let early = network.records("events").filter { $0["event"] as? String == "gap" }
    #expect(early.isEmpty, "\(early.prefix(3))")
  }

  @Test("a flow that falls silent is forgotten in its time and its record written, though no packet comes any more")
  func silence() throws {
    let network = try InlineNetwork()
    try network.bridgePorts()
    let monitor = try network.startMonitor(
      in: network.server, "monitor",
      ["-i", "s0", "--filter", "udp port 7000", "--udp-timeout", "500ms", "--conn-log", network.path("conn.log")])
    network.run(in: network.client, "python3 -c '\(Self.datagram)'")
    #expect(network.wait { !network.records("conn.log").isEmpty })
    #expect(monitor.isRunning)
    let record = try #require(network.records("conn.log").first)
    #expect(record["id.resp_p"] as? Int == 7_000 && record["end"] as? String == "timeout", "\(record)")
    _ = try network.end(monitor, "monitor")
    #expect(network.records("conn.log").count == 1)
  }

  private static let datagram = """
    import socket
    socket.socket(type=socket.SOCK_DGRAM).sendto(b"hello", ("10.9.0.2", 7000))
    """

  @Test("SIGHUP has it go on in a new file, and what came before SIGTERM is in the records")
  func signals() throws {
    let network = try InlineNetwork()
    try network.bridgePorts()
    let monitor = try network.startMonitor(
      in: network.server, "monitor",
      [
        "-i", "s0", "--filter", "udp port 7000", "--udp-timeout", "300ms", "--conn-log", network.path("conn.log"),
        "--metrics", "127.0.0.1:9464",
      ])
    network.run(in: network.client, "python3 -c '\(Self.datagram)'")
    #expect(network.wait { network.records("conn.log").count == 1 })
    InlineNetwork.shell("mv \(network.path("conn.log")) \(network.path("conn.log.1"))")
    kill(monitor.processIdentifier, SIGHUP)
    #expect(network.wait { FileManager.default.fileExists(atPath: network.path("conn.log")) })
    let metrics = network.run(in: network.server, "curl -s http://127.0.0.1:9464/metrics").output
    #expect(metrics.contains("mos_port_received_packets_total{port=\"s0\"} 1\n"), "\(metrics)")
    #expect(metrics.contains("mos_port_up{port=\"s0\"} 1\n"), "\(metrics)")
    network.run(
      in: network.client,
      """
      python3 -c 'import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.bind(("10.9.0.1", 6000))
      for n in range(3000): s.sendto(b"x" * 100, ("10.9.0.2", 7000))'
      """)
    kill(monitor.processIdentifier, SIGTERM)
    monitor.waitUntilExit()
    #expect(monitor.terminationStatus == 0, "\(network.messages("monitor"))")
    #expect(network.records("conn.log.1").count == 1)
    let record = try #require(network.records("conn.log").last)
    #expect(record["id.orig_p"] as? Int == 6_000 && record["orig_pkts"] as? Int == 3_000, "\(record)")
  }

  @Test("what the kernel has no room for is counted, and only that is missing")
  func kernelDrops() throws {
    let network = try InlineNetwork()
    try network.bridgePorts()
    let monitor = try network.startMonitor(
      in: network.server, "monitor",
      ["-i", "s0", "--filter", "udp port 7000", "--buffer-size", "1", "--conn-log", network.path("conn.log")])
    kill(monitor.processIdentifier, SIGSTOP)
    network.run(
      in: network.client,
      """
      python3 -c 'import socket; s = socket.socket(type=socket.SOCK_DGRAM)
      for n in range(5000): s.sendto(b"x" * 1000, ("10.9.0.2", 7000))'
      """)
    kill(monitor.processIdentifier, SIGCONT)
    usleep(500_000)
    let summary = try network.end(monitor, "monitor")
    let received = InlineNetwork.count("received", "s0:", summary)
    let dropped = InlineNetwork.count("dropped by the kernel for want of room", "s0:", summary)
    #expect(received > 100 && dropped > 100 && received + dropped == 5_000, "\(summary)")
    #expect(network.records("conn.log").map { $0["orig_pkts"] as? Int } == [received])
  }

  @Test("an interface that goes away is said, and ends it with what came before in the records")
  func interfaceGone() throws {
    let network = try InlineNetwork()
    try network.bridgePorts()
    let monitor = try network.startMonitor(
      in: network.server, "monitor", ["-i", "s0", "--filter", "udp port 7000", "--conn-log", network.path("conn.log")])
    network.run(in: network.client, "python3 -c '\(Self.datagram)'")
    usleep(300_000)
    network.run(in: network.server, "ip link del s0")
    #expect(network.wait { !monitor.isRunning })
    #expect(monitor.terminationStatus == 3)
    let said = network.messages("monitor").split(separator: "\n").filter { $0.contains("the interface is gone") }
    #expect(said == ["mos: s0: the interface is gone"], "\(network.messages("monitor"))")
    #expect(network.records("conn.log").count == 1)
  }

  @Test("what keeps it from an interface is said in a line that names it and the remedy")
  func refusals() throws {
    let network = try InlineNetwork()
    network.run(in: network.box, "python3 -c '\(Self.frameRelay)'; ip link set fr0 up")
    let cases: [(arguments: String, prefix: String, status: Int32, parts: [String])] = [
      ("-i absent0", "", 3, ["absent0: there is no such interface", "m0"]),
      ("-i m0 -i fr0", "", 3, ["fr0: its link type is not supported: Frame Relay (107)"]),
      ("-i m0 --filter 'tcp prot 80'", "", 2, ["m0: filter \"tcp prot 80\"", "pcap-filter(7)"]),
      (
        "-i m0", "setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all --bounding-set=-all", 3,
        ["m0: capturing is not permitted", "CAP_NET_RAW"]
      ),
      ("-i m0 --conn-log /absent/conn.log", "", 3, ["/absent/conn.log"]),
      ("-i m0 --metrics 192.0.2.1:9464", "", 3, ["--metrics 192.0.2.1:9464"]),
    ]
    // Where others can reach it too.
    let program = network.path("mos")
    InlineNetwork.shell(
      "cp \(CommandProcess.executable.path) \(program) && chmod 755 \(network.folder.path) \(program)")
    for (arguments, prefix, status, parts) in cases {
      let outcome = network.run(in: network.box, "timeout 20 \(prefix) \(program) monitor \(arguments) 2>&1")
      #expect(outcome.status == status, "\(arguments): \(outcome.output)")
      for part in parts { #expect(outcome.output.contains(part), "\(arguments): \(outcome.output)") }
      #expect(outcome.output.split(separator: "\n").count == 1, "\(outcome.output)")
    }
  }
}

extension LiveMonitorTests {
  /// Makes an interface with a link type that few have.
  private static let frameRelay = """
    import fcntl, struct
    f = open("/dev/net/tun", "r+b", buffering=0)
    fcntl.ioctl(f, 0x400454ca, struct.pack("16sH", b"fr0", 0x1001))
    fcntl.ioctl(f, 0x400454cd, 770)
    fcntl.ioctl(f, 0x400454cb, 1)
    """
}

@Suite("mos monitor's options") struct MonitorOptionTests {
  @Test("what is wrong with the options is said in a line")
  func mistakes() throws {
    let cases: [(arguments: [String], part: String)] = [
      ([], "--interface"), (["-i", "a", "-i", "a"], "given twice"), (["-i", ""], "empty"),
      (["-i", "a", "--snaplen", "10"], "64 to 262144"), (["-i", "a", "--buffer-size", "0"], "1 to 1024"),
      (["-i", "a", "--workers", "65"], "1 to 64"), (["-i", "a", "--metrics", "9464"], "127.0.0.1:9464"),
      (["-i", "a", "--middlebox", "absent"], "none of that name"),
      (["-i", "a", "--promiscuous", "maybe"], "promiscuous"),
      (["-i", "a", "--conn-log", "x", "--eve", "x"], "one file"),
      (["-i", "a", "--middlebox", "firewall"], "a file with rules"),
    ]
    for (arguments, part) in cases {
      let run = try CommandProcess.run(["monitor"] + arguments)
      #expect(run.status == 2, "\(arguments): \(run.messages)")
      #expect(run.messages.contains(part), "\(arguments): \(run.messages)")
      #expect(run.messages.split(separator: "\n").count == 1 && run.output == "", "\(run.messages)")
    }
  }
}
