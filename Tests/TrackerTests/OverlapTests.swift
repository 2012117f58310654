import MTCP
import Testing

/// Rows 22 to 28 of the table: overlaps among bytes that wait, and urgent bytes.
@Suite("Overlaps and urgent data")
struct OverlapTests {
  /// How new bytes B lie over bytes A that wait at 11 to 20, and what each policy makes of it, first byte to last.
  private static let shapes: [(start: Int, text: String, results: [(OverlapPolicy, String)])] = [
    (
      6, "BBBBBBBBBB",
      [
        (.first, "BBBBBAAAAAAAAAA"), (.last, "BBBBBBBBBBAAAAA"), (.linux, "BBBBBBBBBBAAAAA"),
        (.bsd, "BBBBBBBBBBAAAAA"),
      ]
    ),
    (
      6, "BBBBBBBBBBBBBBBBBBBB",
      [
        (.first, "BBBBBAAAAAAAAAABBBBB"), (.last, "BBBBBBBBBBBBBBBBBBBB"), (.linux, "BBBBBBBBBBBBBBBBBBBB"),
        (.bsd, "BBBBBBBBBBBBBBBBBBBB"),
      ]
    ),
    (
      11, "BBBBBBBBBBBBBBB",
      [
        (.first, "AAAAAAAAAABBBBB"), (.last, "BBBBBBBBBBBBBBB"), (.linux, "BBBBBBBBBBBBBBB"), (.bsd, "AAAAAAAAAABBBBB"),
      ]
    ),
    (11, "BBBBBBBBBB", [(.first, "AAAAAAAAAA"), (.last, "BBBBBBBBBB"), (.linux, "AAAAAAAAAA"), (.bsd, "AAAAAAAAAA")]),
    (13, "BBBB", [(.first, "AAAAAAAAAA"), (.last, "AABBBBAAAA"), (.linux, "AAAAAAAAAA"), (.bsd, "AAAAAAAAAA")]),
    (11, "BBBB", [(.first, "AAAAAAAAAA"), (.last, "BBBBAAAAAA"), (.linux, "AAAAAAAAAA"), (.bsd, "AAAAAAAAAA")]),
    (
      16, "BBBBBBBBBB",
      [
        (.first, "AAAAAAAAAABBBBB"), (.last, "AAAAABBBBBBBBBB"), (.linux, "AAAAAAAAAABBBBB"), (.bsd, "AAAAAAAAAABBBBB"),
      ]
    ),
  ]

  @Test("Who wins where a new segment overlaps bytes that wait")
  func policies() throws {
    for shape in OverlapTests.shapes {
      for (policy, result) in shape.results {
        let hole = String(repeating: "h", count: min(shape.start, 11) - 1)
        try TrackerScript.run(
          handshake + """
            c > PA. seq 11 ack 1 "AAAAAAAAAA" <ts 5002 9000>
            c > PA. seq \(shape.start) ack 1 "\(shape.text)" <ts 5002 9000>
            = overlapConflict server
            = no newData
            c > PA. seq 1 ack 1 "\(hole)" <ts 5003 9000>
            = stream server "\(hole)\(result)"
            """
        ) { $0.overlapPolicy = policy }
      }
    }
  }

  @Test("In-order data that swallow bytes that wait win under linux, and lose under first")
  func inOrderSwallows() throws {
    for (policy, result) in [(OverlapPolicy.linux, "BBBBBBBBBBBBBBB"), (.first, "BBBBBAAAAABBBBB")] {
      try TrackerScript.run(
        handshake + """
          c > PA. seq 6 ack 1 "AAAAA" <ts 5002 9000>
          c > PA. seq 1 ack 1 "BBBBBBBBBBBBBBB" <ts 5002 9000>
          = stream server "\(result)"
          = order overlapConflict server 5 at 5, newData server
          """
      ) { $0.overlapPolicy = policy }
    }
  }

  @Test("An overlap with the same bytes is no conflict")
  func sameBytes() throws {
    try TrackerScript.run(
      handshake + """
        c > PA. seq 6 ack 1 "fghij" <ts 5002 9000>
        c > PA. seq 6 ack 1 "fghij" <ts 5002 9000>
        = no overlapConflict
        = retransmission server data
        c > PA. seq 4 ack 1 "defgh" <ts 5002 9000>
        = no overlapConflict
        c > PA. seq 1 ack 1 "abcdefghijkl" <ts 5002 9000>
        = no overlapConflict
        = stream server "abcdefghijkl"
        """)
  }

  @Test("A retransmission with other content: the first wins, and it is told", arguments: OverlapPolicy.allCases)
  func retransmissionDiffers(policy: OverlapPolicy) throws {
    try TrackerScript.run(
      handshake + """
        c > PA. seq 1 ack 1 "good text" <ts 5002 9000>
        = stream server "good text"
        c > PA. seq 1 ack 1 "evil text" <ts 5003 9000>
        = no newData
        = order overlapConflict server, retransmission server data differs
        = stream server "good text"
        s > A seq 1 ack 10 <ts 9001 5002>
        c > PA. seq 1 ack 1 "good text and more" <ts 5004 9000>
        = stream server "good text and more"
        """
    ) { $0.overlapPolicy = policy }
  }

  @Test("A retransmission whose tail is new is compared before the tail is delivered")
  func retransmissionWithNewTail() throws {
    try TrackerScript.run(
      handshake + """
        c > PA. seq 1 ack 1 "abcd" <ts 5002 9000>
        c > PA. seq 3 ack 1 "xxef" <ts 5003 9000>
        = order overlapConflict server 2 at 2, newData server 2 at 4
        = stream server "abcdef"
        """)
  }

  @Test(
    "The urgent byte leaves the stream",
    arguments: [(5, "abcdfghij"), (1, "bcdefghij"), (0, "bcdefghij"), (10, "abcdefghi")])
  func urgent(pointer: Int, result: String) throws {
    try TrackerScript.run(
      handshake + """
        c > PAU seq 1 ack 1 "abcdefghij" urg \(pointer) <ts 5002 9000>
        = anomaly urgentData
        = stream server "\(result)"
        = statistic urgent 1
        c > PA. seq 11 ack 1 "k" <ts 5003 9000>
        = stream server "\(result)k"
        """)
  }

  @Test("The urgent byte may come with a later segment")
  func urgentAcrossSegments() throws {
    try TrackerScript.run(
      handshake + """
        c > PAU seq 1 ack 1 "abc" urg 5 <ts 5002 9000>
        = stream server "abc"
        c > PA. seq 4 ack 1 "def" <ts 5002 9000>
        = stream server "abcdf"
        """)
  }

  @Test("The urgent byte is taken out of bytes that waited for a hole")
  func urgentOutOfOrder() throws {
    try TrackerScript.run(
      handshake + """
        c > PAU seq 4 ack 1 "def" urg 2 <ts 5002 9000>
        c > PA. seq 1 ack 1 "abc" <ts 5002 9000>
        = stream server "abcdf"
        """)
  }

  @Test("An urgent pointer without the URG flag means nothing")
  func pointerWithoutFlag() throws {
    try TrackerScript.run(
      handshake + """
        c > PA. seq 1 ack 1 "abcdefghij" urg 5 <ts 5002 9000>
        = stream server "abcdefghij"
        = no anomaly
        """)
  }

  @Test("With urgentInline the urgent byte stays in the stream")
  func urgentInline() throws {
    try TrackerScript.run(
      handshake + """
        c > PAU seq 1 ack 1 "abcdefghij" urg 5 <ts 5002 9000>
        = anomaly urgentData
        = stream server "abcdefghij"
        """
    ) { $0.urgentInline = true }
  }
}
