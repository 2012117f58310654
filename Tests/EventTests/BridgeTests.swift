import EventDSL
import Foundation
import PacketIO
import TestSupport
import Testing

/// Looks at every packet at every hook, and decides nothing.
private struct Onlooker: Middlebox {
  let packets = FlowLocal(UInt64(0))

  var events: some EventGraph {
    Filter(.frame) { _, _ in }
    Filter(.packet) { event, _ in event.flow[packets] += 1 }
    Filter(.newData) { event, _ in event.forEachSpan { _ in } }
  }
}

/// Overwrites the first payload byte of each packet.
private struct FirstByte: Middlebox {
  var events: some EventGraph {
    Filter(.packet) { _, packet in
      withUnsafeTemporaryAllocation(byteCount: 1, alignment: 1) { byte in
        byte[0] = UInt8(ascii: "#")
        _ = packet.overwrite(at: 0, with: UnsafeRawBufferPointer(byte))
      }
    }
  }
}

@Suite("Two ports with an engine between them")
struct BridgeTests {
  /// A frame's bytes and time.
  struct Copy: Equatable {
    var bytes: [UInt8]
    var time: Timestamp

    init(_ frame: CapturedFrame) {
      bytes = Array(UnsafeRawBufferPointer(start: frame.bytes, count: Int(frame.capturedLength)))
      time = frame.timestamp
    }
  }

  static let captures = SharedMaterial.captures().filter {
    let size = try? FileManager.default.attributesOfItem(atPath: $0)[.size] as? Int
    return (size ?? 0) <= 1 << 20
  }

  /// What the feeder makes of a capture: the frames toward the server, and those toward the client.
  static func split(_ path: String) throws -> [[Copy]] {
    var feeder = CaptureFeeder(try TraceReader(paths: [path]))
    var client = CaptureSink()
    var server = CaptureSink()
    while feeder.feed(client: &client, server: &server, limit: 100) > 0 {}
    return [copies(client), copies(server)]
  }

  private static func copies(_ sink: borrowing CaptureSink) -> [Copy] { (0..<sink.count).map { Copy(sink[$0]) } }

  /// What leaves a bridge with `middlebox` toward the server, and toward the client.
  static func pass(_ path: String, _ middleboxes: [any Middlebox]) throws -> [[Copy]] {
    var bridge = Bridge(try EventEngine(middleboxes))
    var clients = MemoryPort(slots: 64, slotByteCount: 262_144)
    var servers = MemoryPort(slots: 64, slotByteCount: 262_144)
    var feeder = CaptureFeeder(try TraceReader(paths: [path]))
    var toClients = CaptureSink()
    var toServers = CaptureSink()
    while feeder.feed(client: &clients, server: &servers, limit: 20) > 0 {
      while bridge.breathe(&clients, &servers) > 0 {}
      clients.drain(into: &toClients)
      servers.drain(into: &toServers)
    }
    return [copies(toServers), copies(toClients)]
  }

  @Test(
    "Every capture leaves byte for byte as it entered, in order, both ways, when no filter decides", arguments: captures
  )
  func everyCapture(path: String) throws {
    let expected = try Self.split(path)
    #expect(try Self.pass(path, [Onlooker()]) == expected)
    #expect(try Self.pass(path, []) == expected)
  }

  @Test(
    "What is overwritten leaves as it was overwritten, and nothing else changes", arguments: ["http", "ipv6", "mixed"])
  func overwritten(name: String) throws {
    let path = SharedMaterial.packageRoot.appendingPathComponent("traces/\(name).pcap").path
    let expected = try Self.split(path)
    let passed = try Self.pass(path, [FirstByte()])
    var changes = 0
    for (before, after) in zip(expected.joined(), passed.joined()) {
      #expect(before.bytes.count == after.bytes.count)
      let differing = zip(before.bytes, after.bytes).enumerated().filter { $0.element.0 != $0.element.1 }.map(\.offset)
      // A payload byte and the two bytes of the checksum, some of which may stay the same.
      #expect(differing.count <= 3)
      if let last = differing.last {
        changes += 1
        #expect(after.bytes[last] == UInt8(ascii: "#"))
      }
    }
    #expect(passed[0].count == expected[0].count && passed[1].count == expected[1].count)
    #expect(changes > 10)
  }
}
