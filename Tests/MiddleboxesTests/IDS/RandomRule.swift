/// Writes random rules in the one form in which rules are printed, and counts on nothing of what reads or prints them.
struct RandomRule {
  private var random: SeededGenerator

  init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  private mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
  private mutating func chance(_ percent: Int) -> Bool { number(1...100) <= percent }
  private mutating func one(_ words: [String]) -> String { words.randomElement(using: &random)! }
  private mutating func word() -> String {
    String((0..<number(1...9)).map { _ in "abcdefgXYZ".randomElement(using: &random)! })
  }
  private mutating func times(_ range: ClosedRange<Int>, _ part: (inout RandomRule) -> String) -> String {
    var text = ""
    for _ in 0..<number(range) { text += part(&self) }
    return text
  }

  mutating func rule(sid: Int) -> String {
    var text = one(["alert", "drop", "reject", "rejectsrc", "rejectdst", "rejectboth", "pass", "log"]) + " "
    // A rule is about packets, or about messages of an application protocol.
    let isMessage = chance(50)
    text += one(isMessage ? ["tcp", "tcp-stream", "http", "ip"] : ["tcp", "tcp-pkt", "ip", "ipv4"])
    text += " \(addresses()) \(ports()) "
    text += one(["->", "<>"]) + " \(addresses()) \(ports()) ("
    if chance(90) { text += "msg:\"\(message())\"; " }
    let asked = isMessage ? [0, 5, 6] : Array(0...6)
    for kind in asked.shuffled(using: &random).prefix(number(0...4)) { text += condition(kind, isMessage: isMessage) }
    text += buffers(isMessage: isMessage)
    text += times(0...2) { $0.effect() }
    if chance(20) { text += "noalert; " }
    if chance(30) {
      text += "threshold:type \(one(["limit", "threshold", "both"])), track \(track()), count \(number(1...99)), "
      text += "seconds \(number(1...4_294_967_295)); "
    } else if chance(20) {
      text += "detection_filter:track \(track()), count \(number(1...99)), seconds \(number(1...60)); "
    }
    text += times(0...2) { random in
      let count = "\(random.number(1...999)),\(random.one(["packets", "bytes", "seconds"]))"
      return "tag:" + random.one(["session,\(count)", "host,\(count),src", "host,\(count),dst"]) + "; "
    }
    text += times(0...2) { "reference:\($0.word()),\($0.word()).example/?a=1,2; " }
    if chance(80) { text += "classtype:\(word())-\(word()); " }
    if chance(30) { text += "priority:\(number(1...255)); " }
    if chance(30) { text += "target:\(one(["src_ip", "dest_ip"])); " }
    if chance(50) {
      text +=
        "metadata:"
        + (0..<number(1...3)).map { _ in chance(80) ? "\(word()) \(word())" : word() }.joined(separator: ", ")
      text += "; "
    }
    text += "sid:\(sid);"
    if chance(20) { text += " gid:\(number(2...9));" }
    if chance(80) { text += " rev:\(number(1...99));" }
    return text + ")"
  }

  private mutating func addresses() -> String {
    one([
      "any", "$HOME_NET", "!$HOME_NET", "10.0.0.0/8", "fd00::/8", "[10.0.0.0/8,!10.0.0.1]", "[$HOME_NET,$SQL_SERVERS]",
      "192.0.2.1-192.0.2.9", "![192.0.2.1,2001:db8::1]",
    ])
  }

  private mutating func ports() -> String {
    let (low, high) = (number(0...30_000), number(30_001...65_535))
    return one([
      "any", "\(low)", "\(low):\(high)", "\(high):", ":\(low)", "!\(low)", "[\(low),\(high),$SSH_PORTS]", "$HTTP_PORTS",
    ])
  }

  private mutating func message() -> String {
    times(1...6) { $0.one(["ET ", "a", #"\""#, #"\;"#, #"\\"#, ":", "|41|", "é", "(x)"]) } + "."
  }

  private mutating func comparison(_ limit: Int) -> String {
    let value = number(2...(limit - 2))
    return one([
      "\(value)", "!\(value)", "<\(value)", ">\(value)", "<=\(value)", ">=\(value)", "0<>\(value)", "!0<>\(value)",
      "&\(value)=\(value)", "&\(value)!=0",
    ])
  }

  private mutating func condition(_ kind: Int, isMessage: Bool) -> String {
    switch kind {
    case 0:
      let flow = [isMessage ? "to_server" : one(["to_server", "to_client"]), one(["established", "stateless"])]
      return "flow:\((flow + (isMessage && chance(20) ? ["only_stream"] : [])).joined(separator: ",")); "
    case 1: return "\(one(["seq", "ack"])):\(comparison(4_294_967_295)); "
    case 2: return "flags:\(one(["", "+", "*", "!"]))\(one(["S", "FA", "SRPUCE", "0"])); "
    case 3: return "fragbits:\(one(["", "+", "*", "!"]))\(one(["M", "MDR", "R"])); "
    case 4: return chance(50) ? "dsize:\(comparison(65_535)); " : "ttl:\(comparison(255)); "
    case 5: return "flowbits:\(one(["isset", "isnotset"])),\(word())|\(word()); "
    default:
      return
        "stream_size:\(one(["client", "server", "both", "either"])),\(one(["<", ">", "=", "!=", "<=", ">="])),\(number(0...99_999)); "
    }
  }

  private mutating func buffers(isMessage: Bool) -> String {
    var text = ""
    var kinds = ["", "http.uri; ", "http.header; ", "http.user_agent; ", "file.data; "].shuffled(using: &random)
    kinds.removeLast(number(1...4))
    for kind in kinds where kind.isEmpty || isMessage {
      text += kind.isEmpty && !text.isEmpty ? "pkt_data; " : kind
      var variables: [String] = []
      text += content(isFirst: true, hasSticky: !kind.isEmpty, variables: [])
      for _ in 0..<number(0...4) { text += match(&variables, hasSticky: !kind.isEmpty) }
    }
    return text
  }

  private mutating func match(_ variables: inout [String], hasSticky: Bool) -> String {
    let place = variables.isEmpty || chance(50) ? "\(number(-99...99))" : variables.randomElement(using: &random)!
    let relative = chance(50) ? ",relative" : ""
    switch number(0...7) {
    case 0:
      return
        "pcre:\(chance(20) ? "!" : "")\"/\(one(["a+/b", #"\x22\;(?:a|b)"#, "^[^|]*$", "é"]))/\(one(["", "i", "sm", "isR"]))\"; "
    case 1:
      let sign = one(["<", ">", "=", "<=", ">=", "&", "^", "!=", "!&"])
      return
        "byte_test:\(number(1...8)),\(sign),\(number(0...99_999)),\(place)\(relative)\(one(["", ",little", ",bitmask 0xff"])); "
    case 2:
      let from = one(["", ",from_beginning", ",from_end"])
      return "byte_jump:\(number(1...8)),\(place)\(relative)\(one(["", ",string,hex", ",little"]))"
        + "\(one(["", ",multiplier 4"]))\(one(["", ",align"]))\(from)\(one(["", ",post_offset -7"])); "
    case 3:
      let name = "v\(variables.count)"
      defer { variables.append(name) }
      return
        "byte_extract:\(number(1...8)),\(number(-99...99)),\(name)\(relative)\(one(["", ",little"]))\(one(["", ",multiplier 3"]))\(one(["", ",align 2"])); "
    case 4:
      let name = "v\(variables.count)"
      defer { variables.append(name) }
      return
        "byte_math:bytes \(number(1...4)),offset \(place),oper \(one(["+", "-", "*", "/", "<<", ">>"])),rvalue \(number(1...99)),"
        + "result \(name)\(relative)\(one(["", ",endian little", ",string dec"])); "
    case 5: return "isdataat:\(chance(50) ? "!" : "")\(number(0...99))\(relative); "
    case 6 where hasSticky: return "bsize:>=100; "
    default: return content(isFirst: false, hasSticky: hasSticky, variables: variables)
    }
  }

  private mutating func content(isFirst: Bool, hasSticky: Bool, variables: [String]) -> String {
    var text = "content:\(isFirst || chance(80) ? "" : "!")\""
    var length = 0
    for _ in 0..<number(1...4) {
      // Bytes that need no bars, then some that do: never two of a kind in a row.
      text += one(["abc", "A b", "/x?", "'=,"])
      length += 3
      if chance(60) {
        text += "|\(one(["0d 0a", "22", "3a 3b", "5c 7c", "00 ff 80"]))|"
        length += 3
      }
    }
    text += "\"; "
    if chance(40) { text += "nocase; " }
    if !hasSticky && chance(5) { text += "rawbytes; " }
    switch number(0...4) {
    case 0: text += "offset:\(number(0...999)); depth:\(number(length...999)); "
    case 1 where !isFirst:
      text +=
        "distance:\(variables.randomElement(using: &random) ?? "\(number(-99...99))"); within:\(number(length...999)); "
    case 2: text += "startswith; "
    case 3: text += "endswith; "
    default: break
    }
    return text
  }

  private mutating func effect() -> String {
    one([
      "flowbits:\(one(["set", "unset", "toggle"])),\(word()); ",
      "flowint:\(word()),\(one(["+", "-", "="])),\(number(0...99)); ",
      "xbits:\(one(["set", "unset", "toggle"])),\(word()),track \(one(["ip_src", "ip_dst", "ip_pair"])),expire \(number(1...99)); ",
    ])
  }

  private mutating func track() -> String { one(["by_src", "by_dst", "by_both", "by_rule", "by_flow"]) }
}
