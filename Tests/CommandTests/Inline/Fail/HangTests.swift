import Foundation
import Testing

extension FailTests {
  /// A box that neither works nor ends, between real hosts.
  @Suite("where the box hangs")
  struct HangTests {
    @Test(
      "a worker that stays in a handler: with open, a transfer goes on, without handlers and then with the next box")
    func open() throws {
      let network = try InlineNetwork()
      network.makeFile("page", count: 16_000_000)
      try network.startWebServer()
      let parent = try network.startBox("box", ["--middlebox", "monitor", "--fail", "open"])
      let box = try #require(network.child("box", of: parent))
      let curl = try network.download()
      let threads = network.threads(of: box)
      #expect(threads.others.count == 2)
      let debugger = try network.hold([threads.others[0]])
      #expect(network.wait { network.messages("box").contains("the box hangs: nothing has happened for 2") })
      // A thread that somebody holds ends only then.
      network.release(debugger)
      let next = try #require(network.nextBox(of: parent, after: box, waits: true))
      #expect(network.wait { network.messages("box").contains("packets pass without handlers") })
      #expect(network.wait { network.ping() == 20 })
      kill(next, SIGCONT)
      #expect(network.isDownloaded(curl))
      #expect(network.wait { network.outages("box").count == 1 && network.ping() == 20 })
      let summary = try network.end(parent, "box")
      #expect(summary.contains("restarts   1, passed meanwhile "), "\(summary)")
      #expect(network.messages("box").components(separatedBy: "the box hangs").count == 2)
    }

    @Test("a debugger has all the time that it wants; a box that was stopped without one is started again")
    func stopped() throws {
      let network = try InlineNetwork()
      let parent = try network.startBox("box", ["--middlebox", "monitor", "--fail", "closed"])
      let box = try #require(network.child("box", of: parent))
      let threads = network.threads(of: box)
      let debugger = try network.hold([threads.first] + threads.others)
      #expect(network.ping(count: 2) == 0)
      usleep(2_800_000)
      network.release(debugger)
      #expect(network.wait { network.ping() == 20 })
      #expect(!network.messages("box").contains("hangs") && network.child("box", of: parent) == box)
      kill(box, SIGSTOP)
      #expect(network.nextBox(of: parent, after: box) != nil)
      #expect(network.wait { network.outages("box").count == 1 && network.ping() == 20 })
      #expect(
        network.messages("box").contains("the box hangs: nothing has happened for 2"), "\(network.messages("box"))")
      #expect(try network.end(parent, "box").contains("restarts   1\n"))
    }
  }
}
