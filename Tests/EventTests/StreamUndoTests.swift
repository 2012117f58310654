import EventDSL
import EventSupport
import Testing

/// Drops what comes with the words "bad" or RST once, when the receiver has taken it.
private struct SecondThoughts: Middlebox {
  let isReset = FlowLocal(false)

  var events: some EventGraph {
    Filter(.packet, at: .receiver) { event, packet in
      guard let view = event.packet else { return }
      if view.withPayload({ $0.text }) == "bad" { packet.drop() }
      if view.flags.contains(.rst), !event.flow[isReset] {
        event.flow[isReset] = true
        packet.drop()
      }
    }
  }
}

@Suite("Stream readers and packets that are dropped behind their receiver's step")
struct StreamUndoTests {
  @Test(
    "What was read of a packet that is dropped is read again when it comes again, with the bytes that came before it")
  func undone() throws {
    let requests = StreamReader(of: .server)
    let started = StreamReader(of: .server, isOn: false)
    let box = ReaderBox(requests, started) {
      $0.onData = { event in
        if event.offset == 0 { return }
        event.flow.start(started)
        event.report(event.flow.text(requests) + " " + event.flow.text(started))
        event.flow.skip(requests, 1)
      }
    }
    var script = try EventScript(box, SecondThoughts())
    let reports = try script.play(
      openConnection + """
        c > PA seq 1 ack 1 "abc"
        c > PA seq 4 ack 1 "bad"
        c > PA seq 4 ack 1 "bad"
        c > PA seq 4 ack 1 "good"
        c > PA seq 8 ack 1 "end"
        """)
    #expect(reports == ["abc|bad bad", "abc|bad bad", "abc|good good", "nd end"])
    #expect(script.engine.streamBytesInUse == 0)
  }

  @Test("A flow's end that is undone leaves what is kept")
  func undoneEnd() throws {
    let requests = StreamReader(of: .server)
    let box = ReaderBox(requests) {
      $0.onEnd = { $0.report($0.flow.peekedText(requests)) }
    }
    var script = try EventScript(SecondThoughts(), box)
    let reports = try script.play(
      openConnection + """
        c > PA seq 1 ack 1 "abc"
        s > R seq 1
        s > R seq 1
        """)
    #expect(reports == ["abc", "abc"])
    #expect(script.engine.streamBytesInUse == 0)
  }
}
