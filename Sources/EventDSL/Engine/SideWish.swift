// Unsafe: reaches flows' storage by pointer. Invariant: a flow with a mark has a block with a wish for each middlebox and
// side.
import DualStackTracker
import MOSCore

/// What one middlebox wants of one side of a flow. Middleboxes share the flow's tracking: it does what the one that wants
/// most wants, and each hears what it wants itself.
struct SideWish: BitwiseCopyable, Equatable {
  private var rawValue: UInt32

  /// Events, and bytes put in order in as much memory as the configuration allows.
  static var all: SideWish { SideWish(rawValue: 0) }
  /// Events, and no bytes.
  static var noBytes: SideWish { SideWish(rawValue: 1) }
  /// No events.
  static var nothing: SideWish { SideWish(rawValue: 2) }

  private init(rawValue: UInt32) { self.rawValue = rawValue }

  init(_ reassembly: Reassembly) {
    switch reassembly {
    case .on: self = .all
    case .limited(let bytes): rawValue = 3 + min(bytes, .max - 3)
    case .off: self = .noBytes
    }
  }

  /// How far bytes are to be put in order.
  var reassembly: Reassembly {
    switch rawValue {
    case 0: .on
    case 1, 2: .off
    default: .limited(rawValue - 3)
    }
  }
}

extension SideWish {
  /// Notes this as the wish of the middlebox whose handler runs. `false` when the tracker cannot do it, or when the middlebox
  /// has stopped monitoring the side before.
  func note(of side: Side, _ occurrence: UnsafeMutablePointer<Occurrence>) -> Bool {
    let core = occurrence.pointee.core
    let flow = occurrence.pointee.flow
    guard flow != 0, occurrence.pointee.record.pointee.end == .none else { return false }
    let index = Dispatch.storage(occurrence)
    let place = core.pointee.storage.wish(index, core.pointee.table.box(of: occurrence.pointee.node), side)
    let before = place.pointee
    if before == .nothing { return self == .nothing }
    place.pointee = self
    guard core.pointee.settle(side, of: flow, index) else {
      place.pointee = before
      return false
    }
    core.pointee.storage.wishMark(index).pointee = true
    if !core.pointee.hasWishes { core.pointee.table.askWishes() }
    core.pointee.hasWishes = true
    return true
  }
}

/// Wishes of the middleboxes.
extension EngineCore {
  /// What the middlebox whose handler runs wants of a side.
  func wish(of side: Side, _ occurrence: UnsafeMutablePointer<Occurrence>) -> SideWish {
    let index = occurrence.pointee.record.pointee.storage
    return index == 0 ? .all : storage.wish(index, table.box(of: occurrence.pointee.node), side).pointee
  }

  /// The tracker does what the middlebox that wants most wants.
  fileprivate mutating func settle(_ side: Side, of flow: UInt32, _ index: UInt32) -> Bool {
    var isHeard = false
    var most = Reassembly.off
    for box in 0..<table.boxCount {
      let wish = storage.wish(index, box, side).pointee
      isHeard = isHeard || wish != .nothing
      switch (most, wish.reassembly) {
      case (_, .off), (.on, _): break
      case (.limited(let one), .limited(let other)): most = .limited(max(one, other))
      case (_, let other): most = other
      }
    }
    if !isHeard { return tracker.stopMonitoring(flow, of: side) }
    // All bytes are put in order already where nothing was set; of datagrams none ever are.
    return tracker.setReassembly(most, of: side, in: flow) || most == .on || tracker.endpoint(side, of: flow) == nil
  }

  /// Who hears of the tracker's event: of what happens to a side those whose middlebox monitors it, of the flow's end all.
  mutating func listenAsWished(_ occurrence: UnsafeMutablePointer<Occurrence>) {
    let index = occurrence.pointee.record.pointee.storage
    guard index != 0, storage.wishMark(index).pointee else { return }
    let event = occurrence.pointee.event
    switch event.pointee.kind {
    case .connectionEnd: bits = blocks[index].assumingMemoryBound(to: UInt64.self)
    case .idle: listen(index, side: nil, needsBytes: false)
    case .packet:
      let sender = occurrence.pointee.sender
      listen(index, side: occurrence.pointee.hook == .sender ? sender : sender.peer, needsBytes: false)
    case .newData, .gap: listen(index, side: event.pointee.side, needsBytes: true)
    default: listen(index, side: event.pointee.side, needsBytes: false)
    }
  }

  /// What the flow listens to is what its middleboxes want to hear of a side, or of either.
  private mutating func listen(_ index: UInt32, side: Side?, needsBytes: Bool) {
    for word in 0..<table.words { wantedMask[word] = .max }
    for box in 0..<table.boxCount {
      let client = storage.wish(index, box, .client).pointee
      let server = storage.wish(index, box, .server).pointee
      let wish = side == .client || (side == nil && client != .nothing) ? client : server
      guard wish == .nothing || (needsBytes && wish == .noBytes) else { continue }
      for word in 0..<table.words { wantedMask[word] &= ~table.boxBits[box * table.words + word] }
    }
    bits = wantedBits
    maskWanted(blocks[index].assumingMemoryBound(to: UInt64.self))
  }

  /// Of what the flow listens to, what is wanted.
  func maskWanted(_ all: UnsafeMutablePointer<UInt64>) {
    for word in 0..<table.words { wantedBits[word] = all[word] & wantedMask[word] }
  }
}
