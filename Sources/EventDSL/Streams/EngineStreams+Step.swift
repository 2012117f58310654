// Unsafe: walks the tracker's events by pointer. Invariant: they lie one behind the other from `first` to `end`, and stay
// there until the tracker's next step.
import DualStackTracker
import MTCP

/// What the tracker's step says of a side's bytes: `newData` and `gap`, each of which begins where the one before ends.
extension EngineStreams {
  /// The last up to the event of an occurrence; `nil` for none, and where the event is none of the tracker's.
  @inline(never)
  static func lastData(
    _ occurrence: UnsafeMutablePointer<Occurrence>, _ side: Side
  ) -> UnsafePointer<EventRecord>? {
    let core = occurrence.pointee.core
    var event = occurrence.pointee.event
    let first = core.pointee.tracker.events.first
    guard event >= first, event < core.pointee.tracker.events.end else { return nil }
    while true {
      if event.isData(of: side) { return event }
      if event == first { return nil }
      event -= 1
    }
  }

  /// The one with the byte at `offset`.
  @inline(never)
  static func data(
    _ core: UnsafeMutablePointer<EngineCore>, at offset: UInt64, _ side: Side
  ) -> UnsafePointer<EventRecord>? {
    var event = core.pointee.tracker.events.first
    let end = core.pointee.tracker.events.end
    while event < end {
      if event.isData(of: side), event.pointee.offset <= offset, offset < event.pointee.end { return event }
      event += 1
    }
    return nil
  }

  /// Brings a stream to where the step goes on, if nobody has read it for a while. `false` when it has all of the step up
  /// to `last`.
  @inline(__always)
  static func enter(
    _ core: UnsafeMutablePointer<EngineCore>, _ last: UnsafePointer<EventRecord>,
    _ stream: UnsafeMutablePointer<KeptStream>
  ) -> Bool {
    if stream.pointee.nextOffset == last.pointee.offset { return true }
    return enterElsewhere(core, last, stream)
  }

  @inline(never)
  private static func enterElsewhere(
    _ core: UnsafeMutablePointer<EngineCore>, _ last: UnsafePointer<EventRecord>,
    _ stream: UnsafeMutablePointer<KeptStream>
  ) -> Bool {
    let next = stream.pointee.nextOffset
    if next >= last.pointee.end { return false }
    var event = core.pointee.tracker.events.first
    while !event.isData(of: last.pointee.side) { event += 1 }
    if next < event.pointee.offset {
      stream.pointee.restart(at: event.pointee.offset, blocks: &core.pointee.streams.blocks)
    }
    return true
  }
}

extension EventRecord {
  /// Offset behind what it is about.
  @inline(__always) var end: UInt64 { offset &+ length }
}

extension UnsafePointer where Pointee == EventRecord {
  /// Whether it is about bytes that a side received, or never will.
  @inline(__always)
  func isData(of side: Side) -> Bool {
    pointee.side == side && (pointee.kind == .newData || pointee.kind == .gap)
  }
}
