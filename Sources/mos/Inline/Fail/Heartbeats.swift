// Unsafe: counters in memory that two processes have. Invariant: it has room for `Heartbeats.most` of them, and is there until
// the process ends.
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// A counter that a thread advances with each turn of its loop, so that another process sees that it goes on.
struct Heartbeat: @unchecked Sendable {
  fileprivate let counter: UnsafeMutablePointer<Atomic<UInt64>>

  /// A turn begins.
  @inline(__always)
  func beat() {
    // One thread writes. Zero would say that there is no loop.
    counter.pointee.store((counter.pointee.load(ordering: .relaxed) &+ 1) | 1 << 63, ordering: .relaxed)
  }

  /// The loop is over: what comes may take its time.
  func rest() { counter.pointee.store(0, ordering: .relaxed) }
}

/// The heartbeats of a box's threads, in memory that its parent has too.
struct Heartbeats: @unchecked Sendable {
  /// Of 64 workers and a distributor.
  private static let most = 65
  /// A cache line each.
  private static let stride = 64

  /// A file that is in no folder; -1 for none.
  let descriptor: Int32
  private let memory: UnsafeMutableRawPointer

  /// Those of a process that nobody watches.
  static let unseen = Heartbeats(memory: .allocate(byteCount: most * stride, alignment: stride))

  private init(memory: UnsafeMutableRawPointer) {
    descriptor = -1
    self.memory = memory
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: Self.most * Self.stride)
  }

  /// New ones, all at rest. Throws what the system says.
  init() throws(ReplayFailure) {
    // It has the name only until it is open. One of a process of this number that ended before is nobody's.
    let name = "/mos-heartbeats-\(getpid())"
    shm_unlink(name)
    let file = shm_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    shm_unlink(name)
    guard file >= 0, ftruncate(file, Self.most * Self.stride) == 0 else { throw Self.failure }
    try self.init(descriptor: file)
  }

  /// Those of an open file that was made by another process. Throws what the system says.
  init(descriptor: Int32) throws(ReplayFailure) {
    let size = Self.most * Self.stride
    guard let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), memory != MAP_FAILED else {
      throw Self.failure
    }
    self.descriptor = descriptor
    self.memory = memory
  }

  private static var failure: ReplayFailure {
    ReplayFailure(message: "--fail: no shared memory: \(String(cString: strerror(errno)))", status: 3)
  }

  /// The one of a thread.
  func heart(of thread: Int) -> Heartbeat {
    precondition(0..<Self.most ~= thread, "a worker or the distributor")
    return Heartbeat(counter: (memory + thread * Self.stride).assumingMemoryBound(to: Atomic<UInt64>.self))
  }

  /// All of them now: 0 is one at rest.
  var counts: [UInt64] {
    (0..<Self.most).map { heart(of: $0).counter.pointee.load(ordering: .relaxed) }
  }

  /// Puts all at rest, before a process whose threads have them is there.
  func restAll() { for thread in 0..<Self.most { heart(of: thread).rest() } }
}
