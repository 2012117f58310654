import MOSCore

/// The TCP connections of one core, with the memory for their bytes: the state machine of RFC 9293 without any packet. Segments come in
/// as `IncomingSegment`, and go out to a `SegmentSink`.
///
/// A connection is named by its number, from when it is opened until its `ended` event was taken by `nextReady`. Which connection a
/// segment belongs to is for the caller to find.
///
/// Unsafe code: control blocks are reached by pointer. What must hold: a number that the caller gives is one in use.
public struct Connections: ~Copyable {
  var blocks: Slab<TransmissionControlBlock>
  var streams: Slab<KeptBlock>
  var chunks: SegmentPool
  var segments: Slab<SentSegment>
  var wheel: TimerWheel
  /// Connections with events that were not taken.
  var ready: AgeQueues

  /// Room for `capacity` connections (1 to 2^24), and for `streamBytes` of their streams in each direction.
  public init(capacity: Int, streamBytes: Int = 64 << 20) {
    blocks = Slab(capacity: capacity)
    streams = Slab(capacity: max(2 * streamBytes / Int(KeptBlock.capacity), 2 * capacity))
    chunks = SegmentPool(maximumBytes: streamBytes)
    segments = Slab(capacity: max(streamBytes / 512, 4 * capacity))
    wheel = TimerWheel(capacity: capacity, tickNanoseconds: 1 << 20)
    ready = AgeQueues(capacity: capacity, classes: 1)
  }

  /// Connections that there are.
  public var count: Int { blocks.count }

  /// What is known of a connection.
  public func block(_ connection: UInt32) -> TransmissionControlBlock { blocks.pointer(connection).pointee }

  /// A connection that something happened to, and what; nil where nothing happened. One that `ended` is no more when this returns.
  public mutating func nextReady() -> (connection: UInt32, events: ConnectionEvents, end: ConnectionOutcome?)? {
    let connection = ready.oldest(class: 0)
    guard connection != 0 else { return nil }
    ready.remove(connection)
    let block = blocks.pointer(connection)
    let events = block.pointee.events
    let end = block.pointee.end
    block.pointee.events = []
    if events.contains(.ended) { blocks.free(connection) }
    return (connection, events, end)
  }

  /// The application is to be told of something.
  mutating func note(_ event: ConnectionEvents, _ connection: UInt32) {
    let block = blocks.pointer(connection)
    if block.pointee.traits.contains(.isAbandoned), event != .ended { return }
    if block.pointee.events.isEmpty { ready.append(connection, class: 0) }
    block.pointee.events.insert(event)
  }

  /// The connection is over, and its memory is given back but for the block.
  mutating func end(_ connection: UInt32, _ reason: ConnectionOutcome) {
    let block = blocks.pointer(connection)
    guard block.pointee.end == nil else { return }
    block.pointee.end = reason
    block.pointee.state = .closed
    block.pointee.outgoing.removeAll(blocks: &streams)
    block.pointee.outOfOrder.dropQueued(pool: &chunks)
    block.pointee.sent.removeAll(segments: &segments)
    block.pointee.incoming.removeAll(blocks: &streams)
    if wheel.isScheduled(connection) { wheel.cancel(connection) }
    note(.ended, connection)
  }
}
