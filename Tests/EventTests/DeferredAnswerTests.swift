import EventDSL
import EventSupport
import MOSCore
import PacketIO
import TestSupport
import Testing

/// Drops SYNs, and tells who sent the last one of them, a second later.
private final class Late: Middlebox {
  let timer = BoxTimer()
  var kept: [DeferredAnswer] = []

  var events: some EventGraph {
    Filter(.unknownFrame) { event, packet in
      guard let view = event.packet, view.kind == .tcp else { return }
      packet.drop()
      guard let answer = packet.deferredAnswer(.portUnreachable, from: view.key.destination) else {
        return event.report("none")
      }
      self.kept.append(answer)
      event.schedule(self.timer, after: .seconds(1))
    }
    On(timer) { event in
      for answer in self.kept where !event.send(answer) { event.report("not sent") }
      self.kept = []
    }
  }
}

@Suite("Answers to packets that have gone by")
struct DeferredAnswerTests {
  private func syn(port: UInt16 = 40_000) -> PacketBuilder {
    var builder = PacketBuilder()
    (builder.flags, builder.sourcePort) = (2, port)
    return builder
  }

  private func expected(_ packet: PacketBuilder) -> [UInt8] {
    let isV6 = packet.isV6
    return PacketBuilder.returned(
      PacketBuilder.error(type: isV6 ? 1 : 3, code: isV6 ? 4 : 3, from: packet.destination, about: packet.tcp))
  }

  @Test("They leave at the timer's time, without a packet too, for IPv4 and IPv6, and say what an answer at once would")
  func versions() throws {
    for packet in [syn(), syn().v6] {
      var script = try EventScript(Late())
      script.play(frames: [packet.tcpFrame])
      script.wait(until: 0.99)
      #expect(script.output.isEmpty)
      script.wait(until: 1)
      #expect(script.output.map(\.bytes) == [expected(packet)])
      #expect(script.output.allSatisfy { $0.isReturned && $0.isAcceptable })
      #expect(script.engine.statistics.injected == 1)
    }
  }

  @Test("There is none about what no error may be about, or what is too long for one; and no more than a host may get")
  func refused() throws {
    var script = try EventScript(Late())
    var long = syn()
    long.payload = [UInt8](repeating: 1, count: 200)
    var group = syn().tcpFrame
    group[0] = 1
    #expect(script.play(frames: [long.tcpFrame, group]) == ["none", "none"])
    script.play(frames: (0..<20).map { syn(port: 40_000 + $0).tcpFrame }, start: 1)
    script.wait(until: 5)
    #expect(script.output.count == 10 && script.allReports.map(\.text).filter { $0 == "not sent" }.count == 10)
  }

  @Test("Between two ports they go back to the one that the packet came from", arguments: [0, 1])
  func ports(ingress: Int) throws {
    var bridge = Bridge(try EventEngine([Late()]))
    var first = MemoryPort(slots: 8, slotByteCount: 2_048)
    var second = MemoryPort(slots: 8, slotByteCount: 2_048)
    var toFirst = CaptureSink()
    var toSecond = CaptureSink()
    for (time, port, bytes) in [
      (0.0, ingress, syn().tcpFrame), (2.0, 1 - ingress, PacketBuilder(payload: [1]).udpFrame),
    ] {
      bytes.withUnsafeBytes { bytes in
        var frame = CapturedFrame(
          bytes: bytes.baseAddress!, capturedLength: UInt32(bytes.count), wireLength: UInt32(bytes.count),
          timestamp: ScriptedSegment.timestamp(time), linkType: .ethernet)
        if port == 0 {
          _ = first.deliver(&frame, count: 1)
        } else {
          _ = second.deliver(&frame, count: 1)
        }
      }
      bridge.breathe(&first, &second)
      first.drain(into: &toFirst)
      second.drain(into: &toSecond)
    }
    // The other packet goes on, to the same port.
    #expect((toFirst.count, toSecond.count) == (ingress == 0 ? (2, 0) : (0, 2)))
  }
}
