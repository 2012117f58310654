import MOSCore

/// Bytes that come, and the window for more.
extension Connections {
  /// The text and the FIN of a segment that touches the window (RFC 9293 3.10.7.4, seventh and eighth).
  mutating func takeText(_ connection: UInt32, _ segment: IncomingSegment, at now: Timestamp) {
    let block = blocks.pointer(connection)
    guard block.pointee.state.receivesData else {
      // Nothing can come behind the peer's FIN, but what came before may come again.
      block.pointee.traits.insert(.acknowledgesNow)
      return
    }
    let next = block.pointee.rcvNxt
    var length = segment.payloadLength
    var hasFIN = segment.flags.contains(.fin)
    // What lies beyond the window is cut off.
    let room = block.pointee.rcvEdge.distance(from: segment.sequence)
    if Int64(length) > Int64(room) {
      length = UInt32(max(room, 0))
      hasFIN = false
    }
    if segment.sequence > next {
      if length > 0, let payload = segment.payload { queue(payload, length, at: segment.sequence, block) }
      // The FIN comes again when what is missing has come.
      block.pointee.traits.insert(.acknowledgesNow)
      return
    }
    if segment.sequence < next, length > 0 {
      let end = SequenceNumber.earlier(segment.sequence + length, next)
      block.pointee.duplicate = (segment.sequence, end)
      block.pointee.traits.insert(.acknowledgesNow)
    }
    let known = UInt32(bitPattern: next.distance(from: segment.sequence))
    if length > known, let payload = segment.payload {
      guard append(payload + Int(known), length &- known, block) else {
        // No memory: as if it had been lost.
        block.pointee.traits.insert(.acknowledgesNow)
        return
      }
      if block.pointee.outOfOrder.hasQueued {
        takeQueued(block)
        block.pointee.traits.insert(.acknowledgesNow)
      }
      block.pointee.unacknowledgedSegments &+= 1
      note(.readable, connection)
    }
    if hasFIN, segment.sequence + length == block.pointee.rcvNxt { takeFIN(connection, at: now) }
  }

  private mutating func takeFIN(_ connection: UInt32, at now: Timestamp) {
    let block = blocks.pointer(connection)
    block.pointee.rcvNxt = block.pointee.rcvNxt + 1
    block.pointee.rcvEdge = SequenceNumber.later(block.pointee.rcvEdge, block.pointee.rcvNxt)
    block.pointee.state = block.pointee.state.after(.receiveFin)
    block.pointee.outOfOrder.dropQueued(pool: &chunks)
    block.pointee.traits.insert(.acknowledgesNow)
    note(.peerClosed, connection)
  }

  /// Bytes in order. `false` where there is no memory for them.
  private mutating func append(
    _ bytes: UnsafeRawPointer, _ count: UInt32, _ block: UnsafeMutablePointer<TransmissionControlBlock>
  ) -> Bool {
    if block.pointee.traits.contains(.isAbandoned) {
      block.pointee.rcvNxt = block.pointee.rcvNxt + count
      return true
    }
    guard streams.capacity - streams.count > Int(count / KeptBlock.capacity) + 1 else { return false }
    let offset = block.pointee.incoming.nextOffset
    _ = block.pointee.incoming.append(bytes, count: count, at: offset, blocks: &streams)
    block.pointee.rcvNxt = block.pointee.rcvNxt + count
    return true
  }

  /// Bytes out of order.
  private mutating func queue(
    _ bytes: UnsafeRawPointer, _ count: UInt32, at sequence: SequenceNumber,
    _ block: UnsafeMutablePointer<TransmissionControlBlock>
  ) {
    let result = block.pointee.outOfOrder.insert(
      bytes, count: count, at: sequence, next: block.pointee.rcvNxt, policy: .first,
      limit: block.pointee.configuration.receiveBytes &* 2, pool: &chunks)
    if result.stored > 0 { block.pointee.latestOutOfOrder = sequence }
    if result.duplicate > 0 { block.pointee.duplicate = (sequence, sequence + count) }
  }

  /// What was out of order and no longer is.
  private mutating func takeQueued(_ block: UnsafeMutablePointer<TransmissionControlBlock>) {
    let chain = block.pointee.outOfOrder.takeContiguous(from: block.pointee.rcvNxt, pool: &chunks).chain
    guard chain != 0 else { return }
    // What finds no memory comes again.
    var isComplete = true
    var index = chain
    while index != 0 {
      let chunk = chunks.chunk(index).pointee
      if isComplete { isComplete = append(UnsafeRawPointer(chunks.bytes(index)), UInt32(chunk.count), block) }
      index = chunk.next
    }
    chunks.releaseChain(chain)
  }

  /// Lets the window's right edge go on, by half of what there is or a segment at least (RFC 9293 3.8.6.2.2), never back. Returns
  /// whether it did.
  @discardableResult
  func openWindow(_ block: UnsafeMutablePointer<TransmissionControlBlock>, always: Bool = false) -> Bool {
    let configuration = block.pointee.configuration
    let unread = UInt32(clamping: block.pointee.incoming.keptBytes)
    let room = configuration.receiveBytes > unread ? configuration.receiveBytes &- unread : 0
    let edge = block.pointee.rcvNxt + min(room, 0xffff << UInt32(block.pointee.receiveScale))
    let gain = edge.distance(from: block.pointee.rcvEdge)
    let least = min(configuration.receiveBytes / 2, UInt32(configuration.maximumSegmentSize))
    guard gain > 0, always || UInt32(gain) >= least else { return false }
    block.pointee.rcvEdge = edge
    return true
  }

  /// Reads bytes into a buffer, as many as there are and fit. Returns how many.
  public mutating func read<Sink: SegmentSink & ~Copyable>(
    _ connection: UInt32, into buffer: UnsafeMutableRawBufferPointer, at now: Timestamp, into sink: inout Sink
  ) -> Int {
    let block = blocks.pointer(connection)
    let offset = block.pointee.incoming.firstOffset
    let count = block.pointee.incoming.copy(from: offset, into: buffer, blocks: streams)
    guard count > 0 else { return 0 }
    block.pointee.incoming.discard(before: offset &+ UInt64(count), blocks: &streams)
    // A window that was small and is not any more is told at once.
    if block.pointee.end == nil, block.pointee.state.receivesData {
      let before = block.pointee.rcvWnd
      if openWindow(block), before < UInt32(block.pointee.configuration.maximumSegmentSize) &* 2 {
        block.pointee.traits.insert(.acknowledgesNow)
        transmit(connection, at: now, into: &sink)
      }
    }
    return count
  }

  /// Bytes that can be read.
  public func readableBytes(_ connection: UInt32) -> Int { Int(blocks.pointer(connection).pointee.incoming.keptBytes) }
}
