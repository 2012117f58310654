import Testing

@testable import Middleboxes

@Suite("pcre")
struct PCREMatchTests {
  private func expression(_ text: String) -> PCREMatch? {
    guard case .pcre(let expression)? = matches("pcre:\(text);").first else { return nil }
    return expression
  }

  @Test("has an expression and flags")
  func flags() {
    #expect(
      expression(#""/a\/b+[\x22"]\;/i""#) == PCREMatch(pattern: Array(#"a\/b+[\x22"]\;"#.utf8), flags: .caseInsensitive)
    )
    #expect(
      expression(#""/a/ismxAEGBO""#)?.flags == [
        .caseInsensitive, .dotMatchesNewline, .multiline, .extended, .anchored, .dollarAtEndOnly, .ungreedy, .raw,
        .ignoresMatchLimit,
      ])
    #expect(expression(#"!"/a/""#) == PCREMatch(pattern: [0x61], isNegated: true))
    #expect(expression(#""m#a/b#i""#) == PCREMatch(pattern: Array("a/b".utf8), flags: .caseInsensitive))
    #expect(expression(#""/a/b/""#)?.pattern == Array("a/b".utf8))
    #expect(
      matches("content:\"a\"; pcre:\"/b/R\";").last == .pcre(PCREMatch(pattern: [0x62], flags: .relative)))
  }

  @Test("has a letter for each buffer")
  func buffers() {
    let letters: [(String, InspectionBuffer)] = [
      ("U", .httpURI), ("I", .httpRawURI), ("M", .httpMethod), ("H", .httpHeader), ("D", .httpRawHeader),
      ("C", .httpCookie), ("V", .httpUserAgent), ("W", .httpHost), ("Z", .httpRawHost), ("P", .httpRequestBody),
      ("Q", .httpResponseBody), ("S", .httpStatusCode), ("Y", .httpStatusMessage),
    ]
    for (letter, buffer) in letters {
      #expect(rule("pcre:\"/a/i\(letter)\";")?.buffers.map(\.kind) == [buffer])
    }
    #expect(rule("http.uri; pcre:\"/a/U\";")?.buffers.map(\.kind) == [.httpURI])
    #expect(rule("file_data; pcre:\"/a/R\";")?.buffers.map(\.kind) == [.fileData])
    #expect(rule("content:\"a\"; http_uri; pcre:\"/b/UR\";")?.buffers.map(\.matches.count) == [2])
  }

  private static let faults = [
    FaultyOptions("pcre:/a/;", "pcre: \"/a/\" is not in quotes, expected pcre:\"...\""),
    FaultyOptions(
      "pcre:\"a\";", "pcre: \"a\" is no expression, expected it between slashes and flags behind it, as /a+b/i"),
    FaultyOptions(
      "pcre:\"/a\";", "pcre: \"/a\" is no expression, expected it between slashes and flags behind it, as /a+b/i"),
    FaultyOptions(
      "pcre:\"m\";", "pcre: \"m\" is no expression, expected it between slashes and flags behind it, as /a+b/i"),
    FaultyOptions("pcre:\"//\";", "pcre: the expression is empty"),
    FaultyOptions("pcre:\"/a/iq\";", "pcre: there is no flag \"q\", expected of ismxAEGRBO and UIMHDCVWZPQSY"),
    FaultyOptions("pcre:\"/a/UH\";", "pcre: the flags \"UH\" name two buffers, expected one"),
    FaultyOptions("pcre:\"/a/BU\";", "pcre: the flag B means the payload, expected no buffer with it"),
    FaultyOptions("pcre:\"/a/R\";", "pcre: the flag R, but there is no match before it in the same buffer"),
    FaultyOptions(
      "content:\"a\"; pcre:\"/b/UR\";", "pcre: the flag R, but there is no match before it in the same buffer"),
    FaultyOptions(
      "http.header; pcre:\"/a/U\";", "pcre: its flags say http.uri, but the buffer is http.header here"),
    FaultyOptions("pcre:\"/(a)/,flow:name\";", "not used: variables that pcre captures"),
  ]

  @Test("that is wrong says what was expected", arguments: faults)
  func refuses(example: FaultyOptions) { #expect(ruleFault(example.options) == example.fault) }
}
