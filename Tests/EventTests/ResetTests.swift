import EventDSL
import EventSupport
import Testing

/// Resets connections, or sides of them, in which a word is said.
struct Resetter: Middlebox {
  var word = "evil"
  var side: Side?
  var hook = Hook.sender
  var says = ""
  var looksOnlyAtSender = true

  var events: some EventGraph {
    On(.packet, at: hook) { event in
      guard let packet = event.packet else { return }
      if packet.withPayload({ $0.text }).contains(word) || (word == "SYN" && packet.flags.contains(.syn)) {
        let text = says
        if !text.isEmpty, let packet = event.packet {
          let segment = TCPSegment.data(
            sequence: packet.acknowledgment, acknowledgment: packet.sequence &+ UInt32(packet.payloadLength), window: 9)
          _ = Array(text.utf8).withUnsafeBytes { event.flow.inject(segment, toward: .client, payload: $0) }
        }
        let isDone: Bool
        if let side { isDone = event.flow[side].reset() } else { isDone = event.flow.reset() }
        if !isDone { event.report("refused") }
      }
    }
    if !looksOnlyAtSender { Filter(.newData) { _, _ in } }
    Filter(.packet) { _, _ in }
    On(.connectionEnd) { event in
      event.report("end \(event.flow.record.end) \(event.flow.client.state) \(event.flow.server.state)")
    }
  }
}

private let opening = """
  c > S seq 0
  s > SA seq 0 ack 1
  c > A seq 1 ack 1

  """

@Suite("Resets")
struct ResetTests {
  private func play(
    _ middleboxes: [any Middlebox], _ script: String, skip: Int = 3
  ) throws -> (output: [String], reports: [String]) {
    var all: [[String]] = []
    var count = 0
    for burst in [1, 32] {
      var runner = try EventScript(middleboxes, burst: burst)
      let reports = try runner.play(script)
      #expect(runner.output.allSatisfy { $0.isAcceptable && $0.anomalies.isEmpty })
      count = runner.output.count
      all.append(runner.output.map { ($0.isReturned ? "back " : "") + $0.text } + reports)
    }
    #expect(all[0] == all[1])
    return (Array(all[0][skip..<count]), Array(all[0][count...]))
  }

  @Test("Each end gets the number that it expects next, and the flow has ended for both")
  func both() throws {
    let result = try play([Resetter()], opening + "s > PA seq 1 ack 1 \"page\"\nc > PA seq 1 ack 5 \"evil\"")
    // The server never got the word, so it expects the first byte.
    #expect(result.output == ["s > PA seq 1 ack 1 \"page\"", "back s > RA seq 5 ack 5", "c > RA seq 1 ack 5"])
    #expect(result.reports == ["end resetByMiddlebox closed closed"])
  }

  @Test("The number is that of the receiver's next byte, not the packet's, when the packet lies behind a hole")
  func behindHole() throws {
    let result = try play([Resetter()], opening + "c > PA seq 101 ack 1 \"evil\"")
    #expect(result.output == ["back s > RA seq 1 ack 105", "c > RA seq 1 ack 1"])
    // A packet with old numbers does not make the reset old.
    let old = try play([Resetter()], opening + "c > PA seq 1 ack 1 \"good\"\nc > PA seq 1 ack 1 \"evil\"")
    #expect(old.output.suffix(2) == ["back s > RA seq 1 ack 5", "c > RA seq 5 ack 1"])
  }

  @Test("At the receiver's hook a packet that can be taken back was never received; one that cannot counts")
  func atReceiver() throws {
    let undone = try play(
      [Resetter(hook: .receiver, looksOnlyAtSender: false)], opening + "c > PA seq 1 ack 1 \"evil\"")
    #expect(undone.output == ["back s > RA seq 1 ack 5", "c > RA seq 1 ack 1"])
    #expect(undone.reports == ["end resetByMiddlebox closed closed"])
    let taken = try play([Resetter(hook: .receiver)], opening + "c > PA seq 1 ack 1 \"evil\"")
    #expect(taken.output == ["c > PA seq 1 ack 1 \"evil\"", "back s > RA seq 1 ack 5", "c > RA seq 5 ack 1"])
  }

  @Test("In a flow whose numbers are translated, each end's are its own")
  func translated() throws {
    let editor = ClientEditor(old: "name", new: "a long name")
    for row in [[editor, Resetter()] as [any Middlebox], [Resetter(), editor]] {
      let result = try play(
        row, opening + "c > PA seq 1 ack 1 \"name\"\ns > PA seq 1 ack 12 \"hi\"\nc > PA seq 5 ack 3 \"evil\"", skip: 5)
      #expect(result.output == ["back s > RA seq 3 ack 9", "c > RA seq 12 ack 3"])
    }
  }

  @Test("A client's SYN is answered as by a closed port, and the server is sent nothing")
  func syn() throws {
    let result = try play([Resetter(word: "SYN")], "c > S seq 7", skip: 0)
    #expect(result.output == ["back s > RA seq \(0 &- 5_000_000 as UInt32) ack 8"])
    #expect(result.reports == ["end resetByMiddlebox closed closed"])
  }

  @Test("Late packets of a flow that was reset are answered as by a closed port; a RST is not answered")
  func late() throws {
    let script = opening + "c > PA seq 1 ack 1 \"evil\"\nc > PA seq 1 ack 1 \"evil\"\nc > R seq 5 \"evil\""
    let result = try play([Resetter()], script)
    #expect(result.output == ["back s > RA seq 1 ack 5", "c > RA seq 1 ack 1", "back s > R seq 1"])
    #expect(result.reports == ["end resetByMiddlebox closed closed"])
  }

  @Test("The first packet that is seen of a connection can reset it at both ends")
  func midstream() throws {
    let result = try play([Resetter()], "c > PA seq 501 ack 301 \"evil\"", skip: 0)
    #expect(result.output == ["back s > R seq 301", "c > R seq 501"])
  }

  @Test("What is sent on the server's behalf comes before the reset, which counts it")
  func saysBefore() throws {
    let result = try play([Resetter(says: "blocked")], opening + "c > PA seq 1 ack 1 \"evil\"")
    #expect(
      result.output == ["back s > PA seq 1 ack 5 \"blocked\"", "back s > RA seq 8 ack 5", "c > RA seq 1 ack 8"])
  }

  @Test("What is held when the connection is reset never leaves, and the receiver's number is that before it")
  func held() throws {
    struct Holder: Middlebox {
      let timer = FlowTimer()
      var events: some EventGraph {
        Filter(.packet) { event, packet in
          if event.sender == .client, event.packet!.payloadLength > 0 {
            packet.hold()
            event.flow.schedule(timer, after: .seconds(1))
          }
        }
        On(timer) { $0.flow.releaseHeld(from: .client) }
      }
    }
    let script =
      opening + "c > PA seq 1 ack 1 \"held\"\nc > PA seq 5 ack 1 \"too\"\ns > PA seq 1 ack 1 \"evil\"\ntime +5"
    for row in [[Holder(), Resetter()] as [any Middlebox], [Resetter(), Holder()]] {
      #expect(try play(row, script).output == ["s > RA seq 1 ack 8", "back c > RA seq 1 ack 5"])
    }
  }

  @Test("One end alone: it is closed, its peer is as it was, and the end's own RST ends the flow")
  func oneEnd() throws {
    struct States: Middlebox {
      var events: some EventGraph {
        On(.packet) { event in
          event.report("\(event.packet!.number) \(event.flow.client.state) \(event.flow.server.state)")
        }
      }
    }
    let script =
      opening + """
        c > PA seq 1 ack 1 "evil"
        c > PA seq 5 ack 1 "more"
        s > R seq 1

        """
    let result = try play([Resetter(side: .server), States()], script)
    #expect(
      result.output == [
        "c > PA seq 1 ack 1 \"evil\"", "c > RA seq 5 ack 1", "c > PA seq 5 ack 1 \"more\"", "s > R seq 1",
      ])
    #expect(
      result.reports.dropFirst(3) == [
        "4 established established", "5 established closed", "6 closed closed", "end resetByServer closed closed",
      ])
    let client = try play([Resetter(side: .client)], opening + "c > PA seq 1 ack 1 \"evil\"")
    #expect(client.output == ["c > PA seq 1 ack 1 \"evil\"", "back s > RA seq 1 ack 5"])
    #expect(client.reports.isEmpty)
  }

  @Test("An end that goes on after its reset never got it, and is in its old state")
  func notTaken() throws {
    struct States: Middlebox {
      var events: some EventGraph {
        On(.packet) { event in event.report("\(event.flow.client.state) \(event.flow.server.state)") }
        On(.newData) { event in event.report("\(event.receiver) \(event.length)") }
      }
    }
    let script = opening + "c > PA seq 1 ack 1 \"evil\"\ns > PA seq 1 ack 5 \"still here\""
    let result = try play([Resetter(side: .server), States()], script)
    #expect(result.reports.suffix(2) == ["established established", "client 10"])
  }

  @Test("Addresses that a box translates are translated in the resets, on whichever side of it they are made")
  func translatedAddresses() throws {
    struct Translator: Middlebox {
      var events: some EventGraph {
        Filter(.packet) { event, packet in
          if event.sender == .client {
            var key = event.flow.key
            key.rest = key.rest & 0xffff_ffff_ffff | 61_000 << 48
            _ = event.flow.addKey(key)
            _ = packet.setSourcePort(61_000)
          } else {
            _ = packet.setDestinationPort(event.flow.key.sourcePort)
          }
        }
      }
    }
    for row in [[Translator(), Resetter()] as [any Middlebox], [Resetter(), Translator()]] {
      var script = try EventScript(row, burst: 1)
      try script.play(
        "c > S seq 0\ns > SA seq 0 ack 1 port 61000\nc > A seq 1 ack 1\nc > PA seq 1 ack 1 \"evil\"")
      let resets = script.output.suffix(2)
      #expect(resets.map(\.text) == ["s > RA seq 1 ack 5", "c > RA seq 1 ack 1"])
      #expect(resets.first?.key.destinationPort == 40_000 && resets.first?.key.sourcePort == 80)
      #expect(resets.last?.key.sourcePort == 61_000 && resets.last?.key.destinationPort == 80)
    }
  }

  @Test("Refused: in an engine without filters, and of datagrams")
  func refused() throws {
    struct Watcher: Middlebox {
      var events: some EventGraph {
        On(.packet) { event in
          let isReset = event.flow.reset()
          let isOneReset = event.flow.client.reset()
          event.report("\(isReset) \(isOneReset)")
        }
      }
    }
    var script = try EventScript(Watcher())
    #expect(try script.play("c > S seq 0") == ["false false"])
    var datagrams = try EventScript(Watcher(), Resetter())
    #expect(try datagrams.play("c > . udp \"x\"") == ["false false"])
    #expect(datagrams.output.count == 1)
  }
}
