import EventDSL
import MTCP
import Records

extension MonitorTables {
  /// What the monitors of all workers have to say; of each table that can be long the first `rows` rows.
  static func summary(of all: [MonitorTables], rows: Int) -> Summary {
    Summary([talkers(all, rows), services(all, rows), states(all), connectionStates(all)])
  }

  private static func talkers(_ all: [MonitorTables], _ rows: Int) -> Summary.Table {
    let entries = HeavyHitters.merged(all.map(\.talkers))
    return Summary.Table(
      "top_talkers",
      [
        "address", "bytes", "uncertain_bytes", "sent_bytes", "received_bytes", "packets", "flows_as_client",
        "flows_as_server",
      ],
      entries.prefix(rows).map { entry in
        [
          .text("\(entry.key)"), .bytes(entry.weight - entry.error), entry.error > 0 ? .bytes(entry.error) : .none,
          .bytes(entry.value.sentBytes), .bytes(entry.value.receivedBytes), .count(entry.value.packets),
          .count(entry.value.flowsAsClient), .count(entry.value.flowsAsServer),
        ]
      }, note: note("addresses", entries.count, rows, displaced: all.reduce(0) { $0 &+ $1.talkers.displaced }))
  }

  private static func services(_ all: [MonitorTables], _ rows: Int) -> Summary.Table {
    let entries = HeavyHitters.merged(all.map(\.services))
    func time(_ distribution: Distribution, _ share: Double) -> Summary.Value {
      distribution.quantile(share).map { .microseconds($0) } ?? .none
    }
    return Summary.Table(
      "services",
      [
        "service", "flows", "packets", "bytes", "failed", "retransmits", "handshake_median", "handshake_p99",
        "rtt_median", "rtt_p99",
      ],
      entries.prefix(rows).map { entry in
        let value = entry.value
        let isTCP = entry.key.protocolNumber == 6
        return [
          .text(entry.key.text), .count(value.flows), .count(value.packets), .bytes(value.bytes),
          isTCP ? .count(value.failed) : .none, isTCP ? .count(value.retransmits) : .none,
          time(value.handshakes, 0.5), time(value.handshakes, 0.99), time(value.roundTrips, 0.5),
          time(value.roundTrips, 0.99),
        ]
      }, note: note("services", entries.count, rows, displaced: all.reduce(0) { $0 &+ $1.services.displaced }))
  }

  /// What people should know of a table of which not all is shown, or not all was counted.
  private static func note(_ things: String, _ count: Int, _ rows: Int, displaced: UInt64) -> String {
    if displaced > 0 {
      return "the table was full and those with the fewest bytes went, \(displaced) times; counts are at least these"
    }
    return count > rows ? "\(rows) of \(count) \(things), by bytes" : ""
  }

  private static func states(_ all: [MonitorTables]) -> Summary.Table {
    let rows = TCPState.allCases.compactMap { state -> [Summary.Value]? in
      let client = all.reduce(0) { $0 &+ $1.states[Int(state.rawValue)].client }
      let server = all.reduce(0) { $0 &+ $1.states[Int(state.rawValue)].server }
      return client == 0 && server == 0 ? nil : [.text("\(state.recordName)"), .count(client), .count(server)]
    }
    return Summary.Table(
      "tcp_states", ["state", "clients", "servers"], rows, note: "how the ends of TCP connections were left")
  }

  private static func connectionStates(_ all: [MonitorTables]) -> Summary.Table {
    let rows = ConnectionState.allCases.compactMap { state -> [Summary.Value]? in
      let count = all.reduce(0) { $0 &+ $1.connectionStates[Int(state.rawValue)] }
      return count == 0 ? nil : [.text("\(state.recordName)"), .count(count)]
    }
    return Summary.Table(
      "conn_states", ["conn_state", "connections"], rows, note: "TCP connections as Zeek sums them up")
  }
}
