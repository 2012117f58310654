import MOSCore
import Testing

@testable import Middleboxes

@Suite("NAT: its configuration file")
struct NATConfigurationTests {
  private func error(_ text: String) -> String? {
    do {
      _ = try NATConfiguration(bytes: Array(text.utf8), file: "nat.yaml")
      return nil
    } catch {
      return error.description
    }
  }

  private static let required = "internal: 10.0.0.0/8\nexternal: 198.51.100.1\n"

  @Test(
    "docs/nat-example.yaml says what its comments say, and what is not the default is that of an office")
  func example() throws {
    let path = packageRoot.appendingPathComponent("docs/nat-example.yaml").path
    let example = try NATConfiguration(path: path)
    var expected = NATConfiguration()
    expected.embedding = AddressEmbedding(IPPrefix("64:ff9b::/96")!)
    expected.pool = [0xc633_6440]
    expected.networks = example.networks
    expected.external = [0xc633_6401, 0xc633_6402]
    expected.keepsParity = true
    expected.perHost = 4_096
    expected.logs = true
    expected.externalMTU = 1_492
    expected.messageAddress4 = 0x0a00_0001
    expected.messageAddress6 = IPAddress("fd00::1")
    expected.forwards = [
      .init(protocols: [6], external: 0xc633_6401, ports: 80...80, host: 0x0a00_0050, hostPort: 8_080),
      .init(protocols: [6], external: 0xc633_6401, ports: 443...443, host: 0x0a00_0050, hostPort: 443),
      .init(protocols: [6, 17], external: 0xc633_6402, ports: 5_060...5_061, host: 0x0a00_0007, hostPort: 5_060),
    ]
    expected.oneToOne = [.init(host: 0x0a00_0009, external: 0xc633_6409)]
    #expect(example == expected)
    #expect(example.networks.map(\.description) == ["10.0.0.0/8", "192.168.0.0/16"])
  }

  @Test(
    "What is wrong is named with its place, and with what was expected",
    arguments: [
      ("", "nat.yaml: is empty, expected at least `internal` and `external`"),
      ("internal: 10.0.0.0/8\n", "nat.yaml:1:1: the configuration has no `external`"),
      ("external: 198.51.100.1\n", "nat.yaml:1:1: the configuration has no `internal`"),
      (
        "internal: fd00::/8\nexternal: 198.51.100.1\n",
        "nat.yaml:1:11: internal: fd00::/8 is IPv6, and only IPv4 is translated"
      ),
      (
        "internal: 10.0.0.0/8\nexternal: 10.1.1.1\n",
        "nat.yaml:2:11: external: 10.1.1.1 is in an internal network, expected one outside of them"
      ),
      (
        "internal: 10.0.0.0/8\nexternal: [192.0.2.1, 192.0.2.1]\n",
        "nat.yaml:2:23: external: 192.0.2.1 is there already"
      ),
      (
        "internal: 10.0.0.0/8\nexternal: 192.0.2.0/24\n",
        "nat.yaml:2:11: external: 192.0.2.0/24 is no IPv4 address, expected for example 198.51.100.1"
      ),
      (
        required + "filtering: adress-dependent\n",
        "nat.yaml:3:12: filtering: \"adress-dependent\" is no filtering, did you mean \"address-dependent\"? "
          + "Expected: endpoint-independent, address-dependent, address-and-port-dependent"
      ),
      (
        required + "ports: 0-100\n",
        "nat.yaml:3:8: ports: expected one port or range of them, from 1 on, for example 80 or 1024-65535"
      ),
      (required + "ports: 200-100\n", "nat.yaml:3:8: ports: the range \"200-100\" is reversed, expected 100-200"),
      (required + "maximum: 15\n", "nat.yaml:3:10: maximum: \"15\" is not a number from 16 to 16777216"),
      (
        required + "timeouts: {udp: 30}\n", "nat.yaml:3:17: udp: \"30\" is not a number from 120 to 604800"
      ),
      (
        required + "forwards:\n  - {protocol: tcp, external: 192.0.2.9, ports: 80, to: 10.0.0.5}\n",
        "nat.yaml:4:31: external: 192.0.2.9 is not in the list of external addresses"
      ),
      (
        required + "forwards:\n  - {protocol: tcp, external: 198.51.100.1, ports: 80, to: 172.16.0.5}\n",
        "nat.yaml:4:60: to: 172.16.0.5 is in none of the internal networks"
      ),
      (
        required + "forwards:\n  - {protocol: icmp, external: 198.51.100.1, ports: 80, to: 10.0.0.5}\n",
        "nat.yaml:4:16: protocol: \"icmp\" is no protocol, expected tcp or udp"
      ),
      (
        required + "forwards:\n  - {protocol: tcp, external: 198.51.100.1, ports: 80-90, to: 10.0.0.5}\n"
          + "  - {protocol: [udp, tcp], external: 198.51.100.1, ports: 85, to: 10.0.0.6}\n",
        "nat.yaml:5:5: forwards: one of these ports leads to 10.0.0.5 already"
      ),
      (
        required
          + "forwards:\n  - {protocol: tcp, external: 198.51.100.1, ports: 80-90, to: 10.0.0.5, to-port: 65530}\n",
        "nat.yaml:4:82: to-port: \"65530\" is not a number from 1 to 65525"
      ),
      (
        required + "one-to-one: [{internal: 10.0.0.9, external: 198.51.100.1}]\n",
        "nat.yaml:3:45: external: 198.51.100.1 is there already"
      ),
      (
        required + "one-to-one: {internal: 10.0.0.9}\n",
        "nat.yaml:3:13: one-to-one: found a mapping, expected a list, for example "
          + "- {internal: 10.0.0.9, external: 198.51.100.9}"
      ),
      (
        required + "icmp: {toward: inside}\n",
        "nat.yaml:3:16: toward: \"inside\" is no receiver, expected all, internal, nobody"
      ),
      (
        required + "icmp: {from: [10.0.0.1, 10.0.0.2]}\n",
        "nat.yaml:3:25: from: there is one of this version already"
      ),
      (
        required + "icmp: {from: 192.0.2.1}\n",
        "nat.yaml:3:14: from: 192.0.2.1 is neither in an internal network nor among the external addresses"
      ),
      (
        required + "icmp: {from: 224.0.0.1}\n",
        "nat.yaml:3:14: from: 224.0.0.1 is no address of a host, expected for example 10.0.0.1 or fd00::1"
      ),
      (
        required + "icmp: {from: 10.0.0.0/24}\n",
        "nat.yaml:3:14: from: 10.0.0.0/24 is no address of a host, expected for example 10.0.0.1 or fd00::1"
      ),
      (required + "mtu: {external: 575}\n", "nat.yaml:3:17: external: \"575\" is not a number from 576 to 65535"),
      (required + "external: &a 1\n", "nat.yaml:3:1: \"external\" is there already, in line 2"),
      (required + "log: &a yes\n", "nat.yaml:3:6: YAML anchors (&name) and aliases (*name) are not taken"),
    ])
  func errors(text: String, expected: String) { #expect(error(text) == expected) }
}
