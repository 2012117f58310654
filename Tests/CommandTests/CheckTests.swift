import Foundation
import Middleboxes
import Testing

@testable import mos

@Suite("mos check")
struct CheckTests {
  private static let sample = CommandProcess.root.appendingPathComponent("docs/mos.yaml")

  /// A folder with files.
  private func folder(_ files: [String: String]) throws -> URL {
    let folder = try CommandProcess.temporaryFolder()
    for (name, text) in files { try Data(text.utf8).write(to: folder.appendingPathComponent(name)) }
    return folder
  }

  private func check(_ files: [String: String]) throws -> CommandProcess {
    let folder = try folder(files)
    defer { try? FileManager.default.removeItem(at: folder) }
    var run = try CommandProcess.run("check", folder.appendingPathComponent("mos.yaml").path)
    run.messages = run.messages.replacingOccurrences(of: folder.path + "/", with: "")
    run.output = run.output.replacingOccurrences(of: folder.path + "/", with: "")
    return run
  }

  @Test("nothing is wrong with the sample, which has every key, also where it is a comment")
  func sample() throws {
    let run = try CommandProcess.run("check", CheckTests.sample.path)
    #expect(run.status == 0 && run.messages.isEmpty, "\(run.messages)")
    #expect(run.output.contains("firewall: 14 rules\n") && run.output.contains("ids: "))
    let text = try String(contentsOf: CheckTests.sample, encoding: .utf8)
    for key in InlineConfiguration.keys { #expect(text.contains("\(key):"), "\(key)") }
    // What is a comment there, in the place of what is not.
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    let router = lines.firstIndex { $0.hasPrefix("# middleboxes:") }!
    let comments = lines[router...].map { $0.hasPrefix("# ") ? String($0.dropFirst(2)) : $0 }
    let others = lines[..<router].filter { $0.hasPrefix("# eal:") || $0.hasPrefix("# mtu:") }
      .map { String($0.dropFirst(2)) }
    #expect(others.count == 2)
    let whole = ["ports: [net_null0, net_null1]"] + others + comments
    let nat = try String(
      contentsOf: CommandProcess.root.appendingPathComponent("docs/nat-example.yaml"), encoding: .utf8)
    let routed = try check(["mos.yaml": whole.joined(separator: "\n"), "nat-example.yaml": nat])
    #expect(routed.status == 0, "\(routed.messages)")
  }

  @Test("errors in all files that are named are told, each with its place")
  func errors() throws {
    let files = [
      "mos.yaml": """
      ports: [net_null0, net_null1]
      middleboxes:
        - {name: firewall, config: firewall.yaml}
        - {name: nat, config: nat.yaml}
        - {name: ids, config: ids.yaml}
        - {name: monitor, config: none.yaml}
        - firewall
      """,
      "firewall.yaml": "default: drp\n", "nat.yaml": "internal: [10.0.0.0/8]\nextrnal: 192.0.2.1\n",
      "ids.yaml": "rules: [local.rules]\n",
      "local.rules": """
      alert tcp any any -> any any (msg:"a"; content:"abc"; sid:1;)
      alert tcp any any -> any any (msg:"b"; content:"abc"; depht:3; sid:2;)
      alert tcp any any -> any any (msg:"c"; lua:script.lua; sid:3;)
      """,
    ]
    let run = try check(files)
    #expect(run.status == 1)
    #expect(run.output.contains("ids: 1 rules, 1 more are not supported\n"), "\(run.output)")
    let messages = run.messages.split(separator: "\n")
    let expected = [
      "mos: firewall: firewall.yaml:1:10: ", "mos: nat: nat.yaml:2:1: unknown key \"extrnal\"",
      "mos: local.rules:2: sid 2: ",
      "mos: monitor: none.yaml: No such file", "mos: firewall: it needs a file with rules",
    ]
    #expect(messages.count == expected.count, "\(run.messages)")
    for (message, start) in zip(messages, expected) { #expect(message.hasPrefix(start), "\(message)") }
    #expect(!run.output.contains("nothing is wrong"))
  }

  @Test("what is wrong in the file itself is told too, and without a file it is usage")
  func itself() throws {
    let wrong = try check(["mos.yaml": "ports: [net_null0, net_null1]\nworkers: many\n"])
    #expect(
      wrong.status == 1 && wrong.messages == "mos: mos.yaml:2:10: workers: \"many\" is not a number from 1 to 64\n")
    #expect(try check([:]).messages.hasSuffix("mos.yaml: No such file or directory\n"))
    let usage = try CommandProcess.run("check")
    #expect(usage.status == 2 && usage.messages.contains("see 'mos check --help'"), "\(usage.messages)")
  }

  @Test("the service runs the sample's file, checked before")
  func service() throws {
    let unit = try String(contentsOf: CommandProcess.root.appendingPathComponent("docs/mos.service"), encoding: .utf8)
    #expect(unit.contains("\nExecStartPre=/usr/local/bin/mos check /etc/mos/mos.yaml\n"))
    #expect(
      unit.contains("\nExecStart=/usr/local/bin/mos inline /etc/mos/mos.yaml\n") && unit.contains("KillMode=mixed"))
  }
}
