import MOSCore
import Testing

@testable import Middleboxes

@Suite("What a rule asks besides bytes")
struct RuleConditionTests {
  private func conditions(_ options: String, header: String = "alert ip any any -> any any") -> [RuleCondition]? {
    rule(options, header: header)?.conditions
  }

  private func comparison(_ text: String) -> IntegerMatch? {
    guard case .field(.payloadSize, let match)? = conditions("dsize:\(text);")?.first else { return nil }
    return match
  }

  @Test("flow")
  func flow() {
    #expect(
      conditions("flow:to_server,established;") == [.flow(FlowCondition(direction: .toServer, state: .established))])
    #expect(conditions("flow:from_client;") == conditions("flow:to_server;"))
    #expect(conditions("flow:from_server;") == conditions("flow: to_client ;"))
    #expect(
      conditions("flow:stateless, only_stream,no_frag;") == [
        .flow(FlowCondition(state: .stateless, stream: .only, fragments: .no))
      ])
    #expect(
      conditions("flow:not_established,no_stream,only_frag;") == [
        .flow(FlowCondition(state: .notEstablished, stream: .no, fragments: .only))
      ])
  }

  @Test("each number of the headers")
  func fields() {
    for field in PacketField.allCases {
      #expect(conditions("\(field.rawValue):0;") == [.field(field, IntegerMatch(value: 0))])
      #expect(conditions("\(field.rawValue):\(field.limit);") == [.field(field, IntegerMatch(value: field.limit))])
      #expect(conditions("\(field.rawValue):\(field.limit + 1);") == nil)
    }
    #expect(conditions("tos:!x1c;") == [.field(.typeOfService, IntegerMatch(comparison: .notEqual, value: 28))])
    #expect(conditions("ip_proto:GRE;") == [.field(.ipProtocol, IntegerMatch(value: 47))])
    #expect(
      conditions("ip_proto:!tcp; ip_proto:!udp;") == [
        .field(.ipProtocol, IntegerMatch(comparison: .notEqual, value: 6)),
        .field(.ipProtocol, IntegerMatch(comparison: .notEqual, value: 17)),
      ])
    #expect(conditions("tcp.seq:5;") == conditions("seq:5;"))
    #expect(conditions("sameip;") == [.sameAddress])
    #expect(conditions("ipopts:lsrr;") == [.ipOption(.lsrr)])
    #expect(
      conditions("stream_size:both, >=, 5000;") == [
        .streamSize(.both, IntegerMatch(comparison: .greaterOrEqual, value: 5000))
      ])
    #expect(
      conditions("urilen:5<>10,raw;") == [
        .uriLength(IntegerMatch(comparison: .between, value: 5, upper: 10), isRaw: true)
      ])
    #expect(conditions("urilen:>5,norm;") == conditions("urilen:>5;"))
  }

  @Test("comparisons hold for the numbers that they say")
  func comparisons() throws {
    let examples: [(String, [UInt64])] = [
      ("5", [5]), ("=5", [5]), ("!5", [0, 1, 2, 3, 4, 6, 7, 8, 9]), ("!=5", [0, 1, 2, 3, 4, 6, 7, 8, 9]),
      ("<5", [0, 1, 2, 3, 4]), ("<=5", [0, 1, 2, 3, 4, 5]), (">5", [6, 7, 8, 9]), ("> 5", [6, 7, 8, 9]),
      (">=5", [5, 6, 7, 8, 9]), ("5<>8", [6, 7]), ("5-8", [6, 7]), ("!5-8", [0, 1, 2, 3, 4, 5, 8, 9]),
      ("&0x6=2", [2, 3]), ("&6!=2", [0, 1, 4, 5, 6, 7, 8, 9]), ("0x5", [5]),
    ]
    for (text, numbers) in examples {
      let match = try #require(comparison(text), "\(text)")
      #expect((0...9).filter(match.holds) == numbers, "\(text)")
      #expect(match.highest(upTo: 9) == (text.hasPrefix("!") || text.hasPrefix("&") ? 9 : numbers.last), "\(text)")
    }
    #expect(comparison("4kb") == IntegerMatch(value: 4096))
    #expect(comparison("4KiB") == IntegerMatch(value: 4096))
    #expect(comparison("4mb") == nil)
  }

  @Test("flags")
  func flags() {
    func flags(_ text: String) -> TCPFlagsCondition? {
      guard case .tcpFlags(let flags)? = conditions("flags:\(text);")?.first else { return nil }
      return flags
    }
    #expect(flags("S") == TCPFlagsCondition(flags: .syn))
    #expect(flags("S,12") == TCPFlagsCondition(flags: .syn, ignored: [.cwr, .ece]))
    #expect(flags("S,CE") == flags("S,12"))
    #expect(flags("A+") == TCPFlagsCondition(comparison: .all, flags: .ack))
    #expect(flags("+A") == flags("A+"))
    #expect(flags("*FR") == TCPFlagsCondition(comparison: .any, flags: [.fin, .rst]))
    #expect(flags("!fsrpau") == TCPFlagsCondition(comparison: .not, flags: [.fin, .syn, .rst, .psh, .ack, .urg]))
    #expect(flags("PA12") == TCPFlagsCondition(flags: [.psh, .ack, .cwr, .ece]))
    #expect(flags("0") == TCPFlagsCondition(flags: []))
  }

  @Test("fragbits")
  func fragmentBits() {
    #expect(conditions("fragbits:MD;") == [.fragmentBits(.init(bits: [.moreFragments, .doNotFragment]))])
    #expect(conditions("fragbits:R+;") == [.fragmentBits(.init(comparison: .all, bits: .reserved))])
    #expect(conditions("fragbits:!M;") == [.fragmentBits(.init(comparison: .not, bits: .moreFragments))])
  }

  private static let integer = "expected for example 5, !5, >5, <=5 or 5<>10"
  private static let faults = [
    FaultyOptions(
      "flow:to_sever;",
      "flow: \"to_sever\" is none of to_server, to_client, from_server, from_client, established, not_established, "
        + "stateless, only_stream, no_stream, only_frag, no_frag"),
    FaultyOptions("flow:to_server,to_client;", "flow: to_server and to_client in one rule, expected one of them"),
    FaultyOptions("flow:established,stateless;", "flow: established and stateless in one rule, expected one of them"),
    FaultyOptions("flow:only_stream,no_stream;", "flow: only_stream and no_stream in one rule, expected one of them"),
    FaultyOptions("flow:established; flow:to_server;", "flow is there twice, expected it once"),
    FaultyOptions("dsize:abc;", "dsize: \"abc\" is no comparison with a number from 0 to 65535, \(integer)"),
    FaultyOptions("dsize:;", "dsize says nothing, expected dsize: and a value"),
    FaultyOptions("ttl:256;", "ttl: \"256\" is no comparison with a number from 0 to 255, \(integer)"),
    FaultyOptions("dsize:<0;", "dsize: \"<0\" is never so: the number is from 0 to 65535"),
    FaultyOptions("dsize:>65535;", "dsize: \">65535\" is never so: the number is from 0 to 65535"),
    FaultyOptions("dsize:5<>6;", "dsize: \"5<>6\" is never so: the number is from 0 to 65535"),
    FaultyOptions("dsize:9<>5;", "dsize: \"9<>5\" is never so: the number is from 0 to 65535"),
    FaultyOptions(
      "itype:&1=2;", "itype: \"&1=2\" is never so: the number is from 0 to 255",
      header: "alert icmp any any -> any any"),
    FaultyOptions("dsize:5; dsize:6;", "dsize is there twice, expected it once"),
    FaultyOptions("seq:1; tcp.seq:2;", "seq is there twice, expected it once"),
    FaultyOptions("flags:X;", "flags: \"X\" is no flag, expected of FSRPAUCE, or 0 for none"),
    FaultyOptions("flags:S,S;", "flags: \"S,S\" ignores what it asks for"),
    FaultyOptions("flags:+;", "flags: \"+\" is none, expected for example S, +SA, !R or S,CE"),
    FaultyOptions("flags:S,;", "flags: \"S,\" is none, expected for example S, +SA, !R or S,CE"),
    FaultyOptions(
      "flags:S;", "flags: there is none in udp, the header's protocol; expected tcp",
      header: "alert udp any any -> any any"),
    FaultyOptions(
      "itype:8;", "itype: there is none in tcp, the header's protocol; expected icmp",
      header: "alert tcp any any -> any any"),
    FaultyOptions("fragbits:X;", "fragbits: \"X\" is no bit, expected of M, D and R"),
    FaultyOptions("fragbits:+;", "fragbits: \"+\" names no bit, expected of M, D and R"),
    FaultyOptions(
      "ipopts:xx;",
      "ipopts: \"xx\" is none of rr, eol, nop, ts, sec, esec, lsrr, lsrre, ssrr, satid, qs, rtralt, cipso, any"),
    FaultyOptions("stream_size:client,>;", "stream_size: \"client,>\" is none, expected for example client,>,1000"),
    FaultyOptions("urilen:5,odd;", "urilen: \"5,odd\" is none, expected for example 5, >100, 5<>10 or 5,raw"),
  ]

  @Test("that cannot be are refused", arguments: faults)
  func refuses(example: FaultyOptions) {
    #expect(ruleFault(example.options, header: example.header) == example.fault)
  }
}
