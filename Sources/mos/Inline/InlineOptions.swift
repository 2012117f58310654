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
  /// Records, middleboxes, and how flows are followed, as in a replay.
  var flows = ReplayOptions()

  /// Somebody wants to know about flows: else frames pass unseen.
  var followsFlows: Bool { !flows.middleboxes.isEmpty || Recorder.Streams(flows).isAny }
}
