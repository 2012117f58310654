import Foundation

/// A client and a server in network namespaces of their own, with a box between them that has no address: made for a test, and
/// gone with the object.
final class InlineNetwork {
  /// What tests of real traffic need.
  static let isPossible =
    geteuid() == 0
    && shell(
      "command -v ip && command -v ethtool && command -v curl && command -v python3 && command -v ss && command -v nft"
    ).status == 0

  let client: String
  let box: String
  let server: String
  let folder: URL
  private var processes: [Process] = []

  /// What a command of a shell came to.
  struct Outcome {
    var status: Int32
    var output: String
  }

  /// Which networks the two are in.
  enum Layout: String {
    /// One: 10.9.0.1 and 10.9.0.3 at the client, 10.9.0.2 at the server; fd09::1 and fd09::2.
    case bridged = """
      ip -n CLIENT addr add 10.9.0.1/24 dev c0
      ip -n CLIENT addr add 10.9.0.3/24 dev c0
      ip -n SERVER addr add 10.9.0.2/24 dev s0
      ip -n CLIENT addr add fd09::1/64 dev c0 nodad
      ip -n SERVER addr add fd09::2/64 dev s0 nodad
      """
    /// A private one behind a NAT, 192.168.7.2 at the client, and 203.0.113.2 at the server; the NAT's addresses there are
    /// 192.168.7.1 and 203.0.113.1. Each knows the other's Ethernet address as the NAT's.
    case translated = """
      ip -n CLIENT addr add 192.168.7.2/24 dev c0
      ip -n SERVER addr add 203.0.113.2/24 dev s0
      ip -n CLIENT neigh add 192.168.7.1 lladdr $(ip netns exec SERVER cat /sys/class/net/s0/address) dev c0
      ip -n SERVER neigh add 203.0.113.1 lladdr $(ip netns exec CLIENT cat /sys/class/net/c0/address) dev s0
      ip -n CLIENT route add default via 192.168.7.1
      """
    /// The same behind a box that routes, where nobody knows an Ethernet address; 192.168.7.3 and fd07::2 at the client too,
    /// which has IPv4 addresses in 64:ff9b::/96, and 198.51.100.7 at the server, behind 203.0.113.2.
    case routed = """
      ip -n CLIENT addr add 192.168.7.2/24 dev c0
      ip -n CLIENT addr add 192.168.7.3/24 dev c0
      ip -n CLIENT addr add fd07::2/64 dev c0 nodad
      ip -n SERVER addr add 203.0.113.2/24 dev s0
      ip -n SERVER addr add 198.51.100.7/32 dev lo
      ip -n CLIENT route add default via 192.168.7.1
      ip -n CLIENT route add 64:ff9b::/96 via fd07::1
      """
  }

  /// At which end of the box a second forwarder stands: between its port and the host.
  enum End {
    case client
    case server
  }

  /// Makes the network. With `faults` there are two interfaces more in the box's namespace at that end, `f0` towards the host and
  /// `g0` towards the box, with nothing between them: see `startFaults`.
  init(_ layout: Layout = .bridged, faults: End? = nil) throws {
    let tag = UInt32.random(in: .min ... .max)
    (client, box, server) = ("moscli\(tag)", "mosbox\(tag)", "mossrv\(tag)")
    folder = try CommandProcess.temporaryFolder()
    let outcome = InlineNetwork.shell(
      """
      set -e
      for n in \(client) \(box) \(server); do ip netns add $n; ip -n $n link set lo up; done
      ip link add c0 netns \(client) type veth peer name \(faults == .client ? "f0" : "m0") netns \(box)
      ip link add s0 netns \(server) type veth peer name \(faults == .server ? "f0" : "m1") netns \(box)
      \(faults == nil ? "" : "ip -n \(box) link add g0 type veth peer name \(faults == .client ? "m0" : "m1")")
      ip netns exec \(box) sysctl -qw net.ipv6.conf.all.disable_ipv6=1
      for x in \(client):c0 \(box):m0 \(box):m1 \(server):s0 \(faults == nil ? "" : "\(box):f0 \(box):g0"); do
        n=${x%%:*} d=${x##*:}
        ip netns exec $n ethtool -K $d tx off rx off tso off gso off gro off sg off >/dev/null
        ip -n $n link set $d up
      done
      \(layout.rawValue.replacingOccurrences(of: "CLIENT", with: client).replacingOccurrences(of: "SERVER", with: server))
      """)
    guard outcome.status == 0 else { throw NetworkError(message: outcome.output) }
  }

  struct NetworkError: Error {
    var message: String
  }

  deinit {
    // They have other signals blocked, as this process may have.
    for process in processes where process.isRunning { kill(process.processIdentifier, SIGKILL) }
    for process in processes { process.waitUntilExit() }
    for name in [client, box, server] { _ = InlineNetwork.shell("ip netns del \(name)") }
    try? FileManager.default.removeItem(at: folder)
  }

  /// A file of the test's.
  func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

  /// Runs a script to its end.
  @discardableResult
  static func shell(_ script: String) -> Outcome {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", script]
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    do { try process.run() } catch { return Outcome(status: -1, output: "\(error)") }
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Outcome(status: process.terminationStatus, output: String(decoding: data, as: UTF8.self))
  }

  /// Runs a script in one of the namespaces.
  @discardableResult
  func run(in name: String, _ script: String) -> Outcome {
    let file = folder.appendingPathComponent("script-\(UUID().uuidString)")
    try? Data(script.utf8).write(to: file)
    return InlineNetwork.shell("cd \(folder.path) && ip netns exec \(name) sh \(file.path)")
  }

  /// Starts a program in one of the namespaces, which ends with the network at the latest.
  @discardableResult
  func start(in name: String, _ arguments: [String], messages: String? = nil) throws -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["ip", "netns", "exec", name] + arguments
    process.currentDirectoryURL = folder
    var outputs: [FileHandle] = []
    for suffix in ["output", "messages"] {
      let path = path("\(messages ?? UUID().uuidString).\(suffix)")
      _ = FileManager.default.createFile(atPath: path, contents: nil)
      outputs.append(try FileHandle(forWritingTo: URL(fileURLWithPath: path)))
    }
    process.standardOutput = outputs[0]
    process.standardError = outputs[1]
    try process.run()
    processes.append(process)
    return process
  }

  /// Starts `mos inline` between the two, and waits until its ports are there. `name` is what its files begin with.
  func startBox(_ name: String, _ arguments: [String] = [], queues: Int = 1) throws -> Process {
    let ring = "framecnt=\(8192 / queues),qpairs=\(queues)"
    let process = try start(
      in: box,
      [
        CommandProcess.executable.path, "inline", "--port", "net_af_packet0,iface=m0,\(ring)", "--port",
        "net_af_packet1,iface=m1,\(ring)", "--eal", "--no-huge -m 256",
      ] + arguments, messages: name)
    let isThere = wait { messages(name).contains("net_af_packet1,iface=m1,\(ring): net_af_packet") }
    guard isThere else { throw NetworkError(message: messages(name)) }
    return process
  }

  /// Starts the forwarder between `f0` and `g0`, which does to frames what `faults` says, and waits until it is there.
  func startFaults(_ faults: [String]) throws -> Process {
    let program = CommandProcess.executable.deletingLastPathComponent().appendingPathComponent("FaultBridge").path
    let process = try start(in: box, [program, "f0", "g0"] + faults, messages: "faults")
    guard wait(until: { output("faults").contains("ready") }) else {
      throw NetworkError(message: messages("faults"))
    }
    return process
  }

  /// Ends a box as a user would; what it printed.
  func end(_ box: Process, _ name: String) throws -> String {
    kill(box.processIdentifier, SIGINT)
    box.waitUntilExit()
    guard box.terminationReason == .exit, box.terminationStatus == 0 else {
      throw NetworkError(message: messages(name))
    }
    return output(name)
  }

  /// What a program that was started with this name wrote to standard error.
  func messages(_ name: String) -> String {
    (try? String(contentsOfFile: path("\(name).messages"), encoding: .utf8)) ?? ""
  }

  /// What it wrote to standard output.
  func output(_ name: String) -> String { (try? String(contentsOfFile: path("\(name).output"), encoding: .utf8)) ?? "" }

  /// Waits until something is so, up to 15 seconds; whether it came to be.
  func wait(until condition: () -> Bool) -> Bool {
    for _ in 0..<150 {
      if condition() { return true }
      usleep(100_000)
    }
    return condition()
  }

  /// A file of `count` random bytes at the server.
  func makeFile(_ name: String, count: Int) {
    InlineNetwork.shell("head -c \(count) /dev/urandom > \(path(name))")
  }

  /// Starts a web server at the server's addresses, for the files of the folder.
  func startWebServer(port: Int = 80) throws {
    try start(in: server, ["python3", "-m", "http.server", "--bind", "::", "\(port)"])
    _ = wait { run(in: server, "ss -ltn | grep -q ':\(port) '").status == 0 }
  }

  /// The records in a file of JSON lines.
  func records(_ name: String) -> [[String: Any]] {
    let text = (try? String(contentsOfFile: path(name), encoding: .utf8)) ?? ""
    return text.split(separator: "\n").compactMap {
      try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
    }
  }
}
