import MOSCore
import TestSupport
import Testing

@testable import DualStackTracker

/// Flows, or sides of flows, that nobody wants to hear of any more.
@Suite("Stopping the monitoring of a flow")
struct StopMonitoringTests {
  private let rest = """
    c > PA. seq 1 ack 1 "GET" <ts 5002 9000>
    s > PA. seq 1 ack 4 "page" <ts 9001 5002>
    c > PA. seq 10 ack 5 "late" <ts 5003 9001>
    c > PA. seq 4 ack 5 "sooner" <ts 5003 9001>
    s > A seq 5 ack 14 <ts 9002 5003>
    c > R seq 900000

    """
  private let close = """
    c > FA seq 14 ack 5 <ts 5004 9002>
    s > FA seq 5 ack 15 <ts 9003 5004>
    c > A seq 15 ack 6 <ts 5005 9003>
    = end fin
    = client TIME_WAIT
    = server CLOSED
    = bytes client 13
    = bytes server 4
    = packets client 8
    = packets server 4
    = missed client 0
    """

  @Test("Of one side there are no more events and no bytes; the other is as before, and the flow closes")
  func oneSide() throws {
    try FlowControlTests.run(
      handshake,
      rest + "= no newData server\n= no outOfOrder\n= newData client \"page\"\n" + close
        + "\n= no stateChange server\n= stateChange client FIN_WAIT_1\n= connectionEnd fin"
    ) { tracker, flow in _ = tracker.stopMonitoring(flow, of: .server) }
    try FlowControlTests.run(
      handshake,
      rest + "= newData server \"GETsoonerlate\"\n= no newData client\n= no anomaly\n" + close
        + "\n= no stateChange client\n= stateChange server CLOSE_WAIT"
    ) { tracker, flow in _ = tracker.stopMonitoring(flow, of: .client) }
  }

  @Test("Of both sides nothing happens but the end, and the steps are counted")
  func bothSides() throws {
    for way in TrackerScript.Way.allCases {
      var script = TrackerScript(way)
      try script.run(handshake)
      let before = EventKind.allCases.map { script.tracker.events.count(of: $0) }
      let taken = script.tracker.stopMonitoring(script.latest)
      #expect(taken && script.tracker.pool.bytesInUse == 0)
      script.forget()
      try script.run(rest + close)
      #expect(script.happened.filter { $0 != "none" } == ["connectionEnd fin"])
      for kind in EventKind.allCases {
        let count = script.tracker.events.count(of: kind) - before[Int(kind.rawValue)]
        #expect(count == (kind == .connectionEnd ? 1 : 0), "\(kind)")
      }
      #expect(script.tracker.statistics.unmonitoredSteps == 18)
      #expect(script.tracker.statistics.unassembledBytes + script.tracker.statistics.duplicateBytes == 17)
      // Late packets are no events either.
      try script.run("c > PA. seq 1 ack 1 \"GET\" <ts 5002 9000>\n= no anomaly")
      script.finish()
    }
  }

  @Test("A flow can be stopped between the steps of its first packet, and of an expected one")
  func betweenSteps() throws {
    for side in [Side.client, .server, nil] {
      for line in ["", handshake + "c > PA. seq 1 ack 1 \"GET\" <ts 5002 9000>\n"] {
        var script = TrackerScript(.stepwise)
        try script.run(line)
        var segment = ScriptedSegment()
        segment.time = 1
        segment.flags = line.isEmpty ? .syn : [.ack, .psh]
        segment.sequence = line.isEmpty ? 1_000_000 : 1_000_004
        segment.acknowledgment = 5_000_001
        segment.payload = line.isEmpty ? [] : Array("more".utf8)
        script.forget()
        segment.withPacket { packet in
          let flow = script.send(packet)
          let taken = script.tracker.stopMonitoring(flow, of: side)
          #expect(taken)
          script.receive(packet, insteadOf: nil)
        }
        let told = script.happened.filter { $0.contains("server") || $0.contains("newData") }
        #expect(told.isEmpty == (side != .client), "\(script.happened)")
        #expect(script.tracker.statistics.unmonitoredSteps == (side == .client ? 0 : 1))
        script.finish()
      }
    }
  }

  @Test("Whether a packet itself is told goes by the side that acts")
  func packetEvent() throws {
    func steps(_ sides: [Side]) throws -> [Bool] {
      var script = TrackerScript(.stepwise)
      try script.run(handshake)
      for side in sides { _ = script.tracker.stopMonitoring(script.latest, of: side) }
      var segment = ScriptedSegment()
      segment.time = 1
      segment.flags = [.ack, .psh]
      segment.sequence = 1_000_001
      segment.acknowledgment = 5_000_001
      segment.payload = [1]
      var told: [Bool] = []
      let before = script.tracker.events.count(of: .packet)
      segment.withPacket { packet in
        _ = script.send(packet)
        told.append(script.tracker.events.count(of: .packet) == before + 1)
        let middle = script.tracker.events.count(of: .packet)
        script.receive(packet, insteadOf: nil)
        told.append(script.tracker.events.count(of: .packet) == middle + 1)
      }
      script.finish()
      return told
    }
    #expect(try steps([]) == [true, true])
    #expect(try steps([.client]) == [false, true])
    #expect(try steps([.server]) == [true, false])
    #expect(try steps([.client, .server]) == [false, false])
  }

  @Test("A stopped flow that goes on in step leaves the same as one that is heard", arguments: 0..<8)
  func sameState(seed: Int) {
    let connection = RandomConnection(seed: UInt64(seed) + 300)
    for way in TrackerScript.Way.allCases {
      var one = TrackerScript(way)
      var other = TrackerScript(way)
      for (index, packet) in connection.packets.enumerated() {
        one.play(packet)
        other.play(packet)
        if index == 2 { _ = other.tracker.stopMonitoring(other.latest) }
      }
      #expect(one.ends == ["fin"] && other.ends == ["fin"])
      guard let heard = one.record, let stopped = other.record else { return }
      for side in [Side.client, .server] {
        #expect(heard[side].packets == stopped[side].packets && heard[side].streamBytes == stopped[side].streamBytes)
        #expect(heard[side].state == stopped[side].state && heard[side].missedBytes == stopped[side].missedBytes)
        #expect(heard[side].retransmits == stopped[side].retransmits)
        #expect(heard[side].roundTripMicroseconds == stopped[side].roundTripMicroseconds)
      }
      #expect(other.stream(.server).isEmpty && other.stream(.client).isEmpty)
      one.finish()
      other.finish()
    }
  }

  @Test("Datagrams of a stopped flow are counted and not told")
  func datagrams() throws {
    try FlowControlTests.run(
      "c > . udp \"query\"",
      """
      s > . udp "answer" bad udpLengthInvalid
      = no anomaly
      = packets server 1
      time +61
      = end timeout
      = no idle
      """
    ) { tracker, flow in _ = tracker.stopMonitoring(flow) }
  }
}
