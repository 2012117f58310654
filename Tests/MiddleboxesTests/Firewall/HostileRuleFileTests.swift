import Foundation
import Testing

@testable import Middleboxes

@Suite("A hostile rule file gives an error, soon")
struct HostileRuleFileTests {
  private static let anchors =
    "YAML anchors (&name) and aliases (*name) are not taken; name what is used twice under groups"
  private static let start = "default: drop\nzones:\n"

  /// The error of a file, which must come within seconds: what is dangerous here takes for ever.
  private func error(_ text: String) -> String? {
    let clock = ContinuousClock()
    let start = clock.now
    let error = ruleFileError(text)
    #expect(start.duration(to: clock.now) < .seconds(20))
    return error
  }

  @Test(
    "anchors, aliases and merges are refused where they stand",
    arguments: [
      ("a: &x 10.0.0.0/8", "3:6"), ("a: *x", "3:6"), ("a: [&x 10.0.0.0/8, *x]", "3:7"),
      ("a: &x\n    - 10.0.0.0/8", "3:6"),
      ("a: &x\n    b: c", "3:6"), ("&x a: 10.0.0.0/8", "3:3"), ("*x : 10.0.0.0/8", "3:3"), ("a:\n    <<: *x", "4:9"),
      ("a: [\"x\", *x]", "3:12"), ("# & * are fine here\n  a: *x", "4:6"),
    ])
  func anchors(definition: String, place: String) {
    #expect(error(Self.start + "  " + definition + "\n") == "rules.yaml:\(place): \(Self.anchors)")
  }

  @Test("the signs are letters like others in names, comments and quotes")
  func signsInTexts() throws {
    let text =
      "default: drop # & * ? all\nrules:\n  - name: R&D & \"sales\" *\n    action: drop\n  - {name: '*&x?', action: drop}\n"
    let names = try policy(text).rules.map(\.name)
    #expect(names == ["R&D & \"sales\" *", "*&x?"])
  }

  @Test("a billion laughs")
  func billionLaughs() {
    var text = "a0: &a0 [lol, lol]\n"
    for level in 1...30 { text += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
    #expect(error(text) == "rules.yaml:1:5: \(Self.anchors)")
    // As keys, which YAML readers compare with each other.
    #expect(
      error("default: drop\nzones:\n  ? &a [x, x]\n  : &b [*a, *a]\n  ? *b\n  : c\n")?.hasPrefix("rules.yaml:3:5")
        == true)
  }

  @Test("an alias to what it is in, and one that is defined nowhere")
  func cycles() {
    #expect(error("default: &a [*a]\n") == "rules.yaml:1:10: \(Self.anchors)")
    #expect(error("default: *nowhere\n") == "rules.yaml:1:10: \(Self.anchors)")
  }

  @Test(
    "any depth, of lists, mappings and both, closed and open",
    arguments: ["[", "{", "[{", "{a: ", "- ", "? ", "[? ", "- ? ", "!!seq [", "a: [", "'a': {"],
    [17, 999, 1001, 20_000])
  func depth(opening: String, levels: Int) {
    let text = String(repeating: opening, count: levels)
    #expect(error(text) != nil)
    #expect(error(Self.start + "  a: " + text) != nil)
    let closing = String(repeating: opening.contains("[") ? "]" : "}", count: levels)
    #expect(error(Self.start + "  a: " + text + "10.0.0.0/8" + closing) != nil)
  }

  @Test("the seventeenth level is where a file is refused, whatever comes in later lines")
  func seventeenthLevel() {
    func nested(_ levels: Int) -> String { "default: " + String(repeating: "[", count: levels) }
    let tooDeep = "rules.yaml:1:25: lists and mappings are nested more than 16 deep"
    #expect(error(nested(15) + String(repeating: "]", count: 15))?.contains("nested") == false)
    #expect(error(nested(16) + String(repeating: "]", count: 16)) == tooDeep)
    #expect(error(nested(16) + "\na,\n@") == tooDeep)
  }

  @Test("depth by indentation")
  func indentation() {
    let lines = (0..<1400).map { String(repeating: " ", count: $0) + "a:" }
    #expect(error(lines.joined(separator: "\n")) != nil)
  }

  @Test(
    "a file full of one thing",
    arguments: [
      "[]", "{}", ",", ":", "?", "- ", "-\n", "\n", " ", "\t", "#", "'", "\"", "|", ">", "%", "@", "`", "a", "a: b\n",
      "a:\n",
      "!a ", "---\n", "...\n", "[a]: b\n", "\\", "é", "\u{10ffff}", "? a\n", "[,", "a: [", "\"\\x41\"", "&a ", "*a ",
      "%TAG ! a\n",
    ])
  func oneThing(piece: String) {
    let count = 50_000 / piece.utf8.count
    #expect(error(String(repeating: piece, count: count)) != nil)
    let list = Self.start + "  a: [" + String(repeating: piece, count: count)
    #expect(error(list) != nil)
    let deep = Self.start + "  a: " + String(repeating: "[", count: 900) + String(repeating: piece, count: count)
    #expect(error(deep) != nil)
  }

  @Test("a file of 2 MiB is read, a larger one refused, and neither takes long")
  func size() throws {
    var text = "default: drop\nrules:\n"
    while text.utf8.count < 2 << 20 { text += "# a comment of some length that says nothing at all about rules\n" }
    let fitting = Array(text.utf8.prefix(2 << 20))
    #expect(
      ruleFileError(bytes: fitting)
        == "rules.yaml:2:7: rules: found nothing, expected a list, each rule beginning with `- name: ...`")
    let large = ruleFileError(bytes: fitting + [10])
    #expect(large == "rules.yaml: is larger than 2 MiB, more than a rule file may be")
  }

  @Test("10,000 rules are taken, and no more")
  func ruleCount() throws {
    let rules = (1...10_000).map {
      "- {name: r\($0), to: 10.\($0 / 256).\($0 % 256).0/24, protocol: tcp, ports: 80, action: pass}\n"
    }
    let text = "default: drop\nrules:\n" + rules.joined()
    let policy = try policy(text)
    #expect(policy.ruleCount == 10_000)
    #expect(
      ruleFileError(text + "- {name: more, action: pass}\n")
        == "rules.yaml:10003:3: this is rule 10001, a file may have 10000")
  }

  @Test("64 zones, 1,000 groups and 256 ports are taken, and no more")
  func otherCounts() throws {
    func zones(_ count: Int) -> String {
      "default: drop\nzones:\n" + (0..<count).map { "  z\($0): 10.\($0).0.0/16\n" }.joined()
    }
    func groups(_ count: Int) -> String {
      "default: drop\ngroups:\n" + (0..<count).map { "  g\($0): 10.0.0.0/16\n" }.joined()
    }
    func ports(_ count: Int) -> String {
      let list = (1...count).map { "\($0)" }.joined(separator: ", ")
      return "default: drop\nrules:\n  - name: a\n    action: pass\n    protocol: tcp\n    ports: [\(list)]\n"
    }
    #expect(ruleFileError(zones(64)) == nil)
    #expect(ruleFileError(zones(65)) == "rules.yaml:67:3: there are more than 64 zones from here on")
    #expect(ruleFileError(groups(1000)) == nil)
    #expect(ruleFileError(groups(1001)) == "rules.yaml:1003:3: there are more than 1000 groups from here on")
    #expect(ruleFileError(ports(256)) == nil)
    #expect(ruleFileError(ports(257))?.hasSuffix("ports: the list has more than 256 entries") == true)
  }

  @Test(
    "what is no text is said to be none, where it begins",
    arguments: [
      ([0xff, 0xfe, 0x64, 0], "1:1: is no UTF-8 text here; rule files are in UTF-8"),
      (Array("default: dr".utf8) + [0xc3, 0x28], "1:12: is no UTF-8 text here; rule files are in UTF-8"),
      (Array("a\n".utf8) + [0xed, 0xa0, 0x80], "2:1: is no UTF-8 text here; rule files are in UTF-8"),
      (Array("default:".utf8) + [0], "1:9: the character U+0000 has no place in a rule file"),
      (Array("default: \u{1b}[31m".utf8), "1:10: the character U+001B has no place in a rule file"),
      // Marks that turn the direction of text, ends of line that only YAML knows, and what stands for signs.
      (Array("# \u{202e}".utf8), "1:3: the character U+202E has no place in a rule file"),
      (Array("# \u{85}".utf8), "1:3: the character U+0085 has no place in a rule file"),
      (Array("# \u{2028}".utf8), "1:3: the character U+2028 has no place in a rule file"),
      (Array("# \u{e000}".utf8), "1:3: the character U+E000 has no place in a rule file"),
      (Array("# \u{e002}".utf8), "1:3: the character U+E002 has no place in a rule file"),
    ] as [([UInt8], String)])
  func noText(bytes: [UInt8], error: String) {
    #expect(ruleFileError(bytes: bytes) == "rules.yaml:\(error)")
  }

  @Test("a message shows what was written without control characters, and not all of it")
  func messages() {
    #expect(
      error("default: \"a\\e[31m\\u202e\"\n")
        == "rules.yaml:1:10: default: \"a\\u{1B}[31m\\u{202E}\" is no action, expected pass, drop or reset")
    let long = String(repeating: "x", count: 100_000)
    let shown = String(repeating: "x", count: 60)
    #expect(
      error("default: \(long)\n")
        == "rules.yaml:1:10: default: \"\(shown)...\" is no action, expected pass, drop or reset")
  }

  @Test("what is no file that can be read is named, and a pipe is not waited for")
  func files() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("rules-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    func error(_ path: String) -> String? {
      do {
        _ = try FirewallPolicy(path: path)
        return nil
      } catch {
        return error.description
      }
    }
    #expect(error("\(folder)/none") == "\(folder)/none: No such file or directory")
    #expect(error(folder) == "\(folder): is no regular file")
    #expect(mkfifo("\(folder)/pipe", 0o600) == 0)
    #expect(error("\(folder)/pipe") == "\(folder)/pipe: is no regular file")
    #expect(error("/dev/zero") == "/dev/zero: is no regular file")
    #expect(error("\(folder)/a\0b") == "\(folder)/a\0b: No such file or directory")
    try Data("default: drop\nrules: x\n".utf8).write(to: URL(fileURLWithPath: "\(folder)/a.yaml"))
    #expect(error("\(folder)/a.yaml")?.hasPrefix("\(folder)/a.yaml:2:8: rules: found \"x\"") == true)
  }
}
