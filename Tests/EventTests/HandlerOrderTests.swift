import EventDSL
import EventSupport
import Testing

private struct Row: Middlebox {
  let name: String
  var count = 1

  var events: some EventGraph {
    for number in 0..<count {
      On(.established) { $0.report("\(name)\(number)") }
      On(.newData) { $0.report("\(name)\(number)") }
    }
  }
}

private struct Alternating: Middlebox {
  let raised = UserEvent<Int>()

  var events: some EventGraph {
    for number in 0..<50 {
      On(.established) { $0.report("established \(number)") }
      On(.newData) { $0.report("newData \(number)") }
      On(raised) { $0.report("raised \(number) \($0.payload)") }
    }
    On(.newData) { $0.raise(raised, 7) }
  }
}

private let handshake = """
  c > S seq 0
  s > SA seq 0 ack 1
  c > A seq 1 ack 1
  """

@Suite("Several handlers for the same event")
struct HandlerOrderTests {
  @Test("All run, in the order of their declaration", arguments: [2, 63, 64, 65, 128, 300], [1, 32])
  func order(count: Int, burst: Int) throws {
    var script = try EventScript(Row(name: "", count: count), burst: burst)
    #expect(try script.play(handshake) == (0..<count).map(String.init))
  }

  @Test(
    "All middleboxes' handlers run: those of the first one first for packets from the client, last for the server's",
    arguments: [1, 40, 64, 90])
  func middleboxes(count: Int) throws {
    var script = try EventScript(
      Row(name: "a", count: count), Row(name: "b", count: count), Row(name: "c", count: count))
    func reports(_ names: [String]) -> [String] { names.flatMap { name in (0..<count).map { "\(name)\($0)" } } }
    #expect(try script.play(handshake) == reports(["a", "b", "c"]))
    #expect(try script.play(#"c > PA seq 1 ack 1 "x""#) == reports(["a", "b", "c"]))
    #expect(try script.play(#"s > PA seq 1 ack 2 "x""#) == reports(["c", "b", "a"]))
  }

  @Test("Handlers of other events between them do not run, and change nothing in the order")
  func mixed() throws {
    var script = try EventScript(Alternating())
    #expect(try script.play(handshake) == (0..<50).map { "established \($0)" })
    #expect(
      try script.play(#"c > PA seq 1 ack 1 "x""#)
        == (0..<50).map { "newData \($0)" } + (0..<50).map { "raised \($0) 7" })
  }

  @Test("A middlebox without handlers is in nobody's way")
  func empty() throws {
    var script = try EventScript(Row(name: "a", count: 0), Row(name: "b", count: 2), Row(name: "c", count: 0))
    #expect(try script.play(handshake) == ["b0", "b1"])
  }
}
