import Testing

@testable import DualStackTracker
@testable import MOSCore
@testable import Records

/// What was seen of both ends, and what Zeek's documentation of `conn_state` says of it.
struct Situation: CustomTestStringConvertible, Sendable {
  var name: String
  var originator: ObservedState
  var responder: ObservedState
  var history: String
  var bytes: UInt64 = 0
  var state: String
  var testDescription: String { "\(name): \(state)" }
}

@Suite("Connection state")
struct ConnectionStateTests {
  static let situations = [
    Situation(name: "attempt, no reply", originator: .synSent, responder: .inactive, history: "S", state: "S0"),
    Situation(
      name: "established, not terminated", originator: .established, responder: .established, history: "ShADad",
      bytes: 9, state: "S1"),
    Situation(
      name: "normal establishment and termination", originator: .closed, responder: .closed, history: "ShADadFf",
      bytes: 9, state: "SF"),
    Situation(name: "attempt rejected", originator: .synSent, responder: .reset, history: "Sr", state: "REJ"),
    Situation(
      name: "SYN-ACK of the originator rejected", originator: .synAckSent, responder: .reset, history: "Hr",
      state: "REJ"),
    Situation(
      name: "both reset before a byte was sent", originator: .reset, responder: .reset, history: "SrR", state: "REJ"),
    Situation(
      name: "both reset after bytes were sent", originator: .reset, responder: .reset, history: "ShADrR", bytes: 1,
      state: "RSTR"),
    Situation(
      name: "originator closes, no reply", originator: .closed, responder: .established, history: "ShAF", state: "S2"),
    Situation(
      name: "responder closes, no reply", originator: .established, responder: .closed, history: "ShAf", state: "S3"),
    Situation(
      name: "originator aborts", originator: .reset, responder: .established, history: "ShAR", state: "RSTO"),
    Situation(
      name: "originator aborts after the responder's FIN", originator: .reset, responder: .closed, history: "ShAfR",
      state: "RSTO"),
    Situation(name: "responder aborts", originator: .established, responder: .reset, history: "ShAr", state: "RSTR"),
    Situation(
      name: "responder aborts after the originator's FIN", originator: .closed, responder: .reset, history: "ShAFr",
      state: "RSTR"),
    Situation(
      name: "SYN, then RST of the originator", originator: .reset, responder: .inactive, history: "SR", state: "RSTOS0"),
    Situation(
      name: "the same, turned round", originator: .reset, responder: .inactive, history: "^SR", state: "RSTOS0"),
    Situation(
      name: "SYN, SYN with another number, RST", originator: .reset, responder: .partial, history: "SSaR",
      state: "RSTOS0"),
    Situation(
      name: "RST without SYN", originator: .reset, responder: .inactive, history: "R", state: "OTH"),
    Situation(
      name: "SYN, data, RST", originator: .reset, responder: .inactive, history: "SDR", state: "RSTOS0"),
    Situation(
      name: "SYN, ACK, RST", originator: .reset, responder: .inactive, history: "SAR", state: "OTH"),
    Situation(
      name: "SYN-ACK, then RST of the responder, no SYN", originator: .inactive, responder: .reset, history: "^hr",
      state: "RSTRH"),
    Situation(
      name: "RST of the responder in mid-stream", originator: .partial, responder: .reset, history: "Ar", state: "RSTRH"
    ),
    Situation(name: "SYN, then FIN, no SYN-ACK", originator: .closed, responder: .inactive, history: "SF", state: "SH"),
    Situation(
      name: "SYN-ACK, then FIN, no SYN", originator: .inactive, responder: .closed, history: "^hf", state: "SHR"),
    Situation(
      name: "mid-stream, not closed", originator: .partial, responder: .partial, history: "DadA", bytes: 9, state: "OTH"
    ),
    Situation(
      name: "SYN-ACK without more", originator: .synSent, responder: .established, history: "Sh", state: "OTH"),
    Situation(name: "nothing seen", originator: .inactive, responder: .inactive, history: "", state: "OTH"),
  ]

  @Test("TCP states have Zeek's meaning", arguments: situations)
  func tcp(_ situation: Situation) {
    var record = flow(history: situation.history) {
      $0.client.observed = situation.originator
      $0.server.observed = situation.responder
      $0.client.streamBytes = situation.bytes
    }
    #expect("\(ConnectionState(&record).recordName)" == situation.state)
  }

  @Test(
    "a UDP flow's state says which sides sent", arguments: [(1, 1, "SF"), (1, 0, "S0"), (0, 1, "SHR"), (0, 0, "OTH")])
  func udp(_ client: UInt64, _ server: UInt64, _ state: String) {
    var record = flow(key(protocolNumber: 17)) {
      $0.client.packets = client
      $0.server.packets = server
    }
    #expect("\(ConnectionState(&record).recordName)" == state)
  }

  @Test("ICMP and other protocols have no state", arguments: [1, 58, 47] as [UInt8])
  func others(_ protocolNumber: UInt8) {
    var record = flow(key(protocolNumber: protocolNumber)) {
      $0.client.packets = 1
      $0.server.packets = 1
    }
    #expect(ConnectionState(&record) == .oth)
  }
}
