import MOSCore
import TestSupport
import Testing

@testable import DualStackTracker
@testable import MTCP

/// Packets that are dropped behind the receiver's step, when what came of it has been seen.
@Suite("Undone at the receiver")
struct RevokedReceiptTests {
  @Test("What is undone is new data when it comes again")
  func data() throws {
    try TrackerScript.run(
      handshake + """
        c > PA. seq 1 ack 1 "abc" <ts 5002 9000> undone
        = undone newData server 3 at 0
        = statistic delivered 0
        = statistic dropped 3
        c > PA. seq 1 ack 1 "abc" <ts 5003 9000>
        = retransmission server data
        = newData server "abc"
        c > PA. seq 4 ack 1 "def" <ts 5004 9000> revocable
        = newData server "def"
        c > PA. seq 1 ack 1 "abcdxf" <ts 5004 9000>
        = retransmission server data differs
        = stream server "abcdef"
        """)
  }

  @Test("Nothing of undone bytes is compared with what comes in their place")
  func comparison() throws {
    try TrackerScript.run(
      handshake + """
        c > PA. seq 1 ack 1 "abc" <ts 5002 9000> undone
        c > PA. seq 1 ack 1 "xyz" <ts 5003 9000>
        = newData server "xyz"
        = no overlapConflict
        c > PA. seq 1 ack 1 "xyz" <ts 5003 9000>
        = retransmission server data
        = no overlapConflict
        """)
  }

  @Test("A segment behind a hole that is undone does not wait there")
  func behindHole() throws {
    try TrackerScript.run(
      handshake + """
        c > PA. seq 4 ack 1 "def" <ts 5002 9000> undone
        = undone outOfOrder server 3 at 3
        = reordered client 0
        = statistic queued 0
        c > PA. seq 1 ack 1 "abc" <ts 5003 9000>
        = newData server "abc"
        c > PA. seq 4 ack 1 "DEF" <ts 5003 9000>
        = newData server "DEF"
        """)
  }

  @Test("What a segment delivered by filling a hole waits again when it is undone")
  func fillsHole() throws {
    try TrackerScript.run(
      handshake + """
        c > PA. seq 4 ack 1 "def" <ts 5002 9000>
        c > PA. seq 9 ack 1 "ij" <ts 5002 9000>
        c > PA. seq 1 ack 1 "abc" <ts 5003 9000> undone
        = undone newData server 6 at 0
        = statistic queued 5
        = statistic delivered 0
        c > PA. seq 1 ack 1 "abcd" <ts 5003 9000> undone
        c > PA. seq 6 ack 1 "fgh" <ts 5003 9000> undone
        = statistic queued 5
        c > PA. seq 1 ack 1 "ABC" <ts 5003 9000>
        = newData server "ABCdef"
        c > PA. seq 7 ack 1 "gh" <ts 5003 9000>
        = newData server "ghij"
        = statistic delivered 10
        """)
  }

  @Test("An undone overlap leaves the bytes that were queued, by the boundaries that they came with")
  func overlap() throws {
    for (policy, text) in [(OverlapPolicy.linux, "abceeeeee"), (.bsd, "abcddddee")] {
      for word in ["undone", "drop"] {
        try TrackerScript.run(
          handshake + """
            c > PA. seq 4 ack 1 "dddd" <ts 5002 9000>
            c > PA. seq 3 ack 1 "xxxxxx" <ts 5003 9000> \(word)
            c > PA. seq 4 ack 1 "eeeeee" <ts 5003 9000>
            c > PA. seq 1 ack 1 "abc" <ts 5003 9000>
            = newData server "\(text)"
            """
        ) { $0.overlapPolicy = policy }
      }
    }
  }

  @Test("An undone FIN closes nobody but its sender")
  func fin() throws {
    try TrackerScript.run(
      handshake + """
        c > FPA seq 1 ack 1 "abc" <ts 5002 9000> undone
        = undone stateChange server CLOSE_WAIT
        = client FIN_WAIT_1
        = server ESTABLISHED
        c > FPA seq 1 ack 1 "abc" <ts 5003 9000>
        = newData server "abc"
        = server CLOSE_WAIT
        s > FA seq 1 ack 5 <ts 9001 5003>
        c > A seq 5 ack 2 <ts 5004 9001> undone
        = undone connectionEnd fin
        = open
        = server LAST_ACK
        = client TIME_WAIT
        c > A seq 5 ack 2 <ts 5004 9001>
        = end fin
        = bytes client 3
        """)
  }

  @Test("An undone RST closes its sender and leaves the flow as it was")
  func reset() throws {
    try TrackerScript.run(
      handshake + """
        c > PA. seq 4 ack 1 "def" <ts 5002 9000>
        c > R seq 1 undone
        = undone connectionEnd rst_orig
        = open
        = client CLOSED
        = server ESTABLISHED
        = no connectionEnd
        = statistic closed 0
        c > PA. seq 1 ack 1 "abc" <ts 5003 9000>
        = client ESTABLISHED
        = newData server "abcdef"
        c > R seq 7 revocable
        = end rst_orig
        = flows 1
        time +61
        = flows 0
        """)
  }

  @Test("Of an undone handshake nothing is left")
  func handshakePackets() throws {
    try TrackerScript.run(
      """
      c > S seq 0 undone
      = undone connectionStart server
      = server LISTEN
      c > S seq 0
      = connectionStart server
      s > SA seq 0 ack 1 undone
      = undone stateChange client ESTABLISHED
      = client SYN_SENT
      s > SA seq 0 ack 1
      = retransmission client synAck
      = client ESTABLISHED
      c > A seq 1 ack 1 undone
      = undone established
      = server SYN_RECEIVED
      c > A seq 1 ack 1
      = established
      """)
  }

  @Test("A flow whose handshake was undone is still among the first to go")
  func ages() throws {
    try TrackerScript.run(
      """
      c > S seq 0 port 1
      s > SA seq 0 ack 1 port 1
      c > A seq 1 ack 1 port 1 undone
      c > S seq 0 port 2
      s > SA seq 0 ack 1 port 2
      c > A seq 1 ack 1 port 2
      c > S seq 0 port 3
      = connectionEnd evicted
      s > SA seq 0 ack 1 port 3
      c > A seq 1 ack 1 port 3
      s > PA. seq 1 ack 1 "second" port 2
      = newData client "second"
      s > PA. seq 1 ack 1 "first" port 1
      = orphan
      """
    ) {
      $0.maximumFlows = 2
      $0.midstream = false
    }
  }

  @Test("Text in doubt that is undone is not taken when it is acknowledged")
  func doubt() throws {
    func play(_ word: String, _ expectation: String) throws {
      try TrackerScript.run(
        """
        c > S seq 0
        s > SA seq 0 ack 1 win 4
        c > A seq 1 ack 1
        c > PA. seq 1 ack 1 "abcd"
        c > PA. seq 5 ack 1 "efgh" \(word)
        s > A seq 1 ack 9 win 100
        \(expectation)
        """)
    }
    try play("", "= newData server \"abcdefgh\"")
    try play("revocable", "= newData server \"abcdefgh\"")
    try play("undone", "= newData server \"abcd\"")
  }

  @Test("What the receiver gets changed can be undone too, and what was sent counts as dropped")
  func changed() throws {
    try TrackerScript.run(
      handshake + """
        c > PA. seq 1 ack 1 "abc" <ts 5002 9000> undone => "abcdef"
        = undone newData server 6 at 0
        = statistic dropped 3
        = statistic delivered 0
        c > PA. seq 2000000 ack 1 "junk" <ts 5002 9000> undone => seq 1
        = undone newData server 4 at 0
        = statistic rejected 4
        c > PA. seq 1 ack 1 "abc" <ts 5002 9000> revocable => "xyz"
        = newData server "xyz"
        """)
  }

  @Test("An urgent byte that was taken out is still to come when that is undone")
  func urgent() throws {
    try TrackerScript.run(
      handshake + """
        c > UPA seq 1 ack 1 urg 2 "abc" <ts 5002 9000> undone
        = undone newData server 1 at 0
        = statistic urgent 0
        c > UPA seq 1 ack 1 urg 2 "abc" <ts 5003 9000>
        = newData server "ac"
        = statistic urgent 1
        """)
  }

  /// Two trackers take the same packets. Where one undoes a receiver's step, the other drops the packet before it.
  private func compare(_ traffic: [ScriptedSegment], seed: Int, _ configure: (inout TrackerConfiguration) -> Void) {
    var generator = SeededGenerator(seed: UInt64(seed) + 1_234)
    var one = TrackerScript(.stepwise, configure)
    var other = TrackerScript(.stepwise, configure)
    one.tracker.pool.random = 1
    other.tracker.pool.random = 1
    for (index, segment) in traffic.enumerated() {
      var (first, second) = (segment, segment)
      switch generator.number(0...5) {
      case 0, 1:
        first.isDropped = true
        second.isUndone = true
      case 2: second.isRevocable = true
      default: break
      }
      one.play(first)
      other.play(second)
      let right = TrackerPortrait.of(one.tracker, flow: one.latest)
      let got = TrackerPortrait.of(other.tracker, flow: other.latest)
      #expect(got == right, "packet \(index + 1) \(second.isUndone ? "undone" : "")")
      if got != right { return }
    }
    one.finish()
    other.finish()
  }

  @Test("A late packet that is changed and undone is counted as it was sent")
  func late() throws {
    try TrackerScript.run(
      handshake + """
        c > R. seq 1 ack 1 <ts 5002 9000>
        = end rst_orig
        c > PA. seq 1 ack 1 "abcd" <ts 5003 9000> undone => "ab"
        = statistic rejected 4
        """)
  }

  @Test("Random segments: an undone step leaves what a dropped packet leaves, to the last byte", arguments: 0..<10)
  func randomSegments(seed: Int) {
    var generator = SeededGenerator(seed: UInt64(seed) + 4_321)
    compare(RandomSegments.make(count: 2_500, plain: seed % 3 != 0, &generator), seed: seed) {
      $0.maximumFlows = [1_000, 20][seed % 2]
      $0.bufferBytes = [1 << 24, 16 << 10][seed / 2 % 2]
      $0.retainedBytes = [1 << 24, 16 << 10][seed / 4 % 2]
      $0.overlapPolicy = OverlapPolicy.allCases[seed % OverlapPolicy.allCases.count]
    }
  }

  @Test("Shuffled connections: an undone step leaves what a dropped packet leaves, to the last byte", arguments: 0..<40)
  func shuffledConnections(seed: Int) {
    var generator = SeededGenerator(seed: UInt64(seed) + 8_765)
    let connection = RandomConnection(seed: UInt64(seed))
    var traffic: [ScriptedSegment] = []
    for packet in connection.shuffled(distance: generator.number(1...12), &generator) {
      traffic.append(packet)
      if generator.once(in: 3) { traffic.append(packet) }
      if generator.once(in: 5), let old = traffic.randomElement(using: &generator) { traffic.append(old) }
    }
    compare(traffic, seed: seed) {
      $0.overlapPolicy = OverlapPolicy.allCases[seed % OverlapPolicy.allCases.count]
      $0.sideBufferBytes = seed % 4 == 3 ? 1_024 : 1 << 20
    }
  }
}
