import Testing

@testable import Middleboxes

/// A rule file and the error that it gives.
struct FaultyFile: Sendable, CustomTestStringConvertible {
  var text: String
  var error: String
  var testDescription: String { error }

  init(_ text: String, _ error: String) {
    self.text = text
    self.error = error
  }

  /// A file with one rule; `lines` begin at line 5.
  static func rule(_ lines: String, action: String = "pass", _ error: String) -> FaultyFile {
    FaultyFile("default: drop\nrules:\n  - name: web\n    action: \(action)\n    \(lines)\n", error)
  }

  /// A file with zones; the definitions begin at line 3.
  static func zones(_ lines: String, _ error: String) -> FaultyFile {
    FaultyFile("default: drop\nzones:\n  \(lines)\n", error)
  }
}

@Suite("Errors in a rule file name the line, the column and what was expected")
struct RuleFileErrorTests {
  private static let ruleKeys =
    "name, from, to, protocol, ports, source-ports, icmp-types, states, action, log, rate-limit"
  private static let address = "an address or network, for example 10.0.0.0/8 or fd00::/8"
  private static let ports = "expected for example 80, 8000-8080 or [80, 443]"

  private func check(_ example: FaultyFile) {
    #expect(ruleFileError(example.text) == "rules.yaml:\(example.error)")
  }

  private static let documents = [
    FaultyFile("", " holds no rules, expected at least `default: drop`"),
    FaultyFile("# only a comment\n", " holds no rules, expected at least `default: drop`"),
    FaultyFile("---\n...\n", " holds no rules, expected at least `default: drop`"),
    FaultyFile("rules: []\n", "1:1: there is no `default`, expected default: pass or default: drop"),
    FaultyFile(
      "- default\n",
      "1:1: a rule file: found a list, expected a mapping with default, zones, groups, syn-flood, sources, rules"),
    FaultyFile(
      "defualt: drop\n",
      "1:1: unknown key \"defualt\" in a rule file, did you mean \"default\"? Expected: "
        + "default, zones, groups, syn-flood, sources, rules"),
    FaultyFile(
      "default: accept\n",
      "1:10: default: \"accept\" is no action, did you mean \"pass\"? Expected: pass, drop or reset"),
    FaultyFile("default: {log: yes}\n", "1:10: default has no `action`"),
    FaultyFile("default: {action: drop, log: maybe}\n", "1:30: log: \"maybe\" is no switch, expected yes or no"),
    FaultyFile(
      "default: drop\nrules:\n", "2:7: rules: found nothing, expected a list, each rule beginning with `- name: ...`"),
    FaultyFile("default: drop\ndefault: pass\n", "2:1: \"default\" is there already, in line 1"),
    FaultyFile(
      "default: drop\nsyn-flood: {}\n", "2:12: syn-flood: no limit is given, expected per-source, total or both"),
    FaultyFile("default: drop\nsyn-flood: {total: 0}\n", "2:20: total: \"0\" is not a number from 1 to 1000000000"),
    FaultyFile(
      "default: drop\nsyn-flood: {total: 5, action: pass}\n",
      "2:31: action: \"pass\" would be no limit, expected drop or reset"),
    FaultyFile("default: drop\nsources: {maximum: 5}\n", "2:20: maximum: \"5\" is not a number from 16 to 1048576"),
    FaultyFile("default: drop\nsources: {ipv4-prefix: 33}\n", "2:24: ipv4-prefix: \"33\" is not a number from 0 to 32"),
  ]

  @Test("in the document as a whole", arguments: documents)
  func documentAsAWhole(example: FaultyFile) { check(example) }

  private static let addresses = [
    FaultyFile.zones(
      "a: [10.0.0.1/8]", "3:7: a: 10.0.0.1/8 has bits set behind the first 8, expected 10.0.0.0/8 or 10.0.0.1"),
    FaultyFile.zones(
      "a: fd00::1/64", "3:6: a: fd00::1/64 has bits set behind the first 64, expected fd00::/64 or fd00::1"),
    FaultyFile.zones("a: [10.0.0.0/33]", "3:7: a: \"33\" is no prefix length of IPv4, expected 0 to 32"),
    FaultyFile.zones("a: [10.0.0.0/08]", "3:7: a: \"08\" is no prefix length of IPv4, expected 0 to 32"),
    FaultyFile.zones("a: fd00::/129", "3:6: a: \"129\" is no prefix length of IPv6, expected 0 to 128"),
    FaultyFile.zones("a: [10.0.0]", "3:7: a: \"10.0.0\" is no address or network, expected \(address)"),
    FaultyFile.zones("a: 10.0.0.0/8/8", "3:6: a: \"10.0.0.0/8/8\" is no address or network, expected \(address)"),
    FaultyFile.zones(
      "a: ::ffff:10.0.0.0/104",
      "3:6: a: \"::ffff:10.0.0.0/104\" is an IPv4-mapped address, expected it as IPv4: 10.0.0.0"),
    FaultyFile.zones("a:", "3:5: a: found nothing, expected \(address)"),
    FaultyFile.zones("a: []", "3:6: a: the list is empty, expected \(address)"),
    FaultyFile.zones("any: 10.0.0.0/8", "3:3: \"any\" has a meaning of its own, expected another name"),
    FaultyFile.zones(
      "1st: 10.0.0.0/8",
      "3:3: \"1st\" is no name for a zone, expected letters, digits, - _ and ., the first one a letter, 64 at most"),
    FaultyFile.zones("a: 10.0.0.0/8\n  a: 11.0.0.0/8", "4:3: \"a\" is there already, in line 3"),
    FaultyFile.zones(
      "a: 10.0.0.0/8\n  b: [10.0.0.0/8]", "4:7: b: 10.0.0.0/8 is in zone \"a\" already; an address is in one zone only"),
    FaultyFile.zones(
      "a: 10.0.0.0/8\ngroups:\n  a: 11.0.0.0/8", "5:3: there is a zone \"a\" already, expected another name"),
    FaultyFile.zones(
      "a: [::/0]",
      "3:7: no valid YAML: did not find expected node content while parsing a flow node; "
        + "in [ ] and { } an address that begins or ends with a colon needs quotes"),
    FaultyFile.zones(
      "a: [fd00::]",
      "3:12: no valid YAML: found unexpected ':' while scanning a plain scalar that begins at 3:7; "
        + "in [ ] and { } an address that begins or ends with a colon needs quotes"),
    FaultyFile(
      "default: drop\nzones: [a]\n",
      "2:8: zones: found a list, expected names with their addresses, as `inside: [10.0.0.0/8]`"),
    FaultyFile(
      "default: drop\nzones: {inside: 10.0.0.0/8}\nrules:\n  - name: a\n    action: drop\n    from: insde\n",
      "6:11: from: there is no zone or group \"insde\", did you mean \"inside\"? Expected: "
        + "any, an address, or a name under zones or groups"),
    FaultyFile.rule(
      "to: elsewhere",
      "5:9: to: there is no zone or group \"elsewhere\", expected any, an address, or a name under zones or groups"),
    FaultyFile.rule(
      "from: [10.0.0.1, not any]", "5:22: from: \"not any\" would match nothing, expected not and a name"),
    FaultyFile.rule(
      "from: [10.0.0.1, any]",
      "5:22: from: \"any\" and others in one list; any covers them, expected it alone or with `not ...`"),
    FaultyFile.rule("from: !10.0.0.1", "5:11: YAML tags such as \"!10.0.0.1\" are not taken; write the value alone"),
  ]

  @Test("in zones, groups and addresses", arguments: addresses)
  func inAddresses(example: FaultyFile) { check(example) }

  private static let rules = [
    FaultyFile("default: drop\nrules:\n  - web\n", "3:5: a rule: found \"web\", expected a mapping with \(ruleKeys)"),
    FaultyFile("default: drop\nrules:\n  - name: web\n", "3:5: rule \"web\" has no `action`"),
    FaultyFile("default: drop\nrules:\n  - action: pass\n", "3:5: this rule has no `name`"),
    FaultyFile(
      "default: drop\nrules:\n  - name: [a]\n", "3:11: name: found a list, expected a text of at most 64 characters"),
    FaultyFile(
      "default: drop\nrules:\n  - name: \"a\\nb\"\n",
      "3:11: name: \"a\\nb\" is no name for a rule, expected at most 64 printable characters"),
    FaultyFile.rule("name: mail", "5:5: \"name\" is there already, in line 3"),
    FaultyFile(
      "default: drop\nrules:\n  - {name: a, name: b}\n", "3:15: \"name\" is there already, in line 3"),
    FaultyFile(
      "default: drop\nrules:\n  - name: a\n    \"n\\x61me\": b\n", "4:5: \"name\" is there already, in line 3"),
    FaultyFile(
      "default: drop\nrules:\n  - name: a\n    action: pass\n  - name: a\n    action: drop\n",
      "5:11: name: \"a\" is the name of the rule in line 3 too, expected another"),
    FaultyFile.rule("port: 80", "5:5: unknown key \"port\" in a rule, did you mean \"ports\"? Expected: \(ruleKeys)"),
    FaultyFile.rule(
      "source: any", "5:5: unknown key \"source\" in a rule, did you mean \"from\"? Expected: \(ruleKeys)"),
    FaultyFile.rule("interface: eth0", "5:5: unknown key \"interface\" in a rule, expected \(ruleKeys)"),
    FaultyFile.rule("<<: {log: yes}", "5:5: unknown key \"<<\" in a rule, expected \(ruleKeys)"),
    FaultyFile.rule("[1]: 2", "5:5: a rule: found a list as a key, expected \(ruleKeys)"),
    FaultyFile.rule(
      "protocol: tpc",
      "5:15: protocol: \"tpc\" is no protocol, did you mean \"tcp\"? Expected: tcp, udp, icmp, icmpv6, any, or a number up to 255"
    ),
    FaultyFile.rule(
      "protocol: 256",
      "5:15: protocol: \"256\" is no protocol, expected tcp, udp, icmp, icmpv6, any, or a number up to 255"),
    FaultyFile.rule("protocol: [any, tcp]", "5:16: protocol: \"any\" stands alone, expected it or a list of others"),
    FaultyFile.rule(
      "states: [new, estblished]",
      "5:19: states: \"estblished\" is no state, did you mean \"established\"? Expected: new, established, related, invalid or a list of them"
    ),
    FaultyFile.rule(
      "states: []", "5:13: states: the list is empty, expected new, established, related, invalid or a list of them"),
    FaultyFile.rule("log: 1", "5:10: log: \"1\" is no switch, expected yes or no"),
    FaultyFile.rule(
      "protocol: udp", action: "reset",
      "4:13: action: only TCP can be reset, and this rule is for other protocols, expected drop"),
  ]

  @Test("in a rule", arguments: rules)
  func inRule(example: FaultyFile) { check(example) }

  private static let numbers = [
    FaultyFile.rule(
      "protocol: tcp\n    ports: [80, 80-x]", "6:17: ports: \"80-x\" is no port or range of them, \(ports)"),
    FaultyFile.rule("protocol: tcp\n    ports: 90-80", "6:12: ports: the range \"90-80\" is reversed, expected 80-90"),
    FaultyFile.rule("protocol: tcp\n    ports: 65536", "6:12: ports: \"65536\" is more than 65535, the largest port"),
    FaultyFile.rule("protocol: tcp\n    ports: -1", "6:12: ports: \"-1\" is no port or range of them, \(ports)"),
    FaultyFile.rule("protocol: tcp\n    ports: 1-2-3", "6:12: ports: \"1-2-3\" is no port or range of them, \(ports)"),
    // Octal 80 to some readers of YAML, decimal 80 to others.
    FaultyFile.rule("protocol: tcp\n    ports: 0120", "6:12: ports: \"0120\" is no port or range of them, \(ports)"),
    FaultyFile.rule("protocol: tcp\n    ports: 0x50", "6:12: ports: \"0x50\" is no port or range of them, \(ports)"),
    FaultyFile.rule(
      "protocol: tcp\n    ports: 18446744073709551696",
      "6:12: ports: \"18446744073709551696\" is no port or range of them, \(ports)"),
    FaultyFile.rule("protocol: tcp\n    ports: {http: 80}", "6:12: ports: found a mapping, \(ports)"),
    FaultyFile.rule("protocol: tcp\n    ports:", "6:11: ports: found nothing, \(ports)"),
    FaultyFile.rule("protocol: tcp\n    source-ports: [[80]]", "6:20: source-ports: found a list, \(ports)"),
    FaultyFile.rule(
      "ports: 80", "5:12: ports: only TCP and UDP have ports here, expected protocol: tcp, udp or [tcp, udp]"),
    FaultyFile.rule(
      "protocol: [tcp, icmp]\n    ports: 80",
      "6:12: ports: only TCP and UDP have ports here, expected protocol: tcp, udp or [tcp, udp]"),
    FaultyFile.rule(
      "icmp-types: 8",
      "5:17: icmp-types: ICMP's and ICMPv6's types differ, expected protocol: icmp or icmpv6, one of them"),
    FaultyFile.rule(
      "protocol: icmp\n    icmp-types: 256", "6:17: icmp-types: \"256\" is more than 255, the largest ICMP type"),
    FaultyFile.rule(
      "rate-limit: 5/fortnight",
      "5:17: rate-limit: \"5/fortnight\" is no rate, expected for example 20/second, 100/minute or 1000/hour"),
    FaultyFile.rule(
      "rate-limit: 5", "5:17: rate-limit: \"5\" is no rate, expected for example 20/second, 100/minute or 1000/hour"),
    FaultyFile.rule("rate-limit: 0/second", "5:17: rate-limit: \"0/second\" is not a rate from 1 to 1000000"),
    FaultyFile.rule("rate-limit: {burst: 5}", "5:17: rate-limit has no `rate`"),
    FaultyFile.rule("rate-limit: {rate: 5/second, burst: 0}", "5:41: burst: \"0\" is not a number from 1 to 1000000"),
    FaultyFile.rule(
      "rate-limit: {rate: 5/second, over: pass}", "5:40: over: \"pass\" would be no limit, expected drop or reset"),
    FaultyFile.rule(
      "rate-limit: {rate: 5/second, over: drop}", action: "drop",
      "5:40: over: this rule takes only what is over the rate, expected `over` in rules that pass"),
  ]

  @Test("in ports, types and rates", arguments: numbers)
  func inNumbers(example: FaultyFile) { check(example) }

  private static let syntax = [
    FaultyFile(
      "default: 'drop\n",
      "2:1: no valid YAML: found unexpected end of stream while scanning a quoted scalar that begins at 1:10"),
    FaultyFile(
      "default: drop\nrules: [\n", "3:1: no valid YAML: did not find expected node content while parsing a flow node"),
    FaultyFile(
      "default: drop\nrules:\n  - name: a\n   action: pass\n",
      "4:4: no valid YAML: did not find expected '-' indicator while parsing a block collection that begins at 3:3"),
    FaultyFile(
      "default: drop\nrules:\n\t- name: a\n", "3:1: there is a tab here, expected spaces: YAML is not indented by tabs"),
    FaultyFile(
      "default: drop\n---\ndefault: pass\n", "2:1: a second document begins here; a rule file is a single one"),
    FaultyFile("%YAML 3.0\n---\ndefault: drop\n", "1:1: no valid YAML: found incompatible YAML document"),
    FaultyFile("default: !color drop\n", "1:10: YAML tags such as \"!color\" are not taken; write the value alone"),
    FaultyFile(
      "default: @home\n",
      "1:10: no valid YAML: found character that cannot start any token while scanning for the next token"),
    FaultyFile(
      "default: !!seq drop\n", "1:10: YAML tags such as \"tag:yaml.org,2002:seq\" are not taken; write the value alone"),
    FaultyFile(
      "default: drop\rrules:\r\t- name: a\r", "3:1: there is a tab here, expected spaces: YAML is not indented by tabs"),
    // However lines end, they are counted as an editor counts them.
    FaultyFile("default: drop\r\nrules:\r\n  - x\r\n", "3:5: a rule: found \"x\", expected a mapping with \(ruleKeys)"),
    FaultyFile("default: drop\rrules:\r  - x\r", "3:5: a rule: found \"x\", expected a mapping with \(ruleKeys)"),
    FaultyFile(
      "\u{feff}default: drop\nrules: x\n",
      "2:8: rules: found \"x\", expected a list, each rule beginning with `- name: ...`"),
    // Columns are characters, not bytes.
    FaultyFile(
      "default: drop\nrules: [{name: 'Bürö', action: x}]\n",
      "2:32: action: \"x\" is no action, expected pass, drop or reset"),
  ]

  @Test("in YAML itself", arguments: syntax)
  func inSyntax(example: FaultyFile) { check(example) }
}
