import Testing

/// Rows 15 to 17, 20, 30 and 32 of the table.
@Suite("Hostile RST and FIN")
struct AdversarialResetTests {
  private func expectSurvives(
    _ line: String, _ expectation: String = "", sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    try TrackerScript.run(
      handshake + """
        c > PA. seq 1 ack 1 win 502 "abc" <ts 5002 9000>
        \(line)
        = open
        = no connectionEnd
        \(expectation)
        c > PA. seq 4 ack 1 win 502 "def" <ts 5003 9000>
        = stream server "abcdef"
        = client ESTABLISHED
        = server ESTABLISHED
        """, sourceLocation: sourceLocation)
  }

  @Test(
    "A RST with the exact sequence number ends the flow, whatever else it carries",
    arguments: [
      "c > R seq 4", "c > RA seq 4 ack 1", "c > RA seq 4 ack 777777", "c > R seq 4 <ts 1 1>",
      "c > RA seq 4 ack 1 \"JUNK\"",
    ])
  func exact(line: String) throws {
    try TrackerScript.run(
      handshake + """
        c > PA. seq 1 ack 1 win 502 "abc" <ts 5002 9000>
        \(line)
        = end rst_orig
        = count 1 connectionEnd
        = client CLOSED
        = server CLOSED
        = stream server "abc"
        """)
  }

  @Test("A RST of the server ends the flow, and the reason names it")
  func byServer() throws {
    try TrackerScript.run(
      handshake + """
        s > RA seq 1 ack 1
        = end rst_resp
        = order stateChange server CLOSED, stateChange client CLOSED, connectionEnd rst_resp
        """)
  }

  @Test("A RST in the window that is not exact is challenged: the flow stays, and is suspect")
  func inWindow() throws {
    try expectSurvives("c > R seq 100", "= anomaly resetNotExact\n= suspect")
    try expectSurvives("c > RA seq 5 ack 1 \"JUNK\"", "= anomaly resetNotExact\n= suspect")
  }

  @Test("A RST outside the window is ignored")
  func outsideWindow() throws {
    try expectSurvives("c > R seq 2000000", "= anomaly resetOutsideWindow")
    try expectSurvives("c > R seq -1000", "= anomaly resetOutsideWindow")
  }

  @Test("A RST one left of the window is ignored")
  func oneLeft() throws {
    try expectSurvives("c > R seq 3", "= anomaly resetOutsideWindow")
  }

  @Test("A RST with a bad checksum is ignored")
  func badChecksum() throws {
    try expectSurvives("c > R seq 4 badsum", "= anomaly tcpChecksumInvalid")
  }

  @Test("A RST with an unsolicited MD5 option is ignored")
  func withMD5() throws {
    try expectSurvives("c > R seq 4 <md5>", "= anomaly resetWithMD5")
  }

  @Test("A RST at the window's right edge is ignored, one before it is challenged")
  func windowEdge() throws {
    try expectSurvives("c > R seq 65161", "= anomaly resetOutsideWindow")
    try expectSurvives("c > R seq 65160", "= anomaly resetNotExact")
  }

  @Test("A RST behind the bytes that wait for a hole is exact where SACK was negotiated")
  func behindQueuedBytes() throws {
    try TrackerScript.run(
      handshake + """
        c > PA. seq 11 ack 1 "later" <ts 5002 9000>
        c > R seq 16
        = end rst_orig
        """)
    try TrackerScript.run(
      """
      c > S seq 0 <mss 1460>
      s > SA seq 0 ack 1 <mss 1460>
      c > A seq 1 ack 1
      c > PA. seq 11 ack 1 "later"
      c > R seq 16
      = anomaly resetNotExact
      = open
      """)
  }

  @Test("Data after the RST are not taken")
  func dataAfterReset() throws {
    try TrackerScript.run(
      handshake + """
        c > R seq 1
        c > PA. seq 1 ack 1 "text" <ts 5002 9000>
        = no newData
        = anomaly dataAfterReset
        = count 1 connectionEnd
        """)
  }

  @Test(
    "A FIN that the receiver does not take changes nothing",
    arguments: [
      "c > FA seq 4 ack 1 badsum", "c > F seq 4 <ts 5002 9000>", "c > FA seq 4 ack 1 <ts 4000 9000>",
      "c > FA seq 2000000 ack 1 <ts 5002 9000>", "c > FA seq 65161 ack 1 <ts 5002 9000>",
      "c > FA seq 4 ack 0 <ts 5002 9000>",
    ])
  func finNotTaken(line: String) throws {
    try expectSurvives(line)
  }

  private let half = """
    c > S seq 0 win 64240 <mss 1460>
    s > SA seq 0 ack 1 win 65160 <mss 1460>

    """

  @Test("In SYN_RECEIVED an exact RST aborts")
  func exactInSynReceived() throws {
    try TrackerScript.run(
      half + """
        c > R seq 1
        = end rst_orig
        """)
  }

  @Test("In SYN_RECEIVED a RST in the window is challenged, and one outside is ignored")
  func notExactInSynReceived() throws {
    for (sequence, anomaly) in [
      ("100", "resetNotExact"), ("1000000", "resetOutsideWindow"), ("0", "resetOutsideWindow"),
    ] {
      try TrackerScript.run(
        half + """
          c > R seq \(sequence)
          = anomaly \(anomaly)
          = server SYN_RECEIVED
          c > A seq 1 ack 1
          = established
          """)
    }
  }

  @Test("The refusal of a SYN ends the flow")
  func refused() throws {
    try TrackerScript.run(
      """
      c > S seq 0
      s > RA seq 0 ack 1
      = end rst_resp
      = no established
      """)
  }

  @Test("A RST for an end in SYN_SENT counts only if it acknowledges the SYN")
  func blindResetInSynSent() throws {
    for line in ["s > RA seq 0 ack 2", "s > R seq 0", "s > RA seq 0 ack 0"] {
      try TrackerScript.run(
        """
        c > S seq 0
        \(line)
        = anomaly resetOutsideWindow
        = open
        = client SYN_SENT
        s > SA seq 0 ack 1
        c > A seq 1 ack 1
        = established
        """)
    }
  }

  @Test("The client gives up before the answer: RST after SYN")
  func clientGivesUp() throws {
    try TrackerScript.run(
      """
      c > S seq 0
      c > R seq 1
      = end rst_orig
      """)
  }

  @Test("A wrong third ACK, or data with a wrong ACK, leaves SYN_RECEIVED")
  func wrongThirdAck() throws {
    for line in [
      "c > A seq 1 ack 2", "c > A seq 1 ack 0", "c > A seq 1 ack 99999", "c > PA. seq 1 ack 2 \"JUNK\"",
      "c > PA. seq 1 ack 0 \"JUNK\"", "c > PA. seq 1 ack 1000000 \"JUNK\"", "c > FA seq 1 ack 2",
    ] {
      try TrackerScript.run(
        half + """
          \(line)
          = server SYN_RECEIVED
          = no established
          = no newData
          = anomaly handshakeAckInvalid
          c > A seq 1 ack 1
          = established
          c > PA. seq 1 ack 1 "text"
          = stream server "text"
          """)
    }
  }
}
