import Foundation
import Testing

@testable import mos

@Suite("Counters for Prometheus")
struct MetricsTests {
  @Test("addresses are a host and a port, those of IPv6 in brackets")
  func addresses() {
    #expect(MetricsAddress("127.0.0.1:9464")?.host == "127.0.0.1")
    #expect(MetricsAddress("[::1]:80").map { "\($0.host) \($0.port) \($0)" } == "::1 80 [::1]:80")
    for text in ["", "9464", ":9464", "::1:80", "host:", "host:65536", "[]:1", "host:-1"] {
      #expect(MetricsAddress(text) == nil, "\(text)")
    }
  }

  @Test("names of devices are escaped as the format has it")
  func labels() { #expect(MetricsText.label("a\"b\\c\nd") == "a\\\"b\\\\c\\nd") }

  @Test("a port that is taken, or that is none, is told in a line")
  func mistakes() throws {
    let null = ["inline", "--eal", "--no-huge -m 256", "--port", "net_null0", "--port", "net_null1", "--metrics"]
    for (address, status) in [("nowhere", 2), ("192.0.2.1:9464", 3)] as [(String, Int32)] {
      let run = try CommandProcess.run(null + [address])
      #expect(run.status == status && run.messages.contains("--metrics"), "\(run.messages)")
      #expect(run.messages.contains(address) && run.messages.split(separator: "\n").count == 1, "\(run.messages)")
    }
  }

  @Test(
    "curl reads what the summary says at the end, but for what passed since",
    .enabled(if: InlineNetwork.isPossible, "needs root, ip, ethtool, curl and python3: skipped"))
  func scrape() throws {
    let network = try InlineNetwork()
    let box = try network.startBox("box", ["--middlebox", "monitor", "--metrics", "127.0.0.1:9464"])
    InlineNetwork.shell("ip -n \(network.box) link set lo up")
    #expect(network.run(in: network.client, "ping -q -c 20 -i 0.02 -W 2 10.9.0.2").output.contains("20 received"))
    func get(_ arguments: String) -> String {
      network.run(in: network.box, "curl -s --max-time 3 \(arguments)").output
    }
    usleep(500_000)
    let lines = get("http://127.0.0.1:9464/metrics").split(separator: "\n").map(String.init)
    func value(_ name: String, _ port: String) -> Int {
      lines.first { $0.hasPrefix("\(name){port=\"\(port),") }.flatMap { Int($0.split(separator: " ").last!) } ?? -1
    }
    #expect(get("-o /dev/null -w %{http_code} http://127.0.0.1:9464/other") == "404")
    #expect(get("-o /dev/null -w %{http_code} -d x http://127.0.0.1:9464/metrics") == "405")
    #expect(get("-I http://127.0.0.1:9464/metrics").contains("text/plain; version=0.0.4"))
    kill(box.processIdentifier, SIGINT)
    box.waitUntilExit()
    #expect(box.terminationReason == .exit && box.terminationStatus == 0)
    let summary = network.output("box").split(separator: "\n")
    for port in ["net_af_packet0", "net_af_packet1"] {
      let received = value("mos_port_received_packets_total", port)
      let sent = value("mos_port_sent_packets_total", port)
      #expect(received >= 20 && value("mos_port_up", port) == 1)
      let line = summary.first { $0.hasPrefix(port) } ?? ""
      let atEnd = line.split { !$0.isNumber && !$0.isLetter }
      func end(_ name: Substring) -> Int { atEnd.firstIndex(of: name).flatMap { Int(atEnd[$0 + 1]) } ?? -1 }
      // Hosts say something by themselves now and then.
      #expect((received...received + 10).contains(end("received")), "\(line)")
      #expect(sent >= 20 && (sent...sent + 10).contains(end("sent")), "\(line)")
    }
    // Every sample is of a metric that was introduced before.
    var known = Set<Substring>()
    for line in lines {
      if line.hasPrefix("# TYPE ") { known.insert(line.split(separator: " ")[2]) }
      if !line.hasPrefix("#") { #expect(known.contains(line.prefix { $0 != "{" && $0 != " " })) }
    }
  }
}
