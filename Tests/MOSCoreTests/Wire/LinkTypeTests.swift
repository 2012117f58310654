import MOSCore
import Testing

@Suite("Link types")
struct LinkTypeTests {
  @Test("raw values are the LINKTYPE numbers")
  func numbers() {
    #expect(
      Set(LinkType.allCases.map(\.rawValue)) == [0, 1, 9, 12, 14, 101, 105, 108, 113, 127, 228, 229, 276])
  }

  @Test("a link type that is not supported has a name to be refused by")
  func names() {
    #expect(LinkType.name(of: 220) == "USB Linux mmapped (220)")
    #expect(LinkType.name(of: 1) == "Ethernet (1)")
    #expect(LinkType.name(of: 99_999) == "unknown (99999)")
    for type in LinkType.allCases { #expect(!LinkType.name(of: type.rawValue).hasPrefix("unknown")) }
  }
}
