import PacketIO
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// A thread of a bridge, bound to a core. Subclasses say in `work` what it does.
class PinnedThread: @unchecked Sendable {
  private let core: Int?
  private let heart: Heartbeat
  private var thread = pthread_t()
  private let isDone = Atomic<Bool>(false)

  /// A thread that is to run on `core`; on any if it is nil.
  init(core: Int?, heart: Heartbeat) {
    self.core = core
    self.heart = heart
  }

  /// Starts it. Throws when the system gives none.
  func start() throws(ReplayFailure) {
    let this = Unmanaged.passRetained(self)
    let result = pthread_create(&thread, nil, { PinnedThread.main($0) }, this.toOpaque())
    guard result == 0 else {
      this.release()
      throw ReplayFailure(message: "no thread for a worker: \(String(cString: strerror(result)))", status: 3)
    }
  }

  private static func main(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    let this = Unmanaged<PinnedThread>.fromOpaque(argument).takeRetainedValue()
    DPDK.bindThread(core: this.core)
    DPDK.registerThread()
    this.work()
    DPDK.unregisterThread()
    this.isDone.store(true, ordering: .releasing)
    return nil
  }

  /// What the thread does.
  func work() {}

  /// Tells whoever watches that a turn of the thread's loop begins, or that the loop `isOver`, which it returns.
  @inline(__always)
  final func turn(_ isOver: Bool) -> Bool {
    if isOver { heart.rest() } else { heart.beat() }
    return isOver
  }

  /// Whether it has ended.
  final var hasEnded: Bool { isDone.load(ordering: .acquiring) }

  /// Waits for its end.
  final func join() { pthread_join(thread, nil) }
}
