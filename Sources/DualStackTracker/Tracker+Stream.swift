import MOSCore
import MTCP

extension Tracker {
  /// The text of a segment, for the receiver's buffer (RFC 9293 3.10.7.4, seventh).
  @inline(__always)
  mutating func receiveData(
    _ packet: UnsafePointer<DecodedPacket>, record: UnsafeMutablePointer<FlowRecord>,
    sender: UnsafeMutablePointer<Endpoint>, receiver: UnsafeMutablePointer<Endpoint>, side: Side
  ) {
    let connection = connections.pointer(record.pointee.connection)
    if connection.pointee.traits.contains(.unassembled(side)) {
      return passData(packet, record: record, receiver: receiver, side: side)
    }
    var bytes = packet.pointee.payload
    var count = packet.pointee.payloadLength
    var start = SequenceNumber(packet.pointee.sequence)
    if receiver.pointee.knows.contains(.acknowledgedUnseen), start > receiver.pointee.rcvNxt {
      // The sender went on behind a hole that the receiver acknowledged: it was lost to the capture.
      skipUnseen(record: record, sender: sender, receiver: receiver, side: side, hook: .receiver)
    }
    if receiver.pointee.knows.contains(.finReceived) {
      receiveBehindFin(packet, record: record, receiver: receiver, side: side)
      return
    }
    let behind = receiver.pointee.rcvNxt.distance(from: start)
    if behind > 0 {
      let old = min(UInt32(behind), count)
      receiveAgain(bytes, count: old, at: start, whole: old == count, record: record, receiver: receiver, side: side)
      statistics.duplicateBytes &+= UInt64(old)
      if old == count { return }
      bytes += Int(old)
      count &-= old
      start = receiver.pointee.rcvNxt
    }
    if start == receiver.pointee.rcvNxt, !receiver.pointee.receive.hasQueued {
      deliver(bytes, count: count, receiver: receiver, side: side)
      return
    }
    insert(bytes, count: count, at: start, record: record, sender: sender, receiver: receiver, side: side)
  }

  /// Bytes are kept for an end that acknowledges, and no more than it can have under way.
  @inline(__always)
  mutating func mayRetain(_ receiver: UnsafeMutablePointer<Endpoint>) -> Bool {
    receiver.pointee.knows.contains(.seen)
      && receiver.pointee.rcvNxt.distance(from: receiver.pointee.acknowledged) < Tracker.largestRetained
  }

  /// `count` delivered bytes are not kept, and so none of those before them.
  @inline(never)
  mutating func forgo(_ count: UInt32, _ receiver: UnsafeMutablePointer<Endpoint>) {
    statistics.uncomparedBytes &+= UInt64(count)
    receiver.pointee.retained.removeAll(blocks: &retainedBlocks)
  }

  /// In order, and nothing waits: the bytes are delivered where they lie.
  @inline(__always)
  mutating func deliver(
    _ bytes: UnsafeRawPointer, count: UInt32, receiver: UnsafeMutablePointer<Endpoint>, side: Side
  ) {
    let start = receiver.pointee.rcvNxt
    receiver.pointee.rcvNxt = start + count
    emit(bytes: bytes, count: count, chain: 0, chainCount: 0, at: start, receiver, side, .receiver)
    guard retains else { return postpone(bytes, count: count, chain: 0, at: start, receiver, side) }
    if !mayRetain(receiver)
      || !receiver.pointee.retained.append(bytes, count: count, at: start, blocks: &retainedBlocks)
    {
      forgo(count, receiver)
    }
  }

  /// Text that cannot be delivered where it lies: it waits for a hole, or meets bytes that wait.
  @inline(never)
  private mutating func insert(
    _ bytes: UnsafeRawPointer, count: UInt32, at start: SequenceNumber, record: UnsafeMutablePointer<FlowRecord>,
    sender: UnsafeMutablePointer<Endpoint>, receiver: UnsafeMutablePointer<Endpoint>, side: Side
  ) {
    let next = receiver.pointee.rcvNxt
    let connection = connections.pointer(record.pointee.connection)
    if revocation.isActive { saveQueue(receiver, count: count, at: start) }
    let result = receiver.pointee.receive.insert(
      bytes, count: count, at: start, next: next, policy: overlapPolicy(of: side, record, connection),
      limit: bufferLimit(of: side, connection), pool: &pool)
    statistics.duplicateBytes &+= UInt64(result.duplicate)
    let overflow = count &- min(count, result.stored &+ result.duplicate)
    statistics.overflowBytes &+= UInt64(overflow)
    if result.isFull { events.anomaly(.receiveBufferLimit, .receiver, side.peer) }
    let offset = receiver.pointee.delivered &+ UInt64(UInt32(bitPattern: start.distance(from: next)))
    if result.conflicting > 0 {
      noteConflict(
        offset: receiver.pointee.delivered
          &+ UInt64(UInt32(bitPattern: result.conflictStart.distance(from: next))), length: result.conflicting, side)
    }
    if result.stored == 0, result.duplicate > 0 {
      noteRetransmission(
        .data, side.peer, record, offset: offset, length: count, differs: result.conflicting > 0)
    } else {
      record.counters(side.peer).pointee.outOfOrder &+= 1
      if start > next {
        var event = EventRecord(.outOfOrder, .receiver, side)
        event.offset = offset
        event.length = UInt64(count)
        events.append(event)
      }
    }
    statistics.queuedBytes &+= UInt64(result.stored)
    if start == next { takeQueued(receiver, side, .receiver) }
    if result.isFull, receiver.pointee.receive.hasQueued {
      skipHole(record: record, sender: sender, receiver: receiver, side: side, hook: .receiver, limit: nil)
    }
  }

  /// What an insertion may change of `receiver`'s queue can be undone.
  @inline(never)
  mutating func saveQueue(_ receiver: UnsafeMutablePointer<Endpoint>, count: UInt32, at start: SequenceNumber) {
    receiver.pointee.receive.save(
      count: count, at: start, next: receiver.pointee.rcvNxt, into: &revocation.queue, pool: &pool)
  }

  /// Delivers what waits and is next.
  @inline(never)
  mutating func takeQueued(_ receiver: UnsafeMutablePointer<Endpoint>, _ side: Side, _ hook: Hook) {
    guard lentCount < Tracker.mostLent else { return }
    let start = receiver.pointee.rcvNxt
    let taken = receiver.pointee.receive.takeContiguous(from: start, pool: &pool)
    guard taken.count > 0 else { return }
    lentChains[lentCount] = taken.chain
    lentSides[lentCount] = side
    lentCount &+= 1
    receiver.pointee.rcvNxt = start + taken.count
    statistics.queuedBytes &-= UInt64(taken.count)
    if !retains {
      postpone(nil, count: taken.count, chain: taken.chain, at: start, receiver, side)
    } else if !mayRetain(receiver)
      || !receiver.pointee.retained.append(
        chain: taken.chain, at: start, from: pool, blocks: &retainedBlocks)
    {
      forgo(taken.count, receiver)
    }
    emit(bytes: nil, count: 0, chain: taken.chain, chainCount: taken.count, at: start, receiver, side, hook)
  }

  /// `newData`, without the urgent byte.
  @inline(__always)
  mutating func emit(
    bytes: UnsafeRawPointer?, count: UInt32, chain: UInt32, chainCount: UInt32, at start: SequenceNumber,
    _ receiver: UnsafeMutablePointer<Endpoint>, _ side: Side, _ hook: Hook
  ) {
    if receiver.pointee.knows.contains(.urgentPending) {
      emitAroundUrgent(
        bytes: bytes, count: count, chain: chain, chainCount: chainCount, at: start, receiver, side, hook)
      return
    }
    statistics.deliveredBytes &+= UInt64(count &+ chainCount)
    var event = EventRecord(.newData, hook, side)
    event.offset = receiver.pointee.delivered
    event.length = UInt64(count &+ chainCount)
    event.bytes = bytes
    event.bytesLength = count
    event.chain = chain
    event.chainLength = chainCount
    events.append(event)
    receiver.pointee.delivered &+= UInt64(count &+ chainCount)
  }

  @inline(never)
  private mutating func emitAroundUrgent(
    bytes: UnsafeRawPointer?, count: UInt32, chain: UInt32, chainCount: UInt32, at start: SequenceNumber,
    _ receiver: UnsafeMutablePointer<Endpoint>, _ side: Side, _ hook: Hook
  ) {
    let total = count &+ chainCount
    let position = receiver.pointee.urgentSequence.distance(from: start)
    let hit = position >= 0 && UInt32(position) < total
    let before = hit ? UInt32(position) : total
    append(bytes, count, chain, from: 0, before, receiver, side, hook)
    guard hit else { return }
    receiver.pointee.knows.remove(.urgentPending)
    statistics.urgentBytes &+= 1
    append(bytes, count, chain, from: before + 1, total - before - 1, receiver, side, hook)
  }

  /// `newData` for `length` of the bytes at `bytes` and in `chain` behind them, from the one with number `from`.
  private mutating func append(
    _ bytes: UnsafeRawPointer?, _ count: UInt32, _ chain: UInt32, from: UInt32, _ length: UInt32,
    _ receiver: UnsafeMutablePointer<Endpoint>, _ side: Side, _ hook: Hook
  ) {
    if length == 0 { return }
    var event = EventRecord(.newData, hook, side)
    event.offset = receiver.pointee.delivered
    event.length = UInt64(length)
    if let bytes {
      event.bytes = bytes + Int(from)
      event.bytesLength = length
    } else {
      event.chain = chain
      event.chainSkip = from
      event.chainLength = length
    }
    events.append(event)
    receiver.pointee.delivered &+= UInt64(length)
    statistics.deliveredBytes &+= UInt64(length)
  }

  /// Bytes that were delivered before come again.
  @inline(never)
  mutating func receiveAgain(
    _ bytes: UnsafeRawPointer, count: UInt32, at start: SequenceNumber, whole: Bool,
    record: UnsafeMutablePointer<FlowRecord>, receiver: UnsafeMutablePointer<Endpoint>, side: Side
  ) {
    // The FIN has a number and no byte.
    let isClosed = receiver.pointee.knows.contains(.finReceived)
    let end = isClosed ? receiver.pointee.rcvNxt - 1 : receiver.pointee.rcvNxt
    let behind = UInt64(UInt32(bitPattern: end.distance(from: start)))
    let offset = receiver.pointee.delivered &- min(receiver.pointee.delivered, behind)
    if whole, count == 1, behind == 1, !isClosed {
      noteRetransmission(.keepAlive, side.peer, record, offset: offset, length: 1)
      return
    }
    var differs = false
    if configuration.comparesRetransmissions {
      let comparison = receiver.pointee.retained.compare(bytes, count: count, at: start, blocks: retainedBlocks)
      if comparison.firstDifference >= 0 {
        differs = true
        let position = UInt32(comparison.firstDifference)
        noteConflict(offset: offset &+ UInt64(position), length: count &- position, side)
      }
    }
    if whole { noteRetransmission(.data, side.peer, record, offset: offset, length: count, differs: differs) }
  }

  @inline(never)
  private mutating func noteConflict(offset: UInt64, length: UInt32, _ side: Side) {
    var event = EventRecord(.overlapConflict, .receiver, side)
    event.offset = offset
    event.length = UInt64(length)
    events.append(event)
  }

  /// After the FIN nothing is taken.
  @inline(never)
  mutating func receiveBehindFin(
    _ packet: UnsafePointer<DecodedPacket>, record: UnsafeMutablePointer<FlowRecord>,
    receiver: UnsafeMutablePointer<Endpoint>, side: Side
  ) {
    let start = SequenceNumber(packet.pointee.sequence)
    if start + packet.pointee.payloadLength <= receiver.pointee.rcvNxt - 1 {
      statistics.duplicateBytes &+= UInt64(packet.pointee.payloadLength)
      receiveAgain(
        packet.pointee.payload, count: packet.pointee.payloadLength, at: start, whole: true, record: record,
        receiver: receiver, side: side)
    } else {
      statistics.rejectedBytes &+= UInt64(packet.pointee.payloadLength)
      events.anomaly(.dataAfterFin, .receiver, side.peer)
    }
  }

  /// `side` acknowledges bytes that did not pass here, or that were kept in doubt.
  @inline(never)
  mutating func acknowledgeUnseen(
    _ acknowledgment: SequenceNumber, record: UnsafeMutablePointer<FlowRecord>,
    connection: UnsafeMutablePointer<Connection>, side: Side
  ) {
    let receiver = connection.endpoint(side)
    let sender = connection.endpoint(side.peer)
    if connection.pointee.traits.contains(.unassembled(side)) {
      return passUnseen(to: acknowledgment, record: record, connection: connection, side: side)
    }
    // What was in doubt can lie in several holes between what waits.
    var before: SequenceNumber
    repeat {
      before = receiver.pointee.rcvNxt
      if connection.pointee.unconfirmed != 0 {
        takeDoubted(acknowledgment, connection: connection, side: side)
      }
      if receiver.pointee.receive.hasQueued { takeQueued(receiver, side, .sender) }
      guard acknowledgment > receiver.pointee.rcvNxt else { return }
    } while receiver.pointee.rcvNxt != before
    receiver.pointee.acknowledged = acknowledgment
    receiver.pointee.knows.insert(.acknowledgedUnseen)
    if acknowledgment > sender.pointee.sndNxt, !sender.pointee.knows.contains(.seen), !isTranslated(connection) {
      sender.pointee.sndNxt = acknowledgment
    }
    // What lies behind the hole has passed already, so what fills it will not come.
    if receiver.pointee.receive.hasQueued || sender.pointee.knows.contains(.finAhead) {
      skipUnseen(record: record, sender: sender, receiver: receiver, side: side, hook: .sender)
    }
  }

  /// Skips every hole below what the receiver acknowledged, and delivers what lies between.
  @inline(never)
  private mutating func skipUnseen(
    record: UnsafeMutablePointer<FlowRecord>, sender: UnsafeMutablePointer<Endpoint>,
    receiver: UnsafeMutablePointer<Endpoint>, side: Side, hook: Hook
  ) {
    var limit = receiver.pointee.acknowledged
    if sender.pointee.knows.contains(.finAhead) {
      limit = SequenceNumber.earlier(
        limit, finAhead(of: side.peer, connections.pointer(record.pointee.connection)))
    }
    while receiver.pointee.rcvNxt < limit, events.room > 4, lentCount < Tracker.mostLent - 1 {
      skipHole(record: record, sender: sender, receiver: receiver, side: side, hook: hook, limit: limit)
    }
    if receiver.pointee.acknowledged <= receiver.pointee.rcvNxt + 1 {
      receiver.pointee.knows.remove(.acknowledgedUnseen)
    }
    takeFinAhead(record: record, sender: sender, receiver: receiver, side: side)
  }

  /// Gives up the bytes between RCV.NXT and what waits first, or `limit`: `gap`, then `newData` of what waits.
  @inline(never)
  private mutating func skipHole(
    record: UnsafeMutablePointer<FlowRecord>, sender: UnsafeMutablePointer<Endpoint>,
    receiver: UnsafeMutablePointer<Endpoint>, side: Side, hook: Hook, limit: SequenceNumber?
  ) {
    let next = receiver.pointee.rcvNxt
    var target = limit ?? next
    if let first = receiver.pointee.receive.firstQueued(pool: pool) {
      target = limit.map { SequenceNumber.earlier($0, first.start) } ?? first.start
    }
    let missing = target.distance(from: next)
    if missing > 0 {
      var event = EventRecord(.gap, hook, side)
      event.offset = receiver.pointee.delivered
      event.length = UInt64(missing)
      events.append(event)
      receiver.pointee.rcvNxt = target
      receiver.pointee.delivered &+= UInt64(missing)
      statistics.missedBytes &+= UInt64(missing)
      record.counters(side.peer).pointee.missedBytes &+= UInt64(missing)
      Observer.scaled(&sender.pointee.observed.gaps, 0x47, side.peer, &record.pointee.history)
      if receiver.pointee.knows.contains(.urgentPending), receiver.pointee.urgentSequence < target {
        receiver.pointee.knows.remove(.urgentPending)
      }
    }
    takeQueued(receiver, side, hook)
  }

  /// As `skipUnseen`, at the connection's end.
  @inline(__always)
  mutating func skipUnseen(
    record: UnsafeMutablePointer<FlowRecord>, connection: UnsafeMutablePointer<Connection>, side: Side
  ) {
    let receiver = connection.endpoint(side)
    guard receiver.pointee.knows.contains(.acknowledgedUnseen), receiver.pointee.rcvNxt < receiver.pointee.acknowledged
    else { return }
    skipUnseen(
      record: record, sender: connection.endpoint(side.peer), receiver: receiver, side: side, hook: .receiver)
  }
}
