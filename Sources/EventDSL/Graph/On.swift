import DualStackTracker

/// A handler: what is done when an event happens.
public struct On: EventGraph {
  let node: NodeDescription

  /// A handler of a built-in event.
  ///
  /// `hook` is when on the packet's way: `.receiver` unless another is given, for the events that happen at several. Events
  /// that are what they are wherever they happen (`newData`, `connectionEnd`, `anomaly` ...) take none. `as` names the switch that
  /// turns the handler on and off for a flow.
  @inlinable @inline(__always)
  public init<Kind>(
    _ event: BuiltIn<Kind>, at hook: Hook? = nil, as subscription: Subscription? = nil, fileID: StaticString = #fileID,
    line: UInt = #line, do handler: @escaping (borrowing Event<Kind>) -> Void
  ) {
    self.init(event, hook, subscription, SourcePlace(fileID, line), handler)
  }

  /// A handler of an event of the middlebox's own.
  @inlinable @inline(__always)
  public init<Payload>(
    _ event: UserEvent<Payload>, as subscription: Subscription? = nil, fileID: StaticString = #fileID,
    line: UInt = #line, do handler: @escaping (borrowing Event<Raised<Payload>>) -> Void
  ) {
    self.init(.userEvent(event.number), subscription, SourcePlace(fileID, line), handler)
  }

  /// What is done when a timer of a flow goes off.
  @inlinable @inline(__always)
  public init(
    _ timer: FlowTimer, fileID: StaticString = #fileID, line: UInt = #line,
    do handler: @escaping (borrowing Event<FlowTimerExpiry>) -> Void
  ) {
    self.init(.flowTimer(timer.number), nil, SourcePlace(fileID, line), handler)
  }

  /// What is done when a timer of the middlebox goes off.
  @inlinable @inline(__always)
  public init(
    _ timer: BoxTimer, fileID: StaticString = #fileID, line: UInt = #line,
    do handler: @escaping (borrowing Event<BoxTimerExpiry>) -> Void
  ) {
    self.init(.boxTimer(timer.number), nil, SourcePlace(fileID, line), handler)
  }

  @usableFromInline
  init<Kind>(
    _ event: BuiltIn<Kind>, _ hook: Hook?, _ subscription: Subscription?, _ place: SourcePlace,
    _ handler: @escaping (borrowing Event<Kind>) -> Void
  ) {
    node = NodeDescription(
      trigger: .builtIn(event.trigger, hook), subscription: subscription?.number, place: place,
      handler: Handler(handler).withoutKind)
  }

  @usableFromInline
  init<Kind>(
    _ trigger: Trigger, _ subscription: Subscription?, _ place: SourcePlace,
    _ handler: @escaping (borrowing Event<Kind>) -> Void
  ) {
    node = NodeDescription(
      trigger: trigger, subscription: subscription?.number, place: place, handler: Handler(handler).withoutKind)
  }

  /// Tells an engine of the handler.
  public func declare(in registry: inout Registry) { registry.add(node) }
}
