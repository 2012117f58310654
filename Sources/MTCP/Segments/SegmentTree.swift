/// A treap over chunks, ordered by their start: the index into a queue of disjoint, sorted chunks.
///
/// Unsafe code. What must hold: every link reached from `root` names a chunk of the pool that is in the queue with rank
/// 0, and all starts lie within half of the sequence space. Priorities are random, so that the depth is O(log n)
/// whatever order segments come in; nothing here recurses.
extension SegmentPool {
  private func leftLink(_ index: UInt32) -> UnsafeMutablePointer<UInt32> {
    (base + (Int(index) &* SegmentChunk.size &+ 8)).assumingMemoryBound(to: UInt32.self)
  }
  private func rightLink(_ index: UInt32) -> UnsafeMutablePointer<UInt32> {
    (base + (Int(index) &* SegmentChunk.size &+ 12)).assumingMemoryBound(to: UInt32.self)
  }

  /// The last chunk in the tree, or 0.
  func treeLast(_ root: UInt32) -> UInt32 {
    var current = root
    while current != 0 {
      let right = chunk(current).pointee.right
      if right == 0 { break }
      current = right
    }
    return current
  }

  /// The chunk in the tree with the highest start below `key`, or 0.
  mutating func treeLower(_ root: UInt32, _ key: SequenceNumber) -> UInt32 {
    var best: UInt32 = 0
    var current = root
    while current != 0 {
      countStep()
      let node = chunk(current)
      if node.pointee.start < key {
        best = current
        current = node.pointee.right
      } else {
        current = node.pointee.left
      }
    }
    return best
  }

  /// Adds `index`, whose start is not yet in the tree, and sets its rank to 0.
  mutating func treeInsert(_ root: inout UInt32, _ index: UInt32) {
    let key = chunk(index).pointee.start
    let priority = nextPriority()
    chunk(index).pointee.priority = priority
    chunk(index).pointee.rank = 0
    // The link to the root is kept in chunk 0 meanwhile, so that every link has an address in the pool.
    var link = leftLink(0)
    link.pointee = root
    while link.pointee != 0 {
      let node = chunk(link.pointee)
      if node.pointee.priority < priority { break }
      countStep()
      link = key < node.pointee.start ? leftLink(link.pointee) : rightLink(link.pointee)
    }
    var current = link.pointee
    link.pointee = index
    var less = leftLink(index)
    var greater = rightLink(index)
    while current != 0 {
      countStep()
      if chunk(current).pointee.start < key {
        less.pointee = current
        less = rightLink(current)
        current = less.pointee
      } else {
        greater.pointee = current
        greater = leftLink(current)
        current = greater.pointee
      }
    }
    less.pointee = 0
    greater.pointee = 0
    root = leftLink(0).pointee
  }

  /// Takes `index` out, or puts `substitute`, which lies at the same place in the order, where it was. `false` when
  /// `index` was not found.
  mutating func treeRemove(_ root: inout UInt32, _ index: UInt32, substitute: UInt32) -> Bool {
    let key = chunk(index).pointee.start
    var link = leftLink(0)
    link.pointee = root
    while link.pointee != index {
      guard link.pointee != 0 else { return false }
      countStep()
      link = key < chunk(link.pointee).pointee.start ? leftLink(link.pointee) : rightLink(link.pointee)
    }
    var less = chunk(index).pointee.left
    var greater = chunk(index).pointee.right
    if substitute != 0 {
      let node = chunk(substitute)
      node.pointee.left = less
      node.pointee.right = greater
      node.pointee.priority = chunk(index).pointee.priority
      node.pointee.rank = 0
      link.pointee = substitute
    } else {
      while less != 0, greater != 0 {
        countStep()
        if chunk(less).pointee.priority >= chunk(greater).pointee.priority {
          link.pointee = less
          link = rightLink(less)
          less = link.pointee
        } else {
          link.pointee = greater
          link = leftLink(greater)
          greater = link.pointee
        }
      }
      link.pointee = less | greater
    }
    root = leftLink(0).pointee
    return true
  }

  /// Takes every chunk that starts below `key` out of the tree.
  mutating func treeDrop(_ root: inout UInt32, below key: SequenceNumber) {
    var link = leftLink(0)
    link.pointee = root
    while link.pointee != 0 {
      countStep()
      let node = chunk(link.pointee)
      if node.pointee.start < key {
        link.pointee = node.pointee.right
      } else {
        link = leftLink(link.pointee)
      }
    }
    root = leftLink(0).pointee
  }
}
