import Foundation
import Testing

/// Ports whose driver verifies checksums, between the stacks of two hosts.
@Suite(
  "mos inline at ports that verify checksums", .serialized,
  .enabled(if: InlineNetwork.isPossible, "needs root, ip, ethtool, curl and python3: skipped"))
struct InlineChecksumTests {
  /// Sends a SYN to 10.8.0.2 from port 40001 whose checksum is wrong, and one from port 40002 whose checksum is right.
  private static let sender = """
    import socket, struct
    def total(data):
        data += b"\\0" * (len(data) % 2)
        value = sum(struct.unpack("!%dH" % (len(data) // 2), data))
        while value >> 16: value = (value & 0xffff) + (value >> 16)
        return ~value & 0xffff
    there = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    there.bind(("t0", 0x800))
    ends = socket.inet_aton("10.8.0.1") + socket.inet_aton("10.8.0.2")
    for port, error in ((40001, 0x0100), (40002, 0)):
        segment = struct.pack("!HHIIBBHHH", port, 9, 1000, 0, 0x50, 2, 8192, 0, 0)
        check = total(ends + struct.pack("!BBH", 0, 6, len(segment)) + segment) ^ error
        segment = segment[:16] + struct.pack("!H", check) + segment[18:]
        header = struct.pack("!BBHHHBBH", 0x45, 0, 40, port, 0, 64, 6, 0) + ends
        header = header[:10] + struct.pack("!H", total(header)) + header[12:]
        there.send(b"\\xff" * 6 + b"\\x02" * 6 + struct.pack("!H", 0x800) + header + segment)
    """

  @Test("real connections are followed, and a segment is not whose checksum the port has found wrong")
  func tapPorts() throws {
    let network = try InlineNetwork()
    network.makeFile("data", count: 3_000_000)
    let box = try network.start(
      in: network.box,
      [
        CommandProcess.executable.path, "inline", "--port", "net_tap0,iface=t0", "--port", "net_tap1,iface=t1", "--eal",
        "--no-huge -m 256", "--conn-log", network.path("conn.log"),
      ], messages: "box")
    let isThere = network.wait { network.messages("box").contains("net_tap1,iface=t1: net_tap") }
    #expect(isThere, "\(network.messages("box"))")
    #expect(network.messages("box").components(separatedBy: "verifies checksums, fills in checksums").count == 3)
    let addresses = InlineNetwork.shell(
      """
      set -e
      for x in t0:\(network.client):1 t1:\(network.server):2; do
        set -- $(echo $x | tr : ' ')
        ip -n \(network.box) link set $1 netns $2
        ip netns exec $2 sysctl -qw net.ipv6.conf.$1.disable_ipv6=1
        ip -n $2 addr add 10.8.0.$3/24 dev $1
        ip -n $2 link set $1 up
      done
      """)
    #expect(addresses.status == 0, "\(addresses.output)")
    try network.startWebServer()
    let download = network.run(in: network.client, "curl -s --max-time 60 http://10.8.0.2/data | cmp - data")
    #expect(download.status == 0, "\(download.output)")
    try Self.sender.write(toFile: network.path("sender.py"), atomically: true, encoding: .utf8)
    let sent = network.run(in: network.client, "python3 sender.py && sleep 0.5")
    #expect(sent.status == 0, "\(sent.output)")
    let summary = try network.end(box, "box")
    let records = network.records("conn.log").filter { $0["proto"] as? String == "tcp" }
    func record(_ name: String, _ port: Int) -> [String: Any] { records.first { $0[name] as? Int == port } ?? [:] }
    #expect(record("id.resp_p", 80)["conn_state"] as? String == "SF", "\(summary)")
    #expect((record("id.resp_p", 80)["resp_bytes"] as? Int ?? 0) > 3_000_000)
    // Nobody answers what was sent to every host of the link.
    #expect(record("id.orig_p", 40_002)["conn_state"] as? String == "S0", "\(records)")
    #expect(record("id.orig_p", 40_001).isEmpty, "\(records)")
    #expect(summary.contains("tcpChecksumInvalid 1"), "\(summary)")
  }
}
