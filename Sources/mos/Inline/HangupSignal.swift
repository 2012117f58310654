import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// SIGHUP: files of records are to be opened anew, and configurations to be read again.
enum HangupSignal {
  private static let isRaised = Atomic<Bool>(false)

  /// Takes the signal over; until then it ends the process.
  static func install() {
    // The handler must find the flag initialised.
    isRaised.store(false, ordering: .relaxed)
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { _ in HangupSignal.isRaised.store(true, ordering: .relaxed) }
    // Unlike the signals that end the process: a read or a write goes on.
    action.sa_flags = Int32(SA_RESTART)
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGHUP)
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    sigaction(SIGHUP, &action, nil)
  }

  /// Whether it came since the last call.
  static func take() -> Bool { isRaised.exchange(false, ordering: .relaxed) }
}
