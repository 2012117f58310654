// Unsafe: owns an array of frames for each interface. Invariant: of those of a queue the ones from `next` to `end` are
// initialised, and were received at its port by the last `receive` there.
import MOSCore
import PacketIO

#if canImport(Glibc)
  import Glibc
#endif

/// The packets of several interfaces as one trace, in the order of their times.
struct LiveSource: ~Copyable {
  private struct Queue {
    let port: PcapPort
    let frames: UnsafeMutablePointer<CapturedFrame>
    var next = 0
    var end = 0
    /// When it was filled, of a clock that only goes forward.
    var filled: Int64 = 0

    var isEmpty: Bool { next == end }
  }

  private var queues: [Queue]
  /// Interfaces at which nothing comes any more, with the reason; each is said once.
  private var said: Set<String> = []

  /// Packets of `ports`, of which there is at least one.
  init(_ ports: [PcapPort]) {
    queues = ports.map { Queue(port: $0, frames: .allocate(capacity: FlowWorker.burst)) }
  }

  deinit { for queue in queues { queue.frames.deallocate() } }

  /// The interfaces.
  var ports: [PcapPort] { queues.map(\.port) }

  /// Whether anything can still come.
  var isOpen: Bool { queues.contains { $0.port.failure == nil || !$0.isEmpty } }

  /// What went wrong since the last call.
  mutating func takeFailures() -> [PcapError] {
    queues.compactMap(\.port.failure).filter { said.insert($0.interface).inserted }
  }

  /// The next frames, up to `capacity` and a burst; 0 when none has come of which it is sure that none before it is still to come
  /// at another interface. They are valid until the next call. `now` is the time of day from before the call.
  mutating func next(into frames: UnsafeMutablePointer<CapturedFrame>, capacity: Int, now: Timestamp) -> Int {
    if queues.count == 1 {
      return queues[0].port.receive(into: frames, capacity: min(capacity, FlowWorker.burst))
    }
    let limit = fill(now)
    var count = 0
    while count < capacity, let index = first(until: limit) {
      (frames + count).initialize(to: queues[index].frames[queues[index].next])
      queues[index].next += 1
      count += 1
      // What comes behind it there may be before the others'; to see it would invalidate those that are given out now.
      if queues[index].isEmpty { break }
    }
    return count
  }

  /// Fills the queues that are empty. Returns up to which time they have all that came.
  private mutating func fill(_ now: Timestamp) -> Timestamp {
    let clock = IdleWait.now
    var limit = Timestamp(nanoseconds: .max)
    for index in queues.indices where queues[index].isEmpty {
      queues[index].next = 0
      queues[index].end = queues[index].port.receive(into: queues[index].frames, capacity: FlowWorker.burst)
      queues[index].filled = clock
      if queues[index].isEmpty, queues[index].port.failure == nil {
        limit = now.advanced(by: -PcapPort.longestDelay)
      }
    }
    // A time of day that was set back is not waited for.
    let isLate = queues.contains { !$0.isEmpty && clock &- $0.filled > 4 &* PcapPort.longestDelay }
    return isLate ? Timestamp(nanoseconds: .max) : limit
  }

  private func first(until limit: Timestamp) -> Int? {
    var first: Int?
    for index in queues.indices where !queues[index].isEmpty {
      let time = queues[index].frames[queues[index].next].timestamp
      guard time <= limit else { continue }
      if let known = first, queues[known].frames[queues[known].next].timestamp <= time { continue }
      first = index
    }
    return first
  }

  /// Waits until there is something, or for `milliseconds`.
  func wait(milliseconds: Int32) {
    if queues.count > 1, queues.contains(where: { !$0.isEmpty }) {
      // Something waits only for time to go on.
      usleep(2_000)
      return
    }
    var descriptors = queues.filter { $0.port.failure == nil }.map {
      pollfd(fd: $0.port.descriptor, events: Int16(POLLIN), revents: 0)
    }
    poll(&descriptors, nfds_t(descriptors.count), milliseconds)
  }
}
