import MOSCore
import PacketIO
import Synchronization

/// A distributor in a thread of its own, and the links to its workers.
final class DistributorThread: PinnedThread, @unchecked Sendable {
  private var distributor: Distributor<DPDKPort>
  private let links: [WorkerLink]
  private let areDone: @Sendable () -> Bool
  private let hasDrained: DrainFlag

  /// A thread for `distributor`, which ends when its workers `areDone`; `hasDrained` is set when they have got everything.
  init(
    _ distributor: consuming Distributor<DPDKPort>, links: [WorkerLink], core: Int?, heart: Heartbeat,
    hasDrained: DrainFlag, workersAreDone areDone: @escaping @Sendable () -> Bool
  ) {
    self.distributor = distributor
    self.links = links
    self.areDone = areDone
    self.hasDrained = hasDrained
    super.init(core: core, heart: heart)
  }

  override func work() {
    distributor.run(until: { turn(InterruptFlag.isSet) }, drained: { hasDrained.set() }, areDone: areDone)
  }

  /// What the ports counted. It may be asked all the time.
  var statistics: (first: PortStatistics, second: PortStatistics) {
    (distributor.first.statistics, distributor.second.statistics)
  }

  /// Frames that came in at a port, 0 or 1, and found no room on their way to their worker.
  func droppedBefore(port: Int) -> UInt64 { links.reduce(0) { $0 &+ $1.inward[port].dropped } }

  /// The same that passed without handlers.
  func bypassed(port: Int) -> UInt64 { links.reduce(0) { $0 &+ $1.inward[port].bypassed } }

  /// Frames from workers that were to leave at a port, and found no room on their way there.
  func droppedBehind(port: Int) -> UInt64 { links.reduce(0) { $0 &+ $1.outward[port].dropped } }
}

/// Set once, when no more frames come for the workers of a distributor.
final class DrainFlag: Sendable {
  private let flag = Atomic<Bool>(false)
  func set() { flag.store(true, ordering: .releasing) }
  var isSet: Bool { flag.load(ordering: .acquiring) }
}
