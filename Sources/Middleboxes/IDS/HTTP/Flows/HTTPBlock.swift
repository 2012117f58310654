import Glibc

/// Lines that are read together, a head or a trailer: where they lie while they come.
///
/// Where the piece that ends them has all of them they are read in place; what of them lies in pieces before it is kept.
struct HTTPBlock {
  enum Goal {
    case line
    /// Up to an empty line.
    case end
  }

  enum Outcome {
    case more, complete, tooLong
  }

  /// Bytes so far.
  private(set) var length = 0
  private var kept: [UInt8] = []
  /// Where in the current piece lies what is not kept.
  private var start = 0
  private var lineHasText = false

  /// Begins a block at a place of the current piece.
  mutating func begin(at position: Int) {
    length = 0
    kept.removeAll(keepingCapacity: kept.capacity <= 4096)
    start = position
    lineHasText = false
  }

  /// Gives back the memory of a block that was read.
  mutating func end() { kept.removeAll(keepingCapacity: kept.capacity <= 4096) }

  /// Goes on in the next piece.
  mutating func enterPiece() { start = 0 }

  /// Keeps what lies in the piece, which goes away.
  mutating func leavePiece(_ piece: UnsafeRawBufferPointer) {
    if start < piece.count { kept.append(contentsOf: piece[start...]) }
    start = piece.count
  }

  /// Moves `position` behind the goal, or as far as there is something.
  mutating func take(
    _ piece: UnsafeRawBufferPointer, _ position: inout Int, until goal: Goal, limit: Int
  ) -> Outcome {
    while position < piece.count, length < limit {
      let room = min(piece.count - position, limit - length)
      let here = piece.baseAddress! + position
      let found = memchr(here, Int32(ASCII.lineFeed), room).map { here.distance(to: UnsafeRawPointer($0)) }
      if !lineHasText {
        lineHasText = piece[position..<position + (found ?? room)].contains { $0 != ASCII.carriageReturn }
      }
      let count = found.map { $0 + 1 } ?? room
      position += count
      length += count
      guard found != nil else { continue }
      let isEmpty = !lineHasText
      lineHasText = false
      if goal == .line || isEmpty { return .complete }
    }
    return length < limit ? .more : .tooLong
  }

  /// Calls `body` with the block up to a place of the piece.
  mutating func withBytes<Result>(
    _ piece: UnsafeRawBufferPointer, upTo position: Int, _ body: (UnsafeRawBufferPointer) -> Result
  ) -> Result {
    if kept.isEmpty { return body(UnsafeRawBufferPointer(rebasing: piece[start..<position])) }
    kept.append(contentsOf: piece[start..<position])
    start = position
    return kept.withUnsafeBytes(body)
  }
}
