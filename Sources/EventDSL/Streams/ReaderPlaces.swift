import DualStackTracker
import MTCP

/// A reader in one flow, in the flow's storage.
struct ReaderSlot: BitwiseCopyable {
  enum State: UInt8 {
    case stopped
    /// It begins with the next bytes, wherever they are.
    case joining
    case reading
  }

  /// Offset of the next byte that it reads.
  var cursor: UInt64 = 0
  var state: State
}

/// A reader in an engine.
struct ReaderPlace: BitwiseCopyable {
  /// Where its slot is in a flow's storage.
  var slot: Int
  var limit: UInt64
  var keepsLast: Bool
  /// It reads flows from their beginning.
  var isOn: Bool
  /// Its middlebox.
  var box: Int
  /// It was said that it lost bytes.
  var isReported = false
  /// Its place among the declarations.
  var declaration: Int
}

/// A side whose bytes are read, in an engine.
struct SidePlace: BitwiseCopyable {
  /// Where its `KeptStream` is in a flow's storage.
  var stream = 0
  /// Its readers in the table of readers.
  var first = 0
  var count = 0
  /// A reader reads from a flow's beginning.
  var startsOn = false
}

/// A reader as its middlebox declares it.
struct ReaderDeclaration {
  var reader: StreamReader
  var name: String
  /// The middlebox's place in the row.
  var box: Int
  /// Where its slot is among the values of a flow's storage.
  var slot: Int
}

extension Registry {
  /// A reader of the middlebox that is being declared.
  mutating func declare(_ reader: StreamReader, name: String) {
    let side = Int(reader.side.rawValue)
    if readStreams[side] == nil {
      // Storage is all zero at first, and so is a stream of which nothing is kept.
      let alignment = MemoryLayout<KeptStream>.alignment
      let offset = (localBytes + alignment - 1) / alignment * alignment
      readStreams[side] = offset
      localBytes = offset + MemoryLayout<KeptStream>.size
    }
    let slot = ReaderSlot(state: reader.isOn ? .reading : .stopped)
    reserve(
      reader.number, size: MemoryLayout<ReaderSlot>.size, alignment: MemoryLayout<ReaderSlot>.alignment,
      initialize: { $0.bindMemory(to: ReaderSlot.self, capacity: 1).initialize(to: slot) }, destroy: nil)
    readers.append(
      ReaderDeclaration(reader: reader, name: name, box: boxes.count - 1, slot: locals[locals.count - 1].offset))
  }
}
