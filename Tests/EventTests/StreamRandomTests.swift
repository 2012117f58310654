import EventDSL
import EventSupport
import TestSupport
import Testing

/// What one side received, as the events and as its readers said it.
private final class Ledger {
  /// Bytes at their offsets, `nil` in gaps, as `newData` and `gap` said.
  var told: [UInt8?] = []
  /// The same as a reader was given it.
  var read: [UInt8?] = []
  /// The same of a reader with a small limit, with -1 for what was dropped.
  var readSmall: [Int?] = []
  /// What a parser consumed.
  var parsed: [UInt8?] = []
}

/// Readers of all kinds, that consume at random.
private struct RandomReaders: Middlebox {
  let whole = [StreamReader(of: .client, limit: 1 << 20), StreamReader(of: .server, limit: 1 << 20)]
  let small = [StreamReader(of: .client, limit: 700), StreamReader(of: .server, limit: 700)]
  let tail = [StreamReader(of: .client, last: 900), StreamReader(of: .server, last: 900)]
  let ledgers: [Ledger]
  let generator: Generator

  final class Generator {
    var numbers: SeededGenerator
    init(seed: UInt64) { numbers = SeededGenerator(seed: seed) }
  }

  init(seed: UInt64) {
    ledgers = [Ledger(), Ledger()]
    generator = Generator(seed: seed)
  }

  var events: some EventGraph {
    On(.newData) { event in
      let side = Int(event.receiver.rawValue)
      #expect(event.offset == UInt64(ledgers[side].told.count))
      event.forEachSpan { ledgers[side].told += $0.array.map { Optional($0) } }
      if !generator.numbers.once(in: 3) { read(event.flow, side) }
    }
    On(.gap) { event in
      let side = Int(event.receiver.rawValue)
      #expect(event.offset == UInt64(ledgers[side].told.count))
      ledgers[side].told += [UInt8?](repeating: nil, count: Int(event.length))
      if generator.numbers.once(in: 2) { read(event.flow, side) }
    }
    On(.stateChange) { event in
      if generator.numbers.once(in: 2) { read(event.flow, generator.numbers.number(0...1)) }
    }
    On(.connectionEnd) { event in
      for side in 0...1 {
        checkTail(event.flow, side)
        read(event.flow, side, all: true)
      }
    }
  }

  /// Reads by each reader: all that there is, or some of it.
  private func read(_ flow: borrowing Flow, _ side: Int, all: Bool = false) {
    let ledger = ledgers[side]
    #expect(flow[whole[side]].offset == UInt64(ledger.read.count))
    #expect(flow[whole[side]].nextOffset == UInt64(ledger.told.count))
    flow.read(whole[side]) { chunk in
      let count = all ? .max : generator.numbers.number(0...900)
      switch chunk {
      case .bytes(let bytes):
        let consumed = bytes.array.prefix(count)
        ledger.read += consumed.map { Optional($0) }
        return .first(consumed.count)
      case .gap(let length):
        let consumed = min(Int(length), count)
        ledger.read += [UInt8?](repeating: nil, count: consumed)
        return .first(consumed)
      case .dropped:
        Issue.record("dropped")
        return .all
      }
    }
    if !all && generator.numbers.once(in: 2) { return }
    flow.read(small[side]) { chunk in
      switch chunk {
      case .bytes(let bytes): ledger.readSmall += bytes.array.map { Optional(Int($0)) }
      case .gap(let length): ledger.readSmall += [Int?](repeating: nil, count: Int(length))
      case .dropped(let length): ledger.readSmall += [Int?](repeating: -1, count: Int(length))
      }
      return .all
    }
  }

  /// The last bytes are there, by offset; and before them nothing.
  private func checkTail(_ flow: borrowing Flow, _ side: Int) {
    let told = ledgers[side].told
    let bytes = told.compactMap { $0 }.suffix(900)
    var found: [UInt8] = []
    flow.peek(tail[side], from: flow[tail[side]].firstOffset) { chunk in
      if case .bytes(let span) = chunk { found += span.array }
      return .all
    }
    #expect(found.suffix(bytes.count) == bytes)
    if let start = told.indices.dropLast(20).randomElement(using: &generator.numbers), start >= told.count - 900 {
      let expected = told[start..<start + 20].prefix { $0 != nil }.map { $0! }
      withUnsafeTemporaryAllocation(byteCount: 20, alignment: 1) { buffer in
        let count = flow.copy(tail[side], from: UInt64(start), into: buffer)
        #expect(Array(buffer[..<count]) == expected)
      }
    }
  }
}

@Suite("Random streams")
struct StreamRandomTests {
  @Test(
    "Reordered, repeated and lost, connections are read as newData and gap tell them, whatever is consumed when",
    arguments: 0..<10)
  func random(block: Int) throws {
    for seed in block * 25..<block * 25 + 25 {
      var generator = SeededGenerator(seed: UInt64(seed) + 7_000_000)
      let connection = RandomConnection(seed: UInt64(seed), timestampsGrow: generator.once(in: 2))
      let box = RandomReaders(seed: UInt64(seed))
      var script = try EventScript([box], burst: generator.once(in: 2) ? 1 : 32, streamBytes: 8 << 20)
      var packets = generator.once(in: 4) ? connection.packets : connection.shuffled(distance: 6, &generator)
      if !generator.once(in: 3) { packets.removeAll { !$0.payload.isEmpty && generator.once(in: 12) } }
      for index in packets.indices where generator.once(in: 8) { packets.insert(packets[index], at: index) }
      for index in packets.indices { packets[index].time = Double(index) * 0.001 }
      script.play(packets)
      script.finish()
      for (side, text) in [(0, connection.serverText), (1, connection.clientText)] {
        let ledger = box.ledgers[side]
        #expect(ledger.read == ledger.told, "seed \(seed)")
        #expect(ledger.readSmall.count == ledger.told.count, "seed \(seed)")
        for (read, told) in zip(ledger.readSmall, ledger.told) where read != -1 {
          #expect(read == told.map { Int($0) }, "seed \(seed)")
        }
        // And what was told is what was sent.
        for (offset, byte) in ledger.told.enumerated() {
          if let byte { #expect(offset < text.count && text[offset] == byte, "seed \(seed), offset \(offset)") }
        }
      }
      #expect(script.engine.streamBytesInUse == 0, "seed \(seed)")
    }
  }
}
