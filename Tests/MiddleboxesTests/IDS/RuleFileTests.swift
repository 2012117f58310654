import Testing

@testable import Middleboxes

@Suite("A rule file")
struct RuleFileTests {
  @Test("has comments, empty lines and rules that a backslash carries on")
  func lines() {
    let set = ruleSet(
      of: """
        # a comment
        alert tcp any any -> any any (msg:"one"; sid:1;)

           # alert tcp any any -> any any (msg:"off"; sid:2;)
        #alert udp any any -> any any (msg:"off too"; sid:3;)
        # alert is a word of a sentence (too)
        alert tcp any any -> \\
          any any (msg:"four"; \\
          sid:4;)
        drop udp any any -> any 53 (sid:5;)
        """)
    #expect(set.errors == [])
    #expect(set.rules.map(\.sid) == [1, 4, 5])
    #expect(set.rules.map(\.line) == [2, 7, 10])
    #expect(set.rules[1].message == "four")
    #expect(set.disabledCount == 3)
  }

  @Test("is read the same with other line ends, a byte order mark and no newline at its end")
  func otherLineEnds() {
    let bare = ruleSet(of: "alert tcp any any -> any any (sid:1;)\nalert tcp any any -> any \\\n any (sid:2;)")
    let dressed = ruleSet(
      of: "\u{feff}alert tcp any any -> any any (sid:1;)\r\nalert tcp any any -> any \\\r\n any (sid:2;)\r\n")
    #expect(bare.rules == dressed.rules)
    #expect(bare.rules.map(\.sid) == [1, 2])
  }

  @Test("gives the place, the number and the reason of what is wrong, and the rest is used")
  func errors() {
    let set = ruleSet(
      of: """
        alert tcp any any -> any any (content:"abc"; depth:2; sid:10;)
        alert tcp any any -> any any (sid:11;)
        alert tcp any any -> any any \\
          (content:"a"; lua:x.lua; sid:12;)
        alert tcp any any -> any any (content:"a"
        """)
    #expect(
      set.errors.map(\.description) == [
        "ids.rules:1: sid 10: depth: 2 is less than the 3 bytes of the content, so that it never matches",
        "ids.rules:5: the options do not end, expected a ) at the end of the rule",
      ])
    #expect(set.unused.map(\.description) == ["ids.rules:3: sid 12: not used, the keyword lua is not supported"])
    #expect(set.rules.map(\.sid) == [11])
  }

  @Test("with a number twice: the later revision is used, else the first rule")
  func sameNumber() {
    var set = ruleSet(
      of: """
        alert tcp any any -> any any (msg:"old"; sid:1; rev:1;)
        alert tcp any any -> any any (msg:"new"; sid:1; rev:2;)
        alert tcp any any -> any any (msg:"first"; sid:2; rev:7;)
        alert tcp any any -> any any (msg:"other generator"; sid:2; gid:3;)
        """)
    set.read(bytes: Array("alert tcp any any -> any any (msg:\"second\"; sid:2; rev:7;)".utf8), file: "more.rules")
    #expect(set.rules.map(\.message) == ["new", "first", "other generator"])
    #expect(
      set.errors.map(\.description) == [
        "ids.rules:1: sid 1: the rule at ids.rules:2, rev 2, has this sid too and is used instead of rev 1",
        "more.rules:1: sid 2: the rule at ids.rules:3, rev 7, has this sid too and is used instead of rev 7",
      ])
  }

  @Test("that cannot be read says why")
  func unreadable() {
    func fault(_ path: String) -> String {
      var set = IDSRuleSet()
      do {
        try set.read(path: path)
        return "taken"
      } catch {
        return error.description
      }
    }
    #expect(fault("/nowhere/ids.rules") == "/nowhere/ids.rules: No such file or directory")
    #expect(fault("/dev/zero") == "/dev/zero: is no regular file")
    #expect(fault("/") == "/: is no regular file")
  }

  @Test("holds what a rule says of itself")
  func description() throws {
    let read = try #require(
      rule(
        #"msg:"a \"b\"\; c\\d|41|"; reference:cve,2014-1234; reference:url,a.example/?x=1,2; classtype:trojan-activity; "#
          + "priority:3; target:dest_ip; metadata:confidence High, tag A b, lone; gid:2; rev:9;"))
    #expect(read.message == #"a "b"; c\d|41|"#)
    #expect(read.references.map(\.system) == ["cve", "url"])
    #expect(read.references.map(\.identifier) == ["2014-1234", "a.example/?x=1,2"])
    #expect(read.classType == "trojan-activity")
    #expect(read.priority == 3)
    #expect(read.target == .destination)
    #expect(read.metadata.map(\.key) == ["confidence", "tag", "lone"])
    #expect(read.metadata.map(\.value) == ["High", "A b", ""])
    #expect(read.gid == 2 && read.revision == 9 && read.sid == 1)
    #expect(!read.isSilent)
  }

  private static let faults = [
    FaultyOptions("msg:abc;", "msg: \"abc\" is not in quotes, expected msg:\"...\""),
    FaultyOptions(
      #"msg:"a;b";"#, "msg: \"\\\"a\" has no closing quote; a semicolon in it is written \\;"),
    FaultyOptions("msg;", "msg says nothing, expected msg: and a value"),
    FaultyOptions(#"msg:"a"; msg:"b";"#, "msg is there twice, expected it once"),
    FaultyOptions("rev:x;", "rev: \"x\" is not a number from 0 to 4294967295"),
    FaultyOptions("rev:4294967296;", "rev: \"4294967296\" is not a number from 0 to 4294967295"),
    FaultyOptions("priority:0;", "priority: \"0\" is not a number from 1 to 255"),
    FaultyOptions("target:both;", "target: \"both\" is none of src_ip, dest_ip"),
    FaultyOptions(
      "reference:cve;", "reference: \"cve\" is none, expected for example cve,2014-1234 or url,example.com"),
    FaultyOptions("classtype:a b;", "classtype: \"a b\" is no name, expected one word"),
    FaultyOptions("noalert:yes;", "noalert: \"yes\" is too much, expected nothing behind noalert"),
    FaultyOptions("sid:5;", "sid is there twice, expected it once"),
    FaultyOptions(
      "contnet:\"a\";", "there is no keyword \"contnet\", did you mean \"content\"? Expected: one of Suricata or Snort"),
    FaultyOptions("xyzzy;", "there is no keyword \"xyzzy\", expected one of Suricata or Snort"),
    FaultyOptions(":5;", "there is no keyword before \":5\""),
    FaultyOptions("geoip:src,XX;", "not used: the keyword geoip"),
  ]

  @Test("names what is wrong in its options", arguments: faults)
  func faultyOptions(example: FaultyOptions) { #expect(ruleFault(example.options) == example.fault) }

  @Test("has a number in each rule")
  func withoutNumber() {
    let set = ruleSet(of: "alert tcp any any -> any any (msg:\"a\";)\nalert tcp any any -> any any (sid:0;)")
    #expect(
      set.errors.map(\.description) == [
        "ids.rules:1: there is no sid, expected sid: and a number of the rule's own",
        "ids.rules:2: sid 0: sid: \"0\" is not a number from 1 to 4294967295",
      ])
  }
}
