import MOSCore
import MTCP
import TestSupport
import Testing

@testable import DualStackTracker

/// Connections whose ends count in different numbers, because a box between them changes the length of the streams.
@Suite("Ends that count in different numbers")
struct TranslatedFlowTests {
  private static let clientISN: UInt32 = 1_000
  private static let serverISN: UInt32 = 4_294_967_290

  private struct Exchange: ~Copyable {
    var box: EditingBox
    var time = 0.0

    /// Sends a segment. `sequence` counts from the sender's ISN, in its numbers; `acknowledgment` likewise.
    mutating func send(
      _ side: Side, _ flags: TCPFlags, _ sequence: UInt32, _ acknowledgment: UInt32, _ text: String = "",
      options: [UInt8] = [], drops: Bool = false
    ) -> EditingBox.Passed? {
      time += 0.01
      var segment = ScriptedSegment()
      segment.time = time
      segment.sender = side
      segment.flags = flags
      segment.sequence = (side == .client ? clientISN : serverISN) &+ sequence
      segment.acknowledgment = (side == .client ? serverISN : clientISN) &+ acknowledgment
      segment.options = options
      segment.payload = Array(text.utf8)
      segment.isDropped = drops
      return box.pass(segment)
    }
  }

  private func sack(_ left: UInt32, _ right: UInt32) -> [UInt8] {
    func bytes(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }
    return [1, 1, 5, 10] + bytes(left) + bytes(right)
  }

  @Test("An HTTP exchange: 10 bytes more in the request, 5 fewer in the response, a loss, SACK and an orderly close")
  func exchange() throws {
    let request = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
    let head = "HTTP/1.1 200 OK\r\nServer: a/1.2\r\n\r\n"
    let (middle, last) = ("the middle of the page, ", "and its end")
    #expect(request.utf8.count == 35 && head.utf8.count == 34)
    let opening: [UInt8] = [2, 4, 5, 180, 1, 3, 3, 7, 1, 1, 4, 2]
    var talk = Exchange(
      box: EditingBox(
        client: [EditingBox.Edit(at: 33, removed: 0, new: Array("Via: box\r\n".utf8))],
        server: [EditingBox.Edit(at: 25, removed: 5, new: [])]))
    _ = talk.send(.client, .syn, 0, 0, options: opening)
    _ = talk.send(.server, [.syn, .ack], 0, 1, options: opening)
    _ = talk.send(.client, .ack, 1, 1)

    var passed = talk.send(.client, [.psh, .ack], 1, 1, request)
    #expect(passed?.sequence == Self.clientISN + 1)
    #expect(
      passed.map { String(decoding: $0.payload, as: UTF8.self) }?.hasSuffix("example\r\nVia: box\r\n\r\n") == true)
    // The edited segment comes again, and is edited again.
    passed = talk.send(.client, [.psh, .ack], 1, 1, request)
    #expect(passed?.payload.count == 45)
    #expect(talk.box.script.happened.suffix(1) == ["retransmission server data"])
    // The server acknowledges what it has in its numbers; the client is told in its own.
    passed = talk.send(.server, .ack, 1, 46)
    #expect(passed?.acknowledgment == Self.clientISN + 36)

    passed = talk.send(.server, [.psh, .ack], 1, 46, head)
    #expect(passed?.payload.count == 29 && passed?.sequence == Self.serverISN &+ 1)
    passed = talk.send(.client, .ack, 36, 30)
    #expect(passed?.acknowledgment == Self.serverISN &+ 35)
    // The middle is lost in the box, the client says that it has what is behind.
    #expect(talk.send(.server, [.psh, .ack], 35, 46, middle, drops: true) == nil)
    passed = talk.send(.server, [.psh, .ack], 59, 46, last)
    #expect(passed?.sequence == Self.serverISN &+ 54)
    #expect(talk.box.script.happened.suffix(1) == ["outOfOrder client 11 at 53"])
    let (left, right) = (Self.serverISN &+ 54, Self.serverISN &+ 65)
    passed = talk.send(.client, .ack, 36, 30, options: sack(left, right))
    #expect(passed?.acknowledgment == Self.serverISN &+ 35)
    #expect(passed?.options.sackBlocks[0].left == Self.serverISN &+ 59)
    #expect(passed?.options.sackBlocks[0].right == Self.serverISN &+ 70)
    #expect(passed?.sequence == Self.clientISN + 46)
    _ = talk.send(.server, [.psh, .ack], 35, 46, middle)
    #expect(talk.box.script.happened.suffix(2) == ["retransmission client data", "newData client 35 at 29"])
    passed = talk.send(.client, .ack, 36, 65)
    #expect(passed?.acknowledgment == Self.serverISN &+ 70)

    // Each end is in its own numbers.
    let record = talk.box.script.tracker.record(talk.box.script.latest)
    let connection = talk.box.script.tracker.connections.pointer(record.pointee.connection)
    #expect(connection.pointee.client.sndNxt.rawValue == Self.clientISN + 36)
    #expect(connection.pointee.client.sndUna.rawValue == Self.clientISN + 36)
    #expect(connection.pointee.server.rcvNxt.rawValue == Self.clientISN + 46)
    #expect(connection.pointee.server.sndNxt.rawValue == Self.serverISN &+ 70)
    #expect(connection.pointee.server.sndUna.rawValue == Self.serverISN &+ 70)
    #expect(connection.pointee.client.rcvNxt.rawValue == Self.serverISN &+ 65)

    passed = talk.send(.server, [.fin, .ack], 70, 46)
    #expect(passed?.sequence == Self.serverISN &+ 65)
    #expect(connection.pointee.server.state == .finWait1 && connection.pointee.client.state == .closeWait)
    _ = talk.send(.client, [.fin, .ack], 36, 66)
    #expect(connection.pointee.server.state == .timeWait && connection.pointee.client.state == .lastAck)
    passed = talk.send(.server, .ack, 71, 47)
    #expect(passed?.acknowledgment == Self.clientISN + 37)

    #expect(talk.box.script.ends == ["fin"])
    #expect(
      String(decoding: talk.box.script.stream(.server), as: UTF8.self)
        == "GET / HTTP/1.1\r\nHost: a.example\r\nVia: box\r\n\r\n")
    #expect(
      String(decoding: talk.box.script.stream(.client), as: UTF8.self)
        == "HTTP/1.1 200 OK\r\nServer: \r\n\r\nthe middle of the page, and its end")
    #expect(talk.box.script.record?.client.streamBytes == 35)
    #expect(talk.box.script.record?.server.streamBytes == 69)
    #expect(talk.box.script.record?.client.roundTripMicroseconds ?? 0 >= 10_000)
    #expect(talk.box.script.record?.server.roundTripMicroseconds ?? 0 >= 10_000)
    #expect(talk.box.script.tracker.statistics.missedBytes == 0)
    #expect(talk.box.script.tracker.events.count(of: .anomaly) == 0)
    #expect(talk.box.script.tracker.events.count(of: .gap) == 0)
    talk.box.finish()
  }

  @Test("A FIN behind a hole waits at its place in the receiver's numbers")
  func finAhead() throws {
    try TrackerScript.run(
      handshake + """
        c > PA. seq 1 ack 1 "GET" translated => "GETGET"
        = newData server "GETGET"
        s > A seq 1 ack 7 => ack 4
        c > FPA seq 7 ack 1 "end" => seq 10
        = outOfOrder server 3 at 9
        c > PA. seq 4 ack 1 "abc" => seq 7
        = newData server "abcend"
        = server CLOSE_WAIT
        = client FIN_WAIT_1
        s > FA seq 1 ack 14 => ack 11
        = client TIME_WAIT
        c > A seq 11 ack 2 => seq 14
        = end fin
        = no anomaly
        = bytes client 9
        """)
  }

  @Test("A RST is exact in its receiver's numbers")
  func reset() throws {
    let begin =
      handshake + """
        c > PA. seq 1 ack 1 "GET" translated => "GETGET"

        """
    try TrackerScript.run(
      begin + """
        c > R seq 4 => seq 7
        = end rst_orig
        """)
    // Sent without being translated it is old; the client is closed all the same, unless it goes on.
    try TrackerScript.run(
      begin + """
        c > R seq 4
        = anomaly resetOutsideWindow
        = client CLOSED
        = open
        c > PA. seq 4 ack 1 "abc" => seq 7
        = client ESTABLISHED
        = newData server "abc"
        s > RA seq 1 ack 10 => ack 7
        = end rst_resp
        """)
  }

  @Test("ISNs that a box shifts from the first packet on: each end has its own")
  func shiftedISN() throws {
    try TrackerScript.run(
      """
      c > S seq 0 <mss 1460> translated => seq 700000000
      = server SYN_RECEIVED
      c > S seq 0 <mss 1460> => seq 700000000
      = retransmission server syn
      s > SA seq 0 ack 700000001 <mss 1460> => ack 1
      = client ESTABLISHED
      = no anomaly
      c > A seq 1 ack 1 => seq 700000001
      = established
      c > PA. seq 1 ack 1 "GET" => seq 700000001
      = newData server "GET"
      s > PA. seq 1 ack 700000004 "page" => ack 4
      = newData client "page"
      s > FA seq 5 ack 700000004 => ack 4
      c > FA seq 4 ack 6 => seq 700000004
      s > A seq 6 ack 700000005 => ack 5
      = end fin
      = no anomaly
      = bytes client 3
      = bytes server 4
      = missed client 0
      """)
  }

  @Test("What nobody can have sent or acknowledged changes neither end")
  func implausible() throws {
    try TrackerScript.run(
      handshake + """
        c > PA. seq 1 ack 1 "GET" translated => "GETGET"
        c > PA. seq 9000000 ack 1 "junk" => seq 9000003
        = anomaly dataOutsideWindow
        c > PA. seq 4 ack 90000000 "junk" => seq 7 ack 90000000
        = anomaly ackBeyondSent
        = no newData
        c > PA. seq 4 ack 1 "abc" => seq 7
        = newData server "abc"
        s > A seq 1 ack 10 => ack 7
        = missed client 0
        """)
  }

  /// Edits at random places, not at the end of a segment of 100 bytes or more.
  private func edits(_ length: Int, _ generator: inout SeededGenerator) -> [EditingBox.Edit] {
    var result: [EditingBox.Edit] = []
    var at = 0
    while true {
      at += generator.number(1...600)
      let removed = generator.once(in: 2) ? 0 : generator.number(1...9)
      guard at + removed < length else { return result }
      let count = removed == 0 ? generator.number(1...12) : generator.number(0...12)
      result.append(
        EditingBox.Edit(at: at, removed: removed, new: (0..<count).map { _ in UInt8(generator.number(0...255)) }))
      at += removed + 1
    }
  }

  /// Random connections with edits, drops and repeats. What each end receives is what passed the box in order.
  @Test(
    "Random connections through a box that edits and loses: both streams are what passed, and close", arguments: 0..<60)
  func random(seed: Int) {
    var generator = SeededGenerator(seed: UInt64(seed) + 5_000)
    let connection = RandomConnection(seed: UInt64(seed))
    var box = EditingBox(
      client: edits(connection.clientText.count, &generator), server: edits(connection.serverText.count, &generator))
    var copies: [Side: [UInt32: UInt8]] = [.client: [:], .server: [:]]
    for packet in connection.packets {
      var segment = packet
      // The end acknowledges what it was sent.
      if segment.flags.contains(.ack) {
        segment.acknowledgment = box.received(packet.acknowledgment, from: packet.sender.peer)
      }
      while generator.once(in: 6) {
        var lost = segment
        lost.isDropped = true
        _ = box.pass(lost)
      }
      guard let passed = box.pass(segment) else { continue }
      for (index, byte) in passed.payload.enumerated() {
        let number = passed.sequence &+ UInt32(index)
        // Old bytes that come again, and that the receiver does not look at, are not edited any more.
        if copies[packet.sender]![number] == nil { copies[packet.sender]![number] = byte }
      }
    }
    #expect(box.script.ends == ["fin"], "seed \(seed)")
    for side in [Side.client, .server] {
      let isn = connection.packets[side == .client ? 0 : 1].sequence
      let expected = (0..<UInt32(copies[side]!.count)).map { copies[side]![isn &+ 1 &+ $0] }
      let isRight = box.script.stream(side.peer) == expected
      #expect(isRight, "seed \(seed), \(side)")
      let sent = side == .client ? connection.clientText.count : connection.serverText.count
      #expect(expected.count == sent + box.growth(side), "seed \(seed), \(side)")
      #expect(box.script.record?[side].streamBytes == UInt64(sent), "seed \(seed), \(side)")
    }
    #expect(box.script.tracker.statistics.missedBytes == 0, "seed \(seed)")
    #expect(box.script.tracker.events.count(of: .anomaly) == 0, "seed \(seed)")
    #expect(box.script.tracker.events.count(of: .gap) == 0, "seed \(seed)")
    box.finish()
  }
}
