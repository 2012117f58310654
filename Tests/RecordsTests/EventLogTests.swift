import Foundation
import Testing

@testable import DualStackTracker
@testable import MOSCore
@testable import MTCP
@testable import Records

@Suite("Events")
struct EventLogTests {
  private func line(_ kind: EventKind, _ change: (inout EventRecord) -> Void = { _ in }) throws -> [String: Any] {
    var event = EventRecord(kind, .receiver, .server)
    change(&event)
    var record = flow()
    return try parsed(
      written {
        EventLog.append(event, number: 12, timestamp: Timestamp(nanoseconds: 1_500_000_001), flow: &record, to: &$0)
      })
  }

  @Test("every event is one line with its number, time, hook, side and flow", arguments: EventKind.allCases)
  func common(_ kind: EventKind) throws {
    let object = try line(kind)
    #expect(object["n"] as? Int == 12 && object["ts"] as? Double == 1.500000001)
    #expect(object["event"] as? String == kind.name)
    #expect(object["hook"] as? String == "receiver" && object["side"] as? String == "server")
    var record = flow()
    #expect(object["uid"] as? String == written { $0.append(uid: FlowUID(&record)) })
  }

  @Test("events of data have their range", arguments: [.newData, .outOfOrder, .gap, .overlapConflict] as [EventKind])
  func ranges(_ kind: EventKind) throws {
    let object = try line(kind) {
      $0.offset = 1 << 40
      $0.length = 1460
    }
    #expect(object["offset"] as? Int == 1 << 40 && object["length"] as? Int == 1460)
  }

  @Test("a retransmission says what was sent again and whether it was the same")
  func retransmission() throws {
    for kind in RetransmissionKind.allCases {
      let object = try line(.retransmission) {
        $0.code = kind.rawValue
        $0.detail = kind == .data ? 1 : 0
        $0.offset = 5
        $0.length = 6
      }
      #expect(object["kind"] as? String == kind.name && object["same"] as? Bool == (kind != .data))
      #expect(object["offset"] as? Int == 5 && object["length"] as? Int == 6)
    }
  }

  @Test("a change of state has the RFC's names")
  func states() throws {
    let object = try line(.stateChange) {
      $0.detail = TCPState.synReceived.rawValue
      $0.code = TCPState.established.rawValue
    }
    #expect(object["old"] as? String == "SYN_RECEIVED" && object["new"] as? String == "ESTABLISHED")
  }

  @Test("anomalies and ends have their names")
  func names() throws {
    for anomaly in Anomaly.allCases {
      #expect(try line(.anomaly) { $0.code = anomaly.rawValue }["anomaly"] as? String == anomaly.name)
    }
    #expect(try line(.connectionEnd) { $0.code = EndReason.reused.rawValue }["reason"] as? String == "reused")
  }

  @Test("a code that no case has is an empty name, not a crash")
  func unknownCodes() throws {
    #expect(try line(.anomaly) { $0.code = 255 }["anomaly"] as? String == "")
    #expect(try line(.stateChange) { $0.code = 255 }["new"] as? String == "CLOSED")
    #expect(try line(.connectionEnd) { $0.code = 255 }["reason"] as? String == "")
  }

  @Test("a timer's event has no packet number, a packet's event has its addresses")
  func withoutPacketOrFlow() throws {
    var record = flow()
    let timer = try parsed(
      written {
        EventLog.append(
          .idle, hook: .timer, side: nil, number: 0, timestamp: Timestamp(nanoseconds: 0), flow: &record, to: &$0)
      })
    #expect(timer["n"] == nil && timer["side"] == nil && timer["hook"] as? String == "timer")
    let orphan = try withPacket(key("2001:db8::1", 1, "2001:db8::2", 2), number: 3) { packet in
      try parsed(written { EventLog.append(.orphan, hook: .wire, packet: &packet, to: &$0) })
    }
    #expect(orphan["src"] as? String == "2001:db8::1" && orphan["dst_port"] as? Int == 2)
    #expect(orphan["uid"] == nil && orphan["n"] as? Int == 3)
    let broken = try withPacket(key()) { packet in
      packet.ipVersion = 0
      return try parsed(written { EventLog.append(Anomaly.frameTruncated, packet: &packet, to: &$0) })
    }
    #expect(broken["src"] == nil && broken["anomaly"] as? String == "frameTruncated")
  }
}

@Suite("EVE")
struct EVETests {
  private func eve(_ record: FlowRecord) throws -> (top: [String: Any], flow: [String: Any], tcp: [String: Any]?) {
    var record = record
    let object = try parsed(written { EVE.append(flow: &record, to: &$0) })
    return (object, try #require(object["flow"] as? [String: Any]), object["tcp"] as? [String: Any])
  }

  @Test("a TCP flow's record has Suricata's fields")
  func tcp() throws {
    let (top, flow, tcp) = try eve(
      flow(key(vlan: 5, innerVLAN: 6), history: "ShADadFfR") { record in
        record.client.packets = 1
        record.client.ipBytes = 2
        record.server.packets = 3
        record.server.ipBytes = 4
        record.client.state = TCPState.closed.rawValue
        record.end = .fin
      })
    #expect(top["timestamp"] as? String == "2011-03-13T07:06:42.223456+0000")
    #expect(top["event_type"] as? String == "flow" && top["proto"] as? String == "TCP" && top["ip_v"] as? Int == 4)
    #expect(top["src_ip"] as? String == "192.0.2.1" && top["src_port"] as? Int == 40000)
    #expect(top["dest_ip"] as? String == "198.51.100.2" && top["dest_port"] as? Int == 80)
    #expect(top["vlan"] as? [Int] == [5, 6] && top["flow_id"] is Int)
    #expect(
      flow as NSDictionary == [
        "pkts_toserver": 1, "bytes_toserver": 2, "pkts_toclient": 3, "bytes_toclient": 4,
        "start": "2011-03-13T07:06:40.123456+0000", "end": "2011-03-13T07:06:42.223456+0000", "age": 2,
        "state": "closed", "reason": "timeout", "alerted": false,
      ])
    #expect(
      tcp! as NSDictionary == [
        "tcp_flags": "17", "tcp_flags_ts": "17", "tcp_flags_tc": "13", "syn": true, "fin": true, "rst": true,
        "ack": true, "state": "closed",
      ])
  }

  @Test(
    "states of a flow and of its session",
    arguments: [
      ("S", .synSent, .closed, .traceEnd, "new", "syn_sent", "shutdown"),
      ("S", .synSent, .synReceived, .evicted, "new", "syn_sent", "forced"),
      ("Sh", .established, .synReceived, .timeout, "new", "syn_recv", "timeout"),
      ("ShA", .established, .established, .traceEnd, "established", "established", "shutdown"),
      ("ShAF", .finWait2, .closeWait, .reused, "established", "close_wait", "forced"),
      ("ShAf", .closeWait, .finWait2, .traceEnd, "established", "fin_wait2", "shutdown"),
      ("ShAFf", .timeWait, .lastAck, .traceEnd, "closed", "last_ack", "shutdown"),
      ("ShAfF", .lastAck, .timeWait, .traceEnd, "closed", "time_wait", "shutdown"),
      ("ShAr", .closed, .timeWait, .resetByServer, "closed", "closed", "timeout"),
    ] as [(String, TCPState, TCPState, EndReason, String, String, String)])
  func states(_ test: (String, TCPState, TCPState, EndReason, String, String, String)) throws {
    let (_, flow, tcp) = try eve(
      flow(history: test.0) {
        $0.client.state = test.1.rawValue
        $0.server.state = test.2.rawValue
        $0.end = test.3
      })
    #expect(flow["state"] as? String == test.4 && flow["reason"] as? String == test.6)
    #expect(tcp?["state"] as? String == test.5)
  }

  @Test(
    "a FIN has ACK, and so has a RST that refuses a SYN; other RSTs may be without",
    arguments: [
      ("Sr", "02", "14"), ("F", "11", "00"), ("^hf", "00", "13"), ("ShAr", "12", "16"), ("SR", "06", "00"),
      ("Dr", "10", "04"),
    ])
  func controlBits(_ history: String, _ client: String, _ server: String) throws {
    let tcp = try eve(flow(history: history)).tcp
    #expect(tcp?["tcp_flags_ts"] as? String == client && tcp?["tcp_flags_tc"] as? String == server)
  }

  @Test("ICMP has no ports and no TCP, other protocols their number")
  func otherProtocols() throws {
    let icmp = try eve(flow(key("2001:db8::1", 128, "2001:db8::2", 0, protocolNumber: 58)) { $0.client.packets = 1 })
    #expect(icmp.top["proto"] as? String == "IPv6-ICMP" && icmp.top["ip_v"] as? Int == 6)
    #expect(icmp.top["src_port"] == nil && icmp.tcp == nil && icmp.flow["state"] as? String == "new")
    #expect(try eve(flow(key(protocolNumber: 89))).top["proto"] as? String == "089")
  }

  @Test("an anomaly names its packet", arguments: Anomaly.allCases)
  func anomalies(_ anomaly: Anomaly) throws {
    var record = flow()
    let object = try withPacket(key(), number: 9) { packet in
      try parsed(written { EVE.append(anomaly: anomaly, packet: &packet, flow: &record, to: &$0) })
    }
    #expect(object["pcap_cnt"] as? Int == 9 && object["event_type"] as? String == "anomaly")
    let detail = try #require(object["anomaly"] as? [String: String])
    #expect(detail["event"] == anomaly.name)
    #expect(["decode", "stream"].contains(detail["type"]))
  }

  @Test("what a packet shows by itself is decode, what it takes a connection to see is stream")
  func layers() throws {
    let layers = try ([.frameTruncated, .icmpChecksumInvalid, .synWithData, .receiveBufferLimit] as [Anomaly]).map {
      anomaly in
      try withPacket(key()) { packet in
        let object = try parsed(written { EVE.append(anomaly: anomaly, packet: &packet, flow: nil, to: &$0) })
        return (object["anomaly"] as? [String: String])?["type"]
      }
    }
    #expect(layers == ["decode", "decode", "stream", "stream"])
  }

  @Test("an anomaly of a packet without a flow has no flow_id")
  func anomalyWithoutFlow() throws {
    let object = try withPacket(key()) { packet in
      packet.ipVersion = 0
      return try parsed(written { EVE.append(anomaly: .frameTruncated, packet: &packet, flow: nil, to: &$0) })
    }
    #expect(object["flow_id"] == nil && object["src_ip"] == nil)
  }
}
