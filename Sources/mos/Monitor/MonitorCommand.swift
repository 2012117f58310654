import ArgumentParser
import PacketIO

/// `mos monitor`: what can be given on the command line, and its checks.
struct MonitorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "monitor",
    abstract: "Follows every flow that passes interfaces of this host, as mos replay does in a capture.",
    discussion: """
      Frames are captured with libpcap; nothing is kept from anybody, so what middleboxes drop, change or send is only counted \
      and reported. Several interfaces, such as the two directions of a tap, are one trace, in the order of their packets' times. \
      Records go to files and messages to standard error, as with mos replay.

      Packets that this host itself sends may be captured before the network card has filled their checksums in: see --checksum.

      SIGINT and SIGTERM end it: what has come in by then is taken, and all records are written. SIGHUP has it go on in new files \
      of records where the old ones were moved away, and read the configurations of ids and firewall again; if one of them is \
      wrong, all stay as they are.

      It takes root or the capability CAP_NET_RAW.

      Exit status: 0 done; 2 usage; 3 an interface or a resource failed.
      """)

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("An interface; to be given for each. \"any\" is all of this host.", valueName: "name"))
  var interface: [String] = []

  @Option(help: ArgumentHelp("Which packets to take: a pcap-filter expression.", valueName: "expression"))
  var filter: String?

  @Option(help: ArgumentHelp("How much of each frame to take, 64 to 262144.", valueName: "bytes"))
  var snaplen = 262_144

  @Option(help: ArgumentHelp("Take frames for other hosts too.", valueName: "choice"))
  var promiscuous = Switch.yes

  @Option(
    help: ArgumentHelp(
      "Take the frames that come in, those that leave, or both: for two interfaces of a bridge, in has each frame once.",
      valueName: "choice"))
  var direction = DirectionChoice.inout

  @Option(
    help: ArgumentHelp(
      "Room in the kernel for packets that are still to be looked at, for each interface, 1 to 1024 MiB.",
      valueName: "mebibytes"))
  var bufferSize = 64

  @Option(
    help: ArgumentHelp(
      "Answer HTTP requests for /metrics here with the interfaces' counters, as Prometheus reads them.",
      valueName: "host:port"))
  var metrics: String?

  @OptionGroup var middleboxes: MiddleboxArguments

  @OptionGroup var flows: FlowArguments

  @Option(
    help: ArgumentHelp("Threads that track, 1 to 64; each has the limits, also those of middleboxes.", valueName: "n"))
  var workers = 1

  @Flag(name: .shortAndLong, help: "No counters once a second on a terminal, and no summary.")
  var quiet = false

  /// What was asked for. Throws a `ValidationError` of one line for values that are out of range or do not go together.
  func options() throws -> MonitorOptions {
    let choices = try middleboxes.choices()
    var options = MonitorOptions()
    guard !interface.isEmpty else { throw ValidationError("there is no interface: give --interface NAME") }
    for (index, name) in interface.enumerated() {
      guard !name.isEmpty else { throw ValidationError("--interface: the name is empty") }
      guard !interface[..<index].contains(name) else { throw ValidationError("--interface \(name): it is given twice") }
    }
    options.interfaces = interface
    guard 64...262_144 ~= snaplen else { throw ValidationError("--snaplen \(snaplen): 64 to 262144 bytes") }
    guard 1...1024 ~= bufferSize else { throw ValidationError("--buffer-size \(bufferSize): 1 to 1024 MiB") }
    options.capture.snapLength = snaplen
    options.capture.bufferByteCount = bufferSize << 20
    options.capture.isPromiscuous = promiscuous == .yes
    options.capture.filter = filter
    switch direction {
    case .inout: options.capture.direction = .both
    case .in: options.capture.direction = .inbound
    case .out: options.capture.direction = .outbound
    }
    if let metrics {
      guard let address = MetricsAddress(metrics) else {
        throw ValidationError("--metrics \"\(metrics)\": expected for example 127.0.0.1:9464 or [::1]:9464")
      }
      options.metrics = address
    }
    options.flows = try flows.liveOptions(choices, workers: workers, quiet: quiet)
    return options
  }
}
