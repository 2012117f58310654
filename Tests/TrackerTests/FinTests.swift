import Testing

/// Rows 19 and 35 of the table, and how connections close.
@Suite("Closing a connection")
struct FinTests {
  @Test("A normal close: data, FIN, ACK, FIN, ACK")
  func normalClose() throws {
    try TrackerScript.run(
      handshake + """
        c > PA. seq 1 ack 1 "bye" <ts 5002 9000>
        c > FA seq 4 ack 1 <ts 5003 9000>
        = client FIN_WAIT_1
        = server CLOSE_WAIT
        = order stateChange client FIN_WAIT_1, stateChange server CLOSE_WAIT
        s > A seq 1 ack 5 <ts 9001 5003>
        = client FIN_WAIT_2
        s > FA seq 1 ack 5 <ts 9002 5003>
        = server LAST_ACK
        = client TIME_WAIT
        = open
        c > A seq 5 ack 2 <ts 5004 9002>
        = server CLOSED
        = client TIME_WAIT
        = end fin
        = count 1 connectionEnd
        = order stateChange server CLOSED, connectionEnd fin
        = endPacket 8
        = history "ShADFaf"
        """)
  }

  @Test("Data with the FIN are delivered before the close")
  func dataWithFin() throws {
    try TrackerScript.run(
      handshake + """
        c > FPA seq 1 ack 1 "last words" <ts 5002 9000>
        = newData server "last words"
        = order stateChange client FIN_WAIT_1, newData server, stateChange server CLOSE_WAIT
        s > FPA seq 1 ack 12 "so long" <ts 9001 5002>
        = newData client "so long"
        = order newData client, stateChange client TIME_WAIT
        c > A seq 12 ack 9 <ts 5003 9001>
        = order stateChange server CLOSED, connectionEnd fin
        """)
  }

  @Test("Simultaneous close: both ends go through CLOSING")
  func simultaneousClose() throws {
    try TrackerScript.run(
      handshake + """
        c > FA seq 1 ack 1 <ts 5002 9000>
        s > FA seq 1 ack 1 <ts 9001 5001>
        = client CLOSING
        = server CLOSING
        c > A seq 2 ack 2 <ts 5003 9001>
        = server TIME_WAIT
        = open
        s > A seq 2 ack 2 <ts 9002 5003>
        = client TIME_WAIT
        = end fin
        = count 1 connectionEnd
        """)
  }

  @Test("A half-closed connection carries data the other way for as long as it likes")
  func halfClose() throws {
    var script = TrackerScript()
    try script.run(
      handshake + """
        c > FA seq 1 ack 1 win 502 <ts 5002 9000>
        s > A seq 1 ack 2 win 509 <ts 9001 5002>
        = client FIN_WAIT_2
        = server CLOSE_WAIT
        """)
    var time = 1.0
    var sent = 0
    for round in 0..<200 {
      try script.run(
        """
        \(time) s > PA. seq \(1 + sent) ack 2 win 509 "0123456789" <ts \(9_100 + round) 5002>
        = newData client "0123456789"
        \(time + 1) c > A seq 2 ack \(11 + sent) win 502 <ts \(5_100 + round) \(9_100 + round)>
        = open
        = no anomaly
        """)
      time += 3_600
      sent += 10
    }
    try script.run(
      """
      \(time) s > FA seq 2001 ack 2 win 509 <ts 9900 5900>
      = client TIME_WAIT
      c > A seq 2 ack 2002 win 502 <ts 5900 9900>
      = end fin
      """)
    #expect(script.stream(.client).count == 2_000)
    script.finish()
  }

  @Test("A FIN ahead of a hole counts when the hole is filled")
  func finAheadOfHole() throws {
    try TrackerScript.run(
      handshake + """
        c > FPA seq 4 ack 1 "def" <ts 5002 9000>
        = client ESTABLISHED
        = server ESTABLISHED
        c > PA. seq 1 ack 1 "abc" <ts 5003 9000>
        = newData server "abcdef"
        = client FIN_WAIT_1
        = server CLOSE_WAIT
        = order newData server, stateChange server CLOSE_WAIT
        """)
  }

  @Test("A FIN ahead of a hole, then data past it: the data win")
  func dataPastFin() throws {
    try TrackerScript.run(
      handshake + """
        c > FA seq 11 ack 1 <ts 5002 9000>
        c > PA. seq 1 ack 1 "0123456789abcdef" <ts 5003 9000>
        = newData server "0123456789abcdef"
        = anomaly finNotInOrder
        = client ESTABLISHED
        = server ESTABLISHED
        c > FA seq 17 ack 1 <ts 5004 9000>
        = server CLOSE_WAIT
        """)
  }

  @Test("A FIN that is next is taken though bytes beyond it wait")
  func bytesBeyondFin() throws {
    try TrackerScript.run(
      handshake + """
        c > PA. seq 21 ack 1 "JUNK" <ts 5002 9000>
        c > FA seq 4 ack 1 <ts 5002 9000>
        c > PA. seq 1 ack 1 "abc" <ts 5003 9000>
        = newData server "abc"
        = server CLOSE_WAIT
        """)
  }

  @Test("Data after the FIN are ignored")
  func dataAfterFin() throws {
    try TrackerScript.run(
      handshake + """
        c > FA seq 1 ack 1 <ts 5002 9000>
        c > PA. seq 2 ack 1 "JUNK" <ts 5003 9000>
        = no newData
        = anomaly dataAfterFin
        c > PA. seq 1 ack 1 "JUNK" <ts 5003 9000>
        = no newData
        = stream server ""
        """)
  }

  @Test("A repeated FIN is a retransmission, counted once")
  func repeatedFin() throws {
    try TrackerScript.run(
      handshake + """
        c > FPA seq 1 ack 1 "abc" <ts 5002 9000>
        = server CLOSE_WAIT
        c > FPA seq 1 ack 1 "abc" <ts 5003 9000>
        = count 1 retransmission
        = retransmits client 1
        c > FA seq 4 ack 1 <ts 5004 9000>
        = retransmission server fin
        = retransmits client 2
        = server CLOSE_WAIT
        """)
  }

  @Test("The last ACK of the close may come with the peer's repeated FIN before it")
  func lateFin() throws {
    try TrackerScript.run(
      handshake + """
        c > FA seq 1 ack 1 <ts 5002 9000>
        s > FA seq 1 ack 2 <ts 9001 5002>
        s > FA seq 1 ack 2 <ts 9002 5002>
        = retransmission client fin
        c > A seq 2 ack 2 <ts 5003 9001>
        = end fin
        s > FA seq 1 ack 2 <ts 9003 5002>
        = no connectionEnd
        = packets server 4
        """)
  }

  @Test("A RST after the close changes nothing")
  func resetAfterClose() throws {
    try TrackerScript.run(
      handshake + """
        c > FA seq 1 ack 1 <ts 5002 9000>
        s > FA seq 1 ack 2 <ts 9001 5002>
        c > A seq 2 ack 2 <ts 5003 9001>
        c > R seq 2
        = ends fin
        """)
  }
}
