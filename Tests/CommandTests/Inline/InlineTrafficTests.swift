import Foundation
import Testing

/// Real programs, in namespaces that the tests make, through `mos inline`. One after the other: the machine is shared.
@Suite(
  "mos inline between real hosts", .serialized,
  .enabled(if: InlineNetwork.isPossible, "needs root, ip, ethtool, curl and python3: skipped"))
struct InlineTrafficTests {
  /// Ends the box as a user would; what it printed.
  private func end(_ process: Process, _ network: InlineNetwork, _ name: String, signal: Int32 = SIGINT) -> String {
    kill(process.processIdentifier, signal)
    process.waitUntilExit()
    #expect(process.terminationReason == .exit && process.terminationStatus == 0, "\(network.messages(name))")
    return network.output(name)
  }

  /// The number behind `name` in what the box printed about a port.
  private func count(_ name: String, _ port: String, _ summary: String) -> Int {
    let line = summary.split(separator: "\n").first { $0.hasPrefix(port) } ?? ""
    guard let range = line.range(of: "\(name) ") else { return 0 }
    return Int(line[range.upperBound...].prefix { $0.isNumber }) ?? 0
  }

  @Test("100 MB arrive intact, pings, UDP, IPv6, ARP and frames that are no IP pass, and every packet is accounted for")
  func transparentBridge() throws {
    let network = try InlineNetwork()
    network.makeFile("big", count: 100_000_000)
    try network.startWebServer()
    let box = try network.startBox("box", ["--middlebox", "monitor", "--conn-log", network.path("conn.log")])
    let ping = network.run(in: network.client, "ping -q -c 30 -i 0.02 -W 2 10.9.0.2")
    #expect(ping.output.contains("30 received"), "\(ping.output)")
    let download = network.run(
      in: network.client,
      "curl -s --max-time 120 http://10.9.0.2/big | sha256sum | cut -c1-64; sha256sum big | cut -c1-64")
    let hashes = download.output.split(separator: "\n")
    #expect(hashes.count == 2 && hashes[0] == hashes[1])
    #expect(network.run(in: network.client, "ping -q -6 -c 10 -i 0.02 -W 2 fd09::2").output.contains("10 received"))
    let second = network.run(in: network.client, "curl -s --max-time 60 'http://[fd09::2]/big' | cmp - big")
    #expect(second.status == 0, "\(second.output)")
    let echo = try network.start(in: network.server, ["python3", "-c", Scripts.echoServer])
    let datagrams = network.run(in: network.client, "python3 -c '\(Scripts.echoClient)'")
    #expect(datagrams.output == "200\n", "\(datagrams.output)")
    kill(echo.processIdentifier, SIGKILL)
    // Both learnt the other's address through the box.
    #expect(network.run(in: network.client, "ip neigh show 10.9.0.2").output.contains("lladdr"))
    let capture = try network.start(in: network.server, ["python3", "-c", Scripts.rawReceiver], messages: "raw")
    _ = network.wait { network.output("raw").contains("ready") }
    network.run(in: network.client, "python3 -c '\(Scripts.rawSender)'")
    capture.waitUntilExit()
    #expect(network.output("raw") == "ready\nvlan\nlldp\nunknown\n")

    let summary = end(box, network, "box")
    let ports = ["net_af_packet0", "net_af_packet1"]
    #expect(count("received", ports[0], summary) == count("sent", ports[1], summary), "\(summary)")
    #expect(count("received", ports[1], summary) == count("sent", ports[0], summary), "\(summary)")
    #expect(count("received", ports[1], summary) > 130_000)
    for port in ports {
      for loss in ["not sent for want of room", "too long", "missed by the device"] {
        #expect(count(loss, port, summary) == 0, "\(summary)")
      }
    }
    let http = network.records("conn.log").filter { $0["id.resp_p"] as? Int == 80 && $0["proto"] as? String == "tcp" }
    #expect(http.count == 2)
    for record in http {
      #expect(record["conn_state"] as? String == "SF")
      #expect((record["missed_bytes"] as? Int ?? 0) == 0)
      let bytes = try #require(record["resp_bytes"] as? Int)
      #expect(bytes > 100_000_000 && bytes < 100_001_000)
    }
    let udp = network.records("conn.log").filter { $0["id.resp_p"] as? Int == 7_000 }
    #expect(udp.map { $0["orig_pkts"] as? Int } == [200] && udp.map { $0["resp_pkts"] as? Int } == [200])
  }

  @Test("a firewall lets one client through and not the other, and SIGTERM ends it with all records written")
  func firewall() throws {
    let network = try InlineNetwork()
    network.makeFile("page", count: 100_000)
    try network.startWebServer()
    let rules = """
      default: pass
      rules:
        - name: the second client
          protocol: tcp
          from: 10.9.0.3
          action: drop
      """
    try Data(rules.utf8).write(to: URL(fileURLWithPath: network.path("rules.yaml")))
    let box = try network.startBox(
      "box",
      ["--middlebox", "firewall", "--config", network.path("rules.yaml"), "--conn-log", network.path("conn.log")])
    func get(from address: String) -> Int32 {
      network.run(in: network.client, "curl -s --max-time 3 --interface \(address) http://10.9.0.2/page | cmp - page")
        .status
    }
    #expect(get(from: "10.9.0.1") == 0)
    #expect(get(from: "10.9.0.3") != 0)
    #expect(get(from: "10.9.0.1") == 0)
    let summary = end(box, network, "box", signal: SIGTERM)
    #expect(summary.contains("the second client"), "\(summary)")
    let states = network.records("conn.log").filter { $0["proto"] as? String == "tcp" }.map {
      "\($0["id.orig_h"] as? String ?? "") \($0["conn_state"] as? String ?? "")"
    }
    #expect(states.sorted() == ["10.9.0.1 SF", "10.9.0.1 SF", "10.9.0.3 S0"])
    // What came in and did not leave is what the firewall dropped.
    let missing = count("received", "net_af_packet0", summary) - count("sent", "net_af_packet1", summary)
    #expect(missing > 0 && summary.contains("dropped    packets \(missing)"), "\(summary)")
  }

  @Test("the IDS keeps a request from the server that a rule drops, and lets others pass")
  func intrusion() throws {
    let network = try InlineNetwork()
    network.makeFile("page", count: 10_000)
    network.makeFile("secret", count: 10_000)
    try network.start(in: network.server, ["python3", "-m", "http.server", "--bind", "::", "80"], messages: "web")
    _ = network.wait { network.run(in: network.server, "ss -ltn | grep -q ':80 '").status == 0 }
    let rule = "drop tcp any any -> any 80 (msg:\"asks for a secret\"; content:\"GET /secret\"; sid:1;)\n"
    try Data(rule.utf8).write(to: URL(fileURLWithPath: network.path("own.rules")))
    try Data("rules: [own.rules]\ninline: yes\n".utf8).write(to: URL(fileURLWithPath: network.path("ids.yaml")))
    let box = try network.startBox(
      "box", ["--middlebox", "ids", "--config", network.path("ids.yaml"), "--eve", network.path("eve.json")])
    let page = network.run(in: network.client, "curl -s --max-time 5 http://10.9.0.2/page | cmp - page")
    let secret = network.run(in: network.client, "curl -s --max-time 3 http://10.9.0.2/secret | cmp - secret")
    #expect(page.status == 0 && secret.status != 0)
    _ = end(box, network, "box")
    let requests = network.messages("web")
    #expect(requests.contains("GET /page") && !requests.contains("secret"), "\(requests)")
    let alerts = network.records("eve.json").filter { $0["event_type"] as? String == "alert" }
    #expect(!alerts.isEmpty)
    #expect(alerts.allSatisfy { ($0["alert"] as? [String: Any])?["action"] as? String == "blocked" })
  }

  @Test("two workers, each with a queue of both ports, share the flows, both directions of each at one of them")
  func twoWorkers() throws {
    let network = try InlineNetwork()
    network.makeFile("page", count: 1_000_000)
    try network.startWebServer()
    let box = try network.startBox(
      "box", ["--workers", "2", "--middlebox", "monitor", "--conn-log", network.path("conn.log")], queues: 2)
    let downloads = network.run(
      in: network.client,
      """
      for n in $(seq 1 20); do (curl -s --max-time 30 http://10.9.0.2/page | cmp - page && echo same) & done
      wait
      """)
    #expect(downloads.output.split(separator: "\n").count == 20, "\(downloads.output)")
    let summary = end(box, network, "box")
    #expect(summary.contains("workers    2"))
    let flows = network.records("conn.log").filter { $0["proto"] as? String == "tcp" }
    #expect(flows.count == 20)
    #expect(Set(flows.compactMap { $0["uid"] as? String }).count == 20)
    for flow in flows {
      #expect(flow["conn_state"] as? String == "SF" && flow["missed_bytes"] as? Int == 0)
      #expect((flow["resp_bytes"] as? Int ?? 0) > 1_000_000)
    }
  }

  @Test("a box that is killed and started again picks up flows in mid-stream")
  func restart() throws {
    let network = try InlineNetwork()
    network.makeFile("big", count: 20_000_000)
    try network.startWebServer()
    let first = try network.startBox("first", ["--middlebox", "monitor"])
    let download = try network.start(
      in: network.client,
      ["curl", "-s", "--limit-rate", "5M", "--max-time", "60", "-o", network.path("copy"), "http://10.9.0.2/big"])
    usleep(1_000_000)
    kill(first.processIdentifier, SIGKILL)
    first.waitUntilExit()
    let second = try network.startBox("second", ["--middlebox", "monitor", "--conn-log", network.path("conn.log")])
    download.waitUntilExit()
    #expect(download.terminationStatus == 0)
    #expect(InlineNetwork.shell("cmp \(network.path("copy")) \(network.path("big"))").status == 0)
    _ = end(second, network, "second")
    let flow = try #require(network.records("conn.log").first { $0["id.resp_p"] as? Int == 80 })
    #expect(flow["id.orig_h"] as? String == "10.9.0.1")
    let bytes = try #require(flow["resp_bytes"] as? Int)
    #expect(bytes > 1_000_000 && bytes < 20_000_000)
  }

  @Test(
    "a box through which nothing passes needs next to no processor time, and answers within milliseconds all the same")
  func idle() throws {
    let network = try InlineNetwork()
    let box = try network.startBox("box", ["--middlebox", "monitor"])
    usleep(1_500_000)
    func ticks() throws -> Int {
      let text = try String(contentsOfFile: "/proc/\(box.processIdentifier)/stat", encoding: .utf8)
      let fields = text[text.lastIndex(of: ")")!...].split(separator: " ")
      return Int(fields[12])! + Int(fields[13])!
    }
    let before = try ticks()
    usleep(4_000_000)
    // Hundredths of a second, of 4 seconds.
    #expect(try ticks() - before <= 20)
    let ping = network.run(in: network.client, "ping -q -c 5 -i 0.3 -W 2 10.9.0.2")
    #expect(ping.output.contains("5 received"))
    _ = end(box, network, "box")
  }
}

/// Small programs in Python for the two ends.
private enum Scripts {
  static let echoServer = """
    import socket
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("10.9.0.2", 7000))
    while True:
        data, sender = s.recvfrom(2048)
        s.sendto(data, sender)
    """
  static let echoClient = """
    import socket, time
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(3)
    time.sleep(0.5)
    good = 0
    for n in range(200):
        data = bytes([n % 251]) * (n * 7)
        s.sendto(data, ("10.9.0.2", 7000))
        good += s.recv(2048) == data
    print(good)
    """
  static let rawSender = """
    import socket
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind(("c0", 0))
    for head in ("8100" "0064" "88b6", "88cc", "88b5"):
        s.send(bytes.fromhex("0180c200000e" "020000000001" + head) + bytes(range(60)))
    """
  static let rawReceiver = """
    import socket
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.bind(("s0", 3))
    s.settimeout(5)
    print("ready", flush=True)
    names = []
    try:
        while len(names) < 3:
            data, _, _, _, _ = [*s.recvfrom(2048), 0, 0, 0]
            if data[6:12].hex() != "020000000001":
                continue
            rest = data[12:].hex()
            whole = bytes(range(60)).hex()
            for start, name in (("8100" "0064" "88b6", "vlan"), ("88b6", "vlan"), ("88cc", "lldp"), ("88b5", "unknown")):
                if rest == start + whole:
                    names.append(name)
                    print(name, flush=True)
    except TimeoutError:
        pass
    """
}
