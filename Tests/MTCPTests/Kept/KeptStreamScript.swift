import MOSCore
import MTCP

/// Plays a script to some `KeptStream`s that share a slab, and to their models, and compares them after each step.
///
/// A script has four bytes of settings (blocks of the slab; how many streams; where they begin; unused), and then four
/// bytes a step: the operation (0 to 2: in-order bytes; see `step`) with the stream in bits 4 and 5 and the limit in
/// bits 6 and 7, two bytes of amount, and one of detail.
struct KeptStreamScript: ~Copyable {
  private var blocks: Slab<KeptBlock>
  private var free: Int
  private var streams: [KeptStream]
  private var models: [KeptStreamModel]
  private var cursors: [StreamCursor]
  private let origin: UInt64
  private let capacity: Int
  private var steps = 0

  /// Plays a script to its end; `nil`, or what differs first.
  static func play(_ input: UnsafeRawBufferPointer) -> String? {
    guard input.count >= 4 else { return nil }
    var script = KeptStreamScript(settings: (input[0], input[1], input[2]))
    var position = 4
    while position + 4 <= input.count {
      let amount = Int(input[position + 1]) | Int(input[position + 2]) << 8
      if let difference = script.step(input[position], amount, input[position + 3]) {
        return "step \(position / 4) (\(input[position]), \(amount), \(input[position + 3])): \(difference)"
      }
      position += 4
    }
    return script.finish()
  }

  private init(settings: (UInt8, UInt8, UInt8)) {
    capacity = 1 + Int(settings.0 % 64)
    blocks = Slab(capacity: capacity)
    free = capacity
    origin = [0, 1 << 32 - 5_000, 1 << 63, UInt64.max - 60_000][Int(settings.2 % 4)]
    let count = 1 + Int(settings.1 % 3)
    streams = .init(repeating: KeptStream(), count: count)
    models = .init(repeating: KeptStreamModel(), count: count)
    cursors = .init(repeating: StreamCursor(), count: count)
    for index in 0..<count where settings.1 & 0x80 != 0 { restart(index, at: origin) }
  }

  private mutating func restart(_ index: Int, at offset: UInt64) {
    streams[index].restart(at: offset, blocks: &blocks)
    models[index].restart(at: offset, free: &free)
  }

  private mutating func append(
    _ index: Int, _ count: Int, at offset: UInt64, _ limit: UInt64
  ) -> String? {
    let content = (0..<count).map { UInt8(truncatingIfNeeded: ($0 &+ steps) &* 167 ^ $0 >> 8) }
    let isKept = content.withUnsafeBytes { bytes in
      // No bytes have no address; any other must do then.
      let address = bytes.baseAddress ?? UnsafeRawPointer(blocks.base)
      return streams[index].append(
        address, count: UInt32(bytes.count), at: offset, limit: limit, blocks: &blocks)
    }
    let expected = models[index].append(content, at: offset, limit: limit, free: &free)
    return isKept == expected ? nil : "append returned \(isKept)"
  }

  private mutating func step(_ operation: UInt8, _ amount: Int, _ detail: UInt8) -> String? {
    steps += 1
    let index = Int(operation >> 4 & 3) % streams.count
    let limit = [.max, UInt64(detail & 31) * 100, UInt64(amount), .max][Int(operation >> 6)]
    let end = streams[index].nextOffset
    let first = streams[index].firstOffset
    var difference: String?
    switch operation & 15 {
    case 0...2: difference = append(index, amount % 1_600, at: end, limit)
    case 3:
      for _ in 0...amount & 7 {
        skip(index, to: sum(streams[index].nextOffset, 1 + UInt64(detail >> 5)))
        difference = difference ?? append(index, amount % 20, at: streams[index].nextOffset, limit)
      }
    case 4: difference = append(index, amount % 50, at: end, limit)
    case 5: difference = append(index, amount % 8_000, at: end, limit)
    case 6: difference = append(index, amount % 2_000, at: end &- min(end, UInt64(detail)), limit)
    case 7: difference = append(index, amount % 2_000, at: sum(end, UInt64(detail)), limit)
    case 8: skip(index, to: sum(end, UInt64(amount % 5_000)))
    case 9: skip(index, to: sum(end, UInt64(amount) << (detail & 31)))
    case 10: discard(index, before: sum(first, UInt64(amount % 4_000)))
    case 11: discard(index, before: sum(end, UInt64(detail & 1)))
    case 12:
      streams[index].trim(to: UInt64(amount), blocks: &blocks)
      models[index].trim(to: UInt64(amount), free: &free)
    case 13: restart(index, at: detail & 1 == 0 ? origin : sum(end, UInt64(amount)))
    case 14:
      streams[index].removeAll(blocks: &blocks)
      models[index].removeAll(free: &free)
    default: difference = read(index, amount)
    }
    return difference ?? compare(index, probe: sum(first, UInt64(amount)), isThorough: steps % 8 == 0)
  }

  private func sum(_ offset: UInt64, _ count: UInt64) -> UInt64 { offset + min(count, .max - offset) }

  private mutating func skip(_ index: Int, to offset: UInt64) {
    streams[index].skip(to: offset)
    models[index].skip(to: offset)
  }

  private mutating func discard(_ index: Int, before offset: UInt64) {
    streams[index].discard(before: offset, blocks: &blocks)
    models[index].discard(before: offset, free: &free)
  }

  /// The stream's cursor reads as many pieces, or jumps beyond the end.
  private mutating func read(_ index: Int, _ amount: Int) -> String? {
    if amount == 0xffff { cursors[index].advance(by: .max - 3) }
    for _ in 0..<min(amount, 20) {
      let before = cursors[index].offset
      let expected = models[index].piece(at: before)
      let piece = cursors[index].read(streams[index], blocks: blocks)
      if let difference = differ(piece, expected, at: before, models[index], isThorough: true) { return difference }
      let length: UInt64
      switch expected {
      case .bytes(let count), .gap(let count), .dropped(let count): length = count
      case .end: length = 0
      }
      if cursors[index].offset != before + length { return "a cursor moved to \(cursors[index].offset)" }
    }
    return nil
  }

  private func differ(
    _ piece: StreamPiece, _ expected: KeptStreamModel.Piece, at offset: UInt64, _ model: KeptStreamModel,
    isThorough: Bool
  ) -> String? {
    let found: KeptStreamModel.Piece
    switch piece {
    case .bytes(let bytes, let start):
      found = .bytes(UInt64(bytes.count))
      if start != offset { return "bytes of \(start) at \(offset)" }
      let right = model.bytes(at: offset)
      let isRight = isThorough ? bytes.elementsEqual(right) : bytes.first == right.first && bytes.last == right.last
      if !isRight { return "other bytes at \(offset)" }
    case .gap(let count): found = .gap(count)
    case .dropped(let count): found = .dropped(count)
    case .end: found = .end
    }
    return found == expected ? nil : "\(found) at \(offset) instead of \(expected)"
  }

  private func compare(_ index: Int, probe: UInt64, isThorough: Bool) -> String? {
    let stream = streams[index]
    let model = models[index]
    let counts = [
      stream.firstOffset, stream.nextOffset, stream.keptBytes, stream.droppedBytes, UInt64(stream.blockCount),
      UInt64(blocks.count),
    ]
    let expected = [
      model.first, model.end, UInt64(model.keptBytes), model.dropped, UInt64(model.blocks.count),
      UInt64(capacity - free),
    ]
    if counts != expected { return "\(counts) instead of \(expected)" }
    var offset = stream.firstOffset
    var boundary = offset
    for number in 0... {
      if number == steps % 8 { boundary = offset }
      let piece = model.piece(at: offset)
      let found = stream.next(from: offset, blocks: blocks)
      if let difference = differ(found, piece, at: offset, model, isThorough: isThorough) { return difference }
      switch piece {
      case .bytes(let count), .gap(let count), .dropped(let count): offset += count
      case .end: return compareRanges(stream, model, probe) ?? compareRanges(stream, model, boundary)
      }
    }
    return nil
  }

  private func compareRanges(_ stream: KeptStream, _ model: KeptStreamModel, _ probe: UInt64) -> String? {
    for offset in [0, probe, stream.firstOffset &- 1, stream.nextOffset] {
      let piece = stream.next(from: offset, blocks: blocks)
      let difference = differ(piece, model.piece(at: offset), at: offset, model, isThorough: false)
      if difference != nil { return difference }
    }
    let run = model.run(from: probe, limit: 2_000)
    let length = UInt64(run.count)
    let copied = withUnsafeTemporaryAllocation(byteCount: 2_000, alignment: 1) { buffer in
      let count = stream.copy(from: probe, into: buffer, blocks: blocks)
      return Array(buffer[..<count])
    }
    if copied != run { return "copy at \(probe): \(copied.count) bytes, \(run.count) expected, or others" }
    if length > 0, !stream.contains(probe..<probe + length, blocks: blocks) { return "no range at \(probe)" }
    if run.count < 2_000, probe + length < .max, stream.contains(probe..<probe + length + 1, blocks: blocks) {
      return "too long a range at \(probe)"
    }
    let start = model.blocks.first { $0.end > probe }.map { max($0.start, max(probe, model.first)) }
    let range = stream.range(from: probe, blocks: blocks)
    if range?.lowerBound != start { return "a range at \(probe) from \(range?.lowerBound ?? 0)" }
    if let range {
      var last = range.lowerBound
      for block in model.blocks where block.start <= last { last = max(last, block.end) }
      if range.upperBound != last { return "the range \(range) ends elsewhere" }
    }
    return nil
  }

  private mutating func finish() -> String? {
    for index in streams.indices { streams[index].removeAll(blocks: &blocks) }
    return blocks.count == 0 ? nil : "\(blocks.count) blocks were not given back"
  }
}
