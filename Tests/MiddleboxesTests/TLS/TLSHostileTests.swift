import MOSCore
import Testing

@testable import Middleboxes

@Suite("Hellos of TLS that lie")
struct TLSHostileTests {
  private typealias Hello = TLSHelloFixture

  @Test("at any one length have no fingerprint, and none is read beyond")
  func everyLength() {
    // A length is wrong by one; where that is a number of another kind the hello is another, and good.
    let message = Hello.chrome.message
    var lies = 0
    for index in 4..<message.count {
      var changed = message
      changed[index] &+= 1
      let entries = TLSFixture(.sends(.client, Hello.records(changed))).entries()
      let isInvalid = entries.contains { $0.name == "!invalidHello" }
      #expect(isInvalid != entries.contains { $0.name == "ja3.hash" })
      #expect(entries.last?.name == "end")
      if isInvalid { lies += 1 }
    }
    // Lengths: of the session, ciphers, compressions, all extensions, each of 18, and of six lists in them.
    #expect(lies >= 40)
  }

  @Test("of extensions still have the name before the lie")
  func nameBeforeLie() {
    var hello = Hello()
    hello.extensions = [Hello.names("evil.example"), (10, [0xff, 0xff, 0, 23])]
    let fixture = TLSFixture(.client(hello))
    #expect(fixture.buffers["tls.sni"] == "evil.example")
    #expect(fixture.anomalies == ["!invalidHello"])
    #expect(fixture.buffers["ja4.hash"] == nil)
  }

  @Test("by bytes behind the extensions have no fingerprint")
  func rest() {
    var hello = Hello.chrome
    hello.rest = [0]
    #expect(TLSFixture(.client(hello)).anomalies == ["!invalidHello"])
  }

  @Test("that are longer than the limit are not kept")
  func tooLong() {
    var limits = TLSLimits()
    limits.messageBytes = Hello.chrome.message.count
    #expect(TLSFixture(.client(.chrome), limits: limits).anomalies.isEmpty)
    limits.messageBytes -= 1
    #expect(TLSFixture(.client(.chrome), limits: limits).entries().map(\.name) == ["!messageTooLong"])
    let endless = Hello.records([1, 0xff, 0xff, 0xff] + [UInt8](repeating: 0, count: 100_000))
    #expect(TLSFixture(.sends(.client, endless)).entries().map(\.name) == ["!messageTooLong"])
  }

  @Test("in part take no more memory than all flows may, and give it back")
  func memory() {
    var limits = TLSLimits()
    limits.partialBytes = 1000
    var inspector = TLSInspector(limits: limits)
    var states = [TLSFlowState](repeating: TLSFlowState(), count: 30)
    var sink = CountingSink()
    let hello = Hello.chrome.records()
    for index in states.indices {
      hello[..<100].withUnsafeBytes { inspector.take($0, from: .client, of: &states[index], into: &sink) }
    }
    #expect(sink.anomalies.count == 20)
    #expect(Set(sink.anomalies) == [.messageTooLong])
    #expect(inspector.partialHellos == 10)
    for index in states.indices { inspector.end(&states[index], into: &sink) }
    #expect(inspector.partialHellos == 0)
    var state = TLSFlowState()
    hello.withUnsafeBytes { inspector.take($0, from: .client, of: &state, into: &sink) }
    #expect(sink.ends == 1)
  }

  @Test(
    "about records are looked at no more",
    arguments: [[22, 3, 1, 0, 0], [22, 3, 1, 0x48, 0x01], [23, 3, 3, 0, 5]] as [[UInt8]])
  func records(_ header: [UInt8]) {
    // Behind half a hello, so that it is TLS.
    let half = Array(Hello.chrome.records(of: 50)[..<55])
    let fixture = TLSFixture(.sends(.client, half + header + Hello.chrome.records()))
    #expect(fixture.entries().map(\.name) == [header[0] == 23 ? "!unexpectedMessage" : "!invalidRecord"])
  }

  @Test("by an alert inside of them are none")
  func alertInside() {
    let half = Array(Hello.chrome.records(of: 50)[..<55])
    let entries = TLSFixture(.sends(.client, half + Hello.records([1, 0], type: 21) + Hello.chrome.records())).entries()
    #expect(entries.map(\.name) == ["!unexpectedMessage"])
  }

  @Test("or of which bytes are lost, or that end, are noted")
  func incomplete() {
    let half = Array(Hello.chrome.records()[..<60])
    #expect(TLSFixture(.sends(.client, half), .loses(.client), .client(.chrome)).anomalies == ["!gap"])
    #expect(TLSFixture(.sends(.client, half), .closes(.client)).anomalies == ["!truncated"])
    #expect(TLSFixture(.loses(.client), .client(.chrome), .server(.answer)).versions == [[3, 4]])
  }

  private struct CountingSink: TLSSink {
    var anomalies: [TLSAnomaly] = []
    var ends = 0

    mutating func take(_ buffer: InspectionBuffer, _ bytes: UnsafeRawBufferPointer, of message: TLSMessage) {}
    mutating func end(_ message: TLSMessage, behind: Int) { ends += 1 }
    mutating func note(_ anomaly: TLSAnomaly, from sender: Side) { anomalies.append(anomaly) }
  }
}
