import DualStackTracker

/// The definition of an event of the middlebox's own: a predicate over another event.
///
/// The predicate is asked once whenever the other event happens in a flow that listens to the defined one or to anything
/// below it, however many handlers there are; in other flows it is not asked at all. Definitions nest to any depth: what is
/// defined here can be what another definition is over.
public struct Define: EventGraph {
  let node: NodeDescription

  /// `event` happens when `predicate` gives a payload for a built-in event. `hook` is as in `On`.
  @inlinable @inline(__always)
  public init<Kind, Payload>(
    _ event: UserEvent<Payload>, from parent: BuiltIn<Kind>, at hook: Hook? = nil, fileID: StaticString = #fileID,
    line: UInt = #line, payload predicate: @escaping (borrowing Event<Kind>) -> Payload?
  ) {
    let defined = event
    self.init(parent, hook, event, SourcePlace(fileID, line)) { event in
      if let payload = predicate(event) { event.raise(defined, payload) }
    }
  }

  /// `event` happens when `predicate` holds for a built-in event. `hook` is as in `On`.
  @inlinable @inline(__always)
  public init<Kind>(
    _ event: UserEvent<Void>, from parent: BuiltIn<Kind>, at hook: Hook? = nil, fileID: StaticString = #fileID,
    line: UInt = #line, where predicate: @escaping (borrowing Event<Kind>) -> Bool
  ) {
    let defined = event
    self.init(parent, hook, event, SourcePlace(fileID, line)) { event in
      if predicate(event) { event.raise(defined) }
    }
  }

  /// `event` happens when `predicate` gives a payload for an event of the middlebox's own.
  @inlinable @inline(__always)
  public init<Parent, Payload>(
    _ event: UserEvent<Payload>, from parent: UserEvent<Parent>, fileID: StaticString = #fileID, line: UInt = #line,
    payload predicate: @escaping (borrowing Event<Raised<Parent>>) -> Payload?
  ) {
    let defined = event
    self.init(parent, event, SourcePlace(fileID, line)) { event in
      if let payload = predicate(event) { event.raise(defined, payload) }
    }
  }

  /// `event` happens when `predicate` holds for an event of the middlebox's own.
  @inlinable @inline(__always)
  public init<Parent>(
    _ event: UserEvent<Void>, from parent: UserEvent<Parent>, fileID: StaticString = #fileID, line: UInt = #line,
    where predicate: @escaping (borrowing Event<Raised<Parent>>) -> Bool
  ) {
    let defined = event
    self.init(parent, event, SourcePlace(fileID, line)) { event in
      if predicate(event) { event.raise(defined) }
    }
  }

  @usableFromInline
  init<Kind, Payload>(
    _ parent: BuiltIn<Kind>, _ hook: Hook?, _ event: UserEvent<Payload>, _ place: SourcePlace,
    body: @escaping (borrowing Event<Kind>) -> Void
  ) {
    node = NodeDescription(
      trigger: .builtIn(parent.trigger, hook), defines: event.number, place: place, handler: Handler(body).withoutKind)
  }

  @usableFromInline
  init<Parent, Payload>(
    _ parent: UserEvent<Parent>, _ event: UserEvent<Payload>, _ place: SourcePlace,
    body: @escaping (borrowing Event<Raised<Parent>>) -> Void
  ) {
    node = NodeDescription(
      trigger: .userEvent(parent.number), defines: event.number, place: place, handler: Handler(body).withoutKind)
  }

  /// Tells an engine of the definition.
  public func declare(in registry: inout Registry) { registry.add(node) }
}
