// Unsafe: owns room for `capacity` frames and `byteCapacity` bytes. Invariant: the first `count` frames are initialised, and
// their bytes lie in the first `byteCount` of them.
import MOSCore

/// Copies of frames on their way from one thread to another. It belongs to one of them at a time.
final class FrameBatch: @unchecked Sendable {
  /// The most frames.
  static let capacity = 64
  /// An empty one has room for the longest frame.
  private static let byteCapacity = capacity * 2_048

  let frames: UnsafeMutablePointer<CapturedFrame>
  private(set) var count = 0
  private let bytes: UnsafeMutableRawPointer
  private var byteCount = 0

  init() {
    frames = .allocate(capacity: FrameBatch.capacity)
    bytes = .allocate(byteCount: FrameBatch.byteCapacity, alignment: 64)
  }

  deinit {
    frames.deallocate()
    bytes.deallocate()
  }

  /// Copies a frame; false where there is no room for it.
  func append(_ frame: CapturedFrame) -> Bool {
    let length = Int(frame.capturedLength)
    guard count < FrameBatch.capacity, byteCount + length <= FrameBatch.byteCapacity else { return false }
    let place = bytes + byteCount
    place.copyMemory(from: frame.bytes, byteCount: length)
    (frames + count).initialize(to: frame)
    frames[count].bytes = UnsafeRawPointer(place)
    byteCount = min((byteCount + length + 63) & ~63, FrameBatch.byteCapacity)
    count += 1
    return true
  }

  func removeAll() {
    count = 0
    byteCount = 0
  }
}
