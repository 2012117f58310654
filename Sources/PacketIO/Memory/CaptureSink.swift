// Unsafe: owns copies of frames. Invariant: each of `frames` points into one of `chunks`, which stay where they are until
// `removeAll` or the end; the first `used` of the last chunk's `chunkByteCount` bytes are taken.
import MOSCore

/// Collects frames in the order in which they come, for comparison and for writing.
///
/// It grows up to a limit, and allocates in large pieces as it does: a tool for tests, not for the packet path.
public struct CaptureSink: ~Copyable {
  private var frames: [CapturedFrame] = []
  private var chunks: [UnsafeMutableRawPointer] = []
  private var chunkByteCount = 0
  private var used = 0
  private let maximumBytes: UInt64
  /// Frames that are here.
  public private(set) var taken = FrameCount()
  /// Frames that were beyond the limit.
  public private(set) var dropped = FrameCount()

  private static var usualChunk: Int { 1 << 20 }

  /// An empty sink for at most `maximumBytes` bytes of frames.
  public init(maximumBytes: UInt64 = 1 << 30) { self.maximumBytes = maximumBytes }

  deinit { for chunk in chunks { chunk.deallocate() } }

  /// How many frames there are.
  public var count: Int { frames.count }

  /// The frame that came as number `position`, from 0. Its bytes are valid as long as the sink, until `removeAll`.
  public subscript(position: Int) -> CapturedFrame { frames[position] }

  /// The link type of all frames; `nil` when there are none or they differ, so that one pcap file cannot hold them.
  public var linkType: LinkType? {
    guard let first = frames.first?.linkType else { return nil }
    return frames.allSatisfy { $0.linkType == first } ? first : nil
  }

  /// Writes all frames, in their order. Throws as `CaptureWriter.write` does.
  public func write(to writer: inout CaptureWriter) throws(CaptureError) {
    for frame in frames { try writer.write(frame) }
  }

  /// Forgets all frames and gives their memory back. The counts stay.
  public mutating func removeAll() {
    for chunk in chunks { chunk.deallocate() }
    chunks.removeAll()
    frames.removeAll()
    chunkByteCount = 0
    used = 0
    held = 0
  }

  private var held: UInt64 = 0

  private mutating func place(for length: Int) -> UnsafeMutableRawPointer {
    if chunks.isEmpty || chunkByteCount - used < length {
      chunkByteCount = max(length, Self.usualChunk)
      chunks.append(.allocate(byteCount: chunkByteCount, alignment: 16))
      used = 0
    }
    defer { used += length }
    return chunks[chunks.count - 1] + used
  }
}

extension CaptureSink: FrameSink {
  /// Copies frames behind those that are there.
  public mutating func deliver(_ frames: UnsafePointer<CapturedFrame>, count: Int) -> Int {
    var accepted = 0
    for index in 0..<max(0, count) {
      var frame = frames[index]
      let length = UInt64(frame.capturedLength)
      guard length <= maximumBytes - held else {
        dropped.add(frame)
        continue
      }
      let bytes = place(for: Int(length))
      bytes.copyMemory(from: frame.bytes, byteCount: Int(length))
      frame.bytes = UnsafeRawPointer(bytes)
      self.frames.append(frame)
      taken.add(frame)
      held += length
      accepted += 1
    }
    return accepted
  }
}
