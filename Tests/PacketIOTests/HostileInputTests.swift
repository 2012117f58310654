import Foundation
import MOSCore
import PacketIO
import TestSupport
import Testing

/// Real captures, broken: nothing in a file may crash the reader or keep it from ending.
@Suite struct HostileInputTests {
  @Test(
    "every capture cut at many places gives its first packets and at most one error",
    arguments: SharedMaterial.captures())
  func cuts(path: String) throws {
    let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    let all = readAll(whole).frames.map(\.nanoseconds)
    var lengths = Array(stride(from: 0, to: min(whole.count, 64 * 1024), by: 97))
    if whole.count > 64 * 1024 {
      lengths += (0..<200).map { 64 * 1024 + (whole.count - 64 * 1024) * $0 / 200 }
    }
    // The copy ends where the buffer does, so that reading beyond it is seen by memory checkers.
    for length in lengths {
      let count = whole.withUnsafeBytes { bytes in
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: length, alignment: 1)
        defer { copy.deallocate() }
        copy.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<length]))
        return Self.count(UnsafeRawBufferPointer(copy), expected: all)
      }
      #expect(count.frames <= all.count && count.errors <= 1 && count.isPrefix, "cut at \(length)")
    }
  }

  /// Reads without copying frames; the times must be those of the whole capture.
  static func count(
    _ bytes: UnsafeRawBufferPointer, expected: [Int64]?
  ) -> (frames: Int, errors: Int, isPrefix: Bool) {
    var frames = 0
    var isPrefix = true
    do throws(CaptureError) {
      var reader = try CaptureReader(bytes: bytes)
      let burst = UnsafeMutablePointer<CapturedFrame>.allocate(capacity: 32)
      defer { burst.deallocate() }
      while true {
        let taken = try reader.next(into: burst, capacity: 32)
        if taken == 0 { return (frames, 0, isPrefix) }
        for index in 0..<taken {
          let frame = burst[index]
          let isInside =
            frame.bytes >= bytes.baseAddress!
            && frame.bytes + Int(frame.capturedLength) <= bytes.baseAddress! + bytes.count
          if !isInside || frame.wireLength < frame.capturedLength { isPrefix = false }
          if let expected { isPrefix = isPrefix && expected[frames + index] == frame.timestamp.nanoseconds }
        }
        frames += taken
      }
    } catch {
      return (frames, 1, isPrefix)
    }
  }

  @Test("captures with random bytes changed are read to an end", arguments: 0..<200)
  func mutations(seed: Int) {
    var random = SplitMix(state: UInt64(seed))
    var builder = CaptureBuilder()
    if seed % 2 == 0 {
      builder = .records(bigEndian: seed % 4 == 0)
      for index in 0..<20 { builder.record(sampleFrame(index * 5)) }
    } else {
      builder.section(bigEndian: seed % 4 == 1)
      builder.interface(resolution: 9, offset: 5)
      for index in 0..<10 {
        builder.enhanced(sampleFrame(index * 5))
        builder.simple(sampleFrame(index))
        builder.obsolete(sampleFrame(index))
        builder.block(9) { $0.put(sampleFrame(index)) }
      }
      builder.section(bigEndian: seed % 4 != 1)
      builder.interface()
      builder.enhanced([1])
    }
    for _ in 0..<300 {
      var bytes = builder.bytes
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        bytes[place] = [0, 0xff, 0x80, UInt8.random(in: 0...255, using: &random)].randomElement(using: &random)!
      }
      let result = bytes.withUnsafeBytes { Self.count($0, expected: nil) }
      #expect(result.isPrefix && result.errors <= 1)
      #expect(result.frames <= bytes.count / 12)
    }
  }
}
