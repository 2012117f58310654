// Unsafe: owns the bytes. Invariant: `base` has room for `capacity` bytes, of which `count` are there; every part lies
// within them.
import MOSCore

/// What is looked at of a message of an application protocol: its buffers so far.
final class MessageView {
  /// A buffer.
  struct Part {
    var kind: InspectionBuffer
    fileprivate var start: Int
    fileprivate(set) var count: Int
    /// No more of it comes.
    var isWhole: Bool
  }

  private static let smallest = 1_024
  private static let largestKept = 16_384

  @exclusivity(unchecked) private var base = UnsafeMutableRawPointer.allocate(byteCount: smallest, alignment: 16)
  @exclusivity(unchecked) private var capacity = smallest
  @exclusivity(unchecked) private var count = 0
  @exclusivity(unchecked) private(set) var parts: [Part] = []
  /// The message's number in the flow.
  @exclusivity(unchecked) var transaction: UInt32?
  /// Rules that could match, in no order.
  @exclusivity(unchecked) var candidates: [UInt32] = []
  /// Rules that matched, or cannot match any more.
  @exclusivity(unchecked) var settled: Set<UInt32> = []
  /// Something came since the candidates were asked.
  @exclusivity(unchecked) var isChanged = false

  deinit { base.deallocate() }

  /// The bytes of a part, until the next is added.
  func bytes(of part: Part) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: base + part.start, count: part.count)
  }

  /// Adds a buffer, or what came of the last one since: `bytes` are all of it. Returns the place of what is new.
  func take(_ kind: InspectionBuffer, _ bytes: UnsafeRawBufferPointer, isWhole: Bool) -> Range<Int> {
    isChanged = true
    var known = 0
    if let last = parts.indices.last, parts[last].kind == kind, !parts[last].isWhole {
      known = parts[last].count
      parts[last].isWhole = isWhole
    } else {
      parts.append(Part(kind: kind, start: count, count: 0, isWhole: isWhole))
    }
    append(UnsafeRawBufferPointer(rebasing: bytes[known...]))
    parts[parts.count - 1].count = bytes.count
    return known..<bytes.count
  }

  private func append(_ bytes: UnsafeRawBufferPointer) {
    if count + bytes.count > capacity {
      capacity = max(capacity * 2, count + bytes.count)
      let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
      larger.copyMemory(from: base, byteCount: count)
      base.deallocate()
      base = larger
    }
    if let source = bytes.baseAddress { (base + count).copyMemory(from: source, byteCount: bytes.count) }
    count += bytes.count
  }

  /// Begins with other rules, of which some are settled.
  func replaceRules(settled: Set<UInt32>) {
    candidates.removeAll(keepingCapacity: true)
    self.settled = settled
    isChanged = !parts.isEmpty
  }

  /// For another message.
  func reset() {
    count = 0
    parts.removeAll(keepingCapacity: true)
    candidates.removeAll(keepingCapacity: true)
    settled.removeAll(keepingCapacity: true)
    isChanged = false
    if capacity > Self.largestKept {
      base.deallocate()
      capacity = Self.smallest
      base = .allocate(byteCount: capacity, alignment: 16)
    }
  }
}
