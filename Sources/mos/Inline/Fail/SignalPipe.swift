import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// Signals as bytes that can be read, for a process that waits for other things too.
struct SignalPipe {
  private static let writer = Atomic<Int32>(-1)
  let descriptor: Int32

  /// Takes the signals over.
  init(_ signals: [Int32]) throws(ReplayFailure) {
    let ends = try FailChannel.sockets(Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue))
    descriptor = ends[0]
    SignalPipe.writer.store(ends[1], ordering: .relaxed)
    var set = sigset_t()
    sigemptyset(&set)
    for number in signals {
      var action = sigaction()
      action.__sigaction_handler.sa_handler = { number in
        let before = errno
        var byte = UInt8(truncatingIfNeeded: number)
        // Where there is no room it has been told often enough.
        _ = write(SignalPipe.writer.load(ordering: .relaxed), &byte, 1)
        errno = before
      }
      action.sa_flags = Int32(SA_RESTART)
      sigaction(number, &action, nil)
      sigaddset(&set, number)
    }
    // A parent that blocked them has left them blocked here.
    pthread_sigmask(SIG_UNBLOCK, &set, nil)
  }

  /// The signals that came, in their order.
  func take() -> [Int32] {
    var bytes = [UInt8](repeating: 0, count: 64)
    let count = read(descriptor, &bytes, bytes.count)
    return count > 0 ? bytes[..<count].map(Int32.init) : []
  }
}
