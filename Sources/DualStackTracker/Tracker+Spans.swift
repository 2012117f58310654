import MTCP

/// A place in the chain of a `newData` record, from which reading goes on quickly. At first the chain's beginning.
public struct ChainPlace: BitwiseCopyable {
  /// The chain.
  var chain: UInt32 = 0
  /// A piece of it.
  var piece: UInt32 = 0
  /// Bytes of the chain before that.
  var start: UInt64 = 0

  /// The beginning.
  public init() {}
}

extension Tracker {
  /// The bytes of a `newData` record from `position` on, as far as they lie together; valid until the tracker's next step.
  /// Empty behind the record's end. `place` is the beginning, or what earlier calls in the same step made of it.
  public func span(of event: EventRecord, at position: UInt64, _ place: inout ChainPlace) -> UnsafeRawBufferPointer {
    let own = UInt64(event.bytesLength)
    if position < own, let bytes = event.bytes {
      return UnsafeRawBufferPointer(start: bytes + Int(position), count: Int(own &- position))
    }
    guard event.chain != 0, position < event.length else { return UnsafeRawBufferPointer(start: nil, count: 0) }
    let target = position &- own &+ UInt64(event.chainSkip)
    if place.chain != event.chain || target < place.start {
      place.chain = event.chain
      place.piece = event.chain
      place.start = 0
    }
    var piece = pool.piece(place.piece)
    while target &- place.start >= UInt64(piece.bytes.count) {
      guard piece.next != 0 else { return UnsafeRawBufferPointer(start: nil, count: 0) }
      place.start &+= UInt64(piece.bytes.count)
      place.piece = piece.next
      piece = pool.piece(piece.next)
    }
    let from = Int(target &- place.start)
    let count = min(piece.bytes.count &- from, Int(event.length &- position))
    return UnsafeRawBufferPointer(rebasing: piece.bytes[from..<from + count])
  }
}
