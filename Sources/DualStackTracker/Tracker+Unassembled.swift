import MOSCore
import MTCP

/// Sides whose reassembly is off: what they receive is passed over, and their numbers go on.
extension Tracker {
  /// The text of a segment for `side`, in place of `receiveData`.
  @inline(never)
  mutating func passData(
    _ packet: UnsafePointer<DecodedPacket>, record: UnsafeMutablePointer<FlowRecord>,
    receiver: UnsafeMutablePointer<Endpoint>, side: Side
  ) {
    if receiver.pointee.knows.contains(.finReceived) {
      return receiveBehindFin(packet, record: record, receiver: receiver, side: side)
    }
    var count = packet.pointee.payloadLength
    let start = SequenceNumber(packet.pointee.sequence)
    let behind = receiver.pointee.rcvNxt.distance(from: start)
    if behind > 0 {
      let old = min(UInt32(behind), count)
      receiveAgain(
        packet.pointee.payload, count: old, at: start, whole: old == count, record: record, receiver: receiver,
        side: side
      )
      statistics.duplicateBytes &+= UInt64(old)
      if old == count { return }
      count &-= old
    }
    if behind >= 0 { return pass(count, receiver) }
    // The receiver keeps it, and its acknowledgment will tell.
    statistics.unassembledBytes &+= UInt64(count)
    record.counters(side.peer).pointee.outOfOrder &+= 1
    var event = EventRecord(.outOfOrder, .receiver, side)
    event.offset = receiver.pointee.delivered &+ UInt64(UInt32(bitPattern: 0 &- behind))
    event.length = UInt64(count)
    events.append(event)
  }

  /// `count` bytes in order.
  @inline(__always)
  mutating func pass(_ count: UInt32, _ receiver: UnsafeMutablePointer<Endpoint>) {
    receiver.pointee.rcvNxt = receiver.pointee.rcvNxt + count
    receiver.pointee.delivered &+= UInt64(count)
    statistics.unassembledBytes &+= UInt64(count)
  }

  /// `side` acknowledges what was not in order here.
  mutating func passUnseen(
    to acknowledgment: SequenceNumber, record: UnsafeMutablePointer<FlowRecord>,
    connection: UnsafeMutablePointer<Connection>, side: Side
  ) {
    skip(to: acknowledgment, side, connection)
    takeFinAhead(
      record: record, sender: connection.endpoint(side.peer), receiver: connection.endpoint(side), side: side)
  }

  /// The bytes that `side` has up to `sequence` are passed over, but no FIN.
  private mutating func skip(
    to sequence: SequenceNumber, _ side: Side, _ connection: UnsafeMutablePointer<Connection>
  ) {
    let receiver = connection.endpoint(side)
    var target = sequence
    if connection.endpoint(side.peer).pointee.knows.contains(.finAhead) {
      target = SequenceNumber.earlier(target, finAhead(of: side.peer, connection))
    }
    let ahead = target.distance(from: receiver.pointee.rcvNxt)
    if ahead <= 0 { return }
    receiver.pointee.rcvNxt = target
    receiver.pointee.delivered &+= UInt64(ahead)
  }

  /// Gives back what waits for `side` and what is kept to be compared.
  mutating func giveUp(_ side: Side, _ connection: UnsafeMutablePointer<Connection>) {
    let receiver = connection.endpoint(side)
    if receiver.pointee.receive.hasQueued {
      let queued = UInt64(receiver.pointee.receive.queuedBytes)
      statistics.queuedBytes &-= queued
      statistics.unassembledBytes &+= queued
      receiver.pointee.receive.dropQueued(pool: &pool)
    }
    receiver.pointee.retained.removeAll(blocks: &retainedBlocks)
    receiver.pointee.knows.remove(.urgentPending)
    if receiver.pointee.knows.contains(.acknowledgedUnseen) {
      receiver.pointee.knows.remove(.acknowledgedUnseen)
      skip(to: receiver.pointee.acknowledged, side, connection)
    }
    guard connection.pointee.unconfirmed != 0 else { return }
    let state = unconfirmed.pointer(connection.pointee.unconfirmed)
    if state.pointee.doubted.side == side { state.pointee.doubted.buffer.dropQueued(pool: &pool) }
  }

  /// The same for the sides whose reassembly is off.
  mutating func giveUpUnassembled(_ connection: UnsafeMutablePointer<Connection>) {
    if connection.pointee.traits.isDisjoint(with: .unassembledOfEither) { return }
    for side in [Side.client, .server] where connection.pointee.traits.contains(.unassembled(side)) {
      giveUp(side, connection)
    }
  }
}
