import Glibc
import Testing

@testable import MOSCore

@Suite("IP address text")
struct IPAddressTextTests {
  /// The system's text of an address; its IPv4-compatible form is not RFC 5952's and is left to the caller.
  private func systemText(_ address: IPAddress) -> String {
    var text = [CChar](repeating: 0, count: 46)
    if address.isV4 {
      var bytes = UInt32(truncatingIfNeeded: address.low).bigEndian
      inet_ntop(AF_INET, &bytes, &text, 46)
    } else {
      var bytes = (address.high.bigEndian, address.low.bigEndian)
      inet_ntop(AF_INET6, &bytes, &text, 46)
    }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  @Test("IPv6 is written as inet_ntop writes it, for every pattern of zero groups")
  func againstSystem() {
    var generator = SeededGenerator(seed: 1)
    var checked = 0
    for pattern in 0..<256 {
      for _ in 0..<40 {
        var halves: [UInt64] = [0, 0]
        for place in 0..<8 where pattern & 1 << place != 0 {
          let bits = [4, 8, 12, 16].randomElement(using: &generator)!
          let group = UInt64.random(in: 1..<1 << UInt64(bits), using: &generator)
          halves[place / 4] |= group << UInt64(48 - place % 4 * 16)
        }
        let address = IPAddress(high: halves[0], low: halves[1])
        // ::a.b.c.d is how inet_ntop writes ::/96, which RFC 5952 does not ask for.
        if address.high == 0 && address.low >> 32 == 0 && address.low > 0xffff { continue }
        #expect(address.description == systemText(address))
        #expect(IPAddress(address.description) == address)
        checked += 1
      }
    }
    #expect(checked > 10_000)
  }

  @Test("IPv4 is written as inet_ntop writes it")
  func v4AgainstSystem() {
    var generator = SeededGenerator(seed: 2)
    for _ in 0..<5000 {
      let address = IPAddress(v4: UInt32(truncatingIfNeeded: generator.next() >> generator.next() % 64))
      #expect(address.description == systemText(address))
      #expect(IPAddress(address.description) == address)
    }
  }

  @Test(
    "the canonical forms of RFC 5952",
    arguments: [
      ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("2001:DB8::0001", "2001:db8::1"),
      ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),
      ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("0:1:0:1:0:1:0:1", "0:1:0:1:0:1:0:1"),
      ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
      ("::1.2.3.4", "::102:304"), ("::ffff:1.2.3.4", "1.2.3.4"), ("::ffff:0:0", "0.0.0.0"),
      ("::fffe:102:304", "::fffe:102:304"), ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"), ("fe80::", "fe80::"),
      ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"), ("10.20.30.100", "10.20.30.100"),
    ])
  func canonicalForms(text: String, canonical: String) {
    #expect(IPAddress(text)?.description == canonical)
  }

  @Test(
    "text that is no address is refused",
    arguments: [
      "", " ", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4 ", " 1.2.3.4", "1.2.3.4/24", "1.2.3.4\0", "::1\0x", ":::",
      "1::2::3", "12345::", "fe80::1%eth0", "[::1]", "g::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
    ])
  func refused(text: String) {
    #expect(IPAddress(text) == nil)
  }

  @Test("nothing is written beyond the returned length")
  func staysWithinLength() {
    for text in ["::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "255.255.255.255", "1.1.1.1"] {
      var bytes = [UInt8](repeating: 0xaa, count: 46)
      let length = IPAddress(text)!.write(to: &bytes)
      #expect(length == text.utf8.count && length <= IPAddress.maximumTextLength)
      #expect(bytes[length...].allSatisfy { $0 == 0xaa })
    }
  }
}
