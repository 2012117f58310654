import Testing

@testable import Middleboxes

@Suite("HTTP responses")
struct HTTPResponseTests {
  private let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

  @Test("have a protocol, a code, a reason, fields and a body")
  func parts() {
    let fixture = HTTPFixture(
      .client("GET / HTTP/1.0\r\n\r\n"),
      .server(
        "HTTP/1.1  404  Not  Found \r\nServer: x\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nLocation: /y\r\n"
          + "Content-Type: text/html\r\nContent-Length: 4\r\n\r\nbody"))
    let lines = "Server: x\r\nLocation: /y\r\nContent-Type: text/html\r\nContent-Length: 4\r\n"
    let buffers = fixture.buffers(of: 0, .server)
    #expect(buffers["http.protocol"] == "HTTP/1.1")
    #expect(buffers["http.stat_code"] == "404")
    #expect(buffers["http.stat_msg"] == "Not  Found")
    #expect(buffers["http.response_line"] == "HTTP/1.1  404  Not  Found")
    #expect(buffers["http.header"] == lines)
    #expect(buffers["http.cookie"] == "a=1, b=2")
    #expect(buffers["http.server"] == "x")
    #expect(buffers["http.location"] == "/y")
    #expect(buffers["http.content_type"] == "text/html")
    #expect(buffers["file.data"] == "body")
    #expect(buffers["http.response_body"] == "body")
    #expect(buffers["end"] == "")
  }

  @Test("belong to the requests in their order")
  func pipelined() {
    let fixture = HTTPFixture(
      .client("GET /0 HTTP/1.1\r\n\r\nHEAD /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n"),
      .server(
        ok + "HTTP/1.1 200 Head\r\nContent-Length: 99\r\n\r\n" + "HTTP/1.1 201 Last\r\nContent-Length: 1\r\n\r\nz"))
    #expect((0..<3).map { fixture.buffers(of: $0)["http.uri"] } == ["/0", "/1", "/2"])
    #expect((0..<3).map { fixture.buffers(of: $0, .server)["http.stat_msg"] } == ["OK", "Head", "Last"])
    #expect((0..<3).map { fixture.buffers(of: $0, .server)["file.data"] } == ["ok", nil, "z"])
  }

  @Test("may come before their request is complete")
  func early() {
    let fixture = HTTPFixture(
      .client("POST /0 HTTP/1.1\r\nContent-Length: 4\r\n\r\nab"), .server(ok), .client("cdGET /1 HTTP/1.1\r\n\r\n"),
      .server(ok))
    #expect(fixture.values("http.request_body") == ["abcd"])
    #expect(fixture.buffers(of: 1, .server)["http.stat_code"] == "200")
  }

  @Test("1xx come before the response of the same transaction")
  func interim() {
    let fixture = HTTPFixture(
      .client("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"),
      .server("HTTP/1.1 100 Continue\r\nContent-Length: 50\r\n\r\n"), .client("x"),
      .server("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok))
    let buffers = fixture.buffers(of: 0, .server)
    #expect(buffers["http.stat_code"] == "100|103|200")
    #expect(buffers["file.data"] == "ok")
    #expect(buffers["end"] == "")
    #expect(fixture.buffers(of: 1, .server) == [:])
  }

  @Test("without body have none, whatever their fields say", arguments: ["204 No Content", "304 Not Modified"])
  func bodiless(_ status: String) {
    let fixture = HTTPFixture(
      .client("GET /0 HTTP/1.1\r\n\r\nGET /1 HTTP/1.1\r\n\r\n"),
      .server("HTTP/1.1 \(status)\r\nContent-Length: 10\r\nTransfer-Encoding: chunked\r\n\r\n" + ok))
    #expect(fixture.buffers(of: 0, .server)["file.data"] == nil)
    #expect(fixture.buffers(of: 1, .server)["file.data"] == "ok")
  }

  @Test("without length are followed by their body until the stream's end")
  func untilClose() {
    let fixture = HTTPFixture(
      .client("GET / HTTP/1.0\r\n\r\n"), .server("HTTP/1.0 200 OK\r\n\r\nall of"), .server(" it"), .closes(.server))
    #expect(fixture.values("file.data") == ["all of it"])
  }

  @Test("with success to CONNECT are the end of HTTP")
  func tunnel() {
    let fixture = HTTPFixture(
      .client("CONNECT a:443 HTTP/1.1\r\n\r\nGET /inside HTTP/1.1\r\n\r\n"), .server("HTTP/1.1 200 OK\r\n\r\n" + ok),
      .client("GET /inside HTTP/1.1\r\n\r\n"))
    #expect(fixture.values("http.method") == ["CONNECT"])
    #expect(fixture.values("http.stat_code") == ["200"])
    #expect(fixture.values("http.uri") == [])
    #expect(!fixture.play().isInspected)
  }

  @Test("without success to CONNECT let requests follow, also those that have come")
  func refusedTunnel() {
    let fixture = HTTPFixture(
      .client("CONNECT a:443 HTTP/1.1\r\n\r\nGET /1 HTTP/1.1\r\n\r\nHEAD /2 HTTP/1.1\r\n\r\n"),
      .server(
        "HTTP/1.1 407 No\r\nContent-Length: 1\r\n\r\nn" + ok + "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
          + "HTTP/1.1 200 Three\r\n\r\n"))
    #expect(fixture.values("http.uri") == ["/1", "/2"])
    #expect(fixture.values("file.data") == ["n", "ok"])
    #expect(fixture.values("http.stat_msg") == ["No", "OK", "OK", "Three"])
  }

  @Test("101 are the end of HTTP for who asked for it, and interim for others")
  func upgrade() {
    let switched = HTTPFixture(
      .client("GET /chat HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
      .server("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\u{1}\u{2}" + ok),
      .client("GET /2 HTTP/1.1\r\n\r\n"))
    #expect(switched.values("http.uri") == ["/chat"])
    #expect(switched.values("http.stat_code") == ["101"])
    let forged = HTTPFixture(
      .client("GET /0 HTTP/1.1\r\n\r\n"), .server("HTTP/1.1 101 Switching Protocols\r\n\r\n" + ok),
      .client("GET /1 HTTP/1.1\r\n\r\n"))
    #expect(forged.values("http.uri") == ["/0", "/1"])
    #expect(forged.buffers(of: 0, .server)["http.stat_code"] == "101|200")
  }

  @Test("of which no request was seen have transactions of their own")
  func alone() {
    let fixture = HTTPFixture(.server(ok + ok), .client("GET /2 HTTP/1.1\r\n\r\n"), .server(ok))
    #expect((0..<3).map { fixture.buffers(of: $0, .server)["http.stat_code"] } == ["200", "200", "200"])
    #expect(fixture.buffers(of: 2)["http.uri"] == "/2")
  }

  @Test("behind lines that are none are found")
  func garbage() {
    let fixture = HTTPFixture(
      .client("GET /0 HTTP/1.1\r\n\r\nGET /1 HTTP/1.1\r\n\r\n"), .server(ok + "too much of a body\r\n" + ok))
    #expect(fixture.values("file.data") == ["ok", "ok"])
    #expect(fixture.anomalies == ["!garbage"])
  }

  @Test("are no longer awaited beyond the limit of requests that wait for them")
  func manyRequests() {
    let request = "GET / HTTP/1.1\r\n\r\n"
    let waiting = HTTPFixture(.client(String(repeating: request, count: 600)))
    #expect(waiting.values("http.method").count == 512)
    #expect(waiting.anomalies == ["!tooManyTransactions"])
    let answered = HTTPFixture((0..<600).flatMap { _ in [.client(request), .server(ok)] })
    #expect(answered.values("http.method").count == 600)
    #expect(answered.anomalies == [])
  }
}
