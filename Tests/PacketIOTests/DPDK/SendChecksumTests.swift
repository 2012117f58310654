import Foundation
import MOSCore
import PacketIO
import TestSupport
import Testing

/// A network namespace into which a device's interface is moved, gone with the object.
private final class TapHost {
  static let isPossible =
    geteuid() == 0 && shell("command -v ip && command -v tcpdump && test -c /dev/net/tun").status == 0
  let name = "mostap\(UInt32.random(in: .min ... .max))"
  let interface = "mt\(UInt16.random(in: .min ... .max))"
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    #expect(TapHost.shell("ip netns add \(name)").status == 0)
  }

  deinit { _ = TapHost.shell("ip netns del \(name)") }

  /// Makes the host one that has 10.0.0.2 and 2001:db8::2, and knows who has 10.0.0.1 and 2001:db8::1.
  func take() {
    let outcome = TapHost.shell(
      """
      set -e
      ip link set \(interface) netns \(name)
      ip netns exec \(name) sysctl -qw net.ipv6.conf.\(interface).router_solicitations=0
      ip -n \(name) link set \(interface) address 02:00:00:00:00:02
      ip -n \(name) addr add 10.0.0.2/24 dev \(interface)
      ip -n \(name) addr add 2001:db8::2/64 dev \(interface) nodad
      ip -n \(name) link set \(interface) up
      ip -n \(name) neigh add 10.0.0.1 lladdr 02:02:00:00:00:01 dev \(interface)
      ip -n \(name) neigh add 2001:db8::1 lladdr 02:02:00:00:00:01 dev \(interface)
      """)
    #expect(outcome.status == 0, "\(outcome.output)")
  }

  /// Packets that the host refused for their checksum.
  var refused: Int {
    let text = TapHost.shell("ip netns exec \(name) cat /proc/net/snmp /proc/net/snmp6").output
    var sum = 0
    for line in text.split(separator: "\n") where line.contains("6InCsumErrors") {
      sum += line.split(whereSeparator: \.isWhitespace).last.flatMap { Int($0) } ?? 0
    }
    for kind in ["Tcp:", "Udp:"] {
      let lines = text.split(separator: "\n").filter { $0.hasPrefix(kind) }.map { $0.split(separator: " ") }
      if let place = lines.first?.firstIndex(of: "InCsumErrors") { sum += Int(lines[1][place]) ?? 0 }
    }
    return sum
  }

  static func shell(_ script: String) -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", script]
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    do { try process.run() } catch { return (-1, "\(error)") }
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: data, as: UTF8.self))
  }
}

/// A frame as it is to be on the wire, and without its checksum.
private struct ChecksumCase {
  var whole: [UInt8]
  var partial: [UInt8]

  init(_ builder: PacketBuilder, isTCP: Bool, vlans: [UInt16] = []) {
    let number: UInt8 = isTCP ? 6 : 17
    let contents = isTCP ? builder.segment : builder.datagram
    let pseudoHeader = builder.source + builder.destination + be(UInt32(contents.count)) + [0, 0, 0, number]
    var partial = builder
    partial.tcpChecksum = ~internetChecksum(pseudoHeader)
    partial.udpChecksum = partial.tcpChecksum
    whole = builder.ethernet(builder.ip(number, contents), vlans: vlans)
    self.partial = partial.ethernet(
      partial.ip(number, isTCP ? partial.segment : partial.datagram), vlans: vlans)
  }
}

extension DPDKPortTests {
  private func send(_ frames: [[UInt8]], _ port: inout DPDKPort, leavesChecksum: Bool) -> Int {
    let burst = FrameBurst(capacity: frames.count)
    for (index, bytes) in frames.enumerated() {
      burst.frames[index] = burst.own(bytes)
      burst.frames[index].leavesChecksum = leavesChecksum
    }
    return port.send(burst.frames, count: frames.count)
  }

  /// The protocol numbers of what comes back, until `count` packets have: 6 of a reset, 1 and 58 of ICMP.
  private func answers(_ port: inout DPDKPort, _ count: Int) -> [UInt8] {
    let burst = FrameBurst()
    var found: [UInt8] = []
    for _ in 0..<300 where found.count < count {
      for index in 0..<port.receive(into: burst.frames, capacity: 32) {
        let bytes = FrameCopy(burst.frames[index]).bytes
        // Neighbour discovery and the like come by themselves.
        if bytes[12] == 0x08, bytes[13] == 0 { found.append(bytes[23]) }
        if bytes[12] == 0x86, [6, 58].contains(bytes[20]), bytes[20] == 6 || bytes[54] == 1 { found.append(bytes[20]) }
      }
      usleep(10_000)
    }
    return found.sorted()
  }

  @Test(
    "checksums that are left to a device are right on the wire, over both versions of IP, behind tags, of any length",
    .enabled(if: TapHost.isPossible, "needs root, ip, tcpdump and /dev/net/tun: skipped"))
  func sendChecksums() throws {
    let host = try TapHost()
    let memory = try DPDKMemory(frames: 4096)
    var port = try DPDKPort(DPDKDevice("net_tap_sums,iface=\(host.interface)", memories: [memory]))
    #expect(port.device.driver == "net_tap" && port.fillsInChecksums)
    host.take()
    let file = host.folder.path("wire.pcap")
    let listing = host.folder.path("messages")
    let capture = Process()
    capture.executableURL = URL(fileURLWithPath: "/bin/sh")
    capture.arguments = [
      "-c", "exec ip netns exec \(host.name) tcpdump -Uni \(host.interface) -Q in -w \(file) 2> \(listing)",
    ]
    try capture.run()
    defer {
      kill(capture.processIdentifier, SIGKILL)
      capture.waitUntilExit()
    }
    for _ in 0..<500 where !((try? String(contentsOfFile: listing, encoding: .utf8)) ?? "").contains("listening") {
      usleep(10_000)
    }
    var cases: [ChecksumCase] = []
    for isV6 in [false, true] {
      for isTCP in [true, false] {
        for vlans in [[], [7], [7, 9]] as [[UInt16]] {
          for count in [0, 1, 2, 255, 256, 1_399, 1_400] {
            var builder = PacketBuilder(payload: (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ count) })
            if isV6 { builder = builder.v6 }
            if isTCP, count & 1 == 1 { builder.tcpOptions = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2] }
            cases.append(ChecksumCase(builder, isTCP: isTCP, vlans: vlans))
          }
        }
      }
    }
    #expect(send(cases.map(\.partial), &port, leavesChecksum: true) == cases.count)
    var seen: [[UInt8]] = []
    for _ in 0..<500 where seen.count < cases.count {
      usleep(10_000)
      seen = (try? readAll(TraceReader(paths: [file])).frames.map(\.bytes)) ?? []
    }
    #expect(seen.count == cases.count && seen == cases.map(\.whole))
    let verdict = TapHost.shell("tcpdump -vvnr \(file) 2>/dev/null").output
    #expect(!verdict.contains("incorrect") && !verdict.contains("bad"), "\(verdict.prefix(2_000))")
    #expect(verdict.components(separatedBy: "(correct)").count - 1 == cases.count / 2, "those of TCP")
    #expect(host.refused == 0)
  }

  @Test(
    "a host takes what was left to a device, and refuses the same where it was not",
    .enabled(if: TapHost.isPossible, "needs root, ip, tcpdump and /dev/net/tun: skipped"))
  func acceptedChecksums() throws {
    let host = try TapHost()
    let memory = try DPDKMemory(frames: 4096)
    var port = try DPDKPort(DPDKDevice("net_tap_host,iface=\(host.interface)", memories: [memory]))
    host.take()
    var builder = PacketBuilder(payload: [UInt8](repeating: 0x5a, count: 1_001))
    builder.destinationPort = 9
    let cases = [builder, builder.v6].flatMap { [ChecksumCase($0, isTCP: true), ChecksumCase($0, isTCP: false)] }
    let frames = cases.map { [2, 0, 0, 0, 0, 2, 2, 2, 0, 0, 0, 1] + $0.partial.dropFirst(12) }
    #expect(send(frames, &port, leavesChecksum: true) == 4)
    // Nobody listens: a reset and an unreachable port for each version.
    #expect(answers(&port, 4) == [1, 6, 6, 58] && host.refused == 0)
    #expect(send(frames, &port, leavesChecksum: false) == 4)
    for _ in 0..<200 where host.refused < 4 { usleep(10_000) }
    #expect(host.refused == 4)
    #expect(answers(&port, 1) == [])
    // What has no such checksum cannot be left to it.
    #expect(send([numberedFrame(1), [UInt8](repeating: 0, count: 30)], &port, leavesChecksum: true) == 0)
    #expect(port.statistics.sendDropped.frames == 2)
    #expect(send([numberedFrame(1)], &port, leavesChecksum: false) == 1)
  }

  @Test("ports in memory, and devices without such an offload, leave summing up to who makes frames")
  func noOffload() throws {
    let memory = try DPDKMemory(frames: 1024)
    let port = try DPDKPort(DPDKDevice("net_ring_sums", memories: [memory]))
    #expect(!port.fillsInChecksums && !MemoryPort().fillsInChecksums)
  }
}
