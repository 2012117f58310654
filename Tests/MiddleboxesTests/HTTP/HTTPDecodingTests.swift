import Testing

@testable import Middleboxes

@Suite("Encoded HTTP bodies")
struct HTTPDecodingTests {
  private let page = Array((0..<300).map { "<p>line \($0 * 7919 % 1000) of a page</p>\n" }.joined().utf8)

  private func response(
    _ coding: String, _ body: [UInt8], limits: HTTPLimits = HTTPLimits()
  ) -> (data: [UInt8], anomalies: [String]) {
    let head = "HTTP/1.1 200 OK\r\nContent-Encoding: \(coding)\r\nContent-Length: \(body.count)\r\n\r\n"
    let fixture = HTTPFixture(
      [.client("GET / HTTP/1.1\r\n\r\n"), .server(head), .sends(.server, body)], limits: limits)
    let whole = fixture.entries()
    // What comes in pieces is the same.
    #expect(fixture.entries { [Int](repeating: 1, count: $0) } == whole)
    #expect(fixture.entries { count in (0..<count / 7).map { _ in 7 } + [count % 7] } == whole)
    return (whole.first { $0.name == "file.data" }?.bytes ?? [], whole.map(\.name).filter { $0.hasPrefix("!") })
  }

  @Test(
    "are decoded by what they are, whatever the head calls it",
    arguments: [
      ("gzip", 31), ("x-gzip", 31), ("GZIP", 31), ("deflate", 15), ("deflate", -15), ("gzip", 15), ("deflate", 31),
      ("identity, gzip", 31),
    ] as [(String, Int32)])
  func formats(_ name: String, windowBits: Int32) {
    let result = response(name, Deflater.deflate(page, windowBits: windowBits))
    #expect(result == (page, []))
  }

  @Test("in two layers are decoded from the last one on")
  func layers() {
    let inner = Deflater.deflate(page, windowBits: 15)
    #expect(response("deflate, gzip", Deflater.deflate(inner)) == (page, []))
    #expect(response("gzip, gzip, gzip", [1, 2, 3]) == ([1, 2, 3], ["!invalidEncoding"]))
  }

  @Test("of several members of gzip are decoded as one, and what follows them is left out")
  func members() {
    let members = Deflater.deflate(Array(page[..<1000])) + Deflater.deflate(Array(page[1000...]))
    #expect(response("gzip", members + [0, 1, 2]) == (page, []))
  }

  @Test("that are not what the head says are handed out as they are")
  func plain() {
    #expect(response("gzip", page) == (page, ["!invalidEncoding"]))
    #expect(response("gzip", [0x3c]) == ([0x3c], []))
    #expect(response("br", page) == (page, []))
  }

  @Test("that are broken are decoded up to there")
  func broken() {
    var checksum = Deflater.deflate(page)
    checksum[checksum.count - 5] ^= 1
    #expect(response("gzip", checksum) == (page, ["!invalidEncoding"]))
    // A block of a type that there is not.
    var type = Deflater.deflate(Array(page[..<5000]), windowBits: 15)
    type[2] |= 6
    #expect(response("deflate", type) == ([], ["!invalidEncoding"]))
    let cut = response("gzip", Array(Deflater.deflate(page).dropLast(300)))
    #expect(cut.data.count > 1000 && cut.data.count < page.count && page.starts(with: cut.data))
  }

  @Test("are decoded no further than the limits of the body, of an encoding and of the ratio")
  func bombs() {
    let zeros = [UInt8](repeating: 0, count: 8 << 20)
    let bomb = Deflater.deflate(zeros)
    #expect(response("gzip", bomb).data.count == HTTPLimits().responseBodyBytes)
    // The outer encoding's ratio is what is too large.
    var limits = HTTPLimits()
    limits.responseBodyBytes = 4 << 20
    let ratio = response("gzip", bomb, limits: limits)
    #expect(ratio.anomalies == ["!tooMuchDecoded"])
    #expect(ratio.data.count > limits.undoubtedBytes && ratio.data.count < 400_000)
    limits.decodedRatio = 10_000
    #expect(response("gzip", bomb, limits: limits) == (Array(zeros[..<limits.decodedBytes]), ["!tooMuchDecoded"]))
    let nested = response("gzip, gzip", Deflater.deflate(bomb), limits: limits)
    #expect(nested.data.count == limits.decodedBytes)
  }

  @Test("of requests are handed out as they are")
  func requests() {
    let body = Deflater.deflate(page)
    let head = "POST / HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: \(body.count)\r\n\r\n"
    let entries = HTTPFixture(.client(head), .sends(.client, body)).entries()
    #expect(entries.first { $0.name == "http.request_body" }?.bytes == body)
  }
}
