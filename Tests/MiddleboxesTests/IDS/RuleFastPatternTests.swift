import Testing

@testable import Middleboxes

@Suite("The content that is searched for first")
struct RuleFastPatternTests {
  /// Its text and its buffer.
  private func pattern(_ options: String) -> String? {
    guard let read = rule(options), let pattern = read.fastPattern else { return nil }
    let buffer = read.buffers[Int(pattern.buffer)]
    guard case .content(let content) = buffer.matches[Int(pattern.match)] else { return "no content" }
    let bytes = content.bytes[Int(pattern.offset)...].prefix(Int(pattern.length))
    return "\(String(decoding: bytes, as: UTF8.self)) in \(buffer.kind.keyword)"
  }

  @Test("is the longest")
  func longest() {
    #expect(pattern("content:\"ab\"; content:\"abcd\"; content:\"abc\";") == "abcd in pkt_data")
  }

  @Test("is, of two of one length, that of rarer bytes, else the first")
  func rarest() {
    #expect(pattern("content:\"aaaa\"; content:\"abcd\";") == "abcd in pkt_data")
    #expect(pattern("content:\"abcd\"; content:\"a|7f|cd\";") == "a\u{7f}cd in pkt_data")
    #expect(pattern("content:\"abcd\"; content:\"dcba\";") == "abcd in pkt_data")
  }

  @Test("is in a buffer of a protocol rather than in the payload, and there rather than in what all messages have")
  func buffers() {
    #expect(pattern("content:\"abcdef\"; http.uri; content:\"ab\";") == "ab in http.uri")
    #expect(pattern("http.method; content:\"DELETE\"; pkt_data; content:\"ab\";") == "ab in pkt_data")
    #expect(pattern("http.method; content:\"DELETE\";") == "DELETE in http.method")
  }

  @Test("is the one that is marked, whole or in part")
  func marked() {
    #expect(pattern("content:\"abcdef\"; content:\"xy\"; fast_pattern; content:\"ghijklm\";") == "xy in pkt_data")
    #expect(
      pattern("content:\"abcdef\"; fast_pattern:only; http.uri; content:\"longest here\";") == "abcdef in pkt_data")
    #expect(pattern("content:\"abcdef\"; fast_pattern:2,3;") == "cde in pkt_data")
  }

  @Test("is never one that must not be there")
  func negated() {
    #expect(pattern("content:!\"abcdef\"; content:\"a\";") == "a in pkt_data")
    #expect(pattern("content:!\"abcdef\";") == nil)
    #expect(pattern("pcre:\"/abc/\";") == nil)
  }
}
