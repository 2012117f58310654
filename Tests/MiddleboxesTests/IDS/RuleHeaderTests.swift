import MOSCore
import Testing

@testable import Middleboxes

@Suite("A rule's header")
struct RuleHeaderTests {
  private func header(_ text: String, _ variables: IDSVariables = IDSVariables()) -> RuleHeader? {
    ruleSet(of: "\(text) (sid:1;)", variables: variables).rules.first?.header
  }

  private func fault(_ text: String, _ variables: IDSVariables = IDSVariables()) -> String {
    ruleSet(of: "\(text) (sid:1;)", variables: variables).errors.first?.reason ?? "taken"
  }

  /// Whether an address group has an address.
  private func group(_ group: String, has address: String, _ variables: IDSVariables = IDSVariables()) -> Bool? {
    header("alert ip \(group) any -> any any", variables)?.source.contains(IPAddress(address)!)
  }

  @Test("has each action and each protocol")
  func words() {
    for action in IDSRule.Action.allCases {
      #expect(ruleSet(of: "\(action.rawValue) ip any any -> any any (sid:1;)").rules.first?.action == action)
    }
    for name in RuleProtocol.allCases {
      #expect(header("alert \(name.rawValue) any any -> any any")?.protocolName == name)
    }
    #expect(header("alert ssl any any -> any any")?.protocolName == .tls)
    #expect(header("alert TCP any any -> any any")?.protocolName == .tcp)
    #expect(header("alert ip6 any any -> any any")?.protocolName == .ipv6)
    #expect(header("alert tcp any any <> any any")?.isBidirectional == true)
    #expect(header("alert tcp any any -> any any")?.isBidirectional == false)
  }

  @Test("names addresses as networks, ranges, lists and exceptions")
  func addresses() {
    #expect(group("10.0.0.0/8", has: "10.255.255.255") == true)
    #expect(group("10.0.0.0/8", has: "11.0.0.0") == false)
    #expect(group("10.1.2.3/255.255.0.0", has: "10.1.9.9") == true)
    #expect(group("10.1.2.3/16", has: "10.2.0.0") == false)
    #expect(group("10.0.0.5-10.0.0.9", has: "10.0.0.9") == true)
    #expect(group("10.0.0.5-10.0.0.9", has: "10.0.0.10") == false)
    #expect(group("!10.0.0.1", has: "10.0.0.1") == false)
    #expect(group("!10.0.0.1", has: "fd00::1") == true)
    #expect(group("[10.0.0.0/8,!10.0.0.5]", has: "10.0.0.5") == false)
    #expect(group("[ 10.0.0.0/8, !10.0.0.5 ]", has: "10.0.0.6") == true)
    #expect(group("[!10.0.0.5]", has: "10.0.0.6") == true)
    #expect(group("![10.0.0.1,10.0.0.2]", has: "10.0.0.2") == false)
    #expect(group("[10.0.0.0/8,![10.0.0.0/16,!10.0.1.0/24]]", has: "10.0.1.1") == true)
    #expect(group("[10.0.0.0/8,![10.0.0.0/16,!10.0.1.0/24]]", has: "10.0.2.1") == false)
    #expect(group("fd00::/8", has: "fdff::1") == true)
    #expect(group("::/0", has: "10.0.0.1") == false)
    #expect(group("0.0.0.0/0", has: "::1") == false)
  }

  @Test("names ports as numbers, ranges, lists and exceptions")
  func ports() {
    func ports(_ text: String) -> [ClosedRange<UInt16>]? {
      header("alert tcp any \(text) -> any any")?.sourcePorts.ranges
    }
    #expect(ports("any") == [0...65535])
    #expect(ports("80") == [80...80])
    #expect(ports("1024:") == [1024...65535])
    #expect(ports(":1023") == [0...1023])
    #expect(ports("!80") == [0...79, 81...65535])
    #expect(ports("!6666:7000") == [0...6665, 7001...65535])
    #expect(ports("[80,81,8000:8080,8081]") == [80...81, 8000...8081])
    #expect(ports("[1024:,!1030]") == [1024...1029, 1031...65535])
    #expect(ports("[!80,!443]") == [0...79, 81...442, 444...65535])
    #expect(ports("[$HTTP_PORTS,443]") == [80...80, 443...443])
    #expect(ports("$FILE_DATA_PORTS") == [80...80, 110...110, 143...143])
  }

  @Test("has the variables of the configuration")
  func variables() {
    #expect(group("$HOME_NET", has: "192.168.1.1") == true)
    #expect(group("$HOME_NET", has: "192.169.0.0") == false)
    #expect(group("$EXTERNAL_NET", has: "172.31.255.255") == false)
    #expect(group("$EXTERNAL_NET", has: "172.32.0.0") == true)
    let mine = IDSVariables(addresses: ["HOME_NET": "198.51.100.0/24", "MINE": "[$HOME_NET,!198.51.100.7]"])
    #expect(group("$SQL_SERVERS", has: "198.51.100.7", mine) == true)
    #expect(group("$MINE", has: "198.51.100.7", mine) == false)
    #expect(group("$EXTERNAL_NET", has: "10.0.0.1", mine) == true)
    let any = IDSVariables(addresses: ["HOME_NET": "any"])
    #expect(
      fault("alert ip $EXTERNAL_NET any -> any any", any)
        == "the addresses \"$EXTERNAL_NET\" leave none, expected at least one")
  }

  private static let faults: [(header: String, fault: String)] = [
    ("", "there is no action before the options"),
    (
      "aler tcp any any -> any any",
      "\"aler\" is no action, did you mean \"alert\"? Expected: alert, drop, reject, rejectsrc, rejectdst, rejectboth, "
        + "pass, log"
    ),
    (
      "alert tcp any any -> any",
      "the header has 6 words, expected 7: action, protocol, addresses, ports, -> or <>, addresses, ports"
    ),
    (
      "alert tcq any any -> any any",
      "\"tcq\" is no protocol, did you mean \"tcp\"? Expected: tcp, udp, icmp, ip or an application protocol"
    ),
    (
      "alert tcp any any <- any any",
      "the direction \"<-\" is none, expected -> or <>; exchange source and destination"
    ),
    ("alert tcp any any => any any", "the direction \"=>\" is none, expected -> or <>"),
    (
      "alert tcp 10.0.0.256 any -> any any",
      "\"10.0.0.256\" is no address, expected for example any, 10.0.0.0/8, fd00::/8, 10.0.0.1-10.0.0.9, "
        + "[10.0.0.1,!10.0.0.2] or $HOME_NET"
    ),
    ("alert tcp 10.0.0.0/33 any -> any any", "\"33\" in \"10.0.0.0/33\" is no prefix length, expected 0 to 32"),
    (
      "alert tcp 10.0.0.0/255.0.255.0 any -> any any",
      "\"255.0.255.0\" in \"10.0.0.0/255.0.255.0\" is no prefix length, expected 0 to 32"
    ),
    ("alert tcp 10.0.0.9-10.0.0.1 any -> any any", "the addresses \"10.0.0.9-10.0.0.1\" end before they begin"),
    (
      "alert tcp [10.0.0.1 any -> any any", "a list in the header does not end, expected a ]"
    ),
    ("alert tcp [10.0.0.1,] any -> any any", "the list \"[10.0.0.1,]\" has an empty element"),
    ("alert tcp [10.0.0.1],[10.0.0.2] any -> any any", "the list \"[10.0.0.1],[10.0.0.2]\" has a ] too many"),
    ("alert tcp !any any -> any any", "the addresses \"!any\" leave none, expected at least one"),
    (
      "alert tcp [1.1.1.1,!1.1.1.1] any -> any any",
      "the addresses \"[1.1.1.1,!1.1.1.1]\" leave none, expected at least one"
    ),
    (
      "alert tcp $HOMENET any -> any any",
      "there is no address variable \"$HOMENET\", did you mean \"HOME_NET\"? Expected: one of the configuration"
    ),
    (
      "alert tcp any $HOME_NET -> any any",
      "there is no port variable \"$HOME_NET\", expected one of the configuration"
    ),
    (
      "alert tcp any 65536 -> any any",
      "\"65536\" is no port, expected for example 80, 1024:, 8000:8080, [80,443] or $HTTP_PORTS"
    ),
    (
      "alert tcp any : -> any any",
      "\":\" is no port, expected for example 80, 1024:, 8000:8080, [80,443] or $HTTP_PORTS"
    ),
    ("alert tcp any 90:80 -> any any", "the ports \"90:80\" end before they begin"),
    ("alert tcp any !any -> any any", "the ports \"!any\" leave none, expected at least one"),
  ]

  @Test("that is wrong says what was expected", arguments: faults)
  func refuses(example: (header: String, fault: String)) { #expect(fault(example.header) == example.fault) }

  @Test("with variables that lead back to themselves, or deep into each other, ends")
  func variableLoops() {
    let loop = IDSVariables(addresses: ["A": "[$B]", "B": "!$A"], ports: ["P": "$P"])
    #expect(fault("alert tcp $A any -> any any", loop) == "the variable \"$A\" is said by itself")
    #expect(fault("alert tcp any $P -> any any", loop) == "the variable \"$P\" is said by itself")
    // Each names the one before twice: 2 to the power of 40 readings, unless each is read once.
    var addresses = ["V0": "10.0.0.1"]
    for index in 1...12 {
      addresses["V\(index)"] = "[" + [String](repeating: "$V\(index - 1)", count: 50).joined(separator: ",") + "]"
    }
    #expect(group("$V12", has: "10.0.0.1", IDSVariables(addresses: addresses)) == true)
    let deep = String(repeating: "[", count: 100) + "10.0.0.1" + String(repeating: "]", count: 100)
    #expect(fault("alert tcp \(deep) any -> any any") == "groups lie in each other deeper than 32")
    let negated = String(repeating: "!", count: 50_000) + "10.0.0.1"
    #expect(fault("alert tcp \(negated) any -> any any") == "groups lie in each other deeper than 32")
  }

  @Test("unions, complements and differences of ranges are those of the numbers in them")
  func rangeSets() {
    var random = SeededGenerator(seed: 7)
    func numbers(_ set: RangeSet<UInt8>) -> Set<UInt8> { Set(set.ranges.flatMap { Array($0.first...$0.last) }) }
    for _ in 0..<500 {
      func some() -> (RangeSet<UInt8>, Set<UInt8>) {
        let parts = (0..<Int.random(in: 0...5, using: &random)).map { _ -> (first: UInt8, last: UInt8) in
          let first = UInt8.random(in: 0...255, using: &random)
          return (first, UInt8.random(in: first...255, using: &random))
        }
        return (RangeSet(joining: parts), Set(parts.flatMap { Array($0.first...$0.last) }))
      }
      let (left, leftNumbers) = some()
      let (right, rightNumbers) = some()
      #expect(numbers(left) == leftNumbers)
      #expect(numbers(left.complement) == Set(0...255).subtracting(leftNumbers))
      #expect(numbers(left.union(right)) == leftNumbers.union(rightNumbers))
      #expect(numbers(left.subtracting(right)) == leftNumbers.subtracting(rightNumbers))
      for (range, next) in zip(left.ranges, left.ranges.dropFirst()) { #expect(Int(range.last) + 1 < Int(next.first)) }
    }
  }
}
