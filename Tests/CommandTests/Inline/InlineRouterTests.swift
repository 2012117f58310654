import Foundation
import Testing

/// Real programs on either side of a NAT with addresses of its own, which nobody was told the Ethernet addresses of.
@Suite(
  "a NAT that routes between real hosts", .serialized,
  .enabled(if: InlineNetwork.isPossible, "needs root, ip, ethtool, curl and python3: skipped"))
struct InlineRouterTests {
  private func makeNetwork() throws -> (InlineNetwork, Process) {
    let network = try InlineNetwork(.routed)
    network.makeFile("big", count: 10_000_000)
    for (name, port) in [(network.server, 80), (network.client, 8_080)] {
      try network.start(
        in: name, ["python3", "-u", "-m", "http.server", "--bind", "0.0.0.0", "\(port)"], messages: "web\(port)")
      _ = network.wait { network.run(in: name, "ss -ltn | grep -q ':\(port) '").status == 0 }
    }
    let configuration = """
      internal: 192.168.7.0/24
      external: 203.0.113.1
      forwards:
        - {protocol: tcp, external: 203.0.113.1, ports: 80, to: 192.168.7.2, to-port: 8080}
      one-to-one:
        - {internal: 192.168.7.3, external: 203.0.113.9}
      nat64:
        prefix: 64:ff9b::/96

      """
    try Data(configuration.utf8).write(to: URL(fileURLWithPath: network.path("nat.yaml")))
    let box = try network.startBox(
      "box",
      [
        "--middlebox", "nat", "--config", network.path("nat.yaml"), "--addresses", "192.168.7.1/24,fd07::1/64",
        "--addresses", "203.0.113.1/24,203.0.113.9", "--gateway", "203.0.113.2",
      ])
    return (network, box)
  }

  /// Downloads by curl from one host, and compares.
  private func download(_ network: InlineNetwork, in name: String, _ arguments: String) -> InlineNetwork.Outcome {
    network.run(in: name, "curl -sS --max-time 10 \(arguments) | cmp - big")
  }

  @Test("hosts find its addresses by ARP and neighbor discovery, and it finds theirs and that of the gateway")
  func resolution() throws {
    let (network, box) = try makeNetwork()
    func expectDownload(_ name: String, _ arguments: String) {
      let outcome = download(network, in: name, arguments)
      #expect(outcome.status == 0, "\(arguments): \(outcome.output)")
    }
    expectDownload(network.client, "--interface 192.168.7.2 http://203.0.113.2/big")
    // Behind the gateway.
    expectDownload(network.client, "--interface 192.168.7.2 http://198.51.100.7/big")
    // NAT64.
    expectDownload(network.client, "'http://[64:ff9b::203.0.113.2]/big'")
    // A forward, from outside.
    expectDownload(network.server, "http://203.0.113.1/big")
    let ping = network.run(in: network.server, "ping -q -c 5 -i 0.05 -W 2 203.0.113.9")
    #expect(ping.output.contains("5 received"), "\(ping.output)")

    func address(_ device: String) -> String {
      network.run(in: network.box, "cat /sys/class/net/\(device)/address").output.trimmingCharacters(in: .newlines)
    }
    for (name, neighbour, device) in [
      (network.client, "192.168.7.1", "m0"), (network.client, "fd07::1", "m0"), (network.server, "203.0.113.1", "m1"),
      (network.server, "203.0.113.9", "m1"),
    ] {
      let shown = network.run(in: name, "ip neigh show \(neighbour)").output
      #expect(shown.contains("lladdr \(address(device))"), "\(shown)")
    }
    #expect(network.run(in: network.client, "ip -6 neigh show fd07::1").output.contains(" router "))
    let summary = try network.end(box, "box")
    #expect(summary.contains("router: ARP and neighbor discovery received"), "\(summary)")
    #expect(!summary.contains("without an answer"), "\(summary)")
    #expect(network.messages("web80").split(separator: "\n").allSatisfy { $0.hasPrefix("203.0.113.1 - - ") })
    #expect(network.messages("web8080").split(separator: "\n").allSatisfy { $0.hasPrefix("203.0.113.2 - - ") })
  }

  @Test("a host reaches another one by its external address, at the port where both are")
  func hairpin() throws {
    let (network, box) = try makeNetwork()
    let outcome = download(network, in: network.client, "--interface 192.168.7.3 http://203.0.113.1/big")
    #expect(outcome.status == 0, "\(outcome.output)")
    _ = try network.end(box, "box")
    // By its own external address too (RFC 4787 REQ-9).
    #expect(network.messages("web8080").hasPrefix("203.0.113.9 - - "), "\(network.messages("web8080"))")
  }

  @Test("the first packet to a host is not lost, one to nobody is given up, and what is for others is not taken")
  func neighbours() throws {
    let (network, box) = try makeNetwork()
    let first = network.run(in: network.client, "ping -q -c 1 -W 2 203.0.113.2")
    #expect(first.output.contains("1 received"), "\(first.output)")
    let nobody = network.run(in: network.client, "ping -q -c 2 -i 0.2 -W 1 203.0.113.77")
    #expect(nobody.output.contains("0 received"), "\(nobody.output)")
    // To an Ethernet address that is not the box's, as a switch floods it.
    let other = network.run(
      in: network.client,
      """
      ip neigh add 192.168.7.9 lladdr 02:00:00:00:00:99 dev c0
      ip route add 203.0.113.0/24 via 192.168.7.9
      ping -q -c 3 -i 0.05 -W 1 203.0.113.2
      ip route del 203.0.113.0/24 via 192.168.7.9
      """)
    #expect(other.output.contains("0 received"), "\(other.output)")
    // A host whose Ethernet address changes says so when it asks for the box.
    let changed = network.run(
      in: network.server,
      """
      ip link set s0 address 02:00:00:00:00:77
      ip neigh flush dev s0
      ping -q -c 3 -i 0.1 -W 1 203.0.113.9
      """)
    #expect(changed.output.contains("3 received"), "\(changed.output)")
    usleep(3_500_000)
    let last = network.run(in: network.client, "ping -q -c 3 -i 0.1 -W 1 203.0.113.2")
    #expect(last.output.contains("3 received"), "\(last.output)")
    let summary = try network.end(box, "box")
    #expect(summary.contains("not for the box"), "\(summary)")
    #expect(summary.contains("without an answer of the next hop 2"), "\(summary)")
  }

  @Test(
    "mistakes in addresses are said in a line",
    arguments: [
      (["--addresses", "10.0.0.1/8"], "for both ports"),
      (["--addresses", "10.0.0.1/8", "--addresses", "1.2.3"], "\"1.2.3\" is no address"),
      (["--addresses", "10.0.0.1/8", "--addresses", "192.0.2.1/33"], "the length is 1 to 32"),
      (["--addresses", "10.0.0.1/8", "--addresses", "224.0.0.1"], "no address of a host"),
      (["--addresses", "10.0.0.1/8", "--addresses", "10.2.0.1/16"], "at both ports"),
      (["--addresses", "10.0.0.1/8,10.0.0.1", "--addresses", "192.0.2.1/24"], "is there twice"),
      (["--addresses", "10.0.0.1/8", "--addresses", "192.0.2.1/24", "--gateway", "198.51.100.1"], "in no network"),
      (["--addresses", "10.0.0.1/8", "--addresses", "192.0.2.1/24", "--gateway", "192.0.2.1"], "the box itself"),
      (
        [
          "--addresses", "10.0.0.1/8", "--addresses", "192.0.2.1/24", "--gateway", "192.0.2.2", "--gateway",
          "192.0.2.3",
        ],
        "one for IPv4 already"
      ),
      (["--gateway", "192.0.2.2"], "give --addresses too"),
    ])
  func mistakes(arguments: [String], part: String) throws {
    let run = try CommandProcess.run(
      ["inline", "--port", "net_null0", "--port", "net_null1", "--middlebox", "nat"] + arguments)
    #expect(run.status == 2)
    #expect(run.messages.contains(part), "\(run.messages)")
    #expect(run.messages.split(separator: "\n").count == 1, "\(run.messages)")
  }

  @Test("addresses are those of a NAT")
  func withoutNAT() throws {
    let run = try CommandProcess.run([
      "inline", "--port", "net_null0", "--port", "net_null1", "--addresses", "10.0.0.1/8", "--addresses",
      "192.0.2.1/24",
    ])
    #expect(run.status == 2 && run.messages.contains("--middlebox nat"), "\(run.messages)")
  }
}
