/// Counters of a `FragmentReassembler`.
@frozen
public struct FragmentCounters: BitwiseCopyable, Sendable {
  /// Fragments that came.
  public var fragments: UInt64 = 0
  /// Datagrams that were completed.
  public var completed: UInt64 = 0
  /// Datagrams that were given up after the time-out, those that had been dropped before included.
  public var timedOut: UInt64 = 0
  /// Datagrams that were given up because a limit was reached.
  public var evicted: UInt64 = 0
  /// Datagrams that were dropped because their fragments contradict each other or would be too large.
  public var dropped: UInt64 = 0

  /// All zero.
  @inlinable public init() {}
}

/// Puts IPv4 and IPv6 fragments together (RFC 791 3.2, RFC 8200 4.5, RFC 5722).
///
/// Bounded in datagrams and in bytes; at a limit the oldest datagram goes. Time is packet time. Memory is reserved with
/// the first fragment and never grows. A completed datagram lies in the reassembler's memory until the next burst.
public struct FragmentReassembler: ~Copyable {
  /// What was counted.
  public private(set) var counters = FragmentCounters()
  /// Datagrams that wait for fragments now, dropped ones that have not timed out included.
  public private(set) var pendingDatagrams = 0

  /// The most blocks of one datagram: more fragments than a 64 KiB datagram has at a link MTU of 128 bytes are an attack
  /// on the time that finding a place for one takes.
  static var maximumBlocksPerDatagram: UInt32 { 1024 }

  private let datagramCount: UInt32
  private let blockCount: UInt32
  private let timeout: Int64
  private let seed: UInt64
  private let memory: FragmentMemory
  private var freeDatagram: UInt32 = 0
  private var unusedDatagram: UInt32 = 1
  private var freeBlock: UInt32 = 0
  private var unusedBlock: UInt32 = 1
  private var blocksLeft: UInt32 = 0
  private var oldest: UInt32 = 0
  private var newest: UInt32 = 0
  private var completedUsed = 0

  /// A reassembler for at most `maximumDatagrams` (1 to 1 Mi) at a time and `maximumBytes` (128 KiB to 1 GiB) of
  /// fragments; values outside are taken to the nearest bound. `timeout` is in nanoseconds.
  public init(
    maximumDatagrams: Int = 4096, maximumBytes: Int = 16 << 20, timeout: Int64 = 30_000_000_000
  ) {
    datagramCount = UInt32(max(1, min(maximumDatagrams, 1 << 20)))
    blockCount = UInt32(max(128 << 10, min(maximumBytes, 1 << 30))) / FragmentMemory.blockSize
    blocksLeft = blockCount
    memory = FragmentMemory(datagramCount: datagramCount, blockCount: blockCount)
    self.timeout = timeout
    seed = UInt64.random(in: .min ... .max)
  }

  /// Begins a burst: takes back the memory of the datagrams that were completed in the one before.
  @inline(__always)
  public mutating func beginBurst() { completedUsed = 0 }

  /// Takes one fragment.
  @inline(never)
  mutating func insert(_ fragment: Fragment) -> FragmentResult {
    var result = FragmentResult()
    counters.fragments &+= 1
    var fragment = fragment
    if fragment.moreFragments, fragment.length & 7 != 0 {
      // Only the last fragment may end anywhere. RFC 8200 4.5 has it discarded; for IPv4 hosts cut it.
      if fragment.isIPv6 {
        result.anomalies.insert(.extensionHeaderInvalid)
        return result
      }
      fragment.length &= ~7
    }
    guard fragment.length != 0 else {
      result.anomalies.insert(.ipTotalLengthInvalid)
      return result
    }
    let hash = fragment.key.hash(seed: seed)
    var index = find(fragment.key, hash: hash)
    if index != 0, isExpired(index, at: fragment.timestamp) {
      result.anomalies.insert(.fragmentTimeout)
      counters.timedOut &+= 1
      remove(index)
      index = 0
    }
    expire(at: fragment.timestamp)
    if index == 0 { index = start(fragment, hash: hash) }
    place(fragment, in: index, &result)
    return result
  }

  private func isExpired(_ index: UInt32, at now: Timestamp) -> Bool {
    now.since(memory.datagram(index).pointee.started) > timeout
  }

  private func find(_ key: FragmentKey, hash: UInt64) -> UInt32 {
    var index = memory.bucket(hash).pointee
    while index != 0 {
      let datagram = memory.datagram(index)
      if datagram.pointee.hash == hash, datagram.pointee.key == key { return index }
      index = datagram.pointee.chain
    }
    return 0
  }

  /// Gives up the datagrams whose time is over; the list is in the order in which they started.
  private mutating func expire(at now: Timestamp) {
    while oldest != 0, isExpired(oldest, at: now) {
      counters.timedOut &+= 1
      remove(oldest)
    }
  }

  private mutating func start(_ fragment: Fragment, hash: UInt64) -> UInt32 {
    if freeDatagram == 0, unusedDatagram > datagramCount {
      counters.evicted &+= 1
      remove(oldest)
    }
    let index: UInt32
    if freeDatagram != 0 {
      index = freeDatagram
      freeDatagram = memory.datagram(index).pointee.chain
    } else {
      index = unusedDatagram
      unusedDatagram &+= 1
    }
    let datagram = memory.datagram(index)
    datagram.initialize(
      to: FragmentedDatagram(key: fragment.key, hash: hash, started: fragment.timestamp, isIPv6: fragment.isIPv6))
    let bucket = memory.bucket(hash)
    datagram.pointee.chain = bucket.pointee
    bucket.pointee = index
    datagram.pointee.older = newest
    if newest != 0 { memory.datagram(newest).pointee.newer = index } else { oldest = index }
    newest = index
    pendingDatagrams &+= 1
    return index
  }

  private mutating func remove(_ index: UInt32) {
    releaseBlocks(index)
    let datagram = memory.datagram(index)
    let bucket = memory.bucket(datagram.pointee.hash)
    if bucket.pointee == index {
      bucket.pointee = datagram.pointee.chain
    } else {
      var before = bucket.pointee
      while memory.datagram(before).pointee.chain != index { before = memory.datagram(before).pointee.chain }
      memory.datagram(before).pointee.chain = datagram.pointee.chain
    }
    let older = datagram.pointee.older
    let newer = datagram.pointee.newer
    if older != 0 { memory.datagram(older).pointee.newer = newer } else { oldest = newer }
    if newer != 0 { memory.datagram(newer).pointee.older = older } else { newest = older }
    datagram.pointee.chain = freeDatagram
    freeDatagram = index
    pendingDatagrams &-= 1
  }

  private mutating func takeBlock() -> UInt32 {
    let index: UInt32
    if freeBlock != 0 {
      index = freeBlock
      freeBlock = memory.block(index).pointee.next
    } else {
      index = unusedBlock
      unusedBlock &+= 1
    }
    blocksLeft &-= 1
    return index
  }

  private mutating func releaseBlock(_ index: UInt32) {
    memory.block(index).pointee.next = freeBlock
    freeBlock = index
    blocksLeft &+= 1
  }

  private mutating func releaseBlocks(_ index: UInt32) {
    let datagram = memory.datagram(index)
    var block = datagram.pointee.firstBlock
    while block != 0 {
      let next = memory.block(block).pointee.next
      releaseBlock(block)
      block = next
    }
    if datagram.pointee.headerBlock != 0 { releaseBlock(datagram.pointee.headerBlock) }
    datagram.pointee.firstBlock = 0
    datagram.pointee.lastBlock = 0
    datagram.pointee.headerBlock = 0
    datagram.pointee.blockCount = 0
  }

  /// Drops a datagram, and what still comes of it.
  private mutating func poison(_ index: UInt32, _ anomaly: Anomaly, _ result: inout FragmentResult) {
    counters.dropped &+= 1
    releaseBlocks(index)
    memory.datagram(index).pointee.isDropped = true
    memory.datagram(index).pointee.dropReason = anomaly
    result.anomalies.insert(anomaly)
  }

  private mutating func place(_ fragment: Fragment, in index: UInt32, _ result: inout FragmentResult) {
    let datagram = memory.datagram(index)
    if datagram.pointee.isDropped {
      result.anomalies.insert(datagram.pointee.dropReason)
      return
    }
    let end = fragment.offset &+ fragment.length
    // For IPv6 the limit is on what follows the fixed header.
    let header = fragment.isIPv6 ? fragment.headerLength &- 40 : fragment.headerLength
    guard end &+ header <= 65_535, fragment.headerLength <= FragmentMemory.blockSize else {
      poison(index, .fragmentTooLarge, &result)
      return
    }
    if fragment.moreFragments
      ? datagram.pointee.hasLast && end > datagram.pointee.total
      : end < datagram.pointee.highestEnd || (datagram.pointee.hasLast && end != datagram.pointee.total)
    {
      poison(index, .fragmentOverlap, &result)
      return
    }
    // Appending in order is the usual case: nothing overlaps there.
    let appends = datagram.pointee.lastBlock == 0 || fragment.offset >= datagram.pointee.highestEnd
    if !appends, contradicts(fragment, index) {
      poison(index, .fragmentOverlap, &result)
      return
    }
    guard reserve(fragment, for: index, appends: appends, &result) else { return }
    if fragment.offset == 0, datagram.pointee.headerBlock == 0 { keepHeader(fragment, index) }
    if appends {
      keep(fragment, from: fragment.offset, to: end, after: datagram.pointee.lastBlock, in: index)
    } else {
      fill(fragment, index)
    }
    datagram.pointee.highestEnd = max(datagram.pointee.highestEnd, end)
    let fragmentHeader = fragment.isIPv6 ? IPv6FragmentHeader.length : 0
    datagram.pointee.longestFragment = max(
      datagram.pointee.longestFragment, fragment.headerLength &+ fragmentHeader &+ fragment.length)
    if !fragment.moreFragments {
      datagram.pointee.hasLast = true
      datagram.pointee.total = end
    }
    if datagram.pointee.hasLast, datagram.pointee.received == datagram.pointee.total { complete(index, &result) }
  }

  /// Makes sure that the blocks that the fragment needs at most are there, at the cost of older datagrams.
  private mutating func reserve(
    _ fragment: Fragment, for index: UInt32, appends: Bool, _ result: inout FragmentResult
  ) -> Bool {
    let blocks = memory.datagram(index).pointee.blockCount
    // One for each started block of the fragment, one for each hole between blocks that it may fill, and the header.
    let pieces = fragment.length / FragmentMemory.blockSize &+ 1
    let needed = (appends ? pieces : min(pieces &+ blocks &+ 1, fragment.length / 8 &+ 1)) &+ 1
    guard blocks &+ pieces <= Self.maximumBlocksPerDatagram else {
      poison(index, .fragmentLimit, &result)
      return false
    }
    while blocksLeft < needed {
      let victim = oldest == index ? memory.datagram(oldest).pointee.newer : oldest
      guard victim != 0 else {
        poison(index, .fragmentLimit, &result)
        return false
      }
      counters.evicted &+= 1
      remove(victim)
    }
    return true
  }

  /// Whether the fragment overlaps with others in a way that drops the datagram: with other bytes, and for IPv6 in any
  /// way but as an exact duplicate (RFC 5722 4).
  private func contradicts(_ fragment: Fragment, _ index: UInt32) -> Bool {
    let end = fragment.offset &+ fragment.length
    var block = memory.datagram(index).pointee.firstBlock
    while block != 0 {
      let piece = memory.block(block).pointee
      if piece.offset >= end { return false }
      if piece.end > fragment.offset {
        if fragment.isIPv6, piece.fragmentOffset != fragment.offset || piece.fragmentEnd != end { return true }
        let from = max(piece.offset, fragment.offset)
        let to = min(piece.end, end)
        let kept = UnsafeRawPointer(memory.bytes(block)) + Int(from &- piece.offset)
        let new = fragment.payload + Int(from &- fragment.offset)
        for position in 0..<Int(to &- from) where kept.load8(at: position) != new.load8(at: position) { return true }
      }
      block = piece.next
    }
    return false
  }

  /// Keeps the parts of a fragment that lie between the blocks that are there.
  private mutating func fill(_ fragment: Fragment, _ index: UInt32) {
    let end = fragment.offset &+ fragment.length
    var position = fragment.offset
    var before: UInt32 = 0
    var block = memory.datagram(index).pointee.firstBlock
    while block != 0, position < end {
      let piece = memory.block(block).pointee
      if piece.offset > position {
        before = keep(fragment, from: position, to: min(end, piece.offset), after: before, in: index)
      }
      if piece.offset >= end { return }
      position = max(position, piece.end)
      before = block
      block = piece.next
    }
    if position < end { keep(fragment, from: position, to: end, after: before, in: index) }
  }

  /// Keeps the fragment's bytes `from..<to` (offsets in the datagram) behind the block `after`, 0 for the front. Returns
  /// the last block.
  @discardableResult
  private mutating func keep(
    _ fragment: Fragment, from: UInt32, to: UInt32, after: UInt32, in index: UInt32
  ) -> UInt32 {
    let datagram = memory.datagram(index)
    var before = after
    var position = from
    while position < to {
      let length = min(to &- position, FragmentMemory.blockSize)
      let block = takeBlock()
      let next = before == 0 ? datagram.pointee.firstBlock : memory.block(before).pointee.next
      memory.block(block).initialize(
        to: FragmentBlock(
          next: next, offset: position, length: length, fragmentOffset: fragment.offset,
          fragmentEnd: fragment.offset &+ fragment.length))
      memory.bytes(block).copyMemory(
        from: fragment.payload + Int(position &- fragment.offset), byteCount: Int(length))
      if before == 0 { datagram.pointee.firstBlock = block } else { memory.block(before).pointee.next = block }
      if next == 0 { datagram.pointee.lastBlock = block }
      datagram.pointee.blockCount &+= 1
      datagram.pointee.received &+= length
      before = block
      position &+= length
    }
    return before
  }

  private mutating func keepHeader(_ fragment: Fragment, _ index: UInt32) {
    let block = takeBlock()
    let bytes = memory.bytes(block)
    bytes.copyMemory(from: fragment.header, byteCount: Int(fragment.headerLength))
    if fragment.isIPv6 { bytes.store8(fragment.nextHeader, at: Int(fragment.nextHeaderField)) }
    let datagram = memory.datagram(index)
    datagram.pointee.headerBlock = block
    datagram.pointee.headerLength = fragment.headerLength
  }

  /// Copies a datagram whose bytes are all there to where the decoder can read it, and forgets it.
  private mutating func complete(_ index: UInt32, _ result: inout FragmentResult) {
    let datagram = memory.datagram(index).pointee
    let size = Int(datagram.headerLength &+ datagram.total)
    // The first fragment's header may be longer than that of the one with the highest end.
    guard size <= (datagram.isIPv6 ? 65_575 : 65_535) else {
      poison(index, .fragmentTooLarge, &result)
      return
    }
    guard completedUsed &+ size <= FragmentMemory.completedSize else {
      counters.evicted &+= 1
      remove(index)
      result.anomalies.insert(.fragmentLimit)
      return
    }
    let output = memory.completed + completedUsed
    completedUsed &+= (size &+ 63) & ~63
    output.copyMemory(from: memory.bytes(datagram.headerBlock), byteCount: Int(datagram.headerLength))
    let payload = output + Int(datagram.headerLength)
    var block = datagram.firstBlock
    while block != 0 {
      let piece = memory.block(block).pointee
      (payload + Int(piece.offset)).copyMemory(from: memory.bytes(block), byteCount: Int(piece.length))
      block = piece.next
    }
    if datagram.isIPv6 {
      output.storeBE16(UInt16(truncatingIfNeeded: size &- 40), at: 4)
    } else {
      output.storeBE16(UInt16(truncatingIfNeeded: size), at: 2)
      output.storeBE16(0, at: 6)
      output.storeBE16(0, at: 10)
      output.storeBE16(Checksum.of(output, count: Int(datagram.headerLength)), at: 10)
    }
    counters.completed &+= 1
    remove(index)
    result.datagram = UnsafeRawPointer(output)
    result.length = UInt32(truncatingIfNeeded: size)
    result.longestFragment = datagram.longestFragment
  }
}
