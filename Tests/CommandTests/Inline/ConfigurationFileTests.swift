import ArgumentParser
import Foundation
import Middleboxes
import Testing

@testable import mos

@Suite("The configuration file of mos inline")
struct ConfigurationFileTests {
  private static let ports = "ports: [net_null0, net_null1]\n"

  private func file(_ text: String) throws -> String {
    let file = try CommandProcess.temporaryFolder().appendingPathComponent("mos.yaml")
    try Data(text.utf8).write(to: file)
    return file.path
  }

  /// What is wrong with a file, without its name.
  private func complaint(_ text: String, _ arguments: [String] = []) throws -> String {
    let path = try file(text)
    do {
      _ = try InlineCommand.parse([path] + arguments).options()
      return ""
    } catch {
      return (error as? ConfigurationError)?.description.replacingOccurrences(of: path + ":", with: "")
        ?? InlineCommand.message(for: error)
    }
  }

  private func shown(_ options: InlineOptions) -> String {
    var flows = options.flows
    let boxes = flows.middleboxes.map { "\($0.name) \($0.reload == nil)" }
    flows.middleboxes = []
    let router = options.router.map { "\($0.ports) \($0.gateways)" } ?? ""
    return """
      \(options.ports) \(options.environment) \(String(describing: options.mtu)) \(String(describing: options.metrics))
      \(String(describing: options.fail)) \(boxes) \(router)
      \(flows)
      """
  }

  @Test("it says the same as options of the command line, whatever they are")
  func equivalence() throws {
    let text = """
      ports: ["net_null0,size=64", net_null1]
      eal: --no-huge -m 256
      mtu: 9000
      workers: 3
      fail: closed
      metrics: "[::1]:9464"
      quiet: yes
      rule-stats: on
      middleboxes: [monitor, {name: ids, config: /etc/ids.yaml}, {name: nat, config: /etc/nat.yaml}]
      addresses: [[10.0.0.1/8, "fd00::1/64"], 198.51.100.1/24]
      gateways: 198.51.100.254
      records: {conn-log: /var/conn, conn-format: zeek, eve: "-", events: /var/events}
      flows:
        {max-flows: 5, idle-timeout: 1h, half-open-timeout: 2s, udp-timeout: 500ms, midstream: no, checksum: ignore,
        vlan-tracking: no, tunnels: [gre, vxlan]}
      """
    let line = [
      "--port", "net_null0,size=64", "--port", "net_null1", "--eal", "--no-huge -m 256", "--mtu", "9000", "--workers",
      "3",
      "--fail", "closed", "--metrics", "[::1]:9464", "--quiet", "--rule-stats", "--middlebox", "monitor", "--middlebox",
      "ids", "--config", "/etc/ids.yaml", "--middlebox", "nat", "--config", "/etc/nat.yaml", "--addresses",
      "10.0.0.1/8,fd00::1/64", "--addresses", "198.51.100.1/24", "--gateway", "198.51.100.254", "--conn-log",
      "/var/conn",
      "--conn-format", "zeek", "--eve", "-", "--events", "/var/events", "--max-flows", "5", "--idle-timeout", "1h",
      "--half-open-timeout", "2s", "--udp-timeout", "500ms", "--midstream", "no", "--checksum", "ignore",
      "--vlan-tracking", "no", "--tunnels", "gre,vxlan",
    ]
    let fromFile = try InlineCommand.parse([file(text)]).options()
    #expect(shown(fromFile) == shown(try InlineCommand.parse(line).options()))
    // Every option that a file can have was there.
    let given = Set(line.filter { $0.hasPrefix("--") }.map { $0.dropFirst(2) })
    #expect(InlineConfiguration.options.allSatisfy { given.contains($0[...]) })
    // And what no file can have is about the command line.
    let help = try CommandProcess.run("inline", "--help").output
    let names = Set(help.matches(of: /--([a-z-]+)/).map { String($0.1) })
    let others = ["middlebox", "config", "list-middleboxes", "help", "version", "no-quiet", "no-huge"]
    #expect(names.subtracting(InlineConfiguration.options).subtracting(others) == [])
  }

  @Test("options of the command line go before what it says")
  func overriding() throws {
    let path = try file(
      """
      ports: [net_null0, net_null1]
      workers: 3
      quiet: yes
      middleboxes: [{name: firewall, config: f.yaml}, monitor]
      flows: {max-flows: 5, midstream: no}
      """)
    let options = try InlineCommand.parse(
      ["--workers", "2", path, "--no-quiet", "--port", "net_null4", "--port", "net_null5", "--middlebox", "monitor"]
    ).options()
    #expect(options.ports == ["net_null4", "net_null5"] && options.flows.workers == 2 && !options.flows.quiet)
    #expect(options.flows.middleboxes.map(\.name) == ["monitor"])
    #expect(options.flows.tracker.maximumFlows == 5 && !options.flows.tracker.midstream)
    let message = try complaint(ConfigurationFileTests.ports + "workers: 3\n", ["--workers", "65"])
    #expect(message == "--workers 65: 1 to 64 can work", "\(message)")
  }

  @Test("relative paths begin at its folder, and - is standard output")
  func paths() throws {
    let path = try file(
      ConfigurationFileTests.ports
        + "middleboxes: [{name: firewall, config: rules/f.yaml}]\nrecords: {eve: e, events: \"-\"}\n")
    let configuration = try InlineConfiguration(path: path)
    let folder = path.dropLast("mos.yaml".count)
    #expect(configuration.middleboxes[0].configuration?.text == folder + "rules/f.yaml")
    #expect(configuration["eve"].map(\.text) == [folder + "e"] && configuration["events"].map(\.text) == ["-"])
    let plain = try InlineConfiguration(bytes: Array("records: {eve: e}".utf8), file: "mos.yaml")
    #expect(plain["eve"].map(\.text) == ["e"])
  }

  @Test(
    "what is wrong is told with line and column, and with what was expected",
    arguments: [
      ("worker: 2\n", "2:1: unknown key \"worker\" in the configuration, did you mean \"workers\"? Expected: "),
      ("flows:\n  max-flow: 2\n", "3:3: unknown key \"max-flow\" in flows, did you mean \"max-flows\"? Expected: "),
      ("workers: 65\n", "2:10: workers: \"65\" is not a number from 1 to 64"),
      ("fail: opne\n", "2:7: fail: \"opne\" is no choice, did you mean \"open\"? Expected: open or closed"),
      ("quiet: maybe\n", "2:8: quiet: \"maybe\" is no switch, expected yes or no"),
      ("flows: {idle-timeout: soon}\n", "2:23: idle-timeout: a time is a number of seconds, or as in 2h4m"),
      ("flows:\n  tunnels: [gre, tcp]\n", "3:12: tunnels: there is no tcp; all, none, or some of ipip"),
      ("metrics: nowhere\n", "2:10: metrics \"nowhere\": expected for example 127.0.0.1:9464"),
      (
        "middleboxes: [firewal]\n",
        "2:15: \"firewal\" is no middlebox, did you mean \"firewall\"? Expected: ids, firewall"
      ),
      (
        "middleboxes: firewall\n",
        "2:14: middleboxes: found \"firewall\", expected a list of middleboxes, such as monitor"
      ),
      ("middleboxes:\n  - config: x\n", "3:5: a middlebox has no `name`"),
      ("middleboxes: [{name: nat, config: x}]\nfail: open\n", "3:7: fail open: packets that a NAT has not translated"),
      ("records: {conn-format: zeek}\n", "2:24: conn-format is about the connection records: give --conn-log"),
      ("addresses: 10.0.0.1/8\n", "2:12: addresses: found \"10.0.0.1/8\", expected a list, of which each element"),
      ("gateways: [10.0.0.1]\n", "2:12: gateway is of a router: give --addresses too"),
      ("a: &b c\n", "2:4: YAML anchors"),
    ])
  func mistakes(text: String, expected: String) throws {
    let message = try complaint(ConfigurationFileTests.ports + text)
    #expect(message.hasPrefix(expected), "\(message)")
  }

  @Test(
    "ports are two different devices",
    arguments: [
      ("workers: 1\n", " port: a bridge has two ports, not 0"),
      ("ports: net_null0\n", "1:8: port: a bridge has two ports, not 1"),
      ("ports:\n  - net_null0\n  - net_null0\n", "2:5: port net_null0: it is given twice"),
      ("", " is empty, expected at least `ports`"), ("ports: []\n", "1:8: ports: the list is empty"),
    ])
  func ports(text: String, expected: String) throws {
    let message = try complaint(text)
    #expect(message.hasPrefix(expected), "\(message)")
  }

  @Test("it runs as it says")
  func run() throws {
    let path = try file(
      """
      ports:
        - net_pcap0,rx_pcap=\(CommandProcess.trace("http")),tx_pcap=/dev/null
        - net_pcap1,rx_pcap=\(CommandProcess.trace("loss")),tx_pcap=/dev/null
      eal: --no-huge -m 256
      middleboxes: [monitor]
      records: {conn-log: conn.log}
      """)
    let run = try CommandProcess.run(["inline", path]) { process in
      usleep(2_500_000)
      kill(process.processIdentifier, SIGINT)
    }
    #expect(run.status == 0 && run.output.contains("monitor, top talkers"), "\(run.messages)")
    let log = try String(contentsOfFile: path.dropLast("mos.yaml".count) + "conn.log", encoding: .utf8)
    #expect(log.contains("\"id.resp_p\":80"))
    let missing = try CommandProcess.run(["inline", "/nowhere/mos.yaml"])
    #expect(missing.status == 2 && missing.messages == "mos: /nowhere/mos.yaml: No such file or directory\n")
  }
}
