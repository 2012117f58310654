import Testing

@testable import Middleboxes

@Suite("Buffers of a rule")
struct InspectionBufferTests {
  private func shape(_ options: String, header: String = "alert tcp any any -> any any") -> [String] {
    (rule(options, header: header)?.buffers ?? []).map { "\($0.kind.keyword) \($0.matches.count)" }
  }

  @Test("are chosen by a keyword for what comes behind it, or by a modifier for the content before it")
  func bothWays() {
    for buffer in InspectionBuffer.allCases where buffer != .payload {
      let header = buffer == .dnsQuery ? "alert udp any any -> any any" : "alert tcp any any -> any any"
      for name in [buffer.keyword] + buffer.otherKeywords {
        #expect(shape("\(name); content:\"a\"; content:\"b\";", header: header) == ["\(buffer.keyword) 2"])
      }
      if let modifier = buffer.modifier {
        #expect(rule("content:\"a\"; \(modifier);") == rule("\(buffer.keyword); content:\"a\";"))
      }
    }
    #expect(rule("uricontent:\"a\";") == rule("http.uri; content:\"a\";"))
  }

  @Test("stay chosen until the next one, or until pkt_data")
  func order() {
    #expect(
      shape("content:\"p\"; http.uri; content:\"a\"; http.header; content:\"b\"; pkt_data; content:\"q\";")
        == ["pkt_data 2", "http.uri 1", "http.header 1"])
    #expect(
      shape("content:\"a\"; http_uri; content:\"b\"; http_header; nocase; content:\"c\"; http_uri; content:\"d\";")
        == ["http.uri 2", "http.header 1", "pkt_data 1"])
    #expect(
      shape("http.uri; content:\"a\"; http.method; content:\"b\"; http.uri; content:\"c\";") == [
        "http.uri 2", "http.method 1",
      ])
  }

  @Test("that a message can have several of are another one each time")
  func several() {
    #expect(
      shape("dns.query; content:\"a\"; dns.query; content:\"b\";", header: "alert dns any any -> any any")
        == ["dns.query 1", "dns.query 1"])
  }

  @Test("that are MD5 have lower case, whatever case a content is written in")
  func digests() {
    for name in ["ja3.hash", "ja3s.hash"] {
      #expect(rule("\(name); content:\"ABC\";") == rule("\(name); content:\"abc\";"))
      #expect(rule("\(name); content:\"aBc\"; nocase;") == rule("\(name); content:\"abc\";"))
    }
    // JA4 has characters of the client's.
    for name in ["ja3.string", "ja4.hash"] {
      #expect(rule("\(name); content:\"ABC\";") != rule("\(name); content:\"abc\";"))
    }
  }

  @Test("of relative numbers are that of the match before")
  func relativeNumbers() {
    #expect(shape("content:\"a\"; http_uri; byte_test:1,>,5,0,relative;") == ["http.uri 2"])
    #expect(shape("content:\"a\"; http_uri; byte_test:1,>,5,0;") == ["http.uri 1", "pkt_data 1"])
    #expect(shape("content:\"a\"; http_uri; isdataat:!1,relative;") == ["http.uri 2"])
    #expect(shape("http.uri; content:\"a\"; pkt_data; byte_jump:1,0,relative;") == ["http.uri 1", "pkt_data 1"])
    #expect(shape("http.uri; byte_test:1,>,5,0;") == ["http.uri 1"])
  }

  private static let faults = [
    FaultyOptions("http_uri;", "http_uri: there is no content before it"),
    FaultyOptions(
      "content:\"a\"; http_uri; http_header;", "http_header: the content is looked for in http_uri already"),
    FaultyOptions(
      "http.uri; content:\"a\"; http_header;",
      "http_header: the buffer is http.uri here, expected pkt_data before http_header"),
    FaultyOptions("http.uri;", "http.uri: nothing is looked for in it, expected a content behind it"),
    FaultyOptions(
      "http.uri; http.header; content:\"a\";", "http.uri: nothing is looked for in it, expected a content behind it"),
    FaultyOptions("http.uri:x; content:\"a\";", "http.uri: \"x\" is too much, expected nothing behind http.uri"),
    FaultyOptions("http.uri; content:\"a\"; pkt_data; nocase;", "nocase: there is no content before it"),
    FaultyOptions(
      "http.uri; content:\"a\";", "http.uri: there is none in udp, the header's protocol",
      header: "alert udp any any -> any any"),
    FaultyOptions(
      "content:\"a\"; http_uri;", "http.uri: there is none in dns, the header's protocol",
      header: "alert dns any any -> any any"),
    FaultyOptions(
      "dns.query; content:\"a\";", "dns.query: there is none in http, the header's protocol",
      header: "alert http any any -> any any"),
    FaultyOptions(
      "byte_extract:1,0,v; content:\"a\"; offset:v; http_uri;",
      "not used: http_uri with a variable of another buffer"),
    FaultyOptions(
      "dsize:5; http.uri; content:\"a\";",
      "dsize is about one packet, http.uri is not; expected one of them in a rule"),
    FaultyOptions(
      "flags:S; flow:only_stream;", "flags is about one packet, flow:only_stream is not; expected one of them in a rule"
    ),
    FaultyOptions(
      "ttl:5;", "ttl is about one packet, the protocol tls is not; expected one of them in a rule",
      header: "alert tls any any -> any any"),
    FaultyOptions(
      "flow:to_client; http.uri; content:\"a\";",
      "http.uri is never together with flow:to_client, which goes the other way"),
    FaultyOptions(
      "http.stat_code; content:\"200\"; http.method; content:\"GET\";",
      "http.method is never together with http.stat_code, which goes the other way"),
    FaultyOptions(
      "http.uri; content:\"a\"; rawbytes;", "rawbytes: the payload as it is, but the buffer is http.uri here"),
    FaultyOptions(
      "flow:to_client; ja3.hash; content:\"a\";",
      "ja3.hash is never together with flow:to_client, which goes the other way"),
    FaultyOptions(
      "ja4.hash; content:\"a\"; ja3s.string; content:\"1\";",
      "ja3s.string is never together with ja4.hash, which goes the other way"),
    FaultyOptions(
      "ja3.string; content:\"a\";", "ja3.string: there is none in http, the header's protocol",
      header: "alert http any any -> any any"),
    FaultyOptions("content:\"a\"; rawbytes; http_uri;", "http_uri: the content has rawbytes, the payload as it is"),
    FaultyOptions("content:\"a\"; bsize:5;", "bsize: no buffer is chosen, expected one before it, as http.uri"),
    FaultyOptions(
      "http.uri; content:\"abc\"; bsize:<3;", "bsize: \"<3\" has no room for the 3 bytes of a content before it"),
    FaultyOptions("ssh.hassh; content:\"a\";", "not used: the keyword ssh.hassh"),
  ]

  @Test("that contradict each other or the header are refused", arguments: faults)
  func refuses(example: FaultyOptions) {
    #expect(ruleFault(example.options, header: example.header) == example.fault)
  }

  @Test("can have a size")
  func size() {
    #expect(matches("http.uri; content:\"abc\"; bsize:3;").last == .bufferSize(IntegerMatch(value: 3)))
    #expect(
      matches("http.uri; bsize:6<>15;")
        == [.bufferSize(IntegerMatch(comparison: .between, value: 6, upper: 15))])
  }
}
