import Foundation
import MOSCore
import PacketIO

extension CaptureSink {
  /// Copies of all frames that are here.
  var copies: [FrameCopy] { (0..<count).map { FrameCopy(self[$0]) } }
}

/// Calls `body` with frames that have these bytes, in memory that is gone when it returns.
func withFrames<Result>(
  _ copies: [FrameCopy], _ body: (UnsafePointer<CapturedFrame>, Int) throws -> Result
) rethrows -> Result {
  let bytes = UnsafeMutableRawBufferPointer.allocate(
    byteCount: copies.reduce(1) { $0 + $1.bytes.count }, alignment: 1)
  defer {
    // Whoever kept a pointer instead of the bytes shall see it.
    bytes.initializeMemory(as: UInt8.self, repeating: 0xee)
    bytes.deallocate()
  }
  var frames: [CapturedFrame] = []
  var offset = 0
  for copy in copies {
    let start = bytes.baseAddress! + offset
    UnsafeMutableRawBufferPointer(start: start, count: copy.bytes.count).copyBytes(from: copy.bytes)
    offset += copy.bytes.count
    frames.append(
      CapturedFrame(
        bytes: UnsafeRawPointer(start), capturedLength: UInt32(copy.bytes.count), wireLength: copy.wireLength,
        timestamp: Timestamp(nanoseconds: copy.nanoseconds), linkType: copy.linkType))
  }
  return try frames.withUnsafeBufferPointer { buffer in
    if let first = buffer.baseAddress { return try body(first, buffer.count) }
    return try withUnsafeTemporaryAllocation(of: CapturedFrame.self, capacity: 1) {
      try body(UnsafePointer($0.baseAddress!), 0)
    }
  }
}

extension FrameSink where Self: ~Copyable {
  /// Delivers copies; returns how many were taken.
  mutating func deliver(_ copies: [FrameCopy]) -> Int { withFrames(copies) { deliver($0, count: $1) } }
}

extension PacketPort where Self: ~Copyable {
  /// Sends copies; returns how many were taken.
  mutating func send(_ copies: [FrameCopy]) -> Int { withFrames(copies) { send($0, count: $1) } }

  /// Receives up to `capacity` frames as copies.
  mutating func receive(_ capacity: Int = 32) -> [FrameCopy] {
    withUnsafeTemporaryAllocation(of: CapturedFrame.self, capacity: max(capacity, 1)) { frames in
      let count = receive(into: frames.baseAddress!, capacity: capacity)
      return frames[..<count].map { FrameCopy($0) }
    }
  }
}

extension FrameCount {
  /// What these frames come to.
  init(_ frames: [FrameCopy]) {
    self.init(frames: UInt64(frames.count), bytes: frames.reduce(0) { $0 + UInt64($1.bytes.count) })
  }
}

/// Frames of one byte pattern each, `spacing` nanoseconds apart.
func sampleFrames(_ count: Int, length: Int = 60, spacing: Int64 = 1, from first: Int = 0) -> [FrameCopy] {
  (first..<first + count).map {
    // The number in front tells any two frames apart.
    let number = withUnsafeBytes(of: UInt32($0).bigEndian) { [UInt8]($0) }
    let bytes = Array((number + sampleFrame(length, seed: $0)).prefix(length))
    return FrameCopy(bytes: bytes, nanoseconds: Int64($0) * spacing)
  }
}

/// The number of a frame that `sampleFrames` made.
func number(of frame: FrameCopy) -> Int { frame.bytes.prefix(4).reduce(0) { $0 << 8 | Int($1) } }
