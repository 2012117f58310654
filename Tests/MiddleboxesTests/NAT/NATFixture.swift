import EventDSL
import EventSupport
import MOSCore
import Middleboxes
import TestSupport
import Testing

/// An end in a test: `10.0.0.1:40000`; for ICMP the number is an identifier.
struct TestEnd: Equatable, CustomStringConvertible {
  var address: [UInt8]
  var port: UInt16

  init(_ text: String) {
    let parts = text.split(separator: ":")
    address = parts[0].split(separator: ".").map { UInt8($0)! }
    port = parts.count > 1 ? UInt16(parts[1])! : 0
  }

  init(address: [UInt8], port: UInt16) {
    self.address = address
    self.port = port
  }

  var description: String { address.map(String.init).joined(separator: ".") + ":\(port)" }
}

/// Hosts around a NAT: 10.0.0.0/8 behind it, which is 198.51.100.1 outside. What leaves is compared, byte for byte, with what
/// a host with the new ends would have sent.
final class NATFixture {
  let nat: NAT
  var script: EventScript
  /// The same once more, with packets that are changed where they lie.
  private var twin: EventScript
  /// Seconds since the start.
  var time = 0.0
  private(set) var reports: [String] = []
  /// What is translated has one hop less.
  private let isHop: Bool
  private var taken = 0

  init(
    _ more: String = "", external: String = "198.51.100.1", seed: UInt64 = 7, worker: Int = 0, of workers: Int = 1,
    idle seconds: Int64 = 7_440
  )
    throws
  {
    // The same time to live on both sides, so that what leaves is what a host there would have sent.
    isHop = more.contains("decrement-time-to-live: yes")
    let timeToLive = more.contains("decrement-time-to-live") ? "" : "decrement-time-to-live: no"
    let text = "internal: 10.0.0.0/8\nexternal: [\(external)]\n\(timeToLive)\n\(more)\n"
    let configuration = try NATConfiguration(bytes: Array(text.utf8), file: "nat.yaml")
    nat = NAT(configuration, worker: worker, of: workers, seed: seed)
    script = try EventScript(nat) { $0.idleTimeout = seconds * 1_000_000_000 }
    twin = try EventScript(NAT(configuration, worker: worker, of: workers, seed: seed)) {
      $0.idleTimeout = seconds * 1_000_000_000
    }
    twin.engine.changesFramesInPlace = true
  }

  /// Frames that left since the last call.
  private func left() -> [[UInt8]] {
    let frames = script.output[taken...].map(\.bytes)
    taken = script.output.count
    return frames
  }

  /// Sends a frame; what left.
  func send(_ frame: [UInt8]) -> [[UInt8]] {
    time += 0.001
    reports += script.play(frames: [frame], start: time)
    _ = twin.play(frames: [frame], start: time)
    #expect(twin.allReports.map(\.text) == script.allReports.map(\.text))
    #expect(twin.output.last?.bytes == script.output.last?.bytes && twin.output.count == script.output.count)
    return left()
  }

  /// Lets time pass without a packet; what left meanwhile.
  func wait(until seconds: Double) -> [[UInt8]] {
    time = seconds
    script.wait(until: seconds)
    twin.wait(until: seconds)
    #expect(twin.output.last?.bytes == script.output.last?.bytes && twin.output.count == script.output.count)
    return left()
  }

  /// What left when a frame is sent, without what the NAT says itself, which goes back.
  func passed(_ frame: [UInt8]) -> [[UInt8]] {
    let before = script.output.count
    _ = send(frame)
    return script.output[before...].filter { !$0.isReturned }.map(\.bytes)
  }

  /// Sends what `frame` makes of a builder with the ends; the ends of what left, nil when it was dropped.
  private func exchange(
    _ from: String, _ to: String, _ frame: (PacketBuilder) -> [UInt8]
  ) -> String? {
    var builder = PacketBuilder(payload: [0x61, 0x62, 0x63])
    (builder.source, builder.sourcePort) = (TestEnd(from).address, TestEnd(from).port)
    (builder.destination, builder.destinationPort) = (TestEnd(to).address, TestEnd(to).port)
    let output = passed(frame(builder))
    guard let leaving = output.first else { return nil }
    #expect(output.count == 1)
    builder.source = Array(leaving[26..<30])
    builder.destination = Array(leaving[30..<34])
    builder.sourcePort = UInt16(leaving[34]) << 8 | UInt16(leaving[35])
    builder.destinationPort = UInt16(leaving[36]) << 8 | UInt16(leaving[37])
    builder.timeToLive -= isHop ? 1 : 0
    #expect(leaving == frame(builder), "other bytes than a host would have sent, or a wrong checksum")
    let source = TestEnd(address: builder.source, port: builder.sourcePort)
    let destination = TestEnd(address: builder.destination, port: builder.destinationPort)
    return "\(source) > \(destination)"
  }

  /// Sends a UDP datagram: `"198.51.100.1:40000 > 203.0.113.1:53"` is what leaves.
  func udp(_ from: String, _ to: String) -> String? { exchange(from, to) { $0.udpFrame } }

  /// Sends a TCP segment.
  func tcp(
    _ from: String, _ to: String, _ flags: TCPFlags, seq: UInt32 = 1000, ack: UInt32 = 0, text: String = ""
  ) -> String? {
    exchange(from, to) { builder in
      var builder = builder
      builder.flags = flags.rawValue
      (builder.sequence, builder.acknowledgment) = (seq, ack)
      builder.payload = Array(text.utf8)
      return builder.tcpFrame
    }
  }

  /// The handshake of a connection that a host opens; the ends that the server sees.
  func connect(_ from: String, _ to: String) -> String? {
    guard let seen = tcp(from, to, .syn) else { return nil }
    let external = String(seen.prefix { $0 != " " })
    #expect(tcp(to, external, [.syn, .ack], seq: 5000, ack: 1001) == "\(to) > \(from)")
    #expect(tcp(from, to, .ack, seq: 1001, ack: 5001) == seen)
    return external
  }

  /// An ICMP echo message with an identifier.
  static func echo(_ from: String, _ to: String, type: UInt8, hops: UInt8 = 0) -> [UInt8] {
    var builder = PacketBuilder(payload: [1, 2, 3, 4])
    builder.timeToLive -= hops
    (builder.source, builder.destination) = (TestEnd(from).address, TestEnd(to).address)
    var message = builder.icmp(type: type)
    message.replaceSubrange(2..<6, with: [0, 0] + be(max(TestEnd(from).port, TestEnd(to).port)))
    message.replaceSubrange(2..<4, with: be(internetChecksum(message)))
    return builder.ethernet(builder.ip(1, message))
  }

  /// Sends an echo request (8) or reply (0). The identifier is that of whichever end has one; the same for what leaves.
  func echo(_ from: String, _ to: String, type: UInt8) -> String? {
    guard let leaving = passed(Self.echo(from, to, type: type)).first else { return nil }
    let identifier = UInt16(leaving[38]) << 8 | UInt16(leaving[39])
    let source = TestEnd(address: Array(leaving[26..<30]), port: type == 8 ? identifier : 0)
    let destination = TestEnd(address: Array(leaving[30..<34]), port: type == 0 ? identifier : 0)
    #expect(leaving == Self.echo("\(source)", "\(destination)", type: type, hops: isHop ? 1 : 0))
    return "\(source) > \(destination)"
  }

  /// An ICMP error from an address to another about a packet, of which it quotes `count` bytes.
  static func error(
    _ from: String, _ to: String, about packet: [UInt8], type: UInt8 = 3, code: UInt8 = 1, count: Int = 28
  ) -> [UInt8] {
    var builder = PacketBuilder(payload: Array(packet.prefix(count)))
    (builder.source, builder.destination) = (TestEnd(from).address, TestEnd(to).address)
    return builder.ethernet(builder.ip(1, builder.icmp(type: type, code: code)))
  }

  /// A UDP datagram as a frame.
  static func frame(_ from: String, _ to: String) -> [UInt8] { PacketBuilder().ethernet(datagram(from, to)) }

  /// A UDP datagram without Ethernet, as an ICMP error quotes it.
  static func datagram(_ from: String, _ to: String) -> [UInt8] {
    var builder = PacketBuilder(payload: [0x61, 0x62, 0x63])
    (builder.source, builder.sourcePort) = (TestEnd(from).address, TestEnd(from).port)
    (builder.destination, builder.destinationPort) = (TestEnd(to).address, TestEnd(to).port)
    return builder.udp
  }

  /// The same of TCP, a SYN.
  static func segment(_ from: String, _ to: String) -> [UInt8] {
    var builder = PacketBuilder()
    (builder.source, builder.sourcePort) = (TestEnd(from).address, TestEnd(from).port)
    (builder.destination, builder.destinationPort) = (TestEnd(to).address, TestEnd(to).port)
    builder.flags = TCPFlags.syn.rawValue
    return builder.tcp
  }

  /// Flows that the engine's tracker has begun.
  var flows: UInt64 {
    let statistics = script.engine.trackerStatistics
    return statistics.tcpFlows + statistics.udpFlows + statistics.icmpFlows
  }
}
