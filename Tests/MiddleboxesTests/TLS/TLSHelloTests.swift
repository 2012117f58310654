import MOSCore
import Testing

@testable import Middleboxes

@Suite("Hellos of TLS")
struct TLSHelloTests {
  private typealias Hello = TLSHelloFixture

  @Test("say the version: a client the highest that it offers, a server the one that it chose")
  func versions() {
    #expect(TLSFixture(.client(.chrome), .server(.answer)).versions == [[3, 4], [3, 4]])
    #expect(TLSFixture(.client(Hello()), .server(Hello(type: 2))).versions == [[3, 3], [3, 3]])
  }

  @Test("are the same behind each other in one record, or in records of any size", arguments: [1, 2, 3, 4, 5, 100])
  func records(_ size: Int) {
    let whole = TLSFixture(.client(.chrome), .server(.answer)).entries()
    let hello = Hello.chrome.records(of: size) + [22, 3, 3, 0, 1, 0]
    #expect(TLSFixture(.sends(.client, hello), .sends(.server, Hello.answer.records(of: size))).entries() == whole)
  }

  @Test("are followed by what is not looked at")
  func behind() {
    let whole = TLSFixture(.client(.chrome), .server(.answer)).entries()
    let answer = Hello.records(Hello.answer.message + [11, 0, 0, 4, 0, 0, 1, 0])
    #expect(TLSFixture(.client(.chrome), .sends(.server, answer + [99, 99]), .loses(.client)).entries() == whole)
  }

  @Test("can come behind alerts, as of a server that does not know the name")
  func alerts() {
    let alert = Hello.records([1, 112], type: 21)
    let whole = TLSFixture(.client(.chrome), .server(.answer)).entries()
    #expect(TLSFixture(.client(.chrome), .sends(.server, alert + Hello.answer.records())).entries() == whole)
    let many = (0..<17).flatMap { _ in alert } + Hello.answer.records()
    #expect(TLSFixture(.sends(.server, many)).entries().isEmpty)
  }

  @Test("tell by themselves which end is the client")
  func reversed() {
    let entries = TLSFixture(.sends(.server, Hello.chrome.records())).entries()
    #expect(entries.first { $0.name == "tls.sni" }?.sender == .server)
  }

  @Test("of SSL 2.0's form tell the version")
  func oldHello() {
    let hello: [UInt8] = [0x80, 0x2e, 1, 3, 1, 0, 0x15, 0, 0, 0, 16] + [UInt8](repeating: 1, count: 37)
    let fixture = TLSFixture(.sends(.client, hello), .server(Hello(type: 2, version: 0x0301)))
    #expect(fixture.versions == [[3, 1], [3, 1]])
    #expect(fixture.buffers["ja3.hash"] == nil)
  }

  @Test("have the first host name, and none where there is none")
  func names() {
    var hello = Hello()
    hello.extensions = [Hello.names("first.example", "second.example")]
    #expect(TLSFixture(.client(hello)).buffers["tls.sni"] == "first.example")
    // A name of another type before it.
    hello.extensions = [(0, Hello.part16([7, 0, 1, 120] + [0] + Hello.part16(Array("host".utf8))))]
    #expect(TLSFixture(.client(hello)).buffers["tls.sni"] == "host")
    hello.extensions = [Hello.names("")]
    #expect(TLSFixture(.client(hello)).buffers["tls.sni"] == nil)
    hello.extensions = []
    #expect(TLSFixture(.client(hello)).buffers["tls.sni"] == nil)
  }

  @Test(
    "are no other protocol's beginning",
    arguments: [
      "GET / HTTP/1.1\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n", "\u{16}\u{3}\u{1}\u{0}\u{5}\u{3}", "\u{16}\u{4}\u{1}",
    ])
  func others(_ text: String) {
    let bytes = Array(text.utf8)
    var transcript = TLSTranscript()
    bytes.withUnsafeBytes { transcript.take($0, from: .client) }
    transcript.end()
    let (isTLS, isInspected, entries) = (transcript.isTLS, transcript.isInspected, transcript.entries)
    #expect(!isTLS && !isInspected)
    #expect(entries.isEmpty)
  }
}
