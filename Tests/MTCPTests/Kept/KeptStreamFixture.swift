import MOSCore
import MTCP

/// A stream, its slab, and a reader that says in words what it reads.
final class KeptStreamFixture {
  var stream = KeptStream()
  var blocks: Slab<KeptBlock>

  init(blocks count: Int = 64) { blocks = Slab(capacity: count) }

  /// The byte at each offset is the same in all of these tests.
  static func byte(_ offset: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: offset &* 7 ^ offset >> 9) }

  @discardableResult
  func append(_ count: Int, at offset: UInt64? = nil, limit: UInt64 = .max) -> Bool {
    let start = offset ?? stream.nextOffset
    let bytes = (0..<UInt64(count)).map { Self.byte(start &+ $0) }
    return bytes.withUnsafeBytes {
      stream.append($0.baseAddress!, count: UInt32(count), at: start, limit: limit, blocks: &blocks)
    }
  }

  func discard(before offset: UInt64) { stream.discard(before: offset, blocks: &blocks) }

  enum Part: Equatable {
    case bytes(UInt64)
    case gap(UInt64)
    case dropped(UInt64)
    case wrong(UInt64)
  }

  /// What a reader is told from `offset` to the end, with the bytes of several blocks in one.
  func parts(from offset: UInt64 = 0) -> [Part] {
    var cursor = StreamCursor(offset: offset)
    var parts: [Part] = []
    while true {
      let at = cursor.offset
      switch cursor.read(stream, blocks: blocks) {
      case .bytes(let bytes, let start):
        let isRight = start == at && bytes.indices.allSatisfy { bytes[$0] == Self.byte(at &+ UInt64($0)) }
        if !isRight { parts.append(.wrong(at)) }
        if case .bytes(let before) = parts.last {
          parts[parts.count - 1] = .bytes(before + UInt64(bytes.count))
        } else {
          parts.append(.bytes(UInt64(bytes.count)))
        }
      case .gap(let count): parts.append(.gap(count))
      case .dropped(let count): parts.append(.dropped(count))
      case .end: return parts
      }
    }
  }

  func contains(_ range: Range<UInt64>) -> Bool { stream.contains(range, blocks: blocks) }
  func range(from offset: UInt64) -> Range<UInt64>? { stream.range(from: offset, blocks: blocks) }
}
