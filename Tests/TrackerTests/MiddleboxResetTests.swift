import MOSCore
import TestSupport
import Testing

@testable import DualStackTracker

/// Connections that a box between the ends resets.
@Suite("Reset from between the ends")
struct MiddleboxResetTests {
  /// Runs `script`, resets the latest flow, and gives what is to be sent, counted from the ISNs.
  private func reset(
    _ text: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> (client: [Int64]?, server: [Int64]?) {
    var script = TrackerScript()
    try script.run(text, sourceLocation: sourceLocation)
    let flow = script.latest
    let result = script.tracker.reset(flow)
    let record = script.tracker.record(flow)
    #expect(record.pointee.end == .resetByMiddlebox && record.pointee.connection == 0)
    #expect(record.pointee.client.state == 0 && record.pointee.server.state == 0)
    let ended = script.tracker.takeEnded()
    #expect(ended == flow)
    script.ledger.ended(flow)
    let again = script.tracker.reset(flow)
    #expect(again.towardClient == nil && again.towardServer == nil && script.tracker.takeEnded() == 0)
    script.finish()
    func numbers(_ segment: TCPSegment?, _ sequence: UInt32, _ acknowledgment: UInt32) -> [Int64]? {
      guard let segment else { return nil }
      #expect(segment.flags == [.rst, .ack])
      return [
        Int64(Int32(bitPattern: segment.sequence &- sequence)),
        Int64(Int32(bitPattern: segment.acknowledgment &- acknowledgment)),
      ]
    }
    return (
      numbers(result.towardClient, ScriptParser.serverISN, ScriptParser.clientISN),
      numbers(result.towardServer, ScriptParser.clientISN, ScriptParser.serverISN)
    )
  }

  @Test("Each end is sent the number that it expects next, and an acknowledgment of all that it sent")
  func established() throws {
    let text =
      handshake + """
        c > PA. seq 1 ack 1 "GET" <ts 5002 9000>
        s > PA. seq 1 ack 4 "page" <ts 9001 5002>

        """
    var result = try reset(text)
    #expect(result.client == [5, 4] && result.server == [4, 5])
    // Behind a hole nothing counts, and of what was dropped nothing arrived.
    result = try reset(text + "c > PA. seq 10 ack 5 \"later\" <ts 5003 9001>")
    #expect(result.client == [5, 15] && result.server == [4, 5])
    result = try reset(text + "c > PA. seq 4 ack 5 \"more\" <ts 5003 9001> drop")
    #expect(result.client == [5, 8] && result.server == [4, 5])
    result = try reset(text + "c > PA. seq 4 ack 5 \"more\" <ts 5003 9001> undone")
    #expect(result.client == [5, 8] && result.server == [4, 5])
    // A FIN takes a number.
    result = try reset(text + "c > FA seq 4 ack 5 <ts 5003 9001>")
    #expect(result.client == [5, 5] && result.server == [5, 5])
    // What an end acknowledged it has, whether or not that passed here.
    result = try reset(text + "s > A seq 5 ack 100 <ts 9002 5003>")
    #expect(result.server == [100, 5])
  }

  @Test("The exact numbers are those of each end, where they count in different ones")
  func translated() throws {
    let result = try reset(
      handshake + """
        c > PA. seq 1 ack 1 "GET" translated => "GETGET"
        s > PA. seq 1 ack 7 "page" => ack 4

        """)
    #expect(result.client == [5, 4] && result.server == [7, 5])
  }

  @Test("In SYN_SENT the acknowledgment counts; an end that has nothing gets nothing")
  func handshakes() throws {
    var result = try reset("c > S seq 0 drop")
    #expect(result.server == nil)
    #expect(result.client?[1] == 1)
    result = try reset("c > S seq 0")
    #expect(result.client?[1] == 1)
    #expect(result.server?[0] == 1)
    result = try reset("c > S seq 0\ns > SA seq 0 ack 1")
    #expect(result.client == [1, 1] && result.server == [1, 1])
    result = try reset(handshake + "c > R seq 1 drop")
    #expect(result.client == nil)
    #expect(result.server == [1, 1])
  }

  @Test("What is sent is taken by the rules by which the tracker takes resets of the ends themselves")
  func isTaken() throws {
    for text in [
      "c > S seq 0", "c > S seq 0\ns > SA seq 0 ack 1", handshake, handshake + "c > FA seq 1 ack 1 <ts 5002 9000>\n",
      handshake + "c > PA. seq 5 ack 1 \"hole\" <ts 5002 9000>\ns > PA. seq 1 ack 1 \"abc\" <ts 9002 5001>\n",
    ] {
      for side in [Side.client, .server] {
        var script = TrackerScript()
        try script.run(text)
        // Another tracker that has come to the same says what to send.
        var other = TrackerScript()
        try other.run(text)
        let result = other.tracker.reset(other.latest)
        other.ledger.ended(other.tracker.takeEnded())
        other.finish()
        guard let segment = side == .client ? result.towardClient : result.towardServer else { continue }
        var packet = ScriptedSegment()
        packet.time = 5
        packet.sender = side.peer
        packet.flags = segment.flags
        packet.sequence = segment.sequence
        packet.acknowledgment = segment.acknowledgment
        script.play(packet)
        #expect(script.ends == [side == .client ? "rst_resp" : "rst_orig"], "\(text) toward \(side)")
        script.finish()
      }
    }
  }

  @Test("A packet between its steps is not received, and its bytes are counted once")
  func betweenSteps() throws {
    for drops in [false, true] {
      for text in ["GET", ""] {
        var script = TrackerScript(.stepwise)
        try script.run(handshake)
        var segment = ScriptedSegment()
        segment.time = 1
        segment.flags = [.ack]
        segment.sequence = 1_000_001
        segment.acknowledgment = 5_000_001
        segment.payload = Array(text.utf8)
        segment.withPacket { packet in
          let flow = script.send(packet)
          let result = script.tracker.reset(flow, packet: packet.pointee.number)
          #expect(result.towardServer?.sequence == 1_000_001)
          #expect(result.towardClient?.acknowledgment == 1_000_001 + UInt32(text.utf8.count))
          script.forget()
          if drops { script.tracker.drop(packet) } else { script.receive(packet, insteadOf: nil) }
        }
        #expect(script.happened.isEmpty)
        script.finish()
        #expect(script.ends == ["rst_middlebox"])
      }
    }
  }

  @Test("What still comes is late; a new SYN is a new connection; the flow is remembered as long as a closed one")
  func afterwards() throws {
    try FlowControlTests.run(
      handshake,
      """
      time +0.001
      = connectionEnd rst_middlebox
      c > PA. seq 1 ack 1 "GET" <ts 5002 9000>
      = anomaly dataAfterReset
      = no newData
      = flows 1
      c > S seq 90000
      = connectionStart client
      = flows 1
      = ends rst_middlebox
      time +31
      = ends rst_middlebox timeout
      """
    ) { tracker, flow in
      _ = tracker.reset(flow)
      #expect(tracker.statistics.resetFlows == 1)
    }
  }

  @Test("A step that waits to be confirmed is, and datagrams have nothing to be sent")
  func others() throws {
    var script = TrackerScript()
    try script.run("c > . udp \"x\"")
    let result = script.tracker.reset(script.latest)
    #expect(result.towardClient == nil && result.towardServer == nil)
    #expect(script.record?.end == .resetByMiddlebox)
    try script.run(handshake)
    var segment = ScriptedSegment()
    segment.time = 1
    segment.flags = [.ack]
    segment.sequence = 1_000_001
    segment.acknowledgment = 5_000_001
    segment.payload = [1, 2, 3]
    segment.withPacket { packet in
      let flow = script.send(packet)
      script.tracker.receiveRevocably(packet)
      let numbers = script.tracker.reset(flow)
      #expect(numbers.towardServer?.sequence == 1_000_004)
      script.tracker.undoReceive(packet)
    }
    #expect(script.tracker.statistics.deliveredBytes == 3)
    script.finish()
  }
}

/// One end of a connection that a box between the ends resets.
@Suite("Reset of one end from between the ends")
struct OneEndResetTests {
  @Test("The end is CLOSED with what it expects next, its peer is as it was; the end's RST ends the flow")
  func closed() throws {
    for side in [Side.client, .server] {
      let answer = side == .server ? "s > R seq 1" : "c > R seq 4"
      let more =
        side == .server
        ? "c > PA. seq 4 ack 1 \"more\" <ts 5003 9000>" : "s > PA. seq 1 ack 4 \"more\" <ts 9001 5002>"
      try FlowControlTests.run(
        handshake + "c > PA. seq 1 ack 1 \"GET\" <ts 5002 9000>",
        """
        = \(side == .server ? "server" : "client") CLOSED
        = \(side == .server ? "client" : "server") ESTABLISHED
        \(more)
        = no newData
        \(answer)
        = end \(side == .server ? "rst_resp" : "rst_orig")
        """
      ) { tracker, flow in
        let segment = tracker.reset(side, of: flow)
        #expect(segment?.flags == [.rst, .ack])
        #expect(segment?.sequence == (side == .server ? ScriptParser.clientISN + 4 : ScriptParser.serverISN + 1))
        #expect(segment?.acknowledgment == (side == .server ? ScriptParser.serverISN + 1 : ScriptParser.clientISN + 4))
        let again = tracker.reset(side, of: flow)
        #expect(again == nil)
      }
    }
  }

  @Test("An end that sends on never got its reset, and is in its old state with all that it had")
  func goesOn() throws {
    try FlowControlTests.run(
      handshake + "c > PA. seq 1 ack 1 \"GET\" <ts 5002 9000>",
      """
      s > PA. seq 1 ack 4 "page" <ts 9001 5002>
      = server ESTABLISHED
      = newData client "page"
      c > PA. seq 4 ack 5 "more" <ts 5003 9001>
      = newData server "more"
      = no connectionEnd
      """
    ) { tracker, flow in
      let segment = tracker.reset(.server, of: flow)
      #expect(segment != nil)
    }
  }

  @Test("The reset of the second end is the reset of both")
  func second() throws {
    try FlowControlTests.run(handshake, "time +0.001\n= connectionEnd rst_middlebox\n= end rst_middlebox") {
      tracker, flow in
      let first = tracker.reset(.server, of: flow)
      #expect(first != nil && tracker.record(flow).pointee.end == .none)
      let second = tracker.reset(.client, of: flow)
      #expect(second?.sequence == ScriptParser.serverISN + 1)
      #expect(tracker.record(flow).pointee.end == .resetByMiddlebox)
    }
  }
}
