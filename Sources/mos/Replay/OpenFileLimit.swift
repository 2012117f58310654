import Glibc

/// How many files the process may have open.
enum OpenFileLimit {
  /// Sets it to the most that the system allows: every capture of a trace is open until the end, and the usual limit of
  /// 1,024 is meant for programs that use `select`.
  static func raise() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }
}
