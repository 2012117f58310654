// Unsafe: pointers into the engine. Invariant: an occurrence lives on the stack of the dispatch that made it; what it
// points to stays where it is until the dispatch returns. Views are not copyable, so that no handler keeps one.
import DualStackTracker
import MOSCore

/// One event on its way to its handlers: what views are made of.
@frozen
public struct Occurrence: BitwiseCopyable {
  @usableFromInline let core: UnsafeMutablePointer<EngineCore>
  /// The flow's record; one of the engine's without meaning when there is no flow.
  @usableFromInline var record: UnsafeMutablePointer<FlowRecord>
  /// The tracker's words.
  @usableFromInline var event: UnsafePointer<EventRecord>
  @usableFromInline var packet: UnsafePointer<DecodedPacket>?
  /// What a user-defined event carries.
  @usableFromInline var payload: UnsafeRawPointer?
  /// 0 when there is none.
  @usableFromInline var flow: UInt32
  /// The handler that runs.
  @usableFromInline var node: UInt32
  /// Packet time where there is no packet.
  @usableFromInline var timerTime: Timestamp
  /// How many user-defined events it is inside of.
  @usableFromInline var depth: UInt8

  @inlinable @inline(__always)
  init(
    core: UnsafeMutablePointer<EngineCore>, flow: UInt32, record: UnsafeMutablePointer<FlowRecord>,
    event: UnsafePointer<EventRecord>, packet: UnsafePointer<DecodedPacket>?, time: Timestamp
  ) {
    self.core = core
    self.flow = flow
    self.record = record
    self.event = event
    self.packet = packet
    timerTime = time
    payload = nil
    node = 0
    depth = 0
  }

  @inlinable var hook: Hook { event.pointee.hook }

  /// The packet's time stamp, or the time of the timer.
  @inlinable var time: Timestamp {
    if let packet { return packet.pointee.timestamp }
    return timerTime
  }

  /// Packet time: the latest time stamp so far at the packet, or the time of the timer.
  var clock: Timestamp { packet?.pointee.clock ?? timerTime }

  /// Who sent the packet; the client where there is none.
  @inlinable var sender: Side {
    guard let packet else { return .client }
    // Where packets are changed on their way, their addresses do not tell.
    if core.pointee.isCarrying { return core.pointee.carriedFrom }
    let own = record.pointee.key
    let key = packet.pointee.key
    if key.sourcePort == own.sourcePort && key.source == own.source { return .client }
    return key.sourcePort == own.destinationPort && key.source == own.destination ? .server : furtherSender
  }

  /// The same of a packet that came with a further key of the flow.
  @usableFromInline var furtherSender: Side {
    var sender = Side.server
    guard let packet else { return sender }
    core.pointee.tracker.forEachFurtherKey(of: flow) { key in
      if key.source == packet.pointee.key.source, key.sourcePort == packet.pointee.key.sourcePort { sender = .client }
    }
    return sender
  }
}
