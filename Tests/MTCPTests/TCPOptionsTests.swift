import Testing

@testable import MTCP

@Suite struct TCPOptionsTests {
  func read(_ bytes: [UInt8]) -> TCPOptions {
    // A copy of exactly this size, so that reading past it can be seen by a sanitizer.
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: max(bytes.count, 1), alignment: 1)
    defer { copy.deallocate() }
    copy.copyBytes(from: bytes)
    return TCPOptions(UnsafeRawPointer(copy.baseAddress!), length: bytes.count)
  }

  /// The SYN of a Linux host, with a fast open cookie of 8 bytes.
  static let syn: [UInt8] = [
    2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0x01, 0x02, 0x03, 0x04, 0, 0, 0, 0, 1, 3, 3, 7, 34, 10, 1, 2, 3, 4, 5, 6, 7, 8,
    1, 1,
  ]

  @Test func noOptions() {
    for options in [TCPOptions(), read([])] {
      #expect(options.maximumSegmentSize == 0 && options.windowScale == 255 && !options.sackPermitted)
      #expect(!options.hasTimestamp && options.sackBlockCount == 0 && !options.hasFastOpen)
      #expect(!options.isMalformed && !options.hasEndOfList && !options.hasMD5 && !options.hasAO)
    }
  }

  @Test func aSynsOptions() {
    let options = read(Self.syn)
    #expect(options.maximumSegmentSize == 1460)
    #expect(options.sackPermitted)
    #expect(options.hasTimestamp && options.timestampValue == 0x0102_0304 && options.timestampEcho == 0)
    #expect(options.windowScale == 7 && !options.windowScaleTooLarge)
    #expect(options.hasFastOpen && options.fastOpenCookieLength == 8)
    #expect(!options.isMalformed && !options.hasEndOfList)
  }

  /// The twelve bytes of nearly every data segment take a way of their own; both ways must agree.
  @Test func timestampsInTheUsualTwelveBytesAndElsewhere() {
    let stamps: [UInt8] = [8, 10, 0xde, 0xad, 0xbe, 0xef, 0x80, 0, 0, 1]
    for bytes in [[1, 1] + stamps, stamps + [1, 1], [1] + stamps + [0], stamps, [1, 1] + stamps + [1, 1, 1, 1]] {
      let options = read(bytes)
      #expect(options.hasTimestamp && options.timestampValue == 0xdead_beef && options.timestampEcho == 0x8000_0001)
      #expect(!options.isMalformed && options.windowScale == 255 && options.maximumSegmentSize == 0)
    }
    #expect(read([1] + stamps + [0]).hasEndOfList)
  }

  @Test func sackBlocks() {
    for count in 1...5 {
      var bytes: [UInt8] = [1, 1, 5, UInt8(2 + 8 * count)]
      for block in 0..<UInt8(count) { bytes += [0, 0, block, 0, 0, 0, block, 9] }
      let options = read(bytes)
      #expect(options.sackBlockCount == UInt8(min(count, 4)))
      for block in 0..<min(count, 4) {
        #expect(options.sackBlocks[block].left == UInt32(block) << 8)
        #expect(options.sackBlocks[block].right == UInt32(block) << 8 | 9)
      }
      #expect(!options.isMalformed)
    }
  }

  @Test(arguments: 0...255 as ClosedRange<UInt8>)
  func windowScale(shift: UInt8) {
    let options = read([3, 3, shift, 0])
    #expect(options.windowScale == min(shift, 14))
    #expect(options.windowScaleTooLarge == (shift > 14))
    #expect(options.hasEndOfList && !options.isMalformed)
  }

  @Test func fastOpenCookies() {
    for length in 0...18 {
      let isRight = [0, 4, 6, 8, 10, 12, 14, 16].contains(length)
      let cookie = [UInt8](repeating: 5, count: length)
      for bytes in [[34, UInt8(length + 2)] + cookie, [254, UInt8(length + 4), 0xf9, 0x89] + cookie] {
        let options = read(bytes)
        #expect(options.hasFastOpen == isRight && options.isMalformed == !isRight)
        #expect(options.fastOpenCookieLength == (isRight ? UInt8(length) : 0))
      }
    }
    let otherExperiment = read([254, 6, 0xe2, 0xd4, 1, 2])
    #expect(!otherExperiment.hasFastOpen && !otherExperiment.isMalformed)
    let withoutIdentifier = read([254, 2])
    #expect(!withoutIdentifier.hasFastOpen && !withoutIdentifier.isMalformed)
  }

  @Test func signatures() {
    #expect(read([19, 18] + .init(repeating: 1, count: 16)).hasMD5)
    #expect(read([29, 16] + .init(repeating: 1, count: 14)).hasAO)
    #expect(!read([29, 16] + .init(repeating: 1, count: 14)).hasMD5)
  }

  @Test(arguments: [0, 1] as [UInt8])
  func aLengthThatIsTooShortEndsTheReading(length: UInt8) {
    for kind in UInt8(2)...255 {
      let options = read([2, 4, 5, 0xb4, kind, length, 3, 3, 7])
      #expect(options.isMalformed && options.maximumSegmentSize == 1460 && options.windowScale == 255)
    }
  }

  @Test func aLengthPastTheHeaderEndsTheReading() {
    for kind in UInt8(2)...255 {
      for length in UInt8(5)...255 {
        let options = read([4, 2, kind, length, 1, 2])
        #expect(options.isMalformed && options.sackPermitted && options.maximumSegmentSize == 0)
      }
    }
    #expect(read([1, 1, 2]).isMalformed)
  }

  @Test func aKnownOptionOfAnotherLengthIsLeftOut() {
    let right: [UInt8: Set<Int>] = [
      2: [4], 3: [3], 4: [2], 5: [10, 18, 26, 34], 8: [10], 19: [18], 29: Set(4...36),
      34: [2, 6, 8, 10, 12, 14, 16, 18],
    ]
    for (kind, lengths) in right {
      for length in 2...36 {
        let options = read([kind, UInt8(length)] + .init(repeating: 1, count: length - 2) + [3, 3, 9])
        #expect(options.isMalformed == !lengths.contains(length), "kind \(kind), length \(length)")
        #expect(options.windowScale == 9, "what follows is read")
        if !lengths.contains(length) {
          #expect(options.maximumSegmentSize == 0 && !options.sackPermitted && options.sackBlockCount == 0)
          #expect(!options.hasTimestamp && !options.hasMD5 && !options.hasAO && !options.hasFastOpen)
        }
      }
    }
  }

  @Test func everyTruncationKeepsWhatCameBefore() {
    let ends = [4, 6, 16, 17, 20, 30, 31, 32]
    for length in 0..<Self.syn.count {
      let options = read(Array(Self.syn[..<length]))
      #expect(options.isMalformed == !([0] + ends).contains(length))
      #expect((options.maximumSegmentSize == 1460) == (length >= 4))
      #expect(options.sackPermitted == (length >= 6))
      #expect(options.hasTimestamp == (length >= 16))
      #expect((options.windowScale == 7) == (length >= 20))
      #expect(options.hasFastOpen == (length >= 30))
    }
  }

  @Test func nothingIsReadBehindTheEndOfTheList() {
    let options = read([1, 0, 2, 4, 5, 0xb4])
    #expect(options.hasEndOfList && options.maximumSegmentSize == 0 && !options.isMalformed)
  }

  @Test func unknownOptionsAreSkipped() {
    let options = read([30, 12] + .init(repeating: 2, count: 10) + [2, 4, 2, 0])
    #expect(options.maximumSegmentSize == 512 && !options.isMalformed)
  }

  @Test func randomBytesGiveValuesWithinTheirRanges() {
    var generator = SeededGenerator(seed: 12)
    for _ in 0..<5000 {
      // Small values are lengths and known kinds more often.
      let small = Bool.random(using: &generator)
      let bytes = (0..<Int.random(in: 0...40, using: &generator)).map { _ in
        UInt8.random(in: 0...(small ? 36 : 255), using: &generator)
      }
      let options = read(bytes)
      #expect(options.windowScale <= 14 || options.windowScale == 255)
      #expect(options.sackBlockCount <= 4 && options.fastOpenCookieLength <= 16)
    }
  }
}
