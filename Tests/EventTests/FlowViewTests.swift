import EventDSL
import EventSupport
import TestSupport
import Testing

private let opening = """
  c > S seq 0 <mss 1460,sack,ws 7>
  s > SA seq 0 ack 1 <mss 1400,sack,ws 3>
  c > A seq 1 ack 1

  """

/// Says something of each packet, when its receiver has taken it.
private struct Look: Middlebox {
  var reader = StreamReader(of: .server)
  var look: (borrowing Flow, borrowing PacketView) -> String?

  var events: some EventGraph {
    On(.packet) { event in
      if let packet = event.packet, let text = look(event.flow, packet) { event.report(text) }
    }
  }
}

/// `#expect` takes no expression with a view in it.
private func check(_ holds: Bool, sourceLocation: SourceLocation = #_sourceLocation) {
  #expect(holds, sourceLocation: sourceLocation)
}

@Suite("What handlers see of a flow")
struct FlowViewTests {
  private func play(
    _ script: String, _ look: @escaping (borrowing Flow, borrowing PacketView) -> String?
  ) throws -> [String] {
    var runner = try EventScript(Look(look: look))
    return try runner.play(script)
  }

  @Test("First, next expected and last received byte of a side, and the ranges behind a hole")
  func buffered() throws {
    let script =
      opening + """
        c > PA seq 1 ack 1 "abc"
        c > PA seq 7 ack 1 "ghi"
        c > PA seq 12 ack 1 "lm"
        c > PA seq 4 ack 1 "def"
        s > PA seq 1 ack 10 "page"

        """
    let reports = try play(script) { flow, packet in
      if packet.number < 4 { return nil }
      var ranges: [Range<UInt64>] = []
      flow.server.forEachQueuedRange { ranges.append($0) }
      let server = "\(flow.server.firstOffset) \(flow.server.nextOffset) \(flow.server.lastOffset)"
      return "\(server) \(flow.server.queuedBytes) \(ranges), \(flow.client.nextOffset) \(flow.client.lastOffset)"
    }
    #expect(
      reports == [
        "3 3 3 0 [], 0 0", "0 3 9 3 [Range(6..<9)], 0 0", "0 3 13 5 [Range(6..<9), Range(11..<13)], 0 0",
        "0 9 13 2 [Range(11..<13)], 0 0", "0 9 13 2 [Range(11..<13)], 4 4",
      ])
  }

  @Test("The variables of both ends, in their own numbers, and what they agreed on")
  func variables() throws {
    let script = opening + "c > PA seq 1 ack 1 \"abc\"\ns > PA seq 1 ack 4 \"page\""
    let reports = try play(script) { flow, packet in
      guard packet.number == 5 else { return nil }
      func numbers(_ side: borrowing FlowSide) -> [UInt32] {
        [
          side.initialSequence ?? 9, (side.sendUnacknowledged ?? 9) &- (side.initialSequence ?? 9),
          (side.sendNext ?? 9) &- (side.initialSequence ?? 9), UInt32(side.maximumSegmentSize ?? 9),
          UInt32(side.windowScale ?? 99),
        ]
      }
      check(numbers(flow.client) == [ScriptParser.clientISN, 4, 4, 1460, 7])
      check(numbers(flow.server) == [ScriptParser.serverISN, 1, 5, 1400, 3])
      check(flow.client.receiveNext == ScriptParser.serverISN + 5)
      check(flow.server.receiveNext == ScriptParser.clientISN + 4)
      check(flow.client.usesSACK && flow.server.usesSACK && !flow.client.usesTimestamps)
      check(flow.server.window ?? 0 >= 65_535)
      return "seen"
    }
    #expect(reports == ["seen"])
  }

  @Test("Addresses, ports and MAC addresses of both ends, and the packet's time")
  func peers() throws {
    var request = PacketBuilder(payload: [1])
    request.flags = 2
    let middlebox = Look(look: { flow, packet in
      "\(flow.client.address) \(flow.client.port) \(flow.client.macAddress!), \(flow.server.address) \(flow.server.port) "
        + "\(flow.server.macAddress!), \(packet.macSource!) \(packet.macDestination!) \(packet.time.inScript)"
    })
    var script = try EventScript(middlebox)
    var answer = request.reversed.tcpFrame
    answer.swapAt(5, 11)
    let reports = script.play(frames: [request.tcpFrame, answer], start: 2)
    let ends = "10.0.0.1 40000 02:00:00:00:00:01, 10.0.0.2 80 02:00:00:00:00:02"
    #expect(
      reports == [
        "\(ends), 02:00:00:00:00:01 02:00:00:00:00:02 2.0", "\(ends), 02:00:00:00:00:02 02:00:00:00:00:01 2.001",
      ])
  }

  @Test("VLAN tags are the flow's, the outer one first; with other tags it is another flow")
  func vlans() throws {
    let builder = PacketBuilder(payload: [1])
    let middlebox = Look(look: { flow, packet in
      "\(packet.number) \(flow.key.vlan) \(flow.key.innerVLAN), flow of packet \(flow.record.firstPacket)"
    })
    var script = try EventScript(middlebox)
    let reports = script.play(
      frames: [
        builder.ethernet(builder.tcp, vlans: [7, 9]), builder.ethernet(builder.reversed.tcp, vlans: [7, 9]),
        builder.ethernet(builder.tcp, vlans: [7]), builder.tcpFrame,
      ])
    #expect(
      reports == [
        "1 7 9, flow of packet 1", "2 7 9, flow of packet 1", "3 7 0, flow of packet 3", "4 0 0, flow of packet 4",
      ])
  }

  @Test("A flow without connection has addresses, and no variables")
  func datagrams() throws {
    let reports = try play("c > . udp \"x\"") { flow, _ in
      check(flow.client.sendNext == nil && flow.server.receiveNext == nil && flow.server.window == nil)
      check(flow.server.nextOffset == 0 && flow.server.lastOffset == 0 && flow.server.queuedBytes == 0)
      check(!flow.server.setReassembly(.off) && !flow.server.setOverlapPolicy(.bsd))
      return "\(flow.client.port) \(flow.server.state)"
    }
    #expect(reports == ["40000 closed"])
  }

  @Test("The eleven states of both ends through a connection's life")
  func states() throws {
    let script = opening + "c > FA seq 1 ack 1\ns > A seq 1 ack 2\ns > FA seq 1 ack 2\nc > A seq 2 ack 2"
    let reports = try play(script) { flow, _ in "\(flow.client.state.recordName) \(flow.server.state.recordName)" }
    #expect(
      reports == [
        "SYN_SENT SYN_RECEIVED", "ESTABLISHED SYN_RECEIVED", "ESTABLISHED ESTABLISHED", "FIN_WAIT_1 CLOSE_WAIT",
        "FIN_WAIT_2 CLOSE_WAIT", "TIME_WAIT LAST_ACK", "TIME_WAIT CLOSED",
      ])
  }
}
