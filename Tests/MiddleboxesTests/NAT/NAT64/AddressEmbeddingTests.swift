import MOSCore
import Testing

@testable import Middleboxes

@Suite("IPv4 addresses in IPv6 ones (RFC 6052 2.4)")
struct AddressEmbeddingTests {
  @Test(
    "The RFC's examples for 192.0.2.33",
    arguments: [
      ("2001:db8::/32", "2001:db8:c000:221::"), ("2001:db8:100::/40", "2001:db8:1c0:2:21::"),
      ("2001:db8:122::/48", "2001:db8:122:c000:2:2100::"), ("2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"),
      ("2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"),
      ("2001:db8:122:344::/96", "2001:db8:122:344::c000:221"), ("64:ff9b::/96", "64:ff9b::c000:221"),
    ])
  func examples(prefix: String, address: String) throws {
    let network = try #require(IPPrefix(prefix))
    let embedding = try #require(AddressEmbedding(network))
    let expected = try #require(IPAddress(address))
    #expect(embedding.embed(0xc000_0221) == expected)
    #expect(embedding.extract(expected) == 0xc000_0221)
    for _ in 0..<100 {
      let any = UInt32.random(in: .min ... .max)
      #expect(embedding.extract(embedding.embed(any)) == any)
    }
  }

  @Test("Other lengths, and prefixes or addresses with one of bits 64 to 71, are none")
  func refused() throws {
    for text in ["2001:db8::/33", "2001:db8::/128", "10.0.0.0/8", "2001:db8:0:0:100::/96"] {
      let network = try #require(IPPrefix(text))
      #expect(AddressEmbedding(network) == nil)
    }
    let network = try #require(IPPrefix("2001:db8::/32"))
    let embedding = try #require(AddressEmbedding(network))
    for text in ["2001:db8:c000:221:100::", "2001:db9:c000:221::"] {
      let address = try #require(IPAddress(text))
      #expect(embedding.extract(address) == nil)
    }
  }
}
