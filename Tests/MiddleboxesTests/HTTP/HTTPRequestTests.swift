import Testing

@testable import Middleboxes

@Suite("Buffers of HTTP requests")
struct HTTPRequestTests {
  @Test("are the parts of the head")
  func parts() {
    let request =
      "POST /a%20b/../c?x=%41#f HTTP/1.1\r\nHost: Example.COM:8080\r\nUser-Agent:  Mozilla/5.0 \r\n"
      + "Cookie: a=b\r\nAccept: */*\r\nContent-Length: 3\r\n\r\nxyz"
    let lines = "Host: Example.COM:8080\r\nUser-Agent: Mozilla/5.0\r\n"
    #expect(
      HTTPFixture(.client(request)).buffers() == [
        "http.method": "POST", "http.uri.raw": "/a%20b/../c?x=%41#f", "http.uri": "/c?x=A#f",
        "http.protocol": "HTTP/1.1", "http.request_line": "POST /a%20b/../c?x=%41#f HTTP/1.1",
        "http.host": "example.com", "http.host.raw": "Example.COM:8080", "http.user_agent": "Mozilla/5.0",
        "http.cookie": "a=b", "http.accept": "*/*", "http.content_len": "3",
        "http.header": lines + "Accept: */*\r\nContent-Length: 3\r\n",
        "http.header.raw": "Host: Example.COM:8080\r\nUser-Agent:  Mozilla/5.0 \r\nCookie: a=b\r\nAccept: */*\r\n"
          + "Content-Length: 3\r\n\r\n",
        "http.header_names": "\r\nHost\r\nUser-Agent\r\nCookie\r\nAccept\r\nContent-Length\r\n\r\n",
        "http.start": "POST /a%20b/../c?x=%41#f HTTP/1.1\r\n" + lines
          + "Cookie: a=b\r\nAccept: */*\r\nContent-Length: 3\r\n\r\n",
        "http.request_body": "xyz", "end": "",
      ])
  }

  @Test("are those that somebody wants")
  func wanted() {
    var limits = HTTPLimits()
    limits.buffers = 1 << UInt64(InspectionBuffer.httpMethod.rawValue)
    let fixture = HTTPFixture([.client("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx")], limits: limits)
    #expect(fixture.entries().map(\.name) == ["http.method", "end"])
  }

  @Test(
    "have the host of the target, else of Host, without port, in lower case, without dots at its end",
    arguments: [
      ("GET / HTTP/1.1\r\nHost: A.b.\r\n\r\n", "a.b", "A.b."),
      ("GET http://U:p@A.b:80/c HTTP/1.1\r\nHost: other\r\n\r\n", "a.b", "A.b"),
      ("GET / HTTP/1.1\r\nHost: [FE80::1]:80\r\n\r\n", "[fe80::1]", "[FE80::1]:80"),
      ("GET / HTTP/1.1\r\nHost: ABC.com\r\nX: y\r\nhost: efg.net\r\n\r\n", "abc.com, efg.net", "ABC.com, efg.net"),
      ("GET / HTTP/1.1\r\nHost:\r\n\r\n", "", ""),
      ("CONNECT A.b:443 HTTP/1.1\r\nHost: x\r\n\r\n", "a.b", "A.b"),
    ])
  func host(_ request: String, host: String, raw: String) {
    let buffers = HTTPFixture(.client(request)).buffers()
    #expect(buffers["http.host"] == host)
    #expect(buffers["http.host.raw"] == raw)
  }

  @Test("put lines that are folded, and fields of one name, together")
  func folded() {
    let buffers = HTTPFixture(
      .client("GET / HTTP/1.1\r\nUser-Agent: a\r\n\t b\r\n c\r\nX: 1\r\nuser-agent : d\r\nY\r\n\r\n")
    ).buffers()
    #expect(buffers["http.user_agent"] == "a b c, d")
    #expect(buffers["http.header"] == "User-Agent: a b c, d\r\nX: 1\r\n: Y\r\n")
  }

  @Test(
    "are found in lines that are not as they should be",
    arguments: [
      // Line ends without CR; several blanks, and blanks in the target; empty lines before; an unknown method.
      ("GET / HTTP/1.0\nHost: a\n\n", "GET", "/", "HTTP/1.0"),
      ("GET \t /a b\tc  HTTP/1.1\r\nHost:a\r\n\r\n", "GET", "/a b\tc", "HTTP/1.1"),
      ("\r\n\r\n  GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/", "HTTP/1.1"),
      ("FROB /x HTTP/1.1\r\nHost: a\r\n\r\n", "FROB", "/x", "HTTP/1.1"),
      ("GET / HTTP/9.9\r\nHost: a\r\r\n\r\n", "GET", "/", "HTTP/9.9"),
      ("GET / FOO\r\nHost: a\r\n\r\n", "GET", "/", "FOO"),
    ])
  func lenient(_ request: String, method: String, target: String, version: String) {
    let buffers = HTTPFixture(.client(request)).buffers()
    #expect(buffers["http.method"] == method)
    #expect(buffers["http.uri.raw"] == target)
    #expect(buffers["http.protocol"] == version)
    #expect(buffers["http.host"] == "a")
    #expect(buffers["end"] == "")
  }

  @Test("of HTTP/0.9 are method and target; the response is a body")
  func bare() {
    let fixture = HTTPFixture(.client("GET /old\r\nGET /more HTTP/1.1\r\n\r\n"), .server("<html>\r\nold</html>"))
    #expect(fixture.values("http.uri") == ["/old"])
    #expect(fixture.values("file.data") == ["<html>\r\nold</html>"])
    #expect(fixture.values("http.protocol") == [])
  }

  @Test("are found behind lines that are no request")
  func garbage() {
    let fixture = HTTPFixture(
      .client("GET /1 HTTP/1.1\r\n\r\n\u{1}\u{2}junk\r\nmore junk here\r\nGET /2 HTTP/1.1\r\n\r\n"))
    #expect(fixture.values("http.uri") == ["/1", "/2"])
    #expect(fixture.anomalies == ["!garbage"])
    let endless = HTTPFixture(
      .client("GET /1 HTTP/1.1\r\n\r\n" + String(repeating: "junk\n", count: 20_000) + "GET /2 HTTP/1.1\r\n\r\n"))
    #expect(endless.values("http.uri") == ["/1"])
  }

  @Test("of a head beyond the limit are what is within it, and no more is looked at")
  func longHead() {
    var limits = HTTPLimits()
    limits.headBytes = 40
    let long = HTTPFixture(
      [
        .client(
          "GET /1 HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "y", count: 100) + "\r\n\r\nGET /2 HTTP/1.1\r\n\r\n")
      ],
      limits: limits)
    #expect(long.values("http.header") == ["Host: a\r\nX: yyyyyyyyyyy\r\n"])
    #expect(long.values("http.uri") == ["/1"])
    #expect(long.anomalies == ["!headTooLong"])
    let line = HTTPFixture(
      [.client("GET /" + String(repeating: "y", count: 100) + " HTTP/1.1\r\n\r\n")], limits: limits)
    #expect(line.values("http.uri") == ["/" + String(repeating: "y", count: 35)])
    #expect(line.values("end").count == 1)
  }

  @Test("of a head with more fields than the limit are those of the first ones")
  func manyFields() {
    let lines = (0..<2000).map { "X\($0): y\r\n" }.joined()
    let fixture = HTTPFixture(.client("GET / HTTP/1.1\r\n" + lines + "\r\n"))
    #expect(fixture.anomalies == ["!tooManyFields"])
    #expect(fixture.values("http.header")[0].hasSuffix("X1023: y\r\n"))
    #expect(fixture.values("http.header.raw")[0].hasSuffix("X1999: y\r\n\r\n"))
  }

  @Test("of a head that the stream's end cuts off are what has come")
  func cutOff() {
    let fixture = HTTPFixture(.client("GET /1 HTTP/1.1\r\nHost: a"), .closes(.client))
    #expect(fixture.buffers()["http.host"] == "a")
    #expect(HTTPFixture(.client("GET /1 HTT"), .closes(.client)).entries() == [])
  }
}
