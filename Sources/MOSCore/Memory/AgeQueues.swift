// Unsafe: links members through raw memory it owns. Invariant: `nodes` has room for index 0, the members 1...capacity
// and one list head for each class; the links of members and heads form closed rings.

/// First-in, first-out queues of indices 1...`capacity`, one queue for each class; an index is in at most one.
///
/// For eviction by value: flows are filed by how little they would be missed, and the oldest of the cheapest class goes
/// first.
@frozen
public struct AgeQueues: ~Copyable {
  @frozen @usableFromInline
  struct Node: BitwiseCopyable {
    /// Neighbours in the queue's ring; `next` is 0 for an index in no queue.
    @usableFromInline var next: UInt32
    @usableFromInline var previous: UInt32
  }

  @usableFromInline let nodes: UnsafeMutablePointer<Node>
  @usableFromInline let last: UInt32
  @usableFromInline let classCount: UInt32
  @usableFromInline let memory: ReservedMemory

  /// Queues of the classes 0..<`classes` (1 to 256) for indices 1...`capacity` (1 to 2^31).
  public init(capacity: Int, classes: Int) {
    precondition(capacity >= 1 && capacity <= 1 << 31, "age queues hold 1 to 2^31 indices")
    precondition(classes >= 1 && classes <= 256, "there are 1 to 256 classes")
    let nodeCount = capacity + 1 + classes
    memory = ReservedMemory(byteCount: nodeCount * MemoryLayout<Node>.stride)
    nodes = memory.base.bindMemory(to: Node.self, capacity: nodeCount)
    last = UInt32(capacity)
    classCount = UInt32(classes)
    for head in last + 1...last + classCount {
      nodes[Int(head)].next = head
      nodes[Int(head)].previous = head
    }
  }

  @inlinable @inline(__always) func head(_ number: UInt32) -> UInt32 {
    precondition(number < classCount, "a class that was not asked for")
    return last &+ 1 &+ number
  }

  /// Puts `index` at the tail of the class's queue, out of any queue it is in.
  @inlinable public mutating func append(_ index: UInt32, class: UInt8) {
    let head = head(UInt32(`class`))
    remove(index)
    let previous = nodes[Int(head)].previous
    nodes[Int(index)].next = head
    nodes[Int(index)].previous = previous
    nodes[Int(previous)].next = index
    nodes[Int(head)].previous = index
  }

  /// Takes `index` out of its queue; no effect when it is in none.
  @inlinable @inline(__always) public mutating func remove(_ index: UInt32) {
    assert(index >= 1 && index <= last)
    let node = nodes[Int(index)]
    if node.next == 0 { return }
    nodes[Int(node.previous)].next = node.next
    nodes[Int(node.next)].previous = node.previous
    nodes[Int(index)].next = 0
  }

  /// The index at the head of the class's queue, 0 when it is empty.
  @inlinable public func oldest(class: UInt8) -> UInt32 {
    let head = head(UInt32(`class`))
    let first = nodes[Int(head)].next
    return first == head ? 0 : first
  }

  /// The index behind `index` in its queue, 0 for the last.
  @inlinable public func next(_ index: UInt32) -> UInt32 {
    let next = nodes[Int(index)].next
    return next > last ? 0 : next
  }

  /// Whether `index` is in a queue.
  @inlinable public func contains(_ index: UInt32) -> Bool { nodes[Int(index)].next != 0 }
}
