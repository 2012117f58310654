import Synchronization

/// What a middlebox declares as a stored property and names in its handlers: storage, events, subscriptions, timers.
///
/// A key is a number that is the same wherever it is copied to; what an engine has for it is found by that number. So a
/// middlebox's keys may be used by the engines of several workers at once.
public protocol MiddleboxKey {
  /// The process's number of the key.
  var number: UInt32 { get }
  /// Tells an engine, at its start, what the key needs. `name` is the property's.
  func declare(in registry: inout Registry, name: String)
}

/// Numbers of keys, never given twice.
enum KeyNumber {
  private static let last = Atomic<UInt32>(0)

  /// A new number, from 1.
  static func next() -> UInt32 { last.add(1, ordering: .relaxed).newValue }
  /// One more than the largest number so far.
  static var bound: Int { Int(last.load(ordering: .relaxed)) + 1 }
}
