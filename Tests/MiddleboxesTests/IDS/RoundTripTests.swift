import Testing

@testable import Middleboxes

@Suite("A rule that is printed")
struct RoundTripTests {
  @Test("is the text that was read, where that has the printed form", arguments: 0..<8)
  func randomRules(seed: Int) throws {
    var random = RandomRule(seed: UInt64(seed))
    let texts = (1...500).map { random.rule(sid: $0) }
    let set = ruleSet(of: texts.joined(separator: "\n"))
    try #require(set.errors == [] && set.unused == [])
    for (index, text) in texts.enumerated() {
      try #require(String(decoding: set.text(ofRule: index), as: UTF8.self) == text)
    }
  }

  @Test("has one form, whatever form was read")
  func oneForm() {
    let examples = [
      (
        "alert ssl [ 192.0.2.1 , !$HOME_NET ] any -> any any ( flow: from_client , established ;sid:1; msg:\"a\" ;)",
        "alert tls [192.0.2.1,!$HOME_NET] any -> any any (msg:\"a\"; flow:to_server,established; sid:1;)"
      ),
      (
        "alert tcp any any -> any any (content:\"a|3A 20|\"; http_header; content:\"|41|b\"; fast_pattern; pcre:\"/x/Ui\"; sid:1;)",
        "alert tcp any any -> any any (http.header; content:\"a|3a| \"; pkt_data; content:\"Ab\"; fast_pattern; http.uri; "
          + "pcre:\"/x/i\"; sid:1;)"
      ),
      (
        "alert tcp any any -> any any (sid:1; rev:0; gid:1; flags:12A+; flowbits:noalert; byte_test:1,!,0x10,0;)",
        "alert tcp any any -> any any (flags:+ACE; byte_test:1,!=,16,0; noalert; sid:1;)"
      ),
    ]
    for (text, printed) in examples {
      let set = ruleSet(of: text)
      #expect(set.errors == [])
      #expect((0..<set.ruleCount).map { String(decoding: set.text(ofRule: $0), as: UTF8.self) } == [printed])
    }
  }
}
