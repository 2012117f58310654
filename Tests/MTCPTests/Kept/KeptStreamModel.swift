import MTCP

/// What `KeptStream` must be, byte by byte: arrays of bytes, and a list of gaps. The bytes are in one array for each block,
/// because what is dropped for want of blocks depends on where they begin.
struct KeptStreamModel {
  private static let blockCapacity = 1_504

  struct Block {
    /// Bytes that fit into it yet.
    var room: Int
    /// Offset of the first byte that is left.
    var start: UInt64
    /// What is left.
    var bytes: ArraySlice<UInt8>

    var end: UInt64 { start + UInt64(bytes.count) }
  }

  private(set) var blocks: [Block] = []
  private(set) var gaps: [Range<UInt64>] = []
  private(set) var first: UInt64 = 0
  private(set) var end: UInt64 = 0
  private(set) var dropped: UInt64 = 0

  enum Piece: Equatable {
    case bytes(UInt64)
    case gap(UInt64)
    case dropped(UInt64)
    case end
  }

  var keptBytes: Int { blocks.reduce(0) { $0 + $1.bytes.count } }

  /// The bytes from `offset` to the end of their block; none in a gap.
  func bytes(at offset: UInt64) -> ArraySlice<UInt8> {
    guard let block = blocks.first(where: { $0.end > offset }), block.start <= offset else { return [] }
    return block.bytes.dropFirst(Int(offset - block.start))
  }

  func piece(at offset: UInt64) -> Piece {
    if offset >= end { return .end }
    if offset < first { return .dropped(first - offset) }
    let count = bytes(at: offset).count
    if count > 0 { return .bytes(UInt64(count)) }
    return .gap(gaps.first { $0.contains(offset) }!.upperBound - offset)
  }

  /// How many bytes follow on each other from `offset` on, at most `limit`.
  func run(from offset: UInt64, limit: Int) -> [UInt8] {
    var run: [UInt8] = []
    while run.count < limit {
      let more = bytes(at: offset + UInt64(run.count))
      if more.isEmpty { break }
      run += more
    }
    return Array(run.prefix(limit))
  }

  mutating func append(_ content: [UInt8], at offset: UInt64, limit: UInt64, free: inout Int) -> Bool {
    var fresh = content[...]
    if offset < end { fresh = fresh.dropFirst(Int(min(end - offset, UInt64(fresh.count)))) }
    if offset > end { restart(at: offset, free: &free) }
    let isRepresentable = UInt64(fresh.count) <= .max - end
    if !isRepresentable {
      dropped += UInt64(fresh.count) - (.max - end)
      fresh = fresh.prefix(Int(.max - end))
    }
    if UInt64(fresh.count) > limit {
      let over = fresh.count - Int(limit)
      restart(at: end + UInt64(over), free: &free)
      dropped += UInt64(over)
      fresh = fresh.dropFirst(over)
    }
    dropOldest(keeping: limit - UInt64(fresh.count), &free)
    var isComplete = isRepresentable
    while let byte = fresh.first {
      if blocks.last.map({ $0.end != end || $0.room == 0 }) ?? true {
        if blocks.count >= Self.mostBlocks(limit) { dropBlock(&free) }
        if free == 0 {
          isComplete = false
          if blocks.isEmpty {
            dropped += UInt64(fresh.count)
            restart(at: end + UInt64(fresh.count), free: &free)
            return false
          }
          dropBlock(&free)
        }
        free -= 1
        blocks.append(Block(room: Self.blockCapacity, start: end, bytes: []))
      }
      blocks[blocks.count - 1].bytes.append(byte)
      blocks[blocks.count - 1].room -= 1
      end += 1
      fresh = fresh.dropFirst()
    }
    return isComplete
  }

  mutating func skip(to offset: UInt64) {
    guard offset > end else { return }
    if gaps.last?.upperBound == end {
      gaps[gaps.count - 1] = gaps[gaps.count - 1].lowerBound..<offset
    } else {
      gaps.append(end..<offset)
    }
    end = offset
  }

  mutating func discard(before offset: UInt64, free: inout Int) {
    guard offset > first else { return }
    first = min(offset, end)
    for index in blocks.indices where blocks[index].start < first {
      let count = min(first - blocks[index].start, UInt64(blocks[index].bytes.count))
      blocks[index].bytes.removeFirst(Int(count))
      blocks[index].start += count
    }
    settle(&free)
  }

  mutating func trim(to limit: UInt64, free: inout Int) {
    dropOldest(keeping: limit, &free)
    while blocks.count > Self.mostBlocks(limit) { dropBlock(&free) }
  }

  mutating func restart(at offset: UInt64, free: inout Int) {
    while !blocks.isEmpty { dropBlock(&free) }
    gaps = []
    first = offset
    end = offset
  }

  mutating func removeAll(free: inout Int) {
    free += blocks.count
    self = KeptStreamModel()
  }

  private static func mostBlocks(_ limit: UInt64) -> UInt64 { limit / UInt64(blockCapacity) * 2 + 4 }

  private mutating func dropOldest(keeping count: UInt64, _ free: inout Int) {
    let kept = UInt64(keptBytes)
    if kept > count { for _ in count..<kept { dropByte(&free) } }
  }

  private mutating func dropByte(_ free: inout Int) {
    blocks[0].bytes.removeFirst()
    blocks[0].start += 1
    dropped += 1
    first = blocks[0].start
    settle(&free)
  }

  private mutating func dropBlock(_ free: inout Int) {
    let end = blocks[0].end
    while blocks.first?.end == end { dropByte(&free) }
  }

  /// Gives up blocks and gaps that lie before `first`.
  private mutating func settle(_ free: inout Int) {
    while let block = blocks.first, block.bytes.isEmpty {
      blocks.removeFirst()
      free += 1
    }
    while let gap = gaps.first, gap.upperBound <= first { gaps.removeFirst() }
  }
}
