import Testing

@testable import Middleboxes

@Suite("What a rule remembers")
struct RuleStateTests {
  @Test("flowbits: tests before the match, changes after it")
  func flowBits() {
    let read = rule(
      "flowbits:isset,a; flowbits: isnotset , b.c|d ; flowbits:set,e; flowbits:unset,f; flowbits:toggle,g; flowbits:noalert;"
    )
    #expect(
      read?.conditions == [
        .flowBits(isSet: true, anyOf: ["a"]), .flowBits(isSet: false, anyOf: ["b.c", "d"]),
      ])
    #expect(
      read?.effects == [
        .flowBit(.set, name: "e"), .flowBit(.unset, name: "f"), .flowBit(.toggle, name: "g"),
      ])
    #expect(read?.isSilent == true)
    #expect(rule("noalert;")?.isSilent == true)
  }

  @Test("flowint")
  func flowInteger() {
    let read = rule(
      "flowint:n,isset; flowint:m,notset; flowint:n, >, 5; flowint:n,==,m; flowint:n,+,1; flowint:n, =, m;")
    #expect(
      read?.conditions == [
        .flowInteger(name: "n", .isSet), .flowInteger(name: "m", .isNotSet),
        .flowInteger(name: "n", .compare(.greater, .literal(5))),
        .flowInteger(name: "n", .compare(.equal, .variable("m"))),
      ])
    #expect(
      read?.effects == [
        .flowInteger(name: "n", .init(operation: .add, operand: .literal(1))),
        .flowInteger(name: "n", .init(operation: .assign, operand: .variable("m"))),
      ])
  }

  @Test("xbits")
  func crossBits() {
    let read = rule("xbits:isset,bad,track ip_dst; xbits:set, bad, track ip_src, expire 3600;")
    #expect(read?.conditions == [.crossBit(isSet: true, name: "bad", track: .destination)])
    #expect(read?.effects == [.crossBit(.set, name: "bad", track: .source, expire: 3600)])
  }

  @Test("threshold, detection_filter and tag")
  func counting() {
    #expect(
      rule("threshold: type both, count 5, seconds 360, track by_src;")?.threshold
        == RuleThreshold(kind: .both, track: .source, count: 5, seconds: 360))
    #expect(
      rule("detection_filter:track by_dst,count 15,seconds 2;")?.detectionFilter
        == RuleDetectionFilter(track: .destination, count: 15, seconds: 2))
    #expect(
      rule("tag:session; tag:host; tag:host,100,packets,src; tag:session,60,seconds;")?.tags == [
        RuleTag(scope: .session), RuleTag(scope: .destinationHost), RuleTag(scope: .sourceHost, count: 100),
        RuleTag(scope: .session, count: 60, metric: .seconds),
      ])
  }

  private static let faults = [
    FaultyOptions(
      "flowbits:sett,a;",
      "flowbits: \"sett,a\" is none, expected set, unset, toggle, isset or isnotset and a name, or noalert"),
    FaultyOptions(
      "flowbits:set;",
      "flowbits: \"set\" is none, expected set, unset, toggle, isset or isnotset and a name, or noalert"),
    FaultyOptions("flowbits:set,a b;", "flowbits: \"a b\" is no name, expected one word"),
    FaultyOptions("flowbits:isset,a|;", "flowbits: a name is missing"),
    FaultyOptions(
      "flowbits:set,a|b;", "not used: flowbits: set with several names"),
    FaultyOptions("flowbits:set,a,group;", "not used: groups of flowbits"),
    FaultyOptions(
      "flowint:n;", "flowint: \"n\" is none, expected for example name,isset or name,+,1 or name,>,5"),
    FaultyOptions(
      "flowint:n,%,1;", "flowint: \"n,%,1\" is none, expected for example name,isset or name,+,1 or name,>,5"),
    FaultyOptions("flowint:n,+,4294967296;", "flowint: \"4294967296\" is not a number from 0 to 4294967295"),
    FaultyOptions("xbits:set,a;", "xbits: \"set,a\" is none, expected for example set,name,track ip_src,expire 60"),
    FaultyOptions("xbits:set,a,track ip;", "xbits: \"ip\" is none of ip_src, ip_dst, ip_pair"),
    FaultyOptions("xbits:isset,a,track ip_src,expire 5;", "xbits: expire with isset, expected it with set"),
    FaultyOptions("xbits:set,a,track tx;", "not used: xbits of transactions"),
    FaultyOptions("threshold:type limit,track by_src,count 1;", "threshold: seconds is missing"),
    FaultyOptions(
      "threshold:type limits,track by_src,count 1,seconds 1;", "threshold: \"limits\" is none of limit, threshold, both"
    ),
    FaultyOptions(
      "threshold:type limit,track by_source,count 1,seconds 1;",
      "threshold: \"by_source\" is none of by_src, by_dst, by_both, by_rule, by_flow"),
    FaultyOptions(
      "threshold:type limit,track by_src,count 0,seconds 1;",
      "threshold: count: \"0\" is not a number from 1 to 4294967295"),
    FaultyOptions(
      "threshold:type limit,type both,track by_src,count 1,seconds 1;", "threshold: type is there twice"),
    FaultyOptions(
      "threshold:type limit,track by_src,count 1,seconds 1; detection_filter:track by_src,count 1,seconds 1;",
      "detection_filter and threshold in one rule, expected one of them"),
    FaultyOptions(
      "threshold:type backoff,track by_flow,count 1,multiplier 10;", "not used: threshold of type backoff"),
    FaultyOptions(
      "detection_filter:track by_src,count 1,seconds 1,unique_on dst_port;",
      "not used: unique_on of detection_filter"),
    FaultyOptions("tag:flow;", "tag: \"flow\" is none, expected for example session, or host,100,packets,src"),
    FaultyOptions(
      "tag:session,1,packets,src;",
      "tag: \"session,1,packets,src\" is none, expected for example session, or host,100,packets,src"),
    FaultyOptions("tag:host,1,flows;", "tag: \"flows\" is none of packets, bytes, seconds"),
  ]

  @Test("that is wrong says what was expected", arguments: faults)
  func refuses(example: FaultyOptions) { #expect(ruleFault(example.options) == example.fault) }
}
