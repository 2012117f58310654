/// A switch for one or more handlers, for each flow by itself: what a flow listens to can be changed in any handler.
///
/// Declared as a stored property of a middlebox and named in `On(…, as: key)`; `event.flow.start(key)` and
/// `event.flow.stop(key)` turn it. A change holds from the next event on. It costs one store.
@frozen
public struct Subscription: MiddleboxKey, BitwiseCopyable, Sendable {
  /// The process's number of the key.
  public let number: UInt32
  /// Whether flows listen from the beginning.
  public let isOn: Bool

  /// Flows listen from their beginning.
  public static var on: Subscription { Subscription(isOn: true) }
  /// Flows listen once they are told to.
  public static var off: Subscription { Subscription(isOn: false) }

  private init(isOn: Bool) {
    number = KeyNumber.next()
    self.isOn = isOn
  }

  /// Makes the switch known.
  public func declare(in registry: inout Registry, name: String) {
    registry.defineSubscription(number, name: name, isOn: isOn)
  }
}
