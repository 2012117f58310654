import MOSCore
import Testing

@Suite("IPv6 extension headers")
struct ExtensionHeaderTests {
  private func walk(_ first: UInt8, _ bytes: [UInt8]) -> IPv6ExtensionHeaders {
    withBytes(bytes) { IPv6ExtensionHeaders($0, length: $1, first: first) }
  }

  @Test("none: the payload follows at once")
  func none() {
    let result = walk(6, [])
    #expect(result.end == .payload && result.length == 0 && result.nextHeader == 6 && result.nextHeaderField == -1)
  }

  @Test("hop-by-hop, destination options, routing and AH are passed, each with its own unit of length")
  func chain() {
    let bytes: [UInt8] =
      [60, 0, 1, 4, 0, 0, 0, 0] + [43, 1] + Array(repeating: 0, count: 14) + [51, 0, 99, 0, 0, 0, 0, 0]
      + [6, 4] + Array(repeating: 0, count: 22)
    let result = walk(0, bytes)
    #expect(result.end == .payload)
    #expect(result.nextHeader == 6)
    #expect(result.length == 56)
    #expect(result.nextHeaderField == 32)
  }

  @Test("a fragment header ends the walk before it")
  func fragment() {
    let result = walk(60, [44, 0, 1, 4, 0, 0, 0, 0, 6, 0, 0, 1, 0, 0, 0, 9])
    #expect(result.end == .fragment && result.length == 8 && result.nextHeaderField == 0)
  }

  @Test("a header that runs beyond the packet is truncated, for every length it may claim")
  func truncated() {
    for length in UInt8(1) ... .max { #expect(walk(60, [6, length, 0, 0, 0, 0, 0, 0]).end == .truncated) }
    #expect(walk(60, []).end == .truncated)
    #expect(walk(60, [6]).end == .truncated)
    #expect(walk(51, [6, 1, 0, 0, 0, 0, 0, 0]).end == .truncated)
  }

  @Test("hop-by-hop options come first or not at all, and there is an end to the number of headers")
  func invalid() {
    #expect(walk(60, [0, 0, 0, 0, 0, 0, 0, 0] + [6, 0, 0, 0, 0, 0, 0, 0]).end == .invalid)
    let endless = (0..<200).flatMap { _ in [60, 0, 1, 4, 0, 0, 0, 0] as [UInt8] }
    #expect(walk(60, endless).end == .invalid)
  }

  @Test("checksums use a routing header's final destination and a home address")
  func pseudoHeaderAddresses() {
    let address = Array(1...16) as [UInt8]
    let bytes = [43, 2, 1, 2, 0, 0, 201, 16] + address + [6, 2, 0, 1, 0, 0, 0, 0] + address
    let (home, final) = withBytes(bytes) { base, count in
      let result = IPv6ExtensionHeaders(base, length: count, first: 60)
      return (result.homeAddress.map { $0 - base }, result.finalDestination.map { $0 - base })
    }
    #expect(home == 8)
    #expect(final == 32)
  }

  @Test("a routing header without segments left changes nothing")
  func noSegmentsLeft() {
    #expect(walk(43, [6, 2, 0, 0] + Array(repeating: 1, count: 20)).finalDestination == nil)
    #expect(walk(43, [6, 0, 0, 200, 0, 0, 0, 0]).finalDestination == nil)
  }
}
