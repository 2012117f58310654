// Unsafe: works on the engine's core by pointer, because handlers reach it the same way. See `EngineCore`.
import DualStackTracker
import MOSCore

/// Steps that are undone when a handler drops the packet after its receiver has taken it: then the receiver never had its
/// bytes, and readers stand where they stood. The bytes are read when they come again, which may be others.
extension EngineStreams {
  /// Before the handlers of such a step.
  static func hold(_ core: UnsafeMutablePointer<EngineCore>, _ flow: UInt32) {
    if core.pointee.streams.count == 0 { return }
    core.pointee.streams.depth &+= 1
    let storage = core.pointee.tracker.record(flow).pointee.storage
    for index in 0..<core.pointee.streams.count {
      let reader = core.pointee.streams.readers[index]
      core.pointee.streams.before[index] =
        storage == 0
        ? ReaderSlot(state: reader.isOn ? .reading : .stopped)
        : (core.pointee.blocks[storage] + reader.slot).assumingMemoryBound(to: ReaderSlot.self).pointee
    }
  }

  /// Behind them.
  static func letGo(
    _ core: UnsafeMutablePointer<EngineCore>, _ flow: UInt32, _ packet: UnsafePointer<DecodedPacket>, isUndone: Bool
  ) {
    if core.pointee.streams.count == 0 { return }
    core.pointee.streams.depth &-= 1
    if !isUndone { settle(core, flow, packet, .receiver) }
    let storage = core.pointee.tracker.record(flow).pointee.storage
    if storage == 0 { return }
    if isUndone { core.pointee.streams.undo(in: core.pointee.blocks[storage]) }
    if core.pointee.streams.isPending { core.pointee.streams.releaseAll(in: core.pointee.blocks[storage]) }
  }

  private mutating func undo(in storage: UnsafeMutableRawPointer) {
    chain = ChainPlace()
    for index in 0..<count {
      let slot = (storage + readers[index].slot).assumingMemoryBound(to: ReaderSlot.self)
      // What a handler stopped stays so, and what it started begins with the next bytes.
      if slot.pointee.state != .reading { continue }
      if before[index].state == .reading {
        slot.pointee.cursor = before[index].cursor
      } else {
        slot.pointee.state = .joining
      }
    }
  }
}
