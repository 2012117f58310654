import EventDSL
import Foundation
import MOSCore
import Testing

@testable import Records

@Suite("What middleboxes say")
struct MiddleboxSummaryTests {
  private let summary = MiddleboxSummary(
    name: "box", dropped: 1_234,
    summary: Summary([
      Summary.Table(
        "top_things", ["thing", "packets", "unused", "bytes", "time_taken"],
        [
          [.text("a\u{1b}[31m\"b"), .count(1_000), .none, .bytes(1_500), .microseconds(1_234)],
          [.text("c"), .count(7), .none, .none, .microseconds(2_000_000)],
        ], note: "2 of 3 things"),
      Summary.Table("empty", ["name"], []),
    ]))

  @Test("people get aligned tables, without what is empty and without what a terminal would obey") func text() {
    #expect(
      summary.description == #"""
        box: 1,234 packets dropped

        box, top things: 2 of 3 things
          thing          packets   bytes  time taken
          a\u001b[31m"b    1,000  1.5 kB      1.2 ms
          c                    7       -       2.0 s

        """#)
  }

  @Test("programs get arrays of objects, with units in the names of times") func json() throws {
    let object = try parsed(written { summary.appendJSON(to: &$0) } + "\n")
    #expect(object["name"] as? String == "box" && object["dropped"] as? Int == 1_234)
    let rows = try #require(object["top_things"] as? [[String: Any]])
    #expect(rows.count == 2 && rows[0]["thing"] as? String == "a\u{1b}[31m\"b")
    #expect(rows[0]["packets"] as? Int == 1_000 && rows[0]["bytes"] as? Int == 1_500)
    #expect(rows[0]["time_taken_us"] as? Int == 1_234 && rows[0]["unused"] == nil && rows[1]["bytes"] == nil)
    #expect((object["empty"] as? [Any])?.isEmpty == true)
  }

  @Test("the statistics have every counter of the middleboxes, and add them up") func statistics() throws {
    var counted = EngineStatistics()
    counted.reports = 3
    counted.cutOff = 2
    var statistics = ReplayStatistics()
    #expect(try parsed(written { statistics.appendJSON(to: &$0) })["middleboxes"] == nil)
    statistics.middleboxes = counted
    let sum = statistics + statistics + ReplayStatistics()
    let object = try parsed(written { sum.appendJSON(to: &$0, boxes: [summary]) })
    let middleboxes = try #require(object["middleboxes"] as? [String: Any])
    #expect(middleboxes["reports"] as? Int == 6 && middleboxes["cut_off"] as? Int == 4)
    #expect(middleboxes["timers"] as? Int == 0 && middleboxes["forwarded"] as? Int == 0)
    #expect(middleboxes.count == counted.counters.count + 1)
    #expect((middleboxes["boxes"] as? [[String: Any]])?.first?["name"] as? String == "box")
    #expect(sum.description.contains("boxes      reports 6, cut off 4\n"))
  }

  private func report(flow: FlowKey?, packet: UInt64, text: String) -> Report {
    Report(
      middlebox: "my box", time: Timestamp(nanoseconds: 1_700_000_000_123_456_000), flow: flow, packetKey: nil,
      flowStart: (Timestamp(nanoseconds: 5), 1), packet: packet, text: text)
  }

  @Test("a report is one line, whatever it says") func line() {
    let v4 = FlowKey(
      source: IPAddress(v4: 0x0a00_0001), sourcePort: 1, destination: IPAddress(v4: 0x0a00_0002), destinationPort: 80,
      vlan: 7, protocolNumber: 6)
    let lines = written { text in
      ReportLines.append(report(flow: v4, packet: 9, text: "one\ntwo \u{7}\"three\" \u{9b}"), to: &text)
      ReportLines.append(report(flow: nil, packet: 0, text: "none"), to: &text)
      var v6 = v4
      v6.source = IPAddress(high: 0x2001_0db8_0000_0000, low: 1)
      v6.destination = v6.source
      v6.rest = v6.rest & ~0xfff0_00ff | 17
      ReportLines.append(report(flow: v6, packet: 10, text: ""), to: &text)
    }
    #expect(
      lines.split(separator: "\n").map(String.init) == [
        "2023-11-14T22:13:20.123456+0000 packet 9 my box tcp 10.0.0.1:1 -> 10.0.0.2:80 vlan 7: "
          + #"one\ntwo \u0007"three" \u009b"#,
        "2023-11-14T22:13:20.123456+0000 my box: none",
        "2023-11-14T22:13:20.123456+0000 packet 10 my box udp [2001:db8::1]:1 -> [2001:db8::1]:80: ",
      ])
  }

  @Test("EVE has a report as a record of its own type") func eve() throws {
    let object = try parsed(written { EVE.append(report: report(flow: nil, packet: 9, text: "a\"b"), to: &$0) })
    #expect(object["event_type"] as? String == "middlebox" && object["pcap_cnt"] as? Int == 9)
    #expect(object["src_ip"] == nil && object["flow_id"] == nil)
    #expect((object["middlebox"] as? [String: String]) == ["name": "my box", "message": "a\"b"])
  }
}
