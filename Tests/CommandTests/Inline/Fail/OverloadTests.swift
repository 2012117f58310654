import Foundation
import Testing

extension FailTests {
  /// More packets than workers take, while they are held.
  @Suite("where workers cannot keep up")
  struct OverloadTests {
    /// Datagrams that are sent; less than a port's ring has room for, and more than waits for a worker.
    private static let count = 5_000

    private static let receiver = """
      import os, socket, struct
      here = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
      here.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)
      here.bind(("10.9.0.2", 9000))
      here.settimeout(0.1)
      seen, again = set(), 0
      while True:
          open("ready", "w").close()
          try:
              while True:
                  number = struct.unpack("!I", here.recv(64))[0]
                  if number in seen: again += 1
                  seen.add(number)
          except socket.timeout: pass
          with open("count.new", "w") as file: file.write("%d %d" % (len(seen), again))
          os.rename("count.new", "count")
      """

    private static let sender = """
      import socket, struct, time
      there = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
      there.bind(("10.9.0.1", 9001))
      for number in range(\(count)):
          there.sendto(struct.pack("!I", number), ("10.9.0.2", 9000))
          if number % 50 == 49: time.sleep(0.001)
      """

    /// What the receiver has: different datagrams, and those that came again.
    private func received(_ network: InlineNetwork) -> [Int] {
      ((try? String(contentsOfFile: network.path("count"), encoding: .utf8)) ?? "0 0").split(separator: " ").compactMap
      {
        Int($0)
      }
    }

    /// Sends all datagrams while a box's first `workers` threads are held, and its main one, so that it is left alone. `whileHeld`
    /// is called before they go on. Returns the box's summary.
    private func overload(
      _ network: InlineNetwork, workers: Int, _ arguments: [String], whileHeld: () -> Void
    ) throws -> String {
      let parent = try network.startBox("box", arguments + ["--conn-log", network.path("conn.log")])
      try network.start(in: network.server, ["python3", "-c", Self.receiver])
      #expect(network.wait { FileManager.default.fileExists(atPath: network.path("ready")) && network.ping() == 20 })
      let box = try #require(network.child("box", of: parent))
      let threads = network.threads(of: box)
      #expect(threads.others.count == workers + 1)
      let debugger = try network.hold([threads.first] + threads.others.prefix(workers))
      let sent = network.run(in: network.client, "python3 -c '\(Self.sender)'")
      #expect(sent.status == 0, "\(sent.output)")
      whileHeld()
      network.release(debugger)
      #expect(network.wait { network.ping() == 20 })
      usleep(300_000)
      let summary = try network.end(parent, "box")
      #expect(!network.messages("box").contains("hangs"))
      return summary
    }

    /// A count of a port's line of a summary.
    private func count(_ name: String, _ summary: String, port: Int = 0) -> Int {
      let line = summary.split(separator: "\n").first { $0.hasPrefix("net_af_packet\(port)") } ?? ""
      guard let range = line.range(of: "\(name) ") else { return 0 }
      return Int(line[range.upperBound...].prefix { $0.isNumber }) ?? 0
    }

    private func recorded(_ network: InlineNetwork) -> Int {
      network.records("conn.log").first { $0["id.orig_p"] as? Int == 9_001 }?["orig_pkts"] as? Int ?? 0
    }

    @Test("open: what exceeds passes at once without handlers, what waited passes later, and each is counted")
    func open() throws {
      let network = try InlineNetwork()
      let summary = try overload(network, workers: 1, ["--fail", "open"]) {
        // A worker has room for 2,048.
        #expect(network.wait { received(network)[0] >= Self.count - 2_048 })
        #expect(received(network)[0] < Self.count)
      }
      #expect(received(network) == [Self.count, 0])
      let passed = count("passed without handlers", summary)
      #expect(passed >= Self.count - 2_048 && passed < Self.count, "\(summary)")
      // Few others can have come meanwhile, as of ARP.
      #expect(0...20 ~= recorded(network) - (Self.count - passed), "\(summary)")
      #expect(!summary.contains("dropped"), "\(summary)")
      #expect(count("received", summary) == count("sent", summary, port: 1), "\(summary)")
    }

    @Test("closed: what exceeds is dropped, what waited passes later, and each is counted")
    func closed() throws {
      let network = try InlineNetwork()
      let summary = try overload(network, workers: 2, ["--workers", "2", "--fail", "closed"]) {
        usleep(1_000_000)
        #expect(received(network)[0] == 0)
      }
      let dropped = count("dropped before full workers", summary)
      let lost = Self.count - received(network)[0]
      #expect(lost >= Self.count - 2_048 && lost < Self.count && received(network)[1] == 0, "\(summary)")
      #expect(recorded(network) == Self.count - lost, "\(summary)")
      #expect(0...20 ~= dropped - lost, "\(summary)")
      #expect(count("received", summary) - dropped == count("sent", summary, port: 1), "\(summary)")
      #expect(!summary.contains("without handlers"), "\(summary)")
    }
  }
}
