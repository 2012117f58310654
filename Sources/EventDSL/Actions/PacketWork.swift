// Unsafe: owns the memory in which packets are changed. Invariant: while `isChanged`, `changed` describes the packet: in the
// editor if `isLoaded`, else where it lay, if frames may be changed there, or as a copy in `memory`.
import DualStackTracker
import MOSCore

/// The packet that is on its way through the middleboxes of an engine with filters: what was decided and changed so far.
struct PacketWork: ~Copyable {
  /// Where on its way the packet is.
  enum Stage {
    case none
    case wire
    case sender
    case receiver
  }

  /// A change of the payload's length that waits until its middlebox is done with the packet.
  struct Replacement: BitwiseCopyable {
    var offset: Int
    var count: Int
    var newStart: Int
    var newCount: Int
  }

  /// The most changes of its length that a middlebox can make to a packet.
  static let mostReplacements = 16
  /// The most bytes that can be put in one place.
  static let mostBytes = 2_048
  /// Bytes that an IP datagram may have behind a change.
  var mtu = 1_500

  private(set) var stage = Stage.none
  private(set) var isDropped = false
  /// The handler that dropped it.
  private(set) var dropper: UInt32 = 0
  /// The packet as it is now: `original`, or one that describes what the editor holds.
  private(set) var packet: UnsafePointer<DecodedPacket>
  /// Middleboxes that hold it, one bit each, and a handler of one.
  private(set) var holders: UInt64 = 0
  private(set) var holder: UInt32 = 0
  /// The number that the receiver expected before it, nil while nothing was known of it.
  private(set) var receiverNext: UInt32?
  private(set) var isChanged = false
  private(set) var hasNewNumbers = false
  private(set) var replacementCount = 0
  /// The most bytes of an IP datagram in which it leaves, if it came in fragments; 0 if it did not.
  private(set) var fragmentLength: UInt32 = 0
  /// What such fragments of IPv6 are given; 0 for any.
  var identification: UInt32 = 0
  /// Addresses and ports of packets that come from outside may be changed where they lie.
  var changesInPlace = false
  /// Its checksum of TCP is left to the port at which it leaves, as long as nobody changes it.
  private(set) var leavesChecksum = false
  private var isInPlace = false
  /// It may be changed where it lies, and nothing was decided or put elsewhere.
  private var isFree = false
  /// The ends of what `changed` describes can be changed without the editor.
  private var isRewritten = false
  private var isLoaded = false
  private var growth = 0
  private let changed: UnsafeMutablePointer<DecodedPacket>
  var editor: PacketEditor
  private let memory: UnsafeMutableRawBufferPointer
  private let base: UnsafeMutableRawPointer
  private let replacements: UnsafeMutablePointer<Replacement>
  private let newBytes: UnsafeMutableRawPointer
  private var newBytesCount = 0

  init() {
    memory = .allocate(byteCount: 128 << 10, alignment: 64)
    base = memory.baseAddress!
    editor = PacketEditor(buffer: memory)
    changed = .allocate(capacity: 1)
    changed.initialize(to: DecodedPacket(frame: UnsafeRawPointer(base)))
    packet = UnsafePointer(changed)
    replacements = .allocate(capacity: PacketWork.mostReplacements)
    newBytes = .allocate(byteCount: PacketWork.mostReplacements * PacketWork.mostBytes, alignment: 16)
  }

  deinit {
    memory.deallocate()
    changed.deallocate()
    replacements.deallocate()
    newBytes.deallocate()
  }

  /// Begins with a packet, which a middlebox made (it may be one that `leavesChecksum`) or which came from outside.
  /// `fragmentLength` is that of a datagram that was put together, and leaves in fragments again; 0 for any other packet.
  mutating func begin(
    _ original: UnsafePointer<DecodedPacket>, isMade: Bool = false, leavesChecksum: Bool = false,
    fragmentLength: UInt32 = 0
  ) {
    packet = original
    self.leavesChecksum = leavesChecksum
    self.fragmentLength = fragmentLength
    stage = .wire
    isDropped = false
    holders = 0
    isChanged = false
    hasNewNumbers = false
    isLoaded = false
    isRewritten = false
    isInPlace = changesInPlace && !isMade
    isFree = false
    forgetReplacements()
  }

  /// The packet is that far.
  mutating func enter(_ stage: Stage) {
    self.stage = stage
    isRewritten = false
    isFree = stage == .sender && isInPlace
  }

  /// Drops the packet.
  mutating func drop(by node: UInt32) {
    guard stage != .none, !isDropped else { return }
    isDropped = true
    isRewritten = false
    isFree = false
    dropper = node
  }

  /// The receiver's tracked stack takes the packet next.
  mutating func note(receiverNext: UInt32?) { self.receiverNext = receiverNext }

  /// Holds the packet, for middlebox `box`.
  mutating func hold(by node: UInt32, of box: Int) -> Bool {
    guard stage == .sender || stage == .receiver, !isDropped, box < HeldPackets.mostHolders else { return false }
    holders |= 1 &<< UInt64(box)
    holder = node
    return true
  }

  /// Middlebox `box` holds the packet no longer.
  mutating func letGo(of box: Int) {
    if box < HeldPackets.mostHolders { holders &= ~(1 &<< UInt64(box)) }
  }

  /// No middlebox holds the packet any longer.
  mutating func letGoOfAll() { holders = 0 }

  /// Changes the packet in place.
  mutating func edit(_ change: (inout PacketEditor) -> PacketEditOutcome) -> PacketEditOutcome {
    guard stage == .sender, !isDropped else { return stage == .none ? .noPacket : .tooLate }
    let outcome = load()
    guard outcome == .done else { return outcome }
    let result = change(&editor)
    if result == .done { describe() }
    return result
  }

  /// Changes both ends, where the packet has those that one of the changes is for.
  @inline(__always)
  mutating func rewrite(_ rewrites: inout FlowRewrite) -> PacketEditOutcome {
    guard isFree, packet.hasRewritableEnds else { return rewriteElsewhere(rewrites) }
    return withUnsafePointer(to: &rewrites) { UnsafeMutablePointer(mutating: packet).apply($0) }
  }

  /// The same of one that cannot be changed where it lies.
  @inline(never)
  private mutating func rewriteElsewhere(_ rewrites: borrowing FlowRewrite) -> PacketEditOutcome {
    if isRewritten || beginRewrite() { return withUnsafePointer(to: rewrites) { changed.apply($0) } }
    guard let rewrite = rewrites.rewrite(of: packet.pointee) else { return .otherEnds }
    let timeToLive = packet.pointee.timeToLive
    if timeToLive < rewrite.leastTimeToLive { return .timeToLiveExceeded }
    let new = rewrite.new
    return edit { editor in
      // None of them refuses what the first one does not.
      let outcome = editor.setSource(IPAddress(v4: new.source), port: new.sourcePort)
      guard outcome == .done else { return outcome }
      _ = editor.setDestination(IPAddress(v4: new.destination), port: new.destinationPort)
      return rewrite.isHop ? editor.setTimeToLive(timeToLive &- 1) : .done
    }
  }

  /// Sets source address and port.
  mutating func setSource(_ address: IPAddress, port: UInt16) -> PacketEditOutcome {
    guard address.isV4, isRewritten || beginRewrite() else { return edit { $0.setSource(address, port: port) } }
    changed.rewriteSource(address, port: port)
    return .done
  }

  /// Sets destination address and port.
  mutating func setDestination(_ address: IPAddress, port: UInt16) -> PacketEditOutcome {
    guard address.isV4, isRewritten || beginRewrite() else { return edit { $0.setDestination(address, port: port) } }
    changed.rewriteDestination(address, port: port)
    return .done
  }

  /// Makes the packet one whose ends can be changed without the editor, if it can be: where it lies, or in a copy.
  @inline(never) private mutating func beginRewrite() -> Bool {
    guard stage == .sender, !isDropped, !isLoaded, packet.hasRewritableEnds else { return false }
    completeChecksum()
    isRewritten = true
    isFree = false
    if isChanged { return true }
    if !isInPlace {
      let length = Int(packet.pointee.capturedLength)
      guard length <= memory.count else {
        isRewritten = false
        return false
      }
      base.copyMemory(from: packet.pointee.frame, byteCount: length)
    }
    // Handlers go on seeing the packet as it came to them.
    changed.copy(packet)
    if !isInPlace {
      let distance = UnsafeRawPointer(base) - packet.pointee.frame
      changed.pointee.frame += distance
      changed.pointee.network += distance
      changed.pointee.transport += distance
      changed.pointee.payload += distance
    }
    packet = UnsafePointer(changed)
    isChanged = true
    return true
  }

  /// Whether the packet's bytes are overwritten when the next packet is changed.
  var isInMemory: Bool { packet.pointee.frame == UnsafeRawPointer(base) }

  /// Notes a change of the payload's length.
  mutating func replace(at offset: Int, count: Int, with bytes: UnsafeRawBufferPointer) -> PacketEditOutcome {
    guard stage == .sender, !isDropped else { return stage == .none ? .noPacket : .tooLate }
    let outcome = load()
    guard outcome == .done else { return outcome }
    let end =
      replacementCount == 0 ? 0 : replacements[replacementCount - 1].offset + replacements[replacementCount - 1].count
    guard count >= 0, offset >= end, offset <= editor.payloadLength, count <= editor.payloadLength - offset else {
      return .outsidePayload
    }
    guard replacementCount < PacketWork.mostReplacements else { return .tooMany }
    let change = bytes.count - count
    guard bytes.count <= PacketWork.mostBytes, change <= 0 || editor.ipLength + growth + change <= mtu else {
      return .exceedsMTU
    }
    if let base = bytes.baseAddress { (newBytes + newBytesCount).copyMemory(from: base, byteCount: bytes.count) }
    replacements[replacementCount] = Replacement(
      offset: offset, count: count, newStart: newBytesCount, newCount: bytes.count)
    replacementCount += 1
    newBytesCount += bytes.count
    growth += change
    return .done
  }

  /// A change that waits.
  func replacement(_ index: Int) -> (place: Replacement, bytes: UnsafeRawBufferPointer) {
    let replacement = replacements[index]
    return (replacement, UnsafeRawBufferPointer(start: newBytes + replacement.newStart, count: replacement.newCount))
  }

  /// Bytes that a frame in `memory` can have.
  var capacity: Int { memory.count }

  /// Where a frame can be made, with the first `link` bytes of the packet's.
  mutating func memory(link: Int) -> UnsafeMutableRawPointer {
    completeChecksum()
    if packet.pointee.frame != UnsafeRawPointer(base) {
      base.copyMemory(from: packet.pointee.frame, byteCount: link)
    }
    return base
  }

  /// The packet is one that lies in `memory`.
  mutating func take(_ new: DecodedPacket, longest: UInt32?, identification: UInt32) {
    changed.pointee = new
    packet = UnsafePointer(changed)
    isChanged = true
    isLoaded = false
    isRewritten = false
    isFree = false
    if let longest { fragmentLength = longest }
    self.identification = identification
  }

  /// It leaves in fragments of at most so many bytes, or shorter ones as it came.
  mutating func keepFragments(_ longest: UInt32) {
    fragmentLength = fragmentLength == 0 ? longest : min(fragmentLength, longest)
  }

  /// Nothing waits any more.
  mutating func forgetReplacements() {
    replacementCount = 0
    newBytesCount = 0
    growth = 0
  }

  /// Takes the packet into the editor, unless it is there.
  mutating func load() -> PacketEditOutcome {
    if isLoaded { return .done }
    completeChecksum()
    let outcome = editor.load(packet)
    isLoaded = outcome == .done
    isRewritten = false
    isFree = false
    if isLoaded && isChanged { describe() }
    return outcome
  }

  /// Fills in a checksum that was left out, before the packet is changed: changes carry checksums along.
  @inline(__always) private mutating func completeChecksum() {
    if leavesChecksum { fillInChecksum() }
  }

  @inline(never) private mutating func fillInChecksum() {
    leavesChecksum = false
    // It lies where it was made, without anything behind it.
    let transport = packet.pointee.transport
    let length = Int(packet.pointee.capturedLength) - (transport - packet.pointee.frame)
    SegmentBuilder.completeChecksum(UnsafeMutableRawPointer(mutating: transport), count: length)
  }

  /// The packet is what the editor holds; `numbers` says that TCP's numbers or the payload's length are others.
  mutating func describe(numbers: Bool = false) {
    if !isChanged { changed.pointee = packet.pointee }
    editor.describe(into: &changed.pointee)
    packet = UnsafePointer(changed)
    isChanged = true
    if numbers { hasNewNumbers = true }
  }
}
