import EventDSL
import EventSupport
import TestSupport
import Testing

/// Data segments of a client, each of `size` bytes, in order from `start` on.
private func segments(_ count: Int, _ size: Int, from start: Int = 1, port: Int = 40_000) -> String {
  (0..<count).map { "c > PA seq \(start + $0 * size) ack 1 \"x\" x\(size) port \(port)" }.joined(separator: "\n")
}

private func opening(_ port: Int) -> String {
  handshake.split(separator: "\n").map { "\($0) port \(port)" }.joined(separator: "\n") + "\n"
}

@Suite("Limits of stream readers")
struct StreamLimitTests {
  @Test("A reader that never reads keeps as much as its limit, and is named once")
  func neverReads() throws {
    let requests = StreamReader(of: .server, limit: 10_000)
    let box = ReaderBox(requests) {
      $0.title = "Lazy"
      $0.onEnd = { event in
        var chunks: [UInt64] = []
        event.flow.read(requests) { chunk in
          switch chunk {
          case .bytes(let bytes): chunks.append(UInt64(bytes.byteCount))
          case .dropped(let count): event.report("dropped \(count)")
          case .gap(let count): event.report("gap \(count)")
          }
          return .all
        }
        event.report("bytes \(chunks.reduce(0, +))")
      }
    }
    var script = try EventScript(box)
    for port in [40_000, 40_001] {
      try script.play(opening(port) + segments(25, 1_000, port: port))
      #expect(script.engine.streamBytesInUse <= (port - 39_999) * 18 * 1_536)
    }
    #expect(script.engine.statistics.unreadBytes == 30_000)
    #expect(script.engine.statistics.unkeptBytes == 0)
    try script.play("c > R seq 25001 port 40000\nc > R seq 25001 port 40001")
    let texts = script.allReports.map(\.text)
    #expect(texts.count == 5)
    #expect(texts.first?.contains("readers[0]") == true && texts.first?.contains("10000 bytes") == true)
    #expect(script.allReports.first?.middlebox == "Lazy")
    #expect(texts.dropFirst() == ["dropped 15000", "bytes 10000", "dropped 15000", "bytes 10000"])
    #expect(script.engine.streamBytesInUse == 0)
  }

  @Test("A reader that keeps the last bytes has them at the flow's end, of both sides, and loses nothing that counts")
  func last() throws {
    let tails = [StreamReader(of: .server, last: 5), StreamReader(of: .client, last: 3)]
    let box = ReaderBox(tails[0], tails[1]) {
      $0.onEnd = { event in
        for tail in tails {
          let stream = event.flow[tail]
          event.report("\(stream.firstOffset) " + event.flow.peekedText(tail, from: stream.firstOffset))
          event.report(event.flow.text(tail))
        }
      }
    }
    var script = try EventScript(box)
    let reports = try script.play(
      handshake + """
        c > PA seq 1 ack 1 "abcdefg"
        s > PA seq 1 ack 8 "12"
        c > PA seq 8 ack 3 "hij"
        s > PA seq 3 ack 11 "34"
        c > R seq 11
        """)
    #expect(
      reports == ["5 fghij", "<dropped 5>|fghij", "1 234", "<dropped 1>|234"])
    #expect(script.engine.statistics.unreadBytes == 0)
    #expect(script.engine.streamBytesInUse == 0)
  }

  @Test("All flows together keep no more than the engine's memory; who reads loses nothing")
  func engineMemory() throws {
    let lazy = StreamReader(of: .server)
    let eager = StreamReader(of: .server)
    var count = 0
    let box = ReaderBox(lazy, eager) {
      $0.onData = { event in
        event.flow.read(eager) { chunk in
          if case .bytes(let bytes) = chunk { count += bytes.byteCount }
          return .all
        }
      }
    }
    var script = try EventScript(box, streamBytes: 20 * 1_536)
    for port in 40_000..<40_010 {
      try script.play(opening(port) + segments(10, 1_400, port: port))
      #expect(script.engine.streamBytesInUse <= 20 * 1_536)
    }
    #expect(count == 140_000)
    #expect(script.engine.statistics.unkeptBytes > 100_000)
    #expect(script.allReports.count == 1 && script.allReports[0].text.contains("no memory"))
    script.finish()
    #expect(script.engine.streamBytesInUse == 0)
  }

  @Test("Of a long stretch that becomes readable at once every byte can be read, however small the limit")
  func longChain() throws {
    let small = StreamReader(of: .server, limit: 100)
    var read: [UInt8] = []
    let box = ReaderBox(small) {
      $0.onData = { event in
        event.flow.read(small) { chunk in
          if case .bytes(let bytes) = chunk { read += bytes.array }
          return .all
        }
      }
    }
    var script = try EventScript(box) { $0.sideBufferBytes = 1 << 20 }
    try script.play("c > S seq 0 <ws 10>\ns > SA seq 0 ack 1 <ws 10>\nc > A seq 1 ack 1\ns > A seq 1 ack 1")
    var expected: [UInt8] = [1]
    var frames: [ScriptedSegment] = []
    for index in 0..<500 {
      var segment = ScriptedSegment()
      segment.time = 1 + Double(index) * 0.001
      segment.sequence = ScriptParser.clientISN + 2 + UInt32(index * 1_000)
      segment.acknowledgment = ScriptParser.serverISN + 1
      segment.flags = [.ack]
      segment.payload = (0..<1_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ index) }
      expected += segment.payload
      frames.append(segment)
    }
    var first = ScriptedSegment()
    first.time = 2
    first.sequence = ScriptParser.clientISN + 1
    first.acknowledgment = ScriptParser.serverISN + 1
    first.flags = [.ack]
    first.payload = [1]
    script.play(frames + [first])
    #expect(read == expected)
    #expect(script.engine.statistics.unreadBytes == 0)
  }

  @Test("What a parser waits for is given in one piece, across all that is kept and what has just come")
  func onePiece() throws {
    let requests = StreamReader(of: .server)
    var lengths: [Int] = []
    let box = ReaderBox(requests) {
      $0.onData = { event in
        event.flow.read(requests) { chunk in
          guard case .bytes(let bytes) = chunk else { return .all }
          lengths.append(bytes.byteCount)
          return .more(after: bytes.byteCount >= 5_000 ? 5_000 : 0)
        }
      }
    }
    var script = try EventScript(box)
    try script.play(handshake + segments(7, 1_000))
    // One chunk, then all in one piece; what is behind the 5,000 has been seen, and is given anew with what comes.
    #expect(lengths == [1_000, 1_000, 2_000, 1_504, 3_000, 1_504, 4_000, 1_504, 5_000, 1_000, 1_000, 2_000])
  }

  @Test("Bytes that wait for more where a gap follows are passed over, and the gap is told")
  func incomplete() throws {
    let requests = StreamReader(of: .server)
    let box = ReaderBox(requests) {
      $0.onData = { event in
        event.flow.read(requests) { chunk in
          event.report(chunk.text)
          guard case .bytes(let bytes) = chunk else { return .all }
          return .more(after: bytes.byteCount / 4 * 4)
        }
      }
    }
    var script = try EventScript(box)
    let reports = try script.play(
      handshake + """
        c > PA seq 1 ack 1 "abcdef"
        s > A seq 1 ack 17
        c > PA seq 17 ack 1 "ghijkl"
        """)
    #expect(reports == ["abcdef", "ef", "<gap 10>", "ghijkl"])
  }
}
