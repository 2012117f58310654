import Testing

/// A three-way handshake that offers window scale, SACK and timestamps, for scripts that begin on an open connection.
let handshake = """
  0.000 c > S seq 0 win 64240 <mss 1460,sack,ts 5000 0,ws 7>
  0.010 s > SA seq 0 ack 1 win 65160 <mss 1460,sack,ts 9000 5000,ws 7>
  0.020 c > A seq 1 ack 1 win 502 <ts 5001 9000>
  = established

  """

@Suite("Opening a connection")
struct HandshakeTests {
  @Test("The three-way handshake takes both ends to ESTABLISHED")
  func threeWayHandshake() throws {
    try TrackerScript.run(
      """
      0.000 c > S seq 0 win 64240 <mss 1460,sack,ts 5000 0,ws 7>
      = connectionStart client
      = connectionStart server
      = client SYN_SENT
      = server SYN_RECEIVED
      0.010 s > SA seq 0 ack 1 win 65160 <mss 1460,sack,ts 9000 5000,ws 7>
      = client ESTABLISHED
      = server SYN_RECEIVED
      = no established
      0.020 c > A seq 1 ack 1 win 502 <ts 5001 9000>
      = established
      = server ESTABLISHED
      = open
      = history "ShA"
      """)
  }

  @Test("The third ACK is lost to the capture: data completes the handshake")
  func thirdAckLost() throws {
    try TrackerScript.run(
      """
      c > S seq 0 <mss 1460>
      s > SA seq 0 ack 1 <mss 1460>
      c > PA. seq 1 ack 1 "GET"
      = established
      = newData server "GET"
      = server ESTABLISHED
      """)
  }
}
