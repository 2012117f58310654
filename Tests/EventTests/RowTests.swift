import EventDSL
import EventSupport
import Testing

private struct Named: Middlebox {
  var name: String
  var isSender = false

  var events: some EventGraph {
    if isSender {
      On(.packet, at: .sender) { event in event.report("\(name) \(event.sender)") }
    } else {
      On(.packet) { event in event.report("\(name)1 \(event.sender)") }
      On(.packet) { event in event.report("\(name)2 \(event.sender)") }
    }
  }
}

@Suite("Several middleboxes in a row")
struct RowTests {
  @Test("Packets from the client pass them in order, packets from the server in the other")
  func order() throws {
    var script = try EventScript(Named(name: "a"), Named(name: "b"))
    let reports = try script.play("c > S seq 0\ns > SA seq 0 ack 1")
    #expect(
      reports == [
        "a1 client", "a2 client", "b1 client", "b2 client", "b1 server", "b2 server", "a1 server", "a2 server",
      ])
  }

  @Test("Also between the tracker's steps")
  func orderAtSender() throws {
    var script = try EventScript(Named(name: "a", isSender: true), Named(name: "b", isSender: true))
    let reports = try script.play("c > S seq 0\ns > SA seq 0 ack 1")
    #expect(reports == ["a client", "b client", "b server", "a server"])
  }
}
