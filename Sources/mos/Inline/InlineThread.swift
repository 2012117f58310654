import MOSCore
import PacketIO
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// A worker of a bridge in a thread of its own, bound to a core.
///
/// The worker's state belongs to its thread until `join`; what its ports count may be read all the time.
final class InlineThread: @unchecked Sendable {
  private(set) var worker: InlineWorker<DPDKPort>
  private let core: Int?
  private var thread = pthread_t()
  private let isDone = Atomic<Bool>(false)

  /// Starts the thread, on `core` if it is not nil. Throws when the system gives none.
  init(_ worker: consuming InlineWorker<DPDKPort>, core: Int?) throws(ReplayFailure) {
    self.worker = worker
    self.core = core
    let this = Unmanaged.passRetained(self)
    let result = pthread_create(&thread, nil, { InlineThread.main($0) }, this.toOpaque())
    guard result == 0 else {
      this.release()
      throw ReplayFailure(message: "no thread for a worker: \(String(cString: strerror(result)))", status: 3)
    }
  }

  private static func main(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    Unmanaged<InlineThread>.fromOpaque(argument).takeRetainedValue().run()
    return nil
  }

  private func run() {
    DPDK.bindThread(core: core)
    DPDK.registerThread()
    worker.run { InterruptFlag.isSet }
    DPDK.unregisterThread()
    isDone.store(true, ordering: .releasing)
  }

  /// Whether the worker has ended.
  var hasEnded: Bool { isDone.load(ordering: .acquiring) }

  /// Waits for the thread's end.
  func join() { pthread_join(thread, nil) }

  /// What the ports counted, first and second.
  var statistics: (first: PortStatistics, second: PortStatistics) {
    (worker.first.statistics, worker.second.statistics)
  }
}
