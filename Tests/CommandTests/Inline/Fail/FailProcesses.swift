import Foundation

/// The processes and threads of `mos inline --fail`, as tests stop and end them.
extension InlineNetwork {
  /// The process of a parent that has a role, if there is one.
  func child(_ role: String, of parent: Process) -> pid_t? {
    let parent = parent.processIdentifier
    let children = (try? String(contentsOfFile: "/proc/\(parent)/task/\(parent)/children", encoding: .utf8)) ?? ""
    return children.split(separator: " ").compactMap { pid_t($0) }.first { child in
      (try? String(contentsOfFile: "/proc/\(child)/cmdline", encoding: .utf8))?.contains("\(role):") == true
    }
  }

  /// The box that comes after `last`, which is stopped before it can do anything if it `waits`. Its process.
  func nextBox(of parent: Process, after last: pid_t, waits: Bool = false) -> pid_t? {
    for _ in 0..<15_000 {
      if let next = child("box", of: parent), next != last {
        if waits { kill(next, SIGSTOP) }
        return next
      }
      usleep(1_000)
    }
    return nil
  }

  /// Kills the box, and waits for the next one.
  func crash(_ parent: Process, _ signal: Int32, nextWaits waits: Bool = false) -> pid_t? {
    guard let last = child("box", of: parent) else { return nil }
    kill(last, signal)
    return nextBox(of: parent, after: last, waits: waits)
  }

  /// The first thread of a box, and those that it works with: workers, then the distributor if there is one.
  func threads(of box: pid_t) -> (first: pid_t, others: [pid_t]) {
    let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(box)/task")) ?? []
    // DPDK gives its own threads other names.
    let others = tasks.compactMap { pid_t($0) }.filter { task in
      task != box && (try? String(contentsOfFile: "/proc/\(box)/task/\(task)/comm", encoding: .utf8)) == "mos\n"
    }
    return (box, others.sorted())
  }

  /// Stops threads as a debugger does, until the process that this returns is given to `release`.
  func hold(_ threads: [pid_t]) throws -> Process {
    let debugger = """
      import ctypes, os, sys, time
      system = ctypes.CDLL(None, use_errno=True)
      system.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
      for thread in map(int, sys.argv[1:]):
          for request in (0x4206, 0x4207):
              if system.ptrace(request, thread, None, None): sys.exit(os.strerror(ctypes.get_errno()))
          os.waitpid(thread, 0x40000000)
      print("held", flush=True)
      time.sleep(60)
      """
    let name = "debugger-\(UUID().uuidString)"
    let process = try start(in: box, ["python3", "-c", debugger] + threads.map { "\($0)" }, messages: name)
    guard wait(until: { output(name).contains("held") }) else { throw NetworkError(message: messages(name)) }
    return process
  }

  /// Has held threads go on.
  func release(_ debugger: Process) {
    // Other signals may be blocked.
    kill(debugger.processIdentifier, SIGKILL)
    debugger.waitUntilExit()
  }

  /// How many threads each of the machine's cores has to do with, at least 1, over the last minute.
  static var load: Double {
    var average = 0.0
    return getloadavg(&average, 1) == 1 ? max(1, average / Double(ProcessInfo.processInfo.processorCount)) : 1
  }

  /// How long outages lasted, in milliseconds, as a parent said.
  func outages(_ name: String) -> [Int] {
    messages(name).split(separator: "\n").filter { $0.contains("the box works again, ") }.compactMap {
      Int($0.drop { !$0.isNumber }.prefix { $0.isNumber })
    }
  }

  /// How many of `count` pings are answered.
  func ping(count: Int = 20, _ address: String = "10.9.0.2") -> Int {
    let output = run(in: client, "ping -q -c \(count) -i 0.02 -W 1 \(address)").output
    let words = output.split(whereSeparator: \.isWhitespace)
    return words.firstIndex(of: "received,").flatMap { Int(words[$0 - 1]) } ?? -1
  }

  /// The size of a file, 0 without it.
  func size(_ name: String) -> Int {
    (try? FileManager.default.attributesOfItem(atPath: path(name))[.size] as? Int) ?? 0
  }

  /// Begins to get the file `page` from the server's web server, slowly. Returns when some of it is there.
  func download() throws -> Process {
    let process = try start(
      in: client, ["curl", "-s", "--max-time", "60", "--limit-rate", "4M", "-o", "copy", "http://10.9.0.2/page"])
    guard wait(until: { size("copy") > 1_000_000 }) else { throw NetworkError(message: "no download") }
    return process
  }

  /// Whether all of it came.
  func isDownloaded(_ curl: Process) -> Bool {
    curl.waitUntilExit()
    return curl.terminationStatus == 0 && InlineNetwork.shell("cd \(folder.path) && cmp page copy").status == 0
  }
}
