// Unsafe: works on the engine's core by pointer, because handlers reach it the same way. See `EngineCore`.
import DualStackTracker
import MOSCore
import MTCP

/// Keeping what was not read.
extension EngineStreams {
  /// Behind the last handler of both steps.
  @inline(__always)
  static func settle(
    _ core: UnsafeMutablePointer<EngineCore>, _ occurrence: UnsafeMutablePointer<Occurrence>
  ) {
    if core.pointee.streams.events.rawValue & core.pointee.tracker.events.set.rawValue == 0 { return }
    settleAll(occurrence, from: core.pointee.tracker.events.first)
  }

  /// Behind the last handler of one step.
  @inline(__always)
  static func settle(
    _ core: UnsafeMutablePointer<EngineCore>, _ flow: UInt32, _ packet: UnsafePointer<DecodedPacket>, _ hook: Hook
  ) {
    if core.pointee.streams.events.rawValue & core.pointee.tracker.events.set.rawValue == 0 { return }
    settleAll(
      core.pointee.begin(flow, packet),
      from: hook == .sender ? core.pointee.tracker.events.first : core.pointee.tracker.events.firstOfSecondStep)
  }

  @inline(never)
  private static func settleAll(
    _ occurrence: UnsafeMutablePointer<Occurrence>, from first: UnsafePointer<EventRecord>
  ) {
    let core = occurrence.pointee.core
    var event = first
    let end = core.pointee.tracker.events.end
    while event < end {
      switch event.pointee.kind {
      case .newData, .gap: settle(occurrence, event)
      case .connectionEnd: core.pointee.streams.removeAll(of: occurrence.pointee.record, in: core.pointee.blocks)
      default: break
      }
      event += 1
    }
    core.pointee.streams.chain = ChainPlace()
  }

  @inline(__always)
  private static func settle(
    _ occurrence: UnsafeMutablePointer<Occurrence>, _ event: UnsafePointer<EventRecord>
  ) {
    let core = occurrence.pointee.core
    let side = event.pointee.side
    let place = core.pointee.streams.sides[Int(side.rawValue)]
    if place.count == 0 { return }
    let index = occurrence.pointee.record.pointee.storage
    if index == 0, !place.startsOn { return }
    let storage = core.pointee.blocks[index != 0 ? index : Dispatch.takeStorage(occurrence)]
    let stream = core.pointee.streams.stream(side, in: storage)
    let end = event.pointee.end
    let need = core.pointee.streams.need(side, in: storage, start: event.pointee.offset, end: end)
    guard need.isRead, enter(core, event, stream) else { return }
    if need.lowest != .max || need.keepsLast { return keep(occurrence, event, need, storage, stream) }
    stream.pointee.discard(before: .max, blocks: &core.pointee.streams.blocks)
    stream.pointee.restart(at: end, blocks: &core.pointee.streams.blocks)
  }

  /// Copies what an event brought and somebody still needs.
  @inline(never)
  private static func keep(
    _ occurrence: UnsafeMutablePointer<Occurrence>, _ event: UnsafePointer<EventRecord>, _ need: Need,
    _ storage: UnsafeMutableRawPointer, _ stream: UnsafeMutablePointer<KeptStream>
  ) {
    let core = occurrence.pointee.core
    let end = event.pointee.end
    var start = event.pointee.offset
    if !need.keepsLast {
      stream.pointee.discard(before: need.lowest, blocks: &core.pointee.streams.blocks)
      if need.lowest > start {
        start = need.lowest
        stream.pointee.restart(at: start, blocks: &core.pointee.streams.blocks)
      }
    }
    let first = stream.pointee.firstOffset
    var hasMemory = true
    if event.pointee.kind == .gap {
      stream.pointee.skip(to: end)
    } else {
      if end &- start > need.limit {
        // Copying what is dropped at once would let a peer decide how much is copied.
        start = end &- need.limit
        stream.pointee.restart(at: start, blocks: &core.pointee.streams.blocks)
      }
      var offset = event.pointee.offset
      core.pointee.tracker.forEachSpan(of: event.pointee) { span in
        let next = offset &+ UInt64(span.count)
        if next > start {
          let known = start > offset ? Int(start &- offset) : 0
          let isWhole = stream.pointee.append(
            span.baseAddress! + known, count: UInt32(truncatingIfNeeded: span.count &- known),
            at: offset &+ UInt64(known), limit: need.limit, blocks: &core.pointee.streams.blocks)
          hasMemory = hasMemory && isWhole
        }
        offset = next
      }
    }
    if stream.pointee.firstOffset > max(need.lowest, first) {
      lose(occurrence, event.pointee.side, in: storage, from: first, to: stream.pointee.firstOffset, hasMemory)
    }
  }

  /// Counts what was dropped before it was read, and says so once for each reader.
  @inline(never)
  private static func lose(
    _ occurrence: UnsafeMutablePointer<Occurrence>, _ side: Side, in storage: UnsafeMutableRawPointer, from: UInt64,
    to: UInt64, _ hasMemory: Bool
  ) {
    let core = occurrence.pointee.core
    let place = core.pointee.streams.sides[Int(side.rawValue)]
    for index in place.first..<place.first + place.count {
      let reader = core.pointee.streams.readers + index
      let slot = (storage + reader.pointee.slot).assumingMemoryBound(to: ReaderSlot.self)
      guard slot.pointee.state == .reading, !reader.pointee.keepsLast, slot.pointee.cursor < to else { continue }
      let lost = to &- max(slot.pointee.cursor, from)
      if hasMemory {
        core.pointee.statistics.unreadBytes &+= lost
      } else {
        core.pointee.statistics.unkeptBytes &+= lost
      }
      if reader.pointee.isReported { continue }
      reader.pointee.isReported = true
      let name = core.pointee.streams.name(of: reader.pointee)
      Dispatch.report(
        occurrence, box: reader.pointee.box,
        hasMemory
          ? "\(name) leaves more than its limit of \(reader.pointee.limit) bytes unread: the oldest are dropped"
          : "\(name) leaves bytes unread, and there is no memory for more: the oldest are dropped")
    }
  }
}
