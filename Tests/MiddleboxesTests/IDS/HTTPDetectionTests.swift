import EventDSL
import EventSupport
import MOSCore
import Testing

@testable import Middleboxes

@Suite("What rules find in HTTP messages")
struct HTTPDetectionTests: MessageRules {
  private static let request = "GET /a%2fb/index.php?id=7 HTTP/1.1\r\nHost: Example.com\r\nUser-Agent: curl/8\r\n\r\n"
  private static let answer = "HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 5\r\n\r\nhello"

  @Test("contents in the parts of a request, as modifiers and behind sticky buffers")
  func requestBuffers() throws {
    let rules =
      rule(1, "content:\"/a/b/\"; http_uri; content:\"GET\"; http_method;")
      + rule(2, "http.uri.raw; content:\"%2f\"; http.host; content:\"example.com\"; startswith; endswith;")
      + rule(3, "content:\"/a/b/\"; http_raw_uri;") + rule(4, "http.user_agent; content:\"curl/\"; startswith;")
      + rule(5, "content:\"Host: Example\"; http_header; content:!\"Cookie\"; http_header;")
      + rule(6, "content:\"id=\"; http_uri; pcre:\"/^\\d+$/UR\";") + rule(7, "http.method; content:\"POST\";")
    #expect(
      try alerts(rules, [(.client, Self.request), (.server, Self.answer)])
        == ["1 client 0", "2 client 0", "4 client 0", "5 client 0", "6 client 0"])
  }

  @Test("contents in the parts of a response, whose body is decoded")
  func responseBuffers() throws {
    let rules =
      rule(1, "http.stat_code; content:\"200\"; file_data; content:\"evil\"; within:20;")
      + rule(2, "http.stat_msg; content:\"OK\"; http.server; content:\"nginx\";")
      + rule(3, "flow:to_client; content:\"evil\";")
    let body = Deflater.deflate(Array("0123456789 evil things, of which there are many".utf8))
    let chunks = [body[..<9], body[9...]].flatMap { part in
      Array((String(part.count, radix: 16) + "\r\n").utf8) + part + Array("\r\n".utf8)
    }
    let head = "HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    #expect(
      try alerts(
        rules,
        bytes: [
          (.client, Array(Self.request.utf8)), (.server, Array(head.utf8) + chunks + Array("0\r\n\r\n".utf8)),
        ]) == ["1 server 0", "2 server 0"])
  }

  @Test("each message by itself, and once: requests behind each other in one segment")
  func pipelining() throws {
    let rules =
      rule(1, "http.uri; content:\"/admin\"; content:\"admin\"; distance:0;")
      + rule(2, "http.uri; content:\"/one\"; http.user_agent; content:\"x\";")
    let requests =
      "GET /one HTTP/1.1\r\nHost: h\r\n\r\nGET /admin/admin/admin HTTP/1.1\r\nUser-Agent: x\r\n\r\n"
      + "GET /two HTTP/1.1\r\n\r\nGET /admin?admin HTTP/1.1\r\n\r\n"
    #expect(try alerts(rules, [(.client, requests)]) == ["1 client 1", "1 client 3"])
  }

  @Test("the length of the URI, as it is sent and as it is meant")
  func uriLength() throws {
    let rules =
      rule(1, "urilen:8; http.method; content:\"GET\";") + rule(2, "urilen:10,raw; http.method; content:\"GET\";")
      + rule(3, "urilen:>8; http.method; content:\"GET\";")
    #expect(try alerts(rules, [(.client, "GET /abcd%20ef HTTP/1.1\r\n\r\n")]) == ["1 client 0", "2 client 0"])
  }

  @Test("what a message does not have is not there, also for who asks that something is not in it")
  func absent() throws {
    let rules =
      rule(1, "http.cookie; content:!\"id\"; http.uri; content:\"/\";") + rule(2, "http.cookie; content:!\"id\";")
    #expect(try alerts(rules, [(.client, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")]).isEmpty)
    #expect(
      try alerts(rules, [(.client, "GET / HTTP/1.1\r\nCookie: a=b\r\n\r\n")]) == ["1 client 0", "2 client 0"])
    #expect(try alerts(rules, [(.client, "GET / HTTP/1.1\r\nCookie: id=b\r\n\r\n")]).isEmpty)
  }

  @Test("http in the header: the same bytes count only in a flow of HTTP, and a flow by itself once a side")
  func header() throws {
    let header = "alert http any any -> any any"
    let rules = rule(1, "content:\"curl\";", header) + rule(2, "flow:to_server;", header)
    #expect(try alerts(rules, [(.client, "SSH-2.0-curl\r\n"), (.server, "220 curl\r\n")]).isEmpty)
    #expect(
      try alerts(rules, [(.client, Self.request), (.server, Self.answer), (.client, Self.request)])
        == ["1 client -", "1 client -", "2 client 0"])
  }

  @Test("the payload and parts of the message in one rule")
  func payloadBesides() throws {
    let rules =
      rule(1, "http.uri; content:\"index\"; pkt_data; content:\"curl/8|0d 0a|\";")
      + rule(2, "http.uri; content:\"index\"; pkt_data; content:\"wget\";")
    #expect(try alerts(rules, [(.client, Self.request)]) == ["1 client 0"])
  }

  @Test("a rule that is searched for by what the payload has: only messages whose turn has it are asked")
  func literalInPayload() throws {
    let rules =
      rule(1, "content:\"curl/8\"; fast_pattern; pcre:\"/index/U\";")
      + rule(2, "content:\"wget\"; fast_pattern; pcre:\"/index/U\";")
      + rule(3, "content:\"curl/8\"; fast_pattern; pcre:\"/nothing/U\";")
    let plain = "GET /index.html HTTP/1.1\r\nHost: h\r\n\r\n"
    #expect(try alerts(rules, [(.client, Self.request)]) == ["1 client 0"])
    #expect(
      try alerts(
        rules,
        [(.client, plain), (.server, Self.answer), (.client, Self.request), (.server, Self.answer), (.client, plain)])
        == ["1 client 1"])
    // Of requests in one turn, those that end behind what is looked for.
    #expect(try alerts(rules, [(.client, plain + Self.request + plain)]) == ["1 client 1", "1 client 2"])
  }

  @Test("bits that a request sets and its response asks for")
  func flowBits() throws {
    let rules =
      rule(1, "http.uri; content:\"index\"; flowbits:set,asked; noalert;")
      + rule(2, "flowbits:isset,asked; http.stat_code; content:\"200\";")
    #expect(try alerts(rules, [(.client, Self.request), (.server, Self.answer)]) == ["2 server 0"])
    #expect(
      try alerts(rules, [(.client, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"), (.server, Self.answer)]).isEmpty)
  }

  @Test("a request's body, also without a content to be searched for")
  func requestBody() throws {
    let rules =
      rule(1, "http.method; content:\"POST\"; http.request_body; content:\"cmd=\"; content:\"rm\"; distance:0;")
      + rule(2, "http.request_body; pcre:\"/cmd=\\w+/\";") + rule(3, "flow:to_server; file_data; content:\"cmd\";")
    let request = "POST /x HTTP/1.1\r\nContent-Length: 12\r\n\r\na=b&cmd=rm%2"
    #expect(try alerts(rules, [(.client, request)]) == ["1 client 0", "2 client 0", "3 client 0"])
  }

  @Test("inline, the segment with the last byte of what is looked for in a body does not reach the receiver")
  func inline() throws {
    let rules = rule(1, "file_data; content:\"evil\"; content:\"end\"; distance:0;", "drop tcp any any -> any any")
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n--- evil .... end ------------------------"
    let (reports, passed) = try play(
      rules, [(.client, Array(Self.request.utf8)), (.server, Array(answer.utf8))], segment: 20, inline: true)
    let alert = try #require(reports.first { $0.alert != nil })
    #expect(reports.filter { $0.alert != nil }.count == 1)
    #expect(alert.alert?.action == .blocked)
    // Three of the handshake, four of the request and an ACK come before the answer's.
    let place = answer.range(of: "end")!
    let segment = answer.utf8.distance(from: answer.startIndex, to: place.upperBound)
    let first = UInt64(3 + (Self.request.utf8.count + 19) / 20 + 1)
    #expect(alert.packet == first + UInt64((segment + 19) / 20))
    #expect(passed == Int(alert.packet) - 1)
  }
}
