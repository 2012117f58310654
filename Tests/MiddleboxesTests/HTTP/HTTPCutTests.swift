import MOSCore
import Testing

@testable import Middleboxes

@Suite("How a stream of HTTP was cut")
struct HTTPCutTests {
  private static let page = Array((0..<60).map { "line \($0 * 7919 % 1000)\n" }.joined().utf8)

  /// Conversations with every kind of message, and with what is wrong in all kinds of ways.
  private static let conversations: [[HTTPStep]] = {
    let gzip = Deflater.deflate(page)
    let gzipHead = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    let chunk = Array("\(String(gzip.count, radix: 16))\r\n".utf8) + gzip + Array("\r\n0\r\nX: t\r\n\r\n".utf8)
    let request = "\r\nGET /%2e/a?b HTTP/1.1\r\nHost: a\r\nCookie: c\r\nX:\r\n folded\r\n\r\n"
    return [
      [
        .client(
          request
            + "POST /1 HTTP/1.1\nContent-Length: 5\n\n01234junk\r\n\r\nHEAD /2 HTTP/1.1\r\n\r\nPUT /3 HTTP/1.0\r\n\r\n"),
        .server("HTTP/1.1 100 Continue\r\n\r\n" + gzipHead), .sends(.server, chunk),
        .server(
          "HTTP/1.1 204 No\r\n\r\njunk\r\nHTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nHTTP/1.0 200 OK\r\n\r\nclose"),
        .closes(.server), .closes(.client),
      ],
      [
        .client(
          "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3;x\r\nabc\r\n2\r\nde0\r\n\r\nGET /2 HTTP/1.1\r\n\r\n"
        ),
        .server("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\nfz\r\nrest"),
      ],
      [
        .client("CONNECT a:1 HTTP/1.1\r\n\r\n" + request + request),
        .server(
          "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nnoHTTP/1.1 101 X\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nz"
        ),
      ],
      [
        .client("GET /c HTTP/1.1\r\nUpgrade: h2c\r\n\r\n"),
        .server("HTTP/1.1 101 X\r\n\r\n\u{0}\u{1}HTTP/1.1 200 OK\r\n\r\n"),
        .client(request),
      ],
      [.client("GET /bare\n" + request), .server("bare body\r\n\r\nof it")],
      [.client("FROB /" + String(repeating: "x", count: 200) + " HTTP/1.1\r\nHost: a\r\n\r\n")],
      [.client("OPTIONS * RTSP/1.0\r\n\r\n"), .client(request)],
      [.server("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd"), .client(request)],
      [.client("GET / HTTP/1.1\r\nA: b"), .closes(.client), .server("HTTP/1.1 200 OK\r\nA"), .closes(.server)],
    ]
  }()

  private static let limits: [HTTPLimits] = {
    var small = HTTPLimits()
    small.headBytes = 100
    small.requestBodyBytes = 3
    small.responseBodyBytes = 200
    small.decodedBytes = 150
    small.undoubtedBytes = 10
    small.decodedRatio = 1
    small.transactions = 2
    small.fields = 1
    return [HTTPLimits(), small]
  }()

  @Test("at any one place changes nothing of what is handed out", arguments: conversations.indices, limits.indices)
  func everyPlace(_ index: Int, _ limits: Int) {
    let fixture = HTTPFixture(Self.conversations[index], limits: Self.limits[limits])
    let whole = fixture.entries()
    #expect(!whole.isEmpty || index == 6)
    let longest = fixture.steps.map { step in if case .sends(_, let bytes) = step { bytes.count } else { 0 } }.max()!
    for place in 1...longest {
      #expect(fixture.entries { place < $0 ? [place, $0 - place] : [$0] } == whole, "cut at \(place)")
    }
  }

  @Test(
    "into bytes, or at random, changes nothing of what is handed out", arguments: conversations.indices, limits.indices)
  func pieces(_ index: Int, _ limits: Int) {
    let fixture = HTTPFixture(Self.conversations[index], limits: Self.limits[limits])
    let whole = fixture.entries()
    #expect(fixture.entries { [Int](repeating: 1, count: $0) } == whole)
    var random = SeededGenerator(seed: UInt64(index))
    for _ in 0..<300 {
      let most = Int.random(in: 1...60, using: &random)
      let entries = fixture.entries { count in
        var rest = count
        var lengths: [Int] = []
        while rest > 0 {
          // Pieces without bytes too.
          lengths.append(min(rest, Int.random(in: 0...most, using: &random)))
          rest -= lengths.last!
        }
        return lengths
      }
      #expect(entries == whole)
    }
  }

  @Test("into one piece hands the same out as the messages on their own")
  func joined() {
    // What is compared above could be wrong in the same way in all pieces; this counts what has to be there.
    let entries = HTTPFixture(Self.conversations[0]).entries()
    func values(_ name: String) -> [String] { entries.filter { $0.name == name }.map(\.text) }
    #expect(values("http.uri") == ["/a?b", "/1", "/2", "/3"])
    #expect(values("http.request_body") == ["01234"])
    #expect(values("http.stat_code") == ["100", "200", "204", "200", "200"])
    #expect(values("file.data") == [String(decoding: Self.page, as: UTF8.self), "close"])
    #expect(values("end").count == 8)
  }
}
