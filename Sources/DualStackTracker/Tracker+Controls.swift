import MOSCore
import MTCP

/// What can be set for one flow, at any time, also while its events are being handled. Each returns `false`, with nothing
/// done, for a flow that is not open, or not TCP where that is needed.
extension Tracker {
  /// Says who wins where segments that `side` receives overlap, in place of the configuration. Only before the side's first
  /// byte: `false` afterwards.
  @discardableResult
  public mutating func setOverlapPolicy(_ policy: OverlapPolicy, of side: Side, in flow: UInt32) -> Bool {
    guard let connection = openConnection(flow) else { return false }
    let receiver = connection.endpoint(side)
    guard receiver.pointee.delivered == 0, !receiver.pointee.receive.hasQueued,
      let own = intervention(of: connection)?.end(side)
    else { return false }
    own.pointee.policy = policy.rawValue + 1
    return true
  }

  /// Says how far what `side` receives is reassembled. What waits is given up by `.off`; what comes behind `.on` is
  /// delivered again from there, with stream offsets that count what was passed over.
  @discardableResult
  public mutating func setReassembly(_ reassembly: Reassembly, of side: Side, in flow: UInt32) -> Bool {
    guard let connection = openConnection(flow), let own = intervention(of: connection)?.end(side) else { return false }
    switch reassembly {
    case .on: own.pointee.bufferLimit = .max
    case .limited(let bytes): own.pointee.bufferLimit = min(bytes, .max - 1)
    case .off: break
    }
    if reassembly != .off {
      if !records.pointer(flow).pointee.isMonitored(side) { return false }
      connection.pointee.traits.remove(.unassembled(side))
      return true
    }
    connection.pointee.traits.insert(.unassembled(side))
    giveUp(side, connection)
    demote(flow, connection)
    return true
  }

  /// Stops monitoring `side` of a flow, both without one, for good: it has no more events, and nothing that it receives is
  /// put together. Its state, its numbers and its counters are followed, and the flow's `connectionEnd` comes.
  ///
  /// Events of a side are those whose `side` it is, and `packet` where it is the one that acts: the sender at `.sender`, the
  /// receiver at `.receiver`. Events that have happened already are not taken back.
  @discardableResult
  public mutating func stopMonitoring(_ flow: UInt32, of side: Side? = nil) -> Bool {
    let record = records.pointer(flow)
    guard isOpen(flow) else { return false }
    for one in [Side.client, .server] where side == nil || side == one {
      record.pointee.traits.insert(.muted(one))
      setReassembly(.off, of: one, in: flow)
    }
    return true
  }

  /// Sets how long nothing may come before the flow ends, in nanoseconds of packet time, in place of the configuration; nil
  /// for the configuration again. Rounded up to milliseconds, at least 1 and at most 2^32 - 1 of them (49 days). As long as
  /// the handshake is not complete, a half-open connection's time-out holds if it is less.
  @discardableResult
  public mutating func setIdleTimeout(_ nanoseconds: Int64?, of flow: UInt32) -> Bool {
    guard isOpen(flow) else { return false }
    let record = records.pointer(flow)
    record.pointee.idleMilliseconds = nanoseconds.map { UInt32(clamping: (max(1, $0) - 1) / 1_000_000 + 1) } ?? 0
    wheel.schedule(flow, at: timeoutTime(of: record))
    return true
  }

  /// The TCP state of a flow that has not ended.
  func openConnection(_ flow: UInt32) -> UnsafeMutablePointer<Connection>? {
    let record = records.pointer(flow)
    guard isOpen(flow), record.pointee.connection != 0 else { return nil }
    return connections.pointer(record.pointee.connection)
  }

  /// The flow's packets are no longer told by the shortest way, which knows nothing of what is set for one flow.
  private mutating func demote(_ flow: UInt32, _ connection: UnsafeMutablePointer<Connection>) {
    switch connection.pointee.step {
    case .established: connection.pointee.step = .other
    case .opening: connection.pointee.step = .unknown
    case .other, .unknown: break
    }
    guard current.flow == flow else { return }
    if current.step == .established { current.step = .other }
    if current.expectation == .plain { current.expectation = .turn }
  }

  /// Who wins where segments overlap that `side` of `record`'s flow receives.
  mutating func overlapPolicy(
    of side: Side, _ record: UnsafeMutablePointer<FlowRecord>, _ connection: UnsafeMutablePointer<Connection>
  ) -> OverlapPolicy {
    if connection.pointee.intervention == 0, overlapNetworks.isEmpty { return configuration.overlapPolicy }
    let own = intervention(of: connection)?.end(side)
    if let own, let policy = OverlapPolicy(rawValue: own.pointee.policy &- 1) { return policy }
    if overlapNetworks.isEmpty { return configuration.overlapPolicy }
    // The host that puts the segments together is the one that decides. Looked up once a side.
    let host = side == .client ? record.pointee.key.source : record.pointee.key.destination
    let policy = overlapNetworks.policy(for: host) ?? configuration.overlapPolicy
    own?.pointee.policy = policy.rawValue + 1
    return policy
  }

  /// How much memory bytes may take that wait for `side`.
  func bufferLimit(of side: Side, _ connection: UnsafeMutablePointer<Connection>) -> UInt32 {
    guard connection.pointee.intervention != 0 else { return configuration.sideBufferBytes }
    let limit = interventions.pointer(connection.pointee.intervention).end(side).pointee.bufferLimit
    return limit == .max ? configuration.sideBufferBytes : limit
  }
}
