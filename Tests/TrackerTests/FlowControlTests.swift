import MOSCore
import TestSupport
import Testing

@testable import DualStackTracker
@testable import MTCP

/// What can be set for one flow.
@Suite("Controls of a flow")
struct FlowControlTests {
  /// Runs `first`, does something to the latest flow, and runs `second`, in each way of taking packets.
  static func run(
    _ first: String, _ second: String, sourceLocation: SourceLocation = #_sourceLocation,
    configure: (inout TrackerConfiguration) -> Void = { _ in }, _ between: (inout Tracker, UInt32) -> Void
  ) throws {
    for way in TrackerScript.Way.allCases {
      var script = TrackerScript(way, configure)
      try script.run(first, sourceLocation: sourceLocation)
      between(&script.tracker, script.latest)
      try script.run(second, sourceLocation: sourceLocation)
      script.finish(sourceLocation: sourceLocation)
    }
  }

  /// A control that has to be taken.
  private func expect(_ taken: Bool, _ wanted: Bool = true, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(taken == wanted, sourceLocation: sourceLocation)
  }

  private let overlap = """
    c > PA. seq 4 ack 1 "dddd" <ts 5002 9000>
    c > PA. seq 4 ack 1 "eeeeee" <ts 5003 9000>
    c > PA. seq 1 ack 1 "abc" <ts 5003 9000>

    """

  @Test("A side has an overlap policy of its own, said before its first byte")
  func overlapPolicy() throws {
    try Self.run(handshake, overlap + "= newData server \"abcddddee\"") { tracker, flow in
      expect(tracker.setOverlapPolicy(.bsd, of: .server, in: flow))
    }
    // The other side keeps the configured one.
    try Self.run(handshake, overlap + "= newData server \"abceeeeee\"") { tracker, flow in
      expect(tracker.setOverlapPolicy(.bsd, of: .client, in: flow))
    }
    try Self.run(handshake + "c > PA. seq 1 ack 1 \"a\" <ts 5002 9000>", "= newData server \"a\"") { tracker, flow in
      expect(tracker.setOverlapPolicy(.bsd, of: .server, in: flow), false)
      expect(tracker.setOverlapPolicy(.bsd, of: .client, in: flow))
    }
    try Self.run(handshake + "c > PA. seq 9 ack 1 \"a\" <ts 5002 9000>", "= outOfOrder server") { tracker, flow in
      expect(tracker.setOverlapPolicy(.bsd, of: .server, in: flow), false)
    }
  }

  @Test("The overlap policy is that of the network in which the receiver is, the longest prefix first")
  func policyByNetwork() throws {
    func check(_ policies: [NetworkOverlapPolicy], _ text: String) throws {
      try TrackerScript.run(handshake + overlap + "= newData server \"\(text)\"") { $0.overlapPolicies = policies }
    }
    func network(_ address: UInt32, _ length: UInt8, _ policy: OverlapPolicy) -> NetworkOverlapPolicy {
      NetworkOverlapPolicy(network: IPAddress(v4: address), prefixLength: length, policy: policy)
    }
    // The server is 10.0.0.2, the client 10.0.0.1; the configured policy is Linux's.
    try check([network(0x0a00_0002, 32, .bsd)], "abcddddee")
    try check([network(0x0a00_0001, 32, .bsd)], "abceeeeee")
    try check([network(0x0a00_0000, 8, .bsd)], "abcddddee")
    try check([network(0x0a00_0000, 8, .bsd), network(0x0a00_0002, 31, .last)], "abceeeeee")
    try check([network(0x0a00_0002, 31, .last), network(0, 0, .bsd)], "abceeeeee")
    try check([network(0, 0, .bsd)], "abcddddee")
    try check([network(0x0b00_0000, 8, .bsd)], "abceeeeee")
    try check([network(0x0a00_0000, 24, .bsd), network(0x0a00_00ff, 24, .last)], "abcddddee")
    let v6 = NetworkOverlapPolicy(network: IPAddress(high: 0, low: 0), prefixLength: 64, policy: .bsd)
    // Mapped addresses are in no network of IPv6 but the one of all.
    try check([v6], "abcddddee")
    try check(
      [NetworkOverlapPolicy(network: IPAddress(high: 1 << 61, low: 0), prefixLength: 3, policy: .bsd)], "abceeeeee")
    // What is said for the flow alone goes first.
    try Self.run(
      handshake, overlap + "= newData server \"abceeeeee\"",
      configure: { $0.overlapPolicies = [network(0, 0, .bsd)] }
    ) { tracker, flow in expect(tracker.setOverlapPolicy(.linux, of: .server, in: flow)) }
  }

  @Test("A network's addresses of IPv6 are told by any number of bits")
  func longPrefixes() {
    let address = IPAddress(high: 0x2001_0db8_0000_0000, low: 0x0000_0000_0000_8001)
    for (length, low, isIn) in [
      (128, UInt64(0x8001), true), (128, 0x8000, false), (127, 0x8000, true), (112, 0x1_0000, false), (112, 0, true),
      (96, 0, true),
    ] {
      let networks = OverlapNetworks([
        NetworkOverlapPolicy(
          network: IPAddress(high: 0x2001_0db8_0000_0000, low: low), prefixLength: UInt8(length), policy: .irix)
      ])
      let found = networks.policy(for: address)
      #expect((found == .irix) == isIn, "\(length)")
    }
  }

  @Test("A side whose reassembly is off delivers nothing and keeps nothing; states and numbers go on")
  func reassemblyOff() throws {
    try Self.run(
      handshake + "c > PA. seq 1 ack 1 \"abc\" <ts 5002 9000>\nc > PA. seq 7 ack 1 \"ghi\" <ts 5002 9000>",
      """
      = newData server "abc"
      = statistic queued 0
      = statistic unassembled 3
      c > PA. seq 4 ack 1 "def" <ts 5003 9000>
      = no newData
      = no anomaly
      c > PA. seq 1 ack 1 "abc" <ts 5003 9000>
      = retransmission server data
      c > PA. seq 10 ack 1 "jkl" <ts 5003 9000>
      = no newData
      s > A seq 1 ack 13 <ts 9001 5003>
      = no gap
      = missed client 0
      c > PA. seq 13 ack 1 "mno" <ts 5004 9001>
      s > PA. seq 1 ack 16 "page" <ts 9002 5004>
      = newData client "page"
      = no newData server
      c > FA seq 16 ack 5 <ts 5005 9002>
      = server CLOSE_WAIT
      s > FA seq 5 ack 17 <ts 9003 5005>
      c > A seq 17 ack 6 <ts 5006 9003>
      = end fin
      = bytes client 15
      = missed client 0
      = statistic unassembled 12
      = statistic duplicate 3
      """
    ) { tracker, flow in
      expect(tracker.setReassembly(.off, of: .server, in: flow))
      let left = (tracker.pool.bytesInUse, tracker.retainedBlocks.count)
      #expect(left == (0, 0))
    }
  }

  @Test("A FIN ahead of what was not in order closes the side when it acknowledges what lies before")
  func finWhileOff() throws {
    try Self.run(
      handshake,
      """
      c > FPA seq 4 ack 1 "def" <ts 5002 9000>
      = server ESTABLISHED
      c > PA. seq 1 ack 1 "abc" <ts 5003 9000>
      = server ESTABLISHED
      s > A seq 1 ack 8 <ts 9001 5003>
      = server CLOSE_WAIT
      s > FA seq 1 ack 8 <ts 9001 5003>
      c > A seq 8 ack 2 <ts 5003 9001>
      = end fin
      """
    ) { tracker, flow in expect(tracker.setReassembly(.off, of: .server, in: flow)) }
  }

  @Test("Reassembly that is on again goes on where the stream is, with offsets that count all")
  func onAgain() throws {
    for way in TrackerScript.Way.allCases {
      var script = TrackerScript(way)
      try script.run(handshake)
      let flow = script.latest
      expect(script.tracker.setReassembly(.off, of: .server, in: flow))
      try script.run("c > PA. seq 1 ack 1 \"abc\" <ts 5002 9000>\n= no newData")
      expect(script.tracker.setReassembly(.on, of: .server, in: flow))
      script.ledger.passed(flow, .server, length: 3)
      try script.run(
        """
        c > PA. seq 7 ack 1 "ghi" <ts 5003 9000>
        c > PA. seq 4 ack 1 "def" <ts 5003 9000>
        = newData server 6 at 3
        c > PA. seq 10 ack 1 "jkl" <ts 5003 9000>
        = newData server 3 at 9
        """)
      let step = script.tracker.connections.pointer(script.tracker.record(flow).pointee.connection).pointee.step
      #expect(step == .established || way == .byTheRules)
      script.finish()
    }
  }

  @Test("Reassembly within a limit keeps no more, and skips the hole then")
  func limited() throws {
    try Self.run(
      handshake,
      """
      c > PA. seq 4 ack 1 "d" x100 <ts 5002 9000>
      = outOfOrder server
      = no anomaly
      c > PA. seq 504 ack 1 "e" x100 <ts 5003 9000>
      = anomaly receiveBufferLimit
      = gap server 3 at 0
      = statistic overflow 100
      s > PA. seq 4 ack 1 "d" x100 <ts 9002 5000>
      = no anomaly
      s > PA. seq 504 ack 1 "e" x100 <ts 9003 5000>
      = no anomaly
      """
    ) { tracker, flow in expect(tracker.setReassembly(.limited(511), of: .server, in: flow)) }
  }

  @Test("A half-open or unknown flow, one that ended and one of datagrams are told apart")
  func whichFlows() throws {
    var script = TrackerScript()
    try script.run("c > . udp \"x\"")
    expect(script.tracker.setReassembly(.off, of: .server, in: script.latest), false)
    expect(script.tracker.setOverlapPolicy(.bsd, of: .server, in: script.latest), false)
    expect(script.tracker.setIdleTimeout(1, of: script.latest))
    expect(script.tracker.stopMonitoring(script.latest))
    try script.run("c > S seq 0 port 7\ns > RA seq 0 ack 1 port 7\n= end rst_resp")
    expect(script.tracker.setReassembly(.off, of: .server, in: script.latest), false)
    expect(script.tracker.setIdleTimeout(1, of: script.latest), false)
    expect(script.tracker.stopMonitoring(script.latest), false)
    script.finish()
  }
}

/// Idle time-outs that are set for one flow.
@Suite("Idle time-out of a flow")
struct IdleTimeoutTests {
  @Test("A flow ends exactly after its own time-out, shorter or longer than the configured one")
  func own() throws {
    for (seconds, before, after) in [(10.0, 9.999, 0.002), (20_000, 19_999.9, 0.2)] {
      try FlowControlTests.run(
        handshake,
        """
        c > PA. seq 1 ack 1 "abc" <ts 5002 9000>
        time +\(before)
        = open
        time +\(after)
        = end timeout
        = count 1 idle
        """
      ) { tracker, flow in _ = tracker.setIdleTimeout(Int64(seconds * 1e9), of: flow) }
    }
  }

  @Test("It counts from the last packet, also when that was before it was set, and can be taken back")
  func fromLastPacket() throws {
    try FlowControlTests.run(
      handshake + "time +100\n", "time +0.001\n= end timeout"
    ) { tracker, flow in _ = tracker.setIdleTimeout(50 * 1_000_000_000, of: flow) }
    try FlowControlTests.run(handshake, "time +100\n= open\ntime +7400\n= end timeout") { tracker, flow in
      _ = tracker.setIdleTimeout(50 * 1_000_000_000, of: flow)
      _ = tracker.setIdleTimeout(nil, of: flow)
    }
  }

  @Test(
    "A half-open connection does not outlive the configured time-out of such; datagrams and closed flows have theirs")
  func kinds() throws {
    try FlowControlTests.run("c > S seq 0", "time +29\n= open\ntime +2\n= end timeout") { tracker, flow in
      _ = tracker.setIdleTimeout(1_000 * 1_000_000_000, of: flow)
    }
    try FlowControlTests.run("c > S seq 0", "time +4\n= open\ntime +2\n= end timeout") { tracker, flow in
      _ = tracker.setIdleTimeout(5 * 1_000_000_000, of: flow)
    }
    try FlowControlTests.run("c > . udp \"x\"", "time +299\n= open\ntime +2\n= end timeout") { tracker, flow in
      _ = tracker.setIdleTimeout(300 * 1_000_000_000, of: flow)
    }
    try FlowControlTests.run(handshake, "c > R seq 1\n= end rst_orig\ntime +59\n= flows 1\ntime +2\n= flows 0") {
      tracker, flow in _ = tracker.setIdleTimeout(5 * 1_000_000_000, of: flow)
    }
  }

  @Test("Times are kept in whole milliseconds, rounded up, and no longer than 49 days")
  func rounding() throws {
    var script = TrackerScript()
    try script.run(handshake)
    for (nanoseconds, expected) in [
      (Int64(1), Int64(1_000_000)), (1_000_001, 2_000_000), (-5, 1_000_000), (0, 1_000_000),
    ] {
      _ = script.tracker.setIdleTimeout(nanoseconds, of: script.latest)
      #expect(script.tracker.timeout(of: script.tracker.record(script.latest)) == expected)
    }
    _ = script.tracker.setIdleTimeout(.max, of: script.latest)
    #expect(script.tracker.timeout(of: script.tracker.record(script.latest)) == 4_294_967_295_000_000)
    script.finish()
  }
}
