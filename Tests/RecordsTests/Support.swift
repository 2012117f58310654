import Foundation
import Testing

@testable import DualStackTracker
@testable import MOSCore
@testable import Records

/// Random numbers that are the same in every run.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }
}

/// What `body` appends.
func written(_ body: (inout RecordText) -> Void) -> String {
  var text = RecordText(capacity: 1)
  body(&text)
  return String(decoding: text.bytes, as: UTF8.self)
}

/// Foundation's reading of one line of JSON.
func parsed(_ line: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> [String: Any] {
  #expect(line.last == "\n" && line.dropLast().allSatisfy { $0 != "\n" }, "one line", sourceLocation: sourceLocation)
  let object = try JSONSerialization.jsonObject(with: Data(line.utf8))
  return try #require(object as? [String: Any], sourceLocation: sourceLocation)
}

func key(
  _ source: String = "192.0.2.1", _ sourcePort: UInt16 = 40000, _ destination: String = "198.51.100.2",
  _ destinationPort: UInt16 = 80, vlan: UInt16 = 0, innerVLAN: UInt16 = 0, protocolNumber: UInt8 = 6
) -> FlowKey {
  FlowKey(
    source: IPAddress(source)!, sourcePort: sourcePort, destination: IPAddress(destination)!,
    destinationPort: destinationPort, vlan: vlan, innerVLAN: innerVLAN, protocolNumber: protocolNumber)
}

/// Runs `body` with a packet of no bytes.
func withPacket<Result>(
  _ key: FlowKey, number: UInt64 = 1, nanoseconds: Int64 = 0, _ body: (inout DecodedPacket) throws -> Result
) rethrows -> Result {
  try withUnsafeTemporaryAllocation(byteCount: 16, alignment: 8) { bytes in
    var packet = DecodedPacket(frame: UnsafeRawPointer(bytes.baseAddress!))
    packet.key = key
    packet.number = number
    packet.timestamp = Timestamp(nanoseconds: nanoseconds)
    packet.ipVersion = key.source.isV4 ? 4 : 6
    return try body(&packet)
  }
}

/// A flow's record as the tracker would leave it.
func flow(
  _ key: FlowKey = key(), first: Int64 = 1_300_000_000_123_456_000, last: Int64 = 1_300_000_002_223_456_789,
  number: UInt64 = 7, history: String = "", _ change: (inout FlowRecord) -> Void = { _ in }
) -> FlowRecord {
  withPacket(key, number: number, nanoseconds: first) { packet in
    let place = UnsafeMutablePointer<FlowRecord>.allocate(capacity: 1)
    defer { place.deallocate() }
    withUnsafePointer(to: packet) { place.begin(key: key, with: $0) }
    var record = place.pointee
    record.lastTimestamp = Timestamp(nanoseconds: last)
    for letter in history.utf8 { record.history.append(letter) }
    change(&record)
    return record
  }
}

/// A folder of its own, removed afterwards.
func withFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("records-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder.path)
}

func contents(_ path: String) -> [UInt8]? { FileManager.default.contents(atPath: path).map { [UInt8]($0) } }
