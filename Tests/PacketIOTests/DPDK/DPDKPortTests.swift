import Foundation
import MOSCore
import PacketIO
import Testing

/// Devices are attached and taken off one after the other.
@Suite("DPDK ports", .serialized)
struct DPDKPortTests {
  init() throws { try StartedDPDK.ensure() }

  private func capture(_ frames: [[UInt8]], in folder: TemporaryFolder, _ name: String = "in.pcap") throws -> String {
    var builder = CaptureBuilder.records()
    for (index, frame) in frames.enumerated() { builder.record(frame, seconds: 1000 + UInt32(index), subseconds: 7) }
    return try folder.write(builder.bytes, name)
  }

  private func bytes(ofCapture path: String) throws -> [[UInt8]] {
    readAll(try TraceReader(paths: [path])).frames.map(\.bytes)
  }

  @Test("what is sent into a ring comes out of it, in order and unchanged, also in bursts larger than DPDK's")
  func ring() throws {
    let memory = try DPDKMemory(frames: 4096)
    do {
      var port = try DPDKPort(DPDKDevice("net_ring_order", memories: [memory]))
      let burst = FrameBurst(capacity: 700)
      let frames = (0..<700).map { numberedFrame($0, length: 60 + $0) }
      for index in 0..<700 { (burst.frames + index).initialize(to: burst.own(frames[index])) }
      #expect(port.send(burst.frames, count: 700) == 700)
      #expect(port.copied == 700)
      #expect(memory.framesInUse == 700)
      var received: [[UInt8]] = []
      let before = Date().timeIntervalSince1970
      while case let count = port.receive(into: burst.frames, capacity: 700), count > 0 {
        for index in 0..<count {
          received.append(FrameCopy(burst.frames[index]).bytes)
          #expect(abs(Double(burst.frames[index].timestamp.nanoseconds) * 1e-9 - before) < 60)
        }
      }
      #expect(received == frames)
      let bytes = UInt64(frames.reduce(0) { $0 + $1.count })
      #expect(port.statistics.sent == FrameCount(frames: 700, bytes: bytes))
      #expect(port.statistics.received == FrameCount(frames: 700, bytes: bytes))
      #expect(port.statistics.dropped == FrameCount())
      #expect(memory.framesInUse == 0)
    }
    #expect(memory.framesInUse == 0)
  }

  @Test("a ring that is full drops what comes on top, counts it, and gives its memory back")
  func fullRing() throws {
    let memory = try DPDKMemory(frames: 4096)
    do {
      var port = try DPDKPort(DPDKDevice("net_ring_full", memories: [memory]))
      let burst = FrameBurst(capacity: 512)
      for index in 0..<512 { (burst.frames + index).initialize(to: burst.own(numberedFrame(index))) }
      var taken = 0
      for _ in 0..<5 { taken += port.send(burst.frames, count: 512) }
      let held = Int(port.statistics.sent.frames)
      #expect(taken == held && held < 2560 && held > 512)
      #expect(port.statistics.sendDropped == FrameCount(frames: UInt64(2560 - held), bytes: UInt64(64 * (2560 - held))))
      #expect(memory.framesInUse == held)
      while port.receive(into: burst.frames, capacity: 512) > 0 {}
      #expect(memory.framesInUse == 0)
    }
  }

  @Test("what comes in at one port leaves at the other without a copy, with the times of the capture")
  func zeroCopy() throws {
    let folder = try TemporaryFolder()
    let frames = (0..<1000).map { numberedFrame($0, length: 60 + $0) }
    let input = try capture(frames, in: folder)
    let memory = try DPDKMemory(frames: 4096)
    var times: [Int64] = []
    do {
      let device = try DPDKDevice("net_pcap_zero0,rx_pcap=\(input)", memories: [memory])
      #expect(device.hasCaptureTime && device.driver == "net_pcap" && device.queues == 1 && device.keepsFlowsTogether)
      var a = try DPDKPort(device)
      var b = try DPDKPort(DPDKDevice("net_pcap_zero1,tx_pcap=\(folder.path("out.pcap"))", memories: [memory]))
      let burst = FrameBurst()
      while case let count = a.receive(into: burst.frames, capacity: 32), count > 0 {
        for index in 0..<count { times.append(burst.frames[index].timestamp.nanoseconds) }
        #expect(b.send(burst.frames, count: count) == count)
      }
      #expect(b.copied == 0)
      #expect(b.statistics.sent == a.statistics.received)
      #expect(memory.framesInUse == 0)
      #expect(device.counters.received == 1000)
      #expect(device.extendedCounters.contains { $0 == ("rx_good_packets", 1000) })
      #expect(device.link.isUp)
    }
    #expect(times == (0..<1000).map { (1000 + $0) * 1_000_000_000 + 7_000 })
    #expect(try bytes(ofCapture: folder.path("out.pcap")) == frames)
  }

  @Test("frames that were changed in place, cut short, or lie elsewhere leave as they were given; a frame is sent once")
  func changedFrames() throws {
    let folder = try TemporaryFolder()
    let frames = (0..<6).map { numberedFrame($0, length: 100) }
    let input = try capture(frames, in: folder)
    let memory = try DPDKMemory(frames: 1024)
    let grown = numberedFrame(90, length: 1400)
    do {
      var a = try DPDKPort(DPDKDevice("net_pcap_change0,rx_pcap=\(input)", memories: [memory]))
      var b = try DPDKPort(DPDKDevice("net_pcap_change1,tx_pcap=\(folder.path("out.pcap"))", memories: [memory]))
      let burst = FrameBurst()
      #expect(a.receive(into: burst.frames, capacity: 32) == 6)
      let lent = (0..<6).map { burst.frames[$0] }
      UnsafeMutableRawPointer(mutating: lent[1].bytes).storeBytes(of: 0xee, as: UInt8.self)
      var short = lent[2]
      short.capturedLength = 70
      // In another order, one left out, one twice, one of our own.
      let sent = [lent[1], lent[0], short, burst.own(grown), lent[5], lent[5]]
      for (index, frame) in sent.enumerated() { burst.frames[index] = frame }
      #expect(b.send(burst.frames, count: 6) == 5)
      #expect(b.copied == 1)
      #expect(b.statistics.sendDropped.frames == 1)
      #expect(a.receive(into: burst.frames, capacity: 32) == 0)
      #expect(memory.framesInUse == 0)
    }
    var changed = frames[1]
    changed[0] = 0xee
    let left = try bytes(ofCapture: folder.path("out.pcap"))
    #expect(left == [changed, frames[0], Array(frames[2][..<70]), grown, frames[5]])
  }

  @Test("a frame in the place of one that left before is known: memory that comes round at once")
  func reusedMemory() throws {
    let memory = try DPDKMemory(frames: 2112)
    var a = try DPDKPort(DPDKDevice("net_null_reuse0", memories: [memory]))
    var b = try DPDKPort(DPDKDevice("net_null_reuse1", memories: [memory]))
    let burst = FrameBurst()
    for _ in 0..<1000 {
      let fromA = a.receive(into: burst.frames, capacity: 32)
      #expect(b.send(burst.frames, count: fromA) == 32)
      let fromB = b.receive(into: burst.frames, capacity: 32)
      #expect(a.send(burst.frames, count: fromB) == 32)
    }
    #expect(a.copied == 0 && b.copied == 0)
    #expect(a.statistics.dropped == FrameCount() && b.statistics.dropped == FrameCount())
  }

  @Test("millions of frames that are forwarded, changed, grown, dropped, sent twice and made leave no memory behind")
  func memoryComesBack() throws {
    let memory = try DPDKMemory(frames: 4096)
    do {
      var a = try DPDKPort(DPDKDevice("net_null_mass0,size=128", memories: [memory]))
      var b = try DPDKPort(DPDKDevice("net_null_mass1", memories: [memory]))
      var ring = try DPDKPort(DPDKDevice("net_ring_mass", memories: [memory]))
      let burst = FrameBurst(capacity: 96)
      let own = burst.own(numberedFrame(1, length: 1500))
      let long = burst.own(numberedFrame(2, length: 9000))
      var random = SystemRandomNumberGenerator()
      var offered: UInt64 = 0
      for _ in 0..<60_000 {
        let count = a.receive(into: burst.frames, capacity: 32)
        var leaving: [CapturedFrame] = []
        let choices = UInt64.random(in: .min ... .max, using: &random)
        for index in 0..<count {
          var frame = burst.frames[index]
          switch (choices >> UInt64(index)) & 15 {
          case 0: continue
          case 1: leaving += [frame, frame]
          case 2:
            frame.capturedLength = 60
            leaving.append(frame)
          case 3: leaving.append(own)
          case 4: leaving += [frame, own, long]
          case 5:
            // Grown beyond what came: that is no frame of the port's, but must not be harmful.
            frame.capturedLength = 400
            leaving.append(frame)
          default: leaving.append(frame)
          }
        }
        for (index, frame) in leaving.enumerated() { burst.frames[index] = frame }
        offered += UInt64(leaving.count)
        if choices & 1 << 40 == 0 {
          _ = b.send(burst.frames, count: leaving.count)
        } else {
          _ = ring.send(burst.frames, count: leaving.count)
        }
        if choices & 1 << 41 == 0 {
          let back = ring.receive(into: burst.frames, capacity: 64)
          _ = b.send(burst.frames, count: back)
          offered += UInt64(back)
        }
      }
      let given = [b.statistics, ring.statistics].reduce(UInt64(0)) { $0 + $1.sent.frames + $1.sendDropped.frames }
      #expect(given == offered)
      #expect(a.statistics.received.frames == 1_920_000)
      while ring.receive(into: burst.frames, capacity: 96) > 0 {}
      // What was lent last.
      #expect(memory.framesInUse <= 32)
    }
    #expect(memory.framesInUse == 0)
  }

  @Test("jumbo frames: in one piece where the memory has pieces so long, in several where not, and copied then")
  func jumbo() throws {
    let folder = try TemporaryFolder()
    let frames = [9000, 64, 2048, 2049, 9018, 4096, 16_000].map { numberedFrame($0, length: $0) }
    let input = try capture(frames, in: folder)
    for (number, size) in [2_048, 17_000, 512].enumerated() {
      let memory = try DPDKMemory(frames: 2048, frameByteCount: size)
      let output = folder.path("out\(size).pcap")
      do {
        var a = try DPDKPort(DPDKDevice("net_pcap_jumbo\(number)0,rx_pcap=\(input)", memories: [memory]))
        var b = try DPDKPort(DPDKDevice("net_pcap_jumbo\(number)1,tx_pcap=\(output)", memories: [memory]))
        let burst = FrameBurst()
        let count = a.receive(into: burst.frames, capacity: 32)
        #expect((0..<count).map { FrameCopy(burst.frames[$0]).bytes } == frames)
        #expect(b.send(burst.frames, count: count) == frames.count)
        burst.frames[0] = burst.own(frames[4])
        #expect(b.send(burst.frames, count: 1) == 1)
        #expect(a.receive(into: burst.frames, capacity: 32) == 0)
        #expect(memory.framesInUse == 0)
      }
      #expect(try bytes(ofCapture: output) == frames + [frames[4]], "pieces of \(size) bytes")
    }
  }

  @Test("a device that there is not, or that refuses, is an error of one line that names it and says why")
  func refusals() throws {
    let memory = try DPDKMemory(frames: 1024)
    for (device, reason) in [
      ("net_nothing0", "no such device"), ("net_pcap_bad0,rx_pcap=/nonexistent.pcap", "nonexistent"),
      ("net_af_packet_bad0,iface=absent0", "absent0"), ("net_null_bad0,what=1", "what"),
      ("0000:99:00.0", "no such device"),
    ] {
      do {
        _ = try DPDKDevice(device, memories: [memory])
        Issue.record("\(device) is there")
      } catch {
        #expect(error.description.hasPrefix("\(device): "))
        #expect(error.description.contains(reason), "\(error)")
        #expect(!error.description.contains("\n"))
      }
    }
    let other = try DPDKMemory(frames: 1024)
    do {
      _ = try DPDKDevice("net_ring_two", memories: [memory, other, memory, other])
    } catch { Issue.record("\(error)") }
    #expect(memory.framesInUse == 0)
    // The name is free again.
    _ = try DPDKDevice("net_ring_two", memories: [memory])
  }
}
