import ArgumentParser
import MTCP

/// `mos replay`: what can be given on the command line. `ReplayCommand+Options.swift` checks it.
struct ReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Reads captures and follows every flow in them.",
    discussion: """
      Records and packets go to files, the summary to standard output, messages to standard error. One of these files \
      may be "-": standard output, and the summary goes to standard error.

      Times are the packets': the result is the same at any speed, and with any number of workers as long as no limit is reached.

      Exit status: 0 done; 1 the input was bad in part, and what was read is reported; 2 usage; 3 a resource failed; \
      130 interrupted.
      """)

  @Argument(
    help: ArgumentHelp(
      "Captures: pcap or pcapng. Several are one trace, in the order of their packets' times. \"-\" is standard input.",
      valueName: "capture"))
  var files: [String] = []

  @OptionGroup var middleboxes: MiddleboxArguments

  @OptionGroup var flows: FlowArguments

  @Option(help: ArgumentHelp("Which flows to track: a pcap-filter expression.", valueName: "expression"))
  var filter: String?

  @Flag(help: "Add the length and SHA-256 of each side's stream, up to its first gap, to the connection records.")
  var streamHash = false

  @Flag(
    name: .customLong("community-id"),
    help: "Add the Community ID to the connection records, and in EVE to what middleboxes report.")
  var communityID = false

  @Flag(
    help:
      "Add what TLS handshakes tell to the connection records and EVE's flow: server name, version, JA3, JA3S, JA4.")
  var tls = false

  @Option(
    help: ArgumentHelp(
      "Say what happened to this packet, counted from 1: its flow, its events, which handlers ran and what they did. What middleboxes report of other packets is not printed.",
      valueName: "n"))
  var explain: UInt64?

  @Option(
    help: ArgumentHelp(
      "Write the packets that leave to a pcap file: all of the trace, or as middleboxes drop, change and add them. With one worker.",
      valueName: "file"))
  var writePcap: String?

  @Option(help: ArgumentHelp("Write what each side sent into a file in this folder, as tcpflow.", valueName: "folder"))
  var extract: String?

  @Option(help: ArgumentHelp("Whose bytes win where segments overlap. (default: linux)", valueName: "name"))
  var overlapPolicy: OverlapPolicyChoice?

  @Flag(help: "Keep the urgent byte in the stream (SO_OOBINLINE).")
  var urgentInline = false

  @Option(
    help: ArgumentHelp("Threads that track, 1 to 64; each has the limits, also those of middleboxes.", valueName: "n"))
  var workers = 1

  @Option(help: ArgumentHelp("Run the trace this often, from memory, each time as new flows.", valueName: "n"))
  var loop = 1

  @Flag(help: "Take the trace into memory first.")
  var preload = false

  @Option(
    help: ArgumentHelp("max, real, or a multiple of real time such as 10x. (default: max)", valueName: "speed"),
    transform: ReplayOptions.Speed.init(argument:))
  var speed: ReplayOptions.Speed?

  @Flag(name: .shortAndLong, help: "No progress bar; no summary unless --stats asks for it.")
  var quiet = false

  @Option(help: ArgumentHelp("The summary as text or as one JSON object. (default: text)", valueName: "form"))
  var stats: StatisticsChoice?
}
