// The code of the article "Building a middlebox step by step": each part from `snippet.NAME` to `snippet.end` stands
// there in the same words, which scripts/check-articles.py compares.
import EventDSL
import PacketIO

enum LookStep {
  // snippet.look
  struct LeakGuard: Middlebox {
    var events: some EventGraph {
      On(.connectionEnd) { event in
        let flow = event.flow.key
        event.report("\(flow.destination) sent \(event.flow.server.counters.streamBytes) bytes to \(flow.source)")
      }
    }
  }
  // snippet.end
}

enum CountStep {
  // snippet.count
  struct LeakGuard: Middlebox {
    let sent = FlowLocal(UInt64(0))

    var events: some EventGraph {
      On(.newData) { event in
        guard event.receiver == .client else { return }
        event.flow[sent] += event.length
      }
      On(.connectionEnd) { event in
        event.report("\(event.flow[sent]) bytes")
      }
    }
  }
  // snippet.end
}

enum RaiseStep {
  // snippet.raise
  struct LeakGuard: Middlebox {
    var limit: UInt64 = 65_536
    let sent = FlowLocal(UInt64(0))
    let leak = UserEvent<UInt64>("leak")

    var events: some EventGraph {
      On(.newData) { event in
        guard event.receiver == .client else { return }
        let before = event.flow[sent]
        event.flow[sent] += event.length
        if before <= limit, event.flow[sent] > limit { event.raise(leak, event.flow[sent]) }
      }
      On(leak) { event in
        event.report("\(event.payload) bytes to \(event.flow.key.source)")
      }
    }
  }
  // snippet.end
}

enum ForgetStep {
  // snippet.forget
  struct LeakGuard: Middlebox {
    var limit: UInt64 = 65_536
    var period = Duration.seconds(1)
    let sent = FlowLocal(UInt64(0))
    let periodOver = FlowTimer()
    let leak = UserEvent<UInt64>("leak")

    var events: some EventGraph {
      On(.newData) { event in
        guard event.receiver == .client else { return }
        let before = event.flow[sent]
        if before == 0 { event.flow.schedule(periodOver, after: period) }
        event.flow[sent] += event.length
        if before <= limit, event.flow[sent] > limit { event.raise(leak, event.flow[sent]) }
      }
      On(periodOver) { event in event.flow[sent] = 0 }
      On(leak) { event in
        event.report("\(event.payload) bytes within \(period) to \(event.flow.key.source)")
      }
    }
  }
  // snippet.end
}

enum SelectStep {
  // snippet.select
  struct LeakGuard: Middlebox {
    var flowFilter: String? = "tcp and dst net 198.51.100.0/24"
    var limit: UInt64 = 65_536
    var period = Duration.seconds(1)
    let sent = FlowLocal(UInt64(0))
    let periodOver = FlowTimer()
    let leak = UserEvent<UInt64>("leak")
    let counting = Subscription.on

    var events: some EventGraph {
      On(.newData, as: counting) { event in
        guard event.receiver == .client else { return }
        if event.flow[sent] == 0 { event.flow.schedule(periodOver, after: period) }
        event.flow[sent] += event.length
        if event.flow[sent] > limit { event.raise(leak, event.flow[sent]) }
      }
      On(periodOver) { event in event.flow[sent] = 0 }
      On(leak) { event in
        event.report("\(event.payload) bytes within \(period) to \(event.flow.key.source)")
        event.flow.stop(counting)
      }
    }
  }
  // snippet.end
}

enum CutStep {
  // snippet.cut
  /// Cuts connections off on which a server sends more than 64 KiB within a second.
  struct LeakGuard: Middlebox {
    var flowFilter: String? = "tcp and dst net 198.51.100.0/24"
    var limit: UInt64 = 65_536
    var period = Duration.seconds(1)
    let sent = FlowLocal(UInt64(0))
    let periodOver = FlowTimer()
    let leak = UserEvent<UInt64>("leak")
    let cut = Subscription.off

    var events: some EventGraph {
      On(.newData) { event in
        guard event.receiver == .client else { return }
        if event.flow[sent] == 0 { event.flow.schedule(periodOver, after: period) }
        event.flow[sent] += event.length
        if event.flow[sent] > limit { event.raise(leak, event.flow[sent]) }
      }
      On(periodOver) { event in event.flow[sent] = 0 }
      On(leak) { event in
        event.report("\(event.payload) bytes within \(period) to \(event.flow.key.source)")
        event.flow.start(cut)
      }
      Filter(.packet, as: cut) { _, packet in packet.drop() }
    }
  }
  // snippet.end
}

enum BridgeStep {
  /// How many frames leave at both sides, of a capture of `traces/`.
  static func leaving(_ capture: String) throws -> Int {
    var feeder = CaptureFeeder(try TraceReader(paths: [Playback.path(of: capture)]))
    var toClients = CaptureSink()
    var toServers = CaptureSink()
    typealias LeakGuard = CutStep.LeakGuard
    // snippet.bridge
    var clients = MemoryPort()
    var servers = MemoryPort()
    var bridge = Bridge(try EventEngine([LeakGuard()]))
    while feeder.feed(client: &clients, server: &servers, limit: 1) > 0 {
      bridge.breathe(&clients, &servers)
      clients.drain(into: &toClients)
      servers.drain(into: &toServers)
    }
    // snippet.end
    return toClients.count + toServers.count
  }
}

enum ResetStep {
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
}
