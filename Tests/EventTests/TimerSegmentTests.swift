import EventDSL
import EventSupport
import MOSCore
import MTCP
import PacketIO
import TestSupport
import Testing

/// Ends connections whose client says nothing for two seconds, or says something in the server's place.
private struct Impatient: Middlebox {
  var answers = false
  var inserts = false
  let timer = FlowTimer()

  var events: some EventGraph {
    Filter(.packet) { event, packet in
      if event.packet!.payloadLength == 0 { return }
      if inserts, event.sender == .client {
        _ = Array("more ".utf8).withUnsafeBytes { packet.insert(at: 0, $0) }
      }
      event.flow.schedule(timer, after: .seconds(2))
    }
    On(timer) { event in
      if answers {
        let sequence = event.flow.server.sendNext ?? 0
        let acknowledgment = event.flow.server.receiveNext ?? 0
        let segment = TCPSegment.data(sequence: sequence, acknowledgment: acknowledgment, window: 1_000)
        let isSent = Array("well?".utf8).withUnsafeBytes {
          event.flow.inject(segment, toward: .client, payload: $0)
        }
        event.report("\(isSent)")
      } else {
        event.report("\(event.flow.reset())")
      }
    }
    On(.newData) { event in event.forEachSpan { event.report("\(event.receiver) \($0.text)") } }
    On(.connectionEnd) { $0.report("end \($0.reason)") }
  }
}

@Suite("Segments that are sent in a timer's event")
struct TimerSegmentTests {
  @Test("A reset has the numbers that both ends expect, and ends the flow")
  func reset() throws {
    var script = try EventScript(Impatient())
    let reports = try script.play(
      openConnection + "c > PA seq 1 ack 1 \"hello\"\ns > A seq 1 ack 6\ntime +3\ns > PA seq 1 ack 6 \"late\"")
    #expect(reports == ["server hello", "true", "end resetByMiddlebox"])
    #expect(script.output[5...6].map(\.text) == ["s > RA seq 1 ack 6", "c > RA seq 6 ack 1"])
    #expect(script.output.allSatisfy { $0.isAcceptable && $0.anomalies.isEmpty })
    #expect(script.engine.statistics.injected == 2)
  }

  @Test("Numbers are those of each end where the middlebox has made a stream longer")
  func translated() throws {
    var script = try EventScript(Impatient(inserts: true))
    try script.play(
      openConnection + "c > PA seq 1 ack 1 \"hello\"\ns > A seq 1 ack 11\ntime +3")
    #expect(script.output[3].text == "c > PA seq 1 ack 1 \"more hello\"")
    #expect(script.output[5...].map(\.text) == ["s > RA seq 1 ack 6", "c > RA seq 11 ack 1"])
  }

  @Test("What is said in an end's place is tracked and told like other packets")
  func answer() throws {
    var script = try EventScript(Impatient(answers: true))
    let reports = try script.play(
      openConnection + "c > PA seq 1 ack 1 \"hello\"\ns > A seq 1 ack 6\ntime +3\nc > A seq 6 ack 6\ntime +3")
    #expect(reports == ["server hello", "true", "client well?"])
    #expect(script.output[5].text == "s > PA seq 1 ack 6 \"well?\"")
    #expect(script.output[5].isAcceptable && script.output[5].anomalies.isEmpty)
  }

  @Test("It is refused for what is not TCP")
  func refused() throws {
    var script = try EventScript(Impatient())
    let reports = try script.play("0 c > . udp \"x\"\ntime +3")
    #expect(reports == ["false"])
  }

  @Test("Between two ports each leaves at the port of the end that it is for", arguments: [Side.client, .server])
  func ports(waker: Side) throws {
    var bridge = Bridge(try EventEngine([Impatient()]))
    var clients = MemoryPort(slots: 64, slotByteCount: 2_048)
    var servers = MemoryPort(slots: 64, slotByteCount: 2_048)
    var toClients = CaptureSink()
    var toServers = CaptureSink()
    var parser = ScriptParser()
    let script =
      openConnection + "c > PA seq 1 ack 1 \"hello\"\n5 \(waker == .client ? "c" : "s") > . udp port 50000 \"later\""
    for (_, line) in try parser.parse(script) {
      guard case .segment(let segment) = line else { continue }
      segment.frame.withUnsafeBytes { bytes in
        var frame = CapturedFrame(
          bytes: bytes.baseAddress!, capturedLength: UInt32(bytes.count), wireLength: UInt32(bytes.count),
          timestamp: ScriptedSegment.timestamp(segment.time), linkType: .ethernet)
        if segment.sender == .client {
          _ = clients.deliver(&frame, count: 1)
        } else {
          _ = servers.deliver(&frame, count: 1)
        }
      }
      bridge.breathe(&clients, &servers)
      clients.drain(into: &toClients)
      servers.drain(into: &toServers)
    }
    #expect(resets(toClients) == [80])
    #expect(resets(toServers) == [40_000])
  }

  /// The source ports of the resets among frames.
  private func resets(_ sink: borrowing CaptureSink) -> [UInt16] {
    var decoder = PacketDecoder(configuration: DecoderConfiguration())
    var ports: [UInt16] = []
    for index in 0..<sink.count {
      var packet = DecodedPacket(frame: sink[index].bytes)
      decoder.beginBurst()
      decoder.decode(sink[index], number: 1, into: &packet)
      if packet.flags.contains(.rst) { ports.append(packet.key.sourcePort) }
    }
    return ports
  }
}
