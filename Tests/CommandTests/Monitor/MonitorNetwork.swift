import Foundation

extension InlineNetwork {
  /// Has the kernel bridge what a box would: there is one between the two ports.
  func bridgePorts() throws {
    let outcome = run(
      in: box,
      "set -e; ip link add br0 type bridge; for d in m0 m1; do ip link set $d master br0; done; ip link set br0 up")
    guard outcome.status == 0 else { throw NetworkError(message: outcome.output) }
  }

  /// Starts `mos monitor` in a namespace, and waits until it captures. `name` is what its files begin with.
  func startMonitor(in namespace: String, _ name: String, _ arguments: [String]) throws -> Process {
    let process = try start(in: namespace, [CommandProcess.executable.path, "monitor"] + arguments, messages: name)
    guard wait(until: { messages(name).contains(": Ethernet (1)") }) else {
      throw NetworkError(message: messages(name))
    }
    return process
  }

  /// Starts tcpdump at an interface, into a file of the test's, and waits until it captures.
  func startCapture(in namespace: String, at interface: String, _ file: String) throws -> Process {
    // A signal that is blocked here would be blocked there too, and not end it.
    let unblock =
      "import os, signal, sys; signal.pthread_sigmask(signal.SIG_SETMASK, []); os.execvp(sys.argv[1], sys.argv[1:])"
    let process = try start(
      in: namespace,
      [
        "python3", "-c", unblock, "tcpdump", "-Z", "root", "-i", interface, "-B", "65536", "--immediate-mode",
        "--time-stamp-precision=nano", "-w", path(file),
      ], messages: "tcpdump")
    guard wait(until: { messages("tcpdump").contains("listening on") }) else {
      throw NetworkError(message: messages("tcpdump"))
    }
    return process
  }

  /// The number behind `name` in the line that begins with `start`.
  static func count(_ name: String, _ start: String, _ summary: String) -> Int {
    let line = summary.split(separator: "\n").first { $0.hasPrefix(start) } ?? ""
    guard let range = line.range(of: "\(name) ") else { return 0 }
    return Int(line[range.upperBound...].prefix { $0.isNumber }) ?? 0
  }
}
