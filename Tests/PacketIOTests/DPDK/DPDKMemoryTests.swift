import Foundation
import PacketIO
import Testing

/// In the suite of ports, because what DPDK says about one failure is that of all.
extension DPDKPortTests {
  @Test("a core's node is the one that the system has it in, and memory for frames is there where it is asked for")
  func nodes() throws {
    #expect(!DPDK.cores.isEmpty)
    for core in DPDK.cores {
      let node = DPDK.onCore(core) { DPDK.node }
      let entries = try FileManager.default.contentsOfDirectory(atPath: "/sys/devices/system/cpu/cpu\(core)")
      // A system that has no nodes has all cores in the first.
      let known = entries.filter { $0.wholeMatch(of: /node[0-9]+/) != nil }
      #expect(known.isEmpty ? node == 0 : known == ["node\(node)"])
      let memory = try DPDK.onCore(core) { () throws(DPDKError) in
        try DPDKMemory(frames: 64, frameByteCount: 256, socket: DPDK.node)
      }
      #expect(memory.framesInUse == 0)
    }
  }

  @Test("a node that there is not is refused in one line; where it is only preferred, another gives the memory")
  func otherNodes() throws {
    for socket in [99, -7, 1 << 40] {
      do {
        _ = try DPDKMemory(frames: 64, frameByteCount: 256, socket: socket)
        Issue.record("there is memory of node \(socket)")
      } catch {
        #expect(error.description.hasPrefix("no memory for 64 frames of 256 bytes: "), "\(error)")
        #expect(!error.description.contains("\n"))
      }
      let memory = try DPDKMemory(frames: 1_024, frameByteCount: 256, preferredSocket: socket)
      var port = try DPDKPort(DPDKDevice("net_ring_node", memories: [memory]))
      let burst = FrameBurst()
      burst.frames[0] = burst.own(numberedFrame(7))
      #expect(port.send(burst.frames, count: 1) == 1 && memory.framesInUse == 1)
      #expect(port.receive(into: burst.frames, capacity: 32) == 1)
      #expect(port.receive(into: burst.frames, capacity: 32) == 0 && memory.framesInUse == 0)
    }
  }

  @Test("where there is not so much anywhere, a preferred node does not help")
  func noMemory() throws {
    #expect(throws: DPDKError.self) {
      try DPDKMemory(frames: 1 << 20, frameByteCount: 65_000, preferredSocket: DPDK.node)
    }
  }
}
