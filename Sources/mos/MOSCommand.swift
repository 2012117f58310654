import ArgumentParser
import Middleboxes

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// `mos`: the command itself, which only has subcommands.
struct MOSCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mos",
    abstract: "Follows the flows of a network from both ends at once.",
    version: "mos 0.1.0",
    subcommands: [ReplayCommand.self, InlineCommand.self, MonitorCommand.self, CheckCommand.self])

  /// Parses `arguments` (without the command's name), does what they say and returns the exit status: 0 done, 1 the
  /// input was bad in part, 2 usage, 3 a port or resource failed.
  static func run(_ arguments: [String]) -> Int32 {
    do {
      // From the root, the parser reads the declarations of a subcommand's options three times, which takes as long as
      // replaying ten thousand packets. What it does not take this way the root takes or refuses.
      if arguments.first == "replay", let replay = try? ReplayCommand.parse(Array(arguments.dropFirst())) {
        return runReplay(try replay.options())
      }
      switch try parseAsRoot(arguments) {
      case let replay as ReplayCommand: return runReplay(try replay.options())
      case let bridge as InlineCommand: return runInline(try bridge.options(), arguments: Array(arguments.dropFirst()))
      case let check as CheckCommand: return runCheck(check.file)
      case let monitor as MonitorCommand: return runMonitor(try monitor.options())
      case let command:
        var command = command
        try command.run()
        return 0
      }
    } catch let error as ConfigurationError {
      complain("mos: \(error)\n")
      return 2
    } catch {
      if exitCode(for: error) == .success {
        print(fullMessage(for: error))
        return 0
      }
      let names = configuration.subcommands.map { $0.configuration.commandName ?? "" }
      let command = names.first { $0 == arguments.first } ?? "replay"
      complain("mos: \(oneLine(message(for: error))); see 'mos \(command) --help'\n")
      return 2
    }
  }
}

/// Writes to standard error, where messages go.
func complain(_ text: String) {
  var text = text
  text.withUTF8 { _ = write(2, $0.baseAddress!, $0.count) }
}

/// A parser's message of several lines, in which a line beginning with a hyphen is an item of a list, as one line.
private func oneLine(_ message: String) -> String {
  let lines = message.split(separator: "\n").map { $0.drop { $0 == " " } }
  let text = lines.dropFirst().reduce(String(lines.first ?? "")) { text, line in
    guard line.hasPrefix("- ") else { return text + " " + line }
    return text + (text.hasSuffix(":") ? " " : ", ") + line.dropFirst(2)
  }
  return text.hasSuffix(".") ? String(text.dropLast()) : text
}
