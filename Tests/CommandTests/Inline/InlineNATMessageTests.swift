import Foundation
import Testing

/// What the stacks and tools of real hosts make of the ICMP messages of `mos inline --middlebox nat`.
@Suite(
  "ICMP messages of a NAT to real hosts", .serialized,
  .enabled(
    if: InlineNetwork.isPossible && InlineNetwork.shell("command -v ping").status == 0,
    "needs root, ip, ethtool, curl, ping and python3: skipped"))
struct InlineNATMessageTests {
  private func startNAT(_ network: InlineNetwork, _ more: String, _ arguments: [String] = []) throws -> Process {
    let text = "internal: 192.168.7.0/24\nexternal: 203.0.113.1\n\(more)\n"
    try Data(text.utf8).write(to: URL(fileURLWithPath: network.path("nat.yaml")))
    return try network.startBox("box", ["--middlebox", "nat", "--config", network.path("nat.yaml")] + arguments)
  }

  @Test("ping and a UDP socket see it as the first hop; it answers pings from both sides")
  func hop() throws {
    let network = try InlineNetwork(.translated)
    let box = try startNAT(network, "icmp: {from: 192.168.7.1}")
    let ping = network.run(in: network.client, "ping -n -c 2 -i 0.1 -t 1 -W 2 203.0.113.2")
    #expect(ping.output.contains("From 192.168.7.1 icmp_seq=1 Time to live exceeded"), "\(ping.output)")
    let probe = network.run(in: network.client, "python3 -c '\(Self.probe)'")
    #expect(probe.output == "192.168.7.1 11 0\n", "\(probe.output)")
    let (client, server) = (network.client, network.server)
    for (name, address) in [(client, "192.168.7.1"), (client, "203.0.113.1"), (server, "203.0.113.1")] {
      let ping = network.run(in: name, "ping -q -c 3 -i 0.05 -t 1 -w 10 \(address)")
      #expect(ping.output.contains("3 received"), "\(ping.output)")
    }
    let far = network.run(in: network.client, "ping -q -c 3 -i 0.05 -t 2 -w 10 203.0.113.2")
    #expect(far.output.contains("3 received"), "\(far.output)")
    let summary = try network.end(box, "box")
    let lines = summary.split(separator: "\n")
    #expect(lines.contains { $0.contains("ICMP errors sent") && $0.hasSuffix(" 3") }, "\(summary)")
    #expect(lines.contains { $0.contains("echo requests answered") }, "\(summary)")
  }

  @Test("Hosts learn what the network outside takes, by ping and by TCP, and what may be cut arrives whole")
  func pathMTU() throws {
    let network = try InlineNetwork(.translated)
    network.makeFile("big", count: 3_000_000)
    try network.start(
      in: network.client, ["python3", "-u", "-m", "http.server", "--bind", "0.0.0.0", "8080"], messages: "web")
    _ = network.wait { network.run(in: network.client, "ss -ltn | grep -q ':8080 '").status == 0 }
    let box = try startNAT(
      network,
      """
      mtu: {external: 1300}
      forwards: [{protocol: tcp, external: 203.0.113.1, ports: 80, to: 192.168.7.2, to-port: 8080}]
      """)
    // Bytes of ICMP contents: 28 more with the headers.
    let fits = network.run(in: network.client, "ping -n -M do -s 1272 -c 1 -W 5 203.0.113.2")
    #expect(fits.status == 0, "\(fits.output)")
    // The client is the sender, over TCP, whose handshake said 1,460 at both ends.
    let inward = network.run(in: network.server, "curl -sS --max-time 20 http://203.0.113.1/big | cmp - big")
    #expect(inward.status == 0, "\(inward.output)")
    let route = network.run(in: network.client, "ip route get 203.0.113.2")
    #expect(route.output.contains("mtu 1300"), "\(route.output)")
    network.run(in: network.client, "ip route flush cache")
    let long = network.run(in: network.client, "ping -n -M do -s 1273 -c 1 -W 5 203.0.113.2")
    #expect(long.output.contains("mtu = 1300"), "\(long.output)")
    network.run(in: network.client, "ip route flush cache")
    let cut = network.run(in: network.client, "ping -n -M dont -s 1400 -c 2 -i 0.1 -w 10 203.0.113.2")
    #expect(cut.output.contains("2 received"), "\(cut.output)")
    let summary = try network.end(box, "box")
    #expect(summary.contains("dropped: longer than the MTU"), "\(summary)")
  }

  @Test("An IPv6 host sees a router's hop on its way through NAT64, and learns the length that IPv4 takes")
  func translated64() throws {
    let network = try InlineNetwork(.routed)
    let box = try startNAT(
      network, "nat64: {prefix: \"64:ff9b::/96\"}\nicmp: {from: [192.168.7.1, \"fd07::1\"]}\nmtu: {external: 1400}",
      [
        "--addresses", "192.168.7.1/24,fd07::1/64", "--addresses", "203.0.113.1/24", "--gateway", "203.0.113.2",
      ])
    let hop = network.run(in: network.client, "ping -6 -n -c 1 -t 1 -W 5 64:ff9b::203.0.113.2")
    #expect(hop.output.contains("From fd07::1 icmp_seq=1 Time exceeded: Hop limit"), "\(hop.output)")
    let own = network.run(in: network.client, "ping -6 -q -c 2 -i 0.1 -w 10 fd07::1")
    #expect(own.output.contains("2 received"), "\(own.output)")
    // 48 bytes of headers, and twenty less behind.
    let fits = network.run(in: network.client, "ping -6 -n -M do -s 1372 -c 1 -W 5 64:ff9b::203.0.113.2")
    #expect(fits.status == 0, "\(fits.output)")
    let long = network.run(in: network.client, "ping -6 -n -M do -s 1373 -c 1 -W 5 64:ff9b::203.0.113.2")
    #expect(long.output.contains("mtu=1420") || long.output.contains("mtu = 1420"), "\(long.output)")
    _ = try network.end(box, "box")
  }

  /// Says who sent which ICMP error about a datagram that has one hop to go, as the kernel hands it on.
  private static let probe = """
    import socket, struct, time
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 1)
    s.setsockopt(socket.IPPROTO_IP, 11, 1)
    s.sendto(b"?", ("203.0.113.2", 33434))
    for _ in range(30):
        try:
            _, more, _, _ = s.recvmsg(64, 512, socket.MSG_ERRQUEUE)
        except OSError:
            time.sleep(0.1)
            continue
        _, _, data = more[0]
        origin, kind, code = struct.unpack_from("=4xBBB", data)
        print(socket.inet_ntoa(data[20:24]), kind, code)
        break
    """
}
