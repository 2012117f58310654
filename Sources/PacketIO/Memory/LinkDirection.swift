// Unsafe: owns the slots' bytes. Invariant: `heap` and `free` have room for all slots; every slot is in exactly one of the
// first `flying` elements of `heap` and the first `freeCount` of `free`, and a flying frame's `bytes` is its slot.
import MOSCore

/// One direction of a link: frames enter at one end, and arrive at the other when virtual time comes to it.
///
/// A frame enters at the time that its time stamp says, leaves when those before it have left and the link has had the time
/// for its bytes, and arrives `latency` later, with that time as its time stamp. No
/// frame overtakes another, also where time stamps run backwards (it then arrives together with the one before), except
/// those that were picked for reordering.
public struct LinkDirection: ~Copyable {
  private struct Flight: BitwiseCopyable {
    var frame: CapturedFrame
    var number: UInt64
    var slot: UInt32

    func precedes(_ other: Flight) -> Bool {
      frame.timestamp == other.frame.timestamp ? number < other.number : frame.timestamp < other.frame.timestamp
    }
  }

  /// What was counted so far.
  public private(set) var statistics = LinkStatistics()
  private let configuration: LinkConfiguration
  private var generator: SplitMix64
  /// Of its own, so that damage does not change what the chances pick.
  private var corruption: SplitMix64
  /// The same for jitter and for bursts of losses.
  private var delays: SplitMix64
  private var bursts: SplitMix64
  private var isInBurst = false
  /// When the link has sent all that entered.
  private var isFree = Timestamp(nanoseconds: .min)
  private var nextNumber: UInt64 = 0
  private var latestArrival = Timestamp(nanoseconds: .min)
  private let heap: UnsafeMutablePointer<Flight>
  private var flying = 0
  private let free: UnsafeMutablePointer<UInt32>
  private var freeCount: Int
  private let stride: Int
  private let memory: ReservedMemory

  /// An empty direction.
  public init(_ configuration: LinkConfiguration) {
    precondition(
      min(configuration.latency, configuration.jitter, configuration.reorderingDelay) >= 0,
      "a link's delays are not negative")
    precondition(
      configuration.bandwidth.map { $0 >= 1 && $0 <= 1_000_000_000_000 } ?? true, "a link carries 1 to 10^12 bit/s")
    precondition(
      configuration.queueByteCount >= 0 && configuration.queueByteCount <= 1 << 40,
      "0 to 2^40 bytes wait for a link")
    precondition(configuration.lossBurstLength >= 1, "a burst has at least one frame")
    precondition(configuration.slots >= 1 && configuration.slots <= 1 << 20, "a link has 1 to 2^20 slots")
    let length = configuration.slotByteCount
    precondition(length >= 1 && length <= 1 << 24, "a slot has 1 byte to 16 MiB")
    self.configuration = configuration
    generator = SplitMix64(state: configuration.seed)
    corruption = SplitMix64(state: configuration.seed ^ 0x5a5a_5a5a_5a5a_5a5a)
    delays = SplitMix64(state: configuration.seed ^ 0x3c3c_3c3c_3c3c_3c3c)
    bursts = SplitMix64(state: configuration.seed ^ 0x6969_6969_6969_6969)
    stride = (length + 63) & ~63
    memory = ReservedMemory(byteCount: configuration.slots * stride)
    heap = .allocate(capacity: configuration.slots)
    free = .allocate(capacity: configuration.slots)
    freeCount = configuration.slots
    // The first slot is on top.
    for slot in 0..<freeCount { free[slot] = UInt32(freeCount - 1 - slot) }
  }

  deinit {
    heap.deallocate()
    free.deallocate()
  }

  /// Frames under way.
  public var underWay: Int { flying }

  /// When the next frame arrives; `nil` when none is under way.
  public var nextArrival: Timestamp? { flying > 0 ? heap[0].frame.timestamp : nil }

  /// Moves virtual time on: all frames that have arrived by `time` come into `sink`, in the order of their arrival.
  /// Returns how many there were; what the sink does not take is dropped, and counted there.
  @discardableResult
  public mutating func advance<Sink: FrameSink & ~Copyable>(to time: Timestamp, into sink: inout Sink) -> Int {
    var count = 0
    while flying > 0, heap[0].frame.timestamp <= time {
      _ = withUnsafePointer(to: heap[0].frame) { sink.deliver($0, count: 1) }
      free[freeCount] = heap[0].slot
      freeCount &+= 1
      removeFirst()
      count &+= 1
    }
    statistics.arrived &+= UInt64(count)
    return count
  }

  private mutating func enter(_ frame: CapturedFrame) -> Bool {
    statistics.entered &+= 1
    // Always drawn, so that one chance's value does not change what the others pick.
    let isLost = generator.chance(configuration.loss)
    let isDuplicated = generator.chance(configuration.duplication)
    let isReordered = generator.chance(configuration.reordering)
    let isInBurst = isBurst()
    guard let departure = leave(frame) else {
      statistics.dropped &+= 1
      return false
    }
    if isLost || isInBurst {
      statistics.lost &+= 1
      return true
    }
    let damage = damage(to: frame)
    let travel = configuration.latency &+ delays.number(upTo: configuration.jitter)
    var arrival = max(latestArrival, departure.advanced(by: travel))
    if isReordered {
      statistics.reordered &+= 1
      arrival = arrival.advanced(by: configuration.reorderingDelay)
    } else {
      latestArrival = arrival
    }
    let isTaken = launch(frame, arrival: arrival, damage: damage)
    if isDuplicated {
      statistics.duplicated &+= 1
      _ = launch(frame, arrival: arrival, damage: damage)
    }
    return isTaken
  }

  /// When a frame has left: behind those that wait, and the time that its bytes take. Nil where too much waits.
  private mutating func leave(_ frame: CapturedFrame) -> Timestamp? {
    guard let bandwidth = configuration.bandwidth else { return frame.timestamp }
    let start = max(isFree, frame.timestamp)
    let waiting = Double(start.since(frame.timestamp)) * Double(bandwidth) / 8e9
    if waiting > Double(configuration.queueByteCount) { return nil }
    // Rounded up: no more than that is carried.
    let bits = Int64(frame.wireLength) &* 8
    isFree = start.advanced(by: Int64((Double(bits) * 1e9 / Double(bandwidth)).rounded(.up)))
    return isFree
  }

  /// Whether a frame is lost in a burst.
  private mutating func isBurst() -> Bool {
    if isInBurst {
      isInBurst = !bursts.chance(1 / configuration.lossBurstLength)
    } else {
      isInBurst = bursts.chance(configuration.lossBurst)
    }
    return isInBurst
  }

  /// The bit of a frame that is to be inverted, if it was picked for that.
  private mutating func damage(to frame: CapturedFrame) -> Int? {
    let isCorrupted = corruption.chance(configuration.corruption)
    let number = corruption.next()
    let first = 14
    guard isCorrupted, Int(frame.capturedLength) > first else { return nil }
    statistics.corrupted &+= 1
    return first &* 8 &+ Int(number % UInt64((Int(frame.capturedLength) &- first) &* 8))
  }

  private mutating func launch(_ frame: CapturedFrame, arrival: Timestamp, damage: Int?) -> Bool {
    let length = Int(frame.capturedLength)
    guard freeCount > 0, length <= configuration.slotByteCount else {
      statistics.dropped &+= 1
      return false
    }
    freeCount &-= 1
    let slot = free[freeCount]
    let bytes = memory.base + Int(slot) &* stride
    bytes.copyMemory(from: frame.bytes, byteCount: length)
    if let damage {
      let value = bytes.load(fromByteOffset: damage / 8, as: UInt8.self)
      bytes.storeBytes(of: value ^ 1 << UInt8(damage % 8), toByteOffset: damage / 8, as: UInt8.self)
    }
    var kept = frame
    kept.bytes = UnsafeRawPointer(bytes)
    kept.timestamp = arrival
    insert(Flight(frame: kept, number: nextNumber, slot: slot))
    nextNumber &+= 1
    return true
  }

  private mutating func insert(_ flight: Flight) {
    var index = flying
    flying &+= 1
    while index > 0 {
      let parent = (index &- 1) / 2
      guard flight.precedes(heap[parent]) else { break }
      (heap + index).initialize(to: heap[parent])
      index = parent
    }
    (heap + index).initialize(to: flight)
  }

  private mutating func removeFirst() {
    flying &-= 1
    let last = heap[flying]
    var index = 0
    while true {
      var least = 2 &* index &+ 1
      if least >= flying { break }
      if least &+ 1 < flying, heap[least &+ 1].precedes(heap[least]) { least &+= 1 }
      guard heap[least].precedes(last) else { break }
      heap[index] = heap[least]
      index = least
    }
    if flying > 0 { heap[index] = last }
  }
}

extension LinkDirection: FrameSink {
  /// Frames enter the link. One that is lost by chance counts as taken, since whoever sends cannot know.
  public mutating func deliver(_ frames: UnsafePointer<CapturedFrame>, count: Int) -> Int {
    var taken = 0
    for index in 0..<max(0, count) where enter(frames[index]) { taken &+= 1 }
    return taken
  }
}

/// SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
private struct SplitMix64 {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ value &>> 30) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ value &>> 27) &* 0x94d0_49bb_1331_11eb
    return value ^ value &>> 31
  }

  /// 0 to `limit`, which is not negative.
  mutating func number(upTo limit: Int64) -> Int64 { Int64(next() % (UInt64(limit) &+ 1)) }

  /// True with the given probability: never for 0, always for 1.
  mutating func chance(_ probability: Double) -> Bool { Double(next() &>> 11) * 0x1p-53 < probability }
}
