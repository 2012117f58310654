import MOSCore

/// What frames can be put into from outside of a port: a memory port (they come in there), one direction of a link (they
/// travel), a capture sink (they are kept).
public protocol FrameSink: ~Copyable {
  /// Takes frames in their order and returns how many it took; the others are dropped, and counted by the sink. The bytes
  /// are copied before it returns.
  mutating func deliver(_ frames: UnsafePointer<CapturedFrame>, count: Int) -> Int
}
