// Plays captures through a middlebox and prints what it reports: swift run LeakGuard traces/loss.pcap
// snippet.imports
import EventDSL
import PacketIO
// snippet.end

// snippet.reset
/// Resets connections on which a server sends more than 64 KiB within a second.
struct LeakGuard: Middlebox {
  var flowFilter: String? = "tcp and dst net 198.51.100.0/24"
  var limit: UInt64 = 65_536
  var period = Duration.seconds(1)
  let sent = FlowLocal(UInt64(0))
  let periodOver = FlowTimer()
  let leak = UserEvent<UInt64>("leak")

  var events: some EventGraph {
    On(.newData) { event in
      guard event.receiver == .client else { return }
      if event.flow[sent] == 0 { event.flow.schedule(periodOver, after: period) }
      event.flow[sent] += event.length
      if event.flow[sent] > limit { event.raise(leak, event.flow[sent]) }
    }
    On(periodOver) { event in event.flow[sent] = 0 }
    Filter(leak) { event, _ in
      event.report("\(event.payload) bytes within \(period) to \(event.flow.key.source)")
      event.flow.reset()
    }
  }
}
// snippet.end

// snippet.run
var trace = try TraceReader(paths: Array(CommandLine.arguments.dropFirst()))
var engine = try EventEngine([LeakGuard()]) { print("packet \($0.packet): \($0.text)") }
engine.play(&trace)
print("packets dropped: \(engine.statistics.dropped), sent: \(engine.statistics.injected)")
// snippet.end
