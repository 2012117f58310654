import Crypto
import Foundation
import Testing

@testable import DualStackTracker
@testable import MOSCore
@testable import MTCP
@testable import Records

@Suite("Connection records")
struct ConnectionLogTests {
  let digests = StreamDigestPair(
    client: StreamDigest(count: 11, sha256: (1, 2, 3, 4)), server: StreamDigest(count: 22, sha256: (.max, 0, 0, 0xab)))

  private func full(_ key: FlowKey = key(vlan: 100, innerVLAN: 4094)) -> FlowRecord {
    flow(key, history: "ShADadFf") { record in
      record.client.packets = 5
      record.client.ipBytes = 500
      record.client.streamBytes = 240
      record.client.missedBytes = 3
      record.client.retransmits = 1
      record.client.outOfOrder = 2
      record.client.roundTripMicroseconds = 1234
      record.client.state = TCPState.timeWait.rawValue
      record.client.observed = .closed
      record.server.packets = 6
      record.server.ipBytes = 5_000_000_000
      record.server.streamBytes = 4_999_999_000
      record.server.missedBytes = 4
      record.server.retransmits = 7
      record.server.outOfOrder = 8
      record.server.state = TCPState.closed.rawValue
      record.server.observed = .closed
      record.end = .fin
    }
  }

  private func json(_ record: FlowRecord, _ log: ConnectionLog = ConnectionLog(format: .json)) throws -> NSDictionary {
    var record = record
    return try parsed(written { log.append(&record, digests: digests, to: &$0) }) as NSDictionary
  }

  @Test("a TCP connection's record has every field")
  func everyField() throws {
    var object =
      try json(full(), ConnectionLog(format: .json, hasStreamDigests: true, hasCommunityID: true))
      as! [String: Any]
    let uid = try #require(object.removeValue(forKey: "uid") as? String)
    #expect(uid.count == 18 && uid.first == "C")
    #expect(object.removeValue(forKey: "community_id") as? String == "1:+2pHz3aT6HgcBXuye2/+i7Ff26k=")
    let expected: NSDictionary = [
      "ts": 1_300_000_000.123456, "id.orig_h": "192.0.2.1", "id.orig_p": 40000, "id.resp_h": "198.51.100.2",
      "id.resp_p": 80, "proto": "tcp", "duration": 2.100000789, "orig_bytes": 240, "resp_bytes": 4_999_999_000,
      "conn_state": "SF", "missed_bytes": 7, "history": "ShADadFf", "orig_pkts": 5, "orig_ip_bytes": 500,
      "resp_pkts": 6, "resp_ip_bytes": 5_000_000_000, "vlan": 100, "inner_vlan": 4094, "orig_state": "TIME_WAIT",
      "resp_state": "CLOSED", "end": "fin", "orig_retransmits": 1, "resp_retransmits": 7, "orig_out_of_order": 2,
      "resp_out_of_order": 8, "midstream": false, "orig_rtt_us": 1234, "orig_contiguous_bytes": 22,
      "orig_sha256": "ffffffffffffffff0000000000000000000000000000000000000000000000ab",
      "resp_contiguous_bytes": 11, "resp_sha256": "0000000000000001000000000000000200000000000000030000000000000004",
    ]
    #expect(object as NSDictionary == expected)
  }

  @Test("a TCP connection without a byte has the digest of nothing, a UDP flow none")
  func emptyDigests() throws {
    let log = ConnectionLog(format: .json, hasStreamDigests: true)
    var (tcp, udp) = (flow(), flow(key(protocolNumber: 17)))
    let object = try parsed(written { log.append(&tcp, to: &$0) })
    #expect(object["orig_contiguous_bytes"] as? Int == 0 && object["resp_contiguous_bytes"] as? Int == 0)
    let nothing = SHA256.hash(data: []).map { String(format: "%02x", $0) }.joined()
    #expect(object["orig_sha256"] as? String == nothing && object["resp_sha256"] as? String == nothing)
    #expect(try parsed(written { log.append(&udp, to: &$0) })["orig_sha256"] == nil)
  }

  @Test("for TCP, byte counts, packet counts, state, history and end are there even for one packet")
  func alwaysThere() throws {
    let object = try json(flow(first: 5_000, last: 5_000, history: "S") { $0.end = .traceEnd })
    for name in [
      "orig_bytes", "resp_bytes", "orig_pkts", "resp_pkts", "orig_ip_bytes", "resp_ip_bytes", "conn_state", "history",
      "end", "missed_bytes", "orig_state", "resp_state", "midstream",
    ] {
      #expect(object[name] != nil, "\(name)")
    }
    for name in ["duration", "vlan", "inner_vlan", "orig_rtt_us", "resp_rtt_us", "orig_sha256", "community_id"] {
      #expect(object[name] == nil, "\(name)")
    }
    #expect(try json(flow())["history"] as? String == "")
  }

  @Test("a UDP flow of one packet has no duration and no byte counts, as in Zeek; TCP's fields are never there")
  func udp() throws {
    let single = try json(flow(key(protocolNumber: 17), first: 5, last: 5) { $0.client.packets = 1 })
    #expect(single["duration"] == nil && single["orig_bytes"] == nil && single["resp_bytes"] == nil)
    #expect(single["orig_pkts"] as? Int == 1 && single["conn_state"] as? String == "S0")
    let more = try json(flow(key(protocolNumber: 17), history: "Dd"))
    #expect(more["orig_bytes"] as? Int == 0 && more["duration"] != nil && more["history"] as? String == "Dd")
    for name in ["orig_state", "resp_state", "orig_retransmits", "orig_out_of_order", "midstream"] {
      #expect(more[name] == nil, "\(name)")
    }
  }

  @Test("a flow whose packets go back in time has no duration")
  func negativeDuration() throws {
    #expect(try json(flow(first: 10_000, last: 0))["duration"] == nil)
    #expect(try json(flow(first: .max, last: .min))["ts"] != nil)
  }

  @Test(
    "protocols have Zeek's names",
    arguments: zip([1, 6, 17, 58, 132] as [UInt8], ["icmp", "tcp", "udp", "icmp", "unknown_transport"]))
  func protocols(_ number: UInt8, _ name: String) throws {
    #expect(try json(flow(key(protocolNumber: number)))["proto"] as? String == name)
  }

  @Test("Zeek's form has the columns of its header, and the values of the JSON form", arguments: [false, true])
  func zeekForm(_ hasExtras: Bool) throws {
    let log = ConnectionLog(format: .zeek, hasStreamDigests: hasExtras, hasCommunityID: hasExtras)
    let asJSON = ConnectionLog(format: .json, hasStreamDigests: hasExtras, hasCommunityID: hasExtras)
    let records = [
      full(), full(key("2001:db8::1", 1, "fe80::2", 2)), flow(first: 1000, last: 1000),
      flow(key("192.0.2.9", 8, "192.0.2.10", 0, protocolNumber: 1)),
      flow(first: 1_300_000_000_000_001_000, last: 1_300_000_000_000_002_000) { $0.end = .resetByServer },
    ]
    let text = written { text in
      log.appendHeader(opened: Timestamp(nanoseconds: 1_709_164_801_000_000_000), to: &text)
      for var record in records { log.append(&record, digests: digests, to: &text) }
      log.appendFooter(closed: Timestamp(nanoseconds: 1_709_168_401_999_999_999), to: &text)
    }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    #expect(lines.first == "#separator \\x09")
    #expect(lines.prefix { $0.hasPrefix("#") }.count == log.headerLines)
    #expect(lines.last == "" && lines.dropLast().last == "#close\t2024-02-29-01-00-01")
    var options: [String: [String]] = [:]
    var rows: [[String]] = []
    for line in lines.dropFirst().dropLast() {
      let cells = line.components(separatedBy: "\t")
      if cells[0].hasPrefix("#") { options[cells[0]] = Array(cells.dropFirst()) } else { rows.append(cells) }
    }
    #expect(options["#set_separator"] == [","] && options["#empty_field"] == ["(empty)"])
    #expect(options["#unset_field"] == ["-"] && options["#path"] == ["conn"])
    #expect(options["#open"] == ["2024-02-29-00-00-01"])
    let fields = try #require(options["#fields"])
    let types = try #require(options["#types"])
    #expect(fields.count == types.count && fields.count == (hasExtras ? 34 : 29))
    #expect(types[0..<7] == ["time", "string", "addr", "port", "addr", "port", "enum"])
    #expect(rows.count == records.count)
    for (row, record) in zip(rows, records) {
      #expect(row.count == fields.count)
      let object = try json(record, asJSON)
      for (index, field) in fields.enumerated() {
        let (cell, value) = (row[index], object[field])
        switch (types[index], value) {
        case (_, nil): #expect(cell == "-" || field == "history", "\(field)")
        case ("bool", let value as NSNumber): #expect(cell == (value.boolValue ? "T" : "F"))
        case ("time", let value as NSNumber), ("interval", let value as NSNumber):
          #expect(abs(try #require(Double(cell)) - value.doubleValue) < 2e-6, "\(field)")
          #expect(cell.split(separator: ".").last?.count == 6)
        case ("count", let value as NSNumber), ("port", let value as NSNumber), ("int", let value as NSNumber):
          #expect(cell == value.stringValue, "\(field)")
        case (_, let value): #expect(cell == value as? String || value as? String == "", "\(field)")
        }
      }
      #expect(Set(object.allKeys as! [String]).isSubset(of: fields))
    }
  }

  @Test(
    "a Community ID is the published one of the packet",
    arguments: [
      ("66.35.250.204", 80 as UInt16, "128.232.110.120", 34855 as UInt16, 6 as UInt8, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
      ("192.168.1.52", 54585, "8.8.8.8", 53, 17, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
      ("192.168.170.8", 7, "192.168.170.56", 80, 132, "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ="),
    ])
  func communityID(_ test: (String, UInt16, String, UInt16, UInt8, String)) {
    let key = key(test.0, test.1, test.2, test.3, protocolNumber: test.4)
    #expect(written { text in text.write(atMost: 30) { $0.append(communityID: key) } } == test.5)
    #expect(written { text in text.write(atMost: 30) { $0.append(communityID: key.reversed) } } == test.5)
  }
}

@Suite("Identifiers of flows")
struct FlowUIDTests {
  @Test("an identifier is the same whichever end is the client")
  func direction() {
    var one = flow()
    var other = flow(key().reversed)
    #expect(FlowUID(&one) == FlowUID(&other))
  }

  @Test("flows that differ in one thing have different identifiers")
  func differences() {
    let time = Timestamp(nanoseconds: 1)
    var keys = [key()]
    keys += [key("192.0.2.2"), key("192.0.2.1", 40001), key("192.0.2.1", 40000, "198.51.100.3")]
    keys += [key("192.0.2.1", 40000, "198.51.100.2", 81), key(vlan: 1), key(innerVLAN: 1), key(protocolNumber: 17)]
    keys += [key("192.0.2.1", 80, "198.51.100.2", 40000)]
    var seen = Set(keys.map { FlowUID(key: $0, timestamp: time, number: 1) })
    seen.insert(FlowUID(key: key(), timestamp: Timestamp(nanoseconds: 2), number: 1))
    seen.insert(FlowUID(key: key(), timestamp: time, number: 2))
    #expect(seen.count == keys.count + 2)
  }

  @Test("of 300,000 flows no two share an identifier, nor EVE's flow_id")
  func collisions() {
    var seen = Set<FlowUID>()
    var flows = Set<UInt64>()
    for index in UInt64(0)..<300_000 {
      let key = key("10.0.0.1", UInt16(truncatingIfNeeded: index), "10.0.0.2", UInt16(truncatingIfNeeded: index >> 16))
      let uid = FlowUID(key: key, timestamp: Timestamp(nanoseconds: Int64(index / 3)), number: index)
      seen.insert(uid)
      flows.insert(uid.flowID)
    }
    #expect(seen.count == 300_000 && flows.count == 300_000)
    #expect(flows.allSatisfy { $0 < 1 << 53 })
  }

  @Test("the text has 18 letters and digits and tells identifiers apart")
  func text() {
    var seen = Set<String>()
    for low in UInt32(0)..<200 {
      for high in [0, 1, UInt64.max, UInt64.max - 1] {
        var uid = FlowUID(key: key(), timestamp: Timestamp(nanoseconds: 0), number: 0)
        uid.high = high
        uid.low = low &* 21_474_837
        let text = written { $0.append(uid: uid) }
        #expect(text.count == 18 && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) })
        seen.insert(text)
      }
    }
    #expect(seen.count == 800)
  }
}
