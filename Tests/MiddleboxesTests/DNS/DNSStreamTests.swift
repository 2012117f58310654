import MOSCore
import Testing

@testable import Middleboxes

@Suite("Streams of DNS")
struct DNSStreamTests {
  private typealias Message = DNSMessageFixture

  private static let streams: [[UInt8]] = [
    Message("a.example").inStream + Message.response.inStream + [0, 0] + Message("b.example", "c").inStream,
    Message("a.example").inStream + [0, 20] + [UInt8](repeating: 0xff, count: 20) + Message("b").inStream,
    Message(names: [[1, 97, 0xc0, 12]]).inStream + [0xff, 0xff, 1, 2, 3],
    [0, 1, 7, 0, 3],
  ]

  @Test("have messages one behind the other, and empty ones mean nothing")
  func several() {
    let entries = DNSFixture.stream(Self.streams[0])
    #expect(entries.names == ["a.example", "b.example", "c"])
    #expect(entries.map(\.number) == [0, 0, 1, 2, 2, 2])
  }

  @Test("however they are cut hand the same out", arguments: streams.indices)
  func cuts(_ index: Int) {
    let stream = Self.streams[index]
    let whole = DNSFixture.stream(stream)
    #expect(!whole.isEmpty)
    for place in 1..<stream.count {
      #expect(DNSFixture.stream(stream, [place, stream.count - place]) == whole, "cut at \(place)")
    }
    for size in 1...7 { #expect(DNSFixture.stream(stream, of: size) == whole) }
  }

  @Test("with something that is no message are not looked at behind it")
  func noMessage() {
    let entries = DNSFixture.stream(Self.streams[1])
    #expect(entries.names == ["a.example"])
    #expect(entries.anomalies == ["!notDNS"])
  }

  @Test("that end inside of a message, or of which bytes are lost, are noted")
  func incomplete() {
    #expect(DNSFixture.stream(Self.streams[2]).anomalies == ["!tooManyLabels", "!truncated"])
    var transcript = DNSTranscript()
    Message("a").inStream.withUnsafeBytes { transcript.take($0, from: .client) }
    transcript.skip(from: .client)
    Message.response.inStream.withUnsafeBytes { transcript.take($0, from: .server) }
    let entries = transcript.entries
    #expect(entries.map(\.name) == ["dns.query", "end of query", "!gap", "end of response"])
  }

  @Test("have a message behind what was lost, or nothing more")
  func behindGap() {
    func names(behind bytes: [UInt8]) -> [String] {
      var transcript = DNSTranscript()
      Array(Message("a").inStream.dropLast(3)).withUnsafeBytes { transcript.take($0, from: .client) }
      transcript.skip(from: .client)
      bytes.withUnsafeBytes { transcript.take($0, from: .client) }
      transcript.end()
      return transcript.entries.names
    }
    #expect(names(behind: Message("b").inStream) == ["b"])
    let garbage: [UInt8] = [0, 12] + [UInt8](repeating: 0x41, count: 12)
    #expect(names(behind: garbage + Message("b").inStream).isEmpty)
  }

  @Test("with a direction that is left out still have the other")
  func otherDirection() {
    var transcript = DNSTranscript()
    Self.streams[1].withUnsafeBytes { transcript.take($0, from: .client) }
    Message("c").inStream.withUnsafeBytes { transcript.take($0, from: .server) }
    let entries = transcript.entries
    #expect(entries.names == ["a.example", "c"])
  }

  @Test("in part take no more memory than all flows may, and give it back")
  func memory() {
    var limits = DNSLimits()
    limits.partialBytes = 100
    var inspector = DNSInspector(limits: limits)
    var states = [DNSFlowState](repeating: DNSFlowState(), count: 5)
    var sink = NotingSink()
    let part = Array(Message("a.example.with.a.long.name").inStream.prefix(30))
    for index in states.indices {
      part.withUnsafeBytes { inspector.take($0, from: .server, of: &states[index], into: &sink) }
    }
    #expect(sink.anomalies == [.noRoom, .noRoom])
    #expect(inspector.partialMessages == 3)
    for index in states.indices { inspector.end(&states[index], into: &sink) }
    #expect(inspector.partialMessages == 0)
  }

  private struct NotingSink: DNSSink {
    var anomalies: [DNSAnomaly] = []

    mutating func take(_ buffer: InspectionBuffer, _ bytes: UnsafeRawBufferPointer, of message: DNSMessage) {}
    mutating func end(_ message: DNSMessage, behind: Int) {}
    mutating func note(_ anomaly: DNSAnomaly, in message: DNSMessage) { anomalies.append(anomaly) }
  }
}
