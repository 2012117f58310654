import MOSCore

/// What the peer says of what was sent.
extension Connections {
  /// The acknowledgment of a segment that may have one (RFC 9293 3.10.7.4, fifth).
  mutating func takeAcknowledgment(_ connection: UInt32, _ segment: IncomingSegment, at now: Timestamp) {
    let block = blocks.pointer(connection)
    let una = block.pointee.sndUna
    let dataUna = block.pointee.dataUna
    let hadData = !block.pointee.sent.isEmpty
    let isNew = segment.acknowledgment > una
    var options = segment.options
    if !block.pointee.traits.contains(.selectiveAcknowledgments) { options.sackBlockCount = 0 }
    // One that was overtaken says nothing new of what was acknowledged, but may of what is so selectively.
    block.pointee.sndUna = SequenceNumber.later(una, segment.acknowledgment)
    let delivery = block.pointee.sent.acknowledge(
      block.pointee.sndUna, options, at: now, recent: &block.pointee.recent, segments: &segments)
    let window = block.pointee.sndWnd
    updateWindow(segment, block)
    if isNew { advance(connection, from: dataUna, at: now) }
    if block.pointee.end != nil { return }
    takeRoundTrip(delivery, options, isNew: isNew, block, at: now)
    let isDuplicate =
      segment.acknowledgment == una && hadData && segment.length == 0 && window == block.pointee.sndWnd
    recover(block, delivery, options, isNew: isNew, isDuplicate: isDuplicate, at: now)
    arm(connection, at: now, hasProgress: isNew || delivery.delivered > 0)
  }

  /// SND.WND (RFC 9293 3.10.7.4): from the latest segment only.
  private func updateWindow(_ segment: IncomingSegment, _ block: UnsafeMutablePointer<TransmissionControlBlock>) {
    guard
      block.pointee.sndWl1 < segment.sequence
        || block.pointee.sndWl1 == segment.sequence && block.pointee.sndWl2 <= segment.acknowledgment
    else { return }
    let shift = segment.flags.contains(.syn) ? 0 : block.pointee.sendScale
    block.pointee.sndWnd = UInt32(segment.window) << UInt32(shift)
    block.pointee.maximumSendWindow = max(block.pointee.maximumSendWindow, block.pointee.sndWnd)
    block.pointee.sndWl1 = segment.sequence
    block.pointee.sndWl2 = segment.acknowledgment
  }

  /// SND.UNA went on: bytes are given back, and a FIN that is acknowledged changes the state.
  private mutating func advance(_ connection: UInt32, from dataUna: SequenceNumber, at now: Timestamp) {
    let block = blocks.pointer(connection)
    let isFIN = block.pointee.traits.contains(.hasSentFIN) && block.pointee.sndUna == block.pointee.sndNxt
    let passed = UInt32(bitPattern: max(block.pointee.sndUna.distance(from: dataUna), 0))
    let bytes = passed &- (isFIN && passed > 0 ? 1 : 0)
    if bytes > 0 {
      let wasFull = block.pointee.outgoing.keptBytes >= UInt64(block.pointee.configuration.sendBytes)
      let offset = block.pointee.outgoing.firstOffset &+ UInt64(bytes)
      block.pointee.outgoing.discard(before: offset, blocks: &streams)
      if wasFull { note(.writable, connection) }
    }
    block.pointee.traits.insert(.isSYNAcknowledged)
    block.pointee.waitingSince = block.pointee.sent.isEmpty ? nil : now
    guard isFIN else { return }
    block.pointee.state = block.pointee.state.after(.ackOfFin)
    if block.pointee.state == .closed { end(connection, .closed) }
  }

  /// Round trips: of what was sent once, or by the timestamp that is echoed (RFC 7323 4).
  private func takeRoundTrip(
    _ delivery: Delivery, _ options: TCPOptions, isNew: Bool, _ block: UnsafeMutablePointer<TransmissionControlBlock>,
    at now: Timestamp
  ) {
    var sample = delivery.roundTrip
    if sample == nil, isNew, options.hasTimestamp, options.timestampEcho != 0 {
      let milliseconds = RecentAcknowledgment.timestampValue(now) &- options.timestampEcho
      if milliseconds < 1 << 28 { sample = UInt32(clamping: UInt64(max(milliseconds, 1)) * 1_000) }
    }
    guard let sample else { return }
    block.pointee.roundTrip.sample(microseconds: sample)
    block.pointee.probe.noteSample()
  }

  /// Loss and recovery: RFC 8985 with selective acknowledgments, RFC 6582 without; PRR in both.
  private func recover(
    _ block: UnsafeMutablePointer<TransmissionControlBlock>, _ delivery: Delivery, _ options: TCPOptions, isNew: Bool,
    isDuplicate: Bool, at now: Timestamp
  ) {
    if isNew { undoIfSpurious(options, block) }
    let una = block.pointee.sndUna
    let hasSACK = block.pointee.traits.contains(.selectiveAcknowledgments)
    if isNew { block.pointee.duplicateAcknowledgments = 0 }
    if isDuplicate, block.pointee.duplicateAcknowledgments < .max { block.pointee.duplicateAcknowledgments &+= 1 }
    if block.pointee.probe.acknowledge(
      una, duplicate: delivery.duplicate, isPlainDuplicate: isDuplicate && options.sackBlockCount == 0),
      block.pointee.recovery == .none
    {
      block.pointee.congestion.reduce(.loss, flightSize: max(block.pointee.sent.flightSize, delivery.acknowledged))
    }
    if block.pointee.recovery != .none, isNew, una >= block.pointee.recoveryPoint { endRecovery(block) }
    var delivered = delivery.delivered
    if hasSACK {
      block.pointee.recent.noteDuplicate(delivery.duplicate != nil, una: una, next: block.pointee.sndNxt)
      detectLoss(block, delivered: delivered, at: now)
    } else {
      // Each repeated acknowledgment is of a segment that has arrived.
      if isDuplicate { delivered = block.pointee.sendMaximumSegmentSize }
      if block.pointee.recovery == .fast, isNew { _ = block.pointee.sent.loseFirst(segments: segments) }
      if block.pointee.recovery == .none, isDuplicate, block.pointee.duplicateAcknowledgments == 3 {
        _ = block.pointee.sent.loseFirst(segments: segments)
        beginRecovery(block, delivered: delivered)
        return
      }
    }
    if block.pointee.recovery == .fast {
      let pipe = hasSACK ? block.pointee.sent.pipe : pipeWithoutSACK(block)
      block.pointee.allowance = block.pointee.reduction.acknowledge(delivered, pipe: pipe)
    } else if delivered > 0, isNew || hasSACK {
      block.pointee.congestion.acknowledge(
        AcknowledgedData(
          bytes: delivered, time: now, smoothedRoundTrip: block.pointee.roundTrip.smoothed,
          isWindowLimited: block.pointee.traits.contains(.isWindowLimited)))
    }
  }

  /// RACK: what is lost now, and when to look again.
  func detectLoss(_ block: UnsafeMutablePointer<TransmissionControlBlock>, delivered: UInt32, at now: Timestamp) {
    let window = block.pointee.recent.reorderingWindow(
      isRecovering: block.pointee.recovery != .none, sackedCount: block.pointee.sent.sackedCount,
      smoothedRoundTrip: block.pointee.roundTrip.smoothed)
    let (lost, wait) = block.pointee.sent.detectLoss(
      block.pointee.recent, at: now, window: window, segments: segments)
    if let wait {
      block.pointee.retransmission = .reordering
      block.pointee.retransmissionTime = now.advanced(by: wait)
    } else if block.pointee.retransmission == .reordering {
      block.pointee.retransmission = .off
    }
    if lost > 0, block.pointee.recovery == .none { beginRecovery(block, delivered: delivered) }
  }

  private func beginRecovery(_ block: UnsafeMutablePointer<TransmissionControlBlock>, delivered: UInt32) {
    let flight = block.pointee.sent.flightSize
    block.pointee.congestion.reduce(.loss, flightSize: flight)
    block.pointee.reduction = ProportionalRateReduction(
      flightSize: flight, threshold: block.pointee.congestion.slowStartThreshold,
      maximumSegmentSize: block.pointee.sendMaximumSegmentSize)
    block.pointee.recovery = .fast
    block.pointee.recoveryPoint = block.pointee.sndNxt
    block.pointee.firstRetransmission = nil
    block.pointee.probe.cancel()
    let allowance = block.pointee.reduction.acknowledge(delivered, pipe: block.pointee.sent.pipe)
    // What is lost is sent again at once.
    block.pointee.allowance = max(allowance, block.pointee.sendMaximumSegmentSize)
  }

  private func endRecovery(_ block: UnsafeMutablePointer<TransmissionControlBlock>) {
    block.pointee.recovery = .none
    block.pointee.recent.endRecovery()
    block.pointee.firstRetransmission = nil
  }

  /// What the first acknowledgment behind a retransmission echoes tells whether the original had arrived (RFC 3522, RFC 4015).
  private func undoIfSpurious(_ options: TCPOptions, _ block: UnsafeMutablePointer<TransmissionControlBlock>) {
    guard let first = block.pointee.firstRetransmission else { return }
    block.pointee.firstRetransmission = nil
    guard block.pointee.recovery != .none, options.hasTimestamp,
      Int32(bitPattern: options.timestampEcho &- first) < 0
    else { return }
    block.pointee.congestion.undo()
    block.pointee.sent.undoLoss(segments: segments)
    block.pointee.recovery = .none
    block.pointee.recent.endRecovery()
  }

  /// Without selective acknowledgments each repeated one is of a segment that has left the network.
  func pipeWithoutSACK(_ block: UnsafeMutablePointer<TransmissionControlBlock>) -> UInt32 {
    let arrived = UInt32(block.pointee.duplicateAcknowledgments) &* block.pointee.sendMaximumSegmentSize
    let pipe = block.pointee.sent.pipe
    return pipe > arrived ? pipe &- arrived : 0
  }
}
