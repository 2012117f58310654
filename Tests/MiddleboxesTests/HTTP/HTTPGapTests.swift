import Testing

@testable import Middleboxes

@Suite("Bytes of HTTP that were lost")
struct HTTPGapTests {
  private let request = "GET /0 HTTP/1.1\r\n\r\nGET /1 HTTP/1.1\r\n\r\n"
  private let next = "HTTP/1.1 201 Next\r\nContent-Length: 4\r\n\r\nnext"

  @Test("in a body are left out; what follows them of it is a body of its own, and what follows it is found")
  func inBody() {
    let fixture = HTTPFixture(
      .client(request), .server("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123"), .loses(.server, 3),
      .server("789" + next))
    #expect(fixture.values("file.data") == ["0123", "789", "next"])
    #expect(fixture.values("http.stat_code") == ["200", "201"])
    #expect(fixture.anomalies == ["!gap"])
    let atItsEnd = HTTPFixture(
      .client("POST /0 HTTP/1.1\r\nContent-Length: 5\r\n\r\nab"), .loses(.client, 3), .client("GET /1 HTTP/1.1\r\n\r\n")
    )
    #expect(atItsEnd.values("http.uri") == ["/0", "/1"])
    #expect(atItsEnd.values("http.request_body") == ["ab"])
  }

  @Test("in a chunk are left out, and what follows it is found")
  func inChunk() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"
    for (lost, left, rest) in [(2, ["e"], "e\r\n0\r\n\r\n"), (3, [], "\r\n0\r\n\r\n")] as [(UInt64, [String], String)] {
      let fixture = HTTPFixture(.client(request), .server(head), .loses(.server, lost), .server(rest + next))
      #expect(fixture.values("file.data") == ["ab"] + left + ["next"])
      #expect(fixture.values("http.stat_code") == ["200", "201"])
    }
  }

  @Test("in a body until the stream's end are left out, and what follows is a body of its own")
  func untilClose() {
    let fixture = HTTPFixture(
      .client(request), .server("HTTP/1.0 200 OK\r\n\r\nab"), .loses(.server, 1), .server("cd" + next))
    #expect(fixture.values("file.data") == ["ab", "cd" + next])
    #expect(fixture.values("http.stat_code") == ["200"])
  }

  @Test("in an encoded body are its end: nobody can read on")
  func inEncodedBody() {
    let body = Deflater.deflate(Array("hello, hello, hello".utf8))
    let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: \(body.count)\r\n\r\n"
    let fixture = HTTPFixture(
      .client(request), .sends(.server, Array(head.utf8) + body[..<15]), .loses(.server, 2),
      .sends(.server, Array(body[17...]) + Array(next.utf8)))
    let bodies = fixture.values("file.data")
    #expect(bodies.last == "next")
    #expect(bodies.dropLast().allSatisfy { "hello, hello, hello".hasPrefix($0) })
    #expect(fixture.values("http.stat_code") == ["200", "201"])
  }

  @Test("elsewhere are the end of their direction, and the other one goes on")
  func elsewhere() {
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    let requests = HTTPFixture(
      .client("GET /0 HTTP/1.1\r\nHo"), .loses(.client, 2), .client(": a\r\n\r\nGET /1 HTTP/1.1\r\n\r\n"),
      .server(ok + ok))
    #expect(requests.values("http.uri") == [])
    #expect(requests.values("file.data") == ["ok", "ok"])
    let beyond = HTTPFixture(
      .client(request), .server("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab"), .loses(.server, 9), .server(ok),
      .client(String(repeating: "GET /2 HTTP/1.1\r\n\r\n", count: 600)))
    #expect(beyond.values("file.data") == ["ab"])
    // Nobody answers any more, so that no request waits.
    #expect(beyond.values("http.uri").count == 602)
    #expect(beyond.anomalies == ["!gap"])
    let between = HTTPFixture(
      .client("GET /0 HTTP/1.1\r\n\r\n"), .loses(.client, 5), .client("GET /1 HTTP/1.1\r\n\r\n"))
    #expect(between.values("http.uri") == ["/0"])
  }

  @Test("before anything else leave a flow unknown")
  func first() {
    let result = HTTPFixture(.loses(.client, 4), .client("GET / HTTP/1.1\r\n\r\n")).play()
    #expect(!result.isHTTP && !result.isInspected)
  }
}
