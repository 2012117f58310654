import Testing

@testable import Middleboxes

@Suite("The end of an HTTP body")
struct HTTPFramingTests {
  /// What is handed out of a request with these fields and bytes behind them, which another request follows.
  private func request(_ fields: String, _ body: String) -> (body: [String], next: Bool, anomalies: [String]) {
    let fixture = HTTPFixture(
      .client("POST / HTTP/1.1\r\n\(fields)\r\n\r\n\(body)GET /next HTTP/1.1\r\n\r\n"))
    return (fixture.values("http.request_body"), fixture.values("http.uri").last == "/next", fixture.anomalies)
  }

  /// What is handed out of a response with these fields and bytes behind them.
  private func response(_ fields: String, _ body: String) -> (body: [String], anomalies: [String]) {
    let fixture = HTTPFixture(.client("GET / HTTP/1.1\r\n\r\n"), .server("HTTP/1.1 200 OK\r\n\(fields)\r\n\r\n\(body)"))
    return (fixture.values("file.data"), fixture.anomalies)
  }

  @Test("is told by chunks, with extensions and a trailer")
  func chunks() {
    let chunked = "3;name=\"a;b\"\r\nabc\r\n 0A \r\n0123456789\r\n000;x\r\nX-Trailer: t\r\nCookie: c\r\n\r\n"
    let fixture = HTTPFixture(
      .client("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked + "GET /2 HTTP/1.1\r\n\r\n"))
    #expect(fixture.values("http.request_body") == ["abc0123456789"])
    #expect(fixture.values("http.uri") == ["/", "/2"])
    #expect(fixture.buffers()["http.header"] == "Transfer-Encoding: chunked\r\n|X-Trailer: t\r\n")
    #expect(fixture.buffers()["http.cookie"] == "c")
    #expect(fixture.anomalies == [])
    #expect(response("transfer-encoding: gzip, Chunked", "2\nok\n0\n\n").body == ["ok"])
  }

  @Test("is told by chunks where there is a length too, and said so")
  func smuggling() {
    let result = request("Content-Length: 4\r\nTransfer-Encoding: chunked", "5\r\nabcde\r\n0\r\n\r\n")
    #expect(result == (["abcde"], true, ["!bothLengths"]))
  }

  @Test(
    "is told by the first of several lengths",
    arguments: [
      ("Content-Length: 2\r\nContent-Length: 2", []),
      ("Content-Length: 2, 2", []),
      ("Content-Length: 2\r\nContent-Length: 5", ["!differentLengths"]),
      ("Content-Length: 2, x", ["!differentLengths"]),
    ])
  func lengths(_ fields: String, anomalies: [String]) {
    #expect(request(fields, "ab") == (["ab"], true, anomalies))
  }

  @Test(
    "where the length is no number is the head's end in a request, the stream's in a response",
    arguments: ["-1", "0x2", "2 2", ""])
  func noNumber(_ length: String) {
    #expect(request("Content-Length: \(length)", "") == ([], true, ["!invalidLength"]))
    #expect(response("Content-Length: \(length)", "ab") == (["ab"], ["!invalidLength"]))
  }

  @Test("may be further than any stream goes", arguments: ["18446744073709551615", "99999999999999999999999999"])
  func absurdLength(_ length: String) {
    #expect(request("Content-Length: \(length)", "ab").body == ["abGET /next HTTP/1.1\r\n\r\n"])
    #expect(response("Transfer-Encoding: chunked", "fffffffffffffffffff\r\nab").body == ["ab"])
  }

  @Test("is not known where a chunk has no length: of a response all that follows is the body")
  func invalidChunk() {
    #expect(request("Transfer-Encoding: chunked", "2\r\nab\r\nx\r\n") == (["ab"], false, ["!invalidChunk"]))
    let result = response("Transfer-Encoding: chunked", "<html>")
    #expect(result == (["<html>"], ["!invalidChunk"]))
    #expect(
      response("Transfer-Encoding: chunked", "2;" + String(repeating: "x", count: 5000)).anomalies == ["!invalidChunk"])
  }

  @Test("is told by no encoding but chunks")
  func otherEncodings() {
    #expect(request("Transfer-Encoding: gzip", "") == ([], true, ["!invalidTransferEncoding"]))
    #expect(response("Transfer-Encoding: foo", "ab") == (["ab"], ["!invalidTransferEncoding"]))
    #expect(request("Transfer-Encoding: identity\r\nContent-Length: 2", "ab") == (["ab"], true, ["!bothLengths"]))
    let misplaced = request("Transfer-Encoding: chunked, identity", "1\r\na\r\n0\r\n\r\n")
    #expect(misplaced == (["a"], true, ["!invalidTransferEncoding"]))
  }

  @Test("does not matter for what is handed out beyond the limit")
  func limit() {
    var limits = HTTPLimits()
    limits.requestBodyBytes = 5
    limits.responseBodyBytes = 3
    let fixture = HTTPFixture(
      [
        .client("POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n012345678GET /2 HTTP/1.1\r\n\r\n"),
        .server("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n2\r\ncd\r\n2\r\nef\r\n0\r\n\r\n"),
        .server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
      ], limits: limits)
    #expect(fixture.values("http.request_body") == ["01234"])
    #expect(fixture.values("file.data") == ["abc", "ok"])
    #expect(fixture.values("http.uri") == ["/", "/2"])
  }
}
