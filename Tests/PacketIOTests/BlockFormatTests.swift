import MOSCore
import PacketIO
import Testing

@Suite struct BlockFormatTests {
  @Test("all three packet blocks, in both byte orders, with unknown blocks between them", arguments: [false, true])
  func packetBlocks(bigEndian: Bool) {
    var builder = CaptureBuilder()
    builder.section(bigEndian: bigEndian)
    builder.block(0x0000_0bad) { $0.put(sampleFrame(8)) }
    builder.interface()
    builder.enhanced(sampleFrame(5), ticks: 1_000_001, wire: 9)
    builder.block(5) { _ in }
    builder.obsolete(sampleFrame(6), ticks: 2_000_000)
    builder.simple(sampleFrame(7))
    let result = readAll(builder.bytes)
    #expect(result.errors.isEmpty)
    #expect(
      result.frames == [
        FrameCopy(bytes: sampleFrame(5), wireLength: 9, nanoseconds: 1_000_001_000),
        FrameCopy(bytes: sampleFrame(6), nanoseconds: 2_000_000_000),
        FrameCopy(bytes: sampleFrame(7), nanoseconds: 2_000_000_000),
      ])
    #expect(result.byteOffset == UInt64(builder.bytes.count))
  }

  @Test("sections have their own byte order and interfaces, whatever they say of their length")
  func sections() {
    var builder = CaptureBuilder()
    builder.section(length: 4)
    builder.interface(linkType: 101)
    builder.interface(linkType: 113, resolution: 9)
    builder.enhanced([1], interface: 1, ticks: 5)
    builder.enhanced([2], interface: 0, ticks: 5)
    builder.section(bigEndian: true, length: .max)
    builder.interface(linkType: 276, resolution: 3)
    builder.enhanced([3], ticks: 5)
    builder.enhanced([4], interface: 1)
    let result = readAll(builder.bytes)
    #expect(result.frames.map(\.linkType) == [.linuxSLL, .raw, .linuxSLL2])
    #expect(result.frames.map(\.nanoseconds) == [5, 5000, 5_000_000])
    #expect(result.errors.map(\.packet) == [4])
    #expect(result.errors.first?.description.contains("interface 1 in a section that describes 1") == true)
  }

  @Test("time counts in powers of ten and of two, from an offset, and stops at the ends of the range")
  func resolutions() {
    let cases: [(UInt8?, Int64?, UInt64, Int64)] = [
      (nil, nil, 1_700_000_000_000_001, 1_700_000_000_000_001_000),
      (0, nil, 1_700_000_000, 1_700_000_000_000_000_000),
      (9, nil, 1_700_000_000_000_000_001, 1_700_000_000_000_000_001),
      (12, nil, 5_999, 5),
      (28, nil, .max, 1),
      (29, nil, .max, 0),
      (127, nil, .max, 0),
      (0x80, nil, 7, 7_000_000_000),
      (0x81, nil, 3, 1_500_000_000),
      (0x8a, nil, 1025, 1_000_976_562),
      (0xa0, nil, 1 << 32 | 1 << 31, 1_500_000_000),
      (0xc0, nil, .max, 999_999_999),
      (0xff, nil, .max, 0),
      (6, 100, 1, 100_000_001_000),
      (9, -1, 1, -999_999_999),
      (0x81, 2, 1, 2_500_000_000),
      (6, .max, 1, .max),
      (6, .min, 1, .min),
      (0, nil, .max, .max),
      (6, nil, .max, .max),
      (9, nil, .max, .max),
    ]
    for (code, offset, ticks, expected) in cases {
      for bigEndian in [false, true] {
        var builder = CaptureBuilder()
        builder.section(bigEndian: bigEndian)
        builder.interface(resolution: code, offset: offset)
        builder.enhanced([1], ticks: ticks)
        #expect(
          readAll(builder.bytes).frames.map(\.nanoseconds) == [expected],
          "resolution \(code ?? 6), offset \(offset ?? 0), \(ticks) ticks")
      }
    }
  }

  @Test("a simple packet block is as long as the snap length lets it be")
  func simpleBlocks() {
    var builder = CaptureBuilder()
    builder.section()
    builder.interface(snapLength: 6)
    builder.simple(sampleFrame(6), wire: 1000)
    builder.simple(sampleFrame(3))
    builder.simple(sampleFrame(2), wire: 5)
    let result = readAll(builder.bytes)
    #expect(
      result.frames == [
        FrameCopy(bytes: sampleFrame(6), wireLength: 1000, nanoseconds: 0),
        FrameCopy(bytes: sampleFrame(3), nanoseconds: 0),
      ])
    #expect(result.errors.map(\.packet) == [3])
  }

  @Test("an unsupported link type is refused when its first packet appears, not before")
  func unsupportedLinkType() {
    var builder = CaptureBuilder()
    builder.section()
    builder.interface(linkType: 220)
    builder.interface(linkType: 1)
    builder.enhanced([1], interface: 1)
    builder.enhanced([2], interface: 0)
    builder.enhanced([3], interface: 1)
    let result = readAll(builder.bytes)
    #expect(result.frames.map(\.bytes) == [[1]])
    #expect(result.errors.map(\.kind) == [.unsupportedLinkType])
    #expect(result.errors.first?.packet == 2)
  }

  @Test("block lengths that are zero, short, odd or huge end the reading where they stand")
  func badLengths() {
    for type in [1, 2, 3, 6, 0x0bad, 0x0a0d_0d0a] as [UInt32] {
      for length in [0, 1, 4, 8, 11, 13, 29, 35, 17 << 20 + 4, .max, .max - 3] as [UInt32] {
        var builder = CaptureBuilder()
        builder.section()
        builder.interface()
        builder.enhanced([1])
        let place = builder.bytes.count
        builder.block(type, length: length) {
          $0.put(0x1a2b_3c4d as UInt32); $0.put(1 as UInt16); $0.put(sampleFrame(30))
        }
        builder.enhanced([2])
        let result = readAll(builder.bytes)
        #expect(result.frames.map(\.bytes) == [[1]], "type \(type), length \(length)")
        #expect(result.errors.map(\.kind) == [.damaged], "type \(type), length \(length)")
        // A long block of an unknown type is passed over, so that the end of the input is where it fails.
        let isSkipped = type == 0x0bad && length > 1 << 20 && length % 4 == 0
        #expect(result.errors.first?.byteOffset == UInt64(isSkipped ? builder.bytes.count : place))
      }
    }
  }

  @Test("a block whose two lengths differ is damage")
  func lengthMismatch() {
    for isPacket in [true, false] {
      var builder = CaptureBuilder()
      builder.section()
      builder.interface()
      builder.enhanced([1])
      if isPacket {
        builder.enhanced([2], trailer: 40)
      } else {
        builder.block(0x0bad, trailer: 40) { $0.put(sampleFrame(8)) }
      }
      builder.enhanced([3])
      let result = readAll(builder.bytes)
      #expect(result.frames.map(\.bytes) == [[1]])
      #expect(result.errors.first?.description.contains("at its end") == true)
    }
  }

  @Test("a packet cannot be longer than its block, nor than the snap length allows")
  func captureLengths() {
    for captured in [5, 8, 262_145, .max] as [UInt32] {
      var builder = CaptureBuilder()
      builder.section()
      builder.interface(snapLength: 100)
      builder.enhanced([1, 2, 3, 4], captured: captured)
      #expect(readAll(builder.bytes).errors.map(\.packet) == [1], "captured \(captured)")
    }
    var builder = CaptureBuilder()
    builder.section()
    builder.interface(snapLength: 100)
    builder.enhanced([UInt8](repeating: 1, count: 262_145))
    #expect(readAll(builder.bytes).errors.first?.description.contains("more than the limit of 262144") == true)
  }

  @Test("a packet before any interface description is damage")
  func noInterface() {
    for kind in 0..<3 {
      var builder = CaptureBuilder()
      builder.section()
      switch kind {
      case 0: builder.enhanced([1])
      case 1: builder.obsolete([1])
      default: builder.simple([1])
      }
      #expect(readAll(builder.bytes).errors.map(\.packet) == [1])
    }
  }

  @Test("options that run over their block are left; the interface keeps microseconds")
  func brokenOptions() {
    var builder = CaptureBuilder()
    builder.section()
    builder.block(1) {
      $0.put(1 as UInt16)
      $0.put(0 as UInt16)
      $0.put(0 as UInt32)
      $0.put(9 as UInt16)
      $0.put(60_000 as UInt16)
      $0.put([9, 0, 0, 0])
    }
    builder.enhanced([1], ticks: 3)
    #expect(readAll(builder.bytes).frames.map(\.nanoseconds) == [3000])
  }

  @Test("no more than 65,536 interfaces are kept")
  func manyInterfaces() {
    var builder = CaptureBuilder()
    builder.section()
    var one = CaptureBuilder()
    one.interface()
    for _ in 0..<65_536 { builder.put(one.bytes) }
    builder.enhanced([1], interface: 65_535)
    #expect(readAll(builder.bytes).frames.count == 1)
    builder.put(one.bytes)
    #expect(readAll(builder.bytes).errors.map(\.kind) == [.damaged])
  }

  @Test("a section of another major version, or without a byte order, is refused")
  func sectionHeaders() {
    var builder = CaptureBuilder()
    builder.section(major: 2)
    #expect(readAll(builder.bytes).errors.map(\.kind) == [.notACapture])
    builder = CaptureBuilder()
    builder.section()
    builder.bytes[8] = 0
    #expect(readAll(builder.bytes).errors.map(\.kind) == [.notACapture])
    builder = CaptureBuilder()
    builder.section()
    builder.interface()
    builder.enhanced([1])
    builder.section(major: 2)
    let result = readAll(builder.bytes)
    #expect(result.frames.count == 1)
    #expect(result.errors.map(\.kind) == [.damaged])
  }

  @Test("cut anywhere: the whole packets come, then at most one error")
  func cuts() {
    var builder = CaptureBuilder()
    builder.section()
    builder.interface()
    var ends: [Int] = []
    var betweenBlocks = [builder.bytes.count, 28]
    for index in 0..<4 {
      builder.enhanced(sampleFrame(20 + index, seed: index))
      ends.append(builder.bytes.count)
      betweenBlocks.append(builder.bytes.count)
      builder.block(0x0bad) { $0.put(sampleFrame(9)) }
      betweenBlocks.append(builder.bytes.count)
    }
    for length in 16...builder.bytes.count {
      let result = readAll(Array(builder.bytes[..<length]), capacity: 3)
      #expect(result.frames.count == ends.count { $0 <= length })
      #expect(result.errors.isEmpty == betweenBlocks.contains(length), "cut at \(length)")
    }
  }
}
