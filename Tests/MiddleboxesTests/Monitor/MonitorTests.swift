import EventDSL
import EventSupport
import Testing

@testable import Middleboxes

@Suite("The monitor")
struct MonitorTests {
  private let connection = """
    0.000 c > S seq 0
    0.010 s > SA seq 0 ack 1
    0.015 c > A seq 1 ack 1
    0.020 c > PA seq 1 ack 1 "GET"
    0.030 s > PA seq 1 ack 4 "hello"
    0.035 c > A seq 4 ack 6
    0.040 c > FA seq 4 ack 6
    0.050 s > FA seq 6 ack 5
    0.055 c > A seq 5 ack 7
    """

  private func table(_ summary: Summary?, _ name: String) throws -> [[String: Summary.Value]] {
    let table = try #require(summary?.tables.first { "\($0.name)" == name })
    return table.rows.map { row in
      Dictionary(uniqueKeysWithValues: zip(table.columns.map { "\($0)" }, row))
    }
  }

  private func play(_ script: String, _ configuration: MonitorConfiguration = MonitorConfiguration()) throws -> Monitor
  {
    let monitor = Monitor(configuration)
    var player = try EventScript(monitor)
    try player.play(script)
    player.finish()
    return monitor
  }

  @Test("a connection's handshake, round trips, ends and bytes") func connected() throws {
    let summary = Monitor.summary(of: [try play(connection)])
    let service = try #require(table(summary, "services").first)
    #expect(service["service"] == .text("80/tcp") && service["flows"] == .count(1) && service["packets"] == .count(9))
    #expect(service["failed"] == .count(0) && service["retransmits"] == .count(0))
    // 15 ms from the SYN to the ACK, in a bucket of 1/64.
    guard case .microseconds(let handshake)? = service["handshake_median"] else {
      Issue.record("no handshake")
      return
    }
    #expect(abs(Int(handshake) - 15_000) <= 150 && service["handshake_p99"] == service["handshake_median"])
    guard case .microseconds(let roundTrip)? = service["rtt_median"] else {
      Issue.record("no round trip")
      return
    }
    // 10 ms to the server and 5 ms to the client, in each exchange.
    #expect(abs(Int(roundTrip) - 15_000) <= 500)
    let talkers = try table(summary, "top_talkers")
    #expect(talkers.count == 2 && talkers[0]["bytes"] == talkers[1]["bytes"])
    #expect(talkers[0]["sent_bytes"] == talkers[1]["received_bytes"])
    #expect(talkers.allSatisfy { $0["uncertain_bytes"] == Summary.Value.none })
    #expect(try table(summary, "conn_states") == [["conn_state": .text("SF"), "connections": .count(1)]])
    let states = try table(summary, "tcp_states")
    #expect(states.contains(["state": .text("TIME_WAIT"), "clients": .count(1), "servers": .count(0)]))
    #expect(states.contains(["state": .text("CLOSED"), "clients": .count(0), "servers": .count(1)]))
  }

  @Test("what comes late is counted too") func late() throws {
    let summary = Monitor.summary(of: [try play(connection + "\n0.060 s > FA seq 6 ack 5\n0.070 c > A seq 5 ack 7")])
    #expect(try table(summary, "services").first?["packets"] == .count(11))
  }

  @Test("a refused and an unanswered connection have failed; one in mid-stream has not") func failures() throws {
    let monitor = try play(
      """
      c > S seq 0
      s > RA seq 0 ack 1
      c > S seq 0 port 41000
      c > A seq 1 ack 1 port 42000
      """)
    let service = try #require(table(Monitor.summary(of: [monitor]), "services").first)
    #expect(service["flows"] == .count(3) && service["failed"] == .count(2))
    #expect(service["handshake_median"] == Summary.Value.none && service["rtt_median"] == Summary.Value.none)
    let states = try table(Monitor.summary(of: [monitor]), "conn_states")
    #expect(states.map { $0["conn_state"] } == [.text("S0"), .text("REJ"), .text("OTH")])
  }

  @Test("monitors of several workers come to one") func workers() throws {
    let one = try play(connection)
    let other = try play(connection)
    let service = try #require(table(Monitor.summary(of: [one, other]), "services").first)
    #expect(service["flows"] == .count(2) && service["packets"] == .count(18))
    let boxes: [any Middlebox] = [one, other]
    #expect(boxes[0].summary(with: [boxes[1]]) == Monitor.summary(of: [one, other]))
    #expect(Monitor.summary(of: []) == nil)
  }

  @Test("no more rows than asked for, and the note says of how many") func rows() throws {
    var configuration = MonitorConfiguration()
    configuration.top = 1
    let summary = Monitor.summary(of: [try play(connection, configuration)])
    let talkers = try #require(summary?.tables.first)
    #expect(talkers.rows.count == 1 && talkers.note == "1 of 2 addresses, by bytes")
  }

  @Test("a middlebox that says nothing has no summary") func nothing() {
    struct Silent: Middlebox {
      var events: some EventGraph { On(.idle) { _ in } }
    }
    let boxes: [any Middlebox] = [Silent()]
    #expect(boxes[0].summary(with: []) == nil)
  }
}
