import MOSCore
import TestSupport
import Testing

@testable import DualStackTracker

/// Flows that packets find by more than one key, as behind address translation.
@Suite("Further keys of a flow")
struct FurtherKeyTests {
  /// The key of what `nat port` marks, the client as source.
  private func natKey(_ port: UInt16, protocolNumber: UInt8 = 6) -> FlowKey {
    FlowKey(
      source: IPAddress(v4: 0xc000_0201), sourcePort: port, destination: IPAddress(v4: 0x0a00_0002),
      destinationPort: 80, protocolNumber: protocolNumber)
  }

  /// A change of the tracker cannot stand inside of `#expect`.
  private func expect<Value: Equatable>(
    _ value: Value, _ wanted: Value, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(value == wanted, sourceLocation: sourceLocation)
  }

  /// Runs `first`, gives the latest flow a key, and runs `second`, in each way of taking packets.
  private func run(
    _ first: String, _ second: String, sourceLocation: SourceLocation = #_sourceLocation,
    _ between: (inout Tracker, UInt32) -> Void
  ) throws {
    for way in TrackerScript.Way.allCases {
      var script = TrackerScript(way)
      try script.run(first, sourceLocation: sourceLocation)
      between(&script.tracker, script.latest)
      try script.run(second, sourceLocation: sourceLocation)
      script.finish(sourceLocation: sourceLocation)
      #expect(script.tracker.furtherKeyCount == 0)
      #expect(script.tracker.records.count == 0)
    }
  }

  @Test("Packets of both directions find the flow by either key, from the right side")
  func bothDirections() throws {
    try run(
      "c > S seq 0 win 64240 <mss 1460,sack,ts 5000 0,ws 7>",
      """
      s > SA seq 0 ack 1 win 65160 <mss 1460,sack,ts 9000 5000,ws 7> nat 1024
      = stateChange client ESTABLISHED
      c > A seq 1 ack 1 win 502 <ts 5001 9000>
      = established
      c > PA. seq 1 ack 1 "GET" <ts 5002 9000> nat 1024
      = newData server "GET"
      s > PA. seq 1 ack 4 "page" <ts 9001 5002> nat 1024
      = newData client "page"
      c > A seq 4 ack 5 <ts 5003 9001>
      s > PA. seq 5 ack 4 "more" <ts 9002 5003>
      = newData client "more"
      = flows 1
      = packets client 4
      = packets server 3
      c > FA seq 4 ack 9 <ts 5003 9001>
      s > FA seq 9 ack 5 <ts 9003 5003> nat 1024
      c > A seq 5 ack 10 <ts 5003 9001>
      = end fin
      s > PA. seq 1 ack 4 "page" <ts 9001 5002> nat 1024
      = anomaly dataAfterFin
      = flows 1
      time +61
      = flows 0
      s > PA. seq 1 ack 4 "page" nat 1024
      = flows 1
      = midstream
      """
    ) { tracker, flow in expect(tracker.addKey(natKey(1024), to: flow), .added) }
  }

  @Test("The source of a further key is the client, whoever sends with it")
  func sides() throws {
    for (key, expected) in [(natKey(1024), Side.client), (natKey(1024).reversed, .server)] {
      var script = TrackerScript()
      try script.run(handshake)
      let flow = script.latest
      let outcome = script.tracker.addKey(key, to: flow)
      #expect(outcome == .added)
      var segment = ScriptedSegment()
      segment.clientAddress = 0xc000_0201
      segment.clientPort = 1024
      segment.flags = .ack
      for sender in [Side.client, .server] {
        segment.sender = sender
        segment.withPacket { packet in
          script.tracker.prepare(packet)
          guard case .flow(let found, let side) = script.tracker.lookUp(packet) else { return }
          #expect(found == flow && side == (sender == .client ? expected : expected.peer))
        }
      }
      script.finish()
    }
  }

  @Test("Datagrams find their flow by either key too")
  func datagrams() throws {
    try run(
      "c > . udp \"query\"",
      """
      s > . udp "answer" nat 53
      = packets server 1
      = flows 1
      s > . udp "answer"
      = packets server 2
      = flows 1
      """
    ) { tracker, flow in expect(tracker.addKey(natKey(53, protocolNumber: 17), to: flow), .added) }
  }

  @Test("Another flow's key is refused, the flow's own is known, and a removed one leads nowhere")
  func outcomes() throws {
    var script = TrackerScript()
    try script.run("c > S seq 0 port 1")
    let first = script.latest
    try script.run("c > S seq 0 port 2")
    let second = script.latest
    func key(_ port: UInt16) -> FlowKey { natKey(port) }
    let own = script.tracker.record(first).pointee.key
    expect(script.tracker.addKey(own, to: first), .known)
    expect(script.tracker.addKey(own, to: second), .taken)
    expect(script.tracker.addKey(own.reversed, to: second), .taken)
    expect(script.tracker.addKey(key(7), to: first), .added)
    expect(script.tracker.addKey(key(7), to: first), .known)
    expect(script.tracker.addKey(key(7).reversed, to: second), .taken)
    expect(script.tracker.addKey(key(8), to: first), .added)
    expect(script.tracker.addKey(key(9), to: first), .added)
    #expect(script.tracker.flowCount == 2)
    var keys: [UInt16] = []
    script.tracker.forEachFurtherKey(of: first) { keys.append($0.sourcePort) }
    #expect(keys == [9, 8, 7])
    expect(script.tracker.removeKey(key(8), from: second), false)
    expect(script.tracker.removeKey(own, from: first), false)
    expect(script.tracker.removeKey(key(8), from: first), true)
    expect(script.tracker.removeKey(key(8), from: first), false)
    expect(script.tracker.addKey(key(8), to: second), .added)
    expect(script.tracker.removeKey(key(9), from: first), true)
    expect(script.tracker.removeKey(key(7), from: first), true)
    script.tracker.forEachFurtherKey(of: first) { _ in Issue.record("a key is left") }
    try script.run(
      """
      c > S seq 0 nat 7
      = connectionStart client
      = flows 3
      s > SA seq 0 ack 1 nat 8
      = stateChange client ESTABLISHED
      = flows 3
      """)
    script.finish()
    #expect(script.tracker.furtherKeyCount == 0)
  }

  @Test("There are no more further keys than flows may be; a flow that goes takes its keys with it")
  func limit() throws {
    var script = TrackerScript { $0.maximumFlows = 2 }
    try script.run("c > S seq 0 port 1")
    let first = script.latest
    expect(script.tracker.addKey(natKey(1), to: first), .added)
    expect(script.tracker.addKey(natKey(2), to: first), .added)
    expect(script.tracker.addKey(natKey(3), to: first), .full)
    try script.run(
      """
      c > S seq 0 port 2
      = flows 2
      c > S seq 0 port 3
      = connectionEnd evicted
      = flows 2
      """)
    #expect(script.tracker.furtherKeyCount == 0)
    expect(script.tracker.addKey(natKey(4), to: script.latest), .added)
    script.finish()
  }

  @Test("A flow that has ended for good takes no key")
  func noFlow() throws {
    var script = TrackerScript()
    try script.run("c > S seq 0 unselected")
    try script.run("c > S seq 0 port 2\ntime +31")
    #expect(script.tracker.flowCount == 1)
    expect(script.tracker.addKey(natKey(4), to: 1), .noFlow)
    script.finish()
  }

  @Test("A connection that takes the place of another by an answer to its SYN keeps the keys")
  func reuse() throws {
    try run(
      "c > S seq 0",
      """
      s > SA seq 0 ack 1 nat 1024
      c > A seq 1 ack 1
      = established
      c > S seq 90000
      = anomaly synRetransmitWithOtherISN
      s > SA seq 70000 ack 90001 nat 1024
      = connectionEnd reused
      = stateChange client ESTABLISHED
      c > PA. seq 90001 ack 70001 "GET"
      = newData server "GET"
      = flows 1
      s > PA. seq 70001 ack 90004 "page" nat 1024
      = newData client "page"
      = clientPort 40000
      """
    ) { tracker, flow in expect(tracker.addKey(natKey(1024), to: flow), .added) }
  }

  @Test("A new SYN after a close begins a flow without further keys")
  func newConnection() throws {
    try run(
      "c > S seq 0",
      """
      s > RA seq 0 ack 1 nat 1024
      = end rst_resp
      c > S seq 500
      = connectionStart client
      s > SA seq 900 ack 501 nat 1024
      = flows 2
      """
    ) { tracker, flow in expect(tracker.addKey(natKey(1024), to: flow), .added) }
  }

  @Test("Packets with either key, in bursts of any size, do what packets with one key do", arguments: 0..<6)
  func random(seed: Int) {
    for size in [1, 3, 32] {
      let connection = RandomConnection(seed: UInt64(seed) + 60, timestampsGrow: true)
      for way in TrackerScript.Way.allCases {
        var one = TrackerScript(way)
        var other = TrackerScript(way)
        one.play(connection.packets[0])
        other.play(connection.packets[0])
        let outcome = other.tracker.addKey(natKey(1024), to: other.latest)
        #expect(outcome == .added)
        var generator = SeededGenerator(seed: UInt64(seed))
        let packets = connection.packets.dropFirst().map { packet in
          var packet = packet
          if packet.sender == .server || generator.once(in: 4) {
            packet.clientAddress = 0xc000_0201
            packet.clientPort = 1024
          }
          return packet
        }
        var start = 0
        while start < packets.count {
          let end = min(start + size, packets.count)
          one.play(burst: connection.packets[(start + 1)..<(end + 1)])
          other.play(burst: packets[start..<end])
          start = end
        }
        #expect(one.happened == other.happened, "seed \(seed), size \(size), \(way)")
        #expect(other.ends == ["fin"] && other.stream(.server) == connection.clientText)
        one.finish()
        other.finish()
      }
    }
  }
}
