// Unsafe: works on the engine's core by pointer, because handlers reach it the same way. See `EngineCore`.
import DualStackTracker
import MTCP

/// Turning readers on and off for a flow.
extension EngineStreams {
  static func slot(
    _ occurrence: UnsafeMutablePointer<Occurrence>, _ reader: StreamReader, _ storage: UInt32
  ) -> UnsafeMutablePointer<ReaderSlot> {
    let core = occurrence.pointee.core
    return (core.pointee.blocks[storage] + core.pointee.places.offset(of: reader.number))
      .assumingMemoryBound(to: ReaderSlot.self)
  }

  static func start(_ occurrence: UnsafeMutablePointer<Occurrence>, _ reader: StreamReader) {
    let core = occurrence.pointee.core
    let storage = Dispatch.storage(occurrence)
    let slot = slot(occurrence, reader, storage)
    guard slot.pointee.state == .stopped else { return }
    guard let last = lastData(occurrence, reader.side) else {
      slot.pointee.state = .joining
      return
    }
    _ = enter(core, last, core.pointee.streams.stream(reader.side, in: core.pointee.blocks[storage]))
    slot.pointee.cursor = last == occurrence.pointee.event ? last.pointee.offset : last.pointee.end
    slot.pointee.state = .reading
  }

  static func stop(_ occurrence: UnsafeMutablePointer<Occurrence>, _ reader: StreamReader) {
    let storage = Dispatch.storage(occurrence)
    slot(occurrence, reader, storage).pointee.state = .stopped
    release(occurrence, storage)
  }

  /// The middlebox that an occurrence's handler belongs to reads no more of the flow.
  static func ignore(_ occurrence: UnsafeMutablePointer<Occurrence>) {
    let core = occurrence.pointee.core
    if core.pointee.streams.count == 0 { return }
    let storage = Dispatch.storage(occurrence)
    core.pointee.streams.stopAll(
      ofBox: core.pointee.table.box(of: occurrence.pointee.node), in: core.pointee.blocks[storage])
    release(occurrence, storage)
  }

  /// Stops the readers of a middlebox.
  func stopAll(ofBox box: Int, in storage: UnsafeMutableRawPointer) {
    for index in 0..<count where readers[index].box == box {
      (storage + readers[index].slot).assumingMemoryBound(to: ReaderSlot.self).pointee.state = .stopped
    }
  }

  /// Stops the readers of a side of the flow that the middlebox has whose handler runs.
  static func stop(_ occurrence: UnsafeMutablePointer<Occurrence>, _ side: Side) {
    let core = occurrence.pointee.core
    let place = core.pointee.streams.sides[Int(side.rawValue)]
    if place.count == 0 { return }
    let storage = Dispatch.storage(occurrence)
    let box = core.pointee.table.box(of: occurrence.pointee.node)
    for index in place.first..<place.first + place.count where core.pointee.streams.readers[index].box == box {
      (core.pointee.blocks[storage] + core.pointee.streams.readers[index].slot)
        .assumingMemoryBound(to: ReaderSlot.self).pointee.state = .stopped
    }
    release(occurrence, storage)
  }

  private static func release(_ occurrence: UnsafeMutablePointer<Occurrence>, _ storage: UInt32) {
    let core = occurrence.pointee.core
    if core.pointee.streams.depth > 0 {
      core.pointee.streams.isPending = true
    } else {
      core.pointee.streams.releaseAll(in: core.pointee.blocks[storage])
    }
  }
}
