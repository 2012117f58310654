#if canImport(Glibc)
  import Glibc
#endif

/// What a worker does when no packet came: it looks again for a millisecond, since packets come in trains, and then sleeps,
/// longer each time up to a millisecond, so that an idle bridge needs next to no processor time.
struct IdleWait {
  private static let pollingTime: Int64 = 1_000_000
  private static let longestSleep: UInt32 = 1_000
  private var lastPacket: Int64 = 0
  private var sleep: UInt32 = 50
  private var isBusy = true
  /// Other threads of the bridge need the core too: between two looks they have their turn.
  private let sharesCore: Bool

  init(sharesCore: Bool = false) { self.sharesCore = sharesCore }

  /// Packets came.
  @inline(__always)
  mutating func note() { isBusy = true }

  /// None came: waits, or not. Returns the time, in nanoseconds of a clock that only goes forward.
  mutating func wait() -> Int64 {
    let now = IdleWait.now
    if isBusy {
      isBusy = false
      lastPacket = now
      sleep = 50
    }
    guard now &- lastPacket > IdleWait.pollingTime else {
      if sharesCore { sched_yield() }
      return now
    }
    usleep(sleep)
    sleep = min(sleep * 2, IdleWait.longestSleep)
    return IdleWait.now
  }

  /// The clock.
  static var now: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
  }
}
