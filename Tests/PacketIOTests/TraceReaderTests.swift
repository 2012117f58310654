import Foundation
import MOSCore
import PacketIO
import Testing

@Suite struct TraceReaderTests {
  /// A pcap file with a one-byte frame for each time, of which the byte is `mark`.
  static func capture(times: [UInt32], mark: UInt8) -> [UInt8] {
    var builder = CaptureBuilder.records()
    for time in times { builder.record([mark, UInt8(truncatingIfNeeded: time)], seconds: time) }
    return builder.bytes
  }

  static func order(_ result: ReadResult) -> [String] {
    result.frames.map { "\(UnicodeScalar($0.bytes[0]))\($0.nanoseconds / 1_000_000_000)" }
  }

  static func read(_ captures: [[UInt8]], capacity: Int = 32) throws -> ReadResult {
    let folder = try TemporaryFolder()
    var paths: [String] = []
    for (index, bytes) in captures.enumerated() { paths.append(try folder.write(bytes, "\(index).pcap")) }
    return readAll(try TraceReader(paths: paths), capacity: capacity)
  }

  @Test("files are merged by time; at equal times the file named first goes first", arguments: [1, 2, 32])
  func merge(capacity: Int) throws {
    let result = try Self.read(
      [
        Self.capture(times: [1, 3, 3, 9], mark: 97), Self.capture(times: [2, 3, 4], mark: 98),
        Self.capture(times: [], mark: 99), Self.capture(times: [0, 3, 10], mark: 100),
      ], capacity: capacity)
    #expect(Self.order(result) == ["d0", "a1", "b2", "a3", "a3", "b3", "d3", "b4", "a9", "d10"])
    #expect(result.packetsRead == 10)
    #expect(result.errors.isEmpty)
  }

  @Test("within a file its own order is kept, also where time runs backwards")
  func backwards() throws {
    let result = try Self.read([
      Self.capture(times: [5, 1, 6], mark: 97), Self.capture(times: [2, 5, 7], mark: 98),
    ])
    #expect(Self.order(result) == ["b2", "a5", "a1", "b5", "a6", "b7"])
  }

  @Test("a damaged file ends at its place; the others go on")
  func damage() throws {
    let damaged = Array(Self.capture(times: [1, 4, 7], mark: 97).dropLast(1))
    let result = try Self.read([damaged, Self.capture(times: [2, 3, 5, 8, 9], mark: 98)])
    #expect(Self.order(result) == ["a1", "b2", "b3", "a4", "b5", "b8", "b9"])
    #expect(result.errors.map(\.packet) == [3])
    #expect(result.errors.first?.description.contains("0.pcap: truncated at packet 3") == true)
  }

  @Test("one file is read as by CaptureReader")
  func single() throws {
    let bytes = Self.capture(times: (0..<1000).map { $0 }, mark: 97)
    let result = try Self.read([bytes])
    #expect(result == readAll(bytes))
    let cut = try Self.read([bytes.dropLast()])
    #expect(cut.frames.count == 999)
    #expect(cut.errors.count == 1)
  }

  @Test("many long files agree with a stable sort by time", arguments: [2, 3, 17])
  func againstSort(files: Int) throws {
    var random = SplitMix(state: UInt64(files))
    var captures: [[UInt8]] = []
    var all: [(time: UInt32, file: Int)] = []
    for file in 0..<files {
      let times = (0..<Int.random(in: 0...400, using: &random)).map { _ in
        UInt32.random(in: 0...300, using: &random)
      }.sorted()
      captures.append(Self.capture(times: times, mark: UInt8(97 + file)))
      all += times.map { ($0, file) }
    }
    // Elements are in the order of files, and equal times must stay so.
    let sorted = all.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }
    let expected = sorted.map { "\(UnicodeScalar(UInt8(97 + $0.element.file)))\($0.element.time)" }
    #expect(Self.order(try Self.read(captures)) == expected)
  }

  @Test("streams are merged too, whose frames end with the next read")
  func streams() throws {
    let folder = try TemporaryFolder()
    var paths: [String] = []
    for file in 0..<3 {
      let path = folder.path("fifo\(file)")
      #expect(mkfifo(path, 0o600) == 0)
      let times = (0..<20_000).map { UInt32($0 * 3 + file) }
      InputTests.feed(Self.capture(times: times, mark: UInt8(97 + file)), into: path, portion: 5000)
      paths.append(path)
    }
    let result = readAll(try TraceReader(paths: paths))
    #expect(result.frames.map { $0.nanoseconds / 1_000_000_000 } == (0..<60_000).map { Int64($0) })
    #expect(result.frames.allSatisfy { UInt32($0.bytes[0]) == 97 + UInt32($0.nanoseconds / 1_000_000_000 % 3) })
  }

  @Test("files that cannot be opened are refused before any packet")
  func refusals() throws {
    let folder = try TemporaryFolder()
    let good = try folder.write(Self.capture(times: [1], mark: 97), "a.pcap")
    for paths in [[], [good, folder.path("none")], [folder.url.path, good], ["-", good, "-"]] {
      do throws(CaptureError) {
        _ = try TraceReader(paths: paths)
        Issue.record("opened \(paths)")
      } catch {
        #expect(error.kind == .cannotOpen)
      }
    }
  }

  @Test("progress: bytes of all files")
  func progress() throws {
    let folder = try TemporaryFolder()
    let bytes = Self.capture(times: [1, 2], mark: 97)
    let paths = [try folder.write(bytes, "a"), try folder.write(bytes, "b")]
    let reader = try TraceReader(paths: paths)
    let total = reader.totalBytes
    #expect(total == UInt64(bytes.count * 2))
    #expect(readAll(reader).byteOffset == UInt64(bytes.count * 2))
  }
}

/// A small generator with a seed, so that a failure can be repeated.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
    return value ^ value >> 31
  }
}
