// Unsafe: links timers through raw memory it owns. Invariant: `nodes` has room for index 0, the timers 1...capacity and
// one list head for every slot and two more; the links of scheduled timers and heads form closed rings.
import CMachine

/// A hierarchical timing wheel (Varghese and Lauck, 1987) in packet time, for timers named by index 1...`capacity`.
///
/// Deadlines are exact to the nanosecond whatever the tick is: levels whose slots widen by a factor of 256 reach from
/// one nanosecond to the whole 64-bit range, a timer enters at the finest level of which 256 slots reach its deadline,
/// and moves to finer ones as time gets near. Slots that time has passed are found by bit sets, so that a leap of years
/// costs no more than the timers it passes.
///
/// A wide slot may hold the timers of a hundred thousand flows. It is emptied into finer slots a few timers at a time
/// while time is still in the slot before it, so that no packet waits for all of them. For this each level has twice
/// the 256 slots, those of the current and of the next slot of the level above.
///
/// Putting off a scheduled timer stores the new deadline and no more: the timer stays in its earlier slot, and is put
/// where it belongs when time gets there. So a timeout that every packet renews touches one cache line.
///
/// Timers that are due at once come in no particular order.
@frozen
public struct TimerWheel: ~Copyable {
  @frozen @usableFromInline
  struct Node: BitwiseCopyable {
    /// Nanoseconds in unsigned order (`TimerWheel.ordinal`).
    @usableFromInline var deadline: UInt64
    /// Neighbours in the slot's ring; `next` is 0 for a timer that is not scheduled.
    @usableFromInline var next: UInt32
    @usableFromInline var previous: UInt32
  }

  static var levelCount: Int { 9 }
  static var slotsOfLevel: Int { 512 }
  /// Timers that one call moves out of a wide slot ahead of its time.
  static var timersMovedAhead: Int { 4 }

  @usableFromInline let nodes: UnsafeMutablePointer<Node>
  /// Eight words of bits for each level: which slots hold timers.
  @usableFromInline let occupied: UnsafeMutablePointer<UInt64>
  /// The time that slots are reckoned from: the latest that was given. Occupied slots are among the 512 after its own.
  @usableFromInline var current: UInt64
  /// Before this no timer is due and none is to be moved; 0 while some are known to be due.
  @inlinable var earliest: UInt64 {
    get { Self.ordinal(earliestTime) }
    set { earliestTime = Timestamp(nanoseconds: Int64(bitPattern: newValue ^ 1 &<< 63)) }
  }
  /// The same as a time, which is what every packet's is compared with.
  @usableFromInline var earliestTime: Timestamp
  @usableFromInline var scheduled: Int
  @usableFromInline let last: UInt32
  /// Place value, in bits, of level 1; level 0 counts nanoseconds, and each level from 1 is 8 bits above the one before.
  @usableFromInline let firstShift: Int
  /// The first level whose slots are emptied ahead of their time: those of a millisecond or more. At least 2.
  let firstWideLevel: Int
  /// Levels that may hold timers, one bit each.
  @usableFromInline var levels: UInt32
  @usableFromInline let memory: ReservedMemory

  /// A wheel for timers 1...`capacity` (1 to 2^31). `tickNanoseconds`, rounded up to a power of two, is the width of the
  /// slots of one level; it decides the widths of all others by factors of 256, and nothing else: with the default of
  /// 8.4 ms, timers within 2.1 s enter at that level, and timers within 9 minutes in slots of 2.1 s.
  public init(capacity: Int, tickNanoseconds: Int64 = 1 << 23) {
    precondition(capacity >= 1 && capacity <= 1 << 31, "a timer wheel holds 1 to 2^31 timers")
    precondition(tickNanoseconds >= 1, "a tick lasts at least a nanosecond")
    let bits = tickNanoseconds == 1 ? 0 : 64 - (tickNanoseconds - 1).leadingZeroBitCount
    firstShift = bits & 7
    firstWideLevel = firstShift >= 4 ? 3 : 4
    last = UInt32(capacity)
    let heads = Self.levelCount * Self.slotsOfLevel + 2
    let nodeBytes = (capacity + 1 + heads) * MemoryLayout<Node>.stride
    memory = ReservedMemory(byteCount: nodeBytes + Self.levelCount * 64)
    nodes = memory.base.bindMemory(to: Node.self, capacity: capacity + 1 + heads)
    occupied = (memory.base + nodeBytes).bindMemory(to: UInt64.self, capacity: Self.levelCount * 8)
    current = 0
    earliestTime = Timestamp(nanoseconds: .max)
    scheduled = 0
    levels = 0
    for head in last + 1...last + UInt32(heads) {
      nodes[Int(head)].next = head
      nodes[Int(head)].previous = head
    }
  }

  /// Timers that are scheduled.
  @inlinable public var count: Int { scheduled }

  /// The largest index.
  @inlinable public var capacity: Int { Int(last) }

  /// Head of the ring of timers found due.
  var dueHead: UInt32 { last &+ 1 }
  /// Head of the ring of timers taken out of passed slots; empty between calls.
  private var passedHead: UInt32 { last &+ 2 }
  func head(level: Int, slot: UInt64) -> UInt32 {
    last &+ 3 &+ UInt32(truncatingIfNeeded: level &<< 9) &+ UInt32(truncatingIfNeeded: slot & 511)
  }

  /// A time as a number without sign, in the same order.
  @inlinable @inline(__always) static func ordinal(_ time: Timestamp) -> UInt64 {
    UInt64(bitPattern: time.nanoseconds) ^ 1 &<< 63
  }

  /// Whether the timer is scheduled. `index` is 1...`capacity`, here and in all other methods.
  @inlinable public func isScheduled(_ index: UInt32) -> Bool {
    assert(index >= 1 && index <= last)
    return nodes[Int(index)].next != 0
  }

  /// The time for which the timer was set last.
  @inlinable public func deadline(of index: UInt32) -> Timestamp {
    assert(index >= 1 && index <= last)
    return Timestamp(nanoseconds: Int64(bitPattern: nodes[Int(index)].deadline ^ 1 &<< 63))
  }

  /// A time before which no timer is due, and not before the latest that was given; nil when none is scheduled.
  /// Whoever gives `nextExpired` these times one after the other, up to the present, gets timers in the order of their
  /// deadlines.
  public var nextDue: Timestamp? {
    if scheduled == 0 { return nil }
    var result = current
    if nodes[Int(dueHead)].next == dueHead {
      result = firstTime { slot, _, shift in slot &<< shift }
    }
    return Timestamp(nanoseconds: Int64(bitPattern: result ^ 1 &<< 63))
  }

  /// Asks the cache for what `schedule` needs of the timer.
  @inlinable public func prefetch(_ index: UInt32) { mos_prefetch(nodes + Int(index)) }

  /// Sets the timer to go off at `deadline`, in place of an earlier setting. A deadline in the past is due at the next
  /// call of `nextExpired`.
  @inlinable public mutating func schedule(_ index: UInt32, at deadline: Timestamp) {
    assert(index >= 1 && index <= last)
    let time = Self.ordinal(deadline)
    let node = nodes + Int(index)
    if node.pointee.next != 0 && time >= node.pointee.deadline {
      node.pointee.deadline = time
      return
    }
    place(index, time)
  }

  /// Unsets the timer; no effect when it is not scheduled.
  @inlinable public mutating func cancel(_ index: UInt32) {
    if isScheduled(index) { unlink(index) }
  }

  /// Whether `nextExpired` has work at `now`: until it has, the wheel need not be told of the time.
  @inlinable @inline(__always) public func isDue(_ now: Timestamp) -> Bool { now >= earliestTime }

  /// Before this time `nextExpired` has no work.
  @inlinable @inline(__always) public var due: Timestamp { earliestTime }

  /// Moves the wheel to `now` where no timer is due and none is to be moved until then; `false`, and nothing is done,
  /// where `nextExpired` is to be asked.
  @inlinable @inline(__always) public mutating func passes(_ now: Timestamp) -> Bool {
    let time = Self.ordinal(now)
    guard time < earliest else { return false }
    if time > current { current = time }
    return true
  }

  /// A timer whose deadline is not after `now`, which is hereby unset; 0 when there is none. Call until it returns 0.
  ///
  /// A `now` before one given earlier counts as that earlier one. When nothing is due this takes a few instructions,
  /// except that once in a while it moves the timers of a slot to finer slots.
  @inlinable public mutating func nextExpired(_ now: Timestamp) -> UInt32 {
    let time = Self.ordinal(now)
    if time < earliest {
      // No occupied slot lies between: this is all there is to moving the wheel.
      if time > current { current = time }
      return 0
    }
    return takeExpired(time)
  }

  @usableFromInline mutating func takeExpired(_ time: UInt64) -> UInt32 {
    if time > current { advance(to: time) }
    while true {
      let index = nodes[Int(dueHead)].next
      if index == dueHead { break }
      let deadline = nodes[Int(index)].deadline
      unlink(index)
      if deadline <= current { return index }
      // Put off after it was found due.
      place(index, deadline)
    }
    moveAhead()
    earliest = earliestWorkTime()
    return 0
  }

  private func shift(ofLevel level: Int) -> UInt64 {
    level == 0 ? 0 : UInt64(truncatingIfNeeded: firstShift &+ (level &- 1) &* 8)
  }

  /// Links a timer into the slot of its deadline, out of any it is in.
  @usableFromInline mutating func place(_ index: UInt32, _ deadline: UInt64) {
    if nodes[Int(index)].next != 0 { unlink(index) }
    nodes[Int(index)].deadline = deadline
    scheduled &+= 1
    guard deadline > current else {
      earliest = 0
      link(index, before: dueHead)
      return
    }
    // The finest level of which 256 slots span the distance. The distance is at least one of its slots, so the slot
    // lies after the current one.
    let bits = 64 &- (deadline &- current).leadingZeroBitCount
    var level = (bits &- firstShift &+ 7) &>> 3
    var shift = shift(ofLevel: level)
    var slot = deadline &>> shift
    if level >= firstWideLevel && slot &- (current &>> shift) == 1 {
      // The slot that is being emptied ahead of its time: all of it lies within 512 slots of the level below.
      level &-= 1
      shift = self.shift(ofLevel: level)
      slot = deadline &>> shift
    }
    link(index, before: head(level: level, slot: slot))
    occupied[level &* 8 &+ Int(truncatingIfNeeded: slot &>> 6 & 7)] |= 1 &<< (slot & 63)
    levels |= 1 &<< UInt32(truncatingIfNeeded: level)
    earliest = min(earliest, workTime(level: level, slot: slot, shift: shift))
  }

  /// When a slot first needs work: at its start, or at the start of the slot before where it is emptied ahead.
  private func workTime(level: Int, slot: UInt64, shift: UInt64) -> UInt64 {
    (level >= firstWideLevel ? slot &- 1 : slot) &<< shift
  }

  private func link(_ index: UInt32, before head: UInt32) {
    let previous = nodes[Int(head)].previous
    nodes[Int(index)].next = head
    nodes[Int(index)].previous = previous
    nodes[Int(previous)].next = index
    nodes[Int(head)].previous = index
  }

  @usableFromInline mutating func unlink(_ index: UInt32) {
    let next = nodes[Int(index)].next
    let previous = nodes[Int(index)].previous
    nodes[Int(next)].previous = previous
    nodes[Int(previous)].next = next
    nodes[Int(index)].next = 0
    scheduled &-= 1
    if next == previous && next > last &+ 2 { clear(slotOrdinal: Int(next &- last &- 3)) }
  }

  private func clear(slotOrdinal: Int) {
    occupied[slotOrdinal &>> 6] &= ~(1 &<< UInt64(truncatingIfNeeded: slotOrdinal & 63))
  }

  /// Slots from `start` (taken modulo 512) to the next occupied one at or after it, 512 when the level is empty.
  func distanceToOccupied(level: Int, from start: UInt64) -> Int {
    let words = occupied + level &* 8
    let offset = Int(truncatingIfNeeded: start & 511)
    var word = offset &>> 6
    var bits = words[word] & (~0 &<< UInt64(truncatingIfNeeded: offset & 63))
    // The word of `start` comes last once more, for the slots before it.
    for step in 0..<9 {
      if bits != 0 {
        let distance = (word &<< 6 &+ bits.trailingZeroBitCount &- offset) & 511
        // Back at the first word: only slots before `start` are new, and there were none after it.
        return step == 0 ? bits.trailingZeroBitCount &- offset & 63 : distance
      }
      word = (word &+ 1) & 7
      bits = words[word]
    }
    return 512
  }

  /// Moves the wheel: timers of passed and current slots become due or go to finer slots.
  private mutating func advance(to time: UInt64) {
    let start = current
    current = time
    for level in 0..<Self.levelCount {
      let shift = shift(ofLevel: level)
      let passed = (time &>> shift) &- (start &>> shift)
      // Coarser levels are still in the same slot.
      if passed == 0 { break }
      if levels &>> UInt32(truncatingIfNeeded: level) & 1 != 0 {
        takeSlots(level: level, after: start &>> shift, count: Int(min(passed, 512)))
      }
    }
    // All passed slots are empty before any timer is placed, so none is placed among them and met again.
    while true {
      let index = nodes[Int(passedHead)].next
      if index == passedHead { break }
      let deadline = nodes[Int(index)].deadline
      unlink(index)
      place(index, deadline)
    }
  }

  /// Moves the rings of the `count` slots after slot number `slot` to the ring of `passedHead`.
  private func takeSlots(level: Int, after slot: UInt64, count: Int) {
    var step = 1
    while step <= count {
      step &+= distanceToOccupied(level: level, from: slot &+ UInt64(truncatingIfNeeded: step))
      if step > count { return }
      let head = head(level: level, slot: slot &+ UInt64(truncatingIfNeeded: step))
      let first = nodes[Int(head)].next
      let final = nodes[Int(head)].previous
      let before = nodes[Int(passedHead)].previous
      nodes[Int(before)].next = first
      nodes[Int(first)].previous = before
      nodes[Int(final)].next = passedHead
      nodes[Int(passedHead)].previous = final
      nodes[Int(head)].next = head
      nodes[Int(head)].previous = head
      clear(slotOrdinal: Int(head &- last &- 3))
      step &+= 1
    }
  }

  /// Moves some timers of the next slot of each wide level to finer slots.
  private mutating func moveAhead() {
    for level in firstWideLevel..<Self.levelCount where levels &>> UInt32(truncatingIfNeeded: level) & 1 != 0 {
      let head = head(level: level, slot: current &>> shift(ofLevel: level) &+ 1)
      for _ in 0..<Self.timersMovedAhead {
        let index = nodes[Int(head)].next
        if index == head { break }
        place(index, nodes[Int(index)].deadline)
      }
    }
  }

  /// The first time at which an occupied slot needs work, `.max` when there is none.
  private mutating func earliestWorkTime() -> UInt64 {
    for level in 0..<Self.levelCount where levels &>> UInt32(truncatingIfNeeded: level) & 1 != 0 {
      let slot = current &>> shift(ofLevel: level)
      if distanceToOccupied(level: level, from: slot &+ 1) == 512 {
        levels &= ~(1 &<< UInt32(truncatingIfNeeded: level))
      }
    }
    return firstTime { slot, level, shift in workTime(level: level, slot: slot, shift: shift) }
  }

  /// The least `time` of the first occupied slot of each level, `.max` when there is none.
  @inline(__always)
  private func firstTime(_ time: (_ slot: UInt64, _ level: Int, _ shift: UInt64) -> UInt64) -> UInt64 {
    var result = UInt64.max
    for level in 0..<Self.levelCount where levels &>> UInt32(truncatingIfNeeded: level) & 1 != 0 {
      let shift = shift(ofLevel: level)
      let slot = current &>> shift
      let distance = distanceToOccupied(level: level, from: slot &+ 1)
      if distance < 512 { result = min(result, time(slot &+ 1 &+ UInt64(truncatingIfNeeded: distance), level, shift)) }
    }
    return result
  }
}
