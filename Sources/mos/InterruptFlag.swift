import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Set by the first SIGINT or SIGTERM, so that the replay ends as at the trace's end and its records are whole. The
/// second ends the process at once, with the exit status that a shell gives to a command that SIGINT ended.
enum InterruptFlag {
  private static let isRaised = Atomic<Bool>(false)

  /// The exit status after an interruption.
  static let exitStatus: Int32 = 130

  /// Whether a signal came. Cheap: for each burst.
  @inline(__always)
  static var isSet: Bool { isRaised.load(ordering: .relaxed) }

  /// Takes the signals over.
  static func install() {
    // The handler must find the flag initialised.
    isRaised.store(false, ordering: .relaxed)
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { _ in InterruptFlag.raise() }
    // Blocking reads come back with EINTR.
    action.sa_flags = 0
    // A parent that blocked the signals has left them blocked here.
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGINT)
    sigaddset(&signals, SIGTERM)
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    sigaction(SIGINT, &action, nil)
    sigaction(SIGTERM, &action, nil)
  }

  /// As the signals do.
  static func raise() {
    if isRaised.exchange(true, ordering: .relaxed) { _exit(exitStatus) }
  }
}
