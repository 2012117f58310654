import Testing

@testable import MOSCore

@Suite("Flow key text")
struct FlowKeyTextTests {
  private func key(_ source: String, _ destination: String, _ protocolNumber: UInt8, vlan: UInt16 = 0) -> FlowKey {
    FlowKey(
      source: IPAddress(source)!, sourcePort: 50_001, destination: IPAddress(destination)!, destinationPort: 443,
      vlan: vlan, protocolNumber: protocolNumber)
  }

  @Test("both ends, the source first; an IPv6 address before a port is in brackets (RFC 3986 3.2.2)")
  func ends() {
    #expect("\(key("192.0.2.1", "198.51.100.1", 6))" == "tcp 192.0.2.1:50001 -> 198.51.100.1:443")
    #expect("\(key("192.0.2.1", "198.51.100.1", 6).reversed)" == "tcp 198.51.100.1:443 -> 192.0.2.1:50001")
    #expect("\(key("2001:db8::1", "2001:db8::2", 17))" == "udp [2001:db8::1]:50001 -> [2001:db8::2]:443")
  }

  @Test("protocols without ports have none; a VLAN is told")
  func withoutPorts() {
    #expect("\(key("192.0.2.1", "198.51.100.1", 1))" == "icmp 192.0.2.1 -> 198.51.100.1")
    #expect("\(key("2001:db8::1", "2001:db8::2", 58))" == "icmp 2001:db8::1 -> 2001:db8::2")
    #expect("\(key("192.0.2.1", "198.51.100.1", 47))" == "unknown_transport 192.0.2.1 -> 198.51.100.1")
    #expect("\(key("192.0.2.1", "198.51.100.1", 17, vlan: 7))" == "udp 192.0.2.1:50001 -> 198.51.100.1:443 vlan 7")
  }

  @Test("a port that is set changes nothing else of the key")
  func setPorts() {
    var changed = key("192.0.2.1", "198.51.100.1", 6, vlan: 7)
    changed.sourcePort = 65_535
    changed.destinationPort = 0
    #expect("\(changed)" == "tcp 192.0.2.1:65535 -> 198.51.100.1:0 vlan 7")
    changed.sourcePort = 50_001
    changed.destinationPort = 443
    #expect(changed == key("192.0.2.1", "198.51.100.1", 6, vlan: 7))
  }
}
