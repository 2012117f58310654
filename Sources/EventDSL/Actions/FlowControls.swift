import DualStackTracker
import MOSCore
import MTCP

/// What is wanted of a flow.
extension Flow {
  /// The middlebox that calls this stops monitoring the flow, for good: from the next event on it hears of nothing but the
  /// flow's end, and its readers read no more. Its timers still go off, and what its filters would decide is not asked: the
  /// packets pass. When all middleboxes have stopped, nothing of the flow is put in order any more.
  ///
  /// As `FlowSide.stopMonitoring` of both sides; may be called in any handler, also in that of the flow's first event.
  public func stopMonitoring() {
    client.stopMonitoring()
    server.stopMonitoring()
  }

  /// Sets how long nothing may come before the flow ends with `idle`, in packet time from its last packet on, in place of
  /// the tracker's configuration; nil for the configuration again. Rounded up to milliseconds, at most 49 days. While a
  /// handshake is not complete, the configuration's time-out for it holds if it is less.
  ///
  /// It is the flow's: of several middleboxes, the last one's setting holds. `false` for a flow that has ended.
  @discardableResult
  public func setIdleTimeout(_ duration: Duration?) -> Bool {
    let core = occurrence.pointee.core
    guard occurrence.pointee.flow != 0 else { return false }
    return core.pointee.tracker.setIdleTimeout(duration?.nanoseconds, of: occurrence.pointee.flow)
  }

  /// How long nothing may come before the flow ends.
  public var idleTimeout: Duration {
    .nanoseconds(occurrence.pointee.core.pointee.tracker.timeout(of: occurrence.pointee.record))
  }
}

/// What is wanted of one side.
extension FlowSide {
  /// Says whose bytes win where segments that this side receives overlap, as the host does that puts them together. It is
  /// set before the side's first byte, as in `connectionStart`; `false` afterwards, and for what is no open TCP connection.
  /// The tracker's configuration has it for all flows, and for networks.
  ///
  /// It is the side's: of several middleboxes, the last one's setting holds.
  @discardableResult
  public func setOverlapPolicy(_ policy: OverlapPolicy) -> Bool {
    let core = occurrence.pointee.core
    guard occurrence.pointee.flow != 0 else { return false }
    return core.pointee.tracker.setOverlapPolicy(policy, of: side, in: occurrence.pointee.flow)
  }

  /// Says how far the middlebox wants what this side receives put in order: at any time, from the next event on. Without,
  /// it hears no `newData` and no `gap` of the side; states, numbers and all other events are as before. When it is on
  /// again, bytes are delivered from there on, at offsets that count what was passed over.
  ///
  /// The tracker does what the middlebox that wants most wants. `false` for what is no open TCP connection, and for a side
  /// that the middlebox does not monitor any more.
  @discardableResult
  public func setReassembly(_ reassembly: Reassembly) -> Bool {
    let core = occurrence.pointee.core
    guard occurrence.pointee.flow != 0, core.pointee.tracker.endpoint(side, of: occurrence.pointee.flow) != nil,
      core.pointee.wish(of: side, occurrence) != .nothing
    else { return false }
    return SideWish(reassembly).note(of: side, occurrence)
  }

  /// How far the middlebox wants what this side receives put in order.
  public var reassembly: Reassembly { occurrence.pointee.core.pointee.wish(of: side, occurrence).reassembly }

  /// The middlebox that calls this stops monitoring the side, for good: from the next event on it hears of none that
  /// happens to this side, and its readers of what the side receives read no more. A packet happens to its sender's side
  /// at `.sender` and to its receiver's at `.receiver`. `connectionEnd` comes all the same.
  public func stopMonitoring() {
    guard SideWish.nothing.note(of: side, occurrence) else { return }
    EngineStreams.stop(occurrence, side)
  }

  /// Whether the middlebox monitors the side.
  public var isMonitored: Bool { occurrence.pointee.core.pointee.wish(of: side, occurrence) != .nothing }
}
