import DualStackTracker
import MOSCore

/// What a handler sees of an event. `Kind` says which event it is, and so what can be asked.
///
/// Events cannot be copied: what they show is valid while the handler runs.
@frozen
public struct Event<Kind>: ~Copyable {
  @usableFromInline let occurrence: UnsafeMutablePointer<Occurrence>

  @inlinable @inline(__always) init(_ occurrence: UnsafeMutablePointer<Occurrence>) { self.occurrence = occurrence }

  /// Packet time: of the packet, or of the timer.
  @inlinable public var time: Timestamp { occurrence.pointee.time }
  /// When on the packet's way it happened.
  @inlinable public var hook: Hook { occurrence.pointee.hook }

  /// The packet that caused it; `nil` for timers and for ends without a packet.
  @inlinable public var packet: PacketView? {
    switch occurrence.pointee.packet {
    case .some(let packet): PacketView(packet)
    case .none: nil
    }
  }

  /// The side of its flow that sent the packet; the client where there is no packet or no flow.
  @inlinable public var sender: Side { occurrence.pointee.flow == 0 ? .client : occurrence.pointee.sender }

  /// Whether the packet is an ICMP error about a packet of a flow that is known.
  public var isAboutKnownFlow: Bool {
    guard let packet = occurrence.pointee.packet, let key = packet.pointee.quotedKey else { return false }
    return occurrence.pointee.core.pointee.tracker.flow(of: key) != 0
  }

  /// Reports something, in the middlebox's name, to whoever runs the engine.
  @inlinable public func report(_ text: @autoclosure () -> String) { Dispatch.report(occurrence, text()) }

  /// Raises an event of the middlebox's own: its handlers run before this returns.
  ///
  /// Events that are raised inside of each other's handlers without end are cut off at a depth of 128, and reported.
  @inlinable public func raise<Payload>(_ event: UserEvent<Payload>, _ payload: Payload) {
    withUnsafePointer(to: payload) { Dispatch.raise(occurrence, event.number, UnsafeRawPointer($0)) }
  }

  /// The same for an event that carries nothing.
  @inlinable public func raise(_ event: UserEvent<Void>) { Dispatch.raise(occurrence, event.number, nil) }

  /// Sets a timer of the middlebox, in place of an earlier setting.
  public func schedule(_ timer: BoxTimer, after delay: Duration) {
    Dispatch.schedule(occurrence, timer, after: delay.nanoseconds)
  }

  /// Unsets a timer of the middlebox, also one that goes off by itself.
  public func cancel(_ timer: BoxTimer) { Dispatch.cancel(occurrence, timer) }
}

/// Kinds of events that belong to a flow.
public protocol FlowEvent {}

extension Event where Kind: FlowEvent {
  /// The flow.
  @inlinable public var flow: Flow { Flow(occurrence) }
}

/// Kinds of events that are about a range of a stream.
public protocol RangeEvent: FlowEvent {}

extension Event where Kind: RangeEvent {
  /// The side that the bytes are sent to.
  @inlinable public var receiver: Side { occurrence.pointee.event.pointee.side }
  /// Where in the stream they begin: bytes after the ISN plus one.
  @inlinable public var offset: UInt64 { occurrence.pointee.event.pointee.offset }
  /// How many bytes.
  @inlinable public var length: UInt64 { occurrence.pointee.event.pointee.length }
}
