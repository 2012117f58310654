/// What `mos inline` was asked for, checked.
struct InlineOptions: Sendable {
  /// The two ports, as DPDK names devices.
  var ports: [String] = []
  /// What DPDK's environment is given.
  var environment: [String] = []
  /// The longest packet in a frame; nil for what the drivers have.
  var mtu: Int?
  /// The box's own addresses, between which it routes; nil for a bridge.
  var router: RouterConfiguration?
  /// Where counters can be asked for; nil for nowhere.
  var metrics: MetricsAddress?
  /// What becomes of packets without a box; nil where nothing is done about it.
  var fail: FailMode?
  /// What this process is to others; nil for one that was started by a user.
  var role: FailRole?
  /// Records, middleboxes, and how flows are followed, as in a replay.
  var flows = ReplayOptions()

  /// Somebody wants to know about flows: else frames pass unseen.
  var followsFlows: Bool { !flows.middleboxes.isEmpty || Recorder.Streams(flows).isAny }

  /// One of the ports is a device of the PCI bus: its name begins with a digit.
  var scansPCI: Bool { ports.contains { $0.first?.isHexDigit == true && $0.contains(":") } }

  /// Two processes can have the ports at a time: each gets all that comes in.
  var sharesPorts: Bool { ports.allSatisfy { $0.hasPrefix("net_af_packet") } }

  /// One thread takes packets and spreads them, also where each worker could have queues of its own: it sees who cannot keep up.
  var distributes: Bool { fail == .open && followsFlows }
}
