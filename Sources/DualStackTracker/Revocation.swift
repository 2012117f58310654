import MOSCore
import MTCP

/// What a receiver's step changed that can still be undone, and what of it waits until it cannot be any more.
///
/// One at a time, of the current packet: from `receiveRevocably` to `confirmReceive` or `undoReceive`.
struct Revocation: ~Copyable {
  /// The flow, 0 while there is none.
  var flow: UInt32 = 0
  /// Its state, its record and the counters as they were before the step.
  var connection = Connection()
  var record: FlowRecord
  var statistics = TrackerStatistics()
  /// The judgement and the expectation that the sender's step left.
  var judgement = Judgement()
  var expectation = Expectation.none
  /// Chains that were lent before the step.
  var lentCount = 0
  /// What the step changed of the receiver's queue.
  var queue = QueueBackup()
  /// Delivered bytes that are kept for comparison when the step is confirmed.
  var deliveries = InlineArray<12, Delivery>(repeating: Delivery())
  var deliveryCount = 0
  /// A segment that is kept in doubt when the step is confirmed.
  var doubted: UnsafePointer<DecodedPacket>?
  /// The flow becomes one of the last to be evicted when the step is confirmed.
  var promotes = false
  /// The flow ends when the step is confirmed, with its record, which is final by then.
  var ends = false
  var endTime = Timestamp(nanoseconds: 0)

  /// Bytes that were delivered: where they lie in the packet, or their chain.
  struct Delivery: BitwiseCopyable {
    var side: Side = .client
    /// They are too many, or their receiver does not acknowledge.
    var isForgone = false
    var start = SequenceNumber(0)
    var count: UInt32 = 0
    var chain: UInt32 = 0
    var bytes: UnsafeRawPointer?
  }

  init(record: FlowRecord) { self.record = record }

  /// A step is under way, or waits to be confirmed or undone.
  @inline(__always) var isActive: Bool { flow != 0 }

  /// Nothing waits.
  mutating func clear() {
    flow = 0
    deliveryCount = 0
    doubted = nil
    promotes = false
    ends = false
    queue.clear()
  }

  mutating func append(_ delivery: Delivery) {
    guard deliveryCount < 12 else { return }
    deliveries[deliveryCount] = delivery
    deliveryCount += 1
  }
}
