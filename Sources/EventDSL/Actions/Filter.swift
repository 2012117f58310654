import DualStackTracker

/// A handler that decides what becomes of a packet: it can drop it, and change it.
///
/// At `.wire`, before the flow is looked up, and at `.sender`, behind the sender's stack, what it decides is what the
/// receiver's stack and the middleboxes behind see: a packet that is dropped is not seen by them at all. At `.receiver`
/// the receiver's stack has taken the packet; dropping it there takes it back.
///
/// While an engine has filters it takes each packet step by step; handlers that only look are `On`.
public struct Filter: EventGraph {
  let node: NodeDescription

  /// A filter of a built-in event. `hook` and `as` are as in `On`, but `hook` is `.sender` unless another is given.
  @inlinable
  public init<Kind>(
    _ event: BuiltIn<Kind>, at hook: Hook? = nil, as subscription: Subscription? = nil, fileID: StaticString = #fileID,
    line: UInt = #line, do filter: @escaping (borrowing Event<Kind>, borrowing PacketControl) -> Void
  ) {
    self.init(event, hook, subscription, SourcePlace(fileID, line)) { event in
      filter(event, PacketControl(event.occurrence))
    }
  }

  /// A filter of an event of the middlebox's own, which must be raised in a handler of a packet's event.
  @inlinable
  public init<Payload>(
    _ event: UserEvent<Payload>, as subscription: Subscription? = nil, fileID: StaticString = #fileID,
    line: UInt = #line, do filter: @escaping (borrowing Event<Raised<Payload>>, borrowing PacketControl) -> Void
  ) {
    self.init(.userEvent(event.number), subscription, SourcePlace(fileID, line)) { event in
      filter(event, PacketControl(event.occurrence))
    }
  }

  @usableFromInline
  init<Kind>(
    _ event: BuiltIn<Kind>, _ hook: Hook?, _ subscription: Subscription?, _ place: SourcePlace,
    _ handler: @escaping (borrowing Event<Kind>) -> Void
  ) {
    var hook = hook
    if hook == nil, case .atHook = event.trigger { hook = .sender }
    self.init(.builtIn(event.trigger, hook), subscription, place, handler)
  }

  @usableFromInline
  init<Kind>(
    _ trigger: Trigger, _ subscription: Subscription?, _ place: SourcePlace,
    _ handler: @escaping (borrowing Event<Kind>) -> Void
  ) {
    node = NodeDescription(
      trigger: trigger, subscription: subscription?.number, acts: true, place: place,
      handler: Handler(handler).withoutKind)
  }

  /// Tells an engine of the filter.
  public func declare(in registry: inout Registry) { registry.add(node) }
}
