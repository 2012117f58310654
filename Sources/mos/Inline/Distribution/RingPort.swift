import MOSCore
import PacketIO

/// A port as a worker of a bridge needs it.
protocol InlinePort: PacketPort, ~Copyable {
  /// Nothing will be sent behind what was.
  mutating func flush()
}

extension DPDKPort: InlinePort {
  /// What was sent has left already.
  mutating func flush() {}
}

/// A port as a worker sees it that has no queue of its own: a distributor brings what comes in, and takes what leaves.
struct RingPort: ~Copyable {
  private let inward: FrameChannel
  private let outward: FrameChannel
  /// What is being given out, from `position` on.
  private var batch: FrameBatch?
  private var position = 0
  private(set) var statistics = PortStatistics()

  /// One of the ports, 0 or 1, behind `link`.
  init(_ link: WorkerLink, port: Int) {
    inward = link.inward[port]
    outward = link.outward[port]
  }

  deinit {
    if let batch { inward.giveBack(batch) }
  }
}

extension RingPort: InlinePort {
  mutating func receive(into frames: UnsafeMutablePointer<CapturedFrame>, capacity: Int) -> Int {
    outward.offer()
    if let known = batch, position == known.count {
      inward.giveBack(known)
      batch = nil
    }
    if batch == nil {
      batch = inward.take()
      position = 0
    }
    guard let batch else { return 0 }
    let count = min(capacity, batch.count - position)
    for index in 0..<count {
      let frame = batch.frames[position + index]
      (frames + index).initialize(to: frame)
      statistics.received.add(frame)
    }
    position += count
    return count
  }

  mutating func send(_ frames: UnsafePointer<CapturedFrame>, count: Int) -> Int {
    var sent = 0
    for index in 0..<count {
      if outward.put(frames[index]) {
        statistics.sent.add(frames[index])
        sent += 1
      } else {
        statistics.sendDropped.add(frames[index])
      }
    }
    outward.offer()
    return sent
  }

  mutating func flush() { outward.flush() }
}
