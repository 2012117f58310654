// Unsafe code: `slots` points to `mask + 1` elements that the ring owns. A slot between `tail` and `head` is initialised
// and belongs to the consumer; the others belong to the producer. `head` is moved by the producer alone, `tail` by the
// consumer alone, each with release ordering after it is done with the slot.
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// A bounded queue from one thread to one other, without locks: how batches of packets reach a worker and come back.
public final class SingleProducerRing<Element>: @unchecked Sendable {
  private let slots: UnsafeMutablePointer<Element>
  private let mask: Int
  private let head = Atomic<Int>(0)
  private let tail = Atomic<Int>(0)

  /// An empty ring for at least `capacity` (1 to 2^20) elements.
  public init(capacity: Int) {
    var size = 1
    while size < min(max(capacity, 1), 1 << 20) { size *= 2 }
    mask = size - 1
    slots = .allocate(capacity: size)
  }

  deinit {
    while let element = tryTake() { _ = element }
    slots.deallocate()
  }

  /// Puts `element` in; waits while the ring is full. Only the producer's thread calls it.
  public func put(_ element: Element) {
    let position = head.load(ordering: .relaxed)
    var waiting = Backoff()
    while position &- tail.load(ordering: .acquiring) > mask { waiting.pause() }
    (slots + (position & mask)).initialize(to: element)
    head.store(position &+ 1, ordering: .releasing)
  }

  /// Whether the consumer has taken everything. The producer's thread and the consumer's may ask.
  public var isEmpty: Bool { tail.load(ordering: .acquiring) == head.load(ordering: .acquiring) }

  /// Takes the oldest element; waits while the ring is empty. Only the consumer's thread calls it.
  public func take() -> Element {
    var waiting = Backoff()
    while true {
      if let element = tryTake() { return element }
      waiting.pause()
    }
  }

  /// Takes the oldest element, `nil` when there is none. Only the consumer's thread calls it.
  public func tryTake() -> Element? {
    let position = tail.load(ordering: .relaxed)
    guard position != head.load(ordering: .acquiring) else { return nil }
    let element = (slots + (position & mask)).move()
    tail.store(position &+ 1, ordering: .releasing)
    return element
  }
}

/// Waits a little longer each time: a waiting thread first looks again, then gives its core away, then sleeps.
private struct Backoff {
  private var rounds = 0

  mutating func pause() {
    rounds += 1
    if rounds < 64 { return }
    if rounds < 128 {
      sched_yield()
    } else {
      usleep(50)
    }
  }
}
