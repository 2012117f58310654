import EventSupport
import MOSCore
import TestSupport
import Testing

@testable import Middleboxes

@Suite("What rules find in TLS hellos and DNS queries")
struct TLSDetectionTests: MessageRules {
  private static let hello: [UInt8] = {
    var hello = TLSHelloFixture()
    hello.extensions = [TLSHelloFixture.names("mail.example.com"), TLSHelloFixture.protocols(Array("h2".utf8))]
    // So that no record has all of the name.
    return hello.records(of: 9)
  }()
  private static let answer: [UInt8] = {
    var hello = TLSHelloFixture()
    hello.type = 2
    return hello.records()
  }()

  @Test("the server's name, fingerprints of both sides, and tls in the header")
  func hello() throws {
    let transcript = {
      var transcript = TLSTranscript()
      Self.hello.withUnsafeBytes { transcript.take($0, from: .client) }
      Self.answer.withUnsafeBytes { transcript.take($0, from: .server) }
      return transcript.entries
    }()
    func value(_ name: String) throws -> String {
      String(decoding: try #require(transcript.first { $0.name == name }).bytes, as: UTF8.self)
    }
    let rules =
      rule(1, "tls.sni; content:\".example.com\"; endswith; content:!\"www\";")
      + rule(2, "tls.sni; content:\"example.org\";")
      + rule(3, "ja3.hash; content:\"\(try value("ja3.hash"))\";")
      + rule(4, "ja3s.hash; content:\"\(try value("ja3s.hash"))\";")
      + rule(5, "ja4.hash; content:\"\(try value("ja4.hash"))\"; tls.sni; content:\"mail\";")
      + rule(6, "flow:to_server;", "alert tls any any -> any any")
      + rule(7, "flow:to_server; content:\"mail.example\";", "alert tls any any -> any any")
      + rule(8, "flow:to_server; content:\"mail.example\";", "alert http any any -> any any")
    #expect(
      try alerts(rules, bytes: [(.client, Self.hello), (.server, Self.answer)], port: 443)
        == ["1 client -", "3 client -", "4 server -", "5 client -", "6 client -"])
    #expect(try alerts(rules, [(.client, "GET /mail.example.com HTTP/1.1\r\n\r\n")]) == ["8 client -"])
    // The name in one record, so that the payload has it in one piece.
    var whole = TLSHelloFixture()
    whole.extensions = [TLSHelloFixture.names("mail.example.com")]
    #expect(
      try alerts(rules, bytes: [(.client, whole.records())], port: 443)
        == ["1 client -", "6 client -", "7 client -"])
  }

  @Test("names of queries in a stream, each query by itself, in any of its questions")
  func dnsStream() throws {
    let rules =
      rule(1, "dns.query; content:\"evil\"; nocase; endswith;")
      + rule(2, "dns.query; content:\"one\"; dns.query; content:\"two\";", "alert dns any any -> any any")
      + rule(3, "dns.query; content:\"w\"; pkt_data; content:\"|03|one\";")
    let queries =
      DNSMessageFixture("www.EVIL").inStream + DNSMessageFixture("one.test", "two.test").inStream
      + DNSMessageFixture("two.test").inStream
    #expect(
      try alerts(rules, bytes: [(.client, queries)], port: 53) == [
        "1 client 0", "2 client 1", "3 client 1", "3 client 2",
      ])
    #expect(try alerts(rules, bytes: [(.client, queries)], port: 80).isEmpty)
  }

  @Test("names of queries in datagrams, beside the payload")
  func dnsDatagrams() throws {
    let set = ruleSet(
      of: rule(1, "dns.query; content:\"example.com\"; startswith;", "alert dns any any -> any any")
        + rule(
          2, "dns.query; content:\"example\"; pkt_data; content:\"|12 34|\"; startswith;", "alert udp any any -> any 53"
        )
        + rule(3, "dns.query; content:\"example\"; pkt_data; content:\"|43 21|\";", "alert udp any any -> any 53")
        + rule(4, "content:\"|07|example\";", "alert dns any any -> any any")
        + rule(5, "dns.query; content:\"example\";"))
    #expect(set.errors.isEmpty, "\(set.errors)")
    let ids = try IDS(IDSConfiguration(set))
    for (port, expected) in [(53, [1, 2, 4]), (54, [])] as [(UInt16, [UInt32])] {
      var client = PacketBuilder()
      (client.sourcePort, client.destinationPort) = (40_000, port)
      client.payload = DNSMessageFixture("example.com").bytes
      var script = try EventScript([ids], burst: 1)
      script.play(frames: [client.udpFrame])
      script.finish()
      #expect(script.allReports.compactMap { $0.alert?.signature }.sorted() == expected)
      #expect(script.allReports.compactMap(\.alert).allSatisfy { $0.applicationProtocol == "dns" })
    }
  }
}
