// Unsafe: hands the environment abstraction layer its arguments, which it keeps: they are never freed.
import CDPDK
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// DPDK's environment abstraction layer (EAL), of which a process has one: it is to be started before the first port.
public enum DPDK {
  private static let isStarted = Mutex(false)

  /// Starts it with `arguments` as DPDK's own programs take them (`-l`, `-a`, `--file-prefix` ...). Once a process: later
  /// calls do nothing. The calling thread becomes DPDK's main one, and is bound to a core.
  ///
  /// What they leave open is chosen here: one core, no files that stay behind (`--in-memory`, `--no-shconf`), no scan of the PCI bus unless
  /// `scansPCI`, and ordinary memory where the system has no huge pages, which `message` is told. DPDK logs to standard error
  /// if `--log-level` is among them, and is quiet else. Throws what DPDK says where it does not start.
  public static func start(
    arguments: [String] = [], scansPCI: Bool = false, message: (String) -> Void = { _ in }
  ) throws(DPDKError) {
    let result: Result<Void, DPDKError> = isStarted.withLock { isStarted in
      if isStarted { return .success(()) }
      // Before DPDK binds this thread to one of them.
      _ = coresAtStart
      do {
        try start(complete(arguments, scansPCI: scansPCI, message))
        isStarted = true
        return .success(())
      } catch let error as DPDKError {
        return .failure(error)
      } catch {
        return .failure(DPDKError(reason: "\(error)"))
      }
    }
    return try result.get()
  }

  /// The cores that the process was allowed to run on when DPDK was started, or now if it was not.
  public static var cores: [Int] { coresAtStart }

  private static let coresAtStart: [Int] = {
    var cores: [Int] = []
    while case let core = mos_dpdk_core(Int32(cores.count)), core >= 0 { cores.append(Int(core)) }
    return cores
  }()

  /// Readies the calling thread for a port: binds it to a core (nil leaves it free), and has its sleeps last no longer than
  /// they are meant to.
  public static func bindThread(core: Int?) {
    mos_dpdk_sleep_exactly()
    if let core { _ = mos_dpdk_bind_thread(Int32(core)) }
  }

  /// What `body` makes, on a core (on any for nil): the system takes memory that is used there first from the NUMA node of the
  /// core. Afterwards the calling thread runs where it ran before.
  public static func onCore<Value: ~Copyable, Failure: Error>(
    _ core: Int?, _ body: () throws(Failure) -> Value
  ) throws(Failure) -> Value {
    var before = mos_dpdk_cores()
    guard let core, mos_dpdk_thread_cores(&before) == 0 else { return try body() }
    _ = mos_dpdk_bind_thread(Int32(core))
    defer { _ = mos_dpdk_set_thread_cores(&before) }
    return try body()
  }

  /// The NUMA node of the core that the calling thread runs on now; -1 where the system does not say.
  public static var node: Int { Int(mos_dpdk_node()) }

  /// Makes the calling thread known to DPDK, for a worker: its frames' memory is then faster. False where there are too many.
  @discardableResult
  public static func registerThread() -> Bool { mos_dpdk_register_thread() == 0 }

  /// Forgets the calling thread, at its end.
  public static func unregisterThread() { mos_dpdk_unregister_thread() }

  private static func start(_ arguments: [String]) throws(DPDKError) {
    var failure = mos_dpdk_failure()
    guard mos_dpdk_load(&failure) == 0 else { throw DPDKError(failure) }
    var strings = arguments.map { strdup($0) }
    let place = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: strings.count + 1)
    strings.append(nil)
    place.initialize(from: strings, count: strings.count)
    let logs = arguments.contains { $0.hasPrefix("--log-level") }
    // As DPDK has it where nothing else is said: notices.
    guard mos_dpdk_start(Int32(arguments.count), place, logs ? 6 : 0, &failure) == 0 else {
      throw DPDKError(failure, remedy: "see its messages with --log-level=debug among its arguments")
    }
  }

  /// The arguments, and what they leave open.
  static func complete(_ arguments: [String], scansPCI: Bool, _ message: (String) -> Void) -> [String] {
    func has(_ names: String...) -> Bool {
      arguments.contains { argument in
        names.contains { argument == $0 || argument.hasPrefix($0 + "=") || ($0.count == 2 && argument.hasPrefix($0)) }
      }
    }
    var complete = ["mos"]
    if !has("-l", "-c", "-s", "--lcores") { complete += ["--lcores", "0@\(cores.first ?? 0)"] }
    if !has("--no-huge", "--huge-dir", "--socket-mem"), !hasHugePages {
      complete.append("--no-huge")
      if !has("-m") { complete += ["-m", "512"] }
      message("no huge pages are free: ordinary memory is used, which is slower (--no-huge)")
    }
    if !has("--in-memory", "--no-shconf", "--file-prefix", "--proc-type") {
      // The two do the same, the one for huge pages and the other for ordinary memory.
      complete.append(has("--no-huge") || complete.contains("--no-huge") ? "--no-shconf" : "--in-memory")
    }
    if !has("--telemetry", "--no-telemetry") { complete.append("--no-telemetry") }
    if !scansPCI, !has("--no-pci", "-a", "--allow", "-b", "--block") { complete.append("--no-pci") }
    return complete + arguments
  }

  private static var hasHugePages: Bool {
    let folder = "/sys/kernel/mm/hugepages"
    guard let listing = opendir(folder) else { return false }
    defer { closedir(listing) }
    while let entry = readdir(listing) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard let file = fopen("\(folder)/\(name)/free_hugepages", "r") else { continue }
      defer { fclose(file) }
      var line = [CChar](repeating: 0, count: 32)
      if fgets(&line, 32, file) != nil, atol(line) > 0 { return true }
    }
    return false
  }
}
