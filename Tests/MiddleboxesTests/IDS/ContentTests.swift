import Testing

@testable import Middleboxes

@Suite("content")
struct ContentTests {
  private func bytes(_ text: String) -> [UInt8]? { contents("content:\"\(text)\";").first?.bytes }

  @Test("is text with bytes in hexadecimal and escapes")
  func text() {
    #expect(bytes("abc") == Array("abc".utf8))
    #expect(bytes("a|0D 0a|b|2F|") == [0x61, 0x0d, 0x0a, 0x62, 0x2f])
    #expect(bytes("|0d0a00ff|") == [0x0d, 0x0a, 0x00, 0xff])
    #expect(bytes("| 61  6 2 |") == [0x61, 0x62])
    #expect(bytes(#"a\;b\"c\\d\:e:f"#) == Array(#"a;b"c\d:e:f"#.utf8))
    #expect(bytes(" a ") == Array(" a ".utf8))
    #expect(bytes("é") == [0xc3, 0xa9])
    let latin = Array("alert tcp any any -> any any (content:\"".utf8) + [0xe9, 0xff] + Array("\"; sid:1;)".utf8)
    #expect(ruleSet(of: latin).rules.first?.buffers.first?.matches == [.content(ContentMatch(bytes: [0xe9, 0xff]))])
  }

  @Test("has modifiers, each for the content before it")
  func modifiers() throws {
    let found = contents(
      "content:\"abc\"; offset:3; depth:9; nocase; content:!\"d\"; distance:-2; within:5; rawbytes; "
        + "content:\"ef\"; startswith; content:\"gh\"; endswith; fast_pattern:1,1;")
    try #require(found.count == 4)
    #expect(
      found[0]
        == ContentMatch(bytes: Array("abc".utf8), isCaseInsensitive: true, offset: .literal(3), depth: .literal(9)))
    #expect(
      found[1]
        == ContentMatch(
          bytes: Array("d".utf8), isNegated: true, isRaw: true, distance: .literal(-2), within: .literal(5)))
    #expect(found[2] == ContentMatch(bytes: Array("ef".utf8), startsWith: true))
    #expect(
      found[3]
        == ContentMatch(bytes: Array("gh".utf8), endsWith: true, fastPattern: .part(offset: 1, length: 1)))
    #expect(
      contents("content: ! \"a\"; nocase ;") == [ContentMatch(bytes: [0x61], isNegated: true, isCaseInsensitive: true)])
    #expect(contents("content:\"a\"; isdataat:5,relative; nocase;").first?.isCaseInsensitive == true)
  }

  @Test("can have variables for places, of the same buffer")
  func variables() {
    let found = contents(
      "content:\"a\"; byte_extract:1,0,len,relative; byte_extract:1,1,skip,relative; content:\"b\"; distance:skip; within:len;"
    )
    #expect(found.last?.distance == .variable(1))
    #expect(found.last?.within == .variable(0))
  }

  @Test("reaches its limits")
  func limits() {
    #expect(contents("content:\"abc\"; depth:3;").first?.depth == .literal(3))
    #expect(contents("content:\"abc\"; offset:65535;").first?.offset == .literal(65_535))
    #expect(contents("content:\"abc\"; distance:-1048576;").first?.distance == .literal(-1_048_576))
    #expect(contents("content:\"abc\"; within:1048576;").first?.within == .literal(1_048_576))
    // Relative to the buffer's start, where there is no match before it.
    #expect(contents("content:\"abc\"; distance:0;").first?.distance == .literal(0))
  }

  private static let faults = [
    FaultyOptions("content:\"\";", "content: there is nothing to look for, expected at least one byte"),
    FaultyOptions("content:\"||\";", "content: there is nothing to look for, expected at least one byte"),
    FaultyOptions("content:abc;", "content: \"abc\" is not in quotes, expected content:\"...\""),
    FaultyOptions(
      "content:\"a|0\";", "content: a | has no other one, expected hexadecimal digits between | and |"),
    FaultyOptions("content:\"a|0|\";", "content: a digit is missing before the closing |, expected two for each byte"),
    FaultyOptions("content:\"a|0g|\";", "content: \"g\" between | and | is no hexadecimal digit"),
    FaultyOptions(#"content:"a\n";"#, #"content: a backslash before "n", expected \\ \" \; or \:"#),
    FaultyOptions(#"content:"a"b";"#, #"content: a quote in the text, expected \" or |22|"#),
    FaultyOptions("content:\"a;b\";", "content: \"\\\"a\" has no closing quote; a semicolon in it is written \\;"),
    FaultyOptions("nocase; content:\"a\";", "nocase: there is no content before it"),
    FaultyOptions("distance:5;", "distance: there is no content before it"),
    FaultyOptions("pcre:\"/a/\"; within:5;", "within: there is no content before it"),
    FaultyOptions("fast_pattern;", "fast_pattern: there is no content before it"),
    FaultyOptions("content:\"a\"; nocase; nocase;", "nocase is there twice for one content"),
    FaultyOptions("content:\"a\"; depth:5; depth:6;", "depth is there twice for one content"),
    FaultyOptions("content:\"a\"; offset:-1;", "offset: \"-1\" is not a number from 0 to 65535"),
    FaultyOptions("content:\"a\"; offset:65536;", "offset: \"65536\" is not a number from 0 to 65535"),
    FaultyOptions("content:\"a\"; depth:1.5;", "depth: \"1.5\" is not a number from 0 to 65535"),
    FaultyOptions(
      "content:\"a\"; distance:1048577;", "distance: \"1048577\" is not a number from -1048576 to 1048576"),
    FaultyOptions(
      "content:\"a\"; distance:99999999999999999999;",
      "distance: \"99999999999999999999\" is not a number from -1048576 to 1048576"),
    FaultyOptions(
      "content:\"abcd\"; depth:3;", "depth: 3 is less than the 4 bytes of the content, so that it never matches"),
    FaultyOptions(
      "content:\"x\"; content:\"abcd\"; within:3;",
      "within: 3 is less than the 4 bytes of the content, so that it never matches"),
    FaultyOptions(
      "content:\"a\"; offset:1; distance:1;",
      "distance: offset and depth are from the start, distance and within from the match before; expected one"),
    FaultyOptions(
      "content:\"a\"; within:1; depth:1;",
      "depth: offset and depth are from the start, distance and within from the match before; expected one"),
    FaultyOptions(
      "content:\"a\"; startswith; offset:1;",
      "offset: startswith says the place, expected no offset, depth, distance or within with it"),
    FaultyOptions(
      "content:\"a\"; distance:1; startswith;",
      "startswith: startswith says the place, expected no offset, depth, distance or within with it"),
    FaultyOptions(
      "content:!\"a\"; fast_pattern;", "fast_pattern: the content is negated, expected one that has to be there"),
    FaultyOptions(
      "content:\"a\"; fast_pattern; content:\"b\"; fast_pattern;",
      "fast_pattern: another content has it, expected it for one content of a rule"),
    FaultyOptions("content:\"a\"; fast_pattern; fast_pattern;", "fast_pattern is there twice for one content"),
    FaultyOptions(
      "content:\"abc\"; fast_pattern:2,2;", "fast_pattern: 2,2 ends behind the 3 bytes of the content"),
    FaultyOptions(
      "content:\"abc\"; fast_pattern:65535,65535;", "fast_pattern: 65535,65535 ends behind the 3 bytes of the content"),
    FaultyOptions(
      "content:\"abc\"; fast_pattern:1;",
      "fast_pattern: \"1\" is none, expected only, or an offset and a length as 3,20"),
    FaultyOptions(
      "content:\"abc\"; fast_pattern:0,0;",
      "fast_pattern: \"0,0\" is none, expected only, or an offset and a length as 3,20"),
    FaultyOptions(
      "content:\"abc\"; depth:5; fast_pattern:only;", "fast_pattern: only means anywhere, expected no place with it"),
    FaultyOptions(
      "content:\"abc\"; fast_pattern:only; within:9;", "fast_pattern: only means anywhere, expected no place with it"),
    FaultyOptions(
      "content:\"abc\"; fast_pattern:only; content:\"d\"; distance:0;",
      "fast_pattern: only means anywhere, but distance and within behind it is relative to it"),
    FaultyOptions(
      "content:\"a\"; distance:len;",
      "distance: there is no variable \"len\" so far, expected byte_extract or byte_math before it"),
    FaultyOptions(
      "content:\"a\"; byte_extract:1,0,len; http.uri; content:\"b\"; offset:len;",
      "not used: offset with a variable of another buffer"),
  ]

  @Test("that contradicts itself says how", arguments: faults)
  func refuses(example: FaultyOptions) { #expect(ruleFault(example.options) == example.fault) }
}
