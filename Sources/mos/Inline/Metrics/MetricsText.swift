import Synchronization

/// Counters in Prometheus's text format, from the thread that counts to the one that answers.
final class MetricsText: Sendable {
  private let text = Mutex("")

  var value: String { text.withLock { $0 } }

  func set(_ new: String) { text.withLock { $0 = new } }

  /// The ports' counters. Each frame that came to a port is in `mos_port_received_packets_total`, or in
  /// `mos_port_lost_packets_total` as `too_long` or `missed`; each that a worker sent at it in `mos_port_sent_packets_total`, or
  /// there as `no_room` or `behind_workers`. Those lost as `before_workers` were received, and so were those that passed without
  /// handlers for the reason `busy`; what passed for the reason `down`, or was lost then, came before this process.
  static func format(_ ports: [InlinePortCounters], areUp: [Bool], past: SupervisedBox.Past? = nil) -> String {
    var text = ""
    func metric(_ name: String, _ type: String, _ help: String, _ samples: [(labels: String, value: UInt64)]) {
      text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
      for sample in samples { text += "\(name){\(sample.labels)} \(sample.value)\n" }
    }
    func each(_ value: (InlinePortCounters) -> UInt64) -> [(labels: String, value: UInt64)] {
      ports.map { ("port=\"\(label($0.device))\"", value($0)) }
    }
    metric("mos_port_received_packets_total", "counter", "Frames received.", each(\.received.frames))
    metric("mos_port_received_bytes_total", "counter", "Bytes in frames received.", each(\.received.bytes))
    metric("mos_port_sent_packets_total", "counter", "Frames sent.", each(\.sent.frames))
    metric("mos_port_sent_bytes_total", "counter", "Bytes in frames sent.", each(\.sent.bytes))
    let lost = ports.enumerated().flatMap { place, port in
      [
        ("down", past?.bypass.lost[place] ?? 0),
        ("too_long", port.receiveDropped), ("missed", port.missed), ("before_workers", port.droppedBefore),
        ("no_room", port.sendDropped), ("behind_workers", port.droppedBehind),
      ].map { (labels: "port=\"\(label(port.device))\",reason=\"\($0.0)\"", value: $0.1) }
    }
    metric("mos_port_lost_packets_total", "counter", "Frames lost, other than by a middlebox.", lost)
    let bypassed = ports.enumerated().flatMap { place, port in
      [("busy", port.bypassed), ("down", past?.bypass.passed[place] ?? 0)].map {
        (labels: "port=\"\(label(port.device))\",reason=\"\($0.0)\"", value: $0.1)
      }
    }
    metric("mos_port_bypassed_packets_total", "counter", "Frames received that passed without handlers.", bypassed)
    text += "# HELP mos_restarts_total How often the process was restarted.\n# TYPE mos_restarts_total counter\n"
    text += "mos_restarts_total \(past?.restarts ?? 0)\n"
    metric(
      "mos_port_up", "gauge", "Whether the link is up.",
      zip(ports, areUp).map {
        (labels: "port=\"\(label($0.device))\"", value: $1 ? 1 : 0)
      })
    return text
  }

  /// A label's value, in which some characters are escaped.
  static func label(_ value: String) -> String {
    var label = ""
    for character in value {
      switch character {
      case "\\": label += "\\\\"
      case "\"": label += "\\\""
      case "\n": label += "\\n"
      default: label.append(character)
      }
    }
    return label
  }
}
