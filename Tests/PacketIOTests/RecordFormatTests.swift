import MOSCore
import PacketIO
import Testing

@Suite struct RecordFormatTests {
  @Test("each magic number, in both byte orders", arguments: [false, true])
  func variants(bigEndian: Bool) {
    let frame = sampleFrame(61)
    for (magic, extra, nanoseconds) in [
      (0xa1b2_c3d4 as UInt32, 0, 1_700_000_000_123_456_000 as Int64),
      (0xa1b2_3c4d, 0, 1_700_000_000_000_123_456),
      (0xa1b2_cd34, 8, 1_700_000_000_123_456_000),
    ] {
      var builder = CaptureBuilder.records(bigEndian: bigEndian, magic: magic)
      builder.record(frame, seconds: 1_700_000_000, subseconds: 123_456, wire: 1500, extraHeader: extra)
      builder.record([], seconds: 0, extraHeader: extra)
      let result = readAll(builder.bytes)
      #expect(
        result.frames == [
          FrameCopy(bytes: frame, wireLength: 1500, nanoseconds: nanoseconds), FrameCopy(bytes: [], nanoseconds: 0),
        ])
      #expect(result.errors.isEmpty)
      #expect(result.byteOffset == UInt64(builder.bytes.count))
    }
  }

  @Test("seconds are unsigned, and subseconds may be more than a second")
  func timeRange() {
    var builder = CaptureBuilder.records()
    builder.record([1], seconds: .max, subseconds: .max)
    let expected = Int64(UInt32.max) * 1_000_000_000 + Int64(UInt32.max) * 1000
    #expect(readAll(builder.bytes).frames.map(\.nanoseconds) == [expected])
  }

  @Test("a file header without packets is an empty capture")
  func noPackets() {
    #expect(readAll(CaptureBuilder.records().bytes) == ReadResult(byteOffset: 24))
  }

  @Test("bursts of any size give the same frames", arguments: [1, 2, 3, 31, 32, 33, 200])
  func bursts(capacity: Int) {
    var builder = CaptureBuilder.records()
    for index in 0..<100 { builder.record(sampleFrame(index, seed: index), seconds: UInt32(index)) }
    let result = readAll(builder.bytes, capacity: capacity)
    #expect(result.frames.map(\.bytes.count) == Array(0..<100))
    #expect(result.packetsRead == 100)
  }

  @Test("a wire length below the captured length is raised to it")
  func wireLength() {
    var builder = CaptureBuilder.records()
    builder.record(sampleFrame(40), wire: 3)
    #expect(readAll(builder.bytes).frames.map(\.wireLength) == [40])
  }

  @Test("every supported link type is taken, also with FCS bits above it", arguments: LinkType.allCases)
  func linkTypes(linkType: LinkType) {
    var builder = CaptureBuilder.records(linkType: linkType.rawValue | 0x4400_0000)
    builder.record([1, 2, 3])
    #expect(readAll(builder.bytes).frames.map(\.linkType) == [linkType])
  }

  @Test("cut anywhere: the whole packets come, then one error with the place, unless the cut is between packets")
  func cuts() throws {
    var builder = CaptureBuilder.records()
    var ends = [24]
    for index in 0..<4 {
      builder.record(sampleFrame(20 + index, seed: index))
      ends.append(builder.bytes.count)
    }
    for length in 0...builder.bytes.count {
      let result = readAll(Array(builder.bytes[..<length]), capacity: 3)
      if length < 24 {
        #expect(result.errors.map(\.kind) == [.notACapture])
        continue
      }
      let whole = ends.lastIndex { $0 <= length }!
      #expect(result.frames.count == whole)
      if ends[whole] == length {
        #expect(result.errors.isEmpty)
      } else {
        let error = try #require(result.errors.first)
        #expect(result.errors.count == 1)
        #expect(error.kind == .damaged)
        #expect(
          error.description == "test: truncated at packet \(whole + 1), byte \(ends[whole]); "
            + "\(whole) packet\(whole == 1 ? " was" : "s were") read")
        #expect(error.isPartial == (whole > 0))
      }
    }
  }

  @Test("a captured length above 256 KiB is damage unless the snap length allows it")
  func absurdLength() {
    for (snapLength, captured, isGood) in [
      (65_535 as UInt32, 262_144 as UInt32, true), (65_535, 262_145, false), (300_000, 300_000, true),
      (300_000, 300_001, false), (0, 300_000, true), (.max, 16 << 20, true), (.max, 16 << 20 + 1, false),
      (65_535, .max, false),
    ] {
      var builder = CaptureBuilder.records(snapLength: snapLength)
      builder.record([1])
      builder.record([UInt8](repeating: 0, count: isGood ? Int(captured) : 4), captured: captured)
      let result = readAll(builder.bytes)
      #expect(result.frames.count == (isGood ? 2 : 1))
      #expect(result.errors.map(\.packet) == (isGood ? [] : [2]))
      #expect(result.errors.first?.description.contains("captured length \(captured)") != false)
    }
  }

  @Test("versions other than 2.3 and later are refused")
  func versions() {
    #expect(readAll(CaptureBuilder.records(version: (2, 3)).bytes).errors.isEmpty)
    for version in [(1, 4), (2, 2), (3, 0), (543, 0)] as [(UInt16, UInt16)] {
      let result = readAll(CaptureBuilder.records(version: version).bytes)
      #expect(result.errors.map(\.kind) == [.notACapture])
      #expect(
        result.errors.first?.description == "test: file format version \(version.0).\(version.1) is not supported")
    }
  }

  @Test("an unsupported link type is named, with those that are supported")
  func unsupportedLinkType() throws {
    let error = try #require(readAll(CaptureBuilder.records(linkType: 220).bytes).errors.first)
    #expect(error.kind == .unsupportedLinkType)
    #expect(error.description.hasPrefix("test: link type USB Linux mmapped (220) is not supported; supported: "))
    #expect(error.description.contains("Ethernet (1), PPP (9)"))
  }

  @Test("what is no capture is described by its first bytes, compressed files by the way to read them")
  func foreignFiles() {
    for (bytes, text) in [
      ([], "test: is empty; no capture"),
      ([0x50, 0x4b, 0x03, 0x04, 9], "test: not a capture file (first bytes 50 4b 03 04); pcap and pcapng are read"),
      ([0x50, 0x4b], "test: not a capture file (first bytes 50 4b); pcap and pcapng are read"),
      ([0x1f, 0x8b, 8, 0], "test: is gzip-compressed; use `zcat test | mos replay -`"),
      ([0x28, 0xb5, 0x2f, 0xfd], "test: is zstd-compressed; use `zstdcat test | mos replay -`"),
      ([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], "test: is xz-compressed; use `xzcat test | mos replay -`"),
      ([0xd4, 0xc3, 0xb2, 0xa1, 2], "test: truncated in the file header (5 bytes)"),
    ] as [([UInt8], String)] {
      let result = readAll(bytes)
      #expect(result.errors.map(\.kind) == [.notACapture])
      #expect(result.errors.map(\.description) == [text])
    }
  }
}
