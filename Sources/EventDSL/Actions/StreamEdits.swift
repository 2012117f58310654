import MOSCore
import MTCP

/// What one middlebox changed in the length of a flow's streams, for as long as the flow lives.
struct StreamEdits: BitwiseCopyable {
  /// The stream that the client sends, and the one that the server sends.
  var client: SequenceTranslation
  var server: SequenceTranslation
  /// For the edits that are held: the blocks with the bytes that were put in, by the edits' numbers.
  var clientBytes = HeldBytes()
  var serverBytes = HeldBytes()
  /// The middlebox.
  var box: UInt32
  /// The same of the flow's next middlebox that changed something, 0 for none.
  var next: UInt32

  /// Whether all numbers are what they were.
  var isIdentity: Bool { client.isIdentity && server.isIdentity }
}

/// Which block holds the bytes of which edit.
struct HeldBytes: BitwiseCopyable {
  private var starts = InlineArray<32, UInt32>(repeating: 0)
  private var blocks = InlineArray<32, UInt32>(repeating: 0)

  /// The block of the edit at `start`, 0 for none.
  func block(at start: SequenceNumber) -> UInt32 {
    for index in 0..<32 where blocks[index] != 0 && starts[index] == start.rawValue { return blocks[index] }
    return 0
  }

  /// Notes the block of an edit. There is a place for each edit that a translation holds.
  mutating func set(_ block: UInt32, at start: SequenceNumber) {
    for index in 0..<32 where blocks[index] == 0 {
      starts[index] = start.rawValue
      blocks[index] = block
      return
    }
  }

  /// Names the blocks of edits that `translation` no longer holds, one at a time, and forgets them; 0 when all are held.
  mutating func takeUnheld(_ translation: SequenceTranslation) -> UInt32 {
    for index in 0..<32 where blocks[index] != 0 {
      var isHeld = false
      for edit in 0..<translation.count where translation[edit].start.rawValue == starts[index] { isHeld = true }
      if isHeld { continue }
      defer { blocks[index] = 0 }
      return blocks[index]
    }
    return 0
  }

  /// Names all blocks one at a time, and forgets them; 0 when there are none.
  mutating func takeAny() -> UInt32 {
    for index in 0..<32 where blocks[index] != 0 {
      defer { blocks[index] = 0 }
      return blocks[index]
    }
    return 0
  }
}

/// Bytes that were put into a stream.
struct InsertedBytes: BitwiseCopyable {
  /// 2,048 bytes.
  var bytes = InlineArray<256, UInt64>(repeating: 0)
  var count: UInt32 = 0
}

extension StreamEdits {
  /// How the numbers of the stream change that `side` sends.
  func translation(_ side: Side) -> SequenceTranslation { side == .client ? client : server }
}

/// The edits of flows.
extension EngineCore {
  /// Whether the length of any flow's streams was changed, or is to be changed in the packet on its way.
  var changesLengths: Bool {
    @inline(__always) mutating get { streamEdits.count > 0 || work.pointee.replacementCount > 0 }
  }

  /// What a middlebox changed in the length of a flow's streams; nil if nothing.
  mutating func edits(of record: UnsafeMutablePointer<FlowRecord>, _ box: Int) -> UnsafeMutablePointer<StreamEdits>? {
    guard record.pointee.storage != 0 else { return nil }
    var index = storage.editsPlace(record.pointee.storage).pointee
    while index != 0 {
      let edits = streamEdits.pointer(index)
      if edits.pointee.box == UInt32(box) { return edits }
      index = edits.pointee.next
    }
    return nil
  }

  /// Whether the two ends of a flow count in different numbers.
  mutating func isTranslated(_ record: UnsafeMutablePointer<FlowRecord>) -> Bool {
    record.pointee.storage != 0 && storage.editsPlace(record.pointee.storage).pointee != 0
  }

  /// The same for a middlebox that changes something for the first time, in `packet`; nil when there is no room.
  mutating func beginEdits(
    of record: UnsafeMutablePointer<FlowRecord>, _ box: Int, _ packet: UnsafePointer<DecodedPacket>, _ sender: Side
  ) -> UnsafeMutablePointer<StreamEdits>? {
    let index = streamEdits.allocate()
    if index == 0 { return nil }
    if record.pointee.storage == 0 {
      record.pointee.storage = storage.allocate()
      listen(record)
    }
    let place = storage.editsPlace(record.pointee.storage)
    let sent = SequenceNumber(packet.pointee.sequence) + (packet.pointee.flags.contains(.syn) ? 1 : 0)
    let received = SequenceNumber(packet.pointee.acknowledgment)
    streamEdits.pointer(index).initialize(
      to: StreamEdits(
        client: SequenceTranslation(start: sender == .client ? sent : received),
        server: SequenceTranslation(start: sender == .client ? received : sent), box: UInt32(box), next: place.pointee))
    place.pointee = index
    return streamEdits.pointer(index)
  }

  /// Gives back what a flow's edits take.
  mutating func freeEdits(of storage: UInt32) {
    let place = self.storage.editsPlace(storage)
    while place.pointee != 0 {
      let edits = streamEdits.pointer(place.pointee)
      while case let block = edits.pointee.clientBytes.takeAny(), block != 0 { insertedBytes.free(block) }
      while case let block = edits.pointee.serverBytes.takeAny(), block != 0 { insertedBytes.free(block) }
      let next = edits.pointee.next
      streamEdits.free(place.pointee)
      place.pointee = next
    }
  }
}
