import MOSCore
import TestSupport
import Testing

@testable import DualStackTracker
@testable import MTCP

/// What handlers can read of the two ends.
@Suite("Reading the ends")
struct EndpointViewTests {
  @Test("States, numbers and offsets of both ends are those of the moment")
  func numbers() throws {
    for way in TrackerScript.Way.allCases {
      var script = TrackerScript(way)
      try script.run(
        handshake + """
          c > PA. seq 1 ack 1 win 502 "GET" <ts 5002 9000>
          s > PA. seq 1 ack 4 win 500 "page" <ts 9001 5002>
          c > PA. seq 10 ack 5 win 501 "later" <ts 5003 9001>
          c > PA. seq 20 ack 5 win 501 "last" <ts 5003 9001>
          """)
      let flow = script.latest
      guard let client = script.tracker.endpoint(.client, of: flow),
        let server = script.tracker.endpoint(.server, of: flow)
      else {
        Issue.record("no ends")
        return
      }
      #expect(client.state == .established && server.state == .established)
      #expect(client.initialSequence == 1_000_000 && server.initialSequence == 5_000_000)
      #expect(client.sendNext == 1_000_024 && server.sendNext == 5_000_005)
      #expect(client.sendUnacknowledged == 1_000_004 && server.sendUnacknowledged == 5_000_005)
      #expect(client.receiveNext == 5_000_005 && server.receiveNext == 1_000_004)
      #expect(client.nextOffset == 4 && server.nextOffset == 3)
      #expect(client.queuedBytes == 0 && server.queuedBytes == 9)
      #expect(client.window == 64_252 && server.window == 65_160 - 3)
      #expect(client.roundTripMicroseconds > 0 && server.roundTripMicroseconds > 0)
      let last = (
        script.tracker.lastReceivedOffset(of: .client, in: flow),
        script.tracker.lastReceivedOffset(of: .server, in: flow)
      )
      #expect(last == (4, 23))
      var ranges: [[UInt64]] = []
      script.tracker.forEachQueuedRange(of: .server, in: flow) { ranges.append([$0, $1]) }
      #expect(ranges == [[9, 14], [19, 23]])
      script.tracker.forEachQueuedRange(of: .client, in: flow) { _, _ in Issue.record("nothing waits") }
      script.finish()
    }
  }

  @Test("What the ends agreed on is what both offered")
  func options() throws {
    /// Segment sizes, window scales, SACK, timestamps.
    func agreed(_ syn: String, _ answer: String) throws -> [String] {
      var results: Set<[String]> = []
      for way in TrackerScript.Way.allCases {
        var script = TrackerScript(way)
        try script.run("c > S seq 0 \(syn)\ns > SA seq 0 ack 1 \(answer)\nc > A seq 1 ack 1")
        guard let client = script.tracker.endpoint(.client, of: script.latest),
          let server = script.tracker.endpoint(.server, of: script.latest)
        else { continue }
        results.insert([
          "\(client.maximumSegmentSize ?? 0) \(server.maximumSegmentSize ?? 0)",
          "\(client.windowScale.map { "\($0)" } ?? "-") \(server.windowScale.map { "\($0)" } ?? "-")",
          client.usesSACK ? "sack" : "", server.usesTimestamps ? "ts" : "",
        ])
        #expect(client.usesSACK == server.usesSACK && client.usesTimestamps == server.usesTimestamps)
        script.finish()
      }
      #expect(results.count == 1)
      return results.first ?? []
    }
    #expect(
      try agreed("<mss 1460,sack,ts 5000 0,ws 7>", "<mss 1400,sack,ts 9000 5000,ws 0>")
        == ["1460 1400", "7 0", "sack", "ts"])
    #expect(
      try agreed("<mss 1460,nop,ws 8,nop,nop,sack>", "<mss 1380,nop,ws 2,nop,nop,sack>")
        == ["1460 1380", "8 2", "sack", ""])
    #expect(try agreed("<mss 1460,sack,ts 5000 0,ws 7>", "<mss 1400>") == ["1460 1400", "- -", "", ""])
    #expect(try agreed("", "<sack,ws 7>") == ["0 0", "- -", "", ""])
    // What a box makes of it is what counts.
    #expect(
      try agreed("<mss 1460,sack> => <mss 1200,sack>", "<mss 1460,sack> => <mss 1100>") == ["1200 1100", "- -", "", ""])
  }

  @Test("A flow without TCP state has no ends, a picked-up one has what could be told")
  func incomplete() throws {
    var script = TrackerScript()
    try script.run("c > . udp \"x\"")
    #expect(script.tracker.endpoint(.client, of: script.latest) == nil)
    #expect(script.tracker.lastReceivedOffset(of: .client, in: script.latest) == nil)
    try script.run("c > PA. seq 100 ack 50 \"abc\" port 7")
    guard let client = script.tracker.endpoint(.client, of: script.latest),
      let server = script.tracker.endpoint(.server, of: script.latest)
    else {
      Issue.record("no ends")
      return
    }
    #expect(client.initialSequence == 1_000_099 && server.nextOffset == 3 && server.receiveNext == 1_000_103)
    #expect(server.window == nil && client.windowScale == nil && !client.usesSACK && client.maximumSegmentSize == nil)
    try script.run("c > R seq 103 port 7\n= end rst_orig")
    #expect(script.tracker.endpoint(.client, of: script.latest) == nil)
    script.finish()
  }
}
