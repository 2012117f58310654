import Testing

/// Packets that a box changes between the ends, without numbers being translated behind them.
@Suite("Changed between the ends")
struct ChangedPacketTests {
  @Test("The receiver has the bytes that it was sent, and compares retransmissions with those")
  func otherBytes() throws {
    try TrackerScript.run(
      handshake + """
        c > PA. seq 1 ack 1 "secret" <ts 5002 9000> => "xxxxxx"
        = newData server "xxxxxx"
        c > PA. seq 1 ack 1 "secret" <ts 5003 9000> => "xxxxxx"
        = retransmission server data
        = no overlapConflict
        c > PA. seq 1 ack 1 "secret" <ts 5003 9000>
        = retransmission server data differs
        c > PA. seq 7 ack 1 "next" <ts 5004 9000>
        = newData server "next"
        s > A seq 1 ack 11 <ts 9001 5004>
        = missed client 0
        """)
  }

  @Test("A tail that was cut off is new when it is sent again")
  func cutTail() throws {
    try TrackerScript.run(
      handshake + """
        c > PA. seq 1 ack 1 "abcdef" <ts 5002 9000> => "abc"
        = newData server "abc"
        = statistic delivered 3
        s > A seq 1 ack 4 <ts 9001 5002>
        = no anomaly
        c > PA. seq 4 ack 1 "def" <ts 5003 9000>
        = newData server "def"
        c > FA seq 7 ack 1 <ts 5003 9000>
        s > FA seq 1 ack 8 <ts 9001 5003>
        c > A seq 8 ack 2 <ts 5003 9001>
        = end fin
        = stream server "abcdef"
        """)
  }

  @Test("Text that was emptied leaves the acknowledgment")
  func emptied() throws {
    try TrackerScript.run(
      handshake + """
        s > PA. seq 1 ack 1 "xyz" <ts 9001 5001>
        c > PA. seq 1 ack 4 "abc" <ts 5002 9001> => ""
        = no newData server
        = statistic delivered 3
        c > PA. seq 1 ack 4 "abc" <ts 5003 9001>
        = newData server "abc"
        """)
  }

  @Test("A FIN that was taken off closes the sender alone")
  func withoutFin() throws {
    try TrackerScript.run(
      handshake + """
        c > FPA seq 1 ack 1 "abc" <ts 5002 9000> => flags PA
        = newData server "abc"
        = client FIN_WAIT_1
        = server ESTABLISHED
        c > FA seq 4 ack 1 <ts 5003 9000>
        = server CLOSE_WAIT
        """)
  }

  @Test("A RST that was made an acknowledgment closes the sender alone")
  func withoutReset() throws {
    try TrackerScript.run(
      handshake + """
        c > RA seq 1 ack 1 <ts 5002 9000> => flags A
        = client CLOSED
        = server ESTABLISHED
        = open
        s > PA. seq 1 ack 1 "xyz" <ts 9001 5001>
        = no newData
        c > R seq 1
        = end rst_orig
        """)
  }

  @Test("Text that was made a RST ends the receiver's connection, and so the flow")
  func madeReset() throws {
    try TrackerScript.run(
      handshake + """
        c > PA. seq 1 ack 1 "abc" <ts 5002 9000> => flags R ""
        = no newData
        = end rst_orig
        = server CLOSED
        = client ESTABLISHED
        """)
  }

  @Test("What the receiver does not take of a changed segment is rejected with its changed length")
  func notTaken() throws {
    try TrackerScript.run(
      handshake + """
        c > PA. seq 1 ack 1 "abc" <ts 5002 9000>
        = newData server "abc"
        c > PA. seq 4 ack 1 "def" <ts 5003 9000> => "defg" <ts 4000 9000>
        = anomaly timestampOld
        = no newData
        = statistic rejected 4
        c > PA. seq 4 ack 1 "def" <ts 5003 9000> => seq 2000000
        = anomaly dataOutsideWindow
        = statistic rejected 7
        c > PA. seq 4 ack 1 "def" <ts 5004 9000>
        = newData server "def"
        """)
  }

  @Test("What the receiver takes only because it was changed is delivered, and not rejected")
  func takenNow() throws {
    try TrackerScript.run(
      handshake + """
        c > PA. seq 2000000 ack 1 "abc" <ts 5002 9000> => seq 1
        = newData server "abc"
        = statistic rejected 0
        = statistic delivered 3
        """)
  }

  @Test("What an end offers on its SYN is what its peer was told")
  func offers() throws {
    try TrackerScript.run(
      """
      c > S seq 0 win 10 <mss 1460,ws 7> => <mss 1460>
      s > SA seq 0 ack 1 win 1000 <mss 1460,ws 7> => <mss 1460>
      c > A seq 1 ack 1 win 10
      = established
      s > PA. seq 1 ack 1 "0123456789"
      = newData client "0123456789"
      s > PA. seq 11 ack 1 "abc"
      = anomaly dataOutsideWindow
      """)
  }

  @Test("A repeated SYN that was changed is repeated")
  func repeatedSyn() throws {
    try TrackerScript.run(
      """
      c > S seq 0 <mss 1460> => <mss 1400>
      c > S seq 0 <mss 1460> => <mss 1400>
      = retransmission server syn
      = no anomaly
      = server SYN_RECEIVED
      s > SA seq 0 ack 1 <mss 1460>
      c > A seq 1 ack 1
      = established
      """)
  }
}
