import Foundation
import Testing

/// A box that is killed while real hosts talk through it.
@Suite(
  "mos inline --fail", .serialized,
  .enabled(if: InlineNetwork.isPossible, "needs root, ip, ethtool, curl and python3: skipped"))
struct FailTests {
  /// The process of a parent that has a role, if there is one.
  private func child(_ role: String, of parent: Process) -> pid_t? {
    let parent = parent.processIdentifier
    let children = (try? String(contentsOfFile: "/proc/\(parent)/task/\(parent)/children", encoding: .utf8)) ?? ""
    return children.split(separator: " ").compactMap { pid_t($0) }.first { child in
      (try? String(contentsOfFile: "/proc/\(child)/cmdline", encoding: .utf8))?.contains("\(role):") == true
    }
  }

  /// Kills the box, and waits for the next one, which is stopped before it can do anything if it `waits`. Its process.
  private func crash(_ parent: Process, _ signal: Int32, nextWaits waits: Bool = false) -> pid_t? {
    guard let last = child("box", of: parent) else { return nil }
    kill(last, signal)
    for _ in 0..<15_000 {
      if let next = child("box", of: parent), next != last {
        if waits { kill(next, SIGSTOP) }
        return next
      }
      usleep(1_000)
    }
    return nil
  }

  /// How long outages lasted, in milliseconds.
  private func outages(_ messages: String) -> [Int] {
    messages.split(separator: "\n").filter { $0.contains("the box works again, ") }.compactMap {
      Int($0.drop { !$0.isNumber }.prefix { $0.isNumber })
    }
  }

  private func size(_ network: InlineNetwork, _ name: String) -> Int {
    (try? FileManager.default.attributesOfItem(atPath: network.path(name))[.size] as? Int) ?? 0
  }

  private func ping(_ network: InlineNetwork, count: Int = 20) -> Int {
    let output = network.run(in: network.client, "ping -q -c \(count) -i 0.02 -W 1 10.9.0.2").output
    let words = output.split(whereSeparator: \.isWhitespace)
    return words.firstIndex(of: "received,").flatMap { Int(words[$0 - 1]) } ?? -1
  }

  private func download(_ network: InlineNetwork) throws -> Process {
    let process = try network.start(
      in: network.client,
      ["curl", "-s", "--max-time", "60", "--limit-rate", "4M", "-o", "copy", "http://10.9.0.2/page"])
    #expect(network.wait { size(network, "copy") > 1_000_000 })
    return process
  }

  private func isDownloaded(_ curl: Process, _ network: InlineNetwork) -> Bool {
    curl.waitUntilExit()
    return curl.terminationStatus == 0 && InlineNetwork.shell("cd \(network.folder.path) && cmp page copy").status == 0
  }

  @Test("open: while there is no box, a transfer goes on and pings pass; the next box is there within a second")
  func open() throws {
    let network = try InlineNetwork()
    network.makeFile("page", count: 16_000_000)
    try network.startWebServer()
    let parent = try network.startBox("box", ["--middlebox", "monitor", "--fail", "open"])
    let curl = try download(network)
    let next = try #require(crash(parent, SIGSEGV, nextWaits: true))
    #expect(network.wait { network.messages("box").contains("packets pass without handlers") })
    #expect(network.wait { ping(network) == 20 })
    let before = size(network, "copy")
    #expect(network.wait { size(network, "copy") > before } || before == 16_000_000)
    kill(next, SIGCONT)
    #expect(isDownloaded(curl, network))
    #expect(network.wait { outages(network.messages("box")).count == 1 && ping(network) == 20 })
    // What else the machine has to do may slow one restart.
    var restarts = 1
    while restarts < 5, !outages(network.messages("box")).dropFirst().contains(where: { $0 < 1_000 }) {
      _ = try #require(crash(parent, SIGKILL))
      restarts += 1
      #expect(network.wait { outages(network.messages("box")).count == restarts })
    }
    #expect(outages(network.messages("box")).dropFirst().contains { $0 < 1_000 }, "\(network.messages("box"))")
    let summary = try network.end(parent, "box")
    #expect(summary.contains("restarts   \(restarts), passed meanwhile "), "\(summary)")
    #expect(network.messages("box").contains("ended by signal 11 (Segmentation fault)"))
  }

  @Test("closed: nothing passes while there is no box; a transfer stalls, goes on behind the restart, and is whole")
  func closed() throws {
    let network = try InlineNetwork()
    network.makeFile("page", count: 16_000_000)
    try network.startWebServer()
    let parent = try network.startBox("box", ["--middlebox", "monitor", "--fail", "closed"])
    let curl = try download(network)
    #expect(child("bypass", of: parent) == nil)
    let next = try #require(crash(parent, SIGKILL, nextWaits: true))
    // What the client's system has received is still read.
    var before = 0
    let hasStalled = network.wait {
      defer { before = size(network, "copy") }
      usleep(300_000)
      return size(network, "copy") == before
    }
    #expect(hasStalled && ping(network, count: 5) == 0)
    #expect(size(network, "copy") == before && before < 16_000_000)
    kill(next, SIGCONT)
    #expect(isDownloaded(curl, network))
    #expect(network.wait { outages(network.messages("box")).count == 1 } && ping(network) == 20)
    #expect(try network.end(parent, "box").contains("restarts   1\n"))
  }

  @Test("signals reach the box: records are rotated, reloaded and complete, and those of a box before it stay")
  func signals() throws {
    let network = try InlineNetwork()
    network.makeFile("page", count: 1_000)
    try network.startWebServer()
    let parent = try network.startBox(
      "box", ["--conn-log", network.path("conn"), "--conn-format", "zeek", "--udp-timeout", "1s", "--fail", "open"])
    func send() {
      let program = "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b\"x\", (\"10.9.0.2\", 9))"
      network.run(in: network.client, "python3 -c '\(program)'")
    }
    func lines(_ name: String, _ part: String) -> Int {
      let text = (try? String(contentsOfFile: network.path(name), encoding: .utf8)) ?? ""
      return text.split(separator: "\n").filter { $0.contains(part) }.count
    }
    send()
    #expect(network.wait { lines("conn", "\t9\tudp\t") == 1 })
    _ = try #require(crash(parent, SIGKILL))
    #expect(network.wait { outages(network.messages("box")).count == 1 })
    send()
    #expect(network.wait { lines("conn", "\t9\tudp\t") == 2 })
    InlineNetwork.shell("mv \(network.path("conn")) \(network.path("conn")).1")
    kill(parent.processIdentifier, SIGHUP)
    #expect(network.wait { FileManager.default.fileExists(atPath: network.path("conn")) })
    #expect(network.run(in: network.client, "curl -s http://10.9.0.2/page | cmp - page").status == 0)
    #expect(try network.end(parent, "box").contains("restarts   1"))
    #expect(lines("conn.1", "#fields") == 1 && lines("conn.1", "\t9\tudp\t") == 2 && lines("conn.1", "#close") == 1)
    #expect(lines("conn", "#fields") == 1 && lines("conn", "\ttcp\t") == 1 && lines("conn", "#close") == 1)
  }

  @Test("what is wrong from the beginning is said once, with its exit status; where the parent is killed, nobody stays")
  func ends() throws {
    let missing = try CommandProcess.run([
      "inline", "--eal", "--no-huge -m 256", "--port", "net_null0", "--port", "net_null1", "--middlebox", "firewall",
      "--config", "/nowhere/rules.yaml", "--fail", "open",
    ])
    #expect(missing.status == 2 && missing.messages.split(separator: "\n").count == 1, "\(missing.messages)")
    let network = try InlineNetwork()
    let parent = try network.startBox("box", ["--fail", "open"])
    let children = ["box", "bypass"].compactMap { child($0, of: parent) }
    #expect(children.count == 2)
    kill(parent.processIdentifier, SIGKILL)
    #expect(network.wait { children.allSatisfy { kill($0, 0) != 0 } })
  }
}
