import Testing

@testable import MOSCore

@Suite("Networks")
struct IPPrefixTests {
  @Test(
    "a network in CIDR notation, and an address as the network that has only it",
    arguments: [
      ("10.0.0.0/8", "10.0.0.0", "10.255.255.255"), ("192.0.2.12/30", "192.0.2.12", "192.0.2.15"),
      ("192.0.2.1", "192.0.2.1", "192.0.2.1"), ("0.0.0.0/0", "0.0.0.0", "255.255.255.255"),
      ("2001:db8::/32", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"), ("fd00::1", "fd00::1", "fd00::1"),
      ("::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ])
  func text(text: String, first: String, last: String) throws {
    let prefix = try #require(IPPrefix(text))
    #expect(prefix.address == IPAddress(first) && prefix.last == IPAddress(last))
    #expect(prefix.description == text)
  }

  @Test(
    "text that is no network is refused",
    arguments: [
      "", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/08", "10.0.0.0/8/8", "10.0.0.1/8",
      "10.0.0.0/ 8", "2001:db8::/129", "2001:db8::1/32", "10.0.0/8",
    ])
  func refused(text: String) {
    #expect(IPPrefix(text) == nil)
  }

  @Test("a network contains its first and its last address, and none before, behind, or of the other version")
  func contains() throws {
    let network = try #require(IPPrefix("192.0.2.8/29"))
    #expect(network.contains(IPAddress("192.0.2.8")!) && network.contains(IPAddress("192.0.2.15")!))
    #expect(!network.contains(IPAddress("192.0.2.7")!) && !network.contains(IPAddress("192.0.2.16")!))
    let all = try #require(IPPrefix("::/0"))
    #expect(all.contains(IPAddress("2001:db8::1")!) && !all.contains(IPAddress("192.0.2.8")!))
    #expect(try #require(IPPrefix("0.0.0.0/0")).contains(IPAddress("255.255.255.255")!))
  }
}
