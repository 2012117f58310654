import ArgumentParser

/// `mos inline`: what can be given on the command line, and its checks.
struct InlineCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inline",
    abstract: "Bridges two DPDK ports, and runs middleboxes over what passes.",
    discussion: """
      Every frame that comes in at one port leaves at the other as it came, unless a middlebox decides otherwise. A port is \
      named as in DPDK: a driver and its arguments, such as net_af_packet0,iface=eth1,framecnt=8192, or the address of a PCI \
      device. Records go to files and messages to standard error, as with mos replay.

      A file says the same as options do: mos inline mos.yaml. An option that is given replaces what the file says of it; \
      --middlebox replaces all its middleboxes.

      With --addresses it is a router between the networks of its ports, for a NAT: it answers ARP and neighbor discovery for \
      its addresses, asks for those of next hops, and packets leave where their destination is. An external address of the NAT \
      is one of the box at the outer port: --addresses 10.0.0.1/8 --addresses 198.51.100.1/24,198.51.100.9 --gateway \
      198.51.100.254.

      SIGINT and SIGTERM end it: what has come in still leaves, and all records are written. \
      SIGHUP has it go on in new files of records where the old ones were moved away, and read the configurations of ids and \
      firewall again; if one of them is wrong, all stay as they are. Which cores it runs on is told with taskset.

      With --fail a parent process starts it again after a crash, and when it has hung for two seconds. Signals go to the parent, which passes them on; SWIFT_BACKTRACE \
      in its environment, which has a crash described, delays the restart by seconds.

      Exit status: 0 done; 2 usage; 3 a port or a resource failed.
      """)

  @Argument(
    help: ArgumentHelp(
      "A file that says all that options can (docs/mos.yaml); options here go before what it says. (see mos check)",
      valueName: "file"))
  var file: String?

  @Option(help: ArgumentHelp("A port; to be given twice.", valueName: "device"))
  var port: [String] = []

  @Option(
    name: .customLong("eal"), parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Arguments for DPDK's environment (EAL), with spaces between them.", valueName: "arguments"))
  var environment: [String] = []

  @Option(
    help: ArgumentHelp("The longest packet in a frame, for jumbo frames. (default: the drivers')", valueName: "bytes"))
  var mtu: Int?

  @Option(
    help: ArgumentHelp(
      "The box's addresses at a port, with commas between them, and with the length of the network's prefix where others of it are at the port; to be given for each --port, in their order. The middlebox is a NAT.",
      valueName: "addresses"))
  var addresses: [String] = []

  @Option(
    help: ArgumentHelp(
      "The next hop for packets to other networks; one for IPv4, one for IPv6.", valueName: "address"))
  var gateway: [String] = []

  @Option(
    help: ArgumentHelp(
      "Answer HTTP requests for /metrics here with the ports' counters, as Prometheus reads them.",
      valueName: "host:port"))
  var metrics: String?

  @Option(
    help: ArgumentHelp(
      "Start again within a second after a crash. What comes meanwhile, or finds a worker too busy, passes without handlers (open) or is dropped (closed). (default: a crash ends it, what finds a worker too busy is dropped)",
      valueName: "mode"))
  var fail: FailMode?

  /// What a process of `--fail` is told by its parent.
  @Option(help: .private, transform: InlineCommand.role)
  var failRole: FailRole?

  @OptionGroup var middleboxes: MiddleboxArguments

  @OptionGroup var flows: FlowArguments

  @Option(
    help: ArgumentHelp(
      "Threads, 1 to 64, each with a queue of both ports, and with the limits. Where a port has fewer queues, one thread more spreads the flows over them. (default: 1)",
      valueName: "n"))
  var workers: Int?

  @Flag(
    name: .shortAndLong, inversion: .prefixedNo, help: "No counters once a second on a terminal, and no summary.")
  var quiet: Bool?

  private static func role(_ text: String) throws -> FailRole {
    guard let role = FailRole(text) else { throw ValidationError("--fail-role is no option for users") }
    return role
  }
}
