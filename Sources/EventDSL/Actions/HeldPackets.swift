// Unsafe: copies frames into blocks of a slab. Invariant: a queue's frames form a chain from `first` to `last` by
// `following`, and each frame's blocks one by `next`; all of them are in use, and none is in two chains.
import DualStackTracker
import MOSCore

/// Packets that wait for the decision of a middlebox, in their order, by flow and direction.
struct HeldPackets: ~Copyable {
  /// A part of a frame; the first has what is known of the whole.
  struct Block: BitwiseCopyable {
    /// The frame's next part, 0 for none.
    var next: UInt32 = 0
    /// The first part of the frame behind, 0 for none.
    var following: UInt32 = 0
    var capturedLength: UInt32 = 0
    var wireLength: UInt32 = 0
    /// As of `PacketWork`.
    var fragmentLength: UInt32 = 0
    /// Where IP begins in the frame.
    var networkOffset: UInt16 = 0
    var linkType = LinkType.ethernet
    /// The port at which it came in.
    var ingress: UInt8 = 0
    var bytes = InlineArray<253, UInt64>(repeating: 0)
  }

  /// What one side sent and its peer has not got.
  struct Queue: BitwiseCopyable {
    var first: UInt32 = 0
    var last: UInt32 = 0
    var packets: UInt32 = 0
    var blocks: UInt32 = 0
    /// The middleboxes that hold it, one bit each.
    var holders: UInt64 = 0
    /// A handler of one that does.
    var node: UInt32 = 0
    /// The number that the receiver expected before the first of it, nil while nothing was known of it.
    var receiverNext: UInt32?
    /// What waited was dropped, and so is what follows.
    var isShut = false
  }

  /// What each side of a flow sent.
  typealias Directions = InlineArray<2, Queue>

  /// The most middleboxes of a row that can hold packets.
  static let mostHolders = 64
  /// The most blocks that one side's packets take while they wait: 2 MiB.
  static let mostBlocks: UInt32 = 1_024
  private static let blockBytes = 253 * 8

  private var flows: Slab<Directions>
  private var blocks: Slab<Block>

  /// Room for held packets of `flows` flows, of at most `bytes` in all.
  init(flows count: Int, bytes: Int) {
    flows = Slab(capacity: count)
    blocks = Slab(capacity: max(1, bytes / MemoryLayout<Block>.stride))
  }

  /// Flows of which packets are held or were.
  var flowCount: Int { flows.count }

  /// Memory that is taken.
  var bytesInUse: Int { blocks.count * MemoryLayout<Block>.stride }

  /// Takes the place of a flow.
  mutating func begin() -> UInt32 {
    let index = flows.allocate()
    // There is one for each flow.
    precondition(index != 0, "more flows with held packets than flows")
    flows.pointer(index).initialize(to: Directions(repeating: Queue()))
    return index
  }

  /// Gives it back. Precondition: nothing waits.
  mutating func end(_ index: UInt32) { flows.free(index) }

  /// What waits of a side's packets.
  func queue(_ index: UInt32, _ side: Side) -> UnsafeMutablePointer<Queue> {
    let queues = UnsafeMutableRawPointer(flows.pointer(index)).assumingMemoryBound(to: Queue.self)
    return queues + Int(side.rawValue)
  }

  /// How many blocks a packet takes.
  private func blocks(of packet: UnsafePointer<DecodedPacket>) -> Int {
    max(1, (Int(packet.pointee.capturedLength) + HeldPackets.blockBytes - 1) / HeldPackets.blockBytes)
  }

  /// Whether a packet can wait behind those of `queue`.
  func hasRoom(_ packet: UnsafePointer<DecodedPacket>, behind queue: UnsafeMutablePointer<Queue>?) -> Bool {
    let count = blocks(of: packet)
    return (queue?.pointee.blocks ?? 0) &+ UInt32(count) <= HeldPackets.mostBlocks
      && blocks.count + count <= blocks.capacity
  }

  /// Puts a packet behind those that wait. Precondition: there is room.
  mutating func append(
    _ packet: UnsafePointer<DecodedPacket>, fragmentLength: UInt32, ingress: UInt8,
    to queue: UnsafeMutablePointer<Queue>
  ) {
    let length = Int(packet.pointee.capturedLength)
    let count = blocks(of: packet)
    var rest: UInt32 = 0
    // The last part first, so that each knows the one behind it.
    for part in (0..<count).reversed() {
      let index = blocks.allocate()
      let block = blocks.pointer(index)
      block.initialize(to: Block())
      block.pointee.next = rest
      let start = part * HeldPackets.blockBytes
      withUnsafeMutableBytes(of: &block.pointee.bytes) { bytes in
        bytes.baseAddress!.copyMemory(
          from: packet.pointee.frame + start, byteCount: min(HeldPackets.blockBytes, length - start))
      }
      rest = index
    }
    let head = blocks.pointer(rest)
    head.pointee.capturedLength = packet.pointee.capturedLength
    head.pointee.wireLength = packet.pointee.wireLength
    head.pointee.fragmentLength = fragmentLength
    head.pointee.networkOffset = UInt16(truncatingIfNeeded: packet.pointee.network - packet.pointee.frame)
    head.pointee.linkType = packet.pointee.linkType
    head.pointee.ingress = ingress
    if queue.pointee.last == 0 {
      queue.pointee.first = rest
    } else {
      blocks.pointer(queue.pointee.last).pointee.following = rest
    }
    queue.pointee.last = rest
    queue.pointee.packets &+= 1
    queue.pointee.blocks &+= UInt32(count)
  }

  /// What is known of the packet that waits longest; nil when none waits.
  func front(_ queue: Queue) -> UnsafeMutablePointer<Block>? { queue.first == 0 ? nil : blocks.pointer(queue.first) }

  /// Takes that packet out, and puts its bytes at `target`, if there is one, which has room for its captured length.
  mutating func removeFront(of queue: UnsafeMutablePointer<Queue>, into target: UnsafeMutableRawPointer?) {
    var index = queue.pointee.first
    let head = blocks.pointer(index).pointee
    queue.pointee.first = head.following
    if head.following == 0 { queue.pointee.last = 0 }
    queue.pointee.packets &-= 1
    var done = 0
    while index != 0 {
      let block = blocks.pointer(index)
      let count = min(HeldPackets.blockBytes, Int(head.capturedLength) - done)
      if let target {
        withUnsafeBytes(of: &block.pointee.bytes) { bytes in
          (target + done).copyMemory(from: bytes.baseAddress!, byteCount: count)
        }
      }
      done += count
      let next = block.pointee.next
      blocks.free(index)
      queue.pointee.blocks &-= 1
      index = next
    }
  }
}
