import MOSCore
import Testing

@testable import MTCP

@Suite("Source ports, RFC 6056")
struct SourcePortTests {
  private let local = IPAddress(v4: 0x0a00_0001)

  private func next(
    _ ports: inout SourcePorts, to server: UInt32 = 1, port: UInt16 = 80,
    where isSuitable: (UInt16) -> Bool = { _ in true }
  ) -> UInt16? { ports.next(from: local, to: IPAddress(v4: server), port: port, where: isSuitable) }

  @Test("To one server each port comes once before one comes again")
  func rotation() {
    var ports = SourcePorts(50_000...50_099, secret: (1, 2))
    let first = (0..<100).map { _ in next(&ports) }
    #expect(Set(first).count == 100)
    #expect(first.allSatisfy { $0.map { (50_000...50_099).contains($0) } ?? false })
    #expect(next(&ports) == first[0])
  }

  @Test("To other servers, or ports of theirs, they begin elsewhere, and nobody can tell where")
  func offsets() {
    var seen: Set<UInt16> = []
    for server in 1...200 as ClosedRange<UInt32> {
      var ports = SourcePorts(secret: (1, 2))
      seen.insert(next(&ports, to: server)!)
    }
    #expect(seen.count > 190)
    var ports = SourcePorts(1_024...65_535, secret: (1, 2))
    var others = SourcePorts(1_024...65_535, secret: (2, 2))
    #expect(next(&ports) != next(&others))
    #expect(next(&ports, port: 443) != next(&ports, port: 444))
  }

  @Test("A port that is taken, or whose answers go to another core, is passed over; where none is left there is none")
  func suitability() {
    var ports = SourcePorts(60_000...60_009, secret: (1, 2))
    for _ in 0..<20 { #expect(next(&ports) { $0.isMultiple(of: 2) }?.isMultiple(of: 2) == true) }
    var asked: [UInt16] = []
    #expect(
      next(&ports) {
        asked.append($0)
        return false
      } == nil)
    #expect(asked.count == 10 && Set(asked).count == 10)
  }

  @Test("All ports, and one")
  func edges() {
    var all = SourcePorts(0...65_535, secret: (1, 2))
    #expect(Set((0..<65_536).map { _ in next(&all) }).count == 65_536)
    var one = SourcePorts(7...7, secret: (1, 2))
    #expect(next(&one) == 7)
  }
}

extension SourcePorts {
  fileprivate init(secret: (UInt64, UInt64)) { self.init(49_152...65_535, secret: secret) }
}
