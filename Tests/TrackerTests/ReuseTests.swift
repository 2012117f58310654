import Testing

/// The same addresses and ports are used again.
@Suite("Reuse of the 4-tuple")
struct ReuseTests {
  private let close = """
    c > FA seq 1 ack 1 win 502 <ts 5002 9000>
    s > FA seq 1 ack 2 win 509 <ts 9001 5002>
    c > A seq 2 ack 2 win 502 <ts 5003 9001>

    """

  @Test("After a close, a new SYN is a new flow, also in TIME_WAIT")
  func afterClose() throws {
    try TrackerScript.run(
      handshake + close + """
        c > S seq 700000 <mss 1460>
        = connectionStart client
        = released
        = packets client 1
        = firstPacket 7
        s > SA seq 800000 ack 700001 <mss 1460>
        c > A seq 700001 ack 800001
        = established
        c > PA. seq 700001 ack 800001 "new"
        = stream server "new"
        = ends fin
        = flows 1
        = statistic tcpFlows 2
        """)
  }

  @Test("After a close, a SYN with the same ISN is a new flow too")
  func afterCloseSameISN() throws {
    try TrackerScript.run(
      handshake + close + """
        c > S seq 0 <mss 1460>
        = connectionStart client
        = statistic tcpFlows 2
        """)
  }

  @Test("After a close, the other end may open")
  func otherEndOpens() throws {
    try TrackerScript.run(
      handshake + close + """
        s > S seq 700000 <mss 1460>
        = clientPort 80
        c > SA seq 800000 ack 700001 <mss 1460>
        s > A seq 700001 ack 800001
        = established
        """)
  }

  @Test("After a RST, a new SYN is a new flow")
  func afterReset() throws {
    try TrackerScript.run(
      handshake + """
        c > R seq 1
        c > S seq 700000 <mss 1460>
        = statistic tcpFlows 2
        = ends rst_orig
        """)
  }

  @Test("A SYN that is repeated after its refusal belongs to the refused attempt")
  func repeatedAfterRefusal() throws {
    try TrackerScript.run(
      """
      c > S seq 0 <mss 1460>
      s > RA seq 0 ack 1
      c > S seq 0 <mss 1460>
      s > RA seq 0 ack 1
      = statistic tcpFlows 1
      = packets client 2
      = ends rst_resp
      """)
  }

  @Test("A refused SYN that comes again and is answered is a new flow, whose bytes are received")
  func answeredAfterRefusal() throws {
    try TrackerScript.run(
      """
      c > S seq 0 <mss 1460>
      s > RA seq 0 ack 1
      0.5 c > S seq 0 <mss 1460>
      s > SA seq 0 ack 1 <mss 1460>
      = statistic tcpFlows 2
      = ends rst_resp
      c > A seq 1 ack 1
      c > PA seq 1 ack 1 "request"
      s > PA seq 1 ack 8 "answer"
      = stream server "request"
      = stream client "answer"
      """)
    // Nothing was asked for again: it comes late, or somebody made it up.
    try TrackerScript.run(
      """
      c > S seq 0 <mss 1460>
      s > RA seq 0 ack 1
      s > SA seq 0 ack 1 <mss 1460>
      = statistic tcpFlows 1
      """)
    try TrackerScript.run(
      """
      c > S seq 0 <mss 1460>
      s > RA seq 0 ack 1
      c > S seq 0 <mss 1460>
      s > SA seq 0 ack 77 <mss 1460>
      = statistic tcpFlows 1
      """)
  }

  @Test("After a lost close, the SYN is a new flow once the server answers it, and is counted there")
  func afterLostClose() throws {
    try TrackerScript.run(
      handshake + """
        c > PA. seq 1 ack 1 win 502 "old" <ts 5002 9000>
        100 c > S seq 700000 win 64240 <mss 1460,ws 3>
        = anomaly synRetransmitWithOtherISN
        = no connectionEnd
        c > S seq 700000 win 64240 <mss 1460,ws 3>
        s > SA seq 800000 ack 700001 win 65160 <mss 1460,ws 4>
        = connectionEnd reused
        = ends reused
        = client ESTABLISHED
        = server SYN_RECEIVED
        = packets client 2
        = packets server 1
        = firstPacket 5
        = history "Sh"
        c > A seq 700001 ack 800001 win 500
        = established
        c > PA. seq 700001 ack 800001 win 500 "new"
        = stream server "new"
        = no anomaly
        = bytes client 4
        """)
  }

  @Test("The old flow keeps its own packets only")
  func oldFlowsCounters() throws {
    var script = TrackerScript()
    try script.run(
      handshake + """
        c > PA. seq 1 ack 1 win 502 "old" <ts 5002 9000>
        c > S seq 700000 <mss 1460>
        = packets client 4
        """)
    let old = script.latest
    try script.run("s > SA seq 800000 ack 700001 <mss 1460>\n= ends reused")
    #expect(script.latest != old)
    script.finish()
  }

  @Test("A SYN on a live connection that the server challenges is no new flow")
  func challengedSyn() throws {
    try TrackerScript.run(
      handshake + """
        c > S seq 700000 <mss 1460>
        s > A seq 1 ack 1 win 509 <ts 9001 5001>
        c > PA. seq 1 ack 1 win 502 "still here" <ts 5002 9001>
        = stream server "still here"
        = flows 1
        = ends
        """)
  }

  @Test("A SYN whose challenge the client answers with a RST: the next SYN is a new flow")
  func challengeThenReset() throws {
    try TrackerScript.run(
      handshake + """
        c > S seq 700000 <mss 1460>
        s > A seq 1 ack 1 win 509 <ts 9001 5001>
        c > R seq 1
        = end rst_orig
        c > S seq 700000 <mss 1460>
        s > SA seq 800000 ack 700001 <mss 1460>
        c > A seq 700001 ack 800001
        = established
        = statistic tcpFlows 2
        """)
  }

  @Test("Half-open, then a SYN with another ISN that is answered: the first attempt ends as reused")
  func halfOpenReuse() throws {
    try TrackerScript.run(
      """
      c > S seq 0 <mss 1460>
      10 c > S seq 70000 <mss 1460>
      s > SA seq 0 ack 70001 <mss 1460>
      = ends reused
      c > A seq 70001 ack 1
      = established
      = firstPacket 2
      """)
  }

  @Test("A thousand connections one after the other on the same 4-tuple: each begins and ends once")
  func manyTimes() throws {
    var script = TrackerScript()
    for round in 0..<1_000 {
      let client = round * 100_000
      let server = round * 200_000 + 7
      try script.run(
        """
        c > S seq \(client)
        s > SA seq \(server) ack \(client + 1)
        c > FPA seq \(client + 1) ack \(server + 1) "abc"
        s > FA seq \(server + 1) ack \(client + 5)
        c > A seq \(client + 5) ack \(server + 2)
        = stream server "abc"
        = end fin
        """)
    }
    #expect(script.ends.count == 1_000)
    #expect(script.tracker.statistics.tcpFlows == 1_000)
    #expect(script.tracker.flowCount == 1)
    script.finish()
  }
}
