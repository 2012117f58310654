import Crypto
import Foundation
import Testing

@testable import MOSCore
@testable import Records

private func random(_ count: Int, _ generator: inout SeededGenerator) -> [UInt8] {
  (0..<count).map { _ in .random(in: 0...255, using: &generator) }
}

private func hexadecimal(_ digest: StreamDigest) -> String {
  written { text in text.write(atMost: 64) { $0.append(digest: digest) } }
}

private func sha256(_ bytes: [UInt8]) -> String {
  SHA256.hash(data: bytes).map { String(format: "%02x", $0) }.joined()
}

@Suite("Digests of streams")
struct StreamDigestsTests {
  @Test("the streams of many flows, in pieces and mixed, have the digests of the whole")
  func mixed() {
    var generator = SeededGenerator(state: 4)
    var digests = StreamDigests()
    let streams = (0..<40).map { _ in (random(.random(in: 0..<5000, using: &generator), &generator)) }
    let flows = (0..<20).map { _ in digests.attach() }
    #expect(Set(flows).count == 20 && !flows.contains(0) && digests.count == 20)
    var done = [Int](repeating: 0, count: 40)
    while let stream = (0..<40).filter({ done[$0] < streams[$0].count }).randomElement(using: &generator) {
      let count = min(Int.random(in: 1...700, using: &generator), streams[stream].count - done[stream])
      streams[stream].withUnsafeBytes { bytes in
        digests.append(
          flows[stream / 2], stream % 2 == 0 ? .client : .server, offset: UInt64(done[stream]),
          bytes: UnsafeRawBufferPointer(rebasing: bytes[done[stream]..<done[stream] + count]))
      }
      done[stream] += count
    }
    for (index, flow) in flows.enumerated() {
      let pair = digests.finish(flow)
      #expect(pair.map { hexadecimal($0.client) } == sha256(streams[index * 2]))
      #expect(pair.map { hexadecimal($0.server) } == sha256(streams[index * 2 + 1]))
      #expect(pair?.client.count == UInt64(streams[index * 2].count))
    }
    #expect(digests.count == 0)
  }

  private func append(_ digests: inout StreamDigests, _ flow: UInt32, _ offset: UInt64, _ text: String) {
    Array(text.utf8).withUnsafeBytes { digests.append(flow, .server, offset: offset, bytes: $0) }
  }

  @Test("nothing after the first gap counts, not even what would fill it")
  func gap() {
    var digests = StreamDigests()
    let flow = digests.attach()
    append(&digests, flow, 0, "abc")
    append(&digests, flow, 4, "e")
    append(&digests, flow, 3, "d")
    let pair = digests.finish(flow)
    #expect(pair?.server.count == 3 && pair.map { hexadecimal($0.server) } == sha256(Array("abc".utf8)))
    #expect(pair?.client.count == 0 && pair.map { hexadecimal($0.client) } == sha256([]))
  }

  @Test("bytes that were there before are skipped")
  func overlap() {
    var digests = StreamDigests()
    let flow = digests.attach()
    append(&digests, flow, 0, "abcd")
    append(&digests, flow, 0, "xxxx")
    append(&digests, flow, 2, "yyef")
    append(&digests, flow, 6, "")
    append(&digests, flow, 0, "")
    let pair = digests.finish(flow)
    #expect(pair?.server.count == 6 && pair.map { hexadecimal($0.server) } == sha256(Array("abcdef".utf8)))
  }

  @Test("an offset at the end of the range is a gap, not an overflow")
  func hostileOffset() {
    var digests = StreamDigests()
    let flow = digests.attach()
    append(&digests, flow, .max, "abcd")
    append(&digests, flow, .max - 1, "abcd")
    #expect(digests.finish(flow)?.server.count == 0)
  }

  @Test("an index is used again, and one that is not in use is ignored")
  func indices() {
    var digests = StreamDigests()
    let first = digests.attach()
    append(&digests, first, 0, "old")
    #expect(digests.finish(first)?.server.count == 3)
    #expect(digests.finish(first) == nil && digests.finish(0) == nil && digests.finish(99) == nil)
    append(&digests, first, 0, "lost")
    append(&digests, 0, 0, "lost")
    append(&digests, 99, 0, "lost")
    #expect(digests.attach() == first)
    append(&digests, first, 0, "new!")
    #expect(digests.finish(first)?.server.count == 4)
  }
}

@Suite("Streams as files")
struct StreamExtractorTests {
  private func append(
    _ extractor: inout StreamExtractor, _ flow: UInt32, _ side: Side, _ offset: UInt64, _ text: String
  ) {
    Array(text.utf8).withUnsafeBytes { extractor.append(flow, side, offset: offset, bytes: $0) }
  }

  @Test(
    "files are named as tcpflow names them",
    arguments: [
      (key("10.0.0.1", 1234, "192.168.0.1", 80), 0, "010.000.000.001.01234-192.168.000.001.00080"),
      (key("10.0.0.1", 1234, "192.168.0.1", 80), 2, "010.000.000.001.01234-192.168.000.001.00080c2"),
      (
        key("2001:6f8:102d:0:2d0:9ff:fee3:e8de", 59201, "2001:6f8:900:7c0::2", 80), 0,
        "2001:6f8:102d:0:2d0:9ff:fee3:e8de.59201-2001:6f8:900:7c0::2.00080"
      ),
      (
        key("10.10.10.10", 40041, "10.176.176.11", 3306, vlan: 50, innerVLAN: 7), 1,
        "010.010.010.010.40041-010.176.176.011.03306--50c1"
      ),
    ] as [(FlowKey, UInt32, String)])
  func names(_ test: (FlowKey, UInt32, String)) {
    #expect(StreamExtractor.name(of: test.0, connection: test.1) == test.2)
  }

  @Test(
    "each side's file has what its peer's stack took, holes as zeros, and silent sides have none",
    arguments: [1, 2, 100])
  func contentsOfFiles(_ maximumDescriptors: Int) throws {
    try withFolder { folder in
      let target = folder + "/new"
      var extractor = try StreamExtractor(directory: target, maximumDescriptors: maximumDescriptors)
      let a = extractor.attach(key("10.0.0.1", 1, "10.0.0.2", 2))
      let b = extractor.attach(key("10.0.0.3", 3, "10.0.0.4", 4))
      let silent = extractor.attach(key("10.0.0.5", 5, "10.0.0.6", 6))
      for step in 0..<50 {
        append(&extractor, a, .server, UInt64(step * 2), "ab")
        append(&extractor, a, .client, UInt64(step), "c")
        append(&extractor, b, .server, UInt64(step * 3), "d")
      }
      append(&extractor, silent, .server, 0, "")
      for flow in [a, b, silent] { extractor.finish(flow) }
      #expect(extractor.error == nil && extractor.fileCount == 3)
      #expect(try FileManager.default.contentsOfDirectory(atPath: target).count == 3)
      #expect(
        contents(target + "/010.000.000.001.00001-010.000.000.002.00002").map { String(decoding: $0, as: UTF8.self) }
          == String(repeating: "ab", count: 50))
      #expect(contents(target + "/010.000.000.002.00002-010.000.000.001.00001").map { $0.count } == 50)
      #expect(
        contents(target + "/010.000.000.003.00003-010.000.000.004.00004")
          == Array(([0x64, 0, 0] as [UInt8]).cycled(148)))
    }
  }

  @Test("later connections with the same addresses get files of their own, each direction by itself")
  func laterConnections() throws {
    try withFolder { folder in
      var extractor = try StreamExtractor(directory: folder)
      for (index, text) in ["first", "second", "third"].enumerated() {
        let flow = extractor.attach(index == 1 ? key("10.0.0.2", 2, "10.0.0.1", 1) : key("10.0.0.1", 1, "10.0.0.2", 2))
        append(&extractor, flow, index == 1 ? .client : .server, 0, text)
        extractor.finish(flow)
        extractor.finish(flow)
        append(&extractor, flow, .server, 0, "late")
      }
      let name = folder + "/010.000.000.001.00001-010.000.000.002.00002"
      #expect(contents(name) == Array("first".utf8) && contents(name + "c1") == Array("second".utf8))
      #expect(contents(name + "c2") == Array("third".utf8))
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 3)
    }
  }

  @Test("a second run empties the files of the first")
  func secondRun() throws {
    try withFolder { folder in
      for text in ["a long first run", "short"] {
        var extractor = try StreamExtractor(directory: folder)
        let flow = extractor.attach(key("10.0.0.1", 1, "10.0.0.2", 2))
        append(&extractor, flow, .server, 0, text)
        extractor.closeAll()
        append(&extractor, flow, .server, UInt64(text.utf8.count), "!")
        extractor.finish(flow)
        #expect(contents(folder + "/010.000.000.001.00001-010.000.000.002.00002") == Array((text + "!").utf8))
      }
    }
  }

  @Test("a full disk is remembered once with the file's name, and nothing stops")
  func fullDisk() throws {
    try withFolder { folder in
      let name = folder + "/010.000.000.001.00001-010.000.000.002.00002"
      try FileManager.default.createSymbolicLink(atPath: name, withDestinationPath: "/dev/full")
      var extractor = try StreamExtractor(directory: folder)
      let flow = extractor.attach(key("10.0.0.1", 1, "10.0.0.2", 2))
      append(&extractor, flow, .server, 0, "x")
      append(&extractor, flow, .client, 0, "y")
      extractor.finish(flow)
      #expect(extractor.error?.code == ENOSPC && extractor.error?.path == name)
      #expect(extractor.error?.description.contains("No space left on device") == true)
    }
  }

  @Test("an offset beyond what a file can have is an error, not a crash")
  func hostileOffset() throws {
    try withFolder { folder in
      var extractor = try StreamExtractor(directory: folder)
      let flow = extractor.attach(key())
      append(&extractor, flow, .server, .max, "x")
      #expect(extractor.error?.code == EFBIG)
    }
  }

  @Test(
    "a folder that cannot be used is refused at the start", arguments: ["/dev/null", "/dev/null/x", "/proc/nothing"])
  func badFolder(_ path: String) throws {
    let error = #expect(throws: OutputError.self) { _ = try StreamExtractor(directory: path).fileCount }
    #expect(error?.path == path && error?.operation == .open)
    if path.hasPrefix("/dev/null") { #expect(error?.code == ENOTDIR) }
  }
}

extension Array {
  /// The elements again and again, `count` of them.
  fileprivate func cycled(_ count: Int) -> [Element] { (0..<count).map { self[$0 % self.count] } }
}
