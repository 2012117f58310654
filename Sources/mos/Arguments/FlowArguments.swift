import ArgumentParser
import MTCP

/// The options of how flows are followed and recorded, wherever packets come from.
struct FlowArguments: ParsableArguments {
  @Option(help: ArgumentHelp("Write connection records, named as in Zeek's conn.log.", valueName: "file"))
  var connLog: String?

  @Option(help: ArgumentHelp("Connection records as JSON lines or in Zeek's tab-separated form.", valueName: "form"))
  var connFormat: ConnectionFormatChoice?

  @Option(
    help: ArgumentHelp(
      "Write Suricata's EVE JSON lines: flow, anomaly, stats, and what middleboxes report.", valueName: "file"))
  var eve: String?

  @Option(help: ArgumentHelp("Write every event as a JSON line.", valueName: "file"))
  var events: String?

  @Option(
    help:
      "Packets with a wrong checksum are ignored by the receiver, or checksums are not looked at (captures from a host with offload). (default: verify)"
  )
  var checksum: ChecksumChoice?

  @Option(help: ArgumentHelp("Pick up flows whose start was not seen. (default: yes)", valueName: "choice"))
  var midstream: Switch?

  @Option(
    help: ArgumentHelp(
      "Packets with different VLAN tags belong to different flows. (default: yes)", valueName: "choice"))
  var vlanTracking: Switch?

  @Option(
    help: ArgumentHelp(
      "Encapsulations to take off: all, none, or some of \(TunnelChoice.list). (default: all)",
      valueName: "names"), transform: TunnelChoice.init(argument:))
  var tunnels: TunnelChoice?

  @Option(
    help: ArgumentHelp(
      "Forget an established connection after this much time without a packet. (default: 2h4m)",
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

  @Option(
    help: ArgumentHelp(
      "The most flows at a time; beyond it the least valuable one goes. (default: 1000000)", valueName: "n"))
  var maxFlows: Int?

  /// Throws a `ValidationError` of one line for values that are out of range.
  func check() throws {
    if let maxFlows, !(1...Int(Int32.max) ~= maxFlows) {
      throw ValidationError("--max-flows \(maxFlows): 1 to \(Int32.max) can be kept")
    }
    if connFormat != nil, connLog == nil {
      throw ValidationError("--conn-format is about the connection records: give --conn-log FILE too")
    }
  }

  /// What was asked for, where packets come from a network. Throws a `ValidationError` of one line.
  func liveOptions(_ choices: [MiddleboxChoice], workers: Int, quiet: Bool) throws -> ReplayOptions {
    guard 1...64 ~= workers else { throw ValidationError("--workers \(workers): 1 to 64 can work") }
    try check()
    let files = [connLog, eve, events].compactMap { $0 }
    guard Set(files).count == files.count else {
      throw ValidationError("--conn-log, --eve, --events: two of them would write one file")
    }
    var options = ReplayOptions()
    options.middleboxes = choices
    apply(to: &options)
    options.workers = workers
    options.quiet = quiet
    return options
  }

  /// Sets what was asked for.
  func apply(to options: inout ReplayOptions) {
    options.connectionLog = connLog
    options.connectionFormat = connFormat == .zeek ? .zeek : .json
    options.eve = eve
    options.events = events
    options.decoder.verifyChecksums = checksum != .ignore
    if let tunnels { options.decoder.tunnels = tunnels.tunnels }
    options.tracker.maximumFlows = maxFlows ?? 1_000_000
    options.tracker.midstream = midstream != .no
    options.tracker.distinguishesVLANs = vlanTracking != .no
    if let idleTimeout { options.tracker.idleTimeout = idleTimeout.nanoseconds }
    if let halfOpenTimeout { options.tracker.halfOpenTimeout = halfOpenTimeout.nanoseconds }
    if let udpTimeout { options.tracker.datagramTimeout = udpTimeout.nanoseconds }
  }
}
