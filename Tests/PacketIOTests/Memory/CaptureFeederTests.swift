import Foundation
import MOSCore
import PacketIO
import TestSupport
import Testing

@Suite struct CaptureFeederTests {
  enum Host: UInt8 { case a = 1, b, c, router }

  /// An Ethernet frame with IPv4 and, for TCP and UDP, ports in front of the rest.
  static func ip(
    _ source: Host, _ destination: Host, protocolNumber: UInt8 = 6, ports: (UInt16, UInt16) = (1000, 80),
    fragment: UInt16 = 0, vlan: UInt16? = nil, mark: UInt8 = 0
  ) -> [UInt8] {
    var frame = CaptureBuilder(isBigEndian: true)
    frame.put([UInt8](repeating: 2, count: 12))
    if let vlan {
      frame.put(0x8100 as UInt16)
      frame.put(vlan)
    }
    frame.put(0x0800 as UInt16)
    frame.put([0x45, mark, 0, 40, 0, 9])
    frame.put(fragment)
    frame.put([64, protocolNumber, 0, 0, 10, 0, 0, source.rawValue, 10, 0, 0, destination.rawValue])
    if protocolNumber == 1 {
      frame.put([3, 3, 0, 0])
    } else {
      frame.put(ports.0)
      frame.put(ports.1)
    }
    frame.put([0, protocolNumber == 17 ? 20 : 0, 0, 1, 0, 0, 0, 0, 0x50, 0x10, 1, 1, 0, 0, 0, 0])
    return frame.bytes
  }

  /// The sides at which these frames come out, as one letter each: c for the client's, s for the server's.
  static func sides(_ frames: [[UInt8]], maximumFlows: Int = 100) throws -> String {
    var builder = CaptureBuilder.records()
    for (index, frame) in frames.enumerated() { builder.record(frame, seconds: UInt32(index)) }
    return try builder.bytes.withUnsafeBytes { bytes in
      var feeder = CaptureFeeder(try TraceReader(buffers: [bytes]), maximumFlows: maximumFlows)
      var result = ""
      while true {
        var client = CaptureSink()
        var server = CaptureSink()
        if feeder.feed(client: &client, server: &server, limit: 1) == 0 { break }
        result += String(repeating: "c", count: client.count) + String(repeating: "s", count: server.count)
      }
      return result
    }
  }

  @Test("who sends a flow's first packet is its client, whatever the ports and whatever other flows there are")
  func flows() throws {
    #expect(try Self.sides([Self.ip(.a, .b), Self.ip(.b, .a, ports: (80, 1000)), Self.ip(.a, .b)]) == "csc")
    // The first packet seen is the server's in a capture that begins in the middle.
    #expect(try Self.sides([Self.ip(.b, .a, ports: (80, 1000)), Self.ip(.a, .b)]) == "cs")
    // As in active FTP: the server opens a connection to the client.
    #expect(
      try Self.sides([
        Self.ip(.a, .b, ports: (1000, 21)), Self.ip(.b, .a, ports: (20, 1001)), Self.ip(.a, .b, ports: (1001, 20)),
        Self.ip(.b, .a, ports: (21, 1000)),
      ]) == "ccss")
    // The same ports under another protocol are another flow.
    #expect(try Self.sides([Self.ip(.a, .b), Self.ip(.b, .a, protocolNumber: 17, ports: (80, 1000))]) == "cc")
  }

  @Test("what has no ports goes by who spoke first between the two addresses")
  func pairs() throws {
    let open = Self.ip(.a, .b)
    #expect(try Self.sides([open, Self.ip(.b, .a, protocolNumber: 1), Self.ip(.a, .b, protocolNumber: 1)]) == "csc")
    #expect(try Self.sides([open, Self.ip(.b, .a, protocolNumber: 47), Self.ip(.c, .a, protocolNumber: 47)]) == "csc")
    // Fragments: neither the first nor a later one is told by its ports.
    let first = Self.ip(.b, .a, protocolNumber: 17, ports: (5, 6), fragment: 0x2000)
    let later = Self.ip(.b, .a, protocolNumber: 17, fragment: 0x0002)
    #expect(try Self.sides([open, first, later]) == "css")
    #expect(try Self.sides([open, later, first]) == "css")
    #expect(try Self.sides([open, Self.ip(.router, .a, protocolNumber: 1)]) == "cc")
  }

  @Test("the answer may have another VLAN tag, or none")
  func vlans() throws {
    #expect(
      try Self.sides([
        Self.ip(.a, .b, vlan: 5), Self.ip(.b, .a, ports: (80, 1000), vlan: 6), Self.ip(.b, .a, ports: (80, 1000)),
      ]) == "css")
  }

  @Test("what is not IP, or cannot be read, comes from the client's side")
  func notIP() throws {
    let arp = [UInt8](repeating: 0xff, count: 12) + [8, 6] + [UInt8](repeating: 0, count: 28)
    #expect(try Self.sides([arp, [], [1, 2, 3], Array(Self.ip(.a, .b).prefix(20)), arp]) == "ccccc")
  }

  @Test("of more flows than can be remembered the oldest is forgotten")
  func forgotten() throws {
    let flows: [(Host, Host)] = [(.a, .b), (.a, .c), (.b, .c)]
    let first = flows.map { Self.ip($0, $1) }
    let answers = flows.map { Self.ip($1, $0, ports: (80, 1000)) }
    #expect(try Self.sides(first + answers, maximumFlows: 3) == "cccsss")
    // The answer of the first flow is taken for a flow of its own, which takes the place of the second, and so on.
    #expect(try Self.sides(first + answers, maximumFlows: 2) == "cccccc")
    #expect(try Self.sides(first + [answers[2], answers[1]], maximumFlows: 2) == "cccss")
  }

  @Test("frames are fed up to a time or a number; one side can be fed alone")
  func portions() throws {
    var builder = CaptureBuilder.records()
    for second in 1...100 as ClosedRange<UInt32> {
      builder.record(
        second % 4 == 0 ? Self.ip(.b, .a, ports: (80, 1000)) : Self.ip(.a, .b, mark: UInt8(second)), seconds: second)
    }
    let all = readAll(builder.bytes).frames
    try builder.bytes.withUnsafeBytes { bytes in
      var feeder = CaptureFeeder(try TraceReader(buffers: [bytes]))
      var client = CaptureSink()
      var server = CaptureSink()
      #expect(feeder.nextTimestamp() == Timestamp(nanoseconds: 1_000_000_000))
      let end = Timestamp(nanoseconds: 40_000_000_000)
      #expect(feeder.feed(client: &client, server: &server, until: end) == 40)
      #expect(feeder.feed(client: &client, server: &server, until: end) == 0)
      #expect(feeder.nextTimestamp() == Timestamp(nanoseconds: 41_000_000_000))
      #expect(client.copies == all[..<40].enumerated().filter { $0.offset % 4 != 3 }.map(\.element))
      #expect(server.count == 10)
      #expect(feeder.feed(.server, into: &server, limit: 8) == 8)
      #expect(server.count == 12)
      #expect(feeder.feed(.client, into: &client) == 52)
      #expect(client.count == 30 + 39)
      #expect(feeder.nextTimestamp() == nil)
      #expect(feeder.feed(client: &client, server: &server) == 0)
      #expect(feeder.client.frames == 75 && feeder.server.frames == 25)
      #expect(feeder.problems.isEmpty)
    }
  }

  @Test("a damaged capture is fed up to its damage, which is said")
  func damage() throws {
    var builder = CaptureBuilder.records()
    for second in 1...5 as ClosedRange<UInt32> { builder.record(Self.ip(.a, .b), seconds: second) }
    try builder.bytes.dropLast().withUnsafeBytes { bytes in
      var feeder = CaptureFeeder(try TraceReader(buffers: [bytes]))
      var client = CaptureSink()
      var server = CaptureSink()
      #expect(feeder.feed(client: &client, server: &server) == 4)
      #expect(feeder.problems.map(\.packet) == [5])
    }
  }

  @Test("in captures of real connections a SYN goes from client to server, a SYN-ACK back")
  func handshakes() throws {
    var count = 0
    for name in ["http", "half-close", "loss", "reset", "tls"] {
      let path = SharedMaterial.packageRoot.appendingPathComponent("traces/\(name).pcap").path
      let passage = try MemoryForwardTests.split(path)
      // SYN and ACK of TCP in plain IPv4 over Ethernet, which these captures have.
      func handshake(_ frames: [FrameCopy]) -> [UInt8] {
        frames.filter { $0.bytes.count > 47 && $0.bytes[12...14] == [8, 0, 0x45] && $0.bytes[23] == 6 }
          .map { $0.bytes[47] & 0x12 }.filter { $0 & 2 != 0 }
      }
      let there = handshake(passage.toServer)
      let back = handshake(passage.toClient)
      #expect(there.allSatisfy { $0 == 2 } && back.allSatisfy { $0 == 0x12 }, "\(name)")
      count += min(there.count, back.count)
    }
    #expect(count >= 5)
  }
}
