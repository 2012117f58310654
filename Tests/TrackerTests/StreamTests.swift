import MTCP
import TestSupport
import Testing

@testable import DualStackTracker

@Suite("The stream")
struct StreamTests {
  @Test("Keep-alives, with and without a byte, are retransmissions and no data")
  func keepAlive() throws {
    try TrackerScript.run(
      handshake + """
        c > PA. seq 1 ack 1 win 502 "abc" <ts 5002 9000>
        s > A seq 1 ack 4 win 509 <ts 9001 5002>
        = stream server "abc"
        60 c > A seq 3 ack 1 win 502 <ts 5003 9001>
        = retransmission server keepAlive
        = no newData
        s > A seq 1 ack 4 win 509 <ts 9002 5003>
        = no retransmission
        120 c > A seq 3 ack 1 win 502 "c" <ts 5004 9001>
        = retransmission server keepAlive
        = no newData
        c > PA. seq 4 ack 1 win 502 "def" <ts 5005 9002>
        = stream server "abcdef"
        = retransmits client 2
        """)
  }

  @Test("A zero window: probes are no data until they are acknowledged, and the window update lets data through")
  func zeroWindow() throws {
    try TrackerScript.run(
      """
      c > S seq 0 <mss 1460>
      s > SA seq 0 ack 1 win 5 <mss 1460>
      c > A seq 1 ack 1
      c > PA. seq 1 ack 1 "abcde"
      s > A seq 1 ack 6 win 0
      = stream server "abcde"
      c > A seq 6 ack 1 "f"
      = retransmission server zeroWindowProbe
      = no newData
      s > A seq 1 ack 6 win 0
      = no newData
      c > A seq 6 ack 1 "f"
      s > A seq 1 ack 7 win 10
      = newData server "f"
      c > PA. seq 7 ack 1 "ghi"
      = newData server "ghi"
      """)
  }

  @Test("A probe that was not taken comes again with the data once the window is open")
  func zeroWindowProbeSentAgain() throws {
    try TrackerScript.run(
      """
      c > S seq 0 <mss 1460>
      s > SA seq 0 ack 1 win 5 <mss 1460>
      c > A seq 1 ack 1
      c > PA. seq 1 ack 1 "abcde"
      s > A seq 1 ack 6 win 0
      c > A seq 6 ack 1 "f"
      s > A seq 1 ack 6 win 0
      s > A seq 1 ack 6 win 100
      c > PA. seq 6 ack 1 "fghi"
      s > A seq 1 ack 10 win 100
      = stream server "abcdefghi"
      = no overlapConflict
      """)
  }

  @Test("Text in doubt that the receiver takes in parts")
  func doubtInParts() throws {
    try TrackerScript.run(
      """
      c > S seq 0 <mss 1460>
      s > SA seq 0 ack 1 win 5 <mss 1460>
      c > A seq 1 ack 1
      c > PA. seq 1 ack 1 "abcde"
      s > A seq 1 ack 6 win 0
      c > PA. seq 6 ack 1 "fghijklmno"
      c > FPA seq 16 ack 1 "pq"
      = stream server "abcde"
      s > A seq 1 ack 9 win 0
      = stream server "abcdefgh"
      s > A seq 1 ack 18 win 9
      = stream server "abcdefghijklmnopq"
      = server ESTABLISHED
      s > A seq 1 ack 19 win 9
      = server CLOSE_WAIT
      = client FIN_WAIT_2
      """)
  }

  @Test("The stream passes 2^32: sequence numbers wrap on both sides")
  func wrap() throws {
    try TrackerScript.run(
      """
      isn 4294967290 4294967295
      c > S seq 0 <mss 1460>
      s > SA seq 0 ack 1 <mss 1460>
      c > A seq 1 ack 1
      c > PA. seq 1 ack 1 "0123456789"
      s > PA. seq 1 ack 11 "abcdefghij"
      c > PA. seq 21 ack 11 "UVWXYZ"
      c > PA. seq 11 ack 11 "KLMNOPQRST"
      = stream server "0123456789KLMNOPQRSTUVWXYZ"
      = stream client "abcdefghij"
      = no anomaly
      c > FA seq 27 ack 11
      s > FA seq 11 ack 28
      c > A seq 28 ack 12
      = end fin
      """)
  }

  @Test("Offsets go on past 4 GiB")
  func past4GiB() throws {
    var script = TrackerScript { $0.comparesRetransmissions = false }
    try script.run(handshake)
    // 5 GiB, sent by segments of 1 MB of which the capture kept one byte; the receiver acknowledges each.
    var offset: UInt64 = 0
    var segment = ScriptedSegment()
    segment.time = 1
    segment.flags = [.ack]
    segment.acknowledgment = ScriptParser.serverISN + 1
    segment.payload = [0x61]
    var answer = ScriptedSegment()
    answer.time = 1
    answer.sender = .server
    answer.flags = [.ack]
    answer.sequence = ScriptParser.serverISN + 1
    let step: UInt32 = 1 << 20
    segment.missingPayload = step - 1
    while offset < 5 << 30 {
      segment.sequence = ScriptParser.clientISN &+ 1 &+ UInt32(truncatingIfNeeded: offset)
      offset += UInt64(step)
      script.play(segment)
      answer.acknowledgment = ScriptParser.clientISN &+ 1 &+ UInt32(truncatingIfNeeded: offset)
      script.play(answer)
    }
    try script.run(
      """
      2 c > PA. seqraw \(UInt32(truncatingIfNeeded: UInt64(ScriptParser.clientISN) + 1 + offset)) ack 1 "end"
      = newData server 3 at \(offset)
      """)
    #expect(script.tracker.statistics.missedBytes == 5 * 1_024 * UInt64(step - 1))
    script.finish()
  }

  @Test("Windows are scaled as both ends offered, and not at all if one did not")
  func windowScale() throws {
    try TrackerScript.run(
      """
      c > S seq 0 win 1000 <mss 1460,ws 3>
      s > SA seq 0 ack 1 win 1000 <mss 1460,ws 4>
      c > A seq 1 ack 1 win 1000
      s > A seq 1 ack 1 win 1000
      c > PA. seq 15996 ack 1 win 1000 "abcde"
      = outOfOrder server 5 at 15995
      c > PA. seq 16001 ack 1 win 1000 "f"
      = anomaly dataOutsideWindow
      s > PA. seq 7996 ack 1 win 1000 "abcde"
      = outOfOrder client 5 at 7995
      s > PA. seq 8001 ack 1 win 1000 "f"
      = anomaly dataOutsideWindow
      """)
    try TrackerScript.run(
      """
      c > S seq 0 win 1000 <mss 1460,ws 3>
      s > SA seq 0 ack 1 win 1000 <mss 1460>
      c > A seq 1 ack 1 win 1000
      s > PA. seq 1001 ack 1 win 1000 "f"
      = anomaly dataOutsideWindow
      """)
  }

  @Test("The window of a SYN-ACK is not scaled")
  func synAckWindow() throws {
    try TrackerScript.run(
      """
      c > S seq 0 win 1000 <mss 1460,ws 3>
      s > SA seq 0 ack 1 win 1000 <mss 1460,ws 4>
      c > A seq 1 ack 1 win 1000
      c > PA. seq 1001 ack 1 win 1000 "f"
      = anomaly dataOutsideWindow
      """)
  }

  @Test("PAWS: a segment from before the wrap is not taken, one with a timestamp that has wrapped is")
  func paws() throws {
    try TrackerScript.run(
      """
      c > S seq 0 <mss 1460,ts 4294967290 0>
      s > SA seq 0 ack 1 <mss 1460,ts 9000 4294967290>
      c > A seq 1 ack 1 <ts 4294967295 9000>
      c > PA. seq 1 ack 1 "abc" <ts 5 9000>
      = stream server "abc"
      s > A seq 1 ack 4 <ts 9001 5>
      c > PA. seq 4 ack 1 "old" <ts 4294967290 9000>
      = anomaly timestampOld
      = no newData
      c > PA. seq 4 ack 1 "new" <ts 6 9001>
      = stream server "abcnew"
      """)
  }

  @Test("PAWS: of what fills a hole with an older timestamp the receiver's acknowledgment tells whether it was taken")
  func pawsInHole() throws {
    let beginning = """
      c > S seq 0 <mss 1460,ts 5000 0>
      s > SA seq 0 ack 1 <mss 1460,ts 9000 5000>
      c > A seq 1 ack 1 <ts 5001 9000>
      c > PA. seq 4 ack 1 "def" <ts 5003 9000>
      s > A seq 1 ack 1 <ts 9001 5001>
      c > A seq 1 ack 1 <ts 5002 9001>
      c > PA. seq 1 ack 1 "abc" <ts 5001 9000>
      = anomaly timestampOld
      = no newData

      """
    try TrackerScript.run(
      beginning + """
        s > A seq 1 ack 7 <ts 9002 5003>
        = stream server "abcdef"
        c > PA. seq 7 ack 1 "ghi" <ts 5004 9002>
        = stream server "abcdefghi"
        """)
    try TrackerScript.run(
      beginning + """
        s > A seq 1 ack 1 <ts 9002 5002>
        c > PA. seq 1 ack 1 "ABC" <ts 5004 9002>
        = stream server "ABCdef"
        """)
  }

  @Test("PAWS: several holes are filled so, and one acknowledgment settles all of them")
  func pawsInHoles() throws {
    try TrackerScript.run(
      """
      c > S seq 0 <mss 1460,ts 5000 0>
      s > SA seq 0 ack 1 <mss 1460,ts 9000 5000>
      c > A seq 1 ack 1 <ts 5001 9000>
      c > PA. seq 3 ack 1 "cd" <ts 5003 9000>
      c > PA. seq 7 ack 1 "gh" <ts 5003 9000>
      c > A seq 1 ack 1 <ts 5004 9000>
      c > PA. seq 1 ack 1 "ab" <ts 5001 9000>
      c > PA. seq 5 ack 1 "ef" <ts 5001 9000>
      = no newData
      s > A seq 1 ack 9 <ts 9002 5003>
      = stream server "abcdefgh"
      = no gap
      """)
  }

  @Test("PAWS: what lies before the window, as a copy does that comes late, makes no older timestamp old")
  func pawsBehindCopies() throws {
    try TrackerScript.run(
      """
      c > S seq 0 <mss 1460,ts 5000 0>
      s > SA seq 0 ack 1 <mss 1460,ts 9000 5000>
      c > A seq 1 ack 1 <ts 5001 9000>
      c > PA. seq 1 ack 1 "abc" <ts 5001 9000>
      c > PA. seq 4 ack 1 "def" <ts 5002 9000>
      s > A seq 1 ack 7 <ts 9001 5002>
      c > PA. seq 1 ack 1 "abc" <ts 5009 9000>
      c > PA. seq 7 ack 1 "ghi" <ts 5004 9001>
      = stream server "abcdefghi"
      """)
  }

  @Test("A timestamp of 24 days ago proves nothing")
  func pawsAfterSilence() throws {
    try TrackerScript.run(
      handshake + """
        c > PA. seq 1 ack 1 "abc" <ts 6000 9000>
        s > A seq 1 ack 4 <ts 9001 6000>
        2160000 c > PA. seq 4 ack 1 "def" <ts 7 9001>
        = stream server "abcdef"
        """
    ) { $0.idleTimeout = 10_000_000 * 1_000_000_000 }
  }

  @Test("Segments that the capture reordered do not fail PAWS")
  func pawsReordered() throws {
    try TrackerScript.run(
      handshake + """
        c > PA. seq 4 ack 1 "def" <ts 5010 9000>
        c > PA. seq 1 ack 1 "abc" <ts 5005 9000>
        = stream server "abcdef"
        = no anomaly
        """)
  }

  @Test("Reordering by any distance within the window")
  func reordering() throws {
    var script = TrackerScript()
    try script.run(handshake)
    let count = 600
    for index in (0..<count).reversed() {
      var segment = ScriptedSegment()
      segment.time = 1
      segment.flags = [.ack, .psh]
      segment.sequence = ScriptParser.clientISN + 1 + UInt32(index * 100)
      segment.acknowledgment = ScriptParser.serverISN + 1
      segment.payload = [UInt8](repeating: UInt8(truncatingIfNeeded: index), count: 100)
      script.play(segment)
    }
    #expect(
      script.stream(.server) == (0..<count).flatMap { [UInt8](repeating: UInt8(truncatingIfNeeded: $0), count: 100) })
    script.finish()
  }

  @Test("An ACK for bytes never seen is no gap yet: the data may come late from the capture")
  func ackBeforeData() throws {
    try TrackerScript.run(
      handshake + """
        s > A seq 1 ack 4 win 509 <ts 9001 5002>
        = no gap
        = no anomaly
        c > PA. seq 1 ack 1 win 502 "abc" <ts 5002 9000>
        = newData server "abc"
        = no gap
        c > PA. seq 4 ack 1 win 502 "def" <ts 5003 9001>
        = stream server "abcdef"
        = missed client 0
        """)
  }

  @Test("Bytes lost to the capture are a gap once the sender has gone on")
  func gapWhenSenderGoesOn() throws {
    try TrackerScript.run(
      handshake + """
        c > PA. seq 1 ack 1 win 502 "abc" <ts 5002 9000>
        s > A seq 1 ack 11 win 509 <ts 9001 5002>
        = no gap
        c > PA. seq 11 ack 1 win 502 "klm" <ts 5003 9001>
        = order gap server 7 at 3, newData server 3 at 10
        = stream server "abcklm"
        = missed client 7
        = statistic missed 7
        """)
  }

  @Test("Bytes lost to the capture with later ones seen already are a gap with the ACK")
  func gapWithAck() throws {
    try TrackerScript.run(
      handshake + """
        c > PA. seq 11 ack 1 win 502 "klm" <ts 5003 9001>
        c > PA. seq 21 ack 1 win 502 "uvw" <ts 5003 9001>
        = no gap
        s > A seq 1 ack 24 win 509 <ts 9001 5002>
        = order gap server 10 at 0, newData server 3 at 10, gap server 7 at 13, newData server 3 at 20
        = stream server "klmuvw"
        """)
  }

  @Test("Bytes lost to the capture at the end of the stream are a gap before the end")
  func gapAtEnd() throws {
    try TrackerScript.run(
      handshake + """
        c > PA. seq 1 ack 1 win 502 "abc" <ts 5002 9000>
        s > A seq 1 ack 11 win 509 <ts 9001 5002>
        s > RA seq 1 ack 11 <ts 9001 5002>
        = order gap server 7 at 3, connectionEnd rst_resp
        = missed client 7
        """)
  }

  @Test("Bytes lost to the capture count as missed when a time-out ends the flow")
  func missedAtTimeout() throws {
    try TrackerScript.run(
      handshake + """
        s > A seq 1 ack 11 win 509 <ts 9001 5002>
        time +8000
        = end timeout
        = missed client 10
        """)
  }

  @Test("The last data are lost to the capture: the FIN behind them is taken when it is acknowledged")
  func lossBeforeFin() throws {
    try TrackerScript.run(
      handshake + """
        c > FA seq 11 ack 1 win 502 <ts 5003 9001>
        = server ESTABLISHED
        s > A seq 1 ack 12 win 509 <ts 9001 5003>
        = gap server 10 at 0
        = server CLOSE_WAIT
        = client FIN_WAIT_2
        s > FA seq 1 ack 12 win 509 <ts 9002 5003>
        c > A seq 12 ack 2 win 502 <ts 5004 9002>
        = end fin
        """)
  }

  @Test("The server's last data are lost to the capture, and the client's FIN acknowledges them")
  func finAcknowledgesUnseen() throws {
    try TrackerScript.run(
      handshake + """
        c > FA seq 1 ack 101 win 502 <ts 5003 9001>
        s > FA seq 101 ack 2 win 509 <ts 9001 5003>
        c > A seq 2 ack 102 win 502 <ts 5004 9001>
        = missed server 100
        = end fin
        """)
  }

  @Test("A request that acknowledges a response lost to the capture is delivered once it is acknowledged itself")
  func requestAcknowledgesUnseen() throws {
    try TrackerScript.run(
      handshake + """
        c > PA. seq 1 ack 101 win 502 "next" <ts 5003 9001>
        s > PA. seq 101 ack 5 win 509 "more" <ts 9001 5003>
        = stream server "next"
        = no gap
        c > A seq 5 ack 105 win 502 <ts 5004 9001>
        = gap client 100 at 0
        = stream client "more"
        """)
  }

  @Test("Payload that the capture cut off is a gap when it is acknowledged and the sender goes on")
  func cutOffPayload() throws {
    try TrackerScript.run(
      handshake + """
        c > PA. seq 1 ack 1 win 502 "abc" missing 97 <ts 5003 9001>
        = newData server "abc"
        s > A seq 1 ack 101 win 509 <ts 9001 5003>
        c > PA. seq 101 ack 1 win 502 "def" <ts 5004 9001>
        = order gap server 97 at 3, newData server 3 at 100
        """)
  }

  @Test("More than the side's buffer waits for a hole: the hole is given up")
  func sideLimit() throws {
    var script = TrackerScript { $0.sideBufferBytes = 4_096 }
    try script.run(
      handshake + """
        c > PA. seq 11 ack 1 win 502 "x" x1400 <ts 5003 9001>
        c > PA. seq 1411 ack 1 win 502 "y" x1400 <ts 5003 9001>
        = no gap
        c > PA. seq 2811 ack 1 win 502 "z" x1400 <ts 5003 9001>
        = anomaly receiveBufferLimit
        = order gap server 10 at 0, newData server
        """)
    script.finish()
  }

  @Test("An exhausted pool: what cannot wait is given up, and counted")
  func exhaustedPool() throws {
    var script = TrackerScript { $0.bufferBytes = 1_024 }
    try script.run(
      handshake + """
        c > PA. seq 11 ack 1 win 502 "x" x1400 <ts 5003 9001>
        = anomaly receiveBufferLimit
        c > PA. seq 1 ack 1 win 502 "0123456789" <ts 5003 9001>
        c > PA. seq 1411 ack 1 win 502 "end" <ts 5003 9001>
        """)
    script.finish()
  }

  @Test("Round trips are measured to either end")
  func roundTrip() throws {
    var script = TrackerScript()
    try script.run(
      """
      0.000 c > S seq 0 <mss 1460>
      0.010 s > SA seq 0 ack 1 <mss 1460>
      0.015 c > A seq 1 ack 1
      0.100 c > PA. seq 1 ack 1 "GET"
      0.110 s > A seq 1 ack 4
      """)
    #expect(script.record?.server.roundTripMicroseconds == 10_000)
    #expect(script.record?.client.roundTripMicroseconds == 5_000)
    script.finish()
  }
}
