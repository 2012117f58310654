import Testing

/// Rows 18, 29, 31, 33 and 34 of the table.
@Suite("Hostile SYN")
struct AdversarialSynTests {
  @Test(
    "A SYN on an established connection is challenged: the flow stays as it is",
    arguments: [
      "c > S seq 100 <ts 5002 9000>", "c > S seq 3000000 <ts 5002 0>", "c > S seq 0 <mss 1460,sack,ts 5000 0,ws 7>",
      "c > SA seq 100 ack 1", "c > SA seq 3000000 ack 1", "s > SA seq 0 ack 1 <mss 1460>", "s > SA seq 500 ack 1",
      "s > SA seq 500 ack 4", "s > S seq 500", "c > SA seq 0 ack 1",
    ])
  func onEstablished(line: String) throws {
    try TrackerScript.run(
      handshake + """
        c > PA. seq 1 ack 1 win 502 "abc" <ts 5002 9000>
        \(line)
        = open
        = no stateChange
        = no connectionStart
        c > PA. seq 4 ack 1 win 502 "def" <ts 5003 9000>
        s > PA. seq 1 ack 7 win 509 "ghi" <ts 9001 5003>
        = stream server "abcdef"
        = stream client "ghi"
        = client ESTABLISHED
        = server ESTABLISHED
        = flows 1
        """)
  }

  @Test("Payload on a SYN that the SYN-ACK does not acknowledge is not taken, and must be sent again")
  func synDataNotAcknowledged() throws {
    try TrackerScript.run(
      """
      c > S seq 0 "JUNK" <mss 1460>
      = anomaly synWithData
      s > SA seq 0 ack 1 <mss 1460>
      c > A seq 1 ack 1
      = no newData
      c > PA. seq 1 ack 1 "text"
      = stream server "text"
      = no overlapConflict
      = statistic rejected 4
      """)
  }

  @Test("Payload on a SYN that is not sent again leaves a hole")
  func synDataContinued() throws {
    try TrackerScript.run(
      """
      c > S seq 0 "0123456789" <mss 1460>
      s > SA seq 0 ack 1 <mss 1460>
      c > A seq 1 ack 1
      c > PA. seq 11 ack 1 "GET"
      s > A seq 1 ack 1
      = stream server ""
      """)
  }

  @Test("Payload on a SYN that the SYN-ACK acknowledges is taken (fast open)")
  func fastOpen() throws {
    try TrackerScript.run(
      """
      c > S seq 0 "GET /" <mss 1460,tfo>
      = no newData
      s > SA seq 0 ack 6 <mss 1460>
      = newData server "GET /"
      = client ESTABLISHED
      c > PA. seq 6 ack 1 " HTTP"
      = established
      = stream server "GET / HTTP"
      = no retransmission
      """)
  }

  @Test("The SYN-ACK acknowledges payload of the SYN only in part: the rest is sent again")
  func fastOpenInPart() throws {
    try TrackerScript.run(
      """
      c > S seq 0 "GET /" <mss 1460,tfo>
      s > SA seq 0 ack 4 <mss 1460>
      c > A seq 6 ack 1
      c > PA. seq 4 ack 1 " / HTTP"
      = stream server "GET / HTTP"
      """)
  }

  @Test("The SYN is sent again without its payload, and the first was taken")
  func fastOpenSynRepeated() throws {
    try TrackerScript.run(
      """
      c > S seq 0 "GET /" <mss 1460,tfo>
      c > S seq 0 <mss 1460>
      = retransmission server syn
      s > SA seq 0 ack 6 <mss 1460>
      = newData server "GET /"
      """)
  }

  @Test("The third ACK is lost, and data complete the handshake")
  func thirdAckLost() throws {
    try TrackerScript.run(
      """
      c > S seq 0 <mss 1460>
      s > SA seq 0 ack 1 <mss 1460>
      c > PA. seq 1 ack 1 "GET"
      = order established, newData server
      = server ESTABLISHED
      = history "ShD"
      """)
  }

  @Test("A second SYN with another ISN: the connection is bound to the first if that is answered")
  func secondSynFirstConfirmed() throws {
    try TrackerScript.run(
      """
      c > S seq 0 <mss 1460>
      c > S seq 70000 <mss 1460>
      s > SA seq 0 ack 1 <mss 1460>
      = client ESTABLISHED
      c > A seq 1 ack 1
      = established
      c > PA. seq 1 ack 1 "text"
      = stream server "text"
      = flows 1
      """)
  }

  @Test("A second SYN with another ISN: the connection is bound to the second if that is answered")
  func secondSynSecondConfirmed() throws {
    try TrackerScript.run(
      """
      c > S seq 0 <mss 1460>
      c > S seq 70000 <mss 1460>
      s > SA seq 0 ack 70001 <mss 1460>
      = client ESTABLISHED
      c > A seq 70001 ack 1
      = established
      c > PA. seq 70001 ack 1 "text"
      = stream server "text"
      = flows 1
      s > R seq 1
      = bytes client 4
      = packets client 3
      = firstPacket 2
      """)
  }

  @Test("The options of the SYN that is confirmed count")
  func optionsOfTheConfirmedSyn() throws {
    try TrackerScript.run(
      """
      c > S seq 0 win 1000 <mss 1460,ws 2>
      c > S seq 70000 win 1000 <mss 1460>
      s > SA seq 0 ack 70001 win 1000 <mss 1460,ws 7>
      c > A seq 70001 ack 1 win 1000
      s > PA. seq 1 ack 70001 win 1000 "text"
      = newData client "text"
      s > PA. seq 1500 ack 70001 win 1000 "JUNK"
      = anomaly dataOutsideWindow
      c > PA. seq 71500 ack 5 win 1000 "JUNK"
      = anomaly dataOutsideWindow
      """)
  }

  @Test("Two SYN-ACKs with different ISNs: the one that the client acknowledges counts")
  func twoSynAcks() throws {
    for (first, second) in [("0", "70000"), ("70000", "0")] {
      try TrackerScript.run(
        """
        c > S seq 0 <mss 1460>
        s > SA seq \(first) ack 1 <mss 1460>
        s > SA seq \(second) ack 1 <mss 1460>
        c > A seq 1 ack 1
        = established
        s > PA. seq 1 ack 1 "text"
        = stream client "text"
        c > PA. seq 1 ack 5 "more"
        = stream server "more"
        s > RA seq 5 ack 5
        = bytes server 4
        = bytes client 4
        """)
    }
  }

  @Test("SYN+FIN and SYN+RST begin no flow, and a later SYN works")
  func impossibleFlags() throws {
    for flags in ["SF", "SR", "SFA", "SRA", "SFRPAU"] {
      try TrackerScript.run(
        """
        c > \(flags) seq 500 "JUNK"
        = orphan
        = flows 0
        = statistic orphan 4
        c > S seq 0 <mss 1460>
        s > SA seq 0 ack 1 <mss 1460>
        c > A seq 1 ack 1
        = established
        c > PA. seq 1 ack 1 "text"
        = stream server "text"
        """)
    }
  }

  @Test("SYN+FIN and SYN+RST on a half-open connection change nothing")
  func impossibleFlagsInHandshake() throws {
    for flags in ["SF", "SR"] {
      try TrackerScript.run(
        """
        c > S seq 0 <mss 1460>
        c > \(flags) seq 0 <mss 1460>
        = count 1 anomaly tcpFlagsInvalid
        s > SA seq 0 ack 1 <mss 1460>
        s > \(flags)A seq 0 ack 1
        = count 1 anomaly tcpFlagsInvalid
        c > A seq 1 ack 1
        = established
        """)
    }
  }

  @Test("A SYN-ACK from the client first: the direction is set by the SYN that is answered")
  func synAckFromClient() throws {
    try TrackerScript.run(
      """
      c > SA seq 500 ack 700 <mss 1460>
      c > S seq 0 <mss 1460,ws 7>
      s > SA seq 0 ack 1 <mss 1460,ws 7>
      c > A seq 1 ack 1
      = established
      = clientPort 40000
      c > PA. seq 1 ack 1 "text"
      = newData server "text"
      = flows 1
      """)
  }

  @Test("The host answers the client's stray SYN-ACK with a RST, and a later SYN works")
  func synAckFromClientRefused() throws {
    try TrackerScript.run(
      """
      c > SA seq 500 ack 700 <mss 1460>
      s > R seq 700
      c > S seq 0 <mss 1460>
      s > SA seq 0 ack 1 <mss 1460>
      c > A seq 1 ack 1
      = established
      = clientPort 40000
      """)
  }
}
