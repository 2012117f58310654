// Unsafe: points into the flow's storage and at the tracker's events. Invariant: lives as long as the call of a handler
// that made it.
import DualStackTracker
import MTCP

/// A reader's stream while a handler runs: what is kept, and behind it what the tracker's step brought, up to the event
/// that the handler is told of.
struct OpenStream: BitwiseCopyable {
  let core: UnsafeMutablePointer<EngineCore>
  let storage: UnsafeMutableRawPointer
  let kept: UnsafeMutablePointer<KeptStream>
  let slot: UnsafeMutablePointer<ReaderSlot>
  /// The last bytes or gap of the step; any event when it brought none.
  let last: UnsafePointer<EventRecord>
  /// Offset behind what can be read.
  let end: UInt64

  /// `nil` when the reader does not read the flow, or nothing has come for it. Ends the process for a reader that no
  /// middlebox of the engine declares.
  @inline(__always)
  init?(_ occurrence: UnsafeMutablePointer<Occurrence>, _ reader: StreamReader) {
    core = occurrence.pointee.core
    let place = core.pointee.places.offset(of: reader.number)
    var last: UnsafePointer<EventRecord>? = occurrence.pointee.event
    if !occurrence.pointee.event.isData(of: reader.side) { last = EngineStreams.lastData(occurrence, reader.side) }
    self.last = last ?? occurrence.pointee.event
    var index = occurrence.pointee.record.pointee.storage
    if index == 0 {
      guard last != nil, reader.isOn else { return nil }
      index = Dispatch.takeStorage(occurrence)
    }
    storage = core.pointee.blocks[index]
    slot = (storage + place).assumingMemoryBound(to: ReaderSlot.self)
    kept = core.pointee.streams.stream(reader.side, in: storage)
    if slot.pointee.state != .reading {
      guard slot.pointee.state == .joining, let last, EngineStreams.enter(core, last, kept) else { return nil }
      slot.pointee.cursor = kept.pointee.nextOffset
      slot.pointee.state = .reading
    }
    if let last, EngineStreams.enter(core, last, kept) {
      end = last.pointee.end
    } else {
      end = kept.pointee.nextOffset
    }
  }

  /// What there is at an offset.
  @inline(__always)
  func piece(at offset: UInt64) -> StreamPiece {
    if offset < kept.pointee.nextOffset { return kept.pointee.next(from: offset, blocks: core.pointee.streams.blocks) }
    guard offset < end else { return .end }
    var event = last
    if offset < event.pointee.offset { event = EngineStreams.data(core, at: offset, event.pointee.side) ?? event }
    if event.pointee.kind == .gap { return .gap(event.pointee.end &- offset) }
    let position = offset &- event.pointee.offset
    if let bytes = event.pointee.bytes, position < UInt64(event.pointee.bytesLength) {
      return .bytes(
        UnsafeRawBufferPointer(
          start: bytes + Int(position), count: Int(UInt64(event.pointee.bytesLength) &- position)), at: offset)
    }
    return .bytes(
      core.pointee.tracker.span(of: event.pointee, at: position, &core.pointee.streams.chain), at: offset)
  }

  /// A closure that reads begins.
  @inline(__always)
  func begin() { core.pointee.streams.depth &+= 1 }

  /// It has returned. What nobody needs any more is given back.
  @inline(__always)
  func finish() {
    core.pointee.streams.depth &-= 1
    release()
  }

  /// Gives back what nobody needs any more, unless somebody reads.
  @inline(__always)
  func release() {
    if kept.pointee.firstOffset < kept.pointee.nextOffset { core.pointee.streams.isPending = true }
    if core.pointee.streams.isPending, core.pointee.streams.depth == 0 {
      core.pointee.streams.releaseAll(in: storage)
    }
  }
}
