import MOSCore
import Synchronization

/// Frames from one thread to one other, in their order, without waiting: what finds no room is not taken, and counted.
final class FrameChannel: @unchecked Sendable {
  private static let batches = 32

  private let full = SingleProducerRing<FrameBatch>(capacity: batches)
  private let empty = SingleProducerRing<FrameBatch>(capacity: batches)
  /// The producer's.
  private var filling: FrameBatch?
  private let lost = Atomic<UInt64>(0)
  private let passed = Atomic<UInt64>(0)

  init() { for _ in 0..<FrameChannel.batches { empty.put(FrameBatch()) } }

  /// Frames that found no room. Any thread may ask.
  var dropped: UInt64 { lost.load(ordering: .relaxed) }

  /// Frames that found no room, and passed by. Any thread may ask.
  var bypassed: UInt64 { passed.load(ordering: .relaxed) }

  /// The producer: copies a frame. False where there is no room, which is counted as passed by or as dropped.
  func put(_ frame: CapturedFrame, passesBy: Bool = false) -> Bool {
    if filling == nil { filling = empty.tryTake() }
    if let batch = filling {
      if batch.append(frame) { return true }
      flush()
      filling = empty.tryTake()
      if let batch = filling, batch.append(frame) { return true }
    }
    if passesBy {
      passed.store(passed.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
    } else {
      lost.store(lost.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
    }
    return false
  }

  /// The producer: hands over what there is, if the consumer has nothing else to do; else the batch may still grow. Returns
  /// whether something waits.
  @discardableResult
  func offer() -> Bool {
    guard let batch = filling, batch.count > 0 else { return false }
    guard full.isEmpty else { return true }
    flush()
    return false
  }

  /// The producer: hands over what there is.
  func flush() {
    guard let batch = filling, batch.count > 0 else { return }
    // There are no more batches than it has room for.
    full.put(batch)
    filling = nil
  }

  /// The consumer: the next frames, which are its own until it gives them back.
  func take() -> FrameBatch? { full.tryTake() }

  /// The consumer: is done with them.
  func giveBack(_ batch: FrameBatch) {
    batch.removeAll()
    empty.put(batch)
  }
}

/// What lies between a distributor and one worker: a channel in and one out for each of the two ports.
final class WorkerLink: Sendable {
  /// What came in at each port.
  let inward = [FrameChannel(), FrameChannel()]
  /// What is to leave at each port.
  let outward = [FrameChannel(), FrameChannel()]
}
