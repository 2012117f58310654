import ArgumentParser

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
    subcommands: [ReplayCommand.self])

  /// Parses `arguments` (without the command's name), does what they say and returns the exit status: 0 done, 1 the
  /// input was bad in part, 2 usage, 3 a port or resource failed.
  static func run(_ arguments: [String]) -> Int32 {
    do {
      switch try parseAsRoot(arguments) {
      case let replay as ReplayCommand: return runReplay(try replay.options())
      case let command:
        var command = command
        try command.run()
        return 0
      }
    } catch {
      if exitCode(for: error) == .success {
        print(fullMessage(for: error))
        return 0
      }
      let text = message(for: error).split(separator: "\n").joined(separator: " ").trimmingSuffix(".")
      complain("mos: \(text); see 'mos replay --help'\n")
      return 2
    }
  }
}

/// Writes to standard error, where messages go.
func complain(_ text: String) {
  var text = text
  text.withUTF8 { _ = write(2, $0.baseAddress!, $0.count) }
}

extension String {
  /// The string without `suffix` at its end.
  fileprivate func trimmingSuffix(_ suffix: String) -> String {
    hasSuffix(suffix) ? String(dropLast(suffix.count)) : self
  }
}
