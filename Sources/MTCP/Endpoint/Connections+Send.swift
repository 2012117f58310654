import MOSCore

/// What is sent.
extension Connections {
  /// Takes bytes to send, as many as there is room for. They leave with `transmit`. Returns how many; 0 once the connection is closed.
  public mutating func write(_ connection: UInt32, _ bytes: UnsafeRawBufferPointer) -> Int {
    let block = blocks.pointer(connection)
    guard block.pointee.end == nil, !block.pointee.traits.contains(.isClosing), let source = bytes.baseAddress else {
      return 0
    }
    let limit = UInt64(block.pointee.configuration.sendBytes)
    let kept = block.pointee.outgoing.keptBytes
    let memory = max(0, streams.capacity - streams.count - 1) * Int(KeptBlock.capacity)
    let count = min(bytes.count, Int(limit > kept ? limit &- kept : 0), memory)
    guard count > 0 else { return 0 }
    let offset = block.pointee.outgoing.nextOffset
    _ = block.pointee.outgoing.append(source, count: UInt32(count), at: offset, blocks: &streams)
    return count
  }

  /// Sends what may be sent: what is lost first, then what is new, the FIN behind it, and an acknowledgment where none of these carried
  /// it and it may not wait.
  public mutating func transmit<Sink: SegmentSink & ~Copyable>(
    _ connection: UInt32, at now: Timestamp, into sink: inout Sink
  ) {
    let block = blocks.pointer(connection)
    guard block.pointee.end == nil else { return }
    let wasEmpty = block.pointee.sent.isEmpty
    let next = block.pointee.sndNxt
    block.pointee.traits.remove(.isWindowLimited)
    while sendLost(block, at: now, into: &sink) {}
    if !block.pointee.isSYNUnacknowledged {
      while sendNew(block, budget: budget(block), at: now, into: &sink) {}
    }
    if block.pointee.sndNxt != next {
      if wasEmpty { block.pointee.waitingSince = now }
      arm(connection, at: now, hasProgress: wasEmpty || block.pointee.retransmission == .probe)
    } else if block.pointee.retransmission == .off {
      arm(connection, at: now, hasProgress: true)
    }
    acknowledge(connection, at: now, into: &sink)
  }

  /// What congestion control lets be sent, in bytes.
  private func budget(_ block: UnsafeMutablePointer<TransmissionControlBlock>) -> UInt32 {
    if block.pointee.recovery == .fast { return block.pointee.allowance }
    var pipe = block.pointee.sent.pipe
    var window = block.pointee.congestion.window
    if !block.pointee.traits.contains(.selectiveAcknowledgments), block.pointee.duplicateAcknowledgments > 0 {
      // Limited transmit (RFC 3042).
      pipe = pipeWithoutSACK(block)
      let more = UInt32(min(block.pointee.duplicateAcknowledgments, 2)) &* block.pointee.sendMaximumSegmentSize
      window = min(window, block.pointee.sent.flightSize &+ more)
    }
    return window > pipe ? window &- pipe : 0
  }

  /// Sends the first lost segment again, if there is one and it may be sent.
  private mutating func sendLost<Sink: SegmentSink & ~Copyable>(
    _ block: UnsafeMutablePointer<TransmissionControlBlock>, at now: Timestamp, into sink: inout Sink
  ) -> Bool {
    let index = block.pointee.sent.firstLost(segments: segments)
    guard index != 0 else { return false }
    // One is sent whatever the window says, so that something is under way.
    guard budget(block) >= segments.pointer(index).pointee.length || block.pointee.sent.pipe == 0 else { return false }
    resend(index, block, at: now, into: &sink)
    return true
  }

  /// Sends a segment again that is in the queue.
  mutating func resend<Sink: SegmentSink & ~Copyable>(
    _ index: UInt32, _ block: UnsafeMutablePointer<TransmissionControlBlock>, at now: Timestamp, into sink: inout Sink
  ) {
    let segment = segments.pointer(index).pointee
    block.pointee.sent.resend(index, at: now, segments: segments)
    spend(segment.length, block)
    if block.pointee.firstRetransmission == nil, block.pointee.recovery != .none {
      block.pointee.firstRetransmission = RecentAcknowledgment.timestampValue(now)
    }
    var length = segment.length
    var flags: TCPFlags = []
    if block.pointee.isSYNUnacknowledged, segment.sequence == block.pointee.iss {
      length &-= 1
      flags.insert(.syn)
    }
    if block.pointee.traits.contains(.hasSentFIN), segment.end == block.pointee.sndNxt {
      length &-= 1
      flags.insert(.fin)
    }
    send(block, at: segment.sequence, payload: length, flags: flags, now, into: &sink)
  }

  private func spend(_ bytes: UInt32, _ block: UnsafeMutablePointer<TransmissionControlBlock>) {
    guard block.pointee.recovery == .fast else { return }
    block.pointee.reduction.send(bytes)
    block.pointee.allowance = block.pointee.allowance > bytes ? block.pointee.allowance &- bytes : 0
  }

  /// Sends the next segment that was not sent before, with the FIN if it is the last one. `false` where there is none, or it has to
  /// wait; one that `isOverdue` has waited long enough.
  mutating func sendNew<Sink: SegmentSink & ~Copyable>(
    _ block: UnsafeMutablePointer<TransmissionControlBlock>, budget: UInt32, isOverdue: Bool = false, at now: Timestamp,
    into sink: inout Sink
  ) -> Bool {
    guard block.pointee.state == .established || block.pointee.state == .closeWait else { return false }
    let unsent = block.pointee.unsentBytes
    let isClosing = block.pointee.traits.contains(.isClosing)
    guard unsent > 0 || isClosing else { return false }
    let most = block.pointee.sendMaximumSegmentSize &- UInt32(optionsLength(block))
    let length = min(unsent, most, block.pointee.usableWindow)
    let isLast = length == unsent
    guard isOverdue || mayLeave(block, length, most: most, isLast: isLast) else { return false }
    if budget < min(length, most) || budget == 0 {
      block.pointee.traits.insert(.isWindowLimited)
      return false
    }
    let hasFIN = isLast && isClosing && (length < block.pointee.usableWindow)
    guard length > 0 || hasFIN else { return false }
    let space = length &+ (hasFIN ? 1 : 0)
    let sequence = block.pointee.sndNxt
    guard block.pointee.sent.append(sequence, length: space, at: now, segments: &segments) != 0 else { return false }
    block.pointee.sndNxt = sequence + space
    spend(space, block)
    var flags: TCPFlags = isLast ? .psh : []
    if hasFIN {
      flags.insert(.fin)
      block.pointee.traits.insert(.hasSentFIN)
      block.pointee.state = block.pointee.state.after(.sendFin)
    }
    send(block, at: sequence, payload: length, flags: flags, now, into: &sink)
    return !hasFIN
  }

  /// Silly window avoidance and Nagle's rule (RFC 9293 3.8.6.2.1, 3.7.4).
  private func mayLeave(
    _ block: UnsafeMutablePointer<TransmissionControlBlock>, _ length: UInt32, most: UInt32, isLast: Bool
  ) -> Bool {
    if length == most { return true }
    if isLast {
      return block.pointee.traits.contains(.isClosing) || !block.pointee.configuration.delaysSmallSegments
        || block.pointee.sent.isEmpty
    }
    return length > 0 && length >= block.pointee.maximumSendWindow / 2
  }

  /// A pure acknowledgment, now or later, where one is owed.
  mutating func acknowledge<Sink: SegmentSink & ~Copyable>(
    _ connection: UInt32, at now: Timestamp, into sink: inout Sink
  ) {
    let block = blocks.pointer(connection)
    if block.pointee.traits.contains(.acknowledgesNow) || block.pointee.unacknowledgedSegments >= 2 {
      send(block, at: block.pointee.sndNxt, payload: 0, flags: [], now, into: &sink)
    } else if block.pointee.unacknowledgedSegments > 0, block.pointee.acknowledgmentTime == nil {
      block.pointee.acknowledgmentTime = now.advanced(by: block.pointee.configuration.acknowledgmentDelay)
    }
    schedule(connection)
  }

  /// Sends a segment with the acknowledgment, the window and the options that belong to it.
  mutating func send<Sink: SegmentSink & ~Copyable>(
    _ block: UnsafeMutablePointer<TransmissionControlBlock>, at sequence: SequenceNumber, payload length: UInt32,
    flags: TCPFlags, _ now: Timestamp, into sink: inout Sink
  ) {
    var flags = flags
    if block.pointee.state != .synSent {
      flags.insert(.ack)
      openWindow(block)
    }
    let isSYN = flags.contains(.syn)
    let shift = isSYN ? 0 : UInt32(block.pointee.receiveScale)
    var window = min(block.pointee.rcvWnd >> shift, 0xffff)
    if block.pointee.state == .synSent { window = min(block.pointee.configuration.receiveBytes, 0xffff) }
    let header = TCPSegment(
      sequence: sequence.rawValue, acknowledgment: flags.contains(.ack) ? block.pointee.rcvNxt.rawValue : 0,
      flags: flags, window: UInt16(window))
    var segment = OutgoingSegment(
      header: header, options: InlineArray(repeating: 0), optionsLength: 0, payloadLength: length,
      key: block.pointee.key)
    writeOptions(block, isSYN: isSYN, now, to: &segment)
    if let target = sink.begin(segment), length > 0 {
      let start = UInt64(UInt32(bitPattern: sequence.distance(from: block.pointee.dataUna)))
      let bytes = UnsafeMutableRawBufferPointer(start: target, count: Int(length))
      _ = block.pointee.outgoing.copy(
        from: block.pointee.outgoing.firstOffset &+ start, into: bytes, blocks: streams)
    }
    guard flags.contains(.ack) else { return }
    block.pointee.lastAcknowledgment = block.pointee.rcvNxt
    block.pointee.unacknowledgedSegments = 0
    block.pointee.acknowledgmentTime = nil
    block.pointee.traits.remove(.acknowledgesNow)
    block.pointee.duplicate = nil
  }

  /// A reset that answers an acknowledgment of something that was never sent (RFC 9293 3.10.7.3).
  func sendReset<Sink: SegmentSink & ~Copyable>(
    _ block: UnsafeMutablePointer<TransmissionControlBlock>, sequence: SequenceNumber, _ now: Timestamp,
    into sink: inout Sink
  ) {
    _ = sink.begin(
      OutgoingSegment(
        header: .reset(sequence: sequence.rawValue), options: InlineArray(repeating: 0), optionsLength: 0,
        payloadLength: 0,
        key: block.pointee.key))
  }
}
