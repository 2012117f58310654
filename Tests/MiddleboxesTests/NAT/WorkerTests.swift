import EventDSL
import MOSCore
import TestSupport
import Testing

@testable import Middleboxes

@Suite("NAT: several workers")
struct NATWorkerTests {
  private static let workers = 4

  /// A NAT of each worker, and who is asked where a frame goes.
  private func fixtures(_ more: String = "") throws -> [NATFixture] {
    try (0..<Self.workers).map { try NATFixture(more, worker: $0, of: Self.workers) }
  }

  private func worker(of frame: [UInt8], _ net: NATFixture) -> Int? {
    frame.withUnsafeBytes { bytes in
      var decoder = PacketDecoder(configuration: DecoderConfiguration())
      var packet = DecodedPacket(frame: bytes.baseAddress!)
      decoder.beginBurst()
      decoder.decode(
        CapturedFrame(
          bytes: bytes.baseAddress!, capturedLength: UInt32(bytes.count), wireLength: UInt32(bytes.count),
          timestamp: Timestamp(nanoseconds: 0), linkType: .ethernet), number: 1, into: &packet)
      return withUnsafePointer(to: packet) { net.nat.worker(of: $0, among: Self.workers) }
    }
  }

  @Test("Answers, and errors about what was sent, go to the worker that has the mapping, and no two give the same port")
  func answers() throws {
    let nets = try fixtures()
    var used: Set<Int> = []
    var externals: Set<String> = []
    for host in 1...60 {
      let end = "10.0.0.\(host):5000"
      let index = try #require(worker(of: NATFixture.frame(end, "203.0.113.1:53"), nets[0]))
      used.insert(index)
      #expect(worker(of: NATFixture.echo(end, "203.0.113.1", type: 8), nets[0]) == index)
      let seen = try #require(nets[index].udp(end, "203.0.113.1:53"))
      let external = String(seen.prefix { $0 != " " })
      externals.insert(external)
      #expect(worker(of: NATFixture.frame("203.0.113.1:53", external), nets[0]) == index)
      #expect(nets[index].udp("203.0.113.1:53", external) == "203.0.113.1:53 > \(end)")
      let about = NATFixture.datagram(external, "203.0.113.1:53")
      #expect(worker(of: NATFixture.error("192.0.2.9", "198.51.100.1", about: about), nets[0]) == index)
      let query = try #require(nets[index].echo(end, "203.0.113.1", type: 8))
      let identifier = String(query.prefix { $0 != " " })
      #expect(worker(of: NATFixture.echo("203.0.113.1", identifier, type: 0), nets[0]) == index)
    }
    #expect(used.count == Self.workers && externals.count == 60)
  }

  @Test("What comes for a forward, or for a host with an address of its own, goes to that host's worker")
  func staticMappings() throws {
    let nets = try fixtures(
      """
      forwards: [{protocol: udp, external: 198.51.100.1, ports: 80, to: 10.0.0.5}]
      one-to-one: [{internal: 10.0.0.9, external: 198.51.100.9}]
      """)
    for (host, external) in [("10.0.0.5:80", "198.51.100.1:80"), ("10.0.0.9:7", "198.51.100.9:7")] {
      let index = try #require(worker(of: NATFixture.frame(host, "203.0.113.1:53"), nets[0]))
      #expect(worker(of: NATFixture.frame("203.0.113.7:53", external), nets[0]) == index)
      #expect(nets[index].udp("203.0.113.7:53", external) == "203.0.113.7:53 > \(host)")
    }
  }

  @Test("A host reaches a forward by its own worker, and the answer comes back there")
  func hairpinning() throws {
    let nets = try fixtures("forwards: [{protocol: udp, external: 198.51.100.1, ports: 80, to: 10.0.0.5}]")
    for host in 10...30 {
      let end = "10.0.0.\(host):5000"
      let index = try #require(worker(of: NATFixture.frame(end, "198.51.100.1:80"), nets[0]))
      #expect(worker(of: NATFixture.frame(end, "203.0.113.1:53"), nets[0]) == index)
      let seen = try #require(nets[index].udp(end, "198.51.100.1:80"))
      let external = String(seen.prefix { $0 != " " })
      #expect(worker(of: NATFixture.frame("10.0.0.5:80", external), nets[0]) == index)
      #expect(nets[index].udp("10.0.0.5:80", external) == "198.51.100.1:80 > \(end)")
    }
  }
}
