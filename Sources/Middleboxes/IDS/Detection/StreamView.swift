// Unsafe: owns the bytes. Invariant: `base` has room for `capacity` bytes, of which `count` are there.
import MOSCore

/// What is looked at of one direction of a flow: its last bytes, and where among them the turn of the conversation began,
/// which is what came since the other side spoke.
///
/// Turns begin where the peer's bytes end, and older bytes are given up at places that follow from the stream alone: so it
/// does not matter how the stream was cut into segments.
final class StreamView {
  /// Bytes that there can be.
  static let longest = 16_384
  /// Bytes that are kept when there is no more room.
  static let overlap = 1_024
  /// Bytes of earlier turns that are kept when one begins.
  static let longestPast = 2_560

  @exclusivity(unchecked) private var base: UnsafeMutableRawPointer?
  @exclusivity(unchecked) private var capacity = 0
  @exclusivity(unchecked) private(set) var count = 0
  /// Where the turn began; nil when that has been given up.
  @exclusivity(unchecked) private(set) var turn: Int? = 0
  @exclusivity(unchecked) var literals: LiteralStream?
  /// Rules that could match, in no order.
  @exclusivity(unchecked) var candidates: [UInt32] = []
  /// Rules that matched in this turn, or cannot match in these bytes any more.
  @exclusivity(unchecked) var settled: Set<UInt32> = []
  /// Rules about messages whose literal is in these bytes.
  @exclusivity(unchecked) var ofMessages: [UInt32] = []
  /// Bytes that candidates were asked about last.
  @exclusivity(unchecked) var askedCount = 0
  /// Rules without a literal are among the candidates.
  @exclusivity(unchecked) var hasOthers = false

  deinit { base?.deallocate() }

  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }
  var room: Int { Self.longest - count }

  /// Adds at most `room` bytes.
  func append(_ bytes: UnsafeRawBufferPointer) {
    guard let source = bytes.baseAddress, !bytes.isEmpty else { return }
    if base == nil || count + bytes.count > capacity { grow(to: count + bytes.count) }
    (base! + count).copyMemory(from: source, byteCount: bytes.count)
    count += bytes.count
  }

  private func grow(to needed: Int) {
    // Most flows say little: no more than they need.
    capacity = min(max(capacity / 2 * 3, (needed + 255) & ~255), Self.longest)
    let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
    if let base { larger.copyMemory(from: base, byteCount: count) }
    base?.deallocate()
    base = larger
  }

  /// The bytes of the turn; nil when its beginning has been given up.
  var turnBytes: UnsafeRawBufferPointer? { turn.map { UnsafeRawBufferPointer(rebasing: bytes[$0...]) } }

  /// The same; all bytes when its beginning has been given up.
  var turnOrRest: UnsafeRawBufferPointer { turnBytes ?? bytes }

  /// Begins a turn.
  func beginTurn() {
    if count > Self.longestPast { keepLast(Self.longestPast) }
    turn = count
    settled.removeAll(keepingCapacity: true)
    beginSearch()
  }

  /// Begins what comes behind a gap: nobody knows where in its turn that is.
  func beginBehindGap() {
    begin()
    turn = nil
  }

  /// Makes room in the middle of a turn.
  func goOn() {
    keepLast(Self.overlap)
    turn = nil
    beginSearch()
  }

  /// Begins a stream.
  func begin() {
    count = 0
    beginTurn()
    // A bulk transfer is over: its memory is of use to others.
    if capacity > 4_096 {
      base?.deallocate()
      base = nil
      capacity = 0
    }
  }

  /// The last bytes, as many as a literal may have that goes on in what comes next.
  func tail(_ length: Int) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes.suffix(length)) }

  private func keepLast(_ length: Int) {
    if let base { base.copyMemory(from: base + (count - length), byteCount: length) }
    count = length
  }

  /// Begins to search for other rules, of which some are settled.
  func replaceRules(settled: Set<UInt32>) {
    literals = nil
    beginSearch()
    self.settled = settled
  }

  private func beginSearch() {
    candidates.removeAll(keepingCapacity: true)
    ofMessages.removeAll(keepingCapacity: true)
    askedCount = 0
    hasOthers = false
    literals?.reset()
  }
}
