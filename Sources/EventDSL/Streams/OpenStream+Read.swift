// Unsafe: lends memory that the engine owns. Invariant: it is lent to one closure at a time; one that is called inside of it
// has its own.
import MTCP

/// Giving what there is to closures.
extension OpenStream {
  /// Gives chunk after chunk from a cursor on to `body`, and moves the cursor as it says.
  ///
  /// The closure may stop the reader, or move its cursor: then that is what holds.
  @inline(__always)
  func read(at cursor: UnsafeMutablePointer<UInt64>, _ body: (StreamChunk) -> Consumption) {
    while true {
      let start = cursor.pointee
      let count: UInt64
      let consumption: Consumption
      var isBytes = false
      switch piece(at: start) {
      case .bytes(let bytes, _):
        isBytes = true
        count = UInt64(bytes.count)
        consumption = body(.bytes(RawSpan(_unsafeBytes: bytes)))
      case .gap(let length):
        count = length
        consumption = body(.gap(length))
      case .dropped(let length):
        count = length
        consumption = body(.dropped(length))
      case .end:
        return
      }
      if slot.pointee.state != .reading { return }
      if cursor.pointee != start { continue }
      let (consumed, wantsMore) = consumption.amount(of: count)
      cursor.pointee = start &+ consumed
      if consumed < count {
        guard wantsMore, isBytes, join(at: cursor, known: count &- consumed, body) else { return }
      }
    }
  }

  /// Gives all bytes from a cursor on, of which so many are known to the closure, in one piece. Whether reading goes on.
  @inline(never)
  private func join(
    at cursor: UnsafeMutablePointer<UInt64>, known: UInt64, _ body: (StreamChunk) -> Consumption
  ) -> Bool {
    let memory = core.pointee.streams.borrowMemory()
    defer { core.pointee.streams.giveBack(memory) }
    var known = known
    while true {
      let start = cursor.pointee
      switch piece(at: start &+ known) {
      case .bytes: break
      case .gap, .dropped:
        cursor.pointee = start &+ known
        return true
      case .end: return false
      }
      let count = copy(from: start, into: memory)
      if count <= known { return false }
      let consumption = body(.bytes(RawSpan(_unsafeStart: UnsafeRawPointer(memory.baseAddress!), byteCount: count)))
      if slot.pointee.state != .reading { return false }
      if cursor.pointee != start { return true }
      let (consumed, wantsMore) = consumption.amount(of: UInt64(count))
      cursor.pointee = start &+ consumed
      if consumed == count { return true }
      // More than the memory holds may be there.
      guard wantsMore, consumed > 0 || count < memory.count else { return false }
      known = UInt64(count) &- consumed
    }
  }

  /// Copies bytes from an offset on until the buffer is full or something else than bytes comes, and returns how many.
  func copy(from start: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Int {
    var copied = 0
    if start < kept.pointee.nextOffset {
      copied = kept.pointee.copy(from: start, into: buffer, blocks: core.pointee.streams.blocks)
    }
    while copied < buffer.count, case .bytes(let bytes, _) = piece(at: start &+ UInt64(copied)) {
      let part = UnsafeMutableRawBufferPointer(rebasing: buffer[copied...])
      let count = min(part.count, bytes.count)
      part.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
      copied += count
    }
    return copied
  }
}

extension Consumption {
  /// How much of `count`, and whether the rest is wanted with more behind it.
  @inline(__always)
  fileprivate func amount(of count: UInt64) -> (UInt64, wantsMore: Bool) {
    switch self {
    case .all: (count, false)
    case .first(let length): (min(count, UInt64(max(0, length))), false)
    case .more(let length): (min(count, UInt64(max(0, length))), true)
    }
  }
}
