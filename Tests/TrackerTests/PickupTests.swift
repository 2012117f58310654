import Testing

/// Flows that are not seen from their start, or not in both directions.
@Suite("Picking flows up")
struct PickupTests {
  @Test("Mid-stream: the stream begins with the first byte seen, on both sides")
  func midstream() throws {
    try TrackerScript.run(
      """
      c > PA. seq 70001 ack 90001 win 500 "GET"
      = newData server "GET"
      = midstream
      = client ESTABLISHED
      = server ESTABLISHED
      = no connectionStart
      s > PA. seq 90001 ack 70004 win 500 "200 OK"
      = newData client 6 at 0
      = stream client "200 OK"
      c > FA seq 70004 ack 90007 win 500
      s > FA seq 90007 ack 70005 win 500
      c > A seq 70005 ack 90008 win 500
      = end fin
      """)
  }

  @Test("Mid-stream, the server's packet first: the end with the well-known port is the server")
  func midstreamServerFirst() throws {
    try TrackerScript.run(
      """
      s > PA. seq 90001 ack 70001 "200 OK"
      = newData client "200 OK"
      = clientPort 40000
      = flipped
      = history "^d"
      """)
  }

  @Test("Mid-stream: bytes that the other end acknowledges beyond those seen are a gap")
  func midstreamLoss() throws {
    try TrackerScript.run(
      """
      c > PA. seq 1001 ack 1 win 5000 "abc"
      s > A seq 1 ack 1004 win 5000
      s > A seq 1 ack 1104 win 5000
      = no gap
      c > PA. seq 1104 ack 1 win 5000 "def"
      = order gap server 100 at 3, newData server 3 at 103
      = missed client 100
      """)
  }

  @Test("Mid-stream is off: packets without a handshake are orphans")
  func midstreamOff() throws {
    try TrackerScript.run(
      """
      c > PA. seq 70001 ack 90001 "GET"
      = orphan
      s > FA seq 1 ack 1
      = orphan
      c > R seq 1
      = orphan
      = flows 0
      = statistic orphan 3
      c > S seq 0
      s > SA seq 0 ack 1
      c > A seq 1 ack 1
      = established
      """
    ) { $0.midstream = false }
  }

  @Test("A bad packet without a flow is an orphan, with its anomaly")
  func badOrphan() throws {
    try TrackerScript.run(
      """
      c > S seq 0 badsum
      = orphan
      = anomaly tcpChecksumInvalid
      = flows 0
      """)
  }

  @Test("The SYN-ACK first: the SYN is inferred, and the window scale of the client taken as the widest")
  func synAckFirst() throws {
    try TrackerScript.run(
      """
      s > SA seq 0 ack 1 win 65160 <mss 1460,ws 7>
      = clientPort 40000
      = flipped
      = connectionStart server
      = client ESTABLISHED
      = server SYN_RECEIVED
      c > A seq 1 ack 1 win 502
      = established
      c > PA. seq 1 ack 1 win 502 "GET"
      = stream server "GET"
      s > PA. seq 1 ack 4 win 509 "200"
      = stream client "200"
      = history "^hADd"
      """)
  }

  @Test("Only the client's direction passes: its stream is complete, and the close is as far as can be known")
  func onlyClient() throws {
    try TrackerScript.run(
      """
      c > S seq 0 win 64240 <mss 1460,ws 7>
      c > A seq 1 ack 1 win 502
      = client ESTABLISHED
      c > PA. seq 1 ack 1 win 502 "GET 1"
      c > A seq 6 ack 5000 win 502
      c > PA. seq 6 ack 9001 win 502 "GET 2"
      = stream server "GET 1GET 2"
      = no anomaly
      c > FA seq 11 ack 20000 win 502
      = client FIN_WAIT_1
      = server CLOSE_WAIT
      c > A seq 12 ack 20001 win 502
      = open
      """)
  }

  @Test("Only the server's direction passes")
  func onlyServer() throws {
    try TrackerScript.run(
      """
      s > SA seq 0 ack 1 win 65160 <mss 1460,ws 7>
      s > A seq 1 ack 81 win 509
      s > PA. seq 1 ack 81 win 509 "200 OK"
      s > PA. seq 7 ack 300 win 509 " more"
      = stream client "200 OK more"
      = clientPort 40000
      s > R seq 12
      = end rst_resp
      """)
  }

  @Test("Only one direction, mid-stream: a hole that is not filled stays one, and later bytes wait")
  func oneDirectionWithHole() throws {
    try TrackerScript.run(
      """
      c > PA. seq 1001 ack 1 "abc"
      c > PA. seq 1007 ack 1 "ghi"
      = stream server "abc"
      = outOfOrder server 3 at 6
      c > PA. seq 1004 ack 1 "def"
      = stream server "abcdefghi"
      """)
  }

  @Test("The SYN-ACK is lost to the capture: the client's ACK tells the server's ISN")
  func synAckLost() throws {
    try TrackerScript.run(
      """
      c > S seq 0 win 64240 <mss 1460,ws 7>
      c > A seq 1 ack 1 win 502
      s > PA. seq 1 ack 1 win 509 "hello"
      = newData client 5 at 0
      = client ESTABLISHED
      = server ESTABLISHED
      """)
  }

  @Test("The SYN-ACK and the third ACK are lost: the server's text says where its stream is")
  func handshakeLost() throws {
    try TrackerScript.run(
      """
      c > S seq 0 win 64240 <mss 1460,ws 7>
      s > PA. seq 1 ack 1 win 509 "hello"
      = stream client "hello"
      = client ESTABLISHED
      c > PA. seq 1 ack 6 win 502 "GET"
      = stream server "GET"
      = server ESTABLISHED
      """)
  }

  @Test("Payload on a SYN whose answer is not seen: where the client goes on tells whether it was taken")
  func fastOpenOneDirection() throws {
    try TrackerScript.run(
      """
      c > S seq 0 "GET /" <mss 1460,tfo>
      c > A seq 6 ack 1
      c > PA. seq 6 ack 1 " HTTP"
      = stream server "GET / HTTP"
      """)
    try TrackerScript.run(
      """
      c > S seq 0 "GET /" <mss 1460,tfo>
      c > A seq 1 ack 1
      c > PA. seq 1 ack 1 "GET / HTTP"
      = stream server "GET / HTTP"
      = no retransmission
      """)
  }

  @Test("Simultaneous open: both ends go through SYN_RECEIVED to ESTABLISHED")
  func simultaneousOpen() throws {
    try TrackerScript.run(
      """
      c > S seq 0 win 64240 <mss 1460>
      s > S seq 0 win 64240 <mss 1460>
      = client SYN_RECEIVED
      = server SYN_RECEIVED
      c > SA seq 0 ack 1 win 64240 <mss 1460>
      = server ESTABLISHED
      s > SA seq 0 ack 1 win 64240 <mss 1460>
      = client ESTABLISHED
      = established
      = no anomaly
      c > PA. seq 1 ack 1 "ping"
      s > PA. seq 1 ack 5 "pong"
      = stream server "ping"
      = stream client "pong"
      time +60
      = open
      """)
  }

  @Test("A packet that is repeated at the capture point is counted and changes nothing")
  func duplicatedPackets() throws {
    try TrackerScript.run(
      """
      c > S seq 0 <mss 1460>
      c > S seq 0 <mss 1460>
      = retransmission server syn
      s > SA seq 0 ack 1 <mss 1460>
      s > SA seq 0 ack 1 <mss 1460>
      = retransmission client synAck
      c > A seq 1 ack 1
      c > A seq 1 ack 1
      = count 1 established
      c > PA. seq 1 ack 1 "GET"
      c > PA. seq 1 ack 1 "GET"
      = stream server "GET"
      = retransmission server data
      = packets client 6
      = retransmits client 2
      """)
  }
}
