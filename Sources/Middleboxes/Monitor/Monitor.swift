import EventDSL

/// Watches, and says at the end who sent the most, how each service fared, and how TCP connections ended.
///
/// Everything is counted from flows' final records, so that it adds up to what the connection records say; memory is
/// bounded by the configuration whatever comes.
public struct Monitor: Middlebox {
  /// Microseconds from a connection's SYN to the end of its handshake; 0 where that was not seen.
  private let handshake = FlowLocal(UInt32(0))
  private let tables: MonitorTables
  private let configuration: MonitorConfiguration

  /// A monitor that has seen nothing.
  public init(_ configuration: MonitorConfiguration = MonitorConfiguration()) {
    self.configuration = configuration
    tables = MonitorTables(configuration)
  }

  /// `monitor`.
  public var name: String { "monitor" }

  /// The end of the handshake, and the flow's record when it is final.
  public var events: some EventGraph {
    On(.established) { event in
      let record = event.flow.record
      guard !record.isMidstream, !record.isFlipped else { return }
      event.flow[handshake] = UInt32(clamping: max(1, event.time.since(record.firstTimestamp) / 1000))
    }
    On(.recordFinal) { event in
      tables.add(event.flow.record, handshake: event.flow[handshake])
    }
  }

  /// The monitors of all workers together.
  public static func summary(of boxes: [Monitor]) -> Summary? {
    guard let first = boxes.first else { return nil }
    return MonitorTables.summary(of: boxes.map(\.tables), rows: first.configuration.top)
  }
}

/// How a monitor is configured.
public struct MonitorConfiguration: Sendable, Equatable {
  /// Rows of the tables that are shown, 1 to 10,000.
  public var top = 10
  /// Addresses that are counted at a time, 16 to 2^22; beyond that those with the fewest bytes go.
  public var addresses = 65_536
  /// The same for services, 16 to 2^17.
  public var services = 4_096

  /// The defaults.
  public init() {}

  /// What a YAML file says: a mapping with any of `top`, `addresses` and `services`. Throws the place of what is wrong
  /// in it, and what was expected.
  public init(path: String) throws(ConfigurationError) {
    guard let root = try YAMLNode.document(try ConfigurationFileBytes.read(path), file: path) else { return }
    let reader = MonitorReader(file: path)
    let fields = try reader.fields(of: root, in: "a monitor's configuration", known: ["top", "addresses", "services"])
    if let node = fields["top"] { top = Int(try reader.number(node, "top", in: 1...10_000)) }
    if let node = fields["addresses"] { addresses = Int(try reader.number(node, "addresses", in: 16...1 << 22)) }
    if let node = fields["services"] { services = Int(try reader.number(node, "services", in: 16...1 << 17)) }
  }
}

private struct MonitorReader: ConfigurationReader {
  let file: String
}
