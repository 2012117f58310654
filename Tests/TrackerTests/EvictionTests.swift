import TestSupport
import Testing

@testable import DualStackTracker

@Suite("A full table")
struct EvictionTests {
  private func established(port: Int) -> String {
    """
    c > S seq 0 port \(port)
    s > SA seq 0 ack 1 port \(port)
    c > A seq 1 ack 1 port \(port)

    """
  }

  @Test("Lingering flows go first, then half-open ones, then datagrams, then established ones, the oldest first")
  func byValue() throws {
    try TrackerScript.run(
      established(port: 1) + established(port: 2) + """
        c > . udp "q" port 3
        c > S seq 0 port 4
        c > S seq 0 port 5
        c > S seq 0 port 6
        s > RA seq 0 ack 1 port 6
        = flows 6
        c > S seq 0 port 7
        = no connectionEnd
        = released
        = statistic evicted 1
        c > PA. seq 1 ack 1 port 7
        s > SA seq 0 ack 1 port 4
        c > A seq 1 ack 1 port 4
        = established
        c > S seq 0 port 8
        = connectionEnd evicted
        s > SA seq 0 ack 1 port 8
        c > A seq 1 ack 1 port 8
        = established
        """
    ) { $0.maximumFlows = 6 }
  }

  @Test("Of half-open flows the oldest goes")
  func oldestHalfOpen() throws {
    try TrackerScript.run(
      """
      c > S seq 0 port 1
      c > S seq 0 port 2
      c > S seq 0 port 3
      = ends evicted
      s > SA seq 0 ack 1 port 2
      = client ESTABLISHED
      = packets client 1
      = firstPacket 2
      """
    ) { $0.maximumFlows = 2 }
  }

  @Test("A table of one flow works")
  func tableOfOne() throws {
    try TrackerScript.run(
      established(port: 1) + """
        c > S seq 0 port 2
        = ends evicted
        = flows 1
        s > SA seq 0 ack 1 port 2
        c > A seq 1 ack 1 port 2
        = established
        """
    ) { $0.maximumFlows = 1 }
  }

  /// Sends packets of 10,000 made-up flows through a table of 200 that holds ten established ones.
  private func flood(_ line: (Int) -> String) throws {
    var script = TrackerScript { $0.maximumFlows = 200 }
    for port in 1...10 { try script.run(established(port: port)) }
    for port in 1_001...11_000 { try script.run(line(port)) }
    #expect(script.tracker.flowCount == 200)
    #expect(script.tracker.statistics.evictedFlows == 10_010 - 200)
    #expect(!script.ends.contains { $0 != "evicted" && $0 != "timeout" })
    for port in 1...10 {
      try script.run(
        """
        c > PA. seq 1 ack 1 "alive" port \(port)
        = newData server "alive"
        = packets client 3
        """)
    }
    #expect(script.tracker.records.count <= 201)
    #expect(script.tracker.connections.count <= 200)
    script.finish()
  }

  @Test("A SYN flood: memory is bounded, and established flows survive")
  func synFlood() throws {
    try flood { "0.5 c > S seq 0 port \($0)" }
  }

  @Test("A flood of SYNs and forged third ACKs does not drive out established flows")
  func handshakeFlood() throws {
    try flood { "0.5 c > S seq 0 port \($0)\n0.5 c > A seq 1 ack 1 port \($0)" }
  }

  @Test("A flood of ACKs without a handshake does not drive out established flows")
  func ackFlood() throws {
    try flood { "0.5 c > A seq 1 ack 1 port \($0)" }
  }

  @Test("A flood of SYNs with payload takes no more than the pool")
  func synDataFlood() throws {
    var script = TrackerScript {
      $0.maximumFlows = 1_000
      $0.bufferBytes = 64 << 10
    }
    for port in 1_001...11_000 { try script.run("0.5 c > S seq 0 \"x\" x1000 port \(port)") }
    #expect(script.tracker.pool.bytesInUse <= 64 << 10)
    #expect(script.tracker.flowCount == 1_000)
    script.finish()
  }

  @Test("Packets of flows that were not selected are passed over, and a new connection is looked at anew")
  func notSelected() throws {
    try TrackerScript.run(
      """
      c > S seq 0 unselected
      = none
      = flows 1
      s > SA seq 0 ack 1 unselected
      = none
      c > S seq 700000
      = connectionStart client
      = flows 1
      """)
  }

  @Test("When released records are not taken, new flows are refused, and counted")
  func recordsNotTaken() {
    var configuration = TrackerConfiguration()
    configuration.maximumFlows = 1
    var tracker = Tracker(configuration: configuration)
    var ledger = TrackerLedger()
    for index in 0..<70_000 {
      var segment = ScriptedSegment()
      segment.flags = [.ack]
      segment.payload = [1]
      segment.clientPort = UInt16(truncatingIfNeeded: index)
      segment.sequence = UInt32(index)
      segment.withPacket { packet in
        tracker.prepare(packet)
        if case .flow = tracker.lookUp(packet) {
          tracker.send(packet)
          tracker.receive(packet)
        }
      }
      ledger.givenBytes += 1
    }
    #expect(TrackerLedger.sum(tracker.statistics) == ledger.givenBytes)
  }
}
