/// A number of frames, and of their bytes as captured.
@frozen
public struct FrameCount: BitwiseCopyable, Hashable, Sendable {
  /// How many frames.
  public var frames: UInt64
  /// Bytes in them.
  public var bytes: UInt64

  /// A count, of nothing unless said otherwise.
  @inlinable public init(frames: UInt64 = 0, bytes: UInt64 = 0) {
    self.frames = frames
    self.bytes = bytes
  }

  /// Counts one frame.
  @inlinable public mutating func add(_ frame: CapturedFrame) {
    frames &+= 1
    bytes &+= UInt64(frame.capturedLength)
  }

  /// Both counts together.
  @inlinable public static func + (left: FrameCount, right: FrameCount) -> FrameCount {
    FrameCount(frames: left.frames &+ right.frames, bytes: left.bytes &+ right.bytes)
  }
}

/// What a port counted. Every frame that reaches it from outside ends in `received` or `receiveDropped` (or still waits),
/// every frame given to `send` in `sent` or `sendDropped`.
@frozen
public struct PortStatistics: BitwiseCopyable, Hashable, Sendable {
  /// Frames given out by `receive`.
  public var received = FrameCount()
  /// Frames that `send` took.
  public var sent = FrameCount()
  /// Frames that came in and were never given out: too many waited, or they were too long.
  public var receiveDropped = FrameCount()
  /// Frames that `send` did not take: there was no room, or they were too long.
  public var sendDropped = FrameCount()

  /// Nothing counted.
  @inlinable public init() {}

  /// Frames dropped in either direction.
  @inlinable public var dropped: FrameCount { receiveDropped + sendDropped }
}
