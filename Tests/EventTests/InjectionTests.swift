import EventDSL
import EventSupport
import Testing

/// Puts text in the place of other text in what the client sends.
struct ClientEditor: Middlebox {
  let old: String
  let new: String

  var events: some EventGraph {
    Filter(.packet) { event, packet in
      guard event.sender == .client, let text = event.packet?.withPayload({ $0.text }),
        let place = text.range(of: old)
      else { return }
      let offset = text.utf8.distance(from: text.utf8.startIndex, to: place.lowerBound)
      let outcome = Array(new.utf8).withUnsafeBytes { packet.replace(at: offset, count: old.utf8.count, with: $0) }
      if outcome != .done { event.report("\(outcome)") }
    }
  }
}

/// Sends a text toward a side when the client says a word.
struct Injector: Middlebox {
  var name = "injector"
  var word = "bob"
  var text = "no"
  var side = Side.client
  var hook = Hook.sender

  var events: some EventGraph {
    Filter(.packet, at: hook) { event, _ in
      if let packet = event.packet, packet.decoded.pointee.payloadLength > 0 {
        event.report("\(name) \(event.hook) \(event.sender) \(packet.withPayload { $0.text })")
      }
      guard event.sender == .client, let packet = event.packet, packet.withPayload({ $0.text }).contains(word) else {
        return
      }
      let end = packet.sequence &+ UInt32(packet.payloadLength)
      let segment =
        side == .client
        ? TCPSegment.data(sequence: packet.acknowledgment, acknowledgment: end, window: 1_000)
        : TCPSegment.data(sequence: end, acknowledgment: packet.acknowledgment, window: 1_000)
      let isSent = Array(text.utf8).withUnsafeBytes { event.flow.inject(segment, toward: side, payload: $0) }
      if !isSent { event.report("refused") }
    }
    On(.newData) { event in
      var text = ""
      event.forEachSpan { text += $0.text }
      event.report("\(name) \(event.receiver) has \(text) at \(event.offset)")
    }
  }
}

extension String {
  /// Where a text stands in this one.
  fileprivate func range(of text: String) -> Range<String.Index>? {
    indices.first { self[$0...].hasPrefix(text) }.map { $0..<index($0, offsetBy: text.count) }
  }
}

/// The client's name is 7 bytes longer for the server.
private let talk = """
  c > S seq 0
  s > SA seq 0 ack 1
  c > A seq 1 ack 1
  c > PA seq 1 ack 1 "name"
  s > A seq 1 ack 12
  c > PA seq 5 ack 1 "bob"

  """
private let editor = ClientEditor(old: "name", new: "a long name")

@Suite("Packets that middleboxes make")
struct InjectionTests {
  private func play(_ middleboxes: [any Middlebox], _ script: String = talk) throws -> (
    output: [String], reports: [String]
  ) {
    var runner = try EventScript(middleboxes, burst: 1)
    let reports = try runner.play(script)
    #expect(runner.output.allSatisfy { $0.isAcceptable && $0.anomalies.isEmpty })
    #expect(runner.engine.statistics.injected == 1 && runner.engine.statistics.refusedEdits == 0)
    return (Array(runner.output.map { ($0.isReturned ? "back " : "") + $0.text }.dropFirst(5)), reports)
  }

  @Test("Toward the client, from behind a box that made its stream longer: the acknowledgment is of its own numbers")
  func backThroughEditor() throws {
    // The injector has the numbers of the server: the client's text ends at 15 for it, and at 8 for the client.
    let result = try play([editor, Injector()])
    #expect(result.output == ["c > PA seq 12 ack 1 \"bob\"", "back s > PA seq 1 ack 8 \"no\""])
    #expect(
      result.reports == [
        "injector sender client a long name", "injector server has a long name at 0", "injector sender client bob",
        "injector server has bob at 11", "injector client has no at 0",
      ])
  }

  @Test("Toward the client, from before the box that makes the stream longer: as it is")
  func backBeforeEditor() throws {
    let result = try play([Injector(), editor])
    #expect(result.output == ["c > PA seq 12 ack 1 \"bob\"", "back s > PA seq 1 ack 8 \"no\""])
    #expect(result.reports.last == "injector client has no at 0")
  }

  @Test("Toward the server, from before the box that makes the stream longer: behind what the server has")
  func onThroughEditor() throws {
    let result = try play([Injector(side: .server), editor])
    #expect(result.output == ["c > PA seq 12 ack 1 \"bob\"", "c > PA seq 15 ack 1 \"no\""])
    #expect(result.reports.suffix(2) == ["injector server has bob at 11", "injector server has no at 14"])
  }

  @Test("Toward the server, from behind it: as it is, and the client's own numbers are the client's")
  func onBehindEditor() throws {
    let result = try play([editor, Injector(side: .server)])
    #expect(result.output == ["c > PA seq 12 ack 1 \"bob\"", "c > PA seq 15 ack 1 \"no\""])
    #expect(result.reports.last == "injector server has no at 14")
  }

  @Test("At the receiver's hook the numbers are the receiver's, on either side of the box")
  func atReceiver() throws {
    for row in [[Injector(hook: .receiver), editor] as [any Middlebox], [editor, Injector(hook: .receiver)]] {
      #expect(try play(row).output == ["c > PA seq 12 ack 1 \"bob\"", "back s > PA seq 1 ack 8 \"no\""])
    }
    for row in [
      [Injector(side: .server, hook: .receiver), editor] as [any Middlebox],
      [editor, Injector(side: .server, hook: .receiver)],
    ] {
      #expect(try play(row).output == ["c > PA seq 12 ack 1 \"bob\"", "c > PA seq 15 ack 1 \"no\""])
    }
  }

  @Test("The box that makes the stream longer can send something itself, in the numbers that come to it")
  func byEditorItself() throws {
    struct Both: Middlebox {
      let side: Side
      var events: some EventGraph {
        editor.events
        Injector(side: side).events
      }
    }
    #expect(
      try play([Both(side: .server)]).output == ["c > PA seq 12 ack 1 \"bob\"", "c > PA seq 15 ack 1 \"no\""])
    #expect(
      try play([Both(side: .client)]).output == ["c > PA seq 12 ack 1 \"bob\"", "back s > PA seq 1 ack 8 \"no\""])
  }

  @Test("What is sent goes through two boxes that change lengths, in both orders of the packet's way")
  func twoEditors() throws {
    let second = ClientEditor(old: "long", new: "very long")
    let far = try play([editor, second, Injector()], talk.replacing("ack 12", with: "ack 17"))
    #expect(far.output == ["c > PA seq 17 ack 1 \"bob\"", "back s > PA seq 1 ack 8 \"no\""])
    let near = try play([Injector(side: .server), editor, second], talk.replacing("ack 12", with: "ack 17"))
    #expect(near.output == ["c > PA seq 17 ack 1 \"bob\"", "c > PA seq 20 ack 1 \"no\""])
    let between = try play([editor, Injector(side: .server), second], talk.replacing("ack 12", with: "ack 17"))
    #expect(between.output == ["c > PA seq 17 ack 1 \"bob\"", "c > PA seq 20 ack 1 \"no\""])
  }

  @Test("The boxes on its way change it, also in length, and can drop it; those behind it do not see it")
  func filtersOnTheWay() throws {
    let changing = ClientEditor(old: "yes", new: "maybe")
    let on = try play([Injector(text: "yes", side: .server), editor, changing])
    #expect(on.output == ["c > PA seq 12 ack 1 \"bob\"", "c > PA seq 15 ack 1 \"maybe\""])
    #expect(on.reports.last == "injector server has maybe at 14")
    let past = try play([changing, editor, Injector(text: "yes", side: .server)])
    #expect(past.output.last == "c > PA seq 15 ack 1 \"yes\"")

    struct Dropper: Middlebox {
      var events: some EventGraph {
        Filter(.packet) { event, packet in
          if event.packet?.withPayload({ $0.text }) == "no" {
            event.report("dropped of \(event.sender)")
            packet.drop()
          }
        }
      }
    }
    var script = try EventScript([Dropper(), editor, Injector()], burst: 1)
    let reports = try script.play(talk)
    #expect(reports.last == "dropped of server")
    #expect(
      script.output.count == 6 && script.engine.statistics.injectedDropped == 1 && script.engine.statistics.dropped == 0
    )
  }

  @Test("A row of boxes knows who sent a packet whose addresses the first one changed")
  func senderBehindTranslation() throws {
    struct Translator: Middlebox {
      var events: some EventGraph {
        Filter(.packet) { event, packet in
          if event.sender == .client {
            _ = packet.setSource(IPAddress(v4: 0xc000_0201))
            _ = packet.setDestination(IPAddress(v4: 0xc000_0202))
          }
        }
      }
    }
    struct Teller: Middlebox {
      var events: some EventGraph {
        Filter(.packet) { event, _ in event.report("sent by \(event.sender)") }
        On(.packet) { event in event.report("received from \(event.sender)") }
      }
    }
    var script = try EventScript(Translator(), Teller())
    #expect(try script.play("c > S seq 0") == ["sent by client", "received from client"])
  }

  @Test("What handlers do to a packet that a middlebox made cannot make another one")
  func noEcho() throws {
    let echo = Injector(name: "echo", word: "no", text: "no", side: .server)
    let result = try play([Injector(side: .server), editor, echo])
    #expect(result.output == ["c > PA seq 12 ack 1 \"bob\"", "c > PA seq 15 ack 1 \"no\""])
    #expect(result.reports.contains("refused"))
  }
}
