import Foundation
import Testing

extension FailTests {
  /// Ports that one process has at a time: they are gone with it, and the next one makes them anew.
  @Suite("at net_tap ports")
  struct TapFailTests {
    /// Waits for the two interfaces, and gives them to the hosts.
    private func plug(_ network: InlineNetwork) -> Bool {
      let script = """
        set -e
        for x in t0:\(network.client):1 t1:\(network.server):2; do
          set -- $(echo $x | tr : ' ')
          ip -n \(network.box) link set $1 netns $2
          ip netns exec $2 sysctl -qw net.ipv6.conf.$1.disable_ipv6=1
          ip -n $2 addr add 10.8.0.$3/24 dev $1
          ip -n $2 link set $1 up
        done
        """
      return network.wait {
        InlineNetwork.shell("ip -n \(network.box) link show t0 && ip -n \(network.box) link show t1").status == 0
          && InlineNetwork.shell(script).status == 0
      }
    }

    private func pings(_ network: InlineNetwork) -> Bool {
      network.wait { network.ping(count: 5, "10.8.0.2") == 5 }
    }

    @Test("a crash: the bypass makes the ports and passes what comes, leaves them, and the next box has them")
    func open() throws {
      let network = try InlineNetwork()
      let parent = try network.start(
        in: network.box,
        [
          CommandProcess.executable.path, "inline", "--port", "net_tap0,iface=t0", "--port", "net_tap1,iface=t1",
          "--eal",
          "--no-huge -m 256", "--middlebox", "monitor", "--fail", "open",
        ], messages: "box")
      #expect(plug(network) && pings(network), "\(network.messages("box"))")
      let next = try #require(network.crash(parent, SIGKILL, nextWaits: true))
      #expect(network.wait { network.messages("box").contains("packets pass without handlers") })
      #expect(plug(network) && pings(network), "\(network.messages("box"))")
      kill(next, SIGCONT)
      #expect(network.wait { network.outages("box").count == 1 }, "\(network.messages("box"))")
      #expect(plug(network) && pings(network), "\(network.messages("box"))")
      let summary = try network.end(parent, "box")
      #expect(summary.contains("restarts   1, passed meanwhile "), "\(summary)")
      #expect(summary.contains("flows") || summary.contains("packets"), "\(summary)")
    }
  }
}
