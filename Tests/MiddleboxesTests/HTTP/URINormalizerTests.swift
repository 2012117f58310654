import Foundation
import Testing

@testable import Middleboxes

@Suite("Normalized request targets")
struct URINormalizerTests {
  private func normalized(_ target: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    target.withUnsafeBytes { URINormalizer.normalize($0, into: &bytes) }
    return bytes
  }

  @Test(
    "are decoded once, and resolved",
    arguments: [
      ("/", "/"), ("*", "*"), ("/a%20b", "/a b"), ("/%2541", "/%41"), ("/%4", "/%4"), ("/%zz%", "/%zz%"),
      // Separators: encoded, of Windows, several.
      ("/a%2fb", "/a/b"), ("/a\\b%5cc", "/a/b/c"), ("/a//b/\\/c", "/a/b/c"), ("//a", "/a"),
      ("/%u0041%U002fb", "/A/b"), ("/%u004", "/%u004"), ("/%u00zz", "/%u00zz"), ("/%uff0f%u2215", "/"),
      ("/%u0100%uff21%u4e2d", "/AA?"),
      // RFC 3986 5.2.4's own examples, and what climbs out.
      ("/a/b/c/./../../g", "/a/g"), ("mid/content=5/../6", "mid/6"), ("/..", "/"), ("/../../x", "/x"), ("/.", "/"),
      ("/a/.", "/a/"), ("/a/..", "/"), ("/a/b/..", "/a/"), ("../a", "a"), ("./a", "a"), ("..", ""), ("/...", "/..."),
      ("/a/..b/.c", "/a/..b/.c"), ("/a/%2e%2e/b", "/b"), ("/a/%2e./b%5c..", "/"), ("/a/..%2fb", "/b"),
      // Only the path is resolved; the query is decoded without %u.
      ("/a?b/../c//d%2e%41%u0041\\", "/a?b/../c//d.A%u0041\\"), ("/a?", "/a?"), ("/A?b?c", "/A?b?c"),
      ("/a#b%41", "/a#bA"), ("/a?b#c", "/a?b#c"), ("/a?b=c+d", "/a?b=c+d"),
      // Scheme, user, host and port are left out.
      ("http://User@Host:80/A/../b?c", "/b?c"), ("http://host", ""), ("http://host?x", "?x"), ("/http://a", "/http:/a"),
    ])
  func decoded(_ target: String, expected: String) {
    #expect(String(decoding: normalized(Array(target.utf8)), as: UTF8.self) == expected)
  }

  @Test("have single bytes for UTF-8 in the path, also where it is longer than it need be, and for nothing else")
  func utf8() {
    #expect(normalized([0x2f, 0xc3, 0xa9]) == [0x2f, 0xe9])
    #expect(normalized(Array("/%c0%af%c0%ae%c0%ae%c0%afa".utf8)) == Array("//../a".utf8.suffix(2)))
    #expect(normalized([0x2f, 0xef, 0xbc, 0xa1, 0xe2, 0x88, 0x95, 0xe4, 0xb8, 0xad]) == Array("/A/?".utf8))
    #expect(normalized([0x2f, 0xe9, 0xff, 0xc3]) == [0x2f, 0xe9, 0xff, 0xc3])
    #expect(normalized([0x2f, 0x3f, 0xc3, 0xa9]) == [0x2f, 0x3f, 0xc3, 0xa9])
  }

  @Test("have a base letter for each of the Latin ones with marks")
  func latin() {
    // What the character decomposes into says what it looks like.
    var different: [UInt32] = []
    for codePoint in UInt32(0x100)..<0x180 {
      let decomposed = String(Character(Unicode.Scalar(codePoint)!)).decomposedStringWithCanonicalMapping
      guard let base = decomposed.unicodeScalars.first, base.isASCII else { continue }
      if BestFit.byte(codePoint) != UInt8(base.value) { different.append(codePoint) }
    }
    #expect(different == [])
    #expect(BestFit.byte(0x17f) == UInt8(ascii: "?"))
  }

  @Test("are never longer than the target, and normalized once more lose no more than what was encoded")
  func random() {
    var random = SeededGenerator(seed: 7)
    let parts = [
      "/", "\\", ".", "..", "%2e", "%2f", "%5c", "a", "%", "%u002e", "%c0%ae", "?", "#", "é", "//", ":", "@",
    ]
    for _ in 0..<20_000 {
      let target = (0..<Int.random(in: 0...12, using: &random)).map { _ in parts.randomElement(using: &random)! }
      let bytes = Array(target.joined().utf8)
      let result = normalized(bytes)
      #expect(result.count <= bytes.count)
      let path = result.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
      let segments = path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: true)
      #expect(!segments.contains { $0.elementsEqual(Array("..".utf8)) || $0.elementsEqual(Array(".".utf8)) })
    }
  }
}
