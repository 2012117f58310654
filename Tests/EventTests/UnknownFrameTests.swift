import EventDSL
import EventSupport
import TestSupport
import Testing

private struct Unknown: Middlebox {
  var events: some EventGraph {
    On(.unknownFrame) { event in event.report("unknown \(event.packet!.number)") }
    On(.frame) { event in event.report("frame \(event.packet!.number)") }
  }
}

/// Lets no flow begin from outside of 192.0.2.0/24, the scripts' clients.
private struct Door: Middlebox {
  var events: some EventGraph {
    Filter(.unknownFrame) { event, packet in
      if event.packet!.key.sourcePort == 80 { packet.drop() }
    }
    On(.packet) { event in event.report("packet \(event.packet!.number)") }
    On(.orphan) { event in event.report("orphan \(event.packet!.number)") }
  }
}

/// Gives each flow the key that packets of the same client behind an address translation have.
private struct SecondKey: Middlebox {
  var events: some EventGraph {
    On(.unknownFrame) { event in event.report("unknown \(event.packet!.number)") }
    On(.connectionStart, at: .sender) { event in
      guard event.side == .client else { return }
      var key = event.flow.key
      key.source = IPAddress(v4: 0xc000_0201)
      key.rest = key.rest & 0x0000_ffff_ffff_ffff | 4_444 << 48
      #expect(event.flow.addKey(key) == .added)
    }
  }
}

@Suite("Frames of no flow that is known")
struct UnknownFrameTests {
  private let connection = """
    c > S seq 0
    s > SA seq 0 ack 1
    c > A seq 1 ack 1
    c > PA seq 1 ack 1 "GET"
    s > A seq 1 ack 4
    """

  private func unknown(_ reports: [String]) -> [String] { reports.filter { $0.hasPrefix("unknown") } }

  @Test("Every SYN is one, as the first packet of a flow is; its other packets are not, however bursts are cut")
  func packets() throws {
    for burst in [1, 2, 3, 32] {
      var script = try EventScript([Unknown()], burst: burst)
      #expect(unknown(try script.play(connection)) == ["unknown 1", "unknown 2"])
    }
  }

  @Test("It is told of behind the frame itself")
  func order() throws {
    var script = try EventScript([Unknown()], burst: 32)
    #expect(try script.play("c > S seq 0") == ["frame 1", "unknown 1"])
  }

  @Test("What belongs to no flow is one each time: ARP, an orphan, a fragment")
  func withoutFlow() throws {
    let arp = PacketBuilder.ethernet([0, 1, 8, 0, 6, 4, 0, 1] + [UInt8](repeating: 1, count: 20), type: 0x0806)
    var reset = PacketBuilder()
    reset.flags = 4
    let datagram = PacketBuilder(payload: [1, 2]).udpFrame
    for burst in [1, 32] {
      var script = try EventScript([Unknown()], burst: burst) { $0.midstream = false }
      let reports = script.play(frames: [arp, reset.tcpFrame, datagram, arp, reset.tcpFrame, datagram])
      #expect(unknown(reports) == ["unknown 1", "unknown 2", "unknown 3", "unknown 4", "unknown 5"])
    }
  }

  @Test("After its time-out a flow is not known any more")
  func timeout() throws {
    var script = try EventScript([Unknown()], burst: 32) { $0.datagramTimeout = 10_000_000_000 }
    let datagram = PacketBuilder(payload: [1, 2]).udpFrame
    #expect(unknown(script.play(frames: [datagram], start: 0)) == ["unknown 1"])
    #expect(unknown(script.play(frames: [datagram], start: 9)) == [])
    #expect(unknown(script.play(frames: [datagram], start: 19.5)) == ["unknown 3"])
  }

  @Test("A packet with a further key of a flow is known")
  func furtherKey() throws {
    for burst in [1, 32] {
      var script = try EventScript([SecondKey()], burst: burst)
      let reports = try script.play(connection)
      #expect(reports == ["unknown 1", "unknown 2"])
      var answer = PacketBuilder(payload: [1]).reversed
      (answer.destination, answer.destinationPort) = ([192, 0, 2, 1], 4_444)
      var other = answer
      other.destinationPort = 4_445
      #expect(script.play(frames: [answer.tcpFrame, other.tcpFrame], start: 1) == ["unknown 7"])
      #expect(script.engine.trackerStatistics.tcpFlows == 2)
    }
  }

  @Test("Where a filter drops one, no flow begins, and it is no orphan", arguments: [1, 32])
  func filter(burst: Int) throws {
    var script = try EventScript([Door()], burst: burst) { $0.midstream = true }
    #expect(try script.play("s > PA seq 1 ack 1 \"x\"\ns > S seq 0") == [])
    #expect(script.engine.trackerStatistics.tcpFlows == 0)
    #expect(script.engine.drops[0].packets == 2 && script.output.isEmpty)
    #expect(try script.play("c > S seq 0").count == 1)
    #expect(script.engine.trackerStatistics.tcpFlows == 1)
  }
}
