import EventDSL
import EventSupport
import TestSupport
import Testing

private struct Frames: Middlebox {
  var name = ""

  var events: some EventGraph {
    On(.frame) { event in
      let packet = event.packet!
      event.report("\(name)frame \(packet.number) \(packet.kind) \(packet.length) \(event.hook) \(event.time.inScript)")
    }
  }
}

private struct Flows: Middlebox {
  var hook: Hook = .receiver

  var events: some EventGraph {
    On(.packet, at: hook) { event in event.report("packet \(event.packet!.number)") }
    On(.connectionStart, at: hook) { event in event.report("start \(event.packet!.number)") }
    On(.orphan) { event in event.report("orphan \(event.packet!.number)") }
  }
}

private struct Contents: Middlebox {
  var events: some EventGraph {
    On(.frame) { event in
      let sum = event.packet!.withFrame { frame in frame.withUnsafeBytes { $0.reduce(0) { $0 + Int($1) } } }
      let payload = event.packet!.withPayload { span in span.withUnsafeBytes { String(decoding: $0, as: UTF8.self) } }
      event.report("\(sum) \(payload)")
    }
  }
}

@Suite("Frames before their flow is looked up")
struct FrameTests {
  /// Frames of all kinds, those of flows and those of none, and what the decoder takes each to be.
  private static var kinds: [(bytes: [UInt8], kind: String)] {
    var syn = PacketBuilder()
    syn.flags = 2
    syn.acknowledgment = 0
    var answer = PacketBuilder().reversed
    answer.flags = 0x12
    answer.acknowledgment = 1_001
    var fragmented = PacketBuilder(payload: (0..<100).map { UInt8($0) })
    fragmented.sourcePort = 7
    let fragments = fragmented.fragments(17, fragmented.datagram, size: 56)
    let arp: [UInt8] = [0, 1, 8, 0, 6, 4, 0, 1] + [UInt8](repeating: 1, count: 20)
    return [
      (syn.tcpFrame, "tcp"), (PacketBuilder.ethernet(arp, type: 0x0806), "arp"), (answer.tcpFrame, "tcp"),
      (PacketBuilder(payload: [1, 2]).udpFrame, "udp"), (PacketBuilder(payload: [1, 2]).v6.udpFrame, "udp"),
      (syn.ethernet(syn.ip(1, syn.icmp(type: 8))), "icmp"),
      (syn.v6.ethernet(syn.v6.ip(58, syn.v6.icmp(type: 128))), "icmpv6"),
      (syn.ethernet(syn.tcp, vlans: [7, 8]), "tcp"), (syn.ethernet(syn.ip(89, [2, 1, 0, 44])), "otherIP"),
      (PacketBuilder.ethernet([2, 7, 4, 1, 2, 3, 4, 5, 6], type: 0x88cc), "notIP"),
      (syn.ethernet(fragments[0]), "fragment"), (syn.ethernet(fragments[1]), "udp"),
      (Array(syn.tcpFrame[..<10]), "malformed"), (Array(syn.tcpFrame[..<40]), "malformed"), ([], "malformed"),
    ]
  }

  @Test("Each frame is seen exactly once, of whatever protocol, however many listen elsewhere", arguments: 0..<6)
  func all(variant: Int) throws {
    let middleboxes: [any Middlebox] = [
      [Frames()], [Frames(), Flows()], [Flows(hook: .sender), Frames()], [Flows(), Frames(), Flows(hook: .sender)],
      [Flows(), Flows(hook: .sender), Frames()], [Frames(), Flows(), Flows()],
    ][variant]
    for burst in [1, 4, 32] {
      var script = try EventScript(middleboxes, burst: burst)
      let kinds = Self.kinds
      let reports = script.play(frames: kinds.map(\.bytes)).filter { $0.hasPrefix("frame") }
      #expect(
        reports
          == kinds.enumerated().map { index, frame in
            "frame \(index + 1) \(frame.kind) \(frame.bytes.count) wire \(Double(index) / 1_000)"
          })
    }
  }

  @Test("Two middleboxes that listen both see each frame, the first one first")
  func two() throws {
    var script = try EventScript(Frames(name: "a "), Frames(name: "b "))
    let reports = script.play(frames: [Self.kinds[0].bytes, Self.kinds[1].bytes])
    #expect(
      reports == [
        "a frame 1 tcp 54 wire 0.0", "b frame 1 tcp 54 wire 0.0", "a frame 2 arp 42 wire 0.001",
        "b frame 2 arp 42 wire 0.001",
      ])
  }

  @Test("A frame is seen before its flow's events, and before it is an orphan", arguments: [Hook.sender, .receiver])
  func before(hook: Hook) throws {
    var script = try EventScript([Flows(hook: hook), Frames()], burst: 32) { $0.midstream = false }
    let reports = try script.play("c > PA seq 1 ack 1 \"x\"\nc > S seq 0\ns > SA seq 0 ack 1")
    let events = reports.map { $0.split(separator: " ").prefix(2).joined(separator: " ") }
    #expect(
      events == ["frame 1", "orphan 1", "frame 2", "packet 2", "start 2", "frame 3", "packet 3"])
  }

  @Test("A frame's bytes are there as they came, and its payload where it was understood")
  func contents() throws {
    var script = try EventScript(Contents())
    let udp = PacketBuilder(payload: Array("hello".utf8)).udpFrame
    let other: [UInt8] = [UInt8](repeating: 200, count: 60)
    func sum(_ bytes: [UInt8]) -> Int { bytes.reduce(0) { $0 + Int($1) } }
    let reports = script.play(frames: [udp, other])
    #expect(reports[0] == "\(sum(udp)) hello")
    #expect(reports[1].hasPrefix("\(sum(other)) "))
  }
}
