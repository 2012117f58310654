import Foundation
import Testing

/// A box that is killed while real hosts talk through it.
@Suite(
  "mos inline --fail", .serialized,
  .enabled(if: InlineNetwork.isPossible, "needs root, ip, ethtool, curl and python3: skipped"))
struct FailTests {
  @Test("open: while there is no box, a transfer goes on and pings pass; the next box is there within a second")
  func open() throws {
    let network = try InlineNetwork()
    network.makeFile("page", count: 16_000_000)
    try network.startWebServer()
    let parent = try network.startBox("box", ["--middlebox", "monitor", "--fail", "open"])
    let curl = try network.download()
    let next = try #require(network.crash(parent, SIGSEGV, nextWaits: true))
    #expect(network.wait { network.messages("box").contains("packets pass without handlers") })
    #expect(network.wait { network.ping() == 20 })
    let before = network.size("copy")
    #expect(network.wait { network.size("copy") > before } || before == 16_000_000)
    kill(next, SIGCONT)
    #expect(network.isDownloaded(curl))
    #expect(network.wait { network.outages("box").count == 1 && network.ping() == 20 })
    // What else the machine has to do may slow one restart, and where it has too much to do, all.
    func second() -> Int { Int(1_000 * InlineNetwork.load) }
    var restarts = 1
    while restarts < 5, !network.outages("box").dropFirst().contains(where: { $0 < second() }) {
      _ = try #require(network.crash(parent, SIGKILL))
      restarts += 1
      #expect(network.wait { network.outages("box").count == restarts })
    }
    #expect(network.outages("box").dropFirst().contains { $0 < second() }, "\(network.messages("box"))")
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
    let curl = try network.download()
    #expect(network.child("bypass", of: parent) == nil)
    let next = try #require(network.crash(parent, SIGKILL, nextWaits: true))
    // What the client's system has received is still read.
    var before = 0
    let hasStalled = network.wait {
      defer { before = network.size("copy") }
      usleep(300_000)
      return network.size("copy") == before
    }
    #expect(hasStalled && network.ping(count: 5) == 0)
    #expect(network.size("copy") == before && before < 16_000_000)
    kill(next, SIGCONT)
    #expect(network.isDownloaded(curl))
    #expect(network.wait { network.outages("box").count == 1 } && network.ping() == 20)
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
    _ = try #require(network.crash(parent, SIGKILL))
    #expect(network.wait { network.outages("box").count == 1 })
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
    let children = ["box", "bypass"].compactMap { network.child($0, of: parent) }
    #expect(children.count == 2)
    kill(parent.processIdentifier, SIGKILL)
    #expect(network.wait { children.allSatisfy { kill($0, 0) != 0 } })
  }
}
