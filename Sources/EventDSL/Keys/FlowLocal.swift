/// A value that every flow has of its own: mOS's user context, typed, in any number.
///
/// Declared as a stored property of a middlebox, used as `event.flow[key]`. A flow that nobody wrote to has the initial
/// value and takes no memory. Plain values (`BitwiseCopyable`) are stored without allocation or reference counting;
/// others are destroyed when the flow is released, after its `connectionEnd` and its late packets.
@frozen
public struct FlowLocal<Value>: MiddleboxKey {
  /// The process's number of the key.
  public let number: UInt32
  /// What a flow has that nobody wrote to.
  public let initial: Value
  private let isPlain: Bool

  /// A key for values that begin as `initial`.
  public init(_ initial: Value) {
    number = KeyNumber.next()
    self.initial = initial
    isPlain = false
  }

  /// A key for plain values that begin as `initial`.
  public init(_ initial: Value) where Value: BitwiseCopyable {
    number = KeyNumber.next()
    self.initial = initial
    isPlain = true
  }

  /// Reserves the value's place in every flow's storage.
  public func declare(in registry: inout Registry, name: String) {
    let initial = initial
    registry.reserve(
      number, size: MemoryLayout<Value>.size, alignment: MemoryLayout<Value>.alignment,
      initialize: { $0.bindMemory(to: Value.self, capacity: 1).initialize(to: initial) },
      destroy: isPlain ? nil : { $0.assumingMemoryBound(to: Value.self).deinitialize(count: 1) })
  }
}

extension FlowLocal: Sendable where Value: Sendable {}
