/// An event that a middlebox defines itself, with a payload of any type: mOS's user-defined event.
///
/// Declared as a stored property of a middlebox; raised by `event.raise(key, payload)` in a handler, or by a `Define` whose
/// predicate holds. Handlers listen to it by `On(key) { … }`, further events are derived from it by `Define`.
@frozen
public struct UserEvent<Payload>: MiddleboxKey, BitwiseCopyable, Sendable {
  /// The process's number of the key.
  public let number: UInt32
  /// The name in reports and in `--explain`; empty for the property's.
  public let name: StaticString

  /// An event called `name`, or as the property is.
  public init(_ name: StaticString = "") {
    number = KeyNumber.next()
    self.name = name
  }

  /// Makes the event known.
  public func declare(in registry: inout Registry, name: String) {
    registry.defineUserEvent(number, name: self.name.utf8CodeUnitCount == 0 ? name : "\(self.name)") {
      "\($0.assumingMemoryBound(to: Payload.self).pointee)"
    }
  }
}
