import EventDSL
import MOSCore
import PacketIO
import Records
import Synchronization

/// What a worker is to do once. It is prepared by one thread, and carried out by another.
final class WorkerOrder: @unchecked Sendable {
  let body: () -> Void
  init(_ body: @escaping () -> Void) { self.body = body }
}

/// What a worker of a bridge came to.
struct InlineOutcome {
  var statistics: ReplayStatistics
  /// Packets that each middlebox dropped.
  var drops: [UInt64]
  /// The times of the first and the last packet; nil where there was none.
  var times: (first: Timestamp, last: Timestamp)?
}

/// A worker of a bridge in a thread of its own.
class InlineThread: PinnedThread, @unchecked Sendable {
  /// The row of middleboxes, which are the thread's.
  final let boxes: [any Middlebox]
  private let order = Mutex<WorkerOrder?>(nil)
  private let hasOrder = Atomic<Bool>(false)

  fileprivate init(boxes: [any Middlebox], core: Int?, heart: Heartbeat) {
    self.boxes = boxes
    super.init(core: core, heart: heart)
  }

  /// Has the worker do something on its thread, soon, between two bursts. An order that it has not begun with is given up for
  /// this one.
  final func order(_ order: WorkerOrder) {
    self.order.withLock { $0 = order }
    hasOrder.store(true, ordering: .releasing)
  }

  @inline(__always)
  fileprivate final func doAsOrdered() {
    if hasOrder.load(ordering: .relaxed) { takeOrder() }
  }

  @inline(never)
  private final func takeOrder() {
    _ = hasOrder.exchange(false, ordering: .acquiring)
    let order = self.order.withLock { known in
      defer { known = nil }
      return known
    }
    order?.body()
  }

  /// What the ports counted, first and second. It may be asked all the time.
  var statistics: (first: PortStatistics, second: PortStatistics) { (PortStatistics(), PortStatistics()) }

  /// What the worker came to; behind `join`.
  var outcome: InlineOutcome { InlineOutcome(statistics: ReplayStatistics(), drops: []) }
}

/// A worker between two ports of some kind. Its state belongs to the thread until `join`.
final class PortThread<Port: InlinePort & ~Copyable>: InlineThread, @unchecked Sendable {
  private var worker: InlineWorker<Port>
  private let isEnding: @Sendable () -> Bool

  /// A thread that works until `isEnding`.
  init(
    _ worker: consuming InlineWorker<Port>, core: Int?, heart: Heartbeat, until isEnding: @escaping @Sendable () -> Bool
  ) {
    let boxes = worker.boxes
    self.worker = worker
    self.isEnding = isEnding
    super.init(boxes: boxes, core: core, heart: heart)
  }

  override func work() {
    worker.run(until: { turn(isEnding()) }, betweenBursts: { doAsOrdered() })
  }

  override var statistics: (first: PortStatistics, second: PortStatistics) {
    (worker.first.statistics, worker.second.statistics)
  }

  override var outcome: InlineOutcome {
    InlineOutcome(
      statistics: worker.statistics, drops: worker.drops,
      times: worker.intake.number > 0 ? (worker.intake.first, worker.intake.clock) : nil)
  }
}
