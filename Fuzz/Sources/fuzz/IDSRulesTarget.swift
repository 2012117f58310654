import Middleboxes

/// The input is a file of rules of an intrusion detection system. Each one that is taken is printed, and read again it is
/// the same.
let idsRulesTarget = Target(
  name: "ids-rules",
  run: { data, size in
    let bytes = [UInt8](UnsafeBufferPointer(start: data, count: size))
    var set = IDSRuleSet()
    set.read(bytes: bytes, file: "ids.rules")
    let lines = bytes.count { $0 == 10 } + 1
    precondition(set.ruleCount + set.errors.count + set.unused.count + set.disabledCount <= lines)
    for error in set.errors {
      precondition(error.line.map { $0 >= 1 && $0 <= lines } ?? false, "\(error)")
      checkIsOneLine(error.description)
    }
    for rule in set.unused { checkIsOneLine(rule.description) }

    var printed: [UInt8] = []
    for index in 0..<set.ruleCount { printed += set.text(ofRule: index) + [10] }
    var again = IDSRuleSet()
    again.read(bytes: printed, file: "printed.rules")
    precondition(again.errors.isEmpty && again.unused.isEmpty, "\(again.errors) \(again.unused)")
    precondition(again.ruleCount == set.ruleCount)
    for index in 0..<set.ruleCount { precondition(again.text(ofRule: index) == set.text(ofRule: index)) }
    return 0
  },
  seeds: { _ in IDSRuleFiles.examples })

private func checkIsOneLine(_ text: String) {
  precondition(!text.utf8.contains { $0 < 0x20 || $0 == 0x7f }, "an error of more than a line")
}

enum IDSRuleFiles {
  /// One rule for each group of keywords.
  static var examples: [[UInt8]] {
    let header = "alert tcp $HOME_NET any -> [$EXTERNAL_NET,!192.0.2.0/24,fd00::/8] [80,443:445,!444] "
    let options = [
      #"msg:"a \"b\"\; c"; content:"a|0d 0A|b\;"; nocase; offset:1; depth:9; content:!"c"; distance:-1; within:5;"#,
      #"content:"abcdef"; fast_pattern:1,3; content:"g"; startswith; content:"h"; endswith; rawbytes;"#,
      #"content:"a"; fast_pattern:only; http_uri; pcre:!"/x[\x22]+\/y/smiR"; http.header; pcre:"m#a#iH"; bsize:<9;"#,
      #"flow:to_server,established; flowbits:isset,a|b; flowbits:set,c; flowbits:noalert; flowint:n,+,1; flowint:n,>,m;"#,
      #"byte_extract:2,0,len,relative,little,multiplier 2; byte_test:len,!&,0x80,-4,relative,bitmask 0xf0; isdataat:!len,relative;"#,
      #"byte_jump:4,12,relative,little,align,post_offset -4,from_beginning; byte_math:bytes 1, offset 0, oper +, rvalue 2, result r;"#,
      #"dsize:5<>10; flags:SA+,CE; ttl:!5; tos:x1c; id:>7; ip_proto:!udp; fragbits:!MD; fragoffset:0; ipopts:lsrr; sameip;"#,
      #"seq:1; ack:!=2; window:&3=1; stream_size:both,>=,5; urilen:>5,raw; xbits:set,b,track ip_src,expire 5;"#,
      #"threshold:type limit,track by_src,count 1,seconds 60; tag:host,5,packets,src; reference:cve,1; classtype:x; priority:2;"#,
      #"detection_filter:track by_dst,count 3,seconds 5; metadata:a b, c d; target:src_ip; noalert; gid:2; rev:3; lua:x;"#,
    ]
    let rules = options.enumerated().map { "\(header)(\($1) sid:\($0 + 1);)" }
    let file = "# comment\n#drop udp any any <> any 53 (sid:7;)\r\n" + rules.joined(separator: "\\\n\n")
    return (rules + [file]).map { Array($0.utf8) }
  }
}
