import TestSupport
import Testing

@testable import DualStackTracker

/// Data that a Linux 6.18 host does not take, or takes only in part: rows 1 to 14 and 39 of the table.
@Suite("Hostile data")
struct AdversarialDataTests {
  /// Plays `line` on an open connection, after which the genuine data must come through alone.
  private func expectJunkIsIgnored(
    _ line: String, _ expectation: String = "", sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    try TrackerScript.run(
      handshake + """
        \(line)
        = no newData
        \(expectation)
        c > PA. seq 1 ack 1 win 502 "genuine" <ts 5002 9000>
        = newData server "genuine"
        = open
        = server ESTABLISHED
        """, sourceLocation: sourceLocation)
  }

  @Test("Data with a bad TCP checksum is not taken")
  func badTCPChecksum() throws {
    try expectJunkIsIgnored("c > PA. seq 1 ack 1 \"JUNKJUN\" badsum", "= anomaly tcpChecksumInvalid")
  }

  @Test("Data in a packet with a bad IP checksum is not taken")
  func badIPChecksum() throws {
    try expectJunkIsIgnored("c > PA. seq 1 ack 1 \"JUNKJUN\" bad ipChecksumInvalid", "= anomaly ipChecksumInvalid")
  }

  @Test(
    "Data without ACK is not taken",
    arguments: [
      ("P", "dataWithoutAck"), (".", "dataWithoutAck"), ("FPU", "dataWithoutAck"), ("F", "dataWithoutAck"),
    ])
  func withoutAck(flags: String, anomaly: String) throws {
    try expectJunkIsIgnored("c > \(flags) seq 1 \"JUNKJUN\" <ts 5002 9000>", "= anomaly \(anomaly)")
  }

  @Test("A segment without flags and without data is an anomaly and no more")
  func nullScan() throws {
    try expectJunkIsIgnored("c > . seq 1 <ts 5002 9000>", "= count 1 anomaly tcpFlagsInvalid")
  }

  @Test("Data with SYN on an established connection is not taken, and the ISN stays")
  func dataWithSyn() throws {
    try expectJunkIsIgnored("c > SPA seq 1 ack 1 \"JUNKJUN\" <ts 5002 9000>", "= anomaly synOnConnection")
    try expectJunkIsIgnored("c > S seq 1 \"JUNKJUN\" <ts 5002 9000>", "= anomaly synRetransmitWithOtherISN")
    try expectJunkIsIgnored("c > SPA seq 0 ack 1 \"JUNKJUN\" <ts 5002 9000>")
  }

  @Test("Data with an old timestamp is not taken (PAWS)")
  func oldTimestamp() throws {
    try expectJunkIsIgnored("c > PA. seq 1 ack 1 \"JUNKJUN\" <ts 4000 9000>", "= anomaly timestampOld")
    try expectJunkIsIgnored("c > PA. seq 1 ack 1 \"JUNKJUN\" <ts 0 9000>", "= anomaly timestampOld")
  }

  @Test("A timestamp proves nothing if only one end offered the option")
  func timestampsNotNegotiated() throws {
    try TrackerScript.run(
      """
      c > S seq 0 <mss 1460,ts 5000 0>
      s > SA seq 0 ack 1 <mss 1460>
      c > A seq 1 ack 1
      c > PA. seq 1 ack 1 "text" <ts 1 0>
      = newData server "text"
      """)
  }

  @Test("Data without a timestamp is taken though timestamps were negotiated")
  func missingTimestamp() throws {
    try TrackerScript.run(
      handshake + """
        c > PA. seq 1 ack 1 "text"
        = newData server "text"
        """)
  }

  @Test("Data with an unsolicited MD5 option is not taken")
  func unsolicitedMD5() throws {
    try expectJunkIsIgnored("c > PA. seq 1 ack 1 \"JUNKJUN\" <md5>", "= anomaly md5Unsolicited")
  }

  @Test("Data with an unsolicited MD5 option is taken if so configured")
  func unsolicitedMD5Accepted() throws {
    try TrackerScript.run(
      handshake + """
        c > PA. seq 1 ack 1 "text" <md5>
        = newData server "text"
        """
    ) { $0.dropsUnsolicitedMD5 = false }
  }

  @Test("Data whose ACK is beyond what was sent is not taken")
  func ackBeyondSent() throws {
    try expectJunkIsIgnored("c > PA. seq 1 ack 1001 \"JUNKJUN\" <ts 5002 9000>", "= anomaly ackBeyondSent")
    try expectJunkIsIgnored("c > PA. seq 1 ack 1000001 \"JUNKJUN\" <ts 5002 9000>", "= anomaly ackBeyondSent")
  }

  @Test("Data whose ACK is far too old, or the peer's ISN, is not taken")
  func ackTooOld() throws {
    try expectJunkIsIgnored("c > PA. seq 1 ack 0 \"JUNKJUN\" <ts 5002 9000>", "= anomaly ackTooOld")
    try expectJunkIsIgnored("c > PA. seq 1 ack -1000000 \"JUNKJUN\" <ts 5002 9000>", "= anomaly ackTooOld")
  }

  @Test("Data whose ACK is old but within the largest window is taken")
  func ackSlightlyOld() throws {
    try TrackerScript.run(
      handshake + """
        s > PA. seq 1 ack 1 win 509 "0123456789" <ts 9001 5001>
        c > A seq 1 ack 11 win 502 <ts 5002 9001>
        c > PA. seq 1 ack 5 win 502 "text" <ts 5003 9001>
        = newData server "text"
        = no anomaly
        """)
  }

  @Test("Data beyond the window is not stored")
  func beyondWindow() throws {
    try TrackerScript.run(
      handshake + """
        s > A seq 1 ack 1 win 1 <ts 9001 5001>
        c > PA. seq 8000001 ack 1 "JUNK" <ts 5002 9000>
        = anomaly dataOutsideWindow
        = no outOfOrder
        c > PA. seq 65161 ack 1 "JUNK" <ts 5002 9000>
        = anomaly dataOutsideWindow
        = no outOfOrder
        c > PA. seq 1 ack 1 "genuine" <ts 5003 9000>
        = newData server "genuine"
        = statistic rejected 8
        """)
  }

  @Test("Of data that starts left of the window, only the new part is taken")
  func straddlesLeftEdge() throws {
    try TrackerScript.run(
      handshake + """
        c > PA. seq 1 ack 1 "abcd" <ts 5002 9000>
        = newData server "abcd"
        s > A seq 1 ack 5 win 509 <ts 9001 5002>
        c > PA. seq 1 ack 1 "xxxxefgh" <ts 5003 9000>
        = newData server "efgh"
        c > PA. seq -3 ack 1 "yyyyabcdefghij" <ts 5003 9000>
        = newData server "ij"
        = statistic duplicate 16
        """)
  }

  @Test("Data wholly left of the window is not taken")
  func leftOfWindow() throws {
    try expectJunkIsIgnored("c > PA. seq -100 ack 1 \"JUNKJUN\" <ts 5002 9000>")
  }

  @Test("Data that straddles the window's right edge is delivered only as far as the receiver shows that it took it")
  func straddlesRightEdge() throws {
    try TrackerScript.run(
      """
      c > S seq 0 <mss 1460>
      s > SA seq 0 ack 1 win 8 <mss 1460>
      c > A seq 1 ack 1
      c > PA. seq 1 ack 1 "0123456789"
      s > A seq 1 ack 9 win 0
      = stream server "01234567"
      c > PA. seq 9 ack 1 "xy"
      s > A seq 1 ack 9 win 8
      = no newData
      c > PA. seq 9 ack 1 "89"
      = stream server "0123456789"
      """)
  }

  @Test("Header lengths that lie are not taken", arguments: ["tcpDataOffsetInvalid", "ipTotalLengthInvalid"])
  func lyingLengths(anomaly: String) throws {
    try expectJunkIsIgnored("c > PA. seq 1 ack 1 \"JUNKJUN\" bad \(anomaly)", "= anomaly \(anomaly)")
  }

  @Test("Reserved bits do no harm")
  func reservedBits() throws {
    try TrackerScript.run(
      handshake + """
        c > PAEW seq 1 ack 1 "text" reserved <ts 5002 9000>
        = newData server "text"
        = no anomaly
        """)
  }

  @Test("A jump of the TTL is an anomaly, and the data are taken")
  func timeToLiveJump() throws {
    try TrackerScript.run(
      handshake + """
        c > PA. seq 1 ack 1 "text" ttl 3 <ts 5002 9000>
        = newData server "text"
        = anomaly timeToLiveChanged
        """)
  }

  @Test("Data of a datagram whose fragments overlapped are not taken")
  func overlappingFragments() throws {
    try expectJunkIsIgnored("c > PA. seq 1 ack 1 \"JUNKJUN\" bad fragmentOverlap", "= anomaly fragmentOverlap")
  }

  @Test("An option of length 0 or past the header: the segment is handled without the rest of the options")
  func brokenOptions() throws {
    for option in ["len0", "past"] {
      try TrackerScript.run(
        handshake + """
          c > PA. seq 1 ack 1 "text" <ts 5002 9000,\(option)>
          = newData server "text"
          = anomaly tcpOptionInvalid
          c > PA. seq 5 ack 1 "more" <\(option)>
          = newData server "more"
          = anomaly tcpOptionInvalid
          """)
    }
  }

  @Test("A keep-alive with a garbage byte is no data")
  func keepAliveWithGarbage() throws {
    try TrackerScript.run(
      handshake + """
        c > PA. seq 1 ack 1 "abc" <ts 5002 9000>
        s > A seq 1 ack 4 win 509 <ts 9001 5002>
        = stream server "abc"
        c > A seq 3 ack 1 "X" <ts 5003 9001>
        = no newData
        = no overlapConflict
        = retransmission server keepAlive
        c > PA. seq 4 ack 1 "def" <ts 5004 9001>
        = stream server "abcdef"
        """)
  }

  @Test("One-byte segments in reverse: bounded memory, and everything is delivered at once")
  func oneByteSegmentsInReverse() throws {
    var script = TrackerScript { $0.bufferBytes = 1 << 20 }
    try script.run(handshake)
    for index in stride(from: 9_999, through: 1, by: -1) {
      var segment = ScriptedSegment()
      segment.time = 1
      segment.flags = [.ack]
      segment.sequence = ScriptParser.clientISN + 1 + UInt32(index)
      segment.acknowledgment = ScriptParser.serverISN + 1
      segment.payload = [UInt8(truncatingIfNeeded: index)]
      script.play(segment)
    }
    #expect(script.stream(.server).isEmpty)
    #expect(script.tracker.pool.bytesInUse < 1 << 20)
    try script.run("2.0 c > A seq 1 ack 1 \"a\"")
    #expect(script.stream(.server).count == 10_000)
    script.finish()
  }
}
