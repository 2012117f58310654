// Unsafe: reaches streams and cursors by pointer. Invariant: `readers` has the readers of both sides; every block of a
// flow's storage has a slot for each, and a `KeptStream` for each side that has one.
import DualStackTracker
import MOSCore
import MTCP

/// What flows keep for their readers.
///
/// While the handlers of a step of the tracker run, the bytes that it brought lie where they came: what is kept ends where
/// they begin, and they are read in place. Behind the last handler, what somebody still needs is copied.
struct EngineStreams: ~Copyable {
  /// The memory of all streams.
  var blocks: Slab<KeptBlock>
  /// The events after which there is something to do; none without readers.
  let events: EventSet
  let sides: InlineArray<2, SidePlace>
  let readers: UnsafeMutablePointer<ReaderPlace>
  let count: Int
  private let names: [String]
  /// Where the last bytes in a chain were read.
  var chain = ChainPlace()
  /// Closures that read, inside of each other, and steps that can be undone: no memory is given back before all are over.
  var depth = 0
  /// The slots of all readers before a step that can be undone.
  let before: UnsafeMutablePointer<ReaderSlot>
  /// Memory for bytes that are given in one piece; none before it is needed first, or while it is lent.
  private var memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  private let memorySize: Int
  /// Something may have to be given back then.
  var isPending = false

  /// Streams of at most `bytes` in all. `values` is where values begin in a flow's storage.
  init(_ registry: Registry, values: Int, bytes: Int) {
    let declared = registry.readers
    let most = Int(UInt32.max) - 2
    blocks = Slab(capacity: declared.isEmpty ? 1 : max(1, min(bytes / MemoryLayout<KeptBlock>.stride, most)))
    events = declared.isEmpty ? EventSet(rawValue: 0) : EngineStreams.readEvents
    // For what may wait for a reader, and a packet behind it.
    memorySize = Int(min(1 << 24, declared.map(\.reader.limit).max() ?? 0)) + 65_536
    readers = .allocate(capacity: max(1, declared.count))
    before = .allocate(capacity: max(1, declared.count))
    count = declared.count
    names = declared.map(\.name)
    var sides = InlineArray<2, SidePlace>(repeating: SidePlace())
    var count = 0
    for side in [Side.client, .server] {
      var place = SidePlace(stream: values + (registry.readStreams[Int(side.rawValue)] ?? 0), first: count)
      for (index, declaration) in declared.enumerated() where declaration.reader.side == side {
        let reader = declaration.reader
        (readers + count).initialize(
          to: ReaderPlace(
            slot: values + declaration.slot, limit: reader.limit, keepsLast: reader.keepsLast, isOn: reader.isOn,
            box: declaration.box, declaration: index))
        place.startsOn = place.startsOn || reader.isOn
        count += 1
      }
      place.count = count - place.first
      sides[Int(side.rawValue)] = place
    }
    self.sides = sides
  }

  deinit {
    readers.deallocate()
    before.deallocate()
    memory.deallocate()
  }

  /// Memory to put bytes together in, for a closure.
  mutating func borrowMemory() -> UnsafeMutableRawBufferPointer {
    let lent = memory
    memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    return lent.baseAddress != nil ? lent : .allocate(byteCount: memorySize, alignment: 16)
  }

  /// Takes the memory back. Of several, where closures are inside of each other, one is enough.
  mutating func giveBack(_ lent: UnsafeMutableRawBufferPointer) {
    if memory.baseAddress == nil { memory = lent } else { lent.deallocate() }
  }

  /// The events that change what there is to read.
  static var readEvents: EventSet {
    EventSet(rawValue: EventSet(.newData).rawValue | EventSet(.gap).rawValue | EventSet(.connectionEnd).rawValue)
  }

  /// Memory that is taken.
  var bytesInUse: Int { blocks.count * MemoryLayout<KeptBlock>.stride }

  /// What a reader is called.
  func name(of reader: ReaderPlace) -> String { names[reader.declaration] }

  @inline(__always)
  func stream(_ side: Side, in storage: UnsafeMutableRawPointer) -> UnsafeMutablePointer<KeptStream> {
    (storage + sides[Int(side.rawValue)].stream).assumingMemoryBound(to: KeptStream.self)
  }

  /// What the readers of a side need of a stream that has come to `end`.
  struct Need: BitwiseCopyable {
    /// The lowest cursor of those that have not come to the end.
    var lowest = UInt64.max
    /// How many bytes may wait for them, or are kept in any case.
    var limit: UInt64 = 0
    /// The last bytes are kept in any case.
    var keepsLast = false
    /// Somebody reads at all.
    var isRead = false
  }

  /// What is needed of a side. `start` is where the event begins that is settled: there begin readers that join.
  @inline(__always)
  func need(_ side: Side, in storage: UnsafeMutableRawPointer, start: UInt64? = nil, end: UInt64) -> Need {
    var need = Need()
    let place = sides[Int(side.rawValue)]
    for index in place.first..<place.first &+ place.count {
      let reader = readers + index
      let slot = (storage + reader.pointee.slot).assumingMemoryBound(to: ReaderSlot.self)
      if slot.pointee.state != .reading {
        guard slot.pointee.state == .joining, let start else { continue }
        slot.pointee.cursor = start
        slot.pointee.state = .reading
      }
      need.isRead = true
      if reader.pointee.keepsLast {
        need.keepsLast = true
        need.limit = max(need.limit, reader.pointee.limit)
      } else if slot.pointee.cursor < end {
        need.lowest = min(need.lowest, slot.pointee.cursor)
        need.limit = max(need.limit, reader.pointee.limit)
      }
    }
    return need
  }

  /// Gives back what nobody needs any more.
  @inline(never)
  mutating func releaseAll(in storage: UnsafeMutableRawPointer) {
    isPending = false
    release(.client, in: storage)
    release(.server, in: storage)
  }

  private mutating func release(_ side: Side, in storage: UnsafeMutableRawPointer) {
    if sides[Int(side.rawValue)].count == 0 { return }
    let stream = stream(side, in: storage)
    let need = need(side, in: storage, end: stream.pointee.nextOffset)
    if need.keepsLast {
      if need.lowest == .max { stream.pointee.trim(to: need.limit, blocks: &blocks) }
    } else {
      stream.pointee.discard(before: need.lowest, blocks: &blocks)
    }
  }

  /// Gives back all that a flow keeps. Its cursors stay.
  mutating func removeAll(of record: UnsafePointer<FlowRecord>, in blocks: StorageBlocks) {
    let storage = record.pointee.storage
    if storage == 0 { return }
    removeAll(.client, in: blocks[storage])
    removeAll(.server, in: blocks[storage])
  }

  @inline(__always)
  private mutating func removeAll(_ side: Side, in storage: UnsafeMutableRawPointer) {
    if sides[Int(side.rawValue)].count == 0 { return }
    stream(side, in: storage).pointee.discard(before: .max, blocks: &blocks)
  }
}
