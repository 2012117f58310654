import PacketIO

/// What `mos monitor` was asked for, checked.
struct MonitorOptions: Sendable {
  /// The interfaces, by name.
  var interfaces: [String] = []
  /// How they are captured at.
  var capture = PcapConfiguration()
  /// Where counters can be asked for; nil for nowhere.
  var metrics: MetricsAddress?
  /// Records, middleboxes, and how flows are followed, as in a replay.
  var flows = ReplayOptions()
}
