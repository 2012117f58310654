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

  @Option(help: ArgumentHelp("Which flows to track: a pcap-filter expression.", valueName: "expression"))
  var filter: String?

  @Option(help: ArgumentHelp("Write connection records, named as in Zeek's conn.log.", valueName: "file"))
  var connLog: String?

  @Option(help: ArgumentHelp("Connection records as JSON lines or in Zeek's tab-separated form.", valueName: "form"))
  var connFormat: ConnectionFormatChoice?

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
      "Write Suricata's EVE JSON lines: flow, anomaly, stats, and what middleboxes report.", valueName: "file"))
  var eve: String?

  @Option(help: ArgumentHelp("Write every event as a JSON line.", valueName: "file"))
  var events: String?

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

  @Option(
    help:
      "Packets with a wrong checksum are ignored by the receiver, or checksums are not looked at (captures from a host with offload)."
  )
  var checksum = ChecksumChoice.verify

  @Option(help: ArgumentHelp("Pick up flows whose start is not in the trace.", valueName: "choice"))
  var midstream = Switch.yes

  @Option(help: ArgumentHelp("Packets with different VLAN tags belong to different flows.", valueName: "choice"))
  var vlanTracking = Switch.yes

  @Flag(help: "Keep the urgent byte in the stream (SO_OOBINLINE).")
  var urgentInline = false

  @Option(
    help: ArgumentHelp(
      "Encapsulations to take off: all, none, or some of \(TunnelChoice.list). (default: all)",
      valueName: "names"), transform: TunnelChoice.init(argument:))
  var tunnels: TunnelChoice?

  @Option(
    help: ArgumentHelp(
      "Forget an established connection after this much packet time without a packet. (default: 2h4m)",
      valueName: "time"), transform: PacketDuration.init(argument:))
  var idleTimeout: PacketDuration?

  @Option(
    help: ArgumentHelp("The same for a connection whose handshake is not complete. (default: 30s)", valueName: "time"),
    transform: PacketDuration.init(argument:))
  var halfOpenTimeout: PacketDuration?

  @Option(
    help: ArgumentHelp("The same for UDP and ICMP. (default: 60s)", valueName: "time"),
    transform: PacketDuration.init(argument:))
  var udpTimeout: PacketDuration?

  @Option(help: ArgumentHelp("The most flows at a time; beyond it the least valuable one goes.", valueName: "n"))
  var maxFlows = 1_000_000

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
