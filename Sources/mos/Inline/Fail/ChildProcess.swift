// Unsafe: hands the system arguments and environment as C has them, which are freed when it has copied them.
#if canImport(Glibc)
  // The environment is a variable that nothing here changes.
  @preconcurrency import Glibc
#endif

/// A process that runs this program again, with a role, connected by a channel.
struct ChildProcess {
  let identifier: pid_t
  let channel: FailChannel

  /// Starts it with the role that `role` makes of its end of the channel, and with the open file `shared`. It is in a process group
  /// of its own, so that a terminal's signals come only to the parent, and has `signals` blocked until it says otherwise.
  /// Throws what the system says.
  init(
    _ arguments: [String], role: (Int32) -> FailRole, sharing shared: Int32, blocking signals: [Int32]
  ) throws(ReplayFailure) {
    let (own, other) = try FailChannel.pair()
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    // The same number: it only stays open.
    for descriptor in [other.descriptor, shared] {
      posix_spawn_file_actions_adddup2(&actions, descriptor, descriptor)
    }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var set = sigset_t()
    sigemptyset(&set)
    for number in signals { sigaddset(&set, number) }
    posix_spawnattr_setsigmask(&attributes, &set)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))

    let all = ["mos", "inline", "--fail-role", role(other.descriptor).argument] + arguments
    let strings: [UnsafeMutablePointer<CChar>?] = all.map { strdup($0) } + [nil]
    defer { for string in strings { free(string) } }
    let variables = ChildProcess.environment.map { strdup($0) } + [nil]
    defer { for variable in variables { free(variable) } }
    var identifier: pid_t = 0
    let result = posix_spawn(&identifier, ChildProcess.program, &actions, &attributes, strings, variables)
    guard result == 0 else {
      throw ReplayFailure(message: "--fail: no process: \(String(cString: strerror(result)))", status: 3)
    }
    self.identifier = identifier
    channel = own
  }

  /// The environment. A process that crashed is there until its backtrace is written, which takes seconds: there is one only
  /// if somebody asked for it.
  private static let environment: [String] = {
    var variables: [String] = []
    var place = environ
    while let variable = place.pointee {
      variables.append(String(cString: variable))
      place += 1
    }
    if getenv("SWIFT_BACKTRACE") == nil { variables.append("SWIFT_BACKTRACE=enable=no") }
    return variables
  }()

  /// This program's file, or, where that is another one by now, what runs here.
  private static let program: String = {
    let link = "/proc/self/exe"
    var path = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink(link, &path, path.count - 1)
    guard count > 0 else { return link }
    let name = String(decoding: path[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return access(name, X_OK) == 0 ? name : link
  }()

  /// Whether a debugger has it.
  var isTraced: Bool {
    guard let file = fopen("/proc/\(identifier)/status", "r") else { return false }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 128)
    while fgets(&line, 128, file) != nil {
      let words = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        .split(whereSeparator: \.isWhitespace)
      if words.first == "TracerPid:" { return words.last != "0" }
    }
    return false
  }

  /// How it ended; nil while it has not.
  func takeEnd() -> Failover.End? {
    var status: Int32 = 0
    guard waitpid(identifier, &status, WNOHANG) == identifier else { return nil }
    let signal = status & 0x7f
    return signal == 0 ? .status((status >> 8) & 0xff) : .signal(signal)
  }

  /// Ends it at once.
  func end() {
    signal(SIGKILL)
    waitpid(identifier, nil, 0)
  }

  /// Sends a signal. The process must not have been waited for.
  func signal(_ number: Int32) { kill(identifier, number) }
}
