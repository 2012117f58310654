import MOSCore

/// A port around another that does to the frames it sends what a bad network does: it loses some, sends others twice, late, out
/// of order or with a bit inverted. What it receives comes as it came. For tests; the same seed has the same done.
///
/// A frame that is under way leaves at the first call of `receive`, `send` or `release` at or after its time: it is to be polled,
/// as ports are.
public struct FaultPort<Base: PacketPort & ~Copyable>: ~Copyable {
  private struct Outlet: FrameSink, ~Copyable {
    var port: Base

    mutating func deliver(_ frames: UnsafePointer<CapturedFrame>, count: Int) -> Int { port.send(frames, count: count) }
  }

  private var outlet: Outlet
  private var link: LinkDirection
  private let clock: () -> Timestamp
  private var refused = FrameCount()

  /// `port` with what `faults` says done to the frames that it sends, in the time of `clock`.
  public init(_ port: consuming Base, _ faults: LinkConfiguration, clock: @escaping () -> Timestamp) {
    outlet = Outlet(port: port)
    link = LinkDirection(faults)
    self.clock = clock
  }

  /// The port that frames leave at.
  public var port: Base {
    _read { yield outlet.port }
    _modify { yield &outlet.port }
  }

  /// What was done to frames.
  public var faults: LinkStatistics { link.statistics }

  /// Frames that are still to leave.
  public var underWay: Int { link.underWay }

  /// Has those frames leave whose time has come.
  public mutating func release() { link.advance(to: clock(), into: &outlet) }
}

extension FaultPort: PacketPort where Base: ~Copyable {
  /// What the port inside receives.
  public mutating func receive(into frames: UnsafeMutablePointer<CapturedFrame>, capacity: Int) -> Int {
    release()
    return outlet.port.receive(into: frames, capacity: capacity)
  }

  /// Frames set out. One that is to be lost counts as taken.
  public mutating func send(_ frames: UnsafePointer<CapturedFrame>, count: Int) -> Int {
    var taken = 0
    let now = clock()
    for index in 0..<max(0, count) {
      var frame = frames[index]
      frame.timestamp = now
      if withUnsafePointer(to: frame, { link.deliver($0, count: 1) }) == 1 {
        taken &+= 1
      } else {
        refused.add(frame)
      }
    }
    link.advance(to: now, into: &outlet)
    return taken
  }

  /// What the port inside counted: its `sent` are the frames that left, copies too. Those for which there was no room on the way
  /// are in `sendDropped`.
  public var statistics: PortStatistics {
    var statistics = outlet.port.statistics
    statistics.sendDropped = statistics.sendDropped + refused
    return statistics
  }
}
