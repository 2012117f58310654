import MOSCore

/// A port in memory: what is delivered at its outer end is received, and what is sent leaves at its outer end.
///
/// Each direction is a ring of a fixed number of slots of a fixed size, set at the start; a frame that finds no free slot,
/// or is longer than one, is dropped whole and counted, never cut. Time is virtual: frames carry the time stamps that
/// whoever delivers or sends them gives them, and nothing else moves the clock. `receive` and `send` allocate nothing.
///
/// Frames that were received keep their slots until the next `receive`.
public struct MemoryPort: ~Copyable {
  private var inbound: FrameRing
  private var outbound: FrameRing
  /// What was counted so far.
  public private(set) var statistics = PortStatistics()

  /// A port with `slots` (1 to 2^20) slots of `slotByteCount` (1 byte to 16 MiB) bytes for each direction. Memory is
  /// reserved here, and provided by the system when slots are first used.
  public init(slots: Int = 512, slotByteCount: Int = 2048) {
    inbound = FrameRing(slots: slots, slotByteCount: slotByteCount)
    outbound = FrameRing(slots: slots, slotByteCount: slotByteCount)
  }

  /// Slots for each direction.
  public var slots: Int { inbound.slots }
  /// The longest frame that is taken, in bytes.
  public var slotByteCount: Int { inbound.slotByteCount }
  /// Frames that were delivered and wait for `receive`.
  public var waitingToBeReceived: Int { inbound.count }
  /// Frames that were sent and wait to leave at the outer end.
  public var waitingToLeave: Int { outbound.count }

  /// The outer end's other half: puts the oldest sent frames, up to `limit`, into `sink`. Returns how many left; what the
  /// sink does not take is dropped, and counted there.
  @discardableResult
  public mutating func drain<Sink: FrameSink & ~Copyable>(into sink: inout Sink, limit: Int = .max) -> Int {
    outbound.move(into: &sink, limit: limit)
  }
}

extension MemoryPort: PacketPort {
  /// Gives out the oldest frames that were delivered, up to `capacity`; their bytes are valid, and the caller's to change,
  /// until the next call.
  public mutating func receive(into frames: UnsafeMutablePointer<CapturedFrame>, capacity: Int) -> Int {
    let count = inbound.lend(into: frames, capacity: capacity)
    for index in 0..<count { statistics.received.add(frames[index]) }
    return count
  }

  /// Copies frames to where they leave at the outer end; returns how many it took.
  public mutating func send(_ frames: UnsafePointer<CapturedFrame>, count: Int) -> Int {
    var taken = 0
    for index in 0..<max(0, count) {
      if outbound.append(frames[index]) {
        statistics.sent.add(frames[index])
        taken &+= 1
      } else {
        statistics.sendDropped.add(frames[index])
      }
    }
    return taken
  }
}

extension MemoryPort: FrameSink {
  /// Frames come in from outside; what does not fit is counted in `PortStatistics.receiveDropped`.
  public mutating func deliver(_ frames: UnsafePointer<CapturedFrame>, count: Int) -> Int {
    var taken = 0
    for index in 0..<max(0, count) {
      if inbound.append(frames[index]) {
        taken &+= 1
      } else {
        statistics.receiveDropped.add(frames[index])
      }
    }
    return taken
  }
}
