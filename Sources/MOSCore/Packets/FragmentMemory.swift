/// What is known of one block of fragment bytes.
struct FragmentBlock: BitwiseCopyable {
  /// The next block of the datagram, in the order of offsets; or of the free list. 0 for none.
  var next: UInt32 = 0
  /// Where its bytes start in the datagram's payload.
  var offset: UInt32 = 0
  /// How many bytes it has.
  var length: UInt32 = 0
  /// Where the fragment that it came with started and ended.
  var fragmentOffset: UInt32 = 0
  var fragmentEnd: UInt32 = 0

  var end: UInt32 { offset &+ length }
}

/// The memory of a `FragmentReassembler`: datagram records, hash buckets, blocks of fragment bytes, and an area for
/// completed datagrams, in one reservation of which only what is touched takes real memory.
///
/// Invariant: indices that are handed out lie in 1...count, so that every access stays inside of it; index 0
/// means none. Nothing else holds a pointer into it but the datagrams that were completed in the present burst.
struct FragmentMemory: ~Copyable {
  /// Bytes of one block: an Ethernet-sized fragment fits in one.
  static var blockSize: UInt32 { 2048 }
  /// Bytes for the datagrams that are completed in one burst.
  static var completedSize: Int { 4 << 20 }

  private let memory: ReservedMemory
  let datagramCount: UInt32
  let bucketMask: UInt32
  let blockCount: UInt32
  private let datagrams: UnsafeMutablePointer<FragmentedDatagram>
  private let buckets: UnsafeMutablePointer<UInt32>
  private let blocks: UnsafeMutablePointer<FragmentBlock>
  private let bytes: UnsafeMutableRawPointer
  let completed: UnsafeMutableRawPointer

  /// Reserves memory.
  init(datagramCount: UInt32, blockCount: UInt32) {
    var bucketCount = 16
    while bucketCount < Int(datagramCount) { bucketCount &*= 2 }
    let datagramsSize = (Int(datagramCount) &+ 1) &* MemoryLayout<FragmentedDatagram>.stride
    let bucketsSize = bucketCount &* MemoryLayout<UInt32>.stride
    let blocksSize = (Int(blockCount) &+ 1) &* MemoryLayout<FragmentBlock>.stride
    let bytesSize = (Int(blockCount) &+ 1) &* Int(Self.blockSize)
    func aligned(_ size: Int) -> Int { (size &+ 4095) & ~4095 }
    let total =
      aligned(datagramsSize) &+ aligned(bucketsSize) &+ aligned(blocksSize) &+ aligned(bytesSize) &+ Self.completedSize
    memory = ReservedMemory(byteCount: total)
    self.datagramCount = datagramCount
    self.blockCount = blockCount
    bucketMask = UInt32(bucketCount &- 1)
    var next = memory.base
    datagrams = next.assumingMemoryBound(to: FragmentedDatagram.self)
    next += aligned(datagramsSize)
    buckets = next.assumingMemoryBound(to: UInt32.self)
    next += aligned(bucketsSize)
    blocks = next.assumingMemoryBound(to: FragmentBlock.self)
    next += aligned(blocksSize)
    bytes = next
    next += aligned(bytesSize)
    completed = next
  }

  /// The record of datagram `index`.
  func datagram(_ index: UInt32) -> UnsafeMutablePointer<FragmentedDatagram> { datagrams + Int(index) }
  /// The head of the chain of a hash.
  func bucket(_ hash: UInt64) -> UnsafeMutablePointer<UInt32> {
    buckets + Int(UInt32(truncatingIfNeeded: hash) & bucketMask)
  }
  /// What is known of block `index`.
  func block(_ index: UInt32) -> UnsafeMutablePointer<FragmentBlock> { blocks + Int(index) }
  /// The bytes of block `index`.
  func bytes(_ index: UInt32) -> UnsafeMutableRawPointer { bytes + Int(index) &* Int(Self.blockSize) }
}
