import ArgumentParser

/// `mos check`: what can be given on the command line.
struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Reads a configuration of mos inline, and all files that it names, without using any port.",
    discussion: """
      Says what is wrong with file, line and column, and what was expected there: of each file the first error, of the rules of \
      an IDS all. Rules that need what is not supported are counted, and are no error.

      Exit status: 0 nothing is wrong; 1 something is; 2 usage.
      """)

  @Argument(help: ArgumentHelp("The file, as mos inline takes it (docs/mos.yaml).", valueName: "file"))
  var file: String
}
