// Unsafe: storage is reached through raw memory. Invariant: `places[number]` of a declared key is the offset of a value of
// the key's type in every flow's storage, which `Dispatch.storage` has initialised.
import DualStackTracker
import MOSCore
import MTCP

/// The flow of an event. Valid while the handler runs.
public struct Flow: ~Copyable {
  @usableFromInline let occurrence: UnsafeMutablePointer<Occurrence>

  @inlinable init(_ occurrence: UnsafeMutablePointer<Occurrence>) { self.occurrence = occurrence }

  /// The flow's record: what is known of it so far.
  @inlinable public var record: FlowRecord { occurrence.pointee.record.pointee }
  /// Addresses, ports, VLANs and protocol, the client as source.
  @inlinable public var key: FlowKey { occurrence.pointee.record.pointee.key }
  /// The client's side.
  @inlinable public var client: FlowSide { FlowSide(occurrence, .client) }
  /// The server's side.
  @inlinable public var server: FlowSide { FlowSide(occurrence, .server) }
  /// One side.
  @inlinable public subscript(side: Side) -> FlowSide { FlowSide(occurrence, side) }

  /// A value of the flow's own.
  @inlinable public subscript<Value>(key: FlowLocal<Value>) -> Value {
    get {
      let storage = occurrence.pointee.record.pointee.storage
      if storage == 0 { return key.initial }
      return place(key, storage).pointee
    }
    nonmutating _modify {
      let storage = Dispatch.storage(occurrence)
      yield &place(key, storage).pointee
    }
  }

  @inlinable @inline(__always)
  func place<Value>(_ key: FlowLocal<Value>, _ storage: UInt32) -> UnsafeMutablePointer<Value> {
    let core = occurrence.pointee.core
    return (core.pointee.blocks[storage] + core.pointee.places.offset(of: key.number))
      .assumingMemoryBound(to: Value.self)
  }

  /// Lets packets with another key find the flow too, in both directions; the source of `key` stands for the client. For a
  /// middlebox that changes addresses or ports (`PacketControl`): the server's packets come with what it made of them.
  public func addKey(_ key: FlowKey) -> Tracker.KeyOutcome {
    occurrence.pointee.core.pointee.tracker.addKey(key, to: occurrence.pointee.flow)
  }

  /// Takes a key from the flow that `addKey` gave to it. `false` when it has none such.
  @discardableResult
  public func removeKey(_ key: FlowKey) -> Bool {
    occurrence.pointee.core.pointee.tracker.removeKey(key, from: occurrence.pointee.flow)
  }

  /// Turns handlers on, from the next event on.
  @inlinable public func start(_ subscription: Subscription) {
    Dispatch.change(occurrence, subscription.number, isOn: true)
  }

  /// Turns handlers off, from the next event on.
  @inlinable public func stop(_ subscription: Subscription) {
    Dispatch.change(occurrence, subscription.number, isOn: false)
  }

  /// The middlebox that calls this hears no more of the flow, from the next event on; its timers still go off.
  public func ignore() { Dispatch.ignore(occurrence) }

  /// Sets a timer of the flow, in place of an earlier setting. `delay` is packet time; one that is not positive goes off
  /// before the next packet.
  public func schedule(_ timer: FlowTimer, after delay: Duration) {
    Dispatch.schedule(occurrence, timer, after: delay.nanoseconds)
  }

  /// Unsets a timer of the flow.
  public func cancel(_ timer: FlowTimer) { Dispatch.cancel(occurrence, timer) }
}
