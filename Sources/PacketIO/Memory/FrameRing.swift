// Unsafe: owns the slots' bytes and descriptors. Invariant: of the `slots` descriptors, the `lent` ones before `first`
// and the `count` ones from `first` on (both modulo `slots`) are initialised, and each one's `bytes` is its own slot in
// `memory`, of `slotByteCount` bytes.
import MOSCore

/// A bounded queue of frames in slots of one size. All memory is had at the start, and touched as it is first used.
///
/// Frames that were lent keep their slots until the next ones are, so that their bytes stay as they are.
struct FrameRing: ~Copyable {
  let slots: Int
  let slotByteCount: Int
  private(set) var count = 0
  private var lent = 0
  private var first = 0
  private let descriptors: UnsafeMutablePointer<CapturedFrame>
  private let stride: Int
  private let memory: ReservedMemory

  init(slots: Int, slotByteCount: Int) {
    precondition(slots >= 1 && slots <= 1 << 20, "a ring has 1 to 2^20 slots")
    precondition(slotByteCount >= 1 && slotByteCount <= 1 << 24, "a slot has 1 byte to 16 MiB")
    self.slots = slots
    self.slotByteCount = slotByteCount
    stride = (slotByteCount + 63) & ~63
    memory = ReservedMemory(byteCount: slots * stride)
    descriptors = .allocate(capacity: slots)
  }

  deinit { descriptors.deallocate() }

  /// Copies the frame to the queue's end. Returns `false`, with nothing done, when it is too long or all slots are in use.
  mutating func append(_ frame: CapturedFrame) -> Bool {
    let length = Int(frame.capturedLength)
    guard length <= slotByteCount, count &+ lent < slots else { return false }
    let position = wrapped(first &+ count)
    let bytes = memory.base + position &* stride
    bytes.copyMemory(from: frame.bytes, byteCount: length)
    var kept = frame
    kept.bytes = UnsafeRawPointer(bytes)
    (descriptors + position).initialize(to: kept)
    count &+= 1
    return true
  }

  /// Lends the oldest frames, up to `capacity`, and takes those back that were lent before.
  mutating func lend(into frames: UnsafeMutablePointer<CapturedFrame>, capacity: Int) -> Int {
    lent = max(0, min(capacity, count))
    for index in 0..<lent { frames[index] = descriptors[wrapped(first &+ index)] }
    first = wrapped(first &+ lent)
    count &-= lent
    return lent
  }

  /// Moves the oldest frames, up to `limit`, into `sink`. Returns how many left the ring, whether the sink took them or not.
  mutating func move<Sink: FrameSink & ~Copyable>(into sink: inout Sink, limit: Int) -> Int {
    var left = max(0, min(limit, count))
    let moved = left
    while left > 0 {
      let run = min(left, slots &- first)
      _ = sink.deliver(descriptors + first, count: run)
      first = wrapped(first &+ run)
      count &-= run
      left &-= run
    }
    return moved
  }

  /// `position` is less than twice the number of slots.
  private func wrapped(_ position: Int) -> Int { position >= slots ? position &- slots : position }
}
