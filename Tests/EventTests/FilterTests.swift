import EventDSL
import EventSupport
import Testing

/// Drops data with a word in it, and says so.
private struct WordFilter: Middlebox {
  let word: String

  var events: some EventGraph {
    Filter(.packet) { event, packet in
      guard let view = event.packet else { return }
      let text = view.withPayload { $0.withUnsafeBytes { String(decoding: $0, as: UTF8.self) } }
      if text.contains(word) { packet.drop() }
    }
    On(.newData) { event in
      event.forEachSpan { bytes in
        event.report("\(event.receiver) " + bytes.withUnsafeBytes { String(decoding: $0, as: UTF8.self) })
      }
    }
    On(.connectionEnd) { $0.report("end \($0.reason)") }
  }
}

/// Puts text in the place of other text, wherever it stands in a packet.
private struct Replacer: Middlebox {
  let old: String
  let new: String

  var events: some EventGraph {
    Filter(.packet) { event, packet in
      guard let view = event.packet else { return }
      let bytes = view.withPayload { $0.withUnsafeBytes { Array($0) } }
      let old = Array(old.utf8)
      guard bytes.count >= old.count else { return }
      for offset in 0...(bytes.count - old.count) where Array(bytes[offset..<offset + old.count]) == old {
        let outcome = Array(new.utf8).withUnsafeBytes { packet.replace(at: offset, count: old.count, with: $0) }
        if outcome != .done { event.report("\(outcome)") }
        return
      }
    }
    On(.newData) { event in
      event.forEachSpan { bytes in
        event.report("\(event.receiver) " + bytes.withUnsafeBytes { String(decoding: $0, as: UTF8.self) })
      }
    }
    On(.connectionEnd) { $0.report("end \($0.reason)") }
  }
}

private let opening = """
  c > S seq 0 <mss 1460,sack>
  s > SA seq 0 ack 1 <mss 1460,sack>
  c > A seq 1 ack 1

  """

@Suite("Filters")
struct FilterTests {
  @Test("Without a decision every frame leaves as it came, byte for byte")
  func nothingHappens() throws {
    var script = try EventScript(WordFilter(word: "absent"))
    try script.play(opening + "c > PA seq 1 ack 1 \"hello\"\ns > A seq 1 ack 6")
    #expect(
      script.output.map(\.text) == [
        "c > S seq 0", "s > SA seq 0 ack 1", "c > A seq 1 ack 1", "c > PA seq 1 ack 1 \"hello\"", "s > A seq 1 ack 6",
      ])
  }

  @Test("A dropped packet is not received: its retransmission with other bytes is new data")
  func drop() throws {
    var script = try EventScript(WordFilter(word: "evil"))
    let reports = try script.play(
      opening + """
        c > PA seq 1 ack 1 "evil"
        c > PA seq 1 ack 1 "good"
        s > A seq 1 ack 5
        """)
    #expect(reports == ["server good"])
    #expect(script.output.map(\.text).suffix(2) == ["c > PA seq 1 ack 1 \"good\"", "s > A seq 1 ack 5"])
    #expect(script.engine.statistics.dropped == 1)
  }

  @Test("Bytes put into a request move all later numbers, in both directions, and the connection closes in order")
  func insertion() throws {
    var script = try EventScript(Replacer(old: "name", new: "a long name"))
    let reports = try script.play(
      opening + """
        c > PA seq 1 ack 1 "my name is"
        s > A seq 1 ack 18
        c > PA seq 11 ack 1 " bob"
        c > PA seq 11 ack 1 " bob"
        s > PA seq 1 ack 22 "hi"
        c > FA seq 15 ack 3
        s > FA seq 3 ack 23
        c > A seq 16 ack 4
        """)
    #expect(reports == ["server my a long name is", "server  bob", "client hi", "end fin"])
    #expect(
      script.output.dropFirst(3).map(\.text) == [
        "c > PA seq 1 ack 1 \"my a long name is\"", "s > A seq 1 ack 11", "c > PA seq 18 ack 1 \" bob\"",
        "c > PA seq 18 ack 1 \" bob\"", "s > PA seq 1 ack 15 \"hi\"", "c > FA seq 22 ack 3", "s > FA seq 3 ack 16",
        "c > A seq 23 ack 4",
      ])
    #expect(script.output.allSatisfy { $0.isAcceptable && $0.anomalies.isEmpty })
  }

  @Test("A segment that was changed is changed in the same way when it is sent again")
  func retransmission() throws {
    var script = try EventScript(Replacer(old: "name", new: "n"))
    try script.play(
      opening + """
        c > PA seq 1 ack 1 "my name is"
        c > PA seq 1 ack 1 "my name is"
        c > PA seq 11 ack 1 "bob"
        """)
    #expect(
      script.output.dropFirst(3).map(\.text) == [
        "c > PA seq 1 ack 1 \"my n is\"", "c > PA seq 1 ack 1 \"my n is\"", "c > PA seq 8 ack 1 \"bob\"",
      ])
  }

  @Test("Middleboxes in a row: each sees what the ones before it let pass, in the order of the packet's direction")
  func row() throws {
    var script = try EventScript(Replacer(old: "one", new: "three"), Replacer(old: "three", new: "fourteen"))
    try script.play(
      opening + """
        c > PA seq 1 ack 1 "one"
        s > A seq 1 ack 9
        s > PA seq 1 ack 9 "one"
        c > A seq 4 ack 6
        """)
    #expect(
      script.output.dropFirst(3).map(\.text) == [
        "c > PA seq 1 ack 1 \"fourteen\"", "s > A seq 1 ack 4", "s > PA seq 1 ack 4 \"three\"", "c > A seq 9 ack 4",
      ])
  }

  @Test("A segment is sent on the server's behalf: it goes back to the client, and the tracker has it as the server's")
  func answer() throws {
    struct Answer: Middlebox {
      var events: some EventGraph {
        Filter(.newData) { event, packet in
          guard event.receiver == .server, let view = event.packet else { return }
          let answer = TCPSegment.data(
            sequence: view.acknowledgment, acknowledgment: view.sequence &+ UInt32(view.payloadLength), window: 1000)
          _ = Array("no".utf8).withUnsafeBytes { event.flow.inject(answer, toward: .client, payload: $0) }
        }
        On(.newData) { event in event.report("\(event.receiver) \(event.length)") }
      }
    }
    var script = try EventScript(Answer())
    let reports = try script.play(opening + "c > PA seq 1 ack 1 \"hello\"")
    #expect(reports == ["server 5", "client 2"])
    #expect(script.output.last?.text == "s > PA seq 1 ack 6 \"no\"")
    #expect(script.output.last?.isReturned == true && script.output.last?.isAcceptable == true)
    #expect(script.engine.statistics.injected == 1)
  }

  @Test("A packet that is dropped behind its receiver's step was never received: what comes again is new data")
  func dropAtReceiver() throws {
    struct Censor: Middlebox {
      var events: some EventGraph {
        Filter(.newData) { event, packet in
          event.forEachSpan { bytes in
            let text = bytes.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
            if text.contains("evil") { packet.drop() }
            event.report(text)
          }
        }
      }
    }
    var script = try EventScript(Censor())
    let reports = try script.play(
      opening + """
        c > PA seq 1 ack 1 "evil"
        c > PA seq 1 ack 1 "evil"
        c > PA seq 1 ack 1 "good"
        s > A seq 1 ack 5
        """)
    #expect(reports == ["evil", "evil", "good"])
    #expect(script.output.map(\.text).suffix(2) == ["c > PA seq 1 ack 1 \"good\"", "s > A seq 1 ack 5"])
    #expect(script.engine.statistics.dropped == 2)
  }

  @Test("A flow whose addresses are translated is found by both of its keys")
  func translatedAddresses() throws {
    struct Translator: Middlebox {
      var events: some EventGraph {
        Filter(.packet) { event, packet in
          if event.sender == .client {
            _ = event.flow.addKey(event.flow.key.withSourcePort(61_000))
            _ = packet.setSourcePort(61_000)
          } else {
            _ = packet.setDestinationPort(event.flow.key.sourcePort)
          }
        }
        On(.connectionEnd) {
          $0.report("\($0.reason) \($0.flow.record.client.packets) \($0.flow.record.server.packets)")
        }
      }
    }
    var script = try EventScript(Translator())
    let reports = try script.play(
      """
      c > S seq 0 port 40000
      s > SA seq 0 ack 1 port 61000
      c > A seq 1 ack 1 port 40000
      s > FA seq 1 ack 1 port 61000
      c > FA seq 1 ack 2 port 40000
      s > A seq 2 ack 2 port 61000
      """)
    #expect(reports == ["fin 3 3"])
    #expect(script.output.map(\.key.sourcePort) == [61_000, 80, 61_000, 80, 61_000, 80])
    #expect(script.output.map(\.key.destinationPort) == [80, 40_000, 80, 40_000, 80, 40_000])
    #expect(script.output.filter { !$0.isAcceptable }.isEmpty)
  }
}

extension FlowKey {
  fileprivate func withSourcePort(_ port: UInt16) -> FlowKey {
    var key = self
    key.rest = key.rest & 0xffff_ffff_ffff | UInt64(port) << 48
    return key
  }
}
