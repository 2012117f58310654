import MOSCore

/// What is done when nothing comes.
extension Connections {
  /// Lets timers go off up to `now`.
  public mutating func advance<Sink: SegmentSink & ~Copyable>(to now: Timestamp, into sink: inout Sink) {
    guard wheel.isDue(now) else { return }
    while case let connection = wheel.nextExpired(now), connection != 0 { goOff(connection, at: now, into: &sink) }
  }

  /// When a timer is due next, or a little before; nil where none is set.
  public var nextDue: Timestamp? { wheel.nextDue }

  private mutating func goOff<Sink: SegmentSink & ~Copyable>(
    _ connection: UInt32, at now: Timestamp, into sink: inout Sink
  ) {
    let block = blocks.pointer(connection)
    if let time = block.pointee.acknowledgmentTime, time <= now { block.pointee.traits.insert(.acknowledgesNow) }
    if block.pointee.retransmission != .off, block.pointee.retransmissionTime <= now {
      retransmit(connection, at: now, into: &sink)
    }
    if block.pointee.end == nil, let time = block.pointee.lifeTime, time <= now {
      endLife(connection, at: now, into: &sink)
    }
    if block.pointee.end == nil { transmit(connection, at: now, into: &sink) }
  }

  private mutating func retransmit<Sink: SegmentSink & ~Copyable>(
    _ connection: UInt32, at now: Timestamp, into sink: inout Sink
  ) {
    let block = blocks.pointer(connection)
    let timer = block.pointee.retransmission
    block.pointee.retransmission = .off
    switch timer {
    case .off: break
    case .reordering:
      detectLoss(block, delivered: 0, at: now)
      if block.pointee.recovery == .fast {
        block.pointee.allowance = max(
          block.pointee.allowance, block.pointee.reduction.acknowledge(0, pipe: block.pointee.sent.pipe))
      }
      if block.pointee.retransmission == .off { arm(connection, at: now, hasProgress: true) }
    case .probe: sendProbe(connection, at: now, into: &sink)
    case .persist: persist(connection, at: now, into: &sink)
    case .timeOut: timeOut(connection, at: now)
    }
  }

  /// The retransmission timer expired (RFC 6298 5.4 to 5.7, RFC 8985 6.3).
  private mutating func timeOut(_ connection: UInt32, at now: Timestamp) {
    let block = blocks.pointer(connection)
    if hasWaitedTooLong(block, at: now) { return end(connection, .timedOut) }
    let isFirst = block.pointee.recovery != .timeOut
    if !block.pointee.isSYNUnacknowledged {
      block.pointee.congestion.timeOut(flightSize: block.pointee.sent.flightSize, isFirst: isFirst)
      block.pointee.recovery = .timeOut
      block.pointee.recoveryPoint = block.pointee.sndNxt
      block.pointee.firstRetransmission = nil
    }
    let window = block.pointee.recent.reorderingWindow(
      isRecovering: true, sackedCount: block.pointee.sent.sackedCount,
      smoothedRoundTrip: block.pointee.roundTrip.smoothed)
    block.pointee.sent.timeOut(
      block.pointee.recent, at: now, window: window,
      hasSACK: block.pointee.traits.contains(.selectiveAcknowledgments), segments: segments)
    block.pointee.duplicateAcknowledgments = 0
    block.pointee.probe.cancel()
    block.pointee.roundTrip.backOff()
    setTimer(.timeOut, timeout(block), block, at: now)
  }

  /// A tail loss probe: what is new, even where the congestion window is full, else what was sent last (RFC 8985 7.3).
  private mutating func sendProbe<Sink: SegmentSink & ~Copyable>(
    _ connection: UInt32, at now: Timestamp, into sink: inout Sink
  ) {
    let block = blocks.pointer(connection)
    let last = block.pointee.sent.last
    if last != 0, block.pointee.probe.isAllowed {
      let isNew = sendNew(block, budget: .max, at: now, into: &sink) || block.pointee.sent.last != last
      if !isNew { resend(last, block, at: now, into: &sink) }
      block.pointee.probe.send(isRetransmission: !isNew, next: block.pointee.sndNxt)
    }
    if block.pointee.sent.isEmpty { return }
    setTimer(.timeOut, timeout(block), block, at: now)
  }

  /// What waits and cannot leave. Where the window is closed, a segment with a number that the peer has is sent, which it answers, so
  /// that it says its window again (RFC 9293 3.8.6.1); where it is only small, what fits in it (3.8.6.2.1).
  private mutating func persist<Sink: SegmentSink & ~Copyable>(
    _ connection: UInt32, at now: Timestamp, into sink: inout Sink
  ) {
    let block = blocks.pointer(connection)
    guard block.pointee.sent.isEmpty else { return }
    if sendNew(block, budget: .max, isOverdue: true, at: now, into: &sink) || !block.pointee.sent.isEmpty {
      return setTimer(.timeOut, timeout(block), block, at: now)
    }
    send(block, at: block.pointee.sndUna - 1, payload: 0, flags: [], now, into: &sink)
    block.pointee.roundTrip.backOff()
    setTimer(.persist, timeout(block), block, at: now)
  }

  private mutating func endLife<Sink: SegmentSink & ~Copyable>(
    _ connection: UInt32, at now: Timestamp, into sink: inout Sink
  ) {
    let block = blocks.pointer(connection)
    let configuration = block.pointee.configuration
    switch block.pointee.state {
    case .timeWait: end(connection, .closed)
    case .finWait2 where block.pointee.traits.contains(.isAbandoned): end(connection, .closed)
    default:
      guard configuration.keepAlive != nil else { return block.pointee.lifeTime = nil }
      if block.pointee.keepAlivesSent >= configuration.keepAliveProbes {
        sendReset(block, sequence: block.pointee.sndNxt, now, into: &sink)
        return end(connection, .timedOut)
      }
      block.pointee.keepAlivesSent &+= 1
      block.pointee.lifeTime = now.advanced(by: configuration.keepAliveInterval)
      // A number that the peer has, which it answers (RFC 9293 3.8.4).
      if block.pointee.sent.isEmpty {
        send(block, at: block.pointee.sndUna - 1, payload: 0, flags: [], now, into: &sink)
      }
    }
  }

  /// How long the state may last, or how long the peer may be quiet.
  func setLifeTime(_ block: UnsafeMutablePointer<TransmissionControlBlock>, at now: Timestamp) {
    let configuration = block.pointee.configuration
    switch block.pointee.state {
    case .timeWait:
      if block.pointee.lifeTime == nil || block.pointee.retransmission != .off {
        block.pointee.lifeTime = now.advanced(by: configuration.timeWait)
      }
    case .finWait2 where block.pointee.traits.contains(.isAbandoned):
      if block.pointee.lifeTime == nil { block.pointee.lifeTime = now.advanced(by: configuration.finWait) }
    default: block.pointee.lifeTime = configuration.keepAlive.map(now.advanced(by:))
    }
  }

  private func hasWaitedTooLong(_ block: UnsafeMutablePointer<TransmissionControlBlock>, at now: Timestamp) -> Bool {
    guard let since = block.pointee.waitingSince else { return false }
    return now.since(since) >= block.pointee.configuration.userTimeout
  }

  /// RTO in nanoseconds.
  private func timeout(_ block: UnsafeMutablePointer<TransmissionControlBlock>) -> Int64 {
    Int64(block.pointee.roundTrip.retransmissionTimeout(minimum: block.pointee.configuration.minimumTimeout)) &* 1_000
  }

  private func setTimer(
    _ timer: TransmissionControlBlock.RetransmissionTimer, _ delay: Int64,
    _ block: UnsafeMutablePointer<TransmissionControlBlock>, at now: Timestamp
  ) {
    block.pointee.retransmission = timer
    block.pointee.retransmissionTime = now.advanced(by: delay)
  }

  /// Sets the timer for what is under way (RFC 6298 5.1 to 5.3, RFC 8985 7.2). `hasProgress`: something new was acknowledged, or
  /// sent where nothing was under way.
  mutating func arm(_ connection: UInt32, at now: Timestamp, hasProgress: Bool) {
    let block = blocks.pointer(connection)
    defer { schedule(connection) }
    guard !block.pointee.sent.isEmpty else {
      let isWaiting =
        block.pointee.unsentBytes > 0
        || block.pointee.traits.contains(.isClosing) && !block.pointee.traits.contains(.hasSentFIN)
      if isWaiting, !block.pointee.isSYNUnacknowledged {
        if block.pointee.retransmission != .persist || hasProgress {
          setTimer(.persist, timeout(block), block, at: now)
        }
      } else {
        block.pointee.retransmission = .off
      }
      return
    }
    if block.pointee.retransmission == .reordering { return }
    guard hasProgress || block.pointee.retransmission == .off || block.pointee.retransmission == .persist else {
      return
    }
    let timeout = timeout(block)
    if block.pointee.probe.isAllowed, block.pointee.recovery == .none, block.pointee.roundTrip.hasSample,
      block.pointee.roundTrip.backoffs == 0, block.pointee.traits.contains(.selectiveAcknowledgments),
      !block.pointee.isSYNUnacknowledged
    {
      let delay = TailLossProbe.timeout(
        smoothedRoundTrip: block.pointee.roundTrip.smoothed, isOneSegment: block.pointee.sent.count == 1,
        untilTimeout: timeout)
      if delay < timeout { return setTimer(.probe, delay, block, at: now) }
    }
    setTimer(.timeOut, timeout, block, at: now)
  }

  /// The earliest of a connection's times goes into the wheel.
  mutating func schedule(_ connection: UInt32) {
    let block = blocks.pointer(connection)
    guard block.pointee.end == nil else { return }
    var earliest = block.pointee.acknowledgmentTime
    if block.pointee.retransmission != .off {
      earliest = min(earliest ?? block.pointee.retransmissionTime, block.pointee.retransmissionTime)
    }
    if let life = block.pointee.lifeTime { earliest = min(earliest ?? life, life) }
    if let earliest {
      wheel.schedule(connection, at: earliest)
    } else if wheel.isScheduled(connection) {
      wheel.cancel(connection)
    }
  }
}
