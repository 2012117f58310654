import ArgumentParser
import EventDSL
import Foundation
import Testing

@testable import mos

@Suite("Options for middleboxes")
struct MiddleboxOptionTests {
  private func complaint(_ arguments: [String]) -> String? {
    do {
      _ = try ReplayCommand.parse(arguments).options()
      return nil
    } catch {
      return ReplayCommand.message(for: error)
    }
  }

  private func failure(_ arguments: [String]) throws -> ReplayFailure? {
    let choices = try ReplayCommand.parse(arguments).options().middleboxes
    do throws(ReplayFailure) {
      _ = try choices.make()
      return nil
    } catch {
      return error
    }
  }

  private func file(_ text: String) throws -> String {
    let file = try CommandProcess.temporaryFolder().appendingPathComponent("box.yaml")
    try Data(text.utf8).write(to: file)
    return file.path
  }

  @Test("without --middlebox there is none") func none() throws {
    let options = try ReplayCommand.parse(["x"]).options()
    #expect(options.middleboxes.isEmpty && options.explain == nil)
  }

  @Test("middleboxes stand in the order of the command line, each with the file behind it") func order() throws {
    let names = [PlacedValue("monitor"), PlacedValue("firewall")]
    let file = PlacedValue("rules")
    let last = PlacedValue("monitor")
    var arguments = try MiddleboxArguments.parse([])
    (arguments.middlebox, arguments.config) = (names + [last], [file])
    let choices = try arguments.choices()
    #expect(choices.map(\.name) == ["monitor", "firewall", "monitor"])
    let rules = try self.file("default: pass\n")
    let sizes = try self.file("top: 3\n")
    // Each file is an error for the other middlebox.
    for arguments in [
      ["--middlebox", "monitor", "--config", sizes, "--middlebox", "firewall", "--config", rules, "x"],
      ["--middlebox=firewall", "--config=\(rules)", "--middlebox=monitor", "--config=\(sizes)", "x"],
      ["--middlebox", "monitor", "x", "--middlebox", "firewall", "--config", rules],
    ] {
      let row = try ReplayCommand.parse(arguments).options().middleboxes.make()
      #expect(row.map(\.name) == (arguments[0] == "--middlebox" ? ["monitor", "firewall"] : ["firewall", "monitor"]))
    }
  }

  @Test(
    "what cannot be done is refused, with what is known",
    arguments: [
      (["--middlebox", "monitr", "x"], "monitor"), (["--middlebox", "", "x"], "firewall"),
      (["--config", "c", "x"], "--config c"), (["--config", "c", "--middlebox", "monitor", "x"], "before it"),
      (["--middlebox", "monitor", "--config", "c", "--config", "d", "x"], "--config d"),
      (["--explain", "0", "x"], "--explain"), (["--explain", "-1", "x"], "--explain"),
      (["--explain", "x", "x"], "--explain"), (["--community-id", "--eve", "e", "x"], "--community-id"),
    ] as [([String], String)])
  func refusals(_ arguments: [String], _ part: String) throws {
    #expect(try #require(complaint(arguments)).contains(part))
  }

  @Test("Community IDs are for what middleboxes report, too") func communityID() throws {
    #expect(complaint(["--community-id", "--eve", "e", "--middlebox", "monitor", "x"]) == nil)
  }

  @Test("a file that is not there, or has an error, is named with the middlebox") func files() throws {
    let missing = try #require(try failure(["--middlebox", "monitor", "--config", "/no/such/file", "x"]))
    #expect(missing.status == 2)
    #expect(missing.message == "--middlebox monitor: /no/such/file: No such file or directory")
    let broken = try file("top: 10\naddresses: many\n")
    let error = try #require(try failure(["--middlebox", "monitor", "--config", broken, "x"]))
    #expect(error.message.contains("\(broken):2:12: addresses: \"many\" is not a number from 16 to 4194304"))
    let unknown = try #require(
      try failure(["--middlebox", "monitor", "--config", try file("tops: 10\n"), "x"]))
    #expect(unknown.message.contains(":1:1: unknown key \"tops\""))
    let needed = try #require(try failure(["--middlebox", "firewall", "x"]))
    #expect(needed.message.contains("--middlebox firewall") && needed.message.contains("--config"))
  }

  @Test("the middleboxes are listed, each with a line of help, and nothing is read") func list() throws {
    let run = try CommandProcess.run("replay", "--list-middleboxes")
    let lines = run.output.split(separator: "\n")
    #expect(run.status == 0 && run.messages == "")
    #expect(lines.map { $0.prefix { $0 != " " } } == NamedMiddlebox.all.map { $0.name[...] })
    #expect(lines.allSatisfy { $0.count > 30 && $0.count <= 120 })
  }

  @Test("a wrong configuration is said in one line, before any file of records is emptied") func nothingLost() throws {
    let records = try file("kept")
    let run = try CommandProcess.run(
      "replay", "--middlebox", "monitor", "--config", "/no/such/file", "--conn-log", records,
      CommandProcess.trace("http"))
    #expect(run.status == 2 && run.messages.split(separator: "\n").count == 1)
    #expect(try String(contentsOfFile: records, encoding: .utf8) == "kept")
  }
}
