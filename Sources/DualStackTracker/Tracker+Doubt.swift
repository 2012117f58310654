import MOSCore
import MTCP

extension Tracker {
  /// The most memory that text in doubt of one connection may take, in bytes.
  private static var doubtLimit: UInt32 { 65_536 }

  /// Keeps a segment that the receiver may or may not take. Its bytes count as rejected until the receiver shows that it
  /// took them.
  @inline(never)
  mutating func keepInDoubt(
    _ packet: UnsafePointer<DecodedPacket>, connection: UnsafeMutablePointer<Connection>, side: Side
  ) {
    statistics.rejectedBytes &+= UInt64(packet.pointee.payloadLength)
    if connection.pointee.traits.contains(.unassembled(side)) { return }
    guard let state = unconfirmedState(of: connection) else { return }
    let receiver = connection.endpoint(side)
    if !receiver.pointee.knows.contains(.expected) { beginStream(packet, receiver: receiver) }
    if state.pointee.doubted.side != side {
      state.pointee.doubted.buffer.dropQueued(pool: &pool)
      state.pointee.doubted.hasFIN = false
      state.pointee.doubted.side = side
    }
    let start = SequenceNumber(packet.pointee.sequence)
    if packet.pointee.flags.contains(.fin) {
      state.pointee.doubted.hasFIN = true
      state.pointee.doubted.finSequence = start + packet.pointee.payloadWireLength
    }
    _ = state.pointee.doubted.buffer.insert(
      packet.pointee.payload, count: packet.pointee.payloadLength, at: start, next: receiver.pointee.rcvNxt,
      policy: .first, limit: Tracker.doubtLimit, pool: &pool)
  }

  /// The receiver, `side`, acknowledged bytes that may be in doubt: those it took.
  @inline(never)
  mutating func takeDoubted(
    _ acknowledgment: SequenceNumber, connection: UnsafeMutablePointer<Connection>, side: Side
  ) {
    let state = unconfirmed.pointer(connection.pointee.unconfirmed)
    guard state.pointee.doubted.side == side, lentCount < Tracker.mostLent - 1, events.room > 4 else { return }
    let receiver = connection.endpoint(side)
    let sender = connection.endpoint(side.peer)
    let start = receiver.pointee.rcvNxt
    state.pointee.doubted.buffer.dropQueued(below: start, pool: &pool)
    let taken = state.pointee.doubted.buffer.takeContiguous(from: start, upTo: acknowledgment, pool: &pool)
    if taken.count > 0 {
      lentChains[lentCount] = taken.chain
      lentCount &+= 1
      receiver.pointee.rcvNxt = start + taken.count
      if !isTranslated(connection) {
        sender.pointee.sndNxt = SequenceNumber.later(sender.pointee.sndNxt, receiver.pointee.rcvNxt)
      }
      statistics.rejectedBytes &-= UInt64(taken.count)
      dropQueued(receiver)
      emit(bytes: nil, count: 0, chain: taken.chain, chainCount: taken.count, at: start, receiver, side, .sender)
    }
    if state.pointee.doubted.hasFIN, state.pointee.doubted.finSequence == receiver.pointee.rcvNxt,
      acknowledgment > receiver.pointee.rcvNxt
    {
      noteFinAhead(of: side.peer, at: receiver.pointee.rcvNxt, connection)
      state.pointee.doubted.hasFIN = false
    }
  }

  /// Bytes that wait below RCV.NXT have been delivered in another way.
  private mutating func dropQueued(_ receiver: UnsafeMutablePointer<Endpoint>) {
    guard receiver.pointee.receive.hasQueued else { return }
    let before = receiver.pointee.receive.queuedBytes
    receiver.pointee.receive.dropQueued(below: receiver.pointee.rcvNxt, pool: &pool)
    let dropped = UInt64(before &- receiver.pointee.receive.queuedBytes)
    statistics.queuedBytes &-= dropped
    statistics.duplicateBytes &+= dropped
  }
}
