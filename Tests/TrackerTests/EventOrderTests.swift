import Testing

/// The order of events of one packet.
@Suite("Order of events")
struct EventOrderTests {
  @Test("Each state is entered once, and told once")
  func statesOnce() throws {
    try TrackerScript.run(
      """
      c > S seq 0
      = order connectionStart client, stateChange client SYN_SENT, stateChange server SYN_RECEIVED, connectionStart server
      s > SA seq 0 ack 1
      c > A seq 1 ack 1
      c > FA seq 1 ack 1
      s > FA seq 1 ack 2
      c > A seq 2 ack 2
      """)
    var script = TrackerScript()
    try script.run(
      """
      c > S seq 0
      s > SA seq 0 ack 1
      c > A seq 1 ack 1
      c > FA seq 1 ack 1
      s > FA seq 1 ack 2
      c > A seq 2 ack 2
      """)
    let changes = script.happened.filter {
      $0.hasPrefix("stateChange") || $0.hasPrefix("connection") || $0 == "released"
    }
    #expect(
      changes == [
        "connectionStart client", "stateChange client SYN_SENT", "stateChange server SYN_RECEIVED",
        "connectionStart server", "stateChange client ESTABLISHED", "stateChange server ESTABLISHED",
        "stateChange client FIN_WAIT_1", "stateChange server CLOSE_WAIT", "stateChange server LAST_ACK",
        "stateChange client FIN_WAIT_2", "stateChange client TIME_WAIT", "stateChange server CLOSED",
        "connectionEnd fin",
      ])
    script.finish()
  }

  @Test("Overlap and retransmission come before new data")
  func overlapBeforeData() throws {
    try TrackerScript.run(
      handshake + """
        c > PA. seq 1 ack 1 "abcd" <ts 5002 9000>
        c > PA. seq 9 ack 1 "ijkl" <ts 5002 9000>
        = outOfOrder server 4 at 8
        c > FPA seq 3 ack 1 "xxefghxxxxmn" <ts 5003 9000>
        = order overlapConflict server 2 at 2, overlapConflict server 4 at 8, newData server 10 at 4, stateChange server CLOSE_WAIT
        = no retransmission
        """)
  }

  @Test("New data come before the receiver's change to a closing state, also when the FIN waited")
  func dataBeforeClose() throws {
    try TrackerScript.run(
      handshake + """
        c > FPA seq 4 ack 1 "def" <ts 5002 9000>
        = no stateChange
        c > PA. seq 1 ack 1 "abc" <ts 5002 9000>
        = order newData server 6 at 0, stateChange client FIN_WAIT_1, stateChange server CLOSE_WAIT
        """)
  }

  @Test("A gap comes before the data behind it")
  func gapBeforeData() throws {
    try TrackerScript.run(
      handshake + """
        c > PA. seq 4 ack 1 "def" <ts 5002 9000>
        s > FA seq 1 ack 7 <ts 9001 5002>
        = order gap server 3 at 0, newData server 3 at 3, stateChange server FIN_WAIT_1, stateChange client CLOSE_WAIT
        """)
  }

  @Test("Data that answer a FIN with the last acknowledgment: newData, then the end")
  func dataBeforeEnd() throws {
    try TrackerScript.run(
      handshake + """
        c > FA seq 1 ack 1 <ts 5002 9000>
        s > FPA seq 1 ack 2 "answer" <ts 9001 5002>
        = order newData client 6 at 0, stateChange client TIME_WAIT
        c > A seq 2 ack 8 <ts 5003 9001>
        = order stateChange server CLOSED, connectionEnd fin
        """)
  }
}
