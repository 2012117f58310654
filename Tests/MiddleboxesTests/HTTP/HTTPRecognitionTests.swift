import MOSCore
import Testing

@testable import Middleboxes

@Suite("Flows that are HTTP")
struct HTTPRecognitionTests {
  @Test(
    "are known by a method or a status line",
    arguments: [
      .client("GET "), .client("\r\n\r\nPOST "), .client("FROB /"), .client("VERSION-CONTROL\t"), .server("HTTP/"),
    ] as [HTTPStep])
  func http(_ step: HTTPStep) {
    let result = HTTPFixture(step).play()
    #expect(result.isHTTP && result.isInspected)
  }

  @Test(
    "are not known before enough has come",
    arguments: [.client("GET"), .client("\r\n \r\n"), .client("FROB"), .client("FROB "), .server("HTTP")] as [HTTPStep])
  func undecided(_ step: HTTPStep) {
    let result = HTTPFixture(step).play()
    #expect(!result.isHTTP && result.isInspected)
  }

  @Test(
    "are not those of other protocols, of which no more is looked at",
    arguments: [
      .client("\u{16}\u{3}\u{1}"), .client("SSH-2.0-x\r\n"), .client("EHLO a\r\n"), .client("USER a\r\n"),
      .client("get x\0"), .client("abcdefghijklmnopqrstuvwxyz"), .client("\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1"),
      .client("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), .server("220 ready\r\n"), .server("SSH-2.0-y"), .server("HTTX"),
    ] as [HTTPStep])
  func other(_ step: HTTPStep) {
    let fixture = HTTPFixture([step, .client("GET / HTTP/1.1\r\n\r\n"), .server("HTTP/1.1 200 OK\r\n\r\n")])
    let result = fixture.play()
    #expect(!result.isHTTP && !result.isInspected)
    #expect(result.entries == [])
  }

  @Test(
    "are not those that look like it until the first line is there",
    arguments: ["OPTIONS rtsp://a RTSP/1.0\r\n", "OPTIONS sip:a@b SIP/2.0\r\n", "OPTIONS * SIP/2.0\n"])
  func lookalike(_ line: String) {
    let result = HTTPFixture(.client(line), .client("GET / HTTP/1.1\r\n\r\n")).play()
    #expect(!result.isInspected)
    #expect(result.entries == [])
  }

  @Test("hand out what came before that was known")
  func prefixes() {
    let fixture = HTTPFixture(
      .server("HT"), .client("G"), .client("ET / HTTP/1.1\r\n\r\n"),
      .server("TP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
    #expect(fixture.values("http.uri") == ["/"])
    #expect(fixture.values("http.stat_code") == ["200"])
  }

  @Test("have places that are used again, and not more than the limit")
  func places() {
    struct Nobody: HTTPSink {
      var count = 0
      mutating func take(
        _ buffer: InspectionBuffer, _ bytes: UnsafeRawBufferPointer, isWhole: Bool, of message: HTTPMessage
      ) {
        count += 1
      }
      mutating func end(_ message: HTTPMessage, behind: Int) {}
      mutating func note(_ anomaly: HTTPAnomaly, in message: HTTPMessage) {}
    }
    var limits = HTTPLimits()
    limits.flows = 3
    var inspector = HTTPInspector(limits: limits)
    var sink = Nobody()
    var states = [HTTPFlowState](repeating: HTTPFlowState(), count: 5)
    let request = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
    request.withUnsafeBytes { bytes in
      for index in states.indices { inspector.take(bytes, from: .client, of: &states[index], into: &sink) }
    }
    #expect(inspector.activeFlows == 3)
    #expect(inspector.refusedFlows == 2)
    #expect(states.map(\.stage) == [.active, .active, .active, .over, .over])
    inspector.end(&states[1], into: &sink)
    #expect(inspector.activeFlows == 2)
    states[4] = HTTPFlowState()
    let before = sink.count
    request.withUnsafeBytes { inspector.take($0, from: .client, of: &states[4], into: &sink) }
    #expect(states[4].stage == .active)
    #expect(sink.count - before == before / 3)
    #expect(inspector.activeFlows == 3)
  }
}
