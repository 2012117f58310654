import MTCP

/// A stream, its edits as arrays, and the translation that is held against them. All positions count from `base`.
struct EditedStream {
  let base: UInt32
  let original: [UInt8]
  var translation: SequenceTranslation
  private(set) var edits: [(at: Int, removed: Int, new: [UInt8])] = []

  init(base: UInt32, original: [UInt8]) {
    self.base = base
    self.original = original
    translation = SequenceTranslation(start: SequenceNumber(base))
  }

  /// Adds an edit, if the translation takes it as new.
  mutating func edit(at position: Int, removed: Int, _ new: [UInt8]) -> Bool {
    let start = SequenceNumber(base &+ UInt32(position))
    guard
      translation.record(at: start, removed: UInt16(removed), inserted: UInt16(new.count)) == .recorded
    else { return false }
    edits.append((position, removed, new))
    return true
  }

  /// The edit that removed the original byte at `position`.
  func removingEdit(_ position: Int) -> Int? {
    edits.firstIndex { $0.at <= position && position < $0.at + $0.removed }
  }

  /// Whether `position` lies inside of a replaced range, behind its first byte.
  func isInside(_ position: Int) -> Bool {
    edits.contains { $0.at < position && position < $0.at + $0.removed }
  }

  /// What the arrays say.
  struct Layout {
    /// Bytes of the changed stream.
    var length = 0
    /// For each original byte, and for the end, how many bytes stand before it and what was inserted there.
    var positions: [Int] = []
    /// For each original byte the bytes of the changed stream that the receiver must have for it: its own with those that
    /// were inserted before it, or those that replace it; an empty range at its place for one that was removed.
    var needed: [Range<Int>] = []

    /// The original bytes that need nothing more when the receiver has `range`.
    func complete(_ range: Range<Int>) -> [Int] {
      needed.indices.filter { needed[$0].lowerBound >= range.lowerBound && needed[$0].upperBound <= range.upperBound }
    }

    /// How many of the first original bytes need nothing more when the receiver has the first `received` bytes.
    func acknowledgment(_ received: Int) -> Int {
      needed.firstIndex { $0.upperBound > received } ?? needed.count
    }
  }

  /// The streams byte by byte.
  var layout: Layout {
    var layout = Layout()
    var replacement = 0..<0
    for position in original.indices {
      let start = layout.length
      layout.positions.append(start)
      for edit in edits where edit.at == position {
        replacement = layout.length..<layout.length + edit.new.count
        layout.length += edit.new.count
      }
      if removingEdit(position) != nil {
        layout.needed.append(replacement)
      } else {
        layout.length += 1
        layout.needed.append(start..<layout.length)
      }
    }
    layout.positions.append(layout.length)
    return layout
  }

  /// Before the acknowledged point a number may come to lie before the stream.
  private func offset(_ number: SequenceNumber) -> Int { Int(number.distance(from: SequenceNumber(base))) }

  func translated(_ position: Int) -> Int {
    offset(translation.translated(SequenceNumber(base &+ UInt32(position))))
  }
  func acknowledgment(_ received: Int) -> Int {
    offset(translation.originalAcknowledgment(SequenceNumber(base &+ UInt32(received))))
  }
  func block(_ received: Range<Int>) -> Range<Int> {
    let block = translation.originalBlock(
      left: base &+ UInt32(received.lowerBound), right: base &+ UInt32(received.upperBound))
    return offset(SequenceNumber(block.left))..<offset(SequenceNumber(block.right))
  }
}

/// A sender, a middlebox that changes the stream's length, and a receiver, over a network that loses segments.
struct EditedTransfer {
  private let base: UInt32
  private let original: [UInt8]
  private var translation: SequenceTranslation
  /// What was inserted, by the original position, for as long as the middlebox has to do it again.
  private var replacements: [UInt32: [UInt8]] = [:]
  private var copies: [UInt8?]
  private var acknowledged = 0
  /// The changed stream, as the middlebox decided on it.
  private(set) var changed: [UInt8] = []
  private var decided = 0
  /// Edits that were made in all.
  private(set) var edits = 0

  init(base: UInt32, length: Int) {
    self.base = base
    original = (0..<length).map { UInt8(truncatingIfNeeded: $0 ^ $0 >> 8) }
    translation = SequenceTranslation(start: SequenceNumber(base))
    copies = .init(repeating: nil, count: 3 * length)
  }

  /// What the receiver has in order.
  var received: [UInt8] { Array(copies.prefix { $0 != nil }.map { $0! }) }

  /// Runs until the sender has all acknowledged; `false` when that takes too long.
  mutating func run(_ generator: inout SeededGenerator) -> Bool {
    var acknowledgments: [Int] = []
    for _ in 0..<20_000 where acknowledged < original.count {
      // Mostly in order, at times again, with borders anywhere in the window.
      let window = min(original.count, acknowledged + 400)
      let start =
        Int.random(in: 0..<3, using: &generator) == 0 || decided >= window
        ? Int.random(in: max(0, acknowledged - 30)..<min(window, max(decided, acknowledged + 1)), using: &generator)
        : decided
      let end = min(window, start + Int.random(in: 1...60, using: &generator))
      if end > start { deliver(start, end, &generator) }
      acknowledgments.append(received.count)
      if acknowledgments.count > 3 {
        let late = acknowledgments.remove(at: Int.random(in: 0..<4, using: &generator))
        let number = SequenceNumber(base &+ UInt32(late))
        let original = Int(Int32(bitPattern: translation.originalAcknowledgment(number).rawValue &- base))
        acknowledged = max(acknowledged, original)
        translation.acknowledged(to: number)
      }
    }
    return acknowledged == original.count
  }

  private mutating func deliver(_ start: Int, _ end: Int, _ generator: inout SeededGenerator) {
    let bytes = pass(start, end, &generator)
    let at = Int(Int32(bitPattern: translation.translated(SequenceNumber(base &+ UInt32(start))).rawValue &- base))
    if Int.random(in: 0..<4, using: &generator) == 0 { return }
    let next = received.count
    for (index, byte) in bytes.enumerated() where at + index >= next { copies[at + index] = byte }
  }

  /// The segment as the middlebox lets it pass: new bytes are decided on once, those before are changed as recorded.
  private mutating func pass(_ start: Int, _ end: Int, _ generator: inout SeededGenerator) -> [UInt8] {
    if end > decided { decide(max(start, decided), end, &generator) }
    var bytes: [UInt8] = []
    var index = translation.firstEdit(from: number(start), to: number(end))
    var position = start
    while position < end {
      guard let current = index, current < translation.count, translation[current].start <= number(position) else {
        bytes.append(original[position])
        position += 1
        continue
      }
      let edit = translation[current]
      if edit.start == number(position) { bytes += replacements[edit.start.rawValue]! }
      position = Int(edit.end.rawValue &- base)
      index = current + 1
      if edit.removed == 0 {
        bytes.append(original[position])
        position += 1
      }
    }
    return bytes
  }

  /// Makes random edits in bytes that pass for the first time.
  private mutating func decide(_ start: Int, _ end: Int, _ generator: inout SeededGenerator) {
    var position = start
    while position < end {
      let removed = min(Int.random(in: 0...3, using: &generator), end - position)
      let new = generator.bytes(Int.random(in: 0...5, using: &generator))
      // Nothing is left without a byte that the receiver acknowledges.
      let isLast = position + removed >= end
      if Int.random(in: 0..<25, using: &generator) == 0, removed + new.count > 0, !(isLast && new.isEmpty),
        translation.record(at: number(position), removed: UInt16(removed), inserted: UInt16(new.count)) == .recorded
      {
        replacements[number(position).rawValue] = new
        changed += new
        edits += 1
        position += removed
        guard removed == 0 else { continue }
      }
      changed.append(original[position])
      position += 1
    }
    decided = end
    translation.passed(to: number(end))
  }

  private func number(_ position: Int) -> SequenceNumber { SequenceNumber(base &+ UInt32(position)) }
}
